//! Functions of lists, sets and objects.

use std::collections::BTreeMap;

use super::operators::equal;
use super::value::{EvalProblem, HclKind, HclPlace, HclValue};
use super::work::EvalBudget;

const RANGE_MAX: i128 = 1024;

/// # Errors
/// An argument is not a list.
pub(super) fn concat(at: HclPlace, args: Vec<HclValue>) -> Result<HclValue, EvalProblem> {
    let mut all = Vec::new();
    for list in args {
        all.extend(list.items()?);
    }
    Ok(HclValue::new(at, HclKind::List(all)))
}

/// Merges objects; the last value of a key wins.
///
/// # Errors
/// An argument is not an object.
pub(super) fn merge(at: HclPlace, args: Vec<HclValue>) -> Result<HclValue, EvalProblem> {
    let mut all = BTreeMap::new();
    for object in args {
        if !matches!(object.kind, HclKind::Null) {
            all.extend(object.map()?);
        }
    }
    Ok(HclValue::new(at, HclKind::Map(all)))
}

/// Flattens nested lists of any depth.
///
/// # Errors
/// An item is unknown: it could be a list.
pub(super) fn flatten(list: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let mut flat = Vec::new();
    flatten_into(list.items()?, &mut flat)?;
    Ok(HclValue::new(at, HclKind::List(flat)))
}

fn flatten_into(items: Vec<HclValue>, flat: &mut Vec<HclValue>) -> Result<(), EvalProblem> {
    for item in items {
        let item = item.known()?;
        match item.kind {
            HclKind::List(inner) | HclKind::Set(inner) => flatten_into(inner, flat)?,
            kind => flat.push(HclValue::new(item.at, kind)),
        }
    }
    Ok(())
}

/// Distinct values, texts sorted; all texts if one is.
///
/// # Errors
/// A value is unknown.
pub(super) fn set(at: HclPlace, items: Vec<HclValue>) -> Result<HclValue, EvalProblem> {
    let mut by_text: BTreeMap<String, HclValue> = BTreeMap::new();
    let has_text = items.iter().any(|it| matches!(it.kind, HclKind::Text(_)));
    for item in items {
        let item = item.known()?;
        let item = match item.kind {
            HclKind::Number(_) | HclKind::Bool(_) if has_text => {
                HclValue::text(item.at, item.into_text()?)
            }
            kind => HclValue::new(item.at, kind),
        };
        let key = match &item.kind {
            HclKind::Text(text) => text.clone(),
            HclKind::Number(_) => format!("{:0>40}", item.clone().into_whole()?),
            _ => item.json()?.to_string(),
        };
        by_text.entry(key).or_insert(item);
    }
    Ok(HclValue::new(
        at,
        HclKind::Set(by_text.into_values().collect()),
    ))
}

/// # Errors
/// It is not a list, or an item is unknown.
pub(super) fn distinct(list: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    for item in list.items()? {
        if seen.insert(item.json()?.to_string()) {
            kept.push(item);
        }
    }
    Ok(HclValue::new(at, HclKind::List(kept)))
}

/// # Errors
/// An item is no text, or unknown.
pub(super) fn compact(list: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let mut kept = Vec::new();
    for item in list.items()? {
        if !matches!(item.kind, HclKind::Null) {
            let text = item.clone().into_text()?;
            kept.extend((!text.is_empty()).then(|| HclValue::text(item.at, text)));
        }
    }
    Ok(HclValue::new(at, HclKind::List(kept)))
}

/// # Errors
/// It is not an object.
pub(super) fn keys(object: HclValue) -> Result<HclValue, EvalProblem> {
    let at = object.at;
    let keys = object.map()?.into_keys().map(|key| HclValue::text(at, key));
    Ok(HclValue::new(at, HclKind::List(keys.collect())))
}

/// Values in key order.
///
/// # Errors
/// It is not an object.
pub(super) fn values(object: HclValue) -> Result<HclValue, EvalProblem> {
    let at = object.at;
    Ok(HclValue::new(
        at,
        HclKind::List(object.map()?.into_values().collect()),
    ))
}

/// # Errors
/// It has no length, or is a text whose characters only Terraform counts.
pub(super) fn length(value: HclValue) -> Result<HclValue, EvalProblem> {
    let at = value.at;
    let length = match value.known()?.kind {
        HclKind::List(items) | HclKind::Set(items) => items.len(),
        HclKind::Map(map) => map.len(),
        HclKind::Text(text) if text.is_ascii() && !text.contains('\r') => text.len(),
        HclKind::Text(_) => {
            let message = "the length of a text that is not plain, which only Terraform counts";
            return Err(EvalProblem::unknown(at, message));
        }
        kind => return Err(HclValue::new(at, kind).no("a list, an object or a string")),
    };
    Ok(HclValue::new(at, HclKind::Number(length.to_string())))
}

/// # Errors
/// It is not a list, or an item is unknown.
pub(super) fn contains(list: HclValue, value: &HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let mut is_in = false;
    for item in list.items()? {
        is_in |= equal(&item, value)?;
    }
    Ok(HclValue::new(at, HclKind::Bool(is_in)))
}

/// Returns the value of a key, or a default.
///
/// # Errors
/// It is not an object, or lacks the key and there is no default.
pub(super) fn lookup(
    object: HclValue,
    key: HclValue,
    default: Option<HclValue>,
) -> Result<HclValue, EvalProblem> {
    let (at, key) = (object.at, key.into_text()?);
    let found = object.map()?.remove(&key).or(default);
    found.ok_or_else(|| EvalProblem::fails(at, "there is no such key, and no default"))
}

/// Wraps around the index.
///
/// # Errors
/// The list is empty or the index no number.
pub(super) fn element(list: HclValue, index: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let mut items = list.items()?;
    let count = i128::try_from(items.len()).unwrap_or(i128::MAX);
    let place = index.into_whole()?.checked_rem_euclid(count);
    match place.and_then(|it| usize::try_from(it).ok()) {
        Some(place) if place < items.len() => Ok(items.swap_remove(place)),
        _ => Err(EvalProblem::fails(at, "an item of an empty list")),
    }
}

/// # Errors
/// The range is outside the list.
pub(super) fn slice(list: HclValue, from: HclValue, to: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let place = |it: HclValue| Ok::<_, EvalProblem>(usize::try_from(it.into_whole()?).ok());
    let (from, to) = (place(from)?, place(to)?);
    let items = list.items()?;
    let part = from.zip(to).and_then(|(from, to)| items.get(from..to));
    let part = part.ok_or_else(|| EvalProblem::fails(at, "the list has no such part"))?;
    Ok(HclValue::new(at, HclKind::List(part.to_vec())))
}

/// # Errors
/// There are too many numbers, or the step has the wrong direction.
pub(super) fn range(
    work: &mut EvalBudget,
    at: HclPlace,
    args: Vec<HclValue>,
) -> Result<HclValue, EvalProblem> {
    let mut numbers = Vec::new();
    for arg in args {
        numbers.push(arg.into_whole()?);
    }
    let (from, to, step) = match *numbers.as_slice() {
        [to] => (0, to, if to < 0 { -1 } else { 1 }),
        [from, to] => (from, to, if to < from { -1 } else { 1 }),
        [from, to, step] => (from, to, step),
        _ => return Err(EvalProblem::fails(at, "`range` takes one to three numbers")),
    };
    let mut made = Vec::new();
    let mut next = from;
    while step > 0 && next < to || step < 0 && next > to {
        if i128::try_from(made.len()).unwrap_or(i128::MAX) >= RANGE_MAX {
            let message = format!("`range` makes more than {RANGE_MAX} numbers");
            return Err(EvalProblem::fails(at, message));
        }
        work.spend(at, 1)?;
        made.push(HclValue::new(at, HclKind::Number(next.to_string())));
        next = next.saturating_add(step);
    }
    if step == 0 {
        return Err(EvalProblem::fails(at, "`range` with steps of 0"));
    }
    Ok(HclValue::new(at, HclKind::List(made)))
}

/// # Errors
/// The numbers of keys and values differ.
pub(super) fn zipmap(keys: HclValue, values: HclValue) -> Result<HclValue, EvalProblem> {
    let at = keys.at;
    let (keys, values) = (keys.items()?, values.items()?);
    if keys.len() != values.len() {
        return Err(EvalProblem::fails(at, "not as many keys as values"));
    }
    let entries = keys.into_iter().zip(values);
    let entries = entries.map(|(key, value)| Ok((key.into_text()?, value)));
    Ok(HclValue::new(
        at,
        HclKind::Map(entries.collect::<Result<_, EvalProblem>>()?),
    ))
}

/// # Errors
/// It is no list.
pub(super) fn reverse(list: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    Ok(HclValue::new(
        at,
        HclKind::List(list.items()?.into_iter().rev().collect()),
    ))
}

/// # Errors
/// An item is no text.
pub(super) fn sort(list: HclValue) -> Result<HclValue, EvalProblem> {
    let at = list.at;
    let texts = list.items()?.into_iter().map(|item| {
        let place = item.at;
        Ok((item.into_text()?, place))
    });
    let mut texts = texts.collect::<Result<Vec<_>, EvalProblem>>()?;
    texts.sort_by(|(one, _), (other, _)| one.cmp(other));
    let texts = texts
        .into_iter()
        .map(|(text, place)| HclValue::text(place, text));
    Ok(HclValue::new(at, HclKind::List(texts.collect())))
}

/// Union, intersection or difference of sets.
///
/// # Errors
/// An argument is no set, or an item is unknown.
pub(super) fn combined(
    at: HclPlace,
    args: Vec<HclValue>,
    keeps: fn(usize, usize, bool) -> bool,
) -> Result<HclValue, EvalProblem> {
    let count = args.len();
    let mut all = Vec::new();
    let mut keys: Vec<std::collections::BTreeSet<String>> = Vec::new();
    for list in args {
        let place = list.at;
        let items = set(place, list.items()?)?.items()?;
        let of_list = items.iter().map(|item| Ok(item.json()?.to_string()));
        keys.push(of_list.collect::<Result<_, EvalProblem>>()?);
        all.extend(items);
    }
    let mut kept = Vec::new();
    for item in all {
        let key = item.json()?.to_string();
        let holding = keys.iter().filter(|keys| keys.contains(&key)).count();
        let is_first = keys.first().is_some_and(|keys| keys.contains(&key));
        kept.extend(keeps(holding, count, is_first).then_some(item));
    }
    set(at, kept)
}
