//! Prints checks, and writes the report (`organization.md` §0.2).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;
use clap::ValueEnum;
use hallpass_plans::{CheckResult, CheckRow, CheckScore, CheckSeverity, CheckStrictness, junit};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde::Serialize;

const COLUMNS: [&str; 7] = [
    "id", "status", "severity", "target", "title", "evidence", "remedy",
];
/// Verdicts, most urgent first.
const VERDICTS: [&str; 8] = [
    "fail",
    "warn",
    "unknown",
    "manual",
    "info",
    "attested",
    "pass",
    "not_applicable",
];

/// Output options of checks.
#[derive(Debug, clap::Args)]
pub(super) struct CheckOutputArgs {
    /// Also count warnings and unreadable checks
    #[arg(long)]
    strict: bool,
    /// Also write a report: Markdown, or HTML if the name ends in `.html`
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Output format [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<CheckFormat>,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people; fits the terminal
    Table,
    /// One JSON document
    Json,
    /// One check per line, as JSON
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// A test suite for test runners
    Junit,
}

impl CheckOutputArgs {
    pub(super) fn tell(
        &self,
        title: &str,
        checks: &[CheckResult],
        shown: &[CheckResult],
    ) -> Result<Exit, Failure> {
        if let Some(path) = &self.report {
            let text = Report::new(title, checks).text(path)?;
            fs::write(path, text).map_err(|error| {
                Failure::failed(format!("cannot write {}: {error}", path.display()))
            })?;
        }
        self.print(title, shown)?;
        tell_score(checks);
        let strictness = if self.strict {
            CheckStrictness::Everything
        } else {
            CheckStrictness::Errors
        };
        let is_failed = checks.iter().any(|it| it.is_failed(strictness));
        Ok(if is_failed { Exit::Failed } else { Exit::Ok })
    }

    fn print(&self, title: &str, checks: &[CheckResult]) -> Result<(), Failure> {
        let format = match self.output {
            Some(CheckFormat::Junit) => return output::print(&junit(title, checks)),
            Some(CheckFormat::Table) => Format::Table,
            Some(CheckFormat::Json) => Format::Json,
            Some(CheckFormat::Jsonl) => Format::Jsonl,
            Some(CheckFormat::Csv) => Format::Csv,
            None => OutputArgs::default().format(),
        };
        let rows: Vec<CheckRow> = checks.iter().map(CheckResult::row).collect();
        output::list(format, &rows, &COLUMNS, || table(checks))
    }
}

pub(super) fn print_checks<T: Serialize>(
    format: Format,
    rows: &[T],
    checks: &[CheckResult],
) -> Result<(), Failure> {
    let columns = [&COLUMNS[..], &["account_name"]].concat();
    output::list(format, rows, &columns, || table(checks))?;
    tell_score(checks);
    Ok(())
}

fn table(checks: &[CheckResult]) -> Table {
    let mut table = Table::new(&["=STATUS", "=SEVERITY", "=CHECK", "=TARGET", "SEEN"]);
    let mut checks: Vec<&CheckResult> = checks.iter().collect();
    checks.sort_by_key(|it| urgency(it));
    for check in checks {
        let row = check.row();
        let mut seen = row.evidence;
        if !row.remedy.is_empty() {
            seen = format!("{seen}\n-> {}", row.remedy);
        }
        let severity = row.severity.name().to_owned();
        let status = check.verdict().to_owned();
        table.row_of_lines([status, severity, row.id, row.target, seen]);
    }
    table
}

fn urgency(check: &CheckResult) -> (usize, std::cmp::Reverse<CheckSeverity>) {
    let word = check.verdict();
    let place = VERDICTS.iter().position(|it| *it == word);
    (
        place.unwrap_or(VERDICTS.len()),
        std::cmp::Reverse(check.severity),
    )
}

fn tell_score(checks: &[CheckResult]) {
    let count = |word: &&str| checks.iter().filter(|it| it.verdict() == *word).count();
    let counts = VERDICTS.iter().map(|it| (*it, count(it)));
    let counts = counts.filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(it, count)| format!("{it} {count}")).collect();
    output::say(&format!(
        "{}: {}",
        CheckScore::of(checks),
        counts.join(", ")
    ));
}

#[derive(Template)]
#[template(path = "checks.html")]
struct Report<'a> {
    title: &'a str,
    score: String,
    parts: Vec<ReportPart>,
}

struct ReportPart {
    heading: &'static str,
    rows: Vec<CheckRow>,
}

impl<'a> Report<'a> {
    fn new(title: &'a str, checks: &[CheckResult]) -> Self {
        let shown = |row: CheckRow| CheckRow {
            target: output::plain(&row.target),
            evidence: output::plain(&row.evidence),
            ..row
        };
        let rows: Vec<CheckRow> = checks.iter().map(|it| shown(it.row())).collect();
        let part = |heading, is_in: &dyn Fn(&CheckRow) -> bool| ReportPart {
            heading,
            rows: rows.iter().filter(|it| is_in(it)).cloned().collect(),
        };
        let failed = |severity| move |it: &CheckRow| it.status == "fail" && it.severity == severity;
        let parts = [
            part("Must not be so", &failed(CheckSeverity::Error)),
            part("Needs review", &failed(CheckSeverity::Warn)),
            part("Good to know", &failed(CheckSeverity::Info)),
            part("Could not be read", &|it| it.status == "unknown"),
            part("Not checked yet", &|it| it.status == "manual"),
            part("Attested", &|it| it.status == "attested"),
            part("As it should be", &|it| it.status == "pass"),
            part("Not applicable", &|it| it.status == "not_applicable"),
        ];
        let parts = parts.into_iter().filter(|it| !it.rows.is_empty());
        Self {
            title,
            score: CheckScore::of(checks).to_string(),
            parts: parts.collect(),
        }
    }

    fn text(&self, path: &Path) -> Result<String, Failure> {
        let is_html = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("html") || it.eq_ignore_ascii_case("htm"));
        if is_html {
            return self.render().map_err(Failure::bug);
        }
        Ok(self.markdown())
    }

    fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", plain(self.title), self.score);
        for part in &self.parts {
            let _ = writeln!(text, "\n## {} ({})\n", part.heading, part.rows.len());
            text.push_str(
                "| what should be so | of | seen | what would help |\n|---|---|---|---|\n",
            );
            for row in &part.rows {
                let cells = [&row.title, &row.target, &row.evidence, &row.remedy];
                let cells = cells.map(|it| plain(it));
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        text
    }
}

/// Escapes Markdown (`CommonMark`, "Backslash escapes").
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
    {
        if "\\`*_{}[]<>()#|!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use hallpass_plans::CheckOutcome;

    use super::*;

    fn check(severity: CheckSeverity, outcome: CheckOutcome) -> CheckResult {
        CheckResult {
            id: "root-mfa".to_owned(),
            title: "the root user has a second factor".to_owned(),
            severity,
            target: "222222222222".to_owned(),
            outcome,
            remedy: "set one up".to_owned(),
        }
    }

    #[test]
    fn a_warning_is_not_called_a_failure_and_its_severity_stands_beside_it() {
        let fail = || CheckOutcome::Fail("old".to_owned());
        let checks = [
            check(CheckSeverity::Info, fail()),
            check(CheckSeverity::Warn, fail()),
            check(CheckSeverity::Warn, CheckOutcome::Pass("new".to_owned())),
            check(CheckSeverity::Error, fail()),
        ];
        let text = table(&checks).text(None);
        let words = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect();
        let rows = text.lines().filter(|it| !it.contains("->"));
        let rows: Vec<Vec<String>> = rows.map(words).collect();
        let wanted = [
            ["STATUS", "SEVERITY"],
            ["fail", "error"],
            ["warn", "warn"],
            ["info", "info"],
            ["pass", "warn"],
        ];
        assert_eq!(rows, wanted);
    }

    #[test]
    fn a_report_says_everything_and_is_led_by_nothing_in_it() {
        let hostile = "<script>|`x`\n# y";
        let checks = [
            check(CheckSeverity::Warn, CheckOutcome::Fail(hostile.to_owned())),
            check(CheckSeverity::Error, CheckOutcome::Pass("1".to_owned())),
            check(
                CheckSeverity::Error,
                CheckOutcome::Unknown {
                    action: "iam:GetAccountSummary".to_owned(),
                    reason: "AccessDenied".to_owned(),
                },
            ),
        ];
        let report = Report::new("readiness", &checks);
        let text = report.text(Path::new("a.md")).unwrap();
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(text.contains("passed 1 of 3 applicable checks"), "{text}");
        assert!(at("Needs review (1)") < at("Could not be read (1)"));
        assert!(at("Could not be read (1)") < at("As it should be (1)"));
        assert!(text.contains("\\<script\\>\\|\\`x\\`"), "{text}");
        assert!(!text.contains("\n# y"), "{text}");
        let page = report.text(Path::new("a.HTML")).unwrap();
        assert!(!page.contains("<script>"), "{page}");
        assert!(
            page.contains("iam:GetAccountSummary: AccessDenied"),
            "{page}"
        );
    }
}
