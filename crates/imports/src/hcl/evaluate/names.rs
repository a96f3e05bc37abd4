use std::rc::Rc;

use hallpass_rules::Position;
use hallpass_rules::syntax::Value as NodeValue;
use hcl_edit::Decorated;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};

use super::{Definition, Evaluated, Evaluator, HclPlace, SourcePlace, WrittenAs, deferred};
use crate::hcl::types::{self, TypeConstraint};
use crate::hcl::value::{EvalProblem, HclKind, HclValue};

type TextAt = (Position, Rc<str>);
type Operators<'o> = &'o [Decorated<TraversalOperator>];

impl Evaluator<'_> {
    pub(super) fn variable(&mut self, expression: &Expression, name: &str) -> Evaluated {
        match self.of_loop(name) {
            Some(value) => self.work.made(value),
            None => Err(self.unknown(expression)),
        }
    }

    fn of_loop(&self, name: &str) -> Option<HclValue> {
        let mut scope = self.scope.iter().rev();
        let (_, value) = scope.find(|(known, _)| known == name)?;
        Some(value.clone())
    }

    pub(super) fn traversal(&mut self, expression: &Expression, path: &Traversal) -> Evaluated {
        let operators = path.operators.as_slice();
        let (value, rest) = match &path.expr {
            Expression::Variable(name) => match self.of_loop(name.as_str()) {
                Some(value) => (self.work.made(value)?, operators),
                None => self.named(expression, name.as_str(), operators)?,
            },
            other => (self.expression(other)?, operators),
        };
        self.steps(value, rest)
    }

    fn named<'o>(
        &mut self,
        expression: &Expression,
        root: &str,
        operators: Operators<'o>,
    ) -> Result<(HclValue, Operators<'o>), EvalProblem> {
        let first = operators
            .split_first()
            .map(|(first, rest)| (first.value(), rest));
        let Some((TraversalOperator::GetAttr(name), rest)) = first else {
            return Err(self.unknown(expression));
        };
        let (at, name) = (self.at(expression), name.as_str());
        let value = match root {
            _ if self.place.is_literal => return Err(self.unknown(expression)),
            "local" => self.once(at, &format!("local.{name}"), |evaluator| {
                let message = || format!("`local.{name}` is not set in these files");
                let definition = evaluator.definitions.locals.get(name);
                let definition = definition.ok_or_else(|| EvalProblem::unknown(at, message()))?;
                evaluator.written(*definition, false)
            })?,
            "var" => self.once(at, &format!("var.{name}"), |evaluator| {
                evaluator.of_variable(at, name)
            })?,
            "path" if ["module", "root", "cwd"].contains(&name) => HclValue::text(at, "."),
            _ => return Err(self.unknown(expression)),
        };
        Ok((value, rest))
    }

    fn once(
        &mut self,
        at: HclPlace,
        name: &str,
        evaluate: impl FnOnce(&mut Self) -> Evaluated,
    ) -> Evaluated {
        if let Some(known) = self.names.get(name) {
            let known = known.clone()?;
            return self.work.made(known);
        }
        if self.following.iter().any(|it| it == name) {
            let message = format!("`{name}` refers to itself");
            return Err(EvalProblem::unknown(at, message));
        }
        self.following.push(name.to_owned());
        self.work.enter(at)?;
        let value = evaluate(self);
        self.work.leave();
        self.following.pop();
        // a name in a cycle is unknown for all users
        self.names.insert(name.to_owned(), value.clone());
        value
    }

    /// The last given value of a variable, or its default, converted to its type.
    fn of_variable(&mut self, at: HclPlace, name: &str) -> Evaluated {
        let definitions = self.definitions;
        let Some(block) = definitions.variables.get(name) else {
            let message = format!("`var.{name}` has no `variable` block in these files");
            return Err(EvalProblem::unknown(at, message));
        };
        let nullable = match block.nullable {
            Some(definition) => self.written(definition, true)?.into_flag()?,
            None => true,
        };
        let given = match definitions.given.get(name) {
            Some(given) => Some(self.written(*given, true)?),
            None => None,
        };
        let is_none = |value: &HclValue| matches!(value.kind, HclKind::Null) && !nullable;
        let (value, by) = match (given.filter(|value| !is_none(value)), block.default) {
            (Some(value), _) => (value, definitions.given.get(name).map(|it| it.at.file)),
            (None, Some(default)) => (self.written(default, true)?, None),
            (None, None) => {
                let message = format!("`var.{name}` has no value in these files");
                return Err(EvalProblem::unknown(at, message));
            }
        };
        self.used.insert(name.to_owned(), by);
        let Some(of) = block.of else {
            return Ok(value);
        };
        let (constraint, text) = constraint(of)?;
        let mut default_of = |default: &Expression| {
            let place = SourcePlace {
                file: of.at.file,
                text: text.clone(),
                is_literal: true,
            };
            self.from(place, |evaluator| evaluator.expression(default))
        };
        types::converted(value, &constraint, &mut default_of)
    }

    fn steps(&mut self, value: HclValue, operators: Operators<'_>) -> Evaluated {
        let Some((first, rest)) = operators.split_first() else {
            return Ok(value);
        };
        let next = match first.value() {
            TraversalOperator::GetAttr(name) => attribute(value, name.as_str())?,
            TraversalOperator::Index(index) => {
                let index = self.expression(index)?;
                item(value, index)?
            }
            TraversalOperator::LegacyIndex(index) => {
                let at = value.at;
                item(
                    value,
                    HclValue::new(at, HclKind::Number(index.value().to_string())),
                )?
            }
            TraversalOperator::FullSplat(_) => return self.splat(value, rest, &[]),
            TraversalOperator::AttrSplat(_) => {
                let is_name = |it: &Decorated<TraversalOperator>| {
                    matches!(it.value(), TraversalOperator::GetAttr(_))
                };
                let names = rest.iter().take_while(|it| is_name(it)).count();
                let (names, rest) = rest.split_at_checked(names).unwrap_or((rest, &[]));
                return self.splat(value, names, rest);
            }
        };
        self.steps(next, rest)
    }

    /// Applies the path to every item; a single value is a list of one, null an empty list.
    fn splat(&mut self, value: HclValue, inner: Operators<'_>, rest: Operators<'_>) -> Evaluated {
        let at = value.at;
        let items = match value.known()?.kind {
            HclKind::List(items) | HclKind::Set(items) => items,
            HclKind::Null => Vec::new(),
            kind => vec![HclValue::new(at, kind)],
        };
        let mut found = Vec::new();
        for item in items {
            let place = item.at;
            let value = self.steps(item, inner);
            found.push(deferred(place, value)?);
        }
        self.steps(HclValue::new(at, HclKind::List(found)), rest)
    }
}

fn attribute(value: HclValue, name: &str) -> Evaluated {
    let at = value.at;
    let missing = || EvalProblem::fails(at, format!("there is no attribute `{name}`"));
    value.map()?.remove(name).ok_or_else(missing)?.known()
}

fn item(value: HclValue, index: HclValue) -> Evaluated {
    let at = value.at;
    let missing = || EvalProblem::fails(at, "there is no item at this place");
    let found = match value.known()?.kind {
        HclKind::Map(mut map) => map.remove(&index.into_text()?),
        HclKind::List(mut items) => {
            let place = usize::try_from(index.into_whole()?).ok();
            let place = place.filter(|place| *place < items.len());
            place.map(|place| items.swap_remove(place))
        }
        kind => return Err(HclValue::new(at, kind).no("a list or an object")),
    };
    found.ok_or_else(missing)?.known()
}

/// The declared type of a variable, and in JSON its text.
fn constraint(of: Definition<'_>) -> Result<(TypeConstraint, Option<TextAt>), EvalProblem> {
    let unknown = || EvalProblem::unknown(of.at, "a type that is not known here");
    match of.written {
        WrittenAs::Hcl(expression) => Ok((types::constraint(of.at, expression, 0)?, None)),
        WrittenAs::Json(node) | WrittenAs::Literal(node) => {
            let NodeValue::Text(text) = &node.value else {
                return Err(unknown());
            };
            let parsed = hcl_edit::parser::parse_expr(text).map_err(|_| unknown())?;
            let constraint = types::constraint(of.at, &parsed, 0)?;
            Ok((constraint, Some((node.position, Rc::from(text.as_str())))))
        }
    }
}
