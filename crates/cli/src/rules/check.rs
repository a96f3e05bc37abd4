use std::fmt::Write as _;
use std::path::PathBuf;

use hallpass_app::setup::facts::{FactsSource, groups_with_roles};
use hallpass_channels::wording::lists::count;
use hallpass_rules::{CheckVerdict, CheckedFile, Loaded, RuleTestOutcome as TestOutcome};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs, plain};
use serde_json::json;

use super::finding;

const FIELDS: &[&str] = &[
    "severity", "code", "file", "line", "column", "list", "index", "field", "value", "message",
    "help",
];

/// Check a rule file and run its tests
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check a rule file and run its tests\n\nThe file is `rules.toml` (or the same in \
                  YAML or JSON), or an sso-elevator configuration in JSON or HCL. Exit 2 when it \
                  has errors and would not be loaded, 1 when a test fails or there are no rules \
                  in it, and with --fail-on-findings 3 when there are warnings.\n\nA server with \
                  no rules refuses every request. `hallpass serve` does not start with an empty \
                  file, and keeps the rules it has; with an empty list of rules it does \
                  start.\n\n`--facts live` reads accounts, permission sets, users and the groups \
                  that the rules name with the credentials of the environment, in the Region of \
                  `AWS_REGION`, or by the configuration in `HALLPASS_CONFIG`.\n\nThat \
                  configuration also names the groups that hold roles: there is a warning where \
                  people may request membership of one.",
    after_help = "Examples:
  hallpass rules check rules.toml
  hallpass rules check rules.toml --facts live
  hallpass rules check elevator.json --facts organization.json --fail-on-findings"
)]
pub(crate) struct Args {
    /// The rule file
    file: PathBuf,
    /// Organization file, or `live` for AWS, to check names against
    #[arg(long, value_name = "ORGANIZATION")]
    facts: Option<FactsSource>,
    /// Exit 3 on warnings
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let read = super::read(&args.file)?;
    let facts = match (&args.facts, &read.outcome) {
        (Some(source), Ok(Loaded { rules, .. })) => {
            Some(source.read(rules.named_facts(), None)?.directory)
        }
        (Some(_) | None, Ok(_) | Err(_)) => None,
    };
    let name = args.file.display().to_string();
    let now = hallpass_base::clock::now();
    let role_groups = groups_with_roles()?;
    let report = CheckedFile::new(&name, &read.outcome, facts.as_ref(), &role_groups, now);
    let text = text(&report, &read.text, facts.is_some());
    print(args.output.format(), &report, &text)?;
    Ok(match report.verdict() {
        CheckVerdict::Broken => Exit::BadInput,
        CheckVerdict::Failed => Exit::Failed,
        CheckVerdict::Warned if args.fail_on_findings => Exit::Findings,
        CheckVerdict::Warned | CheckVerdict::Clean => Exit::Ok,
    })
}

fn print(format: Format, report: &CheckedFile, text: &str) -> Result<(), Failure> {
    if format == Format::Table {
        return output::print(text);
    }
    output::say(text.trim_end());
    match format {
        Format::Table | Format::Json => output::one(format, report, &[], String::new),
        Format::Csv => output::list(format, &report.findings, FIELDS, output::Table::default),
        Format::Jsonl => {
            let mut lines = String::new();
            for finding in &report.findings {
                lines.push_str(&output::compact(&json!({"finding": finding}))?);
            }
            for test in &report.tests {
                lines.push_str(&output::compact(&json!({"test": test}))?);
            }
            output::print(&lines)
        }
    }
}

fn text(report: &CheckedFile, source: &str, has_facts: bool) -> String {
    let mut text = String::new();
    for found in &report.findings {
        text.push_str(&finding::shown(found, source));
        text.push('\n');
    }
    let mut skipped = 0;
    for test in &report.tests {
        let (word, reasons) = match &test.outcome {
            TestOutcome::Passed => continue,
            TestOutcome::Failed(differences) => ("failed", differences.clone()),
            TestOutcome::NeedsDirectory(why) if has_facts => ("failed", vec![why.clone()]),
            TestOutcome::NeedsDirectory(why) => {
                skipped += 1;
                ("skipped", vec![format!("{why}; give `--facts`")])
            }
            TestOutcome::NotJudged(why) => {
                skipped += 1;
                ("skipped", vec![why.clone()])
            }
        };
        let name = plain(&test.name);
        let _ = writeln!(
            text,
            "{}:{}: test {word}: {name}",
            report.file, test.position
        );
        for reason in reasons {
            let _ = writeln!(text, "  {}", plain(&reason));
        }
    }
    let passed = report.tests.len() - report.tests_failed - skipped;
    let _ = write!(
        text,
        "{}: {}, {}, {} passed",
        report.file,
        count(report.errors, "error"),
        count(report.warnings, "warning"),
        count(passed, "test")
    );
    if report.tests_failed > 0 {
        let _ = write!(text, ", {} failed", report.tests_failed);
    }
    if skipped > 0 {
        let _ = write!(text, ", {skipped} skipped");
    }
    text.push('\n');
    text
}
