//! Supported Terraform functions, by name.

use super::value::{EvalProblem, HclKind, HclPlace, HclValue};
use super::work::EvalBudget;
use super::{collections, decoded, texts};

/// # Errors
/// The function is unknown, does not accept these values, or needs an unknown one.
pub(super) fn call(
    work: &mut EvalBudget,
    at: HclPlace,
    name: &str,
    args: Vec<HclValue>,
) -> Result<HclValue, EvalProblem> {
    if !NAMES.contains(&name) {
        let message = format!("the function `{name}` is one that only Terraform computes");
        return Err(EvalProblem::unknown(at, message));
    }
    let args = args.into_iter().map(HclValue::known);
    let args = args.collect::<Result<Vec<HclValue>, _>>()?;
    match name {
        "concat" => collections::concat(at, args),
        "merge" => collections::merge(at, args),
        "range" => collections::range(work, at, args),
        "format" => texts::format(at, args),
        "coalesce" => coalesce(at, args),
        "max" => number_of(at, args, Iterator::max),
        "min" => number_of(at, args, Iterator::min),
        "setunion" => collections::combined(at, args, |_, _, _| true),
        "setintersection" => collections::combined(at, args, |holding, all, _| holding == all),
        "setsubtract" => {
            collections::combined(at, args, |holding, _, is_first| is_first && holding == 1)
        }
        "join" => {
            let mut args = args.into_iter();
            match args.next() {
                Some(between) => texts::join(work, at, between, args.collect()),
                None => Err(EvalProblem::fails(at, "`join` without values")),
            }
        }
        _ => fixed(work, at, name, args),
    }
}

const NAMES: [&str; 47] = [
    "alltrue",
    "anytrue",
    "coalesce",
    "compact",
    "concat",
    "contains",
    "distinct",
    "element",
    "endswith",
    "flatten",
    "format",
    "join",
    "jsondecode",
    "jsonencode",
    "keys",
    "length",
    "lookup",
    "lower",
    "max",
    "merge",
    "min",
    "nonsensitive",
    "one",
    "range",
    "replace",
    "reverse",
    "sensitive",
    "setintersection",
    "setsubtract",
    "setunion",
    "slice",
    "sort",
    "split",
    "startswith",
    "tobool",
    "tolist",
    "tomap",
    "tonumber",
    "toset",
    "tostring",
    "trimprefix",
    "trimspace",
    "trimsuffix",
    "upper",
    "values",
    "yamldecode",
    "zipmap",
];

type Done = Result<HclValue, EvalProblem>;

fn fixed(work: &mut EvalBudget, at: HclPlace, name: &str, args: Vec<HclValue>) -> Done {
    let wrong = || EvalProblem::fails(at, format!("`{name}` takes another number of values"));
    let mut args = args.into_iter();
    let (first, second) = (args.next(), args.next());
    let (third, more) = (args.next(), args.next());
    match (first, second, third, more) {
        (Some(one), None, None, None) => of_one(name, one).unwrap_or_else(|| Err(wrong())),
        (Some(one), Some(two), None, None) => {
            of_two(name, one, two).unwrap_or_else(|| Err(wrong()))
        }
        (Some(one), Some(two), Some(three), None) => match name {
            "lookup" => collections::lookup(one, two, Some(three)),
            "replace" => texts::replace(work, one, two, three),
            "slice" => collections::slice(one, two, three),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn of_one(name: &str, one: HclValue) -> Option<Done> {
    let at = one.at;
    let is_conversion = name.starts_with("to");
    Some(match name {
        _ if is_conversion && matches!(one.kind, HclKind::Null) => Ok(one),
        "flatten" => collections::flatten(one),
        "distinct" => collections::distinct(one),
        "compact" => collections::compact(one),
        "keys" => collections::keys(one),
        "values" => collections::values(one),
        "length" => collections::length(one),
        "reverse" => collections::reverse(one),
        "sort" => collections::sort(one),
        "toset" => one.items().and_then(|items| collections::set(at, items)),
        "tolist" => { one.items() }.map(|items| HclValue::new(at, HclKind::List(items))),
        "tomap" => { one.map() }.map(|map| HclValue::new(at, HclKind::Map(map))),
        "one" => only(one),
        "alltrue" => flags(one, |flags| flags.iter().all(|it| *it)),
        "anytrue" => flags(one, |flags| flags.iter().any(|it| *it)),
        "sensitive" | "nonsensitive" => Ok(one),
        "lower" => texts::changed(one, str::to_lowercase),
        "upper" => texts::changed(one, str::to_uppercase),
        "trimspace" => texts::changed(one, |text| text.trim().to_owned()),
        "tostring" => one.into_text().map(|text| HclValue::text(at, text)),
        "tobool" => { one.into_flag() }.map(|flag| HclValue::new(at, HclKind::Bool(flag))),
        "tonumber" if matches!(one.kind, HclKind::Number(_)) => Ok(one),
        "tonumber" => { one.into_whole() }
            .map(|number| HclValue::new(at, HclKind::Number(number.to_string()))),
        "jsonencode" => decoded::encoded(&one).map(|text| HclValue::text(at, text)),
        "jsondecode" => one.into_text().and_then(|text| decoded::json(at, &text)),
        "yamldecode" => one.into_text().and_then(|text| decoded::yaml(at, &text)),
        _ => return None,
    })
}

fn of_two(name: &str, one: HclValue, two: HclValue) -> Option<Done> {
    Some(match name {
        "contains" => collections::contains(one, &two),
        "lookup" => collections::lookup(one, two, None),
        "element" => collections::element(one, two),
        "zipmap" => collections::zipmap(one, two),
        "split" => texts::split(one, two),
        "trimprefix" => texts::trimmed(one, two, |text, part| text.strip_prefix(part)),
        "trimsuffix" => texts::trimmed(one, two, |text, part| text.strip_suffix(part)),
        "startswith" => texts::has(one, two, |text, part| text.starts_with(part)),
        "endswith" => texts::has(one, two, |text, part| text.ends_with(part)),
        _ => return None,
    })
}

fn coalesce(at: HclPlace, args: Vec<HclValue>) -> Done {
    let says = |it: &HclValue| match &it.kind {
        HclKind::Null => false,
        HclKind::Text(text) => !text.is_empty(),
        _ => true,
    };
    let found = args.into_iter().find(says);
    found.ok_or_else(|| EvalProblem::fails(at, "`coalesce` without a value"))
}

fn number_of(
    at: HclPlace,
    args: Vec<HclValue>,
    which: fn(std::vec::IntoIter<i128>) -> Option<i128>,
) -> Done {
    let numbers = args.into_iter().map(HclValue::into_whole);
    let numbers = numbers.collect::<Result<Vec<i128>, _>>()?;
    let found = which(numbers.into_iter());
    let found = found.ok_or_else(|| EvalProblem::fails(at, "no numbers to choose from"))?;
    Ok(HclValue::new(at, HclKind::Number(found.to_string())))
}

fn only(list: HclValue) -> Done {
    let at = list.at;
    let mut items = list.items()?.into_iter();
    match (items.next(), items.next()) {
        (None, _) => Ok(HclValue::new(at, HclKind::Null)),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(EvalProblem::fails(at, "a list of several where one is due")),
    }
}

fn flags(list: HclValue, tells: fn(&[bool]) -> bool) -> Done {
    let at = list.at;
    let flags = list.items()?.into_iter().map(|it| match it.kind {
        HclKind::Null => Err(EvalProblem::unknown(
            at,
            "`null`, whose meaning only Terraform knows",
        )),
        kind => HclValue::new(it.at, kind).into_flag(),
    });
    let flags = flags.collect::<Result<Vec<bool>, _>>()?;
    Ok(HclValue::new(at, HclKind::Bool(tells(&flags))))
}
