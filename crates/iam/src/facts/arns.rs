//! Which resource type an ARN or an ARN pattern belongs to.

use serde::{Serialize, Serializer};

use super::template::{self, LetterCase};
use crate::arn::split_arn;
use crate::pattern::{self, Colons, PatternToken, VariableText, meet};

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
        let fits = |but, colons| {
            let given = pattern::resource_tokens(resource, VariableText::Anything, colons);
            meet(&self.tokens(but), &given)
        };
        // a variable may hold colons, but not those that a `*` of the policy has passed
        pattern::fits_some_arn(resource)
            && (fits("", Colons::Kept)
                || pattern::passes_colons(resource) && fits(":", Colons::Passed))
    }

    pub(super) fn is(&self, parts: &[&str; 6]) -> bool {
        let ([heads @ .., rest], [given @ .., given_rest]) = (&self.parts, parts);
        // a slash in the last variable is rare, so the dear way is taken only where it matters
        let closed = || meet(&tail(rest, false, ""), &literal(given_rest));
        let mut heads = heads.iter().zip(given);
        heads.all(|(own, given)| template::fits(own, given, 0, LetterCase::Matters))
            && template::fits(rest, given_rest, 1, LetterCase::Matters)
            && (self.end_holds_slash || !given_rest.contains('/') || closed())
    }

    /// The whole pattern: a variable of the first five parts may be empty and holds no colon.
    fn tokens(&self, but: &'static str) -> Vec<PatternToken> {
        let [heads @ .., rest] = &self.parts;
        let mut tokens = Vec::new();
        for head in heads {
            let mut given = *head;
            while let Some((before, after)) = template::next(given) {
                tokens.extend(literal(before));
                tokens.push(PatternToken::Run { but: ":" });
                given = after;
            }
            tokens.extend(literal(given));
            tokens.push(PatternToken::Char(':'));
        }
        tokens.extend(tail(rest, self.end_holds_slash, but));
        tokens
    }

    /// Characters that are given; the more, the more it says.
    pub(super) fn weight(&self) -> usize {
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
pub(super) fn close(patterns: Vec<&mut ArnPattern>) {
    let mut all: Vec<String> = patterns.iter().map(|it| shape(it.text)).collect();
    all.sort_unstable();
    for pattern in patterns {
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

/// The part behind the fifth colon: a variable is at least one character, and none of `but`; one
/// that closes the pattern holds no `/` either.
fn tail(part: &str, end_holds_slash: bool, but: &'static str) -> Vec<PatternToken> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while let Some((before, after)) = template::next(rest) {
        tokens.extend(before.chars().map(PatternToken::Char));
        let but = match (after.is_empty() && !end_holds_slash, but) {
            (false, but) => but,
            (true, "") => "/",
            (true, _) => "/:",
        };
        tokens.extend([PatternToken::One { but }, PatternToken::Run { but }]);
        rest = after;
    }
    tokens.extend(literal(rest));
    tokens
}

fn literal(part: &str) -> Vec<PatternToken> {
    part.chars().map(PatternToken::Char).collect()
}
