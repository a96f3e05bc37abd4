//! `hallpass org readiness`: checks whether an organization is ready for an upcoming change
//! (`organization.md` §9).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::ValueEnum;
use hallpass_app::host::home_region::RegionArgs;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::member_role::MemberRoleArgs;
use hallpass_app::setup::progress::ProgressLine;
use hallpass_base::AccountId;
use hallpass_org::Attestations;
use hallpass_org::readiness::{
    CandidateAccount, InstallFile, ReadinessQuestion, ReadinessReading, openshift_checks,
    read_readiness, readiness_checks,
};
use hallpass_plans::CheckResult;
use hallpass_plans::fanout::{Progress, Totals};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::check_output::CheckOutputArgs;

const FILE_BYTES_MAX: u64 = 64 << 20;
const CONCURRENCY: usize = 16;

/// Check whether the organization is ready for an upcoming change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org readiness --profile merger --report readiness.html
  hallpass org readiness --profile acquire --to ou-ab12-cdef3456 --candidates theirs.json
  hallpass org readiness --profile openshift --file dev.yaml --file prod.yaml
  hallpass org readiness -o json > before.json
  hallpass org readiness --baseline before.json

Runs with credentials of the management account, and only reads. What could not
be read is `unknown`, with the action that was refused, and never passes. Exit 1
where a check of severity error fails; with `--strict` also for warnings and
unknown results.")]
pub(super) struct Args {
    /// The upcoming change
    #[arg(
        long,
        value_enum,
        value_name = "PROFILE",
        default_value = "landing-zone"
    )]
    profile: Profile,
    /// Attested answers: YAML, `root-emails: {name: Kim, date: 2026-01-01, expires: 2026-12-31}`
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// With `acquire`, the accounts to take in: the output of `aws organizations list-accounts`
    /// there
    #[arg(long, value_name = "FILE")]
    candidates: Option<PathBuf>,
    /// With `acquire`, the id of the target unit
    #[arg(long, value_name = "OU")]
    to: Option<String>,
    /// With `openshift`, a cluster's `install-config.yaml`; several are compared
    #[arg(long, value_name = "FILE", required_if_eq("profile", "openshift"))]
    file: Vec<PathBuf>,
    /// Show only differences from this earlier `-o json` output
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The account tag that names its owner
    #[arg(long, value_name = "KEY", default_value = "owner")]
    owner_tag: String,
    /// Regions to check in the management account [default: its enabled ones]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Option<Vec<String>>,
    #[command(flatten)]
    role: MemberRoleArgs,
    #[command(flatten)]
    home: RegionArgs,
    /// Time to check reviews and answers at [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    output: CheckOutputArgs,
}

/// The upcoming change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// No change: daily operation
    LandingZone,
    /// Your company is bought: accounts may leave
    Merger,
    /// You take accounts in
    Acquire,
    /// Clusters to install; reads only their files
    Openshift,
}

/// Output of `aws organizations list-accounts`.
#[derive(Deserialize)]
struct ListedAccounts {
    #[serde(rename = "Accounts")]
    accounts: Vec<ListedCandidate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedCandidate {
    id: AccountId,
    name: String,
    email: String,
}

/// A check of an earlier run.
#[derive(Deserialize)]
struct EarlierCheck {
    id: String,
    target: String,
    status: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    refuse_of_others(args)?;
    let as_of = args.as_of.unwrap_or_else(hallpass_base::clock::now);
    let question = ReadinessQuestion {
        owner_tag: args.owner_tag.clone(),
        attestations: args
            .answers
            .as_deref()
            .map_or(Ok(Attestations::new()), answers)?,
        candidates: args
            .candidates
            .as_deref()
            .map_or(Ok(Vec::new()), candidates)?,
        today: as_of.to_zoned(TimeZone::UTC).date(),
    };
    let earlier = args.baseline.as_deref().map(earlier).transpose()?;
    let checks = match args.profile {
        Profile::Openshift => of_clusters(&args.file, &question)?,
        profile => of_organization(args, profile, &question)?,
    };
    let (name, day) = (profile_name(args.profile), question.today);
    let title = format!("Readiness: {name}, {day}");
    let Some(earlier) = earlier else {
        return args.output.tell(&title, &checks, &checks);
    };
    let (changed, gone) = differences(&checks, earlier);
    let exit = args.output.tell(&title, &checks, &changed)?;
    output::say(&format!("{} different from before", changed.len()));
    for (id, target) in gone {
        output::say(&format!("not checked any more: {id} of {target}"));
    }
    Ok(exit)
}

/// Refuses options of other profiles, which would be ignored silently.
fn refuse_of_others(args: &Args) -> Result<(), Failure> {
    for (flag, is_given, profile) in [
        ("--to", args.to.is_some(), Profile::Acquire),
        ("--candidates", args.candidates.is_some(), Profile::Acquire),
        ("--file", !args.file.is_empty(), Profile::Openshift),
    ] {
        if is_given && args.profile != profile {
            let wanted = profile_name(profile);
            return Err(
                Failure::bad_input(format!("`{flag}` belongs to the profile `{wanted}`"))
                    .help(format!("add `--profile {wanted}`, or leave it out")),
            );
        }
    }
    Ok(())
}

fn profile_name(profile: Profile) -> String {
    let value = profile.to_possible_value();
    value.map(|it| it.get_name().to_owned()).unwrap_or_default()
}

fn of_clusters(
    paths: &[PathBuf],
    question: &ReadinessQuestion,
) -> Result<Vec<CheckResult>, Failure> {
    let files = paths.iter().map(|path| {
        Ok(InstallFile {
            name: path.display().to_string(),
            text: read_text(path, FILE_BYTES_MAX)?,
        })
    });
    let files = files.collect::<Result<Vec<InstallFile>, Failure>>()?;
    openshift_checks(&files, question).map_err(|error| {
        let place = match error.place {
            Some((line, column)) => format!("{}:{line}:{column}", error.file),
            None => error.file.clone(),
        };
        Failure::bad_input(error.message).at(place)
    })
}

fn of_organization(
    args: &Args,
    profile: Profile,
    question: &ReadinessQuestion,
) -> Result<Vec<CheckResult>, Failure> {
    if let Some(unit) = args.to.as_ref().filter(|it| !it.starts_with("ou-")) {
        let failure = Failure::bad_input(format!("`--to {unit}` is no id of a unit"));
        return Err(failure.help("as in `--to ou-ab12-cdef3456`"));
    }
    let reading = ReadinessReading {
        regions: args.regions.clone(),
        leaving: profile == Profile::Merger,
        joining: profile == Profile::Acquire,
        target: args.to.clone(),
        today: question.today,
    };
    let home = args.home.known()?;
    let role = args.role.to_assume("hallpass-readiness".to_owned());
    let line = Mutex::new(ProgressLine::new("accounts"));
    let facts = runtime()?.block_on(async {
        let calls = NamedCalls::new(home, role, CONCURRENCY).await?;
        let told = |done: usize, all: usize| {
            let progress = Progress {
                totals: Totals {
                    ok: done,
                    ..Totals::default()
                },
                slices: all,
                is_whole: true,
            };
            let mut line = line
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            line.tell(&progress);
        };
        Ok::<_, Failure>(read_readiness(&calls, &reading, &told).await)
    });
    line.into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .end();
    Ok(readiness_checks(&facts?, question))
}

fn parsed<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    // JSON is valid YAML
    serde_saphyr::from_str(&text)
        .map_err(|error| Failure::bad_input(error.to_string()).within(path))
}

fn answers(path: &Path) -> Result<Attestations, Failure> {
    parsed(path)
}

fn candidates(path: &Path) -> Result<Vec<CandidateAccount>, Failure> {
    let listed: ListedAccounts = parsed(path)?;
    let rows = listed.accounts.into_iter().map(|it| CandidateAccount {
        account_id: it.id,
        name: it.name,
        email: it.email,
    });
    Ok(rows.collect())
}

type Earlier = BTreeMap<(String, String), String>;

fn earlier(path: &Path) -> Result<Earlier, Failure> {
    let checks: Vec<EarlierCheck> = parsed(path)?;
    let rows = checks.into_iter();
    Ok(rows.map(|it| ((it.id, it.target), it.status)).collect())
}

/// Returns changed, new and removed checks.
fn differences(
    checks: &[CheckResult],
    mut earlier: Earlier,
) -> (Vec<CheckResult>, Vec<(String, String)>) {
    let mut changed = Vec::new();
    for check in checks {
        let before = earlier.remove(&(check.id.clone(), check.target.clone()));
        if before.as_deref() != Some(check.row().status) {
            changed.push(check.clone());
        }
    }
    (changed, earlier.into_keys().collect())
}
