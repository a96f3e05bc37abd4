//! The resources of a Terraform file, for imports from tools that are set up by them.

use std::collections::HashSet;

use hcl_edit::{
    Span,
    expr::{Expression, TraversalOperator},
    structure::{Attribute, Block},
};

use super::super::{Lines, Position};
use super::{HclReader, LOCALS, Literal, MODULE, Reads, described};
use crate::diagnostic::{Diagnostic, FindingCode, shorten};

/// A resource, or another block that may hold some.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceBlock {
    /// Its type, as `commonfate_access_workflow`.
    pub kind: String,
    /// Its name in the file.
    pub name: String,
    /// Where it begins.
    pub position: Position,
    /// Its attributes; what is a block there is computed.
    pub attributes: Vec<(String, Literal)>,
}

/// What a file of Terraform has.
#[derive(Debug)]
pub struct Resources {
    /// Its `resource` blocks.
    pub blocks: Vec<ResourceBlock>,
    /// The names of its modules with their places: what is in them is elsewhere.
    pub modules: Vec<(String, Position)>,
    /// What is wrong with the text.
    pub findings: Vec<Diagnostic>,
}

/// Reads the resources of a Terraform file. A value that is no literal is [`Literal::Computed`].
pub fn resources(text: &str) -> Resources {
    let lines = Lines::new(text);
    let mut found = Resources {
        blocks: Vec::new(),
        modules: Vec::new(),
        findings: Vec::new(),
    };
    let body = match hcl_edit::parser::parse_body(text) {
        Ok(body) => body,
        Err(error) => {
            let position = lines.position(error.location().offset());
            let message = shorten(error.message());
            let code = FindingCode::BadSyntax;
            found
                .findings
                .push(Diagnostic::error(code, position, message));
            return found;
        }
    };
    let mut reader = HclReader::new(&lines);
    reader.reads = Reads::Resources;
    for block in body.get_blocks(LOCALS) {
        reader.collect_locals(block);
    }
    found.findings.append(&mut reader.findings);
    let mut seen = HashSet::new();
    for block in body.blocks() {
        match (block.ident.as_str(), block.labels.as_slice()) {
            (RESOURCE, [kind, name]) => {
                if !seen.insert((kind.as_str(), name.as_str())) {
                    let what = format!("`{}` is there twice", shorten(&described(block)));
                    let position = reader.position(block.span());
                    let error = Diagnostic::error(FindingCode::DuplicateKey, position, what);
                    found.findings.push(error.help("keep one of the two"));
                }
                found
                    .blocks
                    .push(reader.resource(block, kind.as_str(), name.as_str()));
            }
            (MODULE, [name]) => {
                let position = reader.position(block.span());
                found.modules.push((name.as_str().to_owned(), position));
            }
            _ => {}
        }
    }
    found
}

const RESOURCE: &str = "resource";

impl<'a> HclReader<'a> {
    fn resource(&mut self, block: &'a Block, kind: &str, name: &str) -> ResourceBlock {
        let attributes = block.body.attributes();
        let attributes = attributes.map(|it| (it.key.as_str().to_owned(), self.of_resource(it)));
        let mut attributes: Vec<(String, Literal)> = attributes.collect();
        let blocks = block.body.blocks();
        attributes.extend(blocks.map(|it| (it.ident.as_str().to_owned(), Literal::Computed)));
        ResourceBlock {
            kind: kind.to_owned(),
            name: name.to_owned(),
            position: self.position(block.span()),
            attributes,
        }
    }

    fn of_resource(&mut self, attribute: &'a Attribute) -> Literal {
        match referred(&attribute.value) {
            Some(name) => Literal::Refers(name),
            None => self.literal(&attribute.value),
        }
    }
}

/// `type.name.attribute`, where an expression is that.
fn referred(expression: &Expression) -> Option<String> {
    let Expression::Traversal(traversal) = expression else {
        return None;
    };
    let Expression::Variable(kind) = &traversal.expr else {
        return None;
    };
    if [
        "local", "var", "data", "module", "each", "count", "path", "self",
    ]
    .contains(&kind.as_str())
    {
        return None;
    }
    let mut name = kind.as_str().to_owned();
    for operator in &traversal.operators {
        let TraversalOperator::GetAttr(part) = operator.value() else {
            return None;
        };
        name.push('.');
        name.push_str(part.as_str());
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::Value;
    use super::*;

    #[test]
    fn values_of_resources_are_literal_referred_or_computed() {
        let read = resources(
            r#"
locals { hour = 60 * 60 }
module "other" { source = "./other" }
data "x" "y" {}
resource "kind" "name" {
  product  = 2 * local.hour
  huge     = 18446744073709551615 * 2
  sum      = 1 + 1
  fraction = 1.5 * 2
  text     = <<EOF
one
two
EOF
  inner    = <<EOF
${var.x}
EOF
  id       = other_kind.name.id
  variable = var.x
  index    = other_kind.name[0].id
  block { a = 1 }
}
"#,
        );
        assert!(read.findings.is_empty(), "{:?}", read.findings);
        let modules: Vec<&str> = read.modules.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(modules, ["other"]);
        let [block] = read.blocks.as_slice() else {
            panic!("{:?}", read.blocks)
        };
        assert_eq!(
            (
                block.kind.as_str(),
                block.name.as_str(),
                block.position.line
            ),
            ("kind", "name", 5)
        );
        let shown = |literal: &Literal| match literal {
            Literal::Is(node) => match &node.value {
                Value::Number(text) | Value::Text(text) => text.clone(),
                other => format!("{other:?}"),
            },
            Literal::Computed => "computed".to_owned(),
            Literal::Refers(name) => format!("-> {name}"),
        };
        let found: Vec<String> = { block.attributes.iter() }
            .map(|(key, literal)| format!("{key} {}", shown(literal)))
            .collect();
        assert_eq!(
            found,
            [
                "product 7200",
                "huge computed",
                "sum computed",
                "fraction computed",
                "text one\ntwo\n",
                "inner computed",
                "id -> other_kind.name.id",
                "variable computed",
                "index computed",
                "block computed",
            ]
        );
    }

    #[test]
    fn a_resource_that_is_there_twice_is_an_error_with_its_place() {
        let read = resources(
            "resource \"a\" \"b\" {}\nresource \"a\" \"c\" {}\nresource \"a\" \"b\" {}\n",
        );
        let found: Vec<String> = read.findings.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("3:1: error[duplicate-key]"), "{found:?}");
        assert_eq!(resources("resource \"a\" {").findings.len(), 1);
    }
}
