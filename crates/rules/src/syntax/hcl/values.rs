//! HCL values: literals, and `local` values of the same file.

use hcl_edit::{
    Decorated, Span,
    expr::{
        Array, BinaryOp, BinaryOperator, Expression, FuncCall, Object, ObjectKey, Traversal,
        TraversalOperator,
    },
    template::{Element, HeredocTemplate, StringTemplate, Strip},
};

use super::{super::DEPTH_MAX, super::NODES_MAX, HclReader, MapEntry, Node, Reads, Value};
use crate::diagnostic::{FindingCode, Position, shorten};

/// The only supported function: it adds nothing to its arguments.
const CONCAT: &str = "concat";

impl<'a> HclReader<'a> {
    pub(super) fn list(&mut self, list: &'static str, expression: &'a Expression) -> Node {
        let Expression::Array(items) = expression else {
            return self.value(expression, 0);
        };
        let position = self.position(expression.span());
        let mut read = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.place = Some((list, index));
            read.push(self.value(item, 1));
        }
        self.place = None;
        Node {
            position,
            value: Value::List(read),
        }
    }

    pub(super) fn value(&mut self, expression: &'a Expression, depth: usize) -> Node {
        let position = self.position(expression.span());
        let nothing = Node {
            position,
            value: Value::Null,
        };
        if depth >= DEPTH_MAX {
            let message = format!("values are nested deeper than {DEPTH_MAX}");
            self.error(
                FindingCode::TooDeep,
                expression.span(),
                message,
                "write them flatter",
            );
            return nothing;
        }
        if !self.counts(expression) {
            return nothing;
        }
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(flag) => Value::Bool(*flag.value()),
            // source text: the parser's number loses digits
            Expression::Number(_) => Value::Number(self.text(expression.span()).trim().to_owned()),
            Expression::String(text) => {
                self.one_line(expression);
                Value::Text(text.value().clone())
            }
            Expression::Array(items) => self.items(items, depth),
            Expression::Object(object) => self.object(object, depth),
            Expression::Parenthesis(inner) => return self.value(inner.inner(), depth + 1),
            Expression::Traversal(traversal) => {
                return self.traversal(expression, traversal, depth);
            }
            Expression::FuncCall(call) => return self.call(expression, call, depth),
            Expression::StringTemplate(template) => {
                self.one_line(expression);
                return self.template(expression, template, depth);
            }
            Expression::HeredocTemplate(heredoc) => self.heredoc(expression, heredoc),
            Expression::Variable(name) => {
                let message = format!("`{}` stands without quotes", shorten(name.as_str()));
                let help = "text stands in double quotes";
                self.error(FindingCode::ComputedValue, expression.span(), message, help);
                Value::Null
            }
            Expression::Conditional(_) => self.refused(expression, "a condition"),
            Expression::UnaryOp(_) => self.refused(expression, "a calculation"),
            Expression::BinaryOp(product) => self.product(expression, product, depth),
            Expression::ForExpr(_) => self.refused(expression, "a `for` expression"),
        };
        Node { position, value }
    }

    fn heredoc(&mut self, expression: &Expression, heredoc: &HeredocTemplate) -> Value {
        let mut text = String::new();
        for element in &heredoc.template {
            match element {
                Element::Literal(literal) if self.reads == Reads::Resources => {
                    text.push_str(literal.value());
                }
                Element::Literal(_) | Element::Interpolation(_) | Element::Directive(_) => {
                    return self.refused(expression, "a heredoc");
                }
            }
        }
        Value::Text(text)
    }

    fn product(&mut self, expression: &Expression, product: &'a BinaryOp, depth: usize) -> Value {
        let times = *product.operator.value() == BinaryOperator::Mul;
        if self.reads == Reads::Rules || !times {
            return self.refused(expression, "a calculation");
        }
        let mut number = |side| match self.value(side, depth + 1).value {
            Value::Number(text) => text.parse::<u64>().ok(),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        };
        let (left, right) = (number(&product.lhs_expr), number(&product.rhs_expr));
        match left.zip(right).and_then(|(a, b)| a.checked_mul(b)) {
            Some(number) => Value::Number(number.to_string()),
            None => self.refused(expression, "a calculation"),
        }
    }

    fn items(&mut self, items: &'a Array, depth: usize) -> Value {
        Value::List(
            items
                .iter()
                .map(|item| self.value(item, depth + 1))
                .collect(),
        )
    }

    fn object(&mut self, object: &'a Object, depth: usize) -> Value {
        let mut entries: Vec<MapEntry> = Vec::new();
        for (key, value) in object {
            let Some((key, position)) = self.key(key, depth) else {
                continue;
            };
            let value = self.value(value.expr(), depth + 1);
            if entries.iter().any(|entry| entry.key == key) {
                let message = format!("`{}` is given twice", shorten(&key));
                let twice = crate::diagnostic::Diagnostic::error(
                    FindingCode::DuplicateKey,
                    position,
                    message,
                )
                .field(&key)
                .help("keep one of the two");
                self.findings.push(match self.place {
                    Some((list, index)) => twice.at(list, index),
                    None => twice,
                });
                continue;
            }
            entries.push(MapEntry {
                key,
                position,
                value,
            });
        }
        Value::Map(entries)
    }

    fn key(&mut self, key: &'a ObjectKey, depth: usize) -> Option<(String, Position)> {
        match key {
            ObjectKey::Ident(name) => Some((name.as_str().to_owned(), self.position(name.span()))),
            ObjectKey::Expression(expression) => {
                let before = self.findings.len();
                let node = match expression {
                    Expression::String(_)
                    | Expression::StringTemplate(_)
                    | Expression::Parenthesis(_) => self.value(expression, depth + 1),
                    _ => {
                        self.refused(expression, "a key");
                        return None;
                    }
                };
                let position = self.position(expression.span());
                match node.value {
                    Value::Text(text) => Some((text, position)),
                    Value::Null if self.findings.len() > before => None,
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::List(_)
                    | Value::Map(_) => {
                        self.refused(expression, "a key");
                        None
                    }
                }
            }
        }
    }

    fn traversal(
        &mut self,
        expression: &'a Expression,
        traversal: &'a Traversal,
        depth: usize,
    ) -> Node {
        let mut operators = traversal.operators.iter();
        let is_local =
            matches!(&traversal.expr, Expression::Variable(name) if name.as_str() == "local");
        let name = match operators.next().map(Decorated::value) {
            Some(TraversalOperator::GetAttr(name)) if is_local => name.as_str(),
            _ => return self.unresolved(expression),
        };
        let mut node = self.local(expression, name, depth);
        for operator in operators {
            let next = match (operator.value(), &node.value) {
                (TraversalOperator::GetAttr(key), _) => node.get(key.as_str()).cloned(),
                (TraversalOperator::Index(index), Value::List(items)) => {
                    let index = self.text(index.span()).trim().parse::<usize>().ok();
                    index.and_then(|index| items.get(index)).cloned()
                }
                (TraversalOperator::Index(index), _) => {
                    index.as_str().and_then(|key| node.get(key)).cloned()
                }
                (
                    TraversalOperator::AttrSplat(_)
                    | TraversalOperator::FullSplat(_)
                    | TraversalOperator::LegacyIndex(_),
                    _,
                ) => None,
            };
            match next {
                Some(next) => node = next,
                None => return self.unresolved(expression),
            }
        }
        node
    }

    fn local(&mut self, expression: &'a Expression, name: &'a str, depth: usize) -> Node {
        let Some(attribute) = self.locals.get(name).copied() else {
            let message = format!("`local.{}` is not set in this file", shorten(name));
            let help = "move its `locals` block here, or write the value itself";
            return self.nothing(expression, message, help);
        };
        self.used.insert(attribute.key.as_str());
        if self.following.contains(&name) {
            let message = format!("`local.{}` refers to itself", shorten(name));
            return self.nothing(expression, message, "write the value itself");
        }
        self.following.push(name);
        let node = self.value(&attribute.value, depth + 1);
        self.following.pop();
        node
    }

    fn call(&mut self, expression: &'a Expression, call: &'a FuncCall, depth: usize) -> Node {
        let position = self.position(expression.span());
        let name = call.name.name.as_str();
        if name != CONCAT || call.name.is_namespaced() || call.args.expand_final() {
            let what = format!("the function `{}`", shorten(name));
            let value = self.refused(expression, &what);
            return Node { position, value };
        }
        let mut all = Vec::new();
        for argument in &call.args {
            match self.value(argument, depth + 1).value {
                Value::List(items) => all.extend(items),
                Value::Null => {}
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                    self.refused(argument, "an argument that is not a list");
                }
            }
        }
        Node {
            position,
            value: Value::List(all),
        }
    }

    /// Interpolates text. A single interpolation yields its value.
    fn template(
        &mut self,
        expression: &'a Expression,
        template: &'a StringTemplate,
        depth: usize,
    ) -> Node {
        let position = self.position(expression.span());
        let mut text = String::new();
        let only = template.iter().count() == 1;
        for element in template {
            match element {
                Element::Literal(literal) => text.push_str(literal.value()),
                Element::Interpolation(inner) if inner.strip == Strip::None => {
                    let before = self.findings.len();
                    let node = self.value(&inner.expr, depth + 1);
                    match node.value {
                        _ if only => return Node { position, ..node },
                        Value::Text(part) => text.push_str(&part),
                        Value::Number(part) if part.bytes().all(|b| b.is_ascii_digit()) => {
                            text.push_str(&part);
                        }
                        Value::Null if self.findings.len() > before => {}
                        Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::List(_)
                        | Value::Map(_) => {
                            self.refused(&inner.expr, "a part of a text that is not text");
                        }
                    }
                }
                Element::Interpolation(_) | Element::Directive(_) => {
                    self.refused(expression, "a template");
                }
            }
        }
        Node {
            position,
            value: Value::Text(text),
        }
    }

    fn unresolved(&mut self, expression: &'a Expression) -> Node {
        let text = self.text(expression.span()).trim();
        let message = format!("`{}` is a value that only Terraform knows", shorten(text));
        let help = if text.starts_with("var.") {
            "check the `.tfvars` file that sets it, or write the value itself"
        } else {
            "write the value itself"
        };
        self.nothing(expression, message, help)
    }

    fn nothing(&mut self, expression: &Expression, message: String, help: &str) -> Node {
        self.error(FindingCode::ComputedValue, expression.span(), message, help);
        Node {
            position: self.position(expression.span()),
            value: Value::Null,
        }
    }

    fn refused(&mut self, expression: &Expression, what: &str) -> Value {
        let message = format!("{what}: a value that Terraform would have to compute");
        let help = "write the value itself, or check the rendered JSON instead";
        self.error(FindingCode::ComputedValue, expression.span(), message, help);
        Value::Null
    }

    /// A quoted text must end on its line, as in Terraform.
    fn one_line(&mut self, expression: &Expression) {
        if self.text(expression.span()).contains('\n') {
            let message = "a quoted text that continues after the end of its line".to_owned();
            let help = "close the quote, or write `\\n`";
            self.error(FindingCode::BadSyntax, expression.span(), message, help);
        }
    }

    /// Counts a value; long texts weigh more, so that `local` values cannot multiply them.
    fn counts(&mut self, expression: &Expression) -> bool {
        if self.nodes > NODES_MAX {
            return false;
        }
        let text = expression.as_str().map_or(0, |text| text.len() / 16);
        self.nodes += 1 + text;
        if self.nodes > NODES_MAX {
            let message = format!("the text holds more than {NODES_MAX} values");
            self.error(
                FindingCode::TooLarge,
                expression.span(),
                message,
                "split the file",
            );
            return false;
        }
        true
    }
}
