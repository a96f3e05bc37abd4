//! Variable types, and Terraform's conversions to them.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};

use super::collections;
use super::value::{EvalProblem, HclKind, HclPlace, HclValue};

const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
pub(super) enum TypeConstraint {
    Any,
    Text,
    Number,
    Flag,
    ListOf(Box<Self>),
    SetOf(Box<Self>),
    MapOf(Box<Self>),
    Tuple(Vec<Self>),
    /// Exactly these attributes.
    Attributes(BTreeMap<String, AttributeType>),
}

#[derive(Debug, Clone)]
pub(super) struct AttributeType {
    of: TypeConstraint,
    optional: bool,
    default: Option<Expression>,
}

pub(super) type DefaultOf<'a> = dyn FnMut(&Expression) -> Result<HclValue, EvalProblem> + 'a;

/// # Errors
/// It is not a type.
pub(super) fn constraint(
    at: HclPlace,
    expression: &Expression,
    depth: usize,
) -> Result<TypeConstraint, EvalProblem> {
    let unknown = || EvalProblem::unknown(at, "a type that is not known here");
    if depth > DEPTH_MAX {
        return Err(unknown());
    }
    match expression {
        Expression::Variable(name) => named(name.as_str()).ok_or_else(unknown),
        Expression::String(name) => named(name.as_str()).ok_or_else(unknown),
        Expression::Parenthesis(inner) => constraint(at, inner.inner(), depth + 1),
        Expression::FuncCall(call) => of_call(at, call, depth),
        _ => Err(unknown()),
    }
}

fn named(name: &str) -> Option<TypeConstraint> {
    Some(match name {
        "any" => TypeConstraint::Any,
        "string" => TypeConstraint::Text,
        "number" => TypeConstraint::Number,
        "bool" => TypeConstraint::Flag,
        "list" => TypeConstraint::ListOf(Box::new(TypeConstraint::Any)),
        "set" => TypeConstraint::SetOf(Box::new(TypeConstraint::Any)),
        "map" => TypeConstraint::MapOf(Box::new(TypeConstraint::Any)),
        _ => return None,
    })
}

fn of_call(at: HclPlace, call: &FuncCall, depth: usize) -> Result<TypeConstraint, EvalProblem> {
    let unknown = || EvalProblem::unknown(at, "a type that is not known here");
    let mut args = call.args.iter();
    let (Some(first), None) = (args.next(), args.next()) else {
        return Err(unknown());
    };
    let inner = || constraint(at, first, depth + 1).map(Box::new);
    match (call.name.name.as_str(), first) {
        ("list", _) => Ok(TypeConstraint::ListOf(inner()?)),
        ("set", _) => Ok(TypeConstraint::SetOf(inner()?)),
        ("map", _) => Ok(TypeConstraint::MapOf(inner()?)),
        ("tuple", Expression::Array(items)) => {
            let items = items.iter().map(|item| constraint(at, item, depth + 1));
            Ok(TypeConstraint::Tuple(items.collect::<Result<_, _>>()?))
        }
        ("object", Expression::Object(object)) => attributes(at, object, depth),
        _ => Err(unknown()),
    }
}

fn attributes(at: HclPlace, object: &Object, depth: usize) -> Result<TypeConstraint, EvalProblem> {
    let mut found = BTreeMap::new();
    for (key, value) in object {
        let name = match key {
            ObjectKey::Ident(name) => Some(name.as_str()),
            ObjectKey::Expression(expression) => expression.as_str(),
        };
        let name = name.ok_or_else(|| EvalProblem::unknown(at, "a type that is not known here"))?;
        found.insert(name.to_owned(), attribute(at, value.expr(), depth)?);
    }
    Ok(TypeConstraint::Attributes(found))
}

fn attribute(
    at: HclPlace,
    expression: &Expression,
    depth: usize,
) -> Result<AttributeType, EvalProblem> {
    if let Expression::FuncCall(call) = expression
        && call.name.name.as_str() == "optional"
    {
        let mut args = call.args.iter();
        let (Some(first), default, None) = (args.next(), args.next(), args.next()) else {
            return Err(EvalProblem::unknown(at, "a type that is not known here"));
        };
        return Ok(AttributeType {
            of: constraint(at, first, depth + 1)?,
            optional: true,
            default: default.cloned(),
        });
    }
    Ok(AttributeType {
        of: constraint(at, expression, depth + 1)?,
        optional: false,
        default: None,
    })
}

/// Converts a value as Terraform does.
///
/// # Errors
/// Terraform refuses the value, or a part's type is unknown.
pub(super) fn converted(
    value: HclValue,
    of: &TypeConstraint,
    default_of: &mut DefaultOf<'_>,
) -> Result<HclValue, EvalProblem> {
    let at = value.at;
    let kind = match (value.kind, of) {
        (kind, TypeConstraint::Any)
        | (kind @ (HclKind::Null | HclKind::Unknown(_)), _)
        | (kind @ HclKind::Number(_), TypeConstraint::Number) => kind,
        (kind, TypeConstraint::Text) => HclKind::Text(HclValue::new(at, kind).into_text()?),
        (kind, TypeConstraint::Flag) => HclKind::Bool(HclValue::new(at, kind).into_flag()?),
        (kind, TypeConstraint::Number) => {
            HclKind::Number(HclValue::new(at, kind).into_whole()?.to_string())
        }
        (kind, TypeConstraint::ListOf(of)) => {
            HclKind::List(each(HclValue::new(at, kind).items()?, of, default_of)?)
        }
        (kind, TypeConstraint::SetOf(of)) => {
            let items = each(HclValue::new(at, kind).items()?, of, default_of)?;
            return collections::set(at, items);
        }
        (kind, TypeConstraint::MapOf(of)) => {
            let map = HclValue::new(at, kind).map()?.into_iter();
            let map = map.map(|(key, it)| Ok((key, converted(it, of, default_of)?)));
            HclKind::Map(map.collect::<Result<_, EvalProblem>>()?)
        }
        (kind, TypeConstraint::Tuple(types)) => {
            let items = HclValue::new(at, kind).items()?;
            if items.len() != types.len() {
                let message = format!("{} values where {} are due", items.len(), types.len());
                return Err(EvalProblem::fails(at, message));
            }
            let items = items.into_iter().zip(types);
            let items = items.map(|(item, of)| converted(item, of, default_of));
            HclKind::List(items.collect::<Result<_, _>>()?)
        }
        (kind, TypeConstraint::Attributes(types)) => {
            object(HclValue::new(at, kind), types, default_of)?
        }
    };
    Ok(HclValue::new(at, kind))
}

fn each(
    items: Vec<HclValue>,
    of: &TypeConstraint,
    default_of: &mut DefaultOf<'_>,
) -> Result<Vec<HclValue>, EvalProblem> {
    let items = items.into_iter();
    items.map(|item| converted(item, of, default_of)).collect()
}

fn object(
    value: HclValue,
    types: &BTreeMap<String, AttributeType>,
    default_of: &mut DefaultOf<'_>,
) -> Result<HclKind, EvalProblem> {
    let at = value.at;
    let mut given = value.map()?;
    let mut found = BTreeMap::new();
    for (name, attribute) in types {
        let value = match given.remove(name) {
            Some(value) if !matches!(value.kind, HclKind::Null) => value,
            None if !attribute.optional => {
                return Err(EvalProblem::fails(
                    at,
                    format!("the attribute `{name}` is missing"),
                ));
            }
            Some(_) | None => match &attribute.default {
                Some(default) => HclValue {
                    at,
                    ..default_of(default)?
                },
                None => HclValue::new(at, HclKind::Null),
            },
        };
        found.insert(name.clone(), converted(value, &attribute.of, default_of)?);
    }
    Ok(HclKind::Map(found))
}
