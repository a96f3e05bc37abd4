//! Compiled conditions and their evaluation (AWS: "IAM JSON policy elements: Condition operators",
//! "Single-valued vs. multivalued context keys").

use std::cmp::Ordering;
use std::net::IpAddr;

use super::arn_pattern::ArnPattern;
use super::context::{Context, ContextValue};
use super::template::{Syntax, Template};
use super::values::{self, Decimal, NetworkRange};
use crate::language::{self, Operator, Quantifier, Test, Version, split_arn};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: Box<str>,
    lower: Box<str>,
    values: Values,
    /// Raw values, for explanations.
    pub(crate) written: Box<[Box<str>]>,
}

/// `None` is a wrongly typed value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    Text(Box<[Template]>),
    Folded(Box<[Template]>),
    Number(Box<[Option<Decimal>]>),
    Date(Box<[Option<i64>]>),
    Bool(Box<[Template]>),
    Binary(Box<[Option<Vec<u8>>]>),
    Address(Box<[Option<NetworkRange>]>),
    Arn(Box<[ArnPattern]>),
    Null(Box<[Option<bool>]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Same,
    Differs,
    Wrong,
}

/// Why a condition holds or not (`policies.md` §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    Matched,
    ValueDiffers,
    KeyAbsent,
    /// Absent key; the negated operator holds.
    KeyAbsentNegated,
    /// Absent key; `IfExists` holds.
    IfExistsAbsent,
    VariableUnresolved,
    /// A set operator on an absent or empty list.
    SetEmpty,
    /// Several values without a set operator.
    MultiWithoutSet,
    NotANumber,
    NotADate,
    NotAnAddress,
    NotAnArn,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::ValueDiffers => "value-differs",
            Self::KeyAbsent => "key-absent",
            Self::KeyAbsentNegated => "key-absent-negated",
            Self::IfExistsAbsent => "if-exists-absent",
            Self::VariableUnresolved => "variable-unresolved",
            Self::SetEmpty => "set-empty",
            Self::MultiWithoutSet => "multi-without-set",
            Self::NotANumber => "not-a-number",
            Self::NotADate => "not-a-date",
            Self::NotAnAddress => "not-an-address",
            Self::NotAnArn => "not-an-arn",
        }
    }
}

impl Condition {
    pub(crate) fn new(written: &language::Condition<'_>, version: Version) -> Self {
        let variables = version == Version::V2012;
        let test = written.operator.test;
        let texts = || written.values.iter().map(|value| value.text.as_ref());
        let templates = |wildcards| {
            let syntax = Syntax {
                wildcards,
                variables,
            };
            texts().map(|text| Template::new(text, syntax)).collect()
        };
        let values = match test {
            Test::StringEquals | Test::StringNotEquals => Values::Text(templates(false)),
            Test::StringLike | Test::StringNotLike => Values::Text(templates(true)),
            Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase => {
                Values::Folded(templates(false))
            }
            Test::Bool => Values::Bool(templates(false)),
            Test::Null => Values::Null(texts().map(values::boolean).collect()),
            Test::BinaryEquals => Values::Binary(texts().map(values::bytes).collect()),
            Test::IpAddress | Test::NotIpAddress => {
                Values::Address(texts().map(NetworkRange::parse).collect())
            }
            Test::ArnEquals | Test::ArnLike | Test::ArnNotEquals | Test::ArnNotLike => Values::Arn(
                texts()
                    .map(|text| ArnPattern::new(text, variables))
                    .collect(),
            ),
            Test::NumericEquals
            | Test::NumericNotEquals
            | Test::NumericLessThan
            | Test::NumericLessThanEquals
            | Test::NumericGreaterThan
            | Test::NumericGreaterThanEquals => {
                Values::Number(texts().map(Decimal::parse).collect())
            }
            Test::DateEquals
            | Test::DateNotEquals
            | Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateGreaterThan
            | Test::DateGreaterThanEquals => Values::Date(texts().map(values::date).collect()),
        };
        Self {
            operator: written.operator,
            key: written.key.text.as_ref().into(),
            lower: written.key.text.to_lowercase().into(),
            values,
            written: texts().map(Into::into).collect(),
        }
    }

    pub(crate) fn is_principal_pattern(&self) -> bool {
        let test = self.operator.test;
        let mut values = self.written.iter();
        *self.lower == *"aws:principalarn"
            && test.takes_wildcards()
            && !test.is_negated()
            && values.any(|text| text.contains(['*', '?']))
    }

    pub(crate) fn request_value<'c>(&self, context: &'c Context) -> Option<&'c ContextValue> {
        context.lower(&self.lower)
    }

    pub(crate) fn holds(&self, context: &Context) -> bool {
        let value = self.request_value(context);
        if let Values::Null(wanted) = &self.values {
            return wanted.iter().any(|it| *it == Some(value.is_none()));
        }
        let Operator {
            test,
            quantifier,
            if_exists,
        } = self.operator;
        let Some(value) = value else {
            return match quantifier {
                Quantifier::One => if_exists || test.is_negated(),
                Quantifier::All => true,
                Quantifier::Any => false,
            };
        };
        match (quantifier, value) {
            (_, ContextValue::One(value)) => self.admits(value, context),
            (Quantifier::One, ContextValue::List(_)) => false,
            (Quantifier::All, ContextValue::List(list)) => {
                list.iter().all(|value| self.admits(value, context))
            }
            (Quantifier::Any, ContextValue::List(list)) => {
                list.iter().any(|value| self.admits(value, context))
            }
        }
    }

    fn admits(&self, value: &str, context: &Context) -> bool {
        let negated = self.operator.test.is_negated();
        let mut admitted = negated;
        self.each(value, context, &mut |comparison| {
            if negated {
                admitted &= comparison == Comparison::Differs;
                admitted
            } else {
                admitted = comparison == Comparison::Same;
                !admitted
            }
        });
        admitted
    }

    fn each(&self, value: &str, context: &Context, go: &mut dyn FnMut(Comparison) -> bool) {
        let test = self.operator.test;
        match &self.values {
            Values::Text(list) => run(list, go, |it| known(it.matches(value, context))),
            Values::Folded(list) => {
                let value = values::folded(value);
                run(list, go, |it| {
                    known(
                        it.resolved(context)
                            .map(|text| values::folded(&text) == value),
                    )
                });
            }
            Values::Bool(list) => {
                let value = values::boolean(value);
                run(list, go, |it| match it.resolved(context) {
                    None => Comparison::Differs,
                    Some(listed) => typed(values::boolean(&listed), value, |a, b| a == b),
                });
            }
            Values::Number(list) => {
                let value = Decimal::parse(value);
                run(list, go, |it| {
                    typed(it.as_ref(), value.as_ref(), |listed, asked| {
                        ordered(test, asked.cmp(listed))
                    })
                });
            }
            Values::Date(list) => {
                let value = values::date(value);
                run(list, go, |it| {
                    typed(*it, value, |listed, asked| {
                        ordered(test, asked.cmp(&listed))
                    })
                });
            }
            Values::Binary(list) => {
                let value = values::bytes(value);
                run(list, go, |it| {
                    typed(it.as_ref(), value.as_ref(), |a, b| a == b)
                });
            }
            Values::Address(list) => {
                let value: Option<IpAddr> = value.parse().ok();
                run(list, go, |it| {
                    typed(*it, value, |range, it| range.contains(it))
                });
            }
            Values::Arn(list) => {
                let parts = split_arn(value).filter(|[prefix, ..]| *prefix == "arn");
                run(list, go, |it| match &parts {
                    Some(parts) if it.is_well_formed(context) => {
                        known(it.covers_parts(parts, context))
                    }
                    _ => Comparison::Wrong,
                });
            }
            Values::Null(_) => {}
        }
    }

    pub(crate) fn reason(&self, context: &Context) -> Reason {
        let holds = self.holds(context);
        let value = self.request_value(context);
        let Operator {
            test,
            quantifier,
            if_exists,
        } = self.operator;
        if test == Test::Null {
            return match (holds, value) {
                (true, _) => Reason::Matched,
                (false, None) => Reason::KeyAbsent,
                (false, Some(_)) => Reason::ValueDiffers,
            };
        }
        let Some(value) = value else {
            return match quantifier {
                Quantifier::All | Quantifier::Any => Reason::SetEmpty,
                Quantifier::One if test.is_negated() => Reason::KeyAbsentNegated,
                Quantifier::One if if_exists => Reason::IfExistsAbsent,
                Quantifier::One => Reason::KeyAbsent,
            };
        };
        let listed = match value {
            ContextValue::List(_) if quantifier == Quantifier::One => {
                return Reason::MultiWithoutSet;
            }
            ContextValue::One(value) => std::slice::from_ref(value),
            ContextValue::List(list) => list.as_slice(),
        };
        if self.has_open_value(context) && (!holds || test.is_negated()) {
            return Reason::VariableUnresolved;
        }
        if holds {
            return Reason::Matched;
        }
        let mut wrong = false;
        for value in listed {
            self.each(value, context, &mut |comparison| {
                wrong |= comparison == Comparison::Wrong;
                true
            });
        }
        match &self.values {
            Values::Number(_) if wrong => Reason::NotANumber,
            Values::Date(_) if wrong => Reason::NotADate,
            Values::Address(_) if wrong => Reason::NotAnAddress,
            Values::Arn(_) if wrong => Reason::NotAnArn,
            _ => Reason::ValueDiffers,
        }
    }

    fn has_open_value(&self, context: &Context) -> bool {
        self.resolved(context).iter().any(Option::is_none)
    }

    /// Values with variables replaced; `None` if impossible.
    pub(crate) fn resolved(&self, context: &Context) -> Vec<Option<String>> {
        match &self.values {
            Values::Text(list) | Values::Folded(list) | Values::Bool(list) => {
                list.iter().map(|it| it.resolved(context)).collect()
            }
            Values::Arn(list) => list
                .iter()
                .zip(&self.written)
                .map(|(it, written)| {
                    if it.is_well_formed(context) {
                        it.resolved(context)
                    } else {
                        Some(written.to_string())
                    }
                })
                .collect(),
            _ => self.written.iter().map(|it| Some(it.to_string())).collect(),
        }
    }
}

fn run<T>(
    list: &[T],
    go: &mut dyn FnMut(Comparison) -> bool,
    mut compare: impl FnMut(&T) -> Comparison,
) {
    for listed in list {
        if !go(compare(listed)) {
            return;
        }
    }
}

/// Unresolved values match nothing.
fn known(matches: Option<bool>) -> Comparison {
    if matches == Some(true) {
        Comparison::Same
    } else {
        Comparison::Differs
    }
}

fn typed<L, A>(listed: Option<L>, asked: Option<A>, same: impl Fn(L, A) -> bool) -> Comparison {
    match (listed, asked) {
        (Some(listed), Some(asked)) => known(Some(same(listed, asked))),
        _ => Comparison::Wrong,
    }
}

/// Evaluates order tests; negated ones use the positive form, as the caller inverts.
fn ordered(test: Test, asked_to_listed: Ordering) -> bool {
    match test {
        Test::NumericLessThan | Test::DateLessThan => asked_to_listed.is_lt(),
        Test::NumericLessThanEquals | Test::DateLessThanEquals => asked_to_listed.is_le(),
        Test::NumericGreaterThan | Test::DateGreaterThan => asked_to_listed.is_gt(),
        Test::NumericGreaterThanEquals | Test::DateGreaterThanEquals => asked_to_listed.is_ge(),
        _ => asked_to_listed.is_eq(),
    }
}
