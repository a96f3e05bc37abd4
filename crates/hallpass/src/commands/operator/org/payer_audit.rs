//! `hallpass org payer audit`: whether a shared payer account is as its parties agreed (`organization.md` §8).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::ValueEnum;
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume};
use hallpass_collect::{CallPlace, ServiceCalls as _};
use hallpass_org::payer::{PayerCallFailed, PayerCalls, PayerFile, payer_checks, read_facts};
use hallpass_runner::{CheckResult, CheckRow, CheckStrictness, junit};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::clock::{self, SystemClock};
use crate::commands::inventory::each::{home_region, refuse_variants};
use crate::commands::operator::serve::runtime;
use crate::commands::read_text;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, Format, OutputArgs, Table};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Calls in flight: the checks follow one another.
const CONCURRENCY: usize = 4;
const COLUMNS: [&str; 7] = [
    "id", "status", "severity", "target", "title", "evidence", "remedy",
];

/// Check the payer account against what its two parties agreed on
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org payer audit org-payer.yaml --strict

Runs with credentials of the payer account. What could not be read is `unknown`,
with the action that was refused, and never passes. Exit 1 where a check of
severity error fails; with `--strict` also for warnings and what is unknown.")]
pub(super) struct Args {
    /// What the parties agreed on
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Count warnings and what could not be read, too
    #[arg(long)]
    strict: bool,
    /// The Region of the rule for sign-ins of the root user [default: us-east-1]
    #[arg(
        long,
        value_name = "REGION",
        env = "AWS_REGION",
        hide_env_values = true
    )]
    region: Option<String>,
    /// The instant that attestations are held against [default: now]
    #[arg(long, value_name = "RFC3339")]
    as_of: Option<Timestamp>,
    /// How to print it [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<CheckFormat>,
}

/// How checks are printed.
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
    /// A suite as test runners write it
    Junit,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 where the file cannot be read, or the credentials are not the payer's.
pub(super) fn run(args: &Args) -> Outcome {
    refuse_variants("org payer audit")?;
    let text = read_text(&args.file, FILE_BYTES_MAX)?;
    let wrong = |error: String| Failure::bad_input(error).within(&args.file);
    let file = PayerFile::read(&text).map_err(wrong)?;
    let beside = args.file.parent().unwrap_or(Path::new("."));
    let baseline = file.scp_baseline.as_ref();
    let baseline = baseline.map(|it| policies(&beside.join(it))).transpose()?;
    let home = home_region(args.region.as_ref())?;
    let as_of = args.as_of.unwrap_or_else(clock::now);
    let today = as_of.to_zoned(TimeZone::UTC).date();
    let facts = runtime()?.block_on(async {
        let calls = PayerAccountCalls::new(home).await?;
        calls.check_account(&file).await?;
        Ok::<_, Failure>(read_facts(&calls, &file, today).await)
    })?;
    let checks = payer_checks(&file, &facts, baseline.as_ref(), today);
    show(&checks, args.output)?;
    let strictness = if args.strict {
        CheckStrictness::Everything
    } else {
        CheckStrictness::Errors
    };
    let is_failed = checks.iter().any(|it| it.is_failed(strictness));
    Ok(if is_failed { Exit::Failed } else { Exit::Ok })
}

/// The policies of a folder, by the name of their file.
fn policies(folder: &Path) -> Result<BTreeMap<String, Value>, Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let text = read_text(&path, FILE_BYTES_MAX)?;
        let wrong = |error: serde_json::Error| Failure::bad_input(error.to_string()).within(&path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        found.insert(
            name.into_owned(),
            serde_json::from_str(&text).map_err(wrong)?,
        );
    }
    Ok(found)
}

/// Calls with the credentials that we have.
struct PayerAccountCalls(OrganizationCalls);

impl PayerAccountCalls {
    async fn new(home: String) -> Result<Self, Failure> {
        let client = AwsClientSettings::new(home);
        let (role, seed) = (RoleToAssume::default(), fastrand::u64(..));
        let clock = Arc::new(SystemClock);
        let calls = OrganizationCalls::new(client, role, CONCURRENCY, seed, clock).await;
        calls.map(Self).map_err(Failure::failed)
    }

    /// Checks of another account would say nothing of the payer.
    async fn check_account(&self, file: &PayerFile) -> Result<(), Failure> {
        let nothing = Value::Object(Map::new());
        let found = self.call("sts", "GetCallerIdentity", &nothing).await;
        let (answer, _) = found.map_err(|failed| {
            Failure::failed(format!(
                "who we are is not known: {}: {}",
                failed.code, failed.message
            ))
        })?;
        let own = answer
            .get("Account")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if own == file.payer.as_str() {
            return Ok(());
        }
        let failure = Failure::bad_input(format!(
            "the credentials are those of {own}, not of {}",
            file.payer
        ));
        Err(failure.help("run it in the account that the file names as `payer`"))
    }
}

#[async_trait]
impl PayerCalls for PayerAccountCalls {
    async fn call(
        &self,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<(Value, Option<Map<String, Value>>), PayerCallFailed> {
        let found = self
            .0
            .call(&CallPlace::Home, service, operation, input)
            .await;
        let failed = |it: hallpass_inventory::SliceFailure| PayerCallFailed {
            code: it.code,
            message: it.message,
        };
        found.map(|it| (it.answer, it.next)).map_err(failed)
    }
}

fn show(checks: &[CheckResult], asked: Option<CheckFormat>) -> Result<(), Failure> {
    let rows: Vec<CheckRow> = checks.iter().map(CheckResult::row).collect();
    let format = match asked {
        Some(CheckFormat::Junit) => return output::print(&junit("org payer audit", checks)),
        Some(CheckFormat::Table) => Format::Table,
        Some(CheckFormat::Json) => Format::Json,
        Some(CheckFormat::Jsonl) => Format::Jsonl,
        Some(CheckFormat::Csv) => Format::Csv,
        None => OutputArgs::default().format(),
    };
    output::list(format, &rows, &COLUMNS, || {
        let mut table = Table::new(&["=STATUS", "=CHECK", "SEEN"]);
        for row in &rows {
            let mut seen = row.evidence.clone();
            if !row.remedy.is_empty() {
                seen = format!("{seen}\n-> {}", row.remedy);
            }
            table.row_of_lines([row.status.to_owned(), row.id.clone(), seen]);
        }
        table
    })?;
    let of = |wanted: &str| rows.iter().filter(|it| it.status == wanted).count();
    let words = [
        "pass",
        "fail",
        "unknown",
        "manual",
        "attested",
        "not_applicable",
    ];
    let counts = words.iter().map(|it| format!("{it} {}", of(it)));
    output::say(&counts.collect::<Vec<_>>().join(", "));
    Ok(())
}
