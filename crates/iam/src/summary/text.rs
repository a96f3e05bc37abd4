//! Pieces of text: verbatim parts of a policy, lists, capitals.

/// Characters of one verbatim piece; longer ones are cut.
const PIECE_MAX: usize = 120;
/// Things named in a list; more are counted.
pub(super) const NAMED_MAX: usize = 3;

/// A text of the policy, between backticks; such as it holds itself become apostrophes.
pub(super) fn verbatim(text: &str) -> String {
    let mut piece: String = text.chars().take(PIECE_MAX).collect();
    if text.chars().nth(PIECE_MAX).is_some() {
        piece.push('…');
    }
    format!("`{}`", piece.replace('`', "'"))
}

/// `a`, `a and b`, `a, b and c`; of many the first, and how many more.
pub(super) fn listed(items: &[String], and: &str) -> String {
    listed_of(items, 0, and)
}

/// The same, of items of which `left_out` more are not given.
pub(super) fn listed_of(items: &[String], left_out: usize, and: &str) -> String {
    let all = items.len() + left_out;
    match items {
        [] => String::new(),
        [only] if all == 1 => only.clone(),
        [most @ .., last] if all <= NAMED_MAX => format!("{} {and} {last}", most.join(", ")),
        _ => {
            let named: Vec<&str> = items.iter().take(NAMED_MAX).map(String::as_str).collect();
            let more = all - named.len();
            format!("{} {and} {more} more", named.join(", "))
        }
    }
}

/// With a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Whether the text has a wildcard.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}
