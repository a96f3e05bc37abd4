//! Wildcards, actions and ARNs (`policies.md` §2.2), by recursion over characters.

use super::variable::Part;

pub(super) fn covers(pattern: &[Part], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(Part::Any) => (0..=text.len()).any(|skip| covers(&pattern[1..], &text[skip..])),
        Some(Part::One) => !text.is_empty() && covers(&pattern[1..], &text[1..]),
        Some(Part::Char(c)) => text.first() == Some(c) && covers(&pattern[1..], &text[1..]),
    }
}

pub(super) fn wild(text: &str) -> Vec<Part> {
    text.chars()
        .map(|c| match c {
            '*' => Part::Any,
            '?' => Part::One,
            other => Part::Char(other),
        })
        .collect()
}

pub(super) fn action(pattern: &str, action: &str) -> bool {
    let action: Vec<char> = action.to_ascii_lowercase().chars().collect();
    covers(&wild(&pattern.to_ascii_lowercase()), &action)
}

pub(super) fn arn(text: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = text.splitn(6, ':').map(str::to_owned).collect();
    (parts.len() == 6 && parts[0] == "arn").then_some(parts)
}

pub(super) fn six(pattern: &[Part]) -> Option<Vec<Vec<Part>>> {
    let mut parts: Vec<Vec<Part>> = vec![Vec::new()];
    for part in pattern {
        if *part == Part::Char(':') && parts.len() < 6 {
            parts.push(Vec::new());
        } else {
            parts.last_mut().unwrap().push(*part);
        }
    }
    if parts.len() < 6 && pattern.last() == Some(&Part::Any) {
        while parts.len() < 6 {
            parts.push(vec![Part::Any]);
        }
    }
    (parts.len() == 6).then_some(parts)
}

pub(super) fn six_cover(patterns: &[Vec<Part>], arn: &[String]) -> bool {
    patterns
        .iter()
        .zip(arn)
        .all(|(pattern, part)| covers(pattern, &part.chars().collect::<Vec<_>>()))
}
