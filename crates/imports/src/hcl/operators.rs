use hcl_edit::expr::{BinaryOperator, UnaryOperator};

use super::value::{EvalProblem, HclKind, HclPlace, HclValue, whole};

/// `-x`, `!x`.
///
/// # Errors
/// The operand has another type, or is not a whole number.
pub(super) fn unary(
    at: HclPlace,
    operator: UnaryOperator,
    value: HclValue,
) -> Result<HclValue, EvalProblem> {
    let kind = match operator {
        UnaryOperator::Neg => number(at, value.into_whole()?.checked_neg())?,
        UnaryOperator::Not => HclKind::Bool(!value.into_flag()?),
    };
    Ok(HclValue::new(at, kind))
}

/// `a + b`, `a == b` and similar; `&&` and `||` if both sides are evaluated.
///
/// # Errors
/// An operand has another type, or only Terraform can compute the result.
pub(super) fn binary(
    at: HclPlace,
    operator: BinaryOperator,
    left: HclValue,
    right: HclValue,
) -> Result<HclValue, EvalProblem> {
    let kind = match operator {
        BinaryOperator::Eq => HclKind::Bool(equal(&left, &right)?),
        BinaryOperator::NotEq => HclKind::Bool(!equal(&left, &right)?),
        BinaryOperator::And => HclKind::Bool(left.into_flag()? & right.into_flag()?),
        BinaryOperator::Or => HclKind::Bool(left.into_flag()? | right.into_flag()?),
        BinaryOperator::Less
        | BinaryOperator::LessEq
        | BinaryOperator::Greater
        | BinaryOperator::GreaterEq
        | BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Mul
        | BinaryOperator::Div
        | BinaryOperator::Mod => of_numbers(at, operator, left.into_whole()?, right.into_whole()?)?,
    };
    Ok(HclValue::new(at, kind))
}

fn of_numbers(
    at: HclPlace,
    operator: BinaryOperator,
    left: i128,
    right: i128,
) -> Result<HclKind, EvalProblem> {
    if right == 0 && matches!(operator, BinaryOperator::Div | BinaryOperator::Mod) {
        return Err(EvalProblem::fails(at, "a division by zero"));
    }
    match operator {
        BinaryOperator::Less => Ok(HclKind::Bool(left < right)),
        BinaryOperator::LessEq => Ok(HclKind::Bool(left <= right)),
        BinaryOperator::Greater => Ok(HclKind::Bool(left > right)),
        BinaryOperator::GreaterEq => Ok(HclKind::Bool(left >= right)),
        BinaryOperator::Plus => number(at, left.checked_add(right)),
        BinaryOperator::Minus => number(at, left.checked_sub(right)),
        BinaryOperator::Mul => number(at, left.checked_mul(right)),
        BinaryOperator::Mod => number(at, left.checked_rem(right)),
        BinaryOperator::Div if left.checked_rem(right) == Some(0) => {
            number(at, left.checked_div(right))
        }
        BinaryOperator::Div
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or => Err(EvalProblem::unknown(
            at,
            "a number with a fraction, which only Terraform computes",
        )),
    }
}

fn number(at: HclPlace, number: Option<i128>) -> Result<HclKind, EvalProblem> {
    let number = number.ok_or_else(|| EvalProblem::unknown(at, "a number that is too large"))?;
    Ok(HclKind::Number(number.to_string()))
}

/// Values of different types are unequal.
///
/// # Errors
/// A value or a type is unknown: `[]` is a tuple and equals no list.
pub(super) fn equal(left: &HclValue, right: &HclValue) -> Result<bool, EvalProblem> {
    let (one, other) = (left.json()?, right.json()?);
    let has_parts = |it: &HclValue| {
        let kind = &it.kind;
        matches!(kind, HclKind::List(_) | HclKind::Set(_) | HclKind::Map(_))
    };
    if has_parts(left) && has_parts(right) {
        let message = "lists or objects, which only Terraform compares (by their types, too); `length` tells \
                       whether one is empty";
        return Err(EvalProblem::unknown(left.at, message));
    }
    if let (HclKind::Number(a), HclKind::Number(b)) = (&left.kind, &right.kind)
        && a != b
        && (whole(a).is_none() || whole(b).is_none())
    {
        let message = "numbers with fractions, which only Terraform compares";
        return Err(EvalProblem::unknown(left.at, message));
    }
    Ok(one == other)
}
