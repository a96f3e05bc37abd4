//! Templates with variables: `role/${RoleNameWithPath}`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterCase {
    Matters,
    Ignored,
}

impl LetterCase {
    fn same(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Matters => one == other,
            Self::Ignored => one.eq_ignore_ascii_case(other),
        }
    }
}

/// Matches with at least `least` bytes per variable. Greedy first match suffices.
pub(super) fn fits(template: &str, text: &str, least: usize, case: LetterCase) -> bool {
    let mut text = text.as_bytes();
    let Some((first, mut template)) = next(template) else {
        return case.same(template.as_bytes(), text);
    };
    match text.split_at_checked(first.len()) {
        Some((start, rest)) if case.same(start, first.as_bytes()) => text = rest,
        _ => return false,
    }
    while let Some((piece, rest)) = next(template) {
        let Some(behind) = text.get(least..) else {
            return false;
        };
        match find(behind, piece.as_bytes(), case) {
            Some(after) => text = after,
            None => return false,
        }
        template = rest;
    }
    let end = template.as_bytes();
    let value = text.len().checked_sub(end.len());
    value.is_some_and(|value| {
        value >= least && text.get(value..).is_some_and(|it| case.same(it, end))
    })
}

pub(super) fn next(template: &str) -> Option<(&str, &str)> {
    let (piece, rest) = template.split_once("${")?;
    Some((piece, rest.split_once('}')?.1))
}

fn find<'t>(text: &'t [u8], piece: &[u8], case: LetterCase) -> Option<&'t [u8]> {
    if piece.is_empty() {
        return Some(text);
    }
    let at = text
        .windows(piece.len())
        .position(|it| case.same(it, piece))?;
    text.get(at.checked_add(piece.len())?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_for_something() {
        let rows = [
            ("a", "a", true),
            ("a", "b", false),
            ("a/${X}", "a/b", true),
            ("a/${X}", "a/", false),
            ("a/${X}", "a/b/c", true),
            ("a/${X}/c", "a/b/c", true),
            ("a/${X}/c", "a//c", false),
            ("a/${X}/c", "a/c", false),
            ("${X}/${Y}", "b/k/k", true),
            ("${X}/${Y}", "b/", false),
            ("${X}/${Y}", "/k", false),
            ("${X}${Y}", "k", false),
            ("${X}${Y}", "kk", true),
            ("${X}.v", "a.v.v", true),
            ("${X}", "", false),
            ("", "", true),
            ("${X", "${X", true),
        ];
        for (template, text, holds) in rows {
            let fitting = fits(template, text, 1, LetterCase::Matters);
            assert_eq!(fitting, holds, "{template} {text}");
        }
        assert!(fits("a${X}b", "ab", 0, LetterCase::Matters));
        assert!(fits("A/${X}/C", "a/X/c", 1, LetterCase::Ignored));
        assert!(!fits("A/${X}/C", "a/X/c", 1, LetterCase::Matters));
    }
}
