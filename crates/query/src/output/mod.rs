//! Output: data on stdout in the chosen format, the rest on stderr. Foreign text cannot control the
//! terminal (`inventory.md` C-5).

mod grid;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use hallpass_base::text;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use crate::engine::{QueryAnswer, values};
use crate::failure::{QueryFailure, say};

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// Text table that fits the terminal
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// A Parquet file, for other programs; only for query results
    Parquet,
}

/// `--output` and related options.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Output format [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<DataFormat>,

    /// In CSV, put an apostrophe before cells that a spreadsheet would read as a formula
    #[arg(long)]
    spreadsheet_safe: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Sheet {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self {
            columns: columns.iter().map(|it| (*it).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn of_answer(answer: &QueryAnswer) -> Self {
        let fields = answer.schema.fields();
        let mut rows = Vec::new();
        for batch in &answer.batches {
            for row in 0..batch.num_rows() {
                let cells = fields.iter().zip(batch.columns());
                rows.push(
                    cells
                        .map(|(field, column)| values::json(field, column, row))
                        .collect(),
                );
            }
        }
        Self {
            columns: fields.iter().map(|it| it.name().clone()).collect(),
            rows,
        }
    }

    pub(crate) fn spreadsheet_csv(&self) -> String {
        self.csv(text::csv_cell)
    }

    /// RFC 4180 with `\n`: missing values are empty cells, JSON is compact.
    fn csv(&self, of_text: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        let header = self.columns.iter().map(|it| csv_cell(it));
        let header: Vec<String> = header.collect();
        let _ = writeln!(text, "{}", header.join(","));
        for row in &self.rows {
            let cells = row.iter().map(|cell| match cell {
                Value::Null => String::new(),
                Value::String(text) => of_text(text),
                other => csv_cell(&other.to_string()),
            });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(text, "{}", cells.join(","));
        }
        text
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|row| {
            let members = self.columns.iter().cloned().zip(row.iter().cloned());
            Value::Object(members.collect::<Map<_, _>>())
        })
    }
}

impl OutputArgs {
    fn format(&self) -> DataFormat {
        self.output.unwrap_or_else(|| {
            if io::stdout().is_terminal() {
                DataFormat::Table
            } else {
                DataFormat::Jsonl
            }
        })
    }

    pub(crate) fn is_for_people(&self) -> bool {
        self.format() == DataFormat::Table
    }

    pub(crate) fn answer(&self, answer: &QueryAnswer) -> Result<(), QueryFailure> {
        match self.format() {
            DataFormat::Parquet if io::stdout().is_terminal() => {
                let message = "a Parquet file is not for a terminal";
                Err(QueryFailure::bad_input(message).help("send it to a file: `> answer.parquet`"))
            }
            DataFormat::Parquet => print(&parquet(&answer.schema, &answer.batches)?),
            _ => self.sheet(&Sheet::of_answer(answer)),
        }
    }

    pub(crate) fn sheet(&self, sheet: &Sheet) -> Result<(), QueryFailure> {
        let text = match self.format() {
            DataFormat::Table => grid::text(sheet, width()),
            DataFormat::Json => {
                let all = Value::Array(sheet.objects().collect());
                let all = serde_json::to_string_pretty(&all).map_err(QueryFailure::bug)?;
                text::json(&all).into_owned() + "\n"
            }
            DataFormat::Jsonl => {
                let lines = sheet
                    .objects()
                    .map(|it| text::json(&it.to_string()).into_owned() + "\n");
                lines.collect()
            }
            DataFormat::Csv if self.spreadsheet_safe => sheet.spreadsheet_csv(),
            DataFormat::Csv => sheet.csv(csv_cell),
            DataFormat::Parquet => {
                let message = "only the answers of queries are printed as Parquet";
                return Err(QueryFailure::bad_input(message));
            }
        };
        print(text.as_bytes())
    }

    /// Prints named sheets: JSON as an object of arrays, tables below each other. JSON lines and
    /// CSV print the first sheet, with the row counts of the others on stderr. Outside JSON, sheets
    /// after the second are omitted if empty.
    pub(crate) fn sheets(
        &self,
        (name, sheet): (&str, &Sheet),
        others: &[(&str, &Sheet)],
    ) -> Result<(), QueryFailure> {
        let others = others.iter().copied();
        let shown = others.clone().enumerate();
        let shown = shown.filter(|(at, (_, more))| *at == 0 || !more.rows.is_empty());
        let shown = shown.map(|(_, it)| it);
        match self.format() {
            DataFormat::Table => {
                let mut text = grid::text(sheet, width());
                for (other, more) in shown {
                    let below = grid::text(more, width());
                    text = format!("{text}\n{} {other}\n{below}", more.rows.len());
                }
                print(text.as_bytes())
            }
            DataFormat::Json => {
                let array = |sheet: &Sheet| Value::Array(sheet.objects().collect());
                let all = std::iter::once((name, sheet)).chain(others);
                let all = all.map(|(name, sheet)| (name.to_owned(), array(sheet)));
                let all = Value::Object(all.collect());
                let all = serde_json::to_string_pretty(&all).map_err(QueryFailure::bug)?;
                print((text::json(&all).into_owned() + "\n").as_bytes())
            }
            DataFormat::Jsonl | DataFormat::Csv | DataFormat::Parquet => {
                self.sheet(sheet)?;
                for (other, more) in shown {
                    let count = more.rows.len();
                    say(&format!("{count} {other}; `--output json` has them"));
                }
                Ok(())
            }
        }
    }
}

/// Quotes a cell where needed. Control characters are escaped only on a terminal.
fn csv_cell(cell: &str) -> String {
    let cell = if io::stdout().is_terminal() {
        text::written_out(cell)
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

fn parquet(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, QueryFailure> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut bytes = Vec::new();
    let written = (|| {
        let mut writer = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties))?;
        batches.iter().try_for_each(|it| writer.write(it))?;
        writer.close()
    })();
    written.map_err(|it| QueryFailure::failed(format!("cannot write Parquet: {it}")))?;
    Ok(bytes)
}

pub(crate) fn print(bytes: &[u8]) -> Result<(), QueryFailure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| QueryFailure::stdout(&error))
}

/// Terminal width in columns; `None` if stdout is no terminal.
fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| usize::from(width))
}
