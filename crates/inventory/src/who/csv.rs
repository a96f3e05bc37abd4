//! Parses CSV from spreadsheets (RFC 4180): also semicolons or tabs, byte order marks, and line
//! breaks in cells.

/// With its first line number, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsvRecord {
    pub(super) line: usize,
    pub(super) cells: Vec<String>,
}

/// Parses records, without empty lines. The error is the line of an unclosed quote.
pub(super) fn records(text: &str) -> Result<Vec<CsvRecord>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = separator(text);
    let mut records = Vec::new();
    let mut record = CsvRecord::begin(1);
    let (mut cell, mut is_quoted, mut line) = (String::new(), false, 1);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if cell.is_empty() => is_quoted = true,
            c if is_quoted => cell.push(c),
            c if c == separator => record.cells.push(std::mem::take(&mut cell)),
            '\r' => {}
            '\n' => {
                record.cells.push(std::mem::take(&mut cell));
                records.push(std::mem::replace(&mut record, CsvRecord::begin(line)));
            }
            c => cell.push(c),
        }
    }
    if is_quoted {
        return Err(record.line);
    }
    record.cells.push(cell);
    records.push(record);
    records.retain(|it| it.cells.iter().any(|cell| !cell.is_empty()));
    Ok(records)
}

impl CsvRecord {
    fn begin(line: usize) -> Self {
        Self {
            line,
            cells: Vec::new(),
        }
    }
}

fn separator(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: &char| header.matches(*separator).count();
    [',', ';', '\t']
        .into_iter()
        .rev()
        .max_by_key(count)
        .unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Cells<'a> = (usize, &'a [&'a str]);

    #[test]
    fn what_spreadsheets_save_is_read() {
        let table: &[(&str, &[Cells<'_>])] = &[
            ("", &[]),
            ("a,b\n1,2\n", &[(1, &["a", "b"]), (2, &["1", "2"])]),
            (
                "\u{feff}a;b\r\n1;\"x;y\"\r\n",
                &[(1, &["a", "b"]), (2, &["1", "x;y"])],
            ),
            ("a\tb\n\n1\t\n", &[(1, &["a", "b"]), (3, &["1", ""])]),
            (
                "a,b\n\"1\n\"\"2\"\"\",c\nd,e",
                &[(1, &["a", "b"]), (2, &["1\n\"2\"", "c"]), (4, &["d", "e"])],
            ),
            ("a,b\n1\"2,3", &[(1, &["a", "b"]), (2, &["1\"2", "3"])]),
        ];
        for (text, expected) in table {
            let found = records(text).unwrap();
            let found: Vec<(usize, Vec<&str>)> = found
                .iter()
                .map(|it| (it.line, it.cells.iter().map(String::as_str).collect()))
                .collect();
            let expected: Vec<(usize, Vec<&str>)> = expected
                .iter()
                .map(|(line, cells)| (*line, cells.to_vec()))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!(records("a,b\nc,\"d\n"), Err(2));
    }
}
