use super::value::{EvalProblem, HclKind, HclPlace, HclValue};
use super::work::EvalBudget;

/// # Errors
/// An item is no text, or the result is too large.
pub(super) fn join(
    work: &mut EvalBudget,
    at: HclPlace,
    between: HclValue,
    lists: Vec<HclValue>,
) -> Result<HclValue, EvalProblem> {
    let mut texts = Vec::new();
    for list in lists {
        for item in list.items()? {
            texts.push(item.into_text()?);
        }
    }
    let between = between.into_text()?;
    work.spend(at, texts.len().saturating_mul(between.len()) / 16)?;
    Ok(HclValue::text(at, texts.join(&between)))
}

/// # Errors
/// It is no text, or the separator is empty.
pub(super) fn split(between: HclValue, text: HclValue) -> Result<HclValue, EvalProblem> {
    let at = text.at;
    let (between, text) = (between.into_text()?, text.into_text()?);
    if between.is_empty() {
        return Err(EvalProblem::unknown(at, "a text split into characters"));
    }
    let parts = text.split(&between).map(|part| HclValue::text(at, part));
    Ok(HclValue::new(at, HclKind::List(parts.collect())))
}

/// # Errors
/// The pattern is a regular expression, or the result is too large.
pub(super) fn replace(
    work: &mut EvalBudget,
    text: HclValue,
    from: HclValue,
    to: HclValue,
) -> Result<HclValue, EvalProblem> {
    let at = text.at;
    let (text, from, to) = (text.into_text()?, from.into_text()?, to.into_text()?);
    let is_pattern = from.len() > 1 && from.starts_with('/') && from.ends_with('/');
    if is_pattern || from.is_empty() {
        let message = "`replace` by a regular expression, which only Terraform computes";
        return Err(EvalProblem::unknown(at, message));
    }
    let hits = text.matches(&from).count();
    work.spend(at, hits.saturating_mul(to.len()) / 16)?;
    Ok(HclValue::text(at, text.replace(&from, &to)))
}

/// # Errors
/// It is no text.
pub(super) fn changed(text: HclValue, change: fn(&str) -> String) -> Result<HclValue, EvalProblem> {
    let at = text.at;
    Ok(HclValue::text(at, change(&text.into_text()?)))
}

/// # Errors
/// An argument is no text.
pub(super) fn trimmed(
    text: HclValue,
    part: HclValue,
    trim: for<'a> fn(&'a str, &str) -> Option<&'a str>,
) -> Result<HclValue, EvalProblem> {
    let (at, part) = (text.at, part.into_text()?);
    let text = text.into_text()?;
    let rest = trim(&text, &part).unwrap_or(&text).to_owned();
    Ok(HclValue::text(at, rest))
}

/// # Errors
/// An argument is no text.
pub(super) fn has(
    text: HclValue,
    part: HclValue,
    is_there: fn(&str, &str) -> bool,
) -> Result<HclValue, EvalProblem> {
    let (at, part) = (text.at, part.into_text()?);
    let found = is_there(&text.into_text()?, &part);
    Ok(HclValue::new(at, HclKind::Bool(found)))
}

/// Supports `%s`, `%d`, `%v` and `%%`.
///
/// # Errors
/// It has other verbs, or another number of values.
pub(super) fn format(at: HclPlace, args: Vec<HclValue>) -> Result<HclValue, EvalProblem> {
    let mut args = args.into_iter();
    let pattern = args.next().map(HclValue::into_text).transpose()?;
    let (mut made, pattern) = (String::new(), pattern.unwrap_or_default());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            made.push(c);
            continue;
        }
        let verb = rest.next();
        match verb {
            Some('%') => made.push('%'),
            Some('s' | 'v' | 'd') => {
                let missing = || EvalProblem::fails(at, "`format` lacks a value");
                let value = args.next().ok_or_else(missing)?;
                let text = match (verb, &value.kind) {
                    (Some('d'), _) => value.into_whole()?.to_string(),
                    (
                        Some('v'),
                        HclKind::Null | HclKind::List(_) | HclKind::Set(_) | HclKind::Map(_),
                    ) => {
                        let message = "`%v` of something that only Terraform writes";
                        return Err(EvalProblem::unknown(at, message));
                    }
                    _ => value.into_text()?,
                };
                made.push_str(&text);
            }
            Some(_) | None => {
                let message = "`format` with a verb that only Terraform knows";
                return Err(EvalProblem::unknown(at, message));
            }
        }
    }
    match args.next() {
        None => Ok(HclValue::text(at, made)),
        Some(_) => Err(EvalProblem::fails(at, "`format` has a value too many")),
    }
}
