//! Patterns over names that people write: `*` for any run of characters, `?` for one.

use std::fmt;

/// A pattern over names: `*` for any run of characters, `?` for one; compared without ASCII case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// Wraps a pattern; runs of `*` are one.
    pub fn new(pattern: &str) -> Self {
        let mut folded = String::with_capacity(pattern.len());
        for c in pattern.chars() {
            if !(c == '*' && folded.ends_with('*')) {
                folded.push(c.to_ascii_lowercase());
            }
        }
        Self(folded)
    }

    /// The pattern, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can fit more than one name.
    pub fn is_pattern(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Whether all of `name` fits the pattern. Time is the product of both lengths at worst.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut name) = (self.0.chars(), name.chars());
        let mut retry = None;
        loop {
            let before_name = name.clone();
            match (pattern.next(), name.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    name = before_name.clone();
                    retry = Some((pattern.clone(), before_name));
                    continue;
                }
                (Some('?'), Some(_)) => continue,
                (Some(p), Some(c)) if p == c.to_ascii_lowercase() => continue,
                (Some(_) | None, Some(_) | None) => {}
            }
            let Some((after_star, mut from)) = retry.take() else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            pattern = after_star.clone();
            name = from.clone();
            retry = Some((after_star, from));
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*", "anything", true),
            ("pay*", "payments-prod", true),
            ("pay*", "repay", false),
            ("*-prod", "payments-prod", true),
            ("*-prod", "payments-prod-2", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("p?d", "pod", true),
            ("p?d", "pd", false),
            ("PAY-*", "pay-x", true),
            ("", "", true),
            ("", "a", false),
            ("**a", "bba", true),
            ("p?y*", "pay", true),
            ("p?y", "py", false),
            ("PROD-*", "prod-payments", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(name),
                fits,
                "{pattern} on {name}"
            );
        }
    }
}
