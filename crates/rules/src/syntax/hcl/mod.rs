//! HCL with positions: finds the rule lists in a `.tf`, `.tfvars` or Terragrunt file.
//!
//! Never guesses computed values: follows `local` values of the file, and refuses other
//! non-literals with their position. Reports skipped parts.

mod values;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hcl_edit::{
    Span,
    expr::{Expression, ObjectKey},
    structure::{Attribute, Block, Body},
};

use super::{Lines, MapEntry, Node, Parsed, Value};
use crate::{
    diagnostic::{Diagnostic, FindingCode, Position, shorten},
    list_names::{LISTS, MODULE_LISTS, nearly_a_list},
};

pub(super) fn parse(text: &str) -> Parsed {
    let lines = Lines::new(text);
    match hcl_edit::parser::parse_body(text) {
        Ok(body) => {
            let mut reader = HclReader::new(&lines);
            reader.file(&body);
            Parsed {
                root: Some(Node {
                    position: START,
                    value: Value::Map(reader.entries),
                }),
                findings: reader.findings,
            }
        }
        Err(error) => {
            let position = lines.position(error.location().offset());
            let message = shorten(error.message());
            let code = if message.contains("redefined attribute") {
                FindingCode::DuplicateKey
            } else {
                FindingCode::BadSyntax
            };
            Parsed {
                root: None,
                findings: vec![Diagnostic::error(code, position, message)],
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Is(Node),
    Computed,
    /// An attribute of a resource: `aws_sns_topic.demo.arn`.
    Refers(String),
}

/// Returns the settings next to the rule lists: attributes of a `.tfvars` file, of a module that is
/// sso-elevator or has its lists, and of `inputs`. The last duplicate wins. Empty for invalid HCL.
pub fn literal_settings(text: &str) -> BTreeMap<String, Literal> {
    let mut found = BTreeMap::new();
    let Ok(body) = hcl_edit::parser::parse_body(text) else {
        return found;
    };
    let lines = Lines::new(text);
    let mut reader = HclReader::new(&lines);
    for block in body.get_blocks(LOCALS) {
        reader.collect_locals(block);
    }
    let modules = body.get_blocks(MODULE);
    let modules = modules.filter(|block| is_of_the_original(&block.body));
    let bodies = std::iter::once(&body).chain(modules.map(|block| &block.body));
    for attribute in bodies.flat_map(Body::attributes) {
        let key = attribute.key.as_str();
        if let (INPUTS, Expression::Object(object)) = (key, &attribute.value) {
            for (key, value) in object {
                let name = match key {
                    ObjectKey::Ident(name) => name.as_str(),
                    ObjectKey::Expression(expression) => expression.as_str().unwrap_or_default(),
                };
                let literal = reader.literal(value.expr());
                found.insert(name.to_owned(), literal);
            }
        } else {
            found.insert(key.to_owned(), reader.literal(&attribute.value));
        }
    }
    found.retain(|name, _| !LISTS.contains(&name.as_str()));
    found
}

/// Returns the modules read by [`literal_settings`]. Empty for invalid HCL.
pub fn modules_of_the_original(text: &str) -> Vec<String> {
    let Ok(body) = hcl_edit::parser::parse_body(text) else {
        return Vec::new();
    };
    let modules = body.get_blocks(MODULE);
    let modules = modules.filter(|block| is_of_the_original(&block.body));
    let label = |block: &Block| block.labels.first().map(|it| it.as_str().to_owned());
    modules
        .map(|block| label(block).unwrap_or_default())
        .collect()
}

/// Returns whether a module is sso-elevator, or has its lists.
fn is_of_the_original(body: &Body) -> bool {
    let mut attributes = body.attributes();
    attributes.any(|it| MODULE_LISTS.contains(&it.key.as_str()) || is_source_of_the_original(it))
}

const START: Position = Position { line: 1, column: 1 };

const MODULE: &str = "module";

const LOCALS: &str = "locals";

const INPUTS: &str = "inputs";

struct HclReader<'a> {
    lines: &'a Lines<'a>,
    /// Values of `locals` blocks, with their use.
    locals: BTreeMap<&'a str, &'a Attribute>,
    used: BTreeSet<&'a str>,
    following: Vec<&'a str>,
    nodes: usize,
    place: Option<(&'static str, usize)>,
    reads: Reads,
    entries: Vec<MapEntry>,
    findings: Vec<Diagnostic>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Rules: literals only.
    Rules,
    /// Resources of another tool: also heredocs and integer products (`60 * 60`).
    Resources,
}

/// Names without rules in one part of the file.
#[derive(Default)]
struct PassedOver(Vec<(String, Position)>);

impl<'a> HclReader<'a> {
    fn new(lines: &'a Lines<'a>) -> Self {
        Self {
            lines,
            locals: BTreeMap::new(),
            used: BTreeSet::new(),
            following: Vec::new(),
            nodes: 0,
            place: None,
            reads: Reads::Rules,
            entries: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn file(&mut self, body: &'a Body) {
        for block in body.get_blocks(LOCALS) {
            self.collect_locals(block);
        }
        let mut passed = PassedOver::default();
        for attribute in body.attributes() {
            self.attribute(attribute, &LISTS, Meant::Rules, &mut passed);
        }
        let mut modules: Vec<(&str, Position)> = Vec::new();
        for block in body.blocks() {
            match block.ident.as_str() {
                MODULE => self.module(block, &mut modules),
                LOCALS => {}
                _ => self.other_block(block, &mut passed),
            }
        }
        self.say_passed(&passed, "");
        let unused = self
            .locals
            .iter()
            .filter(|(name, _)| !self.used.contains(*name));
        let unused = unused
            .map(|(name, attribute)| (format!("local.{name}"), self.position(attribute.span())));
        let mut unused = PassedOver(unused.collect());
        unused.0.sort_by_key(|(_, position)| *position);
        self.say_passed(&unused, "");
        self.say_modules(&modules);
    }

    fn collect_locals(&mut self, block: &'a Block) {
        for attribute in block.body.attributes() {
            let name = attribute.key.as_str();
            if self.locals.insert(name, attribute).is_some() {
                self.twice(attribute.span(), &format!("local.{name}"));
            }
        }
        for inner in block.body.blocks() {
            let message = format!("`{}` is a block where a value is due", described(inner));
            self.error(
                FindingCode::BadSyntax,
                inner.span(),
                message,
                "write `name = value`",
            );
        }
    }

    fn module(&mut self, block: &'a Block, modules: &mut Vec<(&'a str, Position)>) {
        let name = block.labels.first().map_or("", |label| label.as_str());
        let position = self.position(block.span());
        if modules.iter().any(|(other, _)| *other == name) {
            self.twice(block.span(), &format!("module.{name}"));
        }
        let attributes = || block.body.attributes();
        let holds = attributes().any(|a| MODULE_LISTS.contains(&a.key.as_str()));
        let meant = if holds || attributes().any(is_source_of_the_original) {
            Meant::Rules
        } else {
            Meant::Anything
        };
        if holds {
            modules.push((name, position));
            attributes().for_each(|attribute| self.repeated(name, attribute));
        }
        let mut passed = PassedOver::default();
        for attribute in block.body.attributes() {
            self.attribute(attribute, &MODULE_LISTS, meant, &mut passed);
        }
        for inner in block.body.blocks() {
            self.other_block(inner, &mut passed);
        }
        self.say_passed(&passed, &format!("module `{}`: ", shorten(name)));
    }

    /// Reports a module that may not exist exactly once: its rules are ambiguous.
    fn repeated(&mut self, module: &str, attribute: &Attribute) {
        let key = attribute.key.as_str();
        let text = self.text(attribute.value.span());
        let one = key == "count" && text == "1";
        if one || !["count", "for_each"].contains(&key) {
            return;
        }
        let message = format!(
            "whether the rules of module `{}` apply depends on `{key}`",
            shorten(module)
        );
        let help = "write the rules to a separate file, or drop the module";
        self.error(FindingCode::ComputedValue, attribute.span(), message, help);
    }

    fn attribute(
        &mut self,
        attribute: &'a Attribute,
        lists: &[&'static str],
        meant: Meant,
        passed: &mut PassedOver,
    ) {
        let key = attribute.key.as_str();
        let position = self.position(attribute.span());
        if let Some(list) = lists.iter().find(|list| **list == key) {
            let value = self.list(list, &attribute.value);
            self.entries.push(MapEntry {
                key: key.to_owned(),
                position,
                value,
            });
        } else if let (INPUTS, Expression::Object(object)) = (key, &attribute.value) {
            self.inputs(object);
        } else {
            self.passed(key, attribute.span(), meant, passed);
        }
    }

    fn inputs(&mut self, object: &'a hcl_edit::expr::Object) {
        let mut passed = PassedOver::default();
        let mut seen = HashSet::new();
        for (key, value) in object {
            let (name, span) = match key {
                ObjectKey::Ident(name) => (name.as_str(), name.span()),
                ObjectKey::Expression(expression) => {
                    (expression.as_str().unwrap_or("(…)"), expression.span())
                }
            };
            if !seen.insert(name) {
                self.twice(span.clone(), name);
            }
            if let Some(list) = MODULE_LISTS.iter().find(|list| **list == name) {
                let position = self.position(span);
                let value = self.list(list, value.expr());
                self.entries.push(MapEntry {
                    key: name.to_owned(),
                    position,
                    value,
                });
            } else {
                self.passed(name, span, Meant::Rules, &mut passed);
            }
        }
        self.say_passed(&passed, "`inputs`: ");
    }

    /// Skips a block without rules; reports a rule list written as blocks.
    fn other_block(&mut self, block: &Block, passed: &mut PassedOver) {
        let name = block.ident.as_str();
        if LISTS.contains(&name) {
            let message = format!("`{name}` is a block where a list is due");
            let help = format!("write `{name} = [ {{ … }}, {{ … }} ]`");
            self.error(FindingCode::BadSyntax, block.span(), message, &help);
            return;
        }
        passed
            .0
            .push((described(block), self.position(block.span())));
    }

    fn passed(
        &mut self,
        name: &str,
        span: Option<std::ops::Range<usize>>,
        meant: Meant,
        passed: &mut PassedOver,
    ) {
        match (meant, nearly_a_list(name)) {
            (Meant::Rules, Some(list)) => {
                let message = format!("`{}` is not a known key", shorten(name));
                let help = format!("did you mean `{list}`?");
                self.error(FindingCode::UnknownField, span, message, &help);
            }
            (Meant::Rules | Meant::Anything, _) => {
                passed.0.push((name.to_owned(), self.position(span)));
            }
        }
    }

    /// Prints one warning for all skipped names of a part.
    fn say_passed(&mut self, passed: &PassedOver, part: &str) {
        let Some((_, position)) = passed.0.first() else {
            return;
        };
        let names: Vec<String> = passed
            .0
            .iter()
            .map(|(name, _)| format!("`{}`", shorten(name)))
            .collect();
        let verb = if names.len() == 1 { "holds" } else { "hold" };
        let over = if names.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{part}{} {verb} no rules and {over} passed over",
            names.join(", ")
        );
        self.findings.push(Diagnostic::warning(
            FindingCode::IgnoredSetting,
            *position,
            message,
        ));
    }

    fn say_modules(&mut self, modules: &[(&str, Position)]) {
        let [(_, first), _, ..] = modules else {
            return;
        };
        let names: Vec<String> = modules
            .iter()
            .map(|(name, _)| format!("`{}`", shorten(name)))
            .collect();
        let message = format!(
            "the rules of {} modules are read as one set: {}",
            modules.len(),
            names.join(", ")
        );
        let help = "keep a file for each if they are for different organizations";
        self.findings
            .push(Diagnostic::warning(FindingCode::SeveralModules, *first, message).help(help));
    }

    fn twice(&mut self, span: Option<std::ops::Range<usize>>, name: &str) {
        let message = format!("`{}` is given twice", shorten(name));
        self.error(
            FindingCode::DuplicateKey,
            span,
            message,
            "keep one of the two",
        );
    }

    fn error(
        &mut self,
        code: FindingCode,
        span: Option<std::ops::Range<usize>>,
        message: String,
        help: &str,
    ) {
        let position = self.position(span);
        let error = Diagnostic::error(code, position, message).help(help);
        self.findings.push(match self.place {
            Some((list, index)) => error.at(list, index),
            None => error,
        });
    }

    fn position(&self, span: Option<std::ops::Range<usize>>) -> Position {
        self.lines.position(span.map_or(0, |span| span.start))
    }

    fn literal(&mut self, expression: &'a Expression) -> Literal {
        let before = self.findings.len();
        let node = self.value(expression, 0);
        let computed = self.findings.iter().skip(before).any(Diagnostic::is_error);
        self.findings.truncate(before);
        if computed {
            Literal::Computed
        } else {
            Literal::Is(node)
        }
    }

    fn text(&self, span: Option<std::ops::Range<usize>>) -> &'a str {
        span.and_then(|span| self.lines.text.get(span))
            .unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
enum Meant {
    /// May hold rules: a misspelled list key is an error.
    Rules,
    Anything,
}

fn described(block: &Block) -> String {
    let labels = block
        .labels
        .iter()
        .map(|label| format!(" \"{}\"", label.as_str()));
    format!("{}{}", block.ident.as_str(), labels.collect::<String>())
}

/// Returns whether the module source is the original or a copy.
fn is_source_of_the_original(attribute: &Attribute) -> bool {
    attribute.key.as_str() == "source"
        && attribute
            .value
            .as_str()
            .is_some_and(|source| source.contains("sso-elevator"))
}
