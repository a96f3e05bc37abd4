//! Patterns with `*` (any run) and `?` (one character) compared with each other: does one take
//! all that another takes, do two take anything in common. Matching rules: `policies.md` §2.2.

use crate::language::split_arn;

/// One place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPiece {
    /// `*`
    Run,
    /// `?`
    One,
    /// A character that stands for itself.
    Is(char),
}

/// The pieces of a pattern; in a stretch of wildcards the `?` come first and one `*` last, which
/// takes the same texts and makes comparing exact for stretches.
fn pieces(text: &str) -> Vec<PatternPiece> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut run = false;
    for c in text.chars() {
        match c {
            '*' => run = true,
            '?' => pieces.push(PatternPiece::One),
            c => {
                if std::mem::take(&mut run) {
                    pieces.push(PatternPiece::Run);
                }
                pieces.push(PatternPiece::Is(c));
            }
        }
    }
    if run {
        pieces.push(PatternPiece::Run);
    }
    pieces
}

/// Whether every text that `narrow` takes is taken by `wide`, too. Never wrongly true; wrongly
/// false only for contrived patterns (`a*a` and `aa*` with more on both sides).
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (pieces(wide), pieces(narrow));
    let (mut at, mut on) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    // the usual linear matcher, where the text is itself a pattern
    while on < narrow.len() {
        let fits = match (wide.get(at), narrow.get(on)) {
            (Some(PatternPiece::Run), _) => {
                back = Some((at, on));
                at += 1;
                continue;
            }
            (Some(PatternPiece::One), Some(PatternPiece::One | PatternPiece::Is(_))) => true,
            (Some(PatternPiece::Is(a)), Some(PatternPiece::Is(b))) => a == b,
            _ => false,
        };
        if fits {
            at += 1;
            on += 1;
        } else if let Some((star, from)) = back {
            back = Some((star, from + 1));
            at = star + 1;
            on = from + 1;
        } else {
            return false;
        }
    }
    wide.get(at..)
        .is_some_and(|rest| rest.iter().all(|piece| *piece == PatternPiece::Run))
}

/// Whether some text is taken by both patterns.
pub(super) fn overlap(first: &str, second: &str) -> bool {
    let (first, second) = (pieces(first), pieces(second));
    // `reach[j]`: the pieces of `first` so far and the first `j` of `second` take a common text
    let mut reach = vec![false; second.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    skip_runs(&mut reach, &second);
    for piece in &first {
        let mut next = vec![false; reach.len()];
        for (j, here) in reach.iter().enumerate() {
            if !here {
                continue;
            }
            let mut mark = |at: usize| {
                if let Some(slot) = next.get_mut(at) {
                    *slot = true;
                }
            };
            match (piece, second.get(j)) {
                (PatternPiece::Run, _) => (j..=second.len()).for_each(&mut mark),
                (_, Some(PatternPiece::Run)) => mark(j),
                (PatternPiece::One, Some(_)) | (PatternPiece::Is(_), Some(PatternPiece::One)) => {
                    mark(j + 1);
                }
                (PatternPiece::Is(a), Some(PatternPiece::Is(b))) if a == b => mark(j + 1),
                (PatternPiece::Is(_) | PatternPiece::One, _) => {}
            }
        }
        skip_runs(&mut next, &second);
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

/// A `*` takes nothing, too.
fn skip_runs(reach: &mut [bool], pieces: &[PatternPiece]) {
    for (at, piece) in pieces.iter().enumerate() {
        let here = reach.get(at).copied().unwrap_or(false);
        if here
            && *piece == PatternPiece::Run
            && let Some(slot) = reach.get_mut(at + 1)
        {
            *slot = true;
        }
    }
}

/// Whether a pattern of actions takes all that another takes; case does not count.
pub(super) fn action_covers(wide: &str, narrow: &str) -> bool {
    wide == "*" || covers(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}

/// Whether two patterns of actions have an action in common; case does not count.
pub(super) fn action_overlaps(first: &str, second: &str) -> bool {
    overlap(&first.to_ascii_lowercase(), &second.to_ascii_lowercase())
}

/// The six parts of a resource pattern; one that is short and ends in `*` is filled up.
pub(super) fn resource_parts(text: &str) -> Option<[&str; 6]> {
    if text == "*" {
        return Some(["*"; 6]);
    }
    if let Some(parts) = split_arn(text) {
        return Some(parts);
    }
    text.ends_with('*').then(|| {
        let mut parts = ["*"; 6];
        for (slot, part) in parts.iter_mut().zip(text.split(':')) {
            *slot = part;
        }
        parts
    })
}

/// Whether a resource pattern takes all that another takes.
pub(super) fn resource_covers(wide: &str, narrow: &str) -> bool {
    if wide == "*" {
        return true;
    }
    both(wide, narrow, covers)
}

/// Whether two resource patterns have a resource in common.
pub(super) fn resource_overlaps(first: &str, second: &str) -> bool {
    both(first, second, overlap)
}

fn both(first: &str, second: &str, holds: fn(&str, &str) -> bool) -> bool {
    match (resource_parts(first), resource_parts(second)) {
        (Some(first), Some(second)) => first.iter().zip(second).all(|(a, b)| holds(a, b)),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
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
        ];
        for (wide, narrow, expected) in rows {
            assert_eq!(
                resource_covers(wide, narrow),
                expected,
                "{wide} covers {narrow}"
            );
        }
        assert!(resource_overlaps("arn:aws:s3:::a*", "arn:*:s3:::*z"));
        assert!(!resource_overlaps("arn:aws:s3:::a", "arn:aws:sqs:::a"));
    }

    /// The obvious matcher.
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
