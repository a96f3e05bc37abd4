//! Text output: a grid if it fits the terminal, else one block of lines per row.

use std::fmt::Write as _;

use hallpass_base::text;
use serde_json::Value;

use super::Sheet;

const GAP: usize = 2;

pub(super) fn text(sheet: &Sheet, width: Option<usize>) -> String {
    let head: Vec<String> = sheet
        .columns
        .iter()
        .map(|it| text::written_out(it))
        .collect();
    let rows: Vec<Vec<String>> = sheet
        .rows
        .iter()
        .map(|row| row.iter().map(shown).collect())
        .collect();
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(index, title)| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            cells
                .chain([title])
                .map(|it| it.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut text = match width {
        Some(width) if total > width => blocks(&head, &rows, width),
        _ => grid(&head, &rows, &widths),
    };
    let count = rows.len();
    let _ = writeln!(
        text,
        "({count} {})",
        if count == 1 { "row" } else { "rows" }
    );
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text::written_out(text),
        other => text::written_out(&other.to_string()),
    }
}

fn grid(head: &[String], rows: &[Vec<String>], widths: &[usize]) -> String {
    let mut text = String::new();
    for row in [head].into_iter().chain(rows.iter().map(Vec::as_slice)) {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn blocks(head: &[String], rows: &[Vec<String>], width: usize) -> String {
    let longest = head.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    // column names may be long: values keep half of the line
    let margin = longest.min(width / 2);
    let room = width.saturating_sub(margin + GAP).max(1);
    let mut text = String::new();
    for row in rows {
        for (title, cell) in head.iter().zip(row) {
            let title: String = title.chars().take(margin).collect();
            let cell: Vec<char> = cell.chars().collect();
            let mut lines = cell.chunks(room).map(|it| it.iter().collect::<String>());
            let first = lines.next().unwrap_or_default();
            let line = format!("{title:margin$}  {first}");
            let _ = writeln!(text, "{}", line.trim_end());
            for line in lines {
                let _ = writeln!(text, "{:margin$}  {line}", "");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(&["user_name", "tags"]);
        sheet
            .rows
            .push(vec![json!("ana"), json!({"email": "ana@example.test"})]);
        sheet.rows.push(vec![json!("b\u{1b}[2Jen"), Value::Null]);
        sheet
    }

    #[test]
    fn a_grid_where_it_fits_and_lines_where_it_does_not() {
        assert_eq!(
            text(&sheet(), Some(80)),
            "user_name     tags\n\
             ana           {\"email\":\"ana@example.test\"}\n\
             b\\u{1b}[2Jen\n\
             (2 rows)\n"
        );
        for width in [10, 24, 30] {
            let text = text(&sheet(), Some(width));
            assert!(text.lines().all(|it| it.chars().count() <= width), "{text}");
            assert!(!text.contains('\u{1b}'));
        }
        assert_eq!(
            text(&sheet(), Some(30)),
            "user_name  ana\n\
             tags       {\"email\":\"ana@examp\n           le.test\"}\n\
             \n\
             user_name  b\\u{1b}[2Jen\n\
             tags\n\
             \n\
             (2 rows)\n"
        );
    }
}
