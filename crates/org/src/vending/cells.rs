//! Parses CSV (RFC 4180) with the position of each cell for error messages. An unclosed quote is an
//! error: it would merge all following rows into one cell.

use hallpass_iam::BadInput;

/// From 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvPlace {
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for CsvPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

pub(super) fn unusable(at: CsvPlace, message: impl Into<String>) -> BadInput {
    BadInput::new("E_CSV", message, at.to_string())
}

#[derive(Clone, Debug, Default)]
pub(super) struct CsvRecord {
    pub(super) cells: Vec<String>,
    pub(super) places: Vec<CsvPlace>,
}

impl CsvRecord {
    pub(super) fn place(&self, cell: usize) -> CsvPlace {
        let found = self.places.get(cell).or(self.places.first());
        found.copied().unwrap_or_default()
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }
}

#[derive(Clone, Copy)]
enum CellState {
    Start,
    Plain,
    Quoted(CsvPlace),
    /// After a quote within quotes: the end, or half of an escaped quote.
    Closed(CsvPlace),
}

struct CsvReader {
    records: Vec<CsvRecord>,
    record: CsvRecord,
    cell: String,
    state: CellState,
    at: CsvPlace,
    begins: CsvPlace,
}

impl CsvReader {
    fn end_cell(&mut self) {
        self.record.cells.push(std::mem::take(&mut self.cell));
        self.record.places.push(self.begins);
        self.state = CellState::Start;
        self.begins = CsvPlace {
            column: self.at.column + 1,
            ..self.at
        };
    }

    fn end_record(&mut self) {
        self.end_cell();
        let record = std::mem::take(&mut self.record);
        if !record.is_blank() {
            self.records.push(record);
        }
    }

    fn take(&mut self, it: char) -> Result<(), BadInput> {
        match (self.state, it) {
            (CellState::Start, '"') => self.state = CellState::Quoted(self.at),
            (CellState::Quoted(opened), '"') => self.state = CellState::Closed(opened),
            (CellState::Closed(opened), '"') => {
                self.cell.push('"');
                self.state = CellState::Quoted(opened);
            }
            (CellState::Quoted(_), other) => self.cell.push(other),
            (CellState::Start | CellState::Plain | CellState::Closed(_), ',') => self.end_cell(),
            (CellState::Start | CellState::Plain | CellState::Closed(_), '\n') => self.end_record(),
            (CellState::Closed(opened), _) => return Err(self.after_quote(opened)),
            (CellState::Start | CellState::Plain, other) => {
                self.cell.push(other);
                self.state = CellState::Plain;
            }
        }
        Ok(())
    }

    fn after_quote(&self, opened: CsvPlace) -> BadInput {
        let message = format!(
            "text stands after the quote in line {} that closes the one of line {}, column {}: a quote inside quotes is \
             written twice, and one that opened there by mistake has taken all between them into one cell",
            self.at.line, opened.line, opened.column
        );
        unusable(self.at, message)
    }
}

/// The records without blank ones; the last line needs no line end.
///
/// # Errors
/// An unclosed quote, or text after a closing one: with the line of its opening.
pub(super) fn records(text: &str) -> Result<Vec<CsvRecord>, BadInput> {
    let start = CsvPlace { line: 1, column: 1 };
    let mut reader = CsvReader {
        records: Vec::new(),
        record: CsvRecord::default(),
        cell: String::new(),
        state: CellState::Start,
        at: start,
        begins: start,
    };
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        let is_quoted = matches!(reader.state, CellState::Quoted(_));
        if it == '\r' && !is_quoted && matches!(rest.peek(), Some('\n') | None) {
            continue;
        }
        reader.take(it)?;
        if it == '\n' {
            reader.at = CsvPlace {
                line: reader.at.line + 1,
                column: 1,
            };
            if !is_quoted {
                reader.begins = reader.at;
            }
        } else {
            reader.at.column += 1;
        }
    }
    match reader.state {
        CellState::Quoted(opened) => {
            let message = "the quote that opens here is never closed; a cell with a comma or a quote stands between two \
                           quotes";
            return Err(unusable(opened, message));
        }
        CellState::Start | CellState::Plain | CellState::Closed(_) => reader.end_record(),
    }
    Ok(reader.records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        let all = records(text).unwrap();
        all.into_iter().map(|it| it.cells).collect()
    }

    #[test]
    fn cells_are_read_as_rfc_4180_has_them() {
        for (text, wanted) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,b\r\nc,d\r\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,\"b, c\"", vec![vec!["a", "b, c"]]),
            ("\"a \"\"b\"\"\",c", vec![vec!["a \"b\"", "c"]]),
            ("\"a\nb\",c\n", vec![vec!["a\nb", "c"]]),
            ("a,\n\n,,\n\"\",b", vec![vec!["a", ""], vec!["", "b"]]),
            ("it\"s,b", vec![vec!["it\"s", "b"]]),
            ("", vec![]),
        ] {
            assert_eq!(cells(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_the_quote_was_opened() {
        for (text, place, word) in [
            ("a,b\nc,\"d\ne,f\n", "2:3", "never closed"),
            ("a,b\nc,\"d\n\"e\",f\n", "3:2", "line 2, column 3"),
            ("\"a\"b,c", "1:4", "line 1, column 1"),
        ] {
            let bad = records(text).unwrap_err();
            assert_eq!(bad.pointer, place, "{text:?}");
            assert!(bad.message.contains(word), "{}", bad.message);
        }
    }

    #[test]
    fn every_cell_knows_where_it_begins() {
        let all = records("a,b\n\n\"x\ny\",\u{e4}\u{e4},c\n").unwrap();
        let places: Vec<String> = all
            .iter()
            .flat_map(|it| it.places.iter().map(ToString::to_string))
            .collect();
        assert_eq!(places, ["1:1", "1:3", "3:1", "4:4", "4:7"]);
    }
}
