//! Compares patterns: coverage and overlap. `policies.md` §2.2 defines them; `glob` and
//! `evaluation` match texts.

/// Characters; longer than an AWS ARN.
const COMPARED_MAX: usize = 4_096;
/// After this many colons the ARN is service-specific, and wildcards match colons.
const HEADS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternToken {
    Char(char),
    /// Any character except these.
    One {
        but: &'static str,
    },
    /// Any run without these, possibly empty.
    Run {
        but: &'static str,
    },
}

impl PatternToken {
    fn is_run(self) -> bool {
        matches!(self, Self::Run { .. })
    }

    fn but(self) -> &'static str {
        match self {
            Self::Char(_) => "",
            Self::One { but } | Self::Run { but } => but,
        }
    }

    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Char(c), Self::Char(other)) => c == other,
            (Self::Char(c), wild) | (wild, Self::Char(c)) => !wild.but().contains(c),
            _ => true,
        }
    }

    fn takes(self, other: Self) -> bool {
        match (self, other) {
            (Self::Char(c), other) => other == Self::Char(c),
            (wild, Self::Char(c)) => !wild.but().contains(c),
            (wild, other) => wild.but().chars().all(|c| other.but().contains(c)),
        }
    }
}

/// Normalizes wildcard runs: `?` first and one `*` last, equivalent and exact to compare.
fn in_order(tokens: impl Iterator<Item = PatternToken>) -> Vec<PatternToken> {
    let mut ordered = Vec::with_capacity(tokens.size_hint().0);
    let mut run: Option<PatternToken> = None;
    for token in tokens {
        match token {
            PatternToken::Run { but } => {
                let wider = run.is_none() || but.is_empty();
                run = if wider { Some(token) } else { run };
            }
            PatternToken::One { .. } => ordered.push(token),
            PatternToken::Char(_) => {
                ordered.extend(run.take());
                ordered.push(token);
            }
        }
    }
    ordered.extend(run);
    ordered
}

/// `*` is any run and `?` one character.
fn plain(text: &str) -> Vec<PatternToken> {
    in_order(text.chars().map(|c| match c {
        '*' => PatternToken::Run { but: "" },
        '?' => PatternToken::One { but: "" },
        c => PatternToken::Char(c),
    }))
}

/// `Resource` matching: in the first five segments a wildcard excludes the colon, except a `*` at a
/// segment's end. `${…}` is text, as equal variables have equal values.
fn resource(text: &str) -> Vec<PatternToken> {
    resource_tokens(text, VariableText::Literal, Colons::Passed)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VariableText {
    Literal,
    /// `${…}` may be anything.
    Anything,
}

/// Effect of a `*` at the end of one of the first five segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colons {
    /// Stays inside, if parts are compared separately.
    Kept,
    /// May pass the colon.
    Passed,
}

pub(crate) fn resource_tokens(
    text: &str,
    variables: VariableText,
    colons: Colons,
) -> Vec<PatternToken> {
    let mut tokens = Vec::with_capacity(text.len());
    let (mut rest, mut behind) = (text, 0);
    while let Some(c) = rest.chars().next() {
        if variables == VariableText::Anything
            && let Some((_, after)) = rest.strip_prefix("${").and_then(|it| it.split_once('}'))
        {
            tokens.push(PatternToken::Run { but: "" });
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or("");
        let but = if behind < HEADS { ":" } else { "" };
        let passes = rest.is_empty() || (rest.starts_with(':') && colons == Colons::Passed);
        tokens.push(match c {
            '*' if passes => PatternToken::Run { but: "" },
            '*' => PatternToken::Run { but },
            '?' => PatternToken::One { but },
            c => PatternToken::Char(c),
        });
        behind += usize::from(c == ':');
    }
    in_order(tokens.into_iter())
}

/// Whether it matches everything, even a request without a resource: `*`, alone or in each part.
pub(crate) fn is_any_resource(text: &str) -> bool {
    let mut parts = text.splitn(HEADS + 1, ':');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte == b'*'))
}

/// Whether it matches some ARN: all six parts, or a `*` for the missing ones.
pub(crate) fn fits_some_arn(text: &str) -> bool {
    let parts = text.splitn(HEADS + 1, ':');
    parts.clone().count() > HEADS || parts.into_iter().any(|part| part.ends_with('*'))
}

pub(crate) fn passes_colons(text: &str) -> bool {
    let mut parts = text.splitn(HEADS + 1, ':').take(HEADS);
    parts.any(|part| part.ends_with('*'))
}

/// Whether `wide` covers `narrow`. Never wrongly true; wrongly false only for contrived patterns
/// (`a*a` and `aa*` with more on both sides), or beyond AWS's lengths.
fn takes_all(wide: &[PatternToken], narrow: &[PatternToken]) -> bool {
    if narrow.len() > COMPARED_MAX {
        return wide == narrow;
    }
    // `reach[i]`: the first `i` of `wide` cover `narrow` up to here
    let mut reach = vec![false; wide.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    skip_runs(&mut reach, wide);
    let mut next = vec![false; reach.len()];
    for token in narrow {
        next.fill(false);
        let mut alive = false;
        for (at, piece) in wide.iter().enumerate() {
            let here = reach.get(at).copied().unwrap_or(false);
            if !here || !piece.takes(*token) || (token.is_run() && !piece.is_run()) {
                continue;
            }
            alive = true;
            if let Some(slot) = next.get_mut(if piece.is_run() { at } else { at + 1 }) {
                *slot = true;
            }
        }
        if !alive {
            return false;
        }
        skip_runs(&mut next, wide);
        std::mem::swap(&mut reach, &mut next);
    }
    reach.last().copied().unwrap_or(false)
}

/// A `*` may be empty.
fn skip_runs(reach: &mut [bool], tokens: &[PatternToken]) {
    for (at, token) in tokens.iter().enumerate() {
        if token.is_run()
            && reach.get(at).copied().unwrap_or(false)
            && let Some(slot) = reach.get_mut(at + 1)
        {
            *slot = true;
        }
    }
}

fn is_everything(tokens: &[PatternToken]) -> bool {
    matches!(tokens, [PatternToken::Run { but: "" }])
}

/// Whether some text fits both. Compares literal ends, then visits each pair of positions once.
pub(crate) fn meet(one: &[PatternToken], other: &[PatternToken]) -> bool {
    let (mut one, mut other) = (one, other);
    while let (Some((PatternToken::Char(a), more)), Some((PatternToken::Char(b), rest))) =
        (one.split_first(), other.split_first())
    {
        if a != b {
            return false;
        }
        (one, other) = (more, rest);
    }
    while let (Some((PatternToken::Char(a), more)), Some((PatternToken::Char(b), rest))) =
        (one.split_last(), other.split_last())
    {
        if a != b {
            return false;
        }
        (one, other) = (more, rest);
    }
    if is_everything(one) || is_everything(other) {
        return true;
    }
    let width = other.len().saturating_add(1);
    // whether both can finish from here; rows from the end, one kept
    let mut below: Vec<bool> = vec![false; width];
    for at in (0..=one.len()).rev() {
        let mut row = vec![false; width];
        for by in (0..width).rev() {
            let (left, right) = (one.get(at).copied(), other.get(by).copied());
            let get = |row: &[bool], by: usize| row.get(by).copied().unwrap_or(false);
            let fits = match (left, right) {
                (None, None) => true,
                (Some(left), None) => left.is_run() && get(&below, by),
                (None, Some(right)) => right.is_run() && get(&row, by + 1),
                (Some(left), Some(right)) => {
                    let skipped =
                        (left.is_run() && get(&below, by)) || (right.is_run() && get(&row, by + 1));
                    let taken = left.meets(right)
                        && match (left.is_run(), right.is_run()) {
                            // a character in both runs changes nothing
                            (true, true) => false,
                            (true, false) => get(&row, by + 1),
                            (false, true) => get(&below, by),
                            (false, false) => get(&below, by + 1),
                        };
                    skipped || taken
                }
            };
            if let Some(cell) = row.get_mut(by) {
                *cell = fits;
            }
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    takes_all(&plain(wide), &plain(narrow))
}

pub(crate) fn overlap(first: &str, second: &str) -> bool {
    meet(&plain(first), &plain(second))
}

/// Case-insensitive.
pub(crate) fn action_covers(wide: &str, narrow: &str) -> bool {
    wide == "*" || covers(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}

/// Case-insensitive.
pub(crate) fn action_overlaps(first: &str, second: &str) -> bool {
    overlap(&first.to_ascii_lowercase(), &second.to_ascii_lowercase())
}

pub(crate) fn resource_covers(wide: &str, narrow: &str) -> bool {
    if is_any_resource(wide) || is_any_resource(narrow) {
        return is_any_resource(wide);
    }
    fits_some_arn(wide) && fits_some_arn(narrow) && takes_all(&resource(wide), &resource(narrow))
}

pub(crate) fn resource_overlaps(first: &str, second: &str) -> bool {
    fits_some_arn(first) && fits_some_arn(second) && meet(&resource(first), &resource(second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn covering_is_about_every_text() {
        let rows = [
            ("*", "anything", true),
            ("*", "*", true),
            ("s3:*", "s3:Get*", true),
            ("s3:Get*", "s3:*", false),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:?et*", "s3:GetObject", true),
            ("s3:?et", "s3:*et", false),
            ("*?", "?*", true),
            ("?*", "*?", true),
            ("*a*", "b*a?c", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "ab?de", false),
            ("a", "a*", false),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
        ];
        for (wide, narrow, expected) in rows {
            assert_eq!(covers(wide, narrow), expected, "{wide} covers {narrow}");
        }
    }

    #[test]
    fn overlapping_is_about_some_text() {
        let rows = [
            ("s3:Get*", "s3:*Object", true),
            ("s3:Get*", "s3:Put*", false),
            ("a*b", "a*c", false),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "*b*", true),
            ("ab*", "*ba", true),
        ];
        for (a, b, expected) in rows {
            assert_eq!(overlap(a, b), expected, "{a} with {b}");
            assert_eq!(overlap(b, a), expected, "{b} with {a}");
        }
    }

    #[test]
    fn resources_are_compared_part_by_part() {
        let rows = [
            ("*", "arn:aws:s3:::b/*", true),
            ("arn:aws:s3:::b*", "arn:aws:s3:::b/*", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b", false),
            ("arn:aws:*", "arn:aws:s3:::b", true),
            (
                "arn:*:iam::*:role/*",
                "arn:aws:iam::111122223333:role/x",
                true,
            ),
            ("arn:aws:iam::*:role/*", "*", false),
            ("*:*", "*", true),
            // a `*` at a segment's end passes the colon
            (
                "arn:aws:dynamodb:*:table/a*",
                "arn:aws:dynamodb:r:1:table/ab",
                true,
            ),
            (
                "arn:aws:dynamodb:*:table/a*",
                "arn:aws:dynamodb:*:*:table/a?",
                true,
            ),
            (
                "arn:aws:dynamodb:*:*:table/a",
                "arn:aws:dynamodb:*:table/a",
                false,
            ),
            ("arn:aws:*:role/x", "arn:aws:iam::1:role/x", true),
            // others stay inside
            ("arn:aws:s*b:role/x", "arn:aws:s:b:role/x", false),
            ("arn:aws:s?x:::a", "arn:aws:s:x:::a", false),
            ("arn:aws:s3:::a*c", "arn:aws:s3:::a:b:c", true),
        ];
        for (wide, narrow, expected) in rows {
            assert_eq!(
                resource_covers(wide, narrow),
                expected,
                "{wide} covers {narrow}"
            );
        }
        assert!(resource_overlaps("arn:aws:s3:::a*", "arn:*:s3:::*z"));
        assert!(resource_overlaps(
            "arn:aws:dynamodb:*:table/a*",
            "arn:aws:dynamodb:r:1:table/*z"
        ));
        assert!(!resource_overlaps(
            "arn:aws:dynamodb:*x:table/a",
            "arn:aws:dynamodb:r:1:table/a"
        ));
        assert!(!resource_overlaps("arn:aws:s3:::a", "arn:aws:sqs:::a"));
    }

    fn takes(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| takes(rest, text.get(n..).unwrap())),
            Some((c, rest)) => match text.split_first() {
                Some((t, more)) => (*c == '?' || c == t) && takes(rest, more),
                None => false,
            },
        }
    }

    proptest! {
        #[test]
        fn no_text_contradicts(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}", text in "[ab]{0,6}") {
            let chars = |it: &str| it.chars().collect::<Vec<_>>();
            let (in_a, in_b) = (takes(&chars(&a), &chars(&text)), takes(&chars(&b), &chars(&text)));
            prop_assert!(!(covers(&a, &b) && in_b && !in_a), "{a} covers {b}, but {text}");
            prop_assert!(!(in_a && in_b && !overlap(&a, &b)), "{a} with {b}: {text}");
        }

        #[test]
        fn a_plain_text_is_covered_when_matched(a in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            let chars = |it: &str| it.chars().collect::<Vec<_>>();
            let expected = takes(&chars(&a), &chars(&text));
            prop_assert_eq!(covers(&a, &text), expected);
            prop_assert_eq!(overlap(&a, &text), expected);
        }
    }
}
