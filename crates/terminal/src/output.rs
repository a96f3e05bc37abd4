//! Command output: data on stdout in the chosen format, everything else on stderr.
//!
//! Text from other people (reasons, names) cannot control the terminal or hide its content.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};
use hallpass_base::text;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;
pub use crate::say::{
    plain, say, say_command, say_unbroken, stderr_has_colour, stderr_width, stdout_has_colour,
    width, wrapped,
};

/// Format of printed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; fits the terminal
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
}

/// `--output`, on every command that prints data.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// Output format [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl OutputArgs {
    /// Returns the requested format, or the default for the destination.
    pub fn format(&self) -> Format {
        self.output.unwrap_or_else(|| {
            if io::stdout().is_terminal() {
                Format::Table
            } else {
                Format::Jsonl
            }
        })
    }
}

/// Minimum column width of wrapped text.
const CELL_LEAST: u16 = 12;

#[derive(Debug, Default)]
pub struct Table {
    /// Column titles. One that begins with `=` is never broken over lines (ids, for copying).
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table; a title with `=` first marks a column that is never broken.
    pub fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; unsafe characters are escaped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| plain(&cell)).collect());
    }

    pub fn row_of_lines<const N: usize>(&mut self, cells: [String; N]) {
        let lines = |cell: String| cell.lines().map(plain).collect::<Vec<_>>().join("\n");
        self.rows.push(cells.into_iter().map(lines).collect());
    }

    /// Renders at most `width` columns; narrow tables become blocks of lines.
    pub fn text(&self, width: Option<u16>) -> String {
        match width {
            Some(width) if self.least_width() > width => self.blocks(width),
            _ => self.grid(width),
        }
    }

    fn least_width(&self) -> u16 {
        let columns = self.head.iter().enumerate().map(|(index, title)| {
            let widest = self.widest(index);
            let least = if title.starts_with('=') {
                widest
            } else {
                widest.min(CELL_LEAST).max(self.longest_word(index))
            };
            let title = title.trim_start_matches('=').len();
            least.max(u16::try_from(title).unwrap_or(u16::MAX))
        });
        columns.fold(0, |sum, column| {
            sum.saturating_add(column).saturating_add(2)
        })
    }

    fn blocks(&self, width: u16) -> String {
        let titles = || self.head.iter().map(|title| title.trim_start_matches('='));
        let margin = titles().skip(1).map(str::len).max().unwrap_or(0);
        let indent = margin + 4;
        let room = usize::from(width).saturating_sub(indent).max(1);
        let mut text = String::new();
        for row in &self.rows {
            for (index, (title, cell)) in titles().zip(row).enumerate() {
                // writing to a `String` cannot fail
                let _ = match index {
                    0 => writeln!(text, "{cell}"),
                    _ if cell.is_empty() => Ok(()),
                    _ => {
                        let cell = wrapped(cell, room, indent);
                        writeln!(text, "  {title:margin$}  {cell}")
                    }
                };
            }
        }
        text
    }

    fn grid(&self, width: Option<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(self.head.iter().map(|title| title.trim_start_matches('=')));
        if let Some(width) = width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        table.add_rows(&self.rows);
        for (index, title) in self.head.iter().enumerate() {
            // words are not broken, and some cells not even between words
            let cells = if title.starts_with('=') {
                self.widest(index)
            } else {
                self.longest_word(index)
            };
            if let Some(column) = table.column_mut(index) {
                let padded = cells.saturating_add(2);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(padded)));
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            // removes margin padding, which only makes lines wrap
            text.push_str(line.trim_end().strip_prefix(' ').unwrap_or(&line));
            text.push('\n');
        }
        text
    }

    fn longest_word(&self, index: usize) -> u16 {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let words = cells.flat_map(|cell| cell.split_whitespace());
        let longest = words.map(|word| word.chars().count()).max().unwrap_or(0);
        u16::try_from(longest).unwrap_or(u16::MAX)
    }

    fn widest(&self, index: usize) -> u16 {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(u16::MAX)
    }
}

/// Prints items, each as a row, line or element. `fields` are the CSV columns.
///
/// # Errors
/// When stdout does not accept it.
pub fn list<T: Serialize>(
    format: Format,
    items: &[T],
    fields: &[&str],
    table: impl FnOnce() -> Table,
) -> Result<(), Failure> {
    match format {
        Format::Table => {
            let text = table().text(width());
            print(&if stdout_has_colour() {
                painted(&text)
            } else {
                text
            })
        }
        Format::Json => print(&pretty(items)?),
        Format::Jsonl => {
            let mut text = String::new();
            for item in items {
                text.push_str(&compact(item)?);
            }
            print(&text)
        }
        Format::Csv => print(&csv(items, fields)?),
    }
}

/// Prints one item. `fields` are the CSV columns; `text` is for people.
///
/// # Errors
/// When stdout does not accept it.
pub fn one<T: Serialize>(
    format: Format,
    item: &T,
    fields: &[&str],
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match format {
        Format::Table => print(&text()),
        Format::Json => print(&pretty(item)?),
        Format::Jsonl => print(&compact(item)?),
        Format::Csv => print(&csv(std::slice::from_ref(item), fields)?),
    }
}

/// Colors the states in column `STATE`, which is never broken.
fn painted(text: &str) -> String {
    let column = text.lines().next().and_then(|head| head.find("STATE"));
    let lines = text.lines().map(|line| {
        let at = match line.trim_start().strip_prefix("STATE  ") {
            Some(rest) => Some(line.len() - rest.trim_start().len()),
            None => column,
        };
        let cut = at.and_then(|at| line.split_at_checked(at));
        match cut {
            Some((before, state)) => format!("{before}{}\n", state_painted(state)),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Colors a leading state word. The color adds no information.
pub fn state_painted(text: &str) -> String {
    let colours = [
        ("32", ["Active", "Approved"].as_slice()),
        ("33", &["Waiting", "Queued", "Setting up", "Ending"]),
        ("31", &["Failed", "Denied", "Not possible", "Lapsed"]),
    ];
    for (colour, states) in colours {
        for state in states {
            let rest = text.strip_prefix(state);
            if let Some(rest) = rest.filter(|it| !it.starts_with(char::is_alphanumeric)) {
                return format!("\u{1b}[{colour}m{state}\u{1b}[0m{rest}");
            }
        }
    }
    text.to_owned()
}

/// Writes data to stdout unchanged.
///
/// # Errors
/// When stdout does not accept it; silent when the reader closed it.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::stdout(&error))
}

fn pretty<T: Serialize + ?Sized>(item: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(item)
        .map(|document| text::json(&document).into_owned() + "\n")
        .map_err(Failure::bug)
}

pub fn compact<T: Serialize + ?Sized>(item: &T) -> Result<String, Failure> {
    serde_json::to_string(item)
        .map(|line| text::json(&line).into_owned() + "\n")
        .map_err(Failure::bug)
}

/// The items as CSV.
///
/// # Errors
/// If an item has no JSON form.
pub fn csv<T: Serialize>(items: &[T], fields: &[&str]) -> Result<String, Failure> {
    let mut text = fields.join(",") + "\r\n";
    for item in items {
        let value = serde_json::to_value(item).map_err(Failure::bug)?;
        let cells: Vec<String> = fields
            .iter()
            .map(|field| csv_cell(value.get(field)))
            .collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    Ok(text)
}

/// Renders text, space-separated text lists, anything else as JSON; numbers begin no formula.
fn csv_cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(number @ Value::Number(_)) => number.to_string(),
        Some(Value::String(text)) => text::csv_cell(text),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            text::csv_cell(&texts.join(" "))
        }
        Some(other) => text::csv_cell(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_as_the_rfc_says() {
        let items = [
            json!({"id": "a", "reason": "say \"hi\", twice", "who": ["x", "y"], "n": 5}),
            json!({"id": "b", "reason": "two\nlines", "who": [], "extra": true}),
        ];
        assert_eq!(
            csv(&items, &["id", "reason", "who", "n"]).unwrap(),
            "id,reason,who,n\r\na,\"say \"\"hi\"\", twice\",x y,5\r\nb,\"two\nlines\",,\r\n"
        );
    }

    #[test]
    fn cells_begin_no_formula_and_steer_no_terminal() {
        let items =
            [json!({"id": "=1+1", "who": ["@a", "b"], "n": -5, "reason": "a\u{1b}[2J\u{202e}b"})];
        assert_eq!(
            csv(&items, &["id", "who", "n", "reason"]).unwrap(),
            "id,who,n,reason\r\n\"'=1+1\",\"'@a b\",-5,a\\u{1b}[2J\\u{202e}b\r\n"
        );
    }

    #[test]
    fn json_hides_nothing_and_says_the_same() {
        let item = json!({"reason": "a\u{202e}b\u{9b}2J"});
        for text in [pretty(&item).unwrap(), compact(&item).unwrap()] {
            assert!(text.is_ascii(), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), item);
        }
    }

    #[test]
    fn text_of_others_is_shown_harmlessly() {
        assert_eq!(
            plain("a\u{1b}[31mb\nc\u{202e}d"),
            "a\\u{1b}[31mb\\nc\\u{202e}d"
        );
        assert_eq!(plain("Jürgen 株式会社 👍"), "Jürgen 株式会社 👍");
    }

    fn sample() -> Table {
        let mut table = Table::new(&["=ID", "REASON"]);
        table.row([
            "req_01934a5b6c7d7e8f90123456789abcde".to_owned(),
            "the disk of the database is full and someone has to look".to_owned(),
        ]);
        table
    }

    #[test]
    fn tables_fit_the_terminal_and_keep_ids_whole() {
        let text = sample().text(Some(70));
        assert!(
            text.lines().all(|line| line.chars().count() <= 70),
            "{text}"
        );
        assert!(
            text.contains("req_01934a5b6c7d7e8f90123456789abcde"),
            "{text}"
        );
        assert!(text.lines().count() > 2, "{text}");
    }

    #[test]
    fn narrow_terminals_get_blocks() {
        assert_eq!(
            sample().text(Some(40)),
            "req_01934a5b6c7d7e8f90123456789abcde\n  REASON  the disk of the database is\n          \
             full and someone has to look\n"
        );
    }

    #[test]
    fn words_are_never_broken() {
        let mut table = Table::new(&["=STATE", "WHO", "WHAT"]);
        table.row([
            "Active".to_owned(),
            "maximiliane.lindqvist@subsidiary.example".to_owned(),
            "payments-production-europe / DatabaseOperator".to_owned(),
        ]);
        for width in [30, 60, 80, 100] {
            let text = table.text(Some(width));
            for word in [
                "maximiliane.lindqvist@subsidiary.example",
                "payments-production-europe",
            ] {
                assert!(text.contains(word), "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn states_have_colours_in_columns_and_blocks() {
        let mut table = Table::new(&["=ID", "=STATE", "WHAT"]);
        for (id, state) in [("a", "Active"), ("b", "Setting up (stuck)"), ("c", "Ended")] {
            table.row([
                id.to_owned(),
                state.to_owned(),
                "Active / Failed".to_owned(),
            ]);
        }
        for width in [None, Some(34)] {
            let text = painted(&table.text(width));
            assert!(text.contains("\u{1b}[32mActive\u{1b}[0m"), "{text}");
            assert!(
                text.contains("\u{1b}[33mSetting up\u{1b}[0m (stuck)"),
                "{text}"
            );
            assert_eq!(text.matches("\u{1b}[0m").count(), 2, "{text}");
        }
    }

    #[test]
    fn without_a_terminal_rows_are_lines() {
        let text = sample().text(None);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("ID "), "{text}");
    }
}
