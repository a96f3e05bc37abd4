use super::parts::{Brackets, List, WrittenEntry, WrittenRow, WrittenValue};

const LINE_MAX: usize = 100;
const INDENT: usize = 2;

pub(super) fn file(rows: &[WrittenRow]) -> String {
    let rows = spaced(rows);
    let mut text = String::new();
    for row in rows {
        match row {
            WrittenRow::Empty => {}
            WrittenRow::Comment(comment) => text.push_str(comment),
            WrittenRow::Head(head, comment) => {
                text.push_str(head);
                text.push_str(&behind(comment.as_deref()));
            }
            WrittenRow::Entry(it) => {
                text.push_str(&entry(it, 0, LinePlace::Line { behind: 0 }));
                text.push_str(&behind(it.comment.as_deref()));
            }
        }
        text.push('\n');
    }
    text
}

/// Normalizes empty lines: one before each head with its comments, none after a head, at the start
/// and at the end.
fn spaced(rows: &[WrittenRow]) -> Vec<&WrittenRow> {
    let mut spaced: Vec<&WrittenRow> = Vec::new();
    for row in rows {
        let last = spaced.last();
        match row {
            WrittenRow::Empty if matches!(last, None | Some(WrittenRow::Empty)) => {}
            WrittenRow::Head(..) => {
                let said = spaced.iter().rev();
                let said = said.take_while(|it| matches!(it, WrittenRow::Comment(_)));
                let above = spaced.len() - said.count();
                let is_due = above > 0 && !matches!(spaced.get(above - 1), Some(WrittenRow::Empty));
                if is_due {
                    spaced.insert(above, &WrittenRow::Empty);
                }
                spaced.push(row);
            }
            WrittenRow::Entry(_) if matches!(last, Some(WrittenRow::Empty)) => {
                let before = spaced.len().checked_sub(2).and_then(|at| spaced.get(at));
                if matches!(before, Some(WrittenRow::Head(..))) {
                    spaced.pop();
                }
                spaced.push(row);
            }
            _ => spaced.push(row),
        }
    }
    if let Some(WrittenRow::Empty) = spaced.last() {
        spaced.pop();
    }
    spaced
}

/// Position of a value, which decides whether it may be spread.
#[derive(Debug, Clone, Copy)]
enum LinePlace {
    Line { behind: usize },
    Within,
}

fn entry(entry: &WrittenEntry, indent: usize, place: LinePlace) -> String {
    let key = entry.key.as_ref().map(|key| format!("{key} = "));
    let key = key.unwrap_or_default();
    let before = indent + key.chars().count();
    let value = value(&entry.value, indent, before, place);
    format!("{key}{value}")
}

fn value(value: &WrittenValue, indent: usize, before: usize, place: LinePlace) -> String {
    let list = match value {
        WrittenValue::Scalar(text) => return text.clone(),
        WrittenValue::List(list) => list,
    };
    if !is_spread(list) {
        let flat = on_a_line(list, indent);
        let is_long = match place {
            LinePlace::Line { behind } => before + flat.chars().count() + behind > LINE_MAX,
            LinePlace::Within => false,
        };
        // multi-line tables are TOML 1.1, which many parsers do not support
        if !is_long || list.brackets == Brackets::Table || list.rows.is_empty() {
            return flat;
        }
    }
    over_lines(list, indent)
}

fn is_spread(list: &List) -> bool {
    list.is_spread || (list.brackets == Brackets::Array && list.rows.iter().any(has_line_ends))
}

fn has_line_ends(row: &WrittenRow) -> bool {
    let WrittenRow::Entry(entry) = row else {
        return false;
    };
    match &entry.value {
        WrittenValue::Scalar(text) => text.contains('\n'),
        WrittenValue::List(list) => list.is_spread || list.rows.iter().any(has_line_ends),
    }
}

fn on_a_line(list: &List, indent: usize) -> String {
    let entries = list.rows.iter().filter_map(|row| match row {
        WrittenRow::Entry(it) => Some(entry(it, indent, LinePlace::Within)),
        WrittenRow::Empty | WrittenRow::Comment(_) | WrittenRow::Head(..) => None,
    });
    let entries = entries.collect::<Vec<String>>().join(", ");
    match list.brackets {
        Brackets::Array => format!("[{entries}]"),
        Brackets::Table if entries.is_empty() => "{}".to_owned(),
        Brackets::Table => format!("{{ {entries} }}"),
    }
}

fn over_lines(list: &List, indent: usize) -> String {
    let (open, close) = match list.brackets {
        Brackets::Array => ('[', ']'),
        Brackets::Table => ('{', '}'),
    };
    let deeper = indent + INDENT;
    let mut text = format!("{open}\n");
    for row in spaced(&list.rows) {
        let line = match row {
            WrittenRow::Empty => String::new(),
            WrittenRow::Comment(comment) | WrittenRow::Head(comment, _) => comment.clone(),
            WrittenRow::Entry(it) => {
                let value = entry(it, deeper, LinePlace::Line { behind: 1 });
                format!("{value},{}", behind(it.comment.as_deref()))
            }
        };
        if !line.is_empty() {
            text.push_str(&" ".repeat(deeper));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&" ".repeat(indent));
    text.push(close);
    text
}

fn behind(comment: Option<&str>) -> String {
    comment.map(|it| format!(" {it}")).unwrap_or_default()
}
