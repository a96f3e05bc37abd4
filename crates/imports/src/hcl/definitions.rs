//! Collects the definitions of a folder: locals, variables with values, and modules.

use std::collections::BTreeMap;

use hallpass_rules::FindingCode;
use hallpass_rules::syntax::{MapEntry, Node, Value as NodeValue};
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, BlockLabel, Body};

use super::source::{HclFile, HclParsed};
use super::value::{EvalProblem, HclPlace, HclSpot};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition<'a> {
    pub(crate) at: HclPlace,
    pub(super) written: WrittenAs<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum WrittenAs<'a> {
    Hcl(&'a Expression),
    Json(&'a Node),
    Literal(&'a Node),
}

#[derive(Debug, Default)]
pub(super) struct VariableBlock<'a> {
    pub(super) default: Option<Definition<'a>>,
    pub(super) of: Option<Definition<'a>>,
    pub(super) nullable: Option<Definition<'a>>,
}

#[derive(Debug)]
pub(crate) struct ModuleBlock<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: HclPlace,
    pub(crate) arguments: Vec<(&'a str, Definition<'a>)>,
    pub(crate) blocks: Vec<(&'a str, HclPlace)>,
}

#[derive(Debug, Default)]
pub(crate) struct Definitions<'a> {
    pub(super) locals: BTreeMap<&'a str, Definition<'a>>,
    pub(super) variables: BTreeMap<&'a str, VariableBlock<'a>>,
    pub(super) given: BTreeMap<&'a str, Definition<'a>>,
    pub(crate) modules: Vec<ModuleBlock<'a>>,
    pub(crate) problems: Vec<EvalProblem>,
}

impl<'a> Definitions<'a> {
    /// Files from index `values` on are variable files; later ones take precedence.
    pub(crate) fn of(files: &'a [HclFile], values: usize) -> Self {
        let mut found = Self::default();
        for (number, file) in files.iter().enumerate() {
            match (&file.parsed, number >= values) {
                (HclParsed::Hcl(body), false) => found.body(number, body),
                (HclParsed::Hcl(body), true) => found.values(number, body),
                (HclParsed::Json(root), false) => found.json(number, root),
                (HclParsed::Json(root), true) => found.json_values(number, root),
            }
        }
        found
    }

    pub(crate) fn given(&self) -> impl Iterator<Item = &'a str> {
        self.given.keys().copied()
    }

    fn twice(&mut self, at: HclPlace, what: &str) {
        let message = format!("`{what}` is there twice in the folder");
        self.problems
            .push(EvalProblem::over(at, FindingCode::DuplicateKey, message));
    }

    fn misplaced(&mut self, at: HclPlace, message: String) {
        self.problems
            .push(EvalProblem::over(at, FindingCode::BadSyntax, message));
    }

    fn body(&mut self, file: usize, body: &'a Body) {
        for block in body.blocks() {
            let label = block.labels.first().map(BlockLabel::as_str);
            match (block.ident.as_str(), label) {
                ("locals", _) => {
                    for attribute in block.body.attributes() {
                        self.local(attribute.key.as_str(), of_attribute(file, attribute));
                    }
                }
                ("variable", Some(name)) => self.variable(file, name, block),
                ("module", Some(name)) => {
                    let arguments = block.body.attributes();
                    let arguments = arguments.map(|it| (it.key.as_str(), of_attribute(file, it)));
                    let blocks = block.body.blocks();
                    let blocks = blocks.map(|it| (it.ident.as_str(), place(file, it.span())));
                    let call = ModuleBlock {
                        name,
                        at: place(file, block.span()),
                        arguments: arguments.collect(),
                        blocks: blocks.collect(),
                    };
                    self.module(call);
                }
                _ => {}
            }
        }
    }

    fn local(&mut self, name: &'a str, definition: Definition<'a>) {
        if self.locals.insert(name, definition).is_some() {
            self.twice(definition.at, &format!("local.{name}"));
        }
    }

    fn variable(&mut self, file: usize, name: &'a str, block: &'a Block) {
        let written = |key: &str| {
            let found = block.body.get_attribute(key);
            found.map(|it| of_attribute(file, it))
        };
        let variable = VariableBlock {
            default: written("default"),
            of: written("type"),
            nullable: written("nullable"),
        };
        if self.variables.insert(name, variable).is_some() {
            self.twice(place(file, block.span()), &format!("var.{name}"));
        }
    }

    fn module(&mut self, call: ModuleBlock<'a>) {
        if self.modules.iter().any(|it| it.name == call.name) {
            self.twice(call.at, &format!("module.{}", call.name));
        }
        self.modules.push(call);
    }

    fn values(&mut self, file: usize, body: &'a Body) {
        for attribute in body.attributes() {
            let name = attribute.key.as_str();
            self.given.insert(name, of_attribute(file, attribute));
        }
        for block in body.blocks() {
            let name = block.ident.as_str();
            let message = format!("`{name}` is a block where a value of a variable is due");
            self.misplaced(place(file, block.span()), message);
        }
    }

    fn json_values(&mut self, file: usize, root: &'a Node) {
        for entry in self.entries(file, root) {
            let definition = of_node(file, &entry.value, WrittenAs::Literal);
            self.given.insert(entry.key.as_str(), definition);
        }
    }

    /// The entries of an object or of a list's objects, without comments.
    fn entries(&mut self, file: usize, node: &'a Node) -> Vec<&'a MapEntry> {
        match &node.value {
            NodeValue::Map(entries) => entries.iter().filter(|it| it.key != "//").collect(),
            NodeValue::List(items) => {
                let objects = items
                    .iter()
                    .filter(|it| matches!(it.value, NodeValue::Map(_)));
                let objects: Vec<&Node> = objects.collect();
                if objects.len() < items.len() {
                    self.misplaced(at_node(file, node), "an object is due here".to_owned());
                }
                let mut found = Vec::new();
                for object in objects {
                    found.extend(self.entries(file, object));
                }
                found
            }
            NodeValue::Null => Vec::new(),
            NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::Text(_) => {
                self.misplaced(at_node(file, node), "an object is due here".to_owned());
                Vec::new()
            }
        }
    }

    fn json(&mut self, file: usize, root: &'a Node) {
        for part in self.entries(file, root) {
            match part.key.as_str() {
                "locals" => {
                    for entry in self.entries(file, &part.value) {
                        self.local(&entry.key, of_node(file, &entry.value, WrittenAs::Json));
                    }
                }
                "variable" => {
                    for entry in self.entries(file, &part.value) {
                        self.json_variable(file, entry);
                    }
                }
                "module" => {
                    for entry in self.entries(file, &part.value) {
                        let arguments = self.entries(file, &entry.value).into_iter();
                        let arguments = arguments.map(|it| {
                            let written = of_node(file, &it.value, WrittenAs::Json);
                            (it.key.as_str(), written)
                        });
                        let call = ModuleBlock {
                            name: &entry.key,
                            at: at_node(file, &entry.value),
                            arguments: arguments.collect(),
                            blocks: Vec::new(),
                        };
                        self.module(call);
                    }
                }
                _ => {}
            }
        }
    }

    fn json_variable(&mut self, file: usize, entry: &'a MapEntry) {
        let entries = self.entries(file, &entry.value);
        let written = |key: &str| {
            let found = entries.iter().find(|it| it.key == key);
            found.map(|it| of_node(file, &it.value, WrittenAs::Literal))
        };
        let variable = VariableBlock {
            default: written("default"),
            of: written("type"),
            nullable: written("nullable"),
        };
        if self.variables.insert(&entry.key, variable).is_some() {
            self.twice(at_node(file, &entry.value), &format!("var.{}", entry.key));
        }
    }
}

fn of_attribute(file: usize, attribute: &Attribute) -> Definition<'_> {
    Definition {
        at: place(file, attribute.span()),
        written: WrittenAs::Hcl(&attribute.value),
    }
}

fn of_node<'a>(
    file: usize,
    node: &'a Node,
    written: fn(&'a Node) -> WrittenAs<'a>,
) -> Definition<'a> {
    Definition {
        at: at_node(file, node),
        written: written(node),
    }
}

fn place(file: usize, span: Option<std::ops::Range<usize>>) -> HclPlace {
    HclPlace {
        file,
        spot: HclSpot::Offset(span.map_or(0, |span| span.start)),
    }
}

fn at_node(file: usize, node: &Node) -> HclPlace {
    HclPlace {
        file,
        spot: HclSpot::At(node.position),
    }
}
