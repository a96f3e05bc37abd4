//! Error positions in a statement: line, column and caret.

use datafusion::sql::sqlparser::tokenizer::{Location, Span};

pub(crate) fn pointed(sql: &str, at: Location) -> Vec<String> {
    let (Ok(line), Ok(column)) = (usize::try_from(at.line), usize::try_from(at.column)) else {
        return Vec::new();
    };
    let shown = line.checked_sub(1).and_then(|index| sql.lines().nth(index));
    let (Some(shown), Some(before)) = (shown, column.checked_sub(1)) else {
        return Vec::new();
    };
    // a tab renders as one blank; some positions lie past the end
    let before = before.min(shown.chars().count());
    vec![
        format!("line {line}, column {column}:"),
        shown.to_owned(),
        format!("{}^", " ".repeat(before)),
    ]
}

pub(crate) fn start(span: Span) -> Option<Location> {
    (span.start.line > 0).then_some(span.start)
}

/// Splits the parser's suffix ` at Line: 1, Column: 8` from an error message.
pub(crate) fn split_place(message: &str) -> (String, Option<Location>) {
    let Some((before, place)) = message.rsplit_once(" at Line: ") else {
        return (message.to_owned(), None);
    };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location::new(
            line.parse().ok()?,
            column.trim().parse().ok()?,
        ))
    });
    (before.to_owned(), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_what_is_meant() {
        let sql = "SELECT 1,\n  nope FROM t";
        assert_eq!(
            pointed(sql, Location::new(2, 3)),
            ["line 2, column 3:", "  nope FROM t", "  ^"]
        );
        assert_eq!(
            pointed(sql, Location::new(1, 1 << 40)).last().unwrap(),
            "         ^"
        );
        assert!(pointed(sql, Location::new(9, 1)).is_empty());
        assert!(pointed(sql, Location::new(0, 0)).is_empty());
        let (message, place) = split_place("Expected: x, found: y at Line: 3, Column: 4");
        assert_eq!(
            (message.as_str(), place),
            ("Expected: x, found: y", Some(Location::new(3, 4)))
        );
        assert_eq!(split_place("no place"), ("no place".to_owned(), None));
    }
}
