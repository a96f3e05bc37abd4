//! Which resource type an ARN or an ARN pattern belongs to.

use serde::{Serialize, Serializer};

use super::table::ResourceType;
use super::template::{self, LetterCase};
use crate::language::split_arn;

/// How ARNs of a resource type are built: `arn:${Partition}:s3:::${BucketName}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnPattern {
    text: &'static str,
    parts: [&'static str; 6],
    /// Whether what stands for a variable at the end may hold a `/`.
    end_holds_slash: bool,
}

impl ArnPattern {
    pub(super) fn new(text: &'static str) -> Option<Self> {
        Some(Self {
            text,
            parts: split_arn(text)?,
            end_holds_slash: true,
        })
    }

    /// As AWS writes it.
    pub fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the ARN is built like this; `*` and `?` are characters.
    pub fn matches(&self, arn: &str) -> bool {
        split_arn(arn).is_some_and(|parts| self.is(&parts))
    }

    /// Whether some ARN that is built like this fits the `Resource` of a policy, which may hold
    /// `*`, `?` and `${…}`. What is no ARN pattern fits nothing.
    pub fn overlaps(&self, resource: &str) -> bool {
        if resource == "*" {
            return true;
        }
        match split_arn(resource) {
            Some(parts) => self.meets(&parts),
            // fewer than six parts, padded with `*` (`policies.md` §2.2)
            None if resource.ends_with('*') => {
                let given = resource
                    .split(':')
                    .map(Some)
                    .chain([None].into_iter().cycle());
                let mut padded = self.parts.iter().zip(given);
                padded.all(|(own, given)| {
                    given.is_none_or(|given| meet(&head(own), &wildcards(given)))
                })
            }
            None => false,
        }
    }

    fn is(&self, parts: &[&str; 6]) -> bool {
        let ([heads @ .., rest], [given @ .., given_rest]) = (&self.parts, parts);
        // a slash in the last variable is rare, so the dear way is taken only where it matters
        let closed = || meet(&tail(rest, false), &literal(given_rest));
        let mut heads = heads.iter().zip(given);
        heads.all(|(own, given)| template::fits(own, given, 0, LetterCase::Matters))
            && template::fits(rest, given_rest, 1, LetterCase::Matters)
            && (self.end_holds_slash || !given_rest.contains('/') || closed())
    }

    fn meets(&self, parts: &[&str; 6]) -> bool {
        let ([heads @ .., rest], [given @ .., given_rest]) = (&self.parts, parts);
        let mut heads = heads.iter().zip(given);
        heads.all(|(own, given)| meet(&head(own), &wildcards(given)))
            && meet(&tail(rest, self.end_holds_slash), &wildcards(given_rest))
    }

    /// Characters that are given; the more, the more it says.
    fn weight(&self) -> usize {
        shape(self.text).replace("${}", "").chars().count()
    }
}

impl Serialize for ArnPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

/// Finds the patterns whose last variable must not hold a `/`: another pattern of the service goes
/// on with `/` there. A bucket's name ends where an object's key begins; a secret's name, with
/// nothing behind it, may hold slashes.
pub(super) fn close(types: &mut [ResourceType]) {
    let patterns = types.iter().flat_map(|it| &it.arns);
    let mut all: Vec<String> = patterns.map(|it| shape(it.text)).collect();
    all.sort_unstable();
    for pattern in types.iter_mut().flat_map(|it| &mut it.arns) {
        if pattern.text.ends_with('}') {
            let longer = shape(pattern.text) + "/";
            let at = all.partition_point(|other| *other < longer);
            let goes_on = all.get(at).is_some_and(|it| it.starts_with(&longer));
            pattern.end_holds_slash = !goes_on;
        }
    }
}

/// The template without the names of its variables.
fn shape(template: &str) -> String {
    let mut shape = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((piece, after)) = template::next(rest) {
        shape.push_str(piece);
        shape.push_str("${}");
        rest = after;
    }
    shape + rest
}

/// The type whose pattern matches and says most; the first of equals.
pub(super) fn best<'a>(
    types: impl Iterator<Item = &'a ResourceType>,
    arn: &str,
) -> Option<&'a ResourceType> {
    let parts = split_arn(arn)?;
    let mut found: Option<(usize, &ResourceType)> = None;
    for kind in types {
        let matching = kind.arns.iter().filter(|it| it.is(&parts));
        let weight = matching.map(ArnPattern::weight).max();
        if let Some(weight) = weight
            && found.is_none_or(|(most, _)| weight > most)
        {
            found = Some((weight, kind));
        }
    }
    found.map(|(_, kind)| kind)
}

/// What stands at one place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternToken {
    /// This character.
    Char(char),
    /// Any one character; without `/` when told so.
    One { slash: bool },
    /// Any run of characters, also none.
    Run { slash: bool },
}

impl PatternToken {
    fn is_run(self) -> bool {
        matches!(self, Self::Run { .. })
    }

    /// Whether some character suits both.
    fn meets(self, other: Self) -> bool {
        let takes = |token: Self, c: char| match token {
            Self::Char(own) => own == c,
            Self::One { slash } | Self::Run { slash } => slash || c != '/',
        };
        match (self, other) {
            (Self::Char(c), token) | (token, Self::Char(c)) => takes(token, c),
            _ => true,
        }
    }
}

/// One of the first five parts: a variable may be empty there.
fn head(part: &str) -> Vec<PatternToken> {
    template(part, &[PatternToken::Run { slash: true }], true)
}

/// The part behind the fifth colon: a variable is at least one character.
fn tail(part: &str, end_holds_slash: bool) -> Vec<PatternToken> {
    let variable = [
        PatternToken::One { slash: true },
        PatternToken::Run { slash: true },
    ];
    template(part, &variable, end_holds_slash)
}

fn template(part: &str, variable: &[PatternToken], end_holds_slash: bool) -> Vec<PatternToken> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while let Some((before, after)) = template::next(rest) {
        tokens.extend(before.chars().map(PatternToken::Char));
        if after.is_empty() && !end_holds_slash {
            tokens.extend([
                PatternToken::One { slash: false },
                PatternToken::Run { slash: false },
            ]);
        } else {
            tokens.extend(variable);
        }
        rest = after;
    }
    tokens.extend(rest.chars().map(PatternToken::Char));
    tokens
}

fn literal(part: &str) -> Vec<PatternToken> {
    part.chars().map(PatternToken::Char).collect()
}

/// A policy's pattern; what a `${…}` stands for is not known, so it may be anything.
fn wildcards(part: &str) -> Vec<PatternToken> {
    let run = [PatternToken::Run { slash: true }];
    let tokens = template(part, &run, true).into_iter();
    let tokens = tokens.map(|token| match token {
        PatternToken::Char('*') => PatternToken::Run { slash: true },
        PatternToken::Char('?') => PatternToken::One { slash: true },
        other => other,
    });
    tokens.collect()
}

/// Whether some text fits both. Looks at each pair of places once.
fn meet(one: &[PatternToken], other: &[PatternToken]) -> bool {
    let width = other.len().saturating_add(1);
    // whether both can be used up from here on; rows from the end, one kept
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
                            // a shared character of two runs changes nothing
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
