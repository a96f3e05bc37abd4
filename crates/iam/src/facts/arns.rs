//! Resource types of ARNs and patterns.

use serde::{Serialize, Serializer};

use super::template::{self, LetterCase};
use crate::arn::split_arn;
use crate::pattern::{self, Colons, PatternToken, VariableText, meet};

/// ARN template of a resource type: `arn:${Partition}:s3:::${BucketName}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnPattern {
    text: &'static str,
    parts: [&'static str; 6],
    /// Whether a final variable may have a `/`.
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

    pub fn as_str(&self) -> &'static str {
        self.text
    }

    /// Treats `*` and `?` literally.
    pub fn matches(&self, arn: &str) -> bool {
        split_arn(arn).is_some_and(|parts| self.is(&parts))
    }

    /// Whether some ARN of this form matches a policy's `Resource` with `*`, `?` and `${…}`. A
    /// non-ARN pattern matches nothing.
    pub fn overlaps(&self, resource: &str) -> bool {
        let fits = |but, colons| {
            let given = pattern::resource_tokens(resource, VariableText::Anything, colons);
            meet(&self.tokens(but), &given)
        };
        // a variable may have colons, except those that a policy's `*` matched
        pattern::fits_some_arn(resource)
            && (fits("", Colons::Kept)
                || pattern::passes_colons(resource) && fits(":", Colons::Passed))
    }

    pub(super) fn is(&self, parts: &[&str; 6]) -> bool {
        let ([heads @ .., rest], [given @ .., given_rest]) = (&self.parts, parts);
        // a slash in the last variable is rare: use the expensive check only if relevant
        let closed = || meet(&tail(rest, false, ""), &literal(given_rest));
        let mut heads = heads.iter().zip(given);
        heads.all(|(own, given)| template::fits(own, given, 0, LetterCase::Matters))
            && template::fits(rest, given_rest, 1, LetterCase::Matters)
            && (self.end_holds_slash || !given_rest.contains('/') || closed())
    }

    /// A variable of the first five parts may be empty and has no colon.
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

    /// Literal characters: specificity.
    pub(super) fn weight(&self) -> usize {
        shape(self.text).replace("${}", "").chars().count()
    }
}

impl Serialize for ArnPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

/// Marks patterns whose last variable excludes `/`, as another pattern of the service continues
/// there. A bucket's name ends before an object's key; a secret's name may have slashes.
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

/// The template without variable names.
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

/// After the fifth colon: a variable has at least one character, none of `but`; a final one may
/// also exclude `/`.
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
