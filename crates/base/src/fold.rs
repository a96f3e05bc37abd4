//! Case-insensitive comparison of names and values.

use unicode_normalization::UnicodeNormalization as _;

/// Folds case in any script and normalizes accents. Letters with the same capital are equal: `ß` is
/// `ss`, and the dotless `ı` is `i`.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfc().flat_map(char::to_lowercase);
    let by_capitals = lower.flat_map(char::to_uppercase);
    let folded: String = { by_capitals.flat_map(char::to_lowercase) }.nfc().collect();
    folded.replace("i\u{307}", "i").nfc().collect()
}

/// Lower case only: `ß` is unchanged.
pub fn lowered(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}

pub fn is_same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    folded(one) == folded(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_means_nothing_in_any_script() {
        for (one, other, same) in [
            ("Payments", "PAYMENTS", true),
            ("Ärztin", "ÄRZTIN", true),
            ("Zürich", "ZU\u{308}RICH", true),
            ("Großkunden", "GROSSKUNDEN", true),
            ("Großkunden", "GROẞKUNDEN", true),
            ("Équipe", "équipe", true),
            ("ΟΔΟΣ", "οδος", true),
            ("ΟΔΟΣ", "οδοσ", true),
            ("Бухгалтерия", "БУХГАЛТЕРИЯ", true),
            ("İSTANBUL", "istanbul", true),
            ("ISPARTA", "ısparta", true),
            ("İ\u{301}", "í", true),
            ("支払", "支払", true),
            ("Zürich", "Zurich", false),
            ("Ä", "A", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
            assert_eq!(is_same(other, one), same, "{other} {one}");
        }
    }

    #[test]
    fn every_letter_is_folded_with_its_capital_and_once() {
        let letters = ('\0'..=char::MAX).filter(|c| c.is_alphabetic());
        let odd = letters.filter(|c| {
            let (lower, upper) = (c.to_lowercase().to_string(), c.to_uppercase().to_string());
            let is_cased = lower != upper;
            let text = format!("a{c}b");
            let once = folded(&text);
            let alike =
                folded(&format!("a{lower}b")) == once && folded(&format!("a{upper}b")) == once;
            is_cased && !(alike && folded(&once) == once)
        });
        assert_eq!(odd.collect::<String>(), "");
    }
}
