//! A run: people and state are read, then the logs, and what is known afterwards is judged and kept.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_activity::{
    DigestReport, LogScope, LookupPass, PciFold, PciLimits, PciQuestion, PciReport, PciRules,
    PciState, PeopleList, ReadLog, ReadLogs, judge, read_file, read_folder,
};
use hallpass_model::{TimeSpan, Timestamp};
use hallpass_store::{Existing, write_private};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::args::ReadArgs;
use super::lookup;
use super::people::{password_source, read_people};
use super::source::LogSource;
use crate::commands::auditor::live_center;
use crate::commands::read_text;
use crate::config::Loaded;
use crate::exit::Failure;
use crate::logs::{DiskLogs, FingerprintedLogs, Fingerprints, LogPlace};
use crate::output;

/// The largest state that is read.
const STATE_BYTES_MAX: u64 = 1 << 30;
/// Broken files that are named; all of them are counted.
const NAMED_MAX: u64 = 100;

/// What a run came to.
pub(super) struct RanReport {
    pub(super) as_of: Timestamp,
    pub(super) limits: PciLimits,
    pub(super) coverage_from: Option<Timestamp>,
    pub(super) identity_store_id: String,
    pub(super) report: PciReport,
    pub(super) logs: ReadLogs,
    /// Each file with its fingerprint, where that was asked for.
    pub(super) sources: Vec<(ReadLog, Option<String>)>,
    pub(super) counts_copies: bool,
    /// What digests say of the files, where that was asked for.
    pub(super) digests: Option<DigestReport>,
}

impl RanReport {
    /// Whether every file was read, and is as it was delivered.
    pub(super) fn is_whole(&self) -> bool {
        self.logs.broken == 0 && self.digests.as_ref().is_none_or(DigestReport::is_whole)
    }
}

/// Reads what was asked for.
///
/// # Errors
/// Exit 2 for what makes no sense; exit 1 where a folder cannot be listed or the state not be kept.
pub(super) fn read(
    args: &ReadArgs,
    loaded: &Loaded,
    now: Timestamp,
    fingerprints: Fingerprints,
) -> Result<RanReport, Failure> {
    let limits = args.limits()?;
    check_digests(args)?;
    let as_of = args.as_of.unwrap_or(now);
    for file in &args.events {
        check_file(file)?;
    }
    let earlier = match &args.state {
        Some(path) => read_state(path)?,
        None => None,
    };
    let listed = listed(args, earlier.is_some())?;
    let store = match (&listed, &earlier) {
        (Some(list), _) => list.identity_store_id.clone(),
        (None, Some(state)) => state.identity_store_id.clone(),
        (None, None) => {
            let failure = Failure::bad_input("nobody is known: there is no `--users`");
            return Err(failure.help(
                "save `aws identitystore list-users`; a state that was kept with it knows them, too",
            ));
        }
    };
    let mut fold = fold(args, loaded.pci_rules(store), as_of, earlier)?;
    let mut sources = Vec::new();
    let passes = match args.source {
        Some(LogSource::Lookup) => lookup::passes(args, &fold, now)?,
        Some(LogSource::Place(_)) | None => Vec::new(),
    };
    let (logs, digests) = read_logs(args, &passes, &mut fold, fingerprints, &mut sources)?;
    let is_delivered = digests.as_ref().is_none_or(DigestReport::is_whole);
    let coverage_from = coverage(args, &passes, &fold, &logs, is_delivered);
    let people = people(listed.as_ref(), &fold);
    let passwords = password_source(args.password_from.as_deref(), &people)?;
    let question = PciQuestion {
        people,
        policy: args.policy(),
        limits,
        coverage_from,
        passwords,
    };
    let report = judge(&fold, &question);
    if let Some(path) = &args.state {
        let state = PciState::after(&fold, listed.as_ref(), coverage_from);
        let is_whole = is_delivered && logs.broken == 0;
        keep(path, state.map(|it| it.with_lookups(&passes)), is_whole)?;
    }
    Ok(RanReport {
        as_of,
        limits,
        coverage_from,
        identity_store_id: question.people.identity_store_id,
        report,
        logs,
        sources,
        counts_copies: fold.counts_copies(),
        digests,
    })
}

/// The people of the file that was named, or those that Identity Center has now: where AWS is asked for the log, it is asked
/// for them, too.
fn listed(args: &ReadArgs, is_known: bool) -> Result<Option<PeopleList>, Failure> {
    if let Some(path) = &args.users {
        return read_people(path).map(Some);
    }
    let is_at_aws = matches!(
        args.source,
        Some(LogSource::Lookup | LogSource::Place(LogPlace::Bucket(_)))
    );
    if is_known || !is_at_aws {
        return Ok(None);
    }
    let answer = live_center::people(args.regions.first())?;
    let people = PeopleList::read(&answer.to_string());
    people
        .map(Some)
        .map_err(|error| Failure::failed(format!("IAM Identity Center: {error}")))
}

fn people(listed: Option<&PeopleList>, fold: &PciFold) -> PeopleList {
    match (listed, fold.earlier()) {
        (None, Some(state)) => state.people(fold),
        (Some(list), _) => list.clone(),
        (None, None) => PeopleList {
            identity_store_id: fold.rules().identity_store_id.clone(),
            people: Vec::new(),
        },
    }
}

/// Since when the log is whole.
fn coverage(
    args: &ReadArgs,
    passes: &[LookupPass],
    fold: &PciFold,
    logs: &ReadLogs,
    is_delivered: bool,
) -> Option<Timestamp> {
    let as_of = fold.as_of();
    let regions = args.regions.iter().cloned().collect();
    match (args.coverage_from, &args.source) {
        (None, Some(LogSource::Lookup)) => {
            LookupPass::coverage(passes, fold.earlier()).filter(|_| logs.broken == 0)
        }
        (said, _) => {
            // where files are missing, days are not whole
            let listed = || logs.coverage.from(&regions, as_of).filter(|_| is_delivered);
            let own = said.or_else(listed);
            PciState::joined_coverage(fold.earlier(), own, as_of)
        }
    }
}

/// Only the files of a trail have digests.
fn check_digests(args: &ReadArgs) -> Result<(), Failure> {
    if args.digests.is_asked() && !matches!(args.source, Some(LogSource::Place(_))) {
        let failure = Failure::bad_input("`--verify-digests` is about the files of a trail");
        return Err(failure.help("give `--source s3://BUCKET` or `--source dir:PATH`"));
    }
    Ok(())
}

/// A file that is not there is a mistake of who named it, and not a broken log.
fn check_file(path: &Path) -> Result<(), Failure> {
    let about = fs::metadata(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    if about.is_dir() {
        let failure = Failure::bad_input(format!("`{}` is a folder", path.display()));
        return Err(failure.help(format!("`--source dir:{}` reads it", path.display())));
    }
    if path.to_str().is_none() {
        let message = format!("the name of `{}` is not UTF-8", path.display());
        return Err(Failure::bad_input(message));
    }
    Ok(())
}

fn read_state(path: &Path) -> Result<Option<PciState>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(path, STATE_BYTES_MAX)?;
    let state = PciState::read(&text);
    state
        .map(Some)
        .map_err(|error| unfit(path, &error.to_string()))
}

fn unfit(path: &Path, why: &str) -> Failure {
    let failure = Failure::bad_input(format!("`{}`: {why}", path.display()));
    failure.help("take another file for `--state`, or none, to read the whole log again")
}

fn fold(
    args: &ReadArgs,
    rules: PciRules,
    as_of: Timestamp,
    earlier: Option<PciState>,
) -> Result<PciFold, Failure> {
    let Some(state) = earlier else {
        return Ok(PciFold::new(rules, as_of));
    };
    let path = args.state.clone().unwrap_or_default();
    PciFold::resume(rules, as_of, state).map_err(|error| unfit(&path, &error.to_string()))
}

fn read_logs(
    args: &ReadArgs,
    passes: &[LookupPass],
    fold: &mut PciFold,
    fingerprints: Fingerprints,
    sources: &mut Vec<(ReadLog, Option<String>)>,
) -> Result<(ReadLogs, Option<DigestReport>), Failure> {
    let mut digests = None;
    let mut logs = ReadLogs::default();
    let mut notes = ReadNotes {
        fingerprints,
        broken: 0,
        sources,
    };
    if let Some(LogSource::Place(place)) = &args.source {
        let mut files = FingerprintedLogs::new(place.open()?, fingerprints);
        let scope = scope(args, fold);
        if args.digests.is_asked() {
            let report = args.digests.of_place(place, &files, &scope)?;
            files.refuse(report.not_delivered.clone());
            digests = Some(report);
        }
        let read = read_folder(&files, &scope, fold, &mut |log| {
            notes.add(log, Some(&files));
        });
        logs = read.map_err(|error| place.unlisted(&error))?;
        if logs.files + logs.broken == 0 {
            let message = format!("no logs lie in `{place}`");
            return Err(Failure::bad_input(message).help(
                "it is where `AWSLogs/` is, with ACCOUNT/CloudTrail/REGION/YYYY/MM/DD below; look at `--accounts`, `--regions`, `--days` and `--as-of`, too",
            ));
        }
    }
    lookup::look_up(passes, fold, &mut |log| {
        logs.add(log);
        notes.add(log, None);
    })?;
    let disk = Box::new(DiskLogs::new(PathBuf::new()));
    let files = FingerprintedLogs::new(disk, fingerprints);
    let names = fold.rules().names();
    for path in args.events.iter().filter_map(|it| it.to_str()) {
        use hallpass_activity::LogFiles as _;
        let bytes = files
            .open(path)
            .map_err(|error| Failure::unreadable(path, &error))?;
        let log = read_file(path, bytes, &names, fold);
        notes.add(&log, Some(&files));
        logs.add(&log);
    }
    Ok((logs, digests))
}

/// What is said of files while they are read.
struct ReadNotes<'a> {
    fingerprints: Fingerprints,
    broken: u64,
    sources: &'a mut Vec<(ReadLog, Option<String>)>,
}

impl ReadNotes<'_> {
    /// Names one that is broken, and keeps what the evidence says of every one.
    fn add(&mut self, log: &ReadLog, files: Option<&FingerprintedLogs>) {
        if let Some(fault) = &log.fault {
            self.broken += 1;
            if self.broken <= NAMED_MAX {
                let path = output::plain(&log.path);
                let fault = output::plain(&fault.to_string());
                output::say(&format!("skipped: {path}: {fault}"));
            }
        }
        if self.fingerprints == Fingerprints::Sha256 {
            let fingerprint = files.and_then(FingerprintedLogs::take_fingerprint);
            self.sources.push((log.clone(), fingerprint));
        }
    }
}

/// The days that are read: with a state from the day before its instant, as files may come late.
fn scope(args: &ReadArgs, fold: &PciFold) -> LogScope {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let days = |days: u64| TimeSpan::hours(24 * days);
    let first: Date = match fold.earlier() {
        Some(state) => date(days(1).before(state.as_of)),
        None => date(days(u64::from(args.days)).before(fold.as_of())),
    };
    LogScope {
        accounts: args.accounts.iter().cloned().collect(),
        regions: args.regions.iter().cloned().collect(),
        // what happened at the end of a day lies in the folder of the next
        days: first..=date(days(1).after(fold.as_of())),
    }
}

fn keep(path: &Path, state: Option<PciState>, is_whole: bool) -> Result<(), Failure> {
    if !is_whole {
        // the next run has to read these days again
        output::say("the state stays as it was: files were skipped or are not as delivered");
        return Ok(());
    }
    let Some(state) = state else {
        return Ok(());
    };
    let text = state.text().map_err(Failure::bug)?;
    // CRASH: before this line the state is that of the run before, and the next run reads the same again
    let written = write_private(path, text.as_bytes(), Existing::Replaced);
    written.map_err(|error| Failure::unwritable(path.display(), &error))
}
