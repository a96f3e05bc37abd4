use std::fmt;

use crate::fold::{folded, lowered};

/// A name pattern: `*` for any run of characters, `?` for one; case-insensitive in any script.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    pub fn new(pattern: &str) -> Self {
        let text = folded(pattern);
        let mut pattern = String::with_capacity(text.len());
        for c in text.chars() {
            if !(c == '*' && pattern.ends_with('*')) {
                pattern.push(c);
            }
        }
        Self(pattern)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_pattern(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Matches the whole name. Worst case time is the product of both lengths.
    pub fn matches(&self, name: &str) -> bool {
        if name.is_ascii() && self.0.is_ascii() {
            return fits(
                self.0.bytes(),
                name.bytes().map(|byte| byte.to_ascii_lowercase()),
            );
        }
        // a `?` is one source letter, even if it folds to two
        fits(self.0.chars(), folded(name).chars())
            || self.0.contains('?') && fits(self.0.chars(), lowered(name).chars())
    }

    /// Checks that every match of `other` surely matches this one.
    pub fn covers(&self, other: &Self) -> bool {
        // wildcards of the other are literal unless only a `*` of this one can match them
        let is_told = !(self.0.contains('?') && other.0.contains('*'));
        is_told && fits(self.0.chars(), other.0.chars())
    }
}

/// Matches folded characters, or bytes if all are ASCII.
fn fits<T: Copy + PartialEq + From<u8>>(
    mut pattern: impl Iterator<Item = T> + Clone,
    mut name: impl Iterator<Item = T> + Clone,
) -> bool {
    let (any, one) = (T::from(b'*'), T::from(b'?'));
    let mut retry = None;
    loop {
        let before_name = name.clone();
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some(p), _) if p == any => {
                name = before_name.clone();
                retry = Some((pattern.clone(), before_name));
                continue;
            }
            (Some(p), Some(c)) if p == one || p == c => continue,
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
            ("Ärzt*", "ÄRZTIN", true),
            ("ZÜRICH", "zu\u{308}rich", true),
            ("z?rich", "ZU\u{308}RICH", true),
            ("Zu*", "Zürich", false),
            ("*kunden", "GROSSKUNDEN", true),
            ("groß*", "GROSSKUNDEN", true),
            ("gross*", "Großkunden", true),
            ("gro?kunden", "Großkunden", true),
            ("gro??kunden", "GROSSKUNDEN", true),
            ("*ß*", "payments", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(name),
                fits,
                "{pattern} on {name}"
            );
        }
    }

    #[test]
    fn a_pattern_covers_what_certainly_fits_it_too() {
        for (pattern, other, covers) in [
            ("*", "*", true),
            ("*", "Pay", true),
            ("Pay", "PAY", true),
            ("pay*", "pay-*-eu", true),
            ("pay*", "*", false),
            ("*-x*", "a-x", true),
            ("p?y", "pay", true),
            ("p?y", "p?y", true),
            ("p?y", "p*y", false),
            ("p*", "?*", false),
            ("pay", "legal", false),
        ] {
            let covered = Glob::new(pattern).covers(&Glob::new(other));
            assert_eq!(covered, covers, "{pattern} over {other}");
        }
    }
}
