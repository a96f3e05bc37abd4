//! `Create*`, `List*`: the asterisk stands for any text.

/// Whether the text has the form of the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("List*", "ListUsers", true),
            ("List*", "DescribeUser", false),
            ("*", "", true),
            ("Create*Assignment", "CreateAccountAssignment", true),
            ("Create*Assignment", "CreateAccountAssignments", false),
            ("ListUsers", "ListUsers", true),
            ("ListUsers", "ListUser", false),
            (
                "*Account*Status",
                "DescribeAccountAssignmentCreationStatus",
                true,
            ),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
