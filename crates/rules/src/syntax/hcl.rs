//! HCL with positions: attributes of a body, and of the blocks in it, with literal values.

use hcl_edit::{
    Span,
    expr::{Expression, ObjectKey},
    structure::{Body, Structure},
};

use super::{DEPTH_MAX, Entry, Lines, Node, Parsed, Value};
use crate::diagnostic::{Code, Diagnostic, Position, shorten};

pub(super) fn parse(text: &str) -> Parsed {
    let lines = Lines::new(text);
    let start = Position { line: 1, column: 1 };
    match hcl_edit::parser::parse_body(text) {
        Ok(body) => {
            let mut reader = Reader {
                lines,
                errors: Vec::new(),
            };
            let entries = reader.body(&body);
            let root = Node {
                position: start,
                value: Value::Map(entries),
            };
            Parsed {
                root: Some(root),
                errors: reader.errors,
            }
        }
        Err(error) => {
            let position = lines.position(error.location().offset());
            let message = shorten(error.message());
            let error = Diagnostic::error(Code::BadSyntax, position, message);
            Parsed {
                root: None,
                errors: vec![error],
            }
        }
    }
}

/// Blocks that can hold the settings of the original, one level deep.
const MODULE: &str = "module";

struct Reader<'a> {
    lines: Lines<'a>,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The attributes; those of `module` blocks stand in for them, since that is where the
    /// settings of the original are written.
    fn body(&mut self, body: &Body) -> Vec<Entry> {
        let mut entries = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let key = attribute.key.as_str().to_owned();
                    let position = self.position(attribute.span());
                    // what is not a rule may hold any expression and is not looked at
                    let value = if crate::read::HCL_KEYS.contains(&key.as_str()) {
                        self.node(&attribute.value, 0)
                    } else {
                        Node {
                            position: self.position(attribute.value.span()),
                            value: Value::Null,
                        }
                    };
                    entries.push(Entry {
                        key,
                        position,
                        value,
                    });
                }
                Structure::Block(block) if block.ident.as_str() == MODULE => {
                    entries.extend(self.body(&block.body));
                }
                Structure::Block(_) => {}
            }
        }
        entries
    }

    fn position(&self, span: Option<std::ops::Range<usize>>) -> Position {
        self.lines.position(span.map_or(0, |span| span.start))
    }

    fn node(&mut self, expression: &Expression, depth: usize) -> Node {
        let position = self.position(expression.span());
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(flag) => Value::Bool(*flag.value()),
            Expression::Number(number) => Value::Number(number.value().to_string()),
            Expression::String(text) => Value::Text(text.value().clone()),
            Expression::Array(items) if depth < DEPTH_MAX => Value::List(
                items
                    .iter()
                    .map(|item| self.node(item, depth + 1))
                    .collect(),
            ),
            Expression::Object(object) if depth < DEPTH_MAX => {
                let mut entries = Vec::new();
                for (key, value) in object {
                    let position = self.position(match key {
                        ObjectKey::Ident(ident) => ident.span(),
                        ObjectKey::Expression(expression) => expression.span(),
                    });
                    let Some(key) = self.key(key, position) else {
                        continue;
                    };
                    let value = self.node(value.expr(), depth + 1);
                    entries.push(Entry {
                        key,
                        position,
                        value,
                    });
                }
                Value::Map(entries)
            }
            Expression::Parenthesis(inner) if depth < DEPTH_MAX => {
                return self.node(inner.inner(), depth + 1);
            }
            _ => {
                self.computed(position);
                Value::Null
            }
        };
        Node { position, value }
    }

    fn key(&mut self, key: &ObjectKey, position: Position) -> Option<String> {
        let text = match key {
            ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
            ObjectKey::Expression(expression) => expression.as_str().map(str::to_owned),
        };
        if text.is_none() {
            self.computed(position);
        }
        text
    }

    fn computed(&mut self, position: Position) {
        let message = "a value that Terraform would have to compute";
        self.errors.push(
            Diagnostic::error(Code::BadSyntax, position, message).help("write the value itself"),
        );
    }
}
