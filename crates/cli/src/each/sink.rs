//! Results on stdout in the chosen format; failures, progress and the last line on stderr.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use hallpass_app::setup::progress::ProgressLine;
use hallpass_base::text::csv_cell;
use hallpass_plans::fanout::{Progress, ResultSink, RunReport, Slice, SliceFailure, SliceSkip};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Map, Value};

use super::lines::{merged, rows};
use super::write;

const FAILURES_SHOWN: usize = 40;
const FIRST: [&str; 3] = ["account", "name", "region"];

pub(super) struct ResultForm {
    pub(super) format: Format,
    pub(super) merge: bool,
    /// CSV columns; empty: all.
    pub(super) columns: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureRows {
    Grouped,
    Each,
}

pub(super) struct Results {
    form: ResultForm,
    open: Option<BTreeSet<Slice>>,
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
            open: None,
            count: 0,
            rows: Vec::new(),
            failures: Vec::new(),
            skips: BTreeMap::new(),
            progress: ProgressLine::new(""),
        }
    }

    pub(super) fn await_each(&mut self, planned: BTreeSet<Slice>) {
        self.open = Some(planned);
    }

    /// Marks remaining planned calls as failures, because they were not made; returns their number.
    pub(super) fn close(&mut self) -> usize {
        let open = self.open.as_mut().map(std::mem::take).unwrap_or_default();
        let count = open.len();
        self.failures
            .extend(open.into_iter().map(write::not_called));
        count
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text)?;
            stdout.flush()
        };
        self.progress.suspend(write)
    }

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

    pub(super) fn tell(
        &mut self,
        errors: Option<&PathBuf>,
        report: &RunReport,
    ) -> Result<(), Failure> {
        self.tell_failures(errors)?;
        for (reason, count) in &self.skips {
            output::say(&format!("skipped: {count} ({reason})"));
        }
        if report.is_stopped {
            output::say(&match self.open {
                Some(_) => write::stopped(&self.failures),
                None => "stopped: calls not made are missing".to_owned(),
            });
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

    pub(super) fn tell_failures(&mut self, errors: Option<&PathBuf>) -> Result<(), Failure> {
        self.failures
            .sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        let Some(path) = errors else {
            self.show_failures();
            return Ok(());
        };
        let lines: Result<String, Failure> = self.failures.iter().map(output::compact).collect();
        fs::write(path, lines?).map_err(|error| {
            self.show_failures();
            Failure::unwritable(path.display(), &error)
        })
    }

    fn show_failures(&self) {
        let rows = match self.open {
            Some(_) => FailureRows::Each,
            None => FailureRows::Grouped,
        };
        if !self.failures.is_empty() {
            output::say(failures(&self.failures, rows).trim_end());
        }
    }

    pub(super) fn failures(&self) -> &[SliceFailure] {
        &self.failures
    }
}

impl ResultSink for Results {
    fn slice(&mut self, slice: &Slice, pages: &[Vec<u8>]) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            open.remove(slice);
        }
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
        if let Some(open) = &mut self.open {
            open.retain(|it| !is_of(failure, it));
        }
        self.failures.push(failure.clone());
    }

    fn skipped(&mut self, skip: &SliceSkip) {
        *self.skips.entry(skip.reason).or_default() += 1;
    }

    fn progress(&mut self, progress: &Progress) {
        self.progress.tell(progress);
    }
}

fn is_of(failure: &SliceFailure, slice: &Slice) -> bool {
    let region = failure.region.as_ref();
    failure.account.as_ref() == Some(&slice.account)
        && region.is_none_or(|region| *region == slice.region)
}

fn failures(all: &[SliceFailure], rows: FailureRows) -> String {
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
        let last = groups.last_mut();
        match last.filter(|(first, _)| rows == FailureRows::Grouped && same(first)) {
            Some((_, count)) => *count += 1,
            None => groups.push((failure, 1)),
        }
    }
    let mut table = Table::new(&["=ACCOUNT", "=REGION", "STAGE", "CODE", "MESSAGE"]);
    let most = match rows {
        FailureRows::Grouped => FAILURES_SHOWN,
        FailureRows::Each => groups.len(),
    };
    for (failure, count) in groups.iter().take(most) {
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
    if groups.len() > most {
        let more = groups.len() - most;
        let _ = writeln!(text, "and {more} more: `--errors FILE` has all of them");
    }
    text
}

/// A table cell: text bare, empty for `null`, everything else as compact JSON.
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
            // a negative number is not a formula
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

    #[test]
    fn a_stopped_write_names_each_place_that_was_not_done() {
        let place = |account: u64, region: &str| Slice {
            account: format!("{account:012}").parse().unwrap(),
            region: region.to_owned(),
        };
        let mut results = Results::new(ResultForm {
            format: Format::Csv,
            merge: false,
            columns: Vec::new(),
        });
        let all = (1..=60).flat_map(|n| [place(n, "r-1"), place(n, "r-2")]);
        results.await_each(all.chain([place(61, "r-1")]).collect());
        let line = br#"{"account":"1","name":"n","region":"r-1","page":1,"data":{}}"#;
        results.slice(&place(1, "r-1"), &[line.to_vec()]).unwrap();
        let lost = |region: Option<&str>, message: &str| SliceFailure {
            region: region.map(str::to_owned),
            code: "AccessDenied".to_owned(),
            message: message.to_owned(),
            ..write::not_called(place(2, ""))
        };
        let open = "no answer; it may have been done: look before calling again";
        results.failed(&SliceFailure {
            account: Some(place(1, "").account),
            ..lost(Some("r-2"), open)
        });
        results.failed(&lost(None, "no"));
        assert_eq!(results.close(), 58 * 2 + 1);
        assert_eq!(results.failures().len(), 58 * 2 + 3);
        assert_eq!(
            write::stopped(results.failures()),
            "stopped: not called 117, may have been done 1"
        );
        let text = failures(results.failures(), FailureRows::Each);
        assert_eq!(text.lines().count(), 1 + 58 * 2 + 3);
        let text = failures(results.failures(), FailureRows::Grouped);
        assert!(text.lines().count() < 50, "{text}");
    }
}
