use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallpass_iam::input::BadInput;
use hallpass_iam::suite::{
    Coverage, PolicyFiles, RowOutcome as Asked, StatementCoverage, Suite, run as ask,
};
use hallpass_iam::{Layers, Policy, PolicyType, ScpLanguage};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs, Table, compact, print, width};
use serde::Serialize;

use super::eval::{policy, read};

const SUITE_END: &str = ".test.toml";
const DEPTH_MAX: usize = 32;

/// Run tables of request and decision stored with policies
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run tables of request and decision stored with policies\n\nA suite is a file \
                  NAME.test.toml. It names policy files (relative to itself) by layer, the values \
                  that all rows share, and the rows. Lists of actions and resources \
                  multiply.\n\nExit code 0: every decision is as expected; 1: one is not, or the \
                  coverage is below --min-coverage; 2: a suite or policy cannot be read, nothing \
                  was evaluated.",
    after_help = "A suite:
  [policies]
  identity = [\"dev.json\"]
  scp = [[\"../FullAWSAccess.json\"], [\"../FullAWSAccess.json\", \"guardrails.json\"]]
  [defaults]
  principal = \"arn:aws:sts::111122223333:assumed-role/Dev/mara\"
  context = { \"aws:PrincipalTag/team\" = \"red\", \"aws:TagKeys\" = [\"a\", \"b\"] }
  [[case]]
  name = \"reads its own bucket\"
  action = [\"s3:GetObject\", \"s3:PutObject\"]
  resource = \"arn:aws:s3:::team-red/x\"
  expect = \"Allowed\"            # or ExplicitlyDenied, ImplicitlyDenied, Denied
  sid = \"ReadOwn\"               # the statement that has to decide (optional)
  without = [\"aws:TagKeys\"]     # keys of the defaults it lacks (optional)

Examples:
  hallpass policy test policies/
  hallpass policy test policies/ --min-coverage 90 --output json"
)]
pub(crate) struct Args {
    /// A suite, or a folder with suites below it
    #[arg(value_name = "DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Fail if a lower percentage of statements ever decided
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct TestReport<'r> {
    cases: Vec<TestLine<'r>>,
    failed: usize,
    coverage_percent: usize,
    statements: Vec<StatementCoverage>,
}

#[derive(Serialize)]
struct TestLine<'r> {
    suite: &'r str,
    #[serde(flatten)]
    asked: &'r Asked,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut suites = Vec::new();
    for path in &args.paths {
        find(path, 0, &mut suites)?;
    }
    if suites.is_empty() {
        return Err(Failure::bad_input("there is no suite")
            .code("E_SUITE")
            .help(format!("name suites NAME{SUITE_END}")));
    }
    let mut coverage = Coverage::default();
    let mut asked = Vec::new();
    for path in &suites {
        let name = path.display().to_string();
        let outcomes = run_suite(path, &mut coverage)?;
        asked.extend(outcomes.into_iter().map(|it| (name.clone(), it)));
    }
    let report = TestReport {
        failed: asked.iter().filter(|(_, it)| !it.passed).count(),
        cases: asked
            .iter()
            .map(|(suite, asked)| TestLine { suite, asked })
            .collect(),
        coverage_percent: coverage.percent(),
        statements: coverage.statements(),
    };
    show(&report, args.output.format())?;
    let least = usize::from(args.min_coverage.unwrap_or(0));
    if report.coverage_percent < least {
        output::say(&format!(
            "{} % of the statements decided at least once, {least} % are required",
            report.coverage_percent
        ));
    }
    Ok(if report.failed == 0 && report.coverage_percent >= least {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn find(path: &Path, depth: usize, suites: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error| Failure::unreadable(path.display(), &error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        suites.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let folder = entry.file_type().map_err(unreadable)?.is_dir();
        let suite = entry.file_name().to_string_lossy().ends_with(SUITE_END);
        if (folder && depth < DEPTH_MAX) || suite {
            entries.push(entry.path());
        }
    }
    entries.sort();
    entries
        .iter()
        .try_for_each(|entry| find(entry, depth + 1, suites))
}

fn run_suite(path: &Path, coverage: &mut Coverage) -> Result<Vec<Asked>, Failure> {
    let name = path.display().to_string();
    let refused = |error: BadInput| {
        let place = match error.pointer.as_str() {
            "" => name.clone(),
            pointer if pointer.starts_with('/') => format!("{name}#{pointer}"),
            position => format!("{name}:{position}"),
        };
        Failure::bad_input(error.message).code(error.code).at(place)
    };
    let suite = Suite::parse(&read(path)?).map_err(refused)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let layers = layers(&suite.policies, folder, on_role(&suite))?;
    ask(&suite, &layers, coverage).map_err(refused)
}

/// Whether the suite tests roles: then its resource policy is a trust policy.
fn on_role(suite: &Suite) -> bool {
    let rows = suite.rows.iter().chain([&suite.defaults]);
    rows.flat_map(|row| row.resource.as_slice())
        .any(|arn| arn.contains(":iam:") && arn.contains(":role/"))
}

fn layers(files: &PolicyFiles, folder: &Path, trust: bool) -> Result<Layers, Failure> {
    let one = |file: &String, kind| -> Result<Arc<Policy>, Failure> {
        policy(&folder.join(file), kind, ScpLanguage::Full)
    };
    let many = |files: &[String], kind| -> Result<Vec<Arc<Policy>>, Failure> {
        files.iter().map(|file| one(file, kind)).collect()
    };
    let levels = |levels: &[Vec<String>], kind| -> Result<Vec<Vec<Arc<Policy>>>, Failure> {
        levels.iter().map(|level| many(level, kind)).collect()
    };
    let resource = if trust {
        PolicyType::Trust
    } else {
        PolicyType::Resource
    };
    Ok(Layers {
        scps: levels(&files.scp, PolicyType::Scp)?,
        rcps: levels(&files.rcp, PolicyType::Rcp)?,
        resource: files
            .resource
            .as_ref()
            .map(|file| one(file, resource))
            .transpose()?,
        boundary: files
            .boundary
            .as_ref()
            .map(|file| one(file, PolicyType::Boundary))
            .transpose()?,
        session: many(&files.session, PolicyType::Session)?,
        identity: many(&files.identity, PolicyType::Identity)?,
    })
}

fn show(report: &TestReport<'_>, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => print(&words(report)),
        Format::Json => {
            let text = serde_json::to_string_pretty(report).map_err(Failure::bug)?;
            print(&format!("{text}\n"))
        }
        Format::Jsonl => {
            let mut text = String::new();
            for line in &report.cases {
                text.push_str(&compact(line)?);
            }
            print(&text)
        }
        Format::Csv => output::list(
            format,
            &report.cases,
            &[
                "suite", "name", "action", "resource", "expected", "got", "passed",
            ],
            Table::default,
        ),
    }
}

fn words(report: &TestReport<'_>) -> String {
    let mut text = String::new();
    for TestLine { suite, asked } in report.cases.iter().filter(|it| !it.asked.passed) {
        let wanted = match &asked.expected_sid {
            None => asked.expected.to_string(),
            Some(sid) => format!("{} by {sid}", asked.expected),
        };
        let mut lines = vec![
            format!("FAILED {suite}: {}", asked.name),
            format!(
                "  {} on {} by {}",
                asked.action, asked.resource, asked.principal
            ),
            format!("  expected {wanted}, got {}", asked.got),
        ];
        lines.extend(asked.because.iter().map(|line| format!("  {line}")));
        for line in lines {
            text.push_str(&output::plain(&line));
            text.push('\n');
        }
    }
    let idle: Vec<_> = report
        .statements
        .iter()
        .filter(|it| it.decided == 0)
        .collect();
    if !idle.is_empty() {
        let mut table = Table::new(&["NEVER DECIDED", "STATEMENT"]);
        for it in idle {
            let sid = it.sid.as_deref().unwrap_or("(no sid)");
            table.row([it.policy.clone(), format!("#{} {sid}", it.index + 1)]);
        }
        text.push_str(&table.text(width()));
    }
    let _ = writeln!(
        text,
        "{} passed, {} failed; {} % of the statements decided at least once",
        report.cases.len() - report.failed,
        report.failed,
        report.coverage_percent
    );
    text
}
