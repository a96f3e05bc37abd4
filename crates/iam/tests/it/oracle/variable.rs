//! Policy variables (`policies.md` §2.3).

use super::text::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Char(char),
    Any,
    One,
}

/// Fills the context into a pattern; `None` is the *null* value.
///
/// `modern` is true for Version 2012-10-17, which is required for variables.
pub(super) fn fill(pattern: &str, modern: bool, context: &Context) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if modern
            && rest.starts_with("${")
            && let Some(end) = rest.find('}')
        {
            let inside = &rest[2..end];
            parts.extend(value(inside, context)?.chars().map(Part::Char));
            rest = &rest[end + 1..];
            continue;
        }
        parts.push(match first {
            '*' => Part::Any,
            '?' => Part::One,
            other => Part::Char(other),
        });
        rest = &rest[first.len_utf8()..];
    }
    Some(parts)
}

fn value(inside: &str, context: &Context) -> Option<String> {
    if matches!(inside, "*" | "?" | "$") {
        return Some(inside.to_owned());
    }
    let (key, default) = match inside.split_once(", '") {
        Some((key, tail)) if tail.ends_with('\'') => (key, Some(tail[..tail.len() - 1].to_owned())),
        _ => (inside, None),
    };
    match context.get(key) {
        None => default,
        Some(values) if values.many => None,
        Some(values) if values.texts[0].is_empty() => default,
        Some(values) => Some(values.texts[0].clone()),
    }
}
