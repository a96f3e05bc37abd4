//! The command as typed, for hints.

use std::env;

use hallpass_terminal::short_forms::expand;

/// This process's command as a shell line, in its long form.
pub(crate) fn as_typed() -> String {
    let (words, _) = expand(env::args_os().collect());
    let words = words.into_iter().skip(1);
    let words = words.map(|it| quoted(&it.to_string_lossy()));
    let words: Vec<String> = std::iter::once("hallpass".to_owned())
        .chain(words)
        .collect();
    words.join(" ")
}

pub fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "@._+-/=:,".contains(it);
    let word = hallpass_terminal::output::plain(word);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_word_of_a_shell() {
        for (name, word) in [
            ("ana@example.com", "ana@example.com"),
            ("demo/standards.yaml", "demo/standards.yaml"),
            ("ana lima", "'ana lima'"),
            ("o'neill; rm", "'o'\\''neill; rm'"),
            ("$(id)", "'$(id)'"),
        ] {
            assert_eq!(quoted(name), word);
        }
    }
}
