//! `Resource` patterns (`policies.md` §2.2; AWS: "IAM JSON policy elements: Resource").
//!
//! Compared by segment: a wildcard in the first five stays inside, but a `*` at a segment's end may
//! extend past the colon over any number of ARN parts.

use super::arn_pattern::RequestResource;
use super::context::Context;
use super::template::{Syntax, Template, split_outside};
use crate::glob::Glob;
use crate::pattern::is_any_resource;

/// The last segment extends to the end of the ARN.
const SEGMENTS: usize = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourcePattern {
    /// `*`, also in each part: everything, including requests without a resource.
    Any,
    Segments {
        heads: Box<[Segment]>,
        last: LastSegment,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    glob: Glob,
    /// Ends in `*`.
    goes_on: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LastSegment {
    /// After the fifth colon: wildcards match colons, and variables are replaced.
    Rest(Template),
    Short(Segment),
}

impl Segment {
    fn new(text: &str) -> Self {
        Self {
            glob: Glob::new(text),
            goes_on: text.ends_with('*'),
        }
    }

    /// Matches up to the first colon, or extends to the end.
    fn ends(&self, text: &str) -> bool {
        match text.split_once(':') {
            None => self.glob.matches(text),
            Some((part, _)) => self.goes_on && self.glob.matches(part),
        }
    }
}

impl ResourcePattern {
    /// `variables`: whether the policy version supports them.
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        if is_any_resource(text) {
            return Self::Any;
        }
        let mut segments = split_outside(text, variables, SEGMENTS);
        let is_whole = segments.len() == SEGMENTS;
        let last = segments.pop().unwrap_or_default();
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        Self::Segments {
            heads: segments.into_iter().map(Segment::new).collect(),
            last: if is_whole {
                LastSegment::Rest(Template::new(last, syntax))
            } else {
                LastSegment::Short(Segment::new(last))
            },
        }
    }

    /// `None` if a variable has no value, which affects the whole statement regardless of the rest.
    pub(crate) fn covers(&self, target: &RequestResource, context: &Context) -> Option<bool> {
        let Self::Segments { heads, last } = self else {
            return Some(true);
        };
        let filled = match last {
            LastSegment::Rest(rest) if rest.is_open() => Some(rest.filled(context)?),
            LastSegment::Rest(_) | LastSegment::Short(_) => None,
        };
        let RequestResource::Arn { text, .. } = target else {
            return Some(false);
        };
        Some(align(heads, text, |rest| match (&filled, last) {
            (Some(pieces), _) => crate::glob::covers(pieces, rest),
            (None, LastSegment::Rest(template)) => template.fixed_matches(rest),
            (None, LastSegment::Short(segment)) => segment.ends(rest),
        }))
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Segments { last: LastSegment::Rest(rest), .. } if rest.is_open())
    }
}

/// Whether the segments match leading parts of the text and `last` the rest. Backtracks only into
/// the last extending segment: an earlier one reaches no additional positions.
fn align(heads: &[Segment], text: &str, last: impl Fn(&str) -> bool) -> bool {
    let (mut at, mut rest) = (0, text);
    // the segment after the extending one, and its position
    let mut retry: Option<(usize, &str)> = None;
    loop {
        match (heads.get(at), rest.split_once(':')) {
            (None, _) if last(rest) => return true,
            (Some(segment), Some((part, behind))) if segment.glob.matches(part) => {
                at += 1;
                rest = behind;
                if segment.goes_on {
                    retry = Some((at, rest));
                }
                continue;
            }
            _ => {}
        }
        let Some((follows, from)) = retry else {
            return false;
        };
        let Some((_, next)) = from.split_once(':') else {
            return false;
        };
        retry = Some((follows, next));
        (at, rest) = (follows, next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(pattern: &str, arn: &str) -> bool {
        let target = RequestResource::parse(arn).unwrap();
        ResourcePattern::new(pattern, true).covers(&target, &Context::new()) == Some(true)
    }

    #[test]
    fn a_star_at_the_end_of_a_segment_goes_on_past_the_colon() {
        let table = "arn:aws:dynamodb:eu-west-1:111111111111:table/prod-x";
        let role = "arn:aws:iam::111111111111:role/x";
        let rows = [
            ("arn:aws:dynamodb:*:table/prod-*", table, true),
            ("arn:aws:dynamodb:eu*:table/prod-x", table, true),
            ("arn:aws:dynamodb:us*:table/prod-x", table, false),
            ("arn:aws:*:table/prod-x", table, true),
            ("arn:*:table/prod-x", table, true),
            ("*:table/prod-x", table, true),
            ("arn:aws:dynamodb:*:111111111111:table/prod-x", table, true),
            ("arn:aws:*:111111111111:*", table, true),
            ("arn:aws:*:222222222222:*", table, false),
            // others stay inside their segment
            ("arn:aws:dynamodb:*1:table/prod-x", table, false),
            ("arn:aws:dynamodb:eu?*1:table/prod-x", table, false),
            (
                "arn:aws:dynamodb:eu-west-1?111111111111:table/prod-x",
                table,
                false,
            ),
            ("arn:aws:dynamodb:*:table/p*d-x", table, true),
            ("arn:aws:dynamodb:*:*:*:table/prod-x", table, false),
            ("arn:aws:iam::*:role/x", role, true),
            ("arn:aws:iam::*:role", role, false),
            ("arn:aws:iam:*:role/x", role, true),
            ("arn:aws:iam*", role, true),
            ("arn:aws:ia", role, false),
            ("arn:aws:iam:*:role/y*", role, false),
            ("arn:aws:sns:*:*:t:*", "arn:aws:sns:r:1:t:u:v", true),
            ("arn:aws:sns:*:u:*", "arn:aws:sns:r:1:t:u:v", true),
        ];
        for (pattern, arn, expected) in rows {
            assert_eq!(covers(pattern, arn), expected, "{pattern} on {arn}");
        }
    }

    /// Reference matcher: character recursion.
    fn takes(pattern: &[char], text: &[char], colons: usize) -> bool {
        let inside = colons < 5;
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', more)) => {
                let last = more.first().is_none_or(|next| *next == ':');
                let stays = inside && !last;
                let reach = text.iter().take_while(|c| !stays || **c != ':').count();
                (0..=reach).any(|n| takes(more, text.get(n..).unwrap(), colons))
            }
            Some(('?', more)) => text
                .split_first()
                .is_some_and(|(c, rest)| !(inside && *c == ':') && takes(more, rest, colons)),
            Some((own, more)) => text.split_first().is_some_and(|(c, rest)| {
                c == own && takes(more, rest, colons + usize::from(*own == ':'))
            }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn it_matches_as_the_obvious_matcher(
            pattern in "[ab*?:]{0,12}", tail in "[ab]{0,2}:[ab]{0,2}:[ab:]{0,6}",
        ) {
            let arn = format!("arn:a:b:{tail}");
            let pattern = format!("arn:{pattern}");
            let chars = |it: &str| it.chars().collect::<Vec<_>>();
            let expected = takes(&chars(&pattern), &chars(&arn), 0);
            prop_assert_eq!(covers(&pattern, &arn), expected, "{} on {}", pattern, arn);
            // pattern comparison agrees
            prop_assert_eq!(crate::pattern::resource_covers(&pattern, &arn), expected);
            prop_assert_eq!(crate::pattern::resource_overlaps(&pattern, &arn), expected);
        }

        #[test]
        fn patterns_are_compared_as_they_match(
            wide in "[ab*?:]{0,10}", narrow in "[ab*?:]{0,10}", tail in "[ab]?:[ab]?:[ab:]{0,6}",
        ) {
            let arn = format!("arn:a:b:{tail}");
            let (wide, narrow) = (format!("arn:{wide}"), format!("arn:{narrow}"));
            let (in_wide, in_narrow) = (covers(&wide, &arn), covers(&narrow, &arn));
            let contradicted = crate::pattern::resource_covers(&wide, &narrow) && in_narrow && !in_wide;
            prop_assert!(!contradicted, "{wide} covers {narrow}, but {arn}");
            let shared = in_wide && in_narrow;
            prop_assert!(
                !shared || crate::pattern::resource_overlaps(&wide, &narrow), "{wide} {narrow} {arn}"
            );
        }
    }
}
