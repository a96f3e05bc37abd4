//! Results on stdout in the chosen form; failures, progress and the last line on stderr.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use hallpass_fanout::{Progress, ResultSink, RunReport, Slice, SliceFailure, SliceSkip};
use hallpass_model::text::csv_cell;
use hallpass_setup::progress::ProgressLine;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Map, Value};

use super::lines::{merged, rows};

/// Failures that are shown; all are in `--errors`.
const FAILURES_SHOWN: usize = 40;
/// Columns that every row has.
const FIRST: [&str; 3] = ["account", "name", "region"];

/// How results look.
pub(super) struct ResultForm {
    pub(super) format: Format,
    /// One line for all pages of a slice.
    pub(super) merge: bool,
    /// The columns of CSV; all where empty.
    pub(super) columns: Vec<String>,
}

/// Where results and news go.
pub(super) struct Results {
    form: ResultForm,
    /// Documents so far.
    count: usize,
    rows: Vec<Map<String, Value>>,
    failures: Vec<SliceFailure>,
    skips: BTreeMap<&'static str, usize>,
    progress: ProgressLine,
}

impl Results {
    pub(super) fn new(form: ResultForm) -> Self {
        Self {
            form,
            count: 0,
            rows: Vec::new(),
            failures: Vec::new(),
            skips: BTreeMap::new(),
            progress: ProgressLine::new(""),
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text)?;
            stdout.flush()
        };
        self.progress.suspend(write)
    }

    /// Ends the output: what could only be written when all was there.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.progress.end();
        match self.form.format {
            Format::Jsonl => Ok(()),
            Format::Json if self.count == 0 => output::print("[]\n"),
            Format::Json => output::print("\n]\n"),
            Format::Csv => output::print(&csv(&self.rows, &self.columns())),
            Format::Table => output::print(&table(&self.rows, &self.columns())),
        }
    }

    fn columns(&self) -> Vec<String> {
        if !self.form.columns.is_empty() {
            return self.form.columns.clone();
        }
        let all = self.rows.iter().flat_map(Map::keys);
        let further: BTreeSet<&String> = all.filter(|it| !FIRST.contains(&it.as_str())).collect();
        let first = FIRST.iter().map(|it| (*it).to_owned());
        first.chain(further.into_iter().cloned()).collect()
    }

    /// Tells what failed, and how it ended.
    pub(super) fn tell(
        &mut self,
        errors: Option<&PathBuf>,
        report: &RunReport,
    ) -> Result<(), Failure> {
        self.failures
            .sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        match errors {
            Some(path) => {
                let lines: Result<String, Failure> =
                    self.failures.iter().map(output::compact).collect();
                fs::write(path, lines?)
                    .map_err(|error| Failure::unwritable(path.display(), &error))?;
            }
            None if self.failures.is_empty() => {}
            None => output::say(failures(&self.failures).trim_end()),
        }
        for (reason, count) in &self.skips {
            output::say(&format!("skipped: {count} ({reason})"));
        }
        let totals = report.totals;
        output::say(&format!(
            "ok {}, failed {}, skipped {}, calls {}, retries {}, seconds {:.1}",
            totals.ok,
            totals.failed,
            totals.skipped,
            totals.calls,
            totals.retries,
            self.progress.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// What failed, for the exit code.
    pub(super) fn failures(&self) -> &[SliceFailure] {
        &self.failures
    }
}

impl ResultSink for Results {
    fn slice(&mut self, _: &Slice, pages: &[Vec<u8>]) -> io::Result<()> {
        if self.form.format == Format::Jsonl && !self.form.merge {
            return self.write(&pages.concat());
        }
        let read = |page: &Vec<u8>| serde_json::from_slice::<Value>(page).map_err(io::Error::other);
        let mut lines = pages.iter().map(read).collect::<io::Result<Vec<Value>>>()?;
        if self.form.merge {
            lines = vec![merged(&lines)];
        }
        for line in lines {
            match self.form.format {
                Format::Jsonl => {
                    let text =
                        output::compact(&line).map_err(|error| io::Error::other(error.words()))?;
                    self.write(text.as_bytes())?;
                }
                Format::Json => {
                    let before = if self.count == 0 { "[\n" } else { ",\n" };
                    let text =
                        output::compact(&line).map_err(|error| io::Error::other(error.words()))?;
                    self.write(format!("{before}{}", text.trim_end()).as_bytes())?;
                    self.count += 1;
                }
                Format::Csv | Format::Table => self.rows.extend(rows(&line)),
            }
        }
        Ok(())
    }

    fn failed(&mut self, failure: &SliceFailure) {
        self.failures.push(failure.clone());
    }

    fn skipped(&mut self, skip: &SliceSkip) {
        *self.skips.entry(skip.reason).or_default() += 1;
    }

    fn progress(&mut self, progress: &Progress) {
        self.progress.tell(progress);
    }
}

/// Failures for people: what is the same in many Regions of an account is said once.
fn failures(all: &[SliceFailure]) -> String {
    let mut groups: Vec<(&SliceFailure, usize)> = Vec::new();
    for failure in all {
        let same = |it: &SliceFailure| {
            let of = |it: &SliceFailure| {
                (
                    it.account.clone(),
                    it.stage,
                    it.code.clone(),
                    it.message.clone(),
                )
            };
            of(it) == of(failure)
        };
        match groups.last_mut().filter(|(first, _)| same(first)) {
            Some((_, count)) => *count += 1,
            None => groups.push((failure, 1)),
        }
    }
    let mut table = Table::new(&["=ACCOUNT", "=REGION", "STAGE", "CODE", "MESSAGE"]);
    for (failure, count) in groups.iter().take(FAILURES_SHOWN) {
        let stage = serde_json::to_value(failure.stage).unwrap_or_default();
        let account = failure.account.as_ref().map(ToString::to_string);
        let region = match (&failure.region, count, failure.regions) {
            (Some(region), 1, _) => region.clone(),
            (Some(_), count, _) => format!("{count} Regions"),
            (None, _, Some(lost)) => format!("all {lost}"),
            (None, _, None) => "-".to_owned(),
        };
        table.row([
            account.unwrap_or_else(|| "-".to_owned()),
            region,
            cell(&stage),
            failure.code.clone(),
            failure.message.clone(),
        ]);
    }
    let mut text = table.text(None);
    if groups.len() > FAILURES_SHOWN {
        let more = groups.len() - FAILURES_SHOWN;
        let _ = writeln!(text, "and {more} more: `--errors FILE` has all of them");
    }
    text
}

/// A value in a cell: text bare, nothing for `null`, everything else as compact JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv(rows: &[Map<String, Value>], columns: &[String]) -> String {
    let head: Vec<String> = columns.iter().map(|it| csv_cell(it)).collect();
    let mut text = head.join(",") + "\n";
    for row in rows {
        let cells = columns.iter().map(|it| match row.get(it) {
            // a number below nought is no formula
            Some(number @ Value::Number(_)) => number.to_string(),
            Some(value) => csv_cell(&cell(value)),
            None => String::new(),
        });
        let cells: Vec<String> = cells.collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Rows for people: as wide as what is in them.
fn table(rows: &[Map<String, Value>], columns: &[String]) -> String {
    let mut all = vec![
        columns
            .iter()
            .map(|it| it.to_uppercase())
            .collect::<Vec<_>>(),
    ];
    for row in rows {
        let cells = columns
            .iter()
            .map(|it| row.get(it).map(cell).unwrap_or_default());
        all.push(cells.map(|it| output::plain(&it)).collect());
    }
    let wide = |at: usize| {
        let cells = all.iter().filter_map(|row| row.get(at));
        cells.map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(wide).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells.map(|(it, width)| format!("{it:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn csv_has_the_union_of_the_members_and_quotes_what_it_must() {
        let mut results = Results::new(ResultForm {
            format: Format::Csv,
            merge: false,
            columns: Vec::new(),
        });
        let line = json!({"account": "1", "name": "a,b", "region": "r", "page": 1,
            "data": [{"z": "say \"x\"", "a": [1]}, {"b": true}]});
        let line = serde_json::to_vec(&line).unwrap();
        let slice = Slice {
            account: "000000000001".parse().unwrap(),
            region: "r".to_owned(),
        };
        results.slice(&slice, &[line]).unwrap();
        assert_eq!(
            csv(&results.rows, &results.columns()),
            "account,name,region,a,b,z\n1,\"a,b\",r,[1],,\"say \"\"x\"\"\"\n1,\"a,b\",r,,true,\n"
        );
        let names = ["a", "b", "c"].map(str::to_owned);
        let row = json!({"a": "=HYPERLINK(\"x\")", "b": "\u{1b}[2Jred", "c": -5});
        let Value::Object(row) = row else { panic!() };
        assert_eq!(
            csv(&[row], &names),
            "a,b,c\n\"'=HYPERLINK(\"\"x\"\")\",\\u{1b}[2Jred,-5\n"
        );
        let text = table(&results.rows, &results.columns());
        assert!(
            text.starts_with("ACCOUNT  NAME  REGION  A    B     Z\n"),
            "{text}"
        );
    }
}
