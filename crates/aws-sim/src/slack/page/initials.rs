pub(super) fn initials(name: &str) -> String {
    let words = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    words
        .filter(|letter| letter.is_alphanumeric())
        .take(2)
        .collect()
}
