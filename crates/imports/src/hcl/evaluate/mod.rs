mod loops;
mod names;
mod templates;

use std::collections::BTreeMap;
use std::rc::Rc;

use hallpass_rules::syntax::{MapEntry, Node, Value as NodeValue};
use hallpass_rules::{FindingCode, Position};
use hcl_edit::Span as _;
use hcl_edit::expr::{
    BinaryOp, BinaryOperator, Conditional, Expression, FuncCall, Object, ObjectKey,
};

use super::definitions::{Definition, Definitions, WrittenAs};
use super::source::HclFile;
use super::value::{EvalProblem, HclKind, HclPlace, HclSpot, HclValue, ProblemReach};
use super::work::EvalBudget;
use super::{decoded, functions, operators};

pub(crate) type ReadFile<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// Evaluates the expressions of a folder, each name only once.
pub(crate) struct Evaluator<'a> {
    files: &'a [HclFile],
    definitions: &'a Definitions<'a>,
    read: &'a ReadFile<'a>,
    work: EvalBudget,
    names: BTreeMap<String, Result<HclValue, EvalProblem>>,
    /// Variables used, each with the file of its value; `None` is the default.
    used: BTreeMap<String, Option<usize>>,
    /// Names being evaluated, to detect cycles.
    following: Vec<String>,
    scope: Vec<(String, HclValue)>,
    place: SourcePlace,
}

#[derive(Debug, Clone, Default)]
struct SourcePlace {
    file: usize,
    text: Option<(Position, Rc<str>)>,
    is_literal: bool,
}

type Evaluated = Result<HclValue, EvalProblem>;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        files: &'a [HclFile],
        definitions: &'a Definitions<'a>,
        read: &'a ReadFile<'a>,
    ) -> Self {
        Self {
            files,
            definitions,
            read,
            work: EvalBudget::default(),
            names: BTreeMap::new(),
            used: BTreeMap::new(),
            following: Vec::new(),
            scope: Vec::new(),
            place: SourcePlace::default(),
        }
    }

    /// Evaluates a definition; parts may be unknown.
    ///
    /// # Errors
    /// Why it has no value.
    pub(crate) fn value(&mut self, definition: Definition<'_>) -> Evaluated {
        self.written(definition, false)
    }

    pub(crate) fn used(&self) -> BTreeMap<&str, Option<&'a str>> {
        let files = self.files;
        let name = |number: usize| files.get(number).map(|file| file.name.as_str());
        let used = self.used.iter();
        used.map(|(variable, by)| (variable.as_str(), by.and_then(name)))
            .collect()
    }

    fn written(&mut self, definition: Definition<'_>, is_literal: bool) -> Evaluated {
        let file = definition.at.file;
        let place = SourcePlace {
            file,
            text: None,
            is_literal,
        };
        self.from(place, |evaluator| match definition.written {
            WrittenAs::Hcl(expression) => evaluator.expression(expression),
            WrittenAs::Json(node) => evaluator.node(node),
            WrittenAs::Literal(node) => decoded::literal(file, node),
        })
    }

    fn from(
        &mut self,
        place: SourcePlace,
        evaluate: impl FnOnce(&mut Self) -> Evaluated,
    ) -> Evaluated {
        let before = std::mem::replace(&mut self.place, place);
        let scope = std::mem::take(&mut self.scope);
        let value = evaluate(self);
        self.place = before;
        self.scope = scope;
        value.and_then(|value| self.work.made(value))
    }

    fn at(&self, expression: &Expression) -> HclPlace {
        let spot = match &self.place.text {
            Some((position, _)) => HclSpot::At(*position),
            None => HclSpot::Offset(expression.span().map_or(0, |span| span.start)),
        };
        HclPlace {
            file: self.place.file,
            spot,
        }
    }

    fn shown(&self, expression: &Expression) -> String {
        const SHOWN_MAX: usize = 60;
        let file = self.files.get(self.place.file);
        let text = match (&self.place.text, expression.span()) {
            (Some((_, text)), Some(span)) => text.get(span),
            (None, span) => file.map(|file| file.part(span)),
            (Some(_), None) => None,
        };
        hallpass_base::text::line(text.unwrap_or_default().trim(), SHOWN_MAX)
    }

    fn unknown(&self, expression: &Expression) -> EvalProblem {
        let shown = self.shown(expression);
        let message = format!("`{shown}` is a value that only Terraform knows");
        EvalProblem::unknown(self.at(expression), message)
    }

    fn expression(&mut self, expression: &Expression) -> Evaluated {
        self.work.enter(self.at(expression))?;
        let value = self.entered(expression);
        self.work.leave();
        value
    }

    fn entered(&mut self, expression: &Expression) -> Evaluated {
        let at = self.at(expression);
        let kind = match expression {
            Expression::Null(_) => HclKind::Null,
            Expression::Bool(flag) => HclKind::Bool(*flag.value()),
            Expression::Number(_) => return self.number(expression),
            Expression::String(text) => {
                self.work.spend(at, text.value().len() / 16)?;
                HclKind::Text(text.value().clone())
            }
            Expression::Array(items) => {
                let mut found = Vec::new();
                for item in items {
                    found.push(self.part(item)?);
                }
                HclKind::List(found)
            }
            Expression::Object(object) => return self.object(at, object),
            Expression::Parenthesis(inner) => return self.expression(inner.inner()),
            Expression::StringTemplate(template) => return self.template(at, template.iter()),
            Expression::HeredocTemplate(heredoc) => {
                return self.template(at, heredoc.template.iter());
            }
            Expression::Variable(name) => return self.variable(expression, name.as_str()),
            Expression::Traversal(traversal) => return self.traversal(expression, traversal),
            Expression::FuncCall(call) => return self.call(expression, call),
            Expression::Conditional(condition) => return self.condition(condition),
            Expression::UnaryOp(operation) => {
                let value = self.expression(&operation.expr)?;
                return operators::unary(at, *operation.operator.value(), value);
            }
            Expression::BinaryOp(operation) => return self.binary(at, operation),
            Expression::ForExpr(each) => return self.each(at, each),
        };
        Ok(HclValue::new(at, kind))
    }

    fn part(&mut self, expression: &Expression) -> Evaluated {
        let at = self.at(expression);
        let value = self.expression(expression);
        deferred(at, value)
    }

    /// Uses the source text: the parser's number has lost digits.
    fn number(&mut self, expression: &Expression) -> Evaluated {
        let (at, text) = (self.at(expression), self.shown(expression));
        Ok(HclValue::new(at, decoded::number(at, &text)?))
    }

    fn object(&mut self, at: HclPlace, object: &Object) -> Evaluated {
        let mut found = BTreeMap::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(key) => self.expression(key)?.into_text()?,
            };
            let value = self.part(value.expr())?;
            let place = value.at;
            if found.insert(key, value).is_some() {
                let message = "a key is there twice in an object";
                return Err(EvalProblem::over(place, FindingCode::DuplicateKey, message));
            }
        }
        Ok(HclValue::new(at, HclKind::Map(found)))
    }

    fn condition(&mut self, condition: &Conditional) -> Evaluated {
        if self.expression(&condition.cond_expr)?.into_flag()? {
            self.expression(&condition.true_expr)
        } else {
            self.expression(&condition.false_expr)
        }
    }

    fn binary(&mut self, at: HclPlace, operation: &BinaryOp) -> Evaluated {
        let operator = *operation.operator.value();
        let left = self.expression(&operation.lhs_expr)?;
        // one side decides, and the other is often unknown
        let settled = match operator {
            BinaryOperator::And => Some(false),
            BinaryOperator::Or => Some(true),
            _ => None,
        };
        if let Some(settled) = settled {
            let flag = left.into_flag()?;
            if flag == settled {
                return Ok(HclValue::new(at, HclKind::Bool(flag)));
            }
            let right = self.expression(&operation.rhs_expr)?.into_flag()?;
            return Ok(HclValue::new(at, HclKind::Bool(right)));
        }
        let right = self.expression(&operation.rhs_expr)?;
        operators::binary(at, operator, left, right)
    }

    fn call(&mut self, expression: &Expression, call: &FuncCall) -> Evaluated {
        let (at, name) = (self.at(expression), call.name.name.as_str());
        if call.name.is_namespaced() || self.place.is_literal {
            return Err(self.unknown(expression));
        }
        if let "try" | "can" = name {
            return self.tried(at, name == "can", call);
        }
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(self.expression(arg)?);
        }
        if call.args.expand_final()
            && let Some(last) = args.pop()
        {
            args.extend(last.items()?);
        }
        if name == "file" {
            return self.file(at, args);
        }
        let value = functions::call(&mut self.work, at, name, args)?;
        let at = value_place(at, &value);
        self.work.made(HclValue { at, ..value })
    }

    /// `try` and `can` catch Terraform's failures, but not unknown values.
    fn tried(&mut self, at: HclPlace, is_asked: bool, call: &FuncCall) -> Evaluated {
        for arg in &call.args {
            let value = match self.expression(arg).and_then(HclValue::known) {
                Err(problem) if problem.reach == ProblemReach::Terraform => continue,
                Err(problem) => return Err(problem),
                Ok(value) => value,
            };
            // an unknown part could fail or not
            value.json()?;
            if is_asked {
                return Ok(HclValue::new(at, HclKind::Bool(true)));
            }
            return Ok(value);
        }
        if is_asked {
            return Ok(HclValue::new(at, HclKind::Bool(false)));
        }
        Err(EvalProblem::fails(
            at,
            "nothing that `try` is given has a value",
        ))
    }

    fn file(&mut self, at: HclPlace, args: Vec<HclValue>) -> Evaluated {
        let mut args = args.into_iter();
        let (Some(path), None) = (args.next(), args.next()) else {
            return Err(EvalProblem::fails(at, "`file` takes one path"));
        };
        let path = path.into_text()?;
        let shown = hallpass_base::text::line(&path, 80);
        let refuse = |why: &str| EvalProblem::unknown(at, format!("the file `{shown}` {why}"));
        let parts: Vec<&str> = path
            .split('/')
            .filter(|it| !["", "."].contains(it))
            .collect();
        let is_below = !path.starts_with('/')
            && !path.contains(['\\', '\0', ':'])
            && !parts.is_empty()
            && !parts.contains(&"..");
        if !is_below {
            return Err(refuse("is not below the folder, and only those are read"));
        }
        let bytes = (self.read)(&parts.join("/")).map_err(|why| refuse(&why))?;
        let text = String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8"))?;
        self.work.made(HclValue::text(at, text))
    }

    fn node(&mut self, node: &Node) -> Evaluated {
        let at = HclPlace {
            file: self.place.file,
            spot: HclSpot::At(node.position),
        };
        self.work.enter(at)?;
        let value = self.entered_node(at, node);
        self.work.leave();
        value
    }

    fn entered_node(&mut self, at: HclPlace, node: &Node) -> Evaluated {
        let kind = match &node.value {
            NodeValue::Null => HclKind::Null,
            NodeValue::Bool(flag) => HclKind::Bool(*flag),
            NodeValue::Number(text) => decoded::number(at, text)?,
            NodeValue::Text(text) => return self.text(at, node.position, text),
            NodeValue::List(items) => {
                let mut found = Vec::new();
                for item in items {
                    let value = self.node(item);
                    found.push(deferred(at, value)?);
                }
                HclKind::List(found)
            }
            NodeValue::Map(entries) => {
                let mut found = BTreeMap::new();
                for entry in entries {
                    let key = self.key(entry)?;
                    let value = self.node(&entry.value);
                    if found.insert(key, deferred(at, value)?).is_some() {
                        let message = "a key is there twice in an object";
                        return Err(EvalProblem::over(at, FindingCode::DuplicateKey, message));
                    }
                }
                HclKind::Map(found)
            }
        };
        Ok(HclValue::new(at, kind))
    }

    fn key(&mut self, entry: &MapEntry) -> Result<String, EvalProblem> {
        let at = HclPlace {
            file: self.place.file,
            spot: HclSpot::At(entry.position),
        };
        self.text(at, entry.position, &entry.key)?.into_text()
    }
}

/// Turns an unknown into a deferred value; a global error stays an error.
fn deferred(at: HclPlace, value: Evaluated) -> Evaluated {
    match value {
        Err(problem) if problem.reach != ProblemReach::Everything => {
            Ok(HclValue::new(at, HclKind::Unknown(Box::new(problem))))
        }
        other => other,
    }
}

/// The place of a function's result: a list where it was created, an item where it was written.
fn value_place(at: HclPlace, value: &HclValue) -> HclPlace {
    match value.kind {
        HclKind::List(_) | HclKind::Set(_) => at,
        _ => value.at,
    }
}
