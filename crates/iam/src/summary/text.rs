const PIECE_MAX: usize = 120;
pub(super) const NAMED_MAX: usize = 3;

/// Quotes policy text in backticks; its own backticks become apostrophes.
pub(super) fn verbatim(text: &str) -> String {
    let mut piece: String = text.chars().take(PIECE_MAX).collect();
    if text.chars().nth(PIECE_MAX).is_some() {
        piece.push('…');
    }
    format!("`{}`", piece.replace('`', "'"))
}

/// `a`, `a and b`, `a, b and c`; a long list is truncated with a count.
pub(super) fn listed(items: &[String], and: &str) -> String {
    listed_of(items, 0, and)
}

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

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}
