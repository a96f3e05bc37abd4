//! Reads logs into a state and evaluates it. Callers supply and store users and state.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::log_files::log_source::LogSource;
use crate::log_files::{DiskLogs, FingerprintedLogs, Fingerprints};
use hallpass_activity::{
    CoveredLog, DigestReport, LogScope, LookupPass, PasswordSource, PciFold, PciLimits,
    PciQuestion, PciReport, PciState, PeopleList, ReadLog, ReadLogs, SignInRegions, judge,
    read_file, read_folder, trail_regions,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::arguments::{OtherRegions, PciReading, Telling};
use super::lookup;

const NAMED_MAX: u64 = 100;
/// Named skipped files; more indicate a general problem.
const UNREAD_MAX: usize = 1_000;
/// Why a user without events may still sign in.
const REGIONS_UNKNOWN: &str =
    "the instance does not say in which Regions it is (`sso:ListRegions`)";

pub struct RanReport {
    pub as_of: Timestamp,
    pub limits: PciLimits,
    pub coverage_from: Option<Timestamp>,
    pub people: PeopleList,
    pub report: PciReport,
    pub logs: ReadLogs,
    pub sources: Vec<(ReadLog, Option<String>)>,
    pub counts_copies: bool,
    pub digests: Option<DigestReport>,
    pub additional_regions: Vec<String>,
    /// Additional Regions without any delivery: users signing in only there look inactive.
    pub missing_regions: Vec<String>,
    /// Set if the instance denied the query for its Regions.
    pub is_region_unknown: bool,
    pub unread: Vec<String>,
    pub has_given_up: bool,
    /// State for the next run. Must not be stored if skipped files may become readable.
    pub state: Option<PciState>,
}

impl RanReport {
    pub fn not_as_delivered(&self) -> u64 {
        let found = self.digests.as_ref().filter(|it| !it.is_whole());
        self.logs
            .broken
            .max(found.map_or(0, |it| it.findings_count))
    }

    pub fn unseen_regions(&self) -> Option<String> {
        if self.is_region_unknown {
            return Some(REGIONS_UNKNOWN.to_owned());
        }
        let missing = &self.missing_regions;
        (!missing.is_empty()).then(|| format!("the log has nothing of {}", missing.join(", ")))
    }

    pub fn is_whole(&self) -> bool {
        (self.logs.broken == 0 || self.has_given_up)
            && self.digests.as_ref().is_none_or(DigestReport::is_whole)
    }
}

/// Reads the sources into `fold`. `passwords` selects the password source for external users.
///
/// # Errors
/// Exit 2 for invalid options; exit 1 if a folder cannot be listed.
pub fn read(
    reading: &PciReading,
    mut fold: PciFold,
    listed: Option<&PeopleList>,
    now: Timestamp,
    passwords: impl FnOnce(&PeopleList) -> Result<PasswordSource, Failure>,
) -> Result<RanReport, Failure> {
    let as_of = fold.as_of();
    let mut sources = Vec::new();
    let others = additional_regions(reading, &fold);
    let is_region_unknown = reading.additional_regions == OtherRegions::Unknown;
    let passes = match reading.source {
        Some(LogSource::Lookup) => lookup::passes(reading, &others, &fold, now)?,
        Some(LogSource::Place(_)) | None => Vec::new(),
    };
    let covered = covered(reading, &others, &passes, &fold);
    let asked = Asked {
        reading,
        others: &others,
        passes: &passes,
        covered: &covered,
    };
    let read = read_logs(&asked, &mut fold, &mut sources)?;
    let (logs, digests, missing_regions) = (read.logs, read.digests, read.missing_regions);
    let unread = read.unread;
    let is_delivered = digests.as_ref().is_none_or(DigestReport::is_whole);
    let unread_until = if read.has_undated_fault {
        Some(as_of)
    } else {
        logs.coverage.broken_until(as_of).map(|it| it.min(as_of))
    };
    let coverage_from = coverage(&asked, &fold, (&logs, unread_until), is_delivered);
    let people = people(listed, &fold);
    let question = PciQuestion {
        passwords: passwords(&people)?,
        people,
        policy: reading.policy,
        limits: reading.limits,
        coverage_from,
        unread_until,
        regions: sign_in_regions(is_region_unknown, &missing_regions),
    };
    let report = judge(&fold, &question);
    let state = PciState::after(&fold, listed, coverage_from);
    let additional_regions = asked.unnamed();
    let state = state.map(|it| it.with_lookups(&passes).with_covered(covered));
    Ok(RanReport {
        as_of,
        limits: reading.limits,
        coverage_from,
        people: question.people,
        report,
        logs,
        sources,
        counts_copies: fold.counts_copies(),
        digests,
        additional_regions,
        missing_regions,
        is_region_unknown,
        unread,
        has_given_up: false,
        state,
    })
}

#[derive(Clone, Copy)]
struct Asked<'a> {
    reading: &'a PciReading,
    others: &'a [String],
    passes: &'a [LookupPass],
    covered: &'a CoveredLog,
}

impl Asked<'_> {
    fn unnamed(&self) -> Vec<String> {
        let others = self.others.iter();
        let unnamed = others.filter(|it| !self.reading.regions.contains(it));
        unnamed.cloned().collect()
    }
}

/// Returns the additional Regions; if unknown, those of an earlier run.
fn additional_regions(reading: &PciReading, fold: &PciFold) -> Vec<String> {
    match &reading.additional_regions {
        OtherRegions::Listed(listed) => listed.clone(),
        OtherRegions::NotAsked => known_before(fold),
        OtherRegions::Unknown => {
            reading.telling.say(&format!(
                "{REGIONS_UNKNOWN}: people without log entries are unknown, not inactive"
            ));
            known_before(fold)
        }
    }
}

fn known_before(fold: &PciFold) -> Vec<String> {
    let earlier = fold.earlier();
    earlier.map_or_else(Vec::new, PciState::additional_regions)
}

const fn sign_in_regions(is_region_unknown: bool, missing: &[String]) -> SignInRegions {
    if is_region_unknown || !missing.is_empty() {
        SignInRegions::NotAll
    } else {
        SignInRegions::All
    }
}

fn covered(
    reading: &PciReading,
    others: &[String],
    passes: &[LookupPass],
    fold: &PciFold,
) -> CoveredLog {
    let regions = match reading.source {
        Some(LogSource::Lookup) => passes.iter().map(|it| it.region.clone()).collect(),
        Some(LogSource::Place(_)) | None => regions_read(reading, others),
    };
    CoveredLog {
        accounts: reading.accounts.iter().cloned().collect(),
        regions,
        additional_regions: others.iter().cloned().collect(),
        ..CoveredLog::of(fold.rules())
    }
}

fn coverage(
    asked: &Asked<'_>,
    fold: &PciFold,
    (logs, unread_until): (&ReadLogs, Option<Timestamp>),
    is_delivered: bool,
) -> Option<Timestamp> {
    if unread_until.is_some_and(|until| until >= fold.as_of()) {
        return None;
    }
    let (as_of, reading) = (fold.as_of(), asked.reading);
    let regions = reading.regions.iter().cloned().collect();
    match (reading.coverage_from, &reading.source) {
        (None, Some(LogSource::Lookup)) => {
            let looked_up = LookupPass::coverage(asked.passes, fold.rules(), fold.earlier());
            looked_up.filter(|_| logs.broken == 0)
        }
        (said, _) => {
            let listed = || logs.coverage.from(&regions, as_of).filter(|_| is_delivered);
            // the stated start does not account for unreadable files
            let said = said.map(|it| unread_until.map_or(it, |until| it.max(until)));
            let own = said.or_else(listed);
            let earlier = PciState::goes_on(fold.earlier(), asked.covered);
            let earlier = earlier.filter(|_| is_delivered);
            let broken_until = logs.coverage.broken_until(as_of);
            PciState::joined_coverage(earlier, own, broken_until, as_of)
        }
    }
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

struct LogsRead {
    logs: ReadLogs,
    /// Set if unread data may belong to any day.
    has_undated_fault: bool,
    digests: Option<DigestReport>,
    missing_regions: Vec<String>,
    unread: Vec<String>,
}

fn read_logs(
    asked: &Asked<'_>,
    fold: &mut PciFold,
    sources: &mut Vec<(ReadLog, Option<String>)>,
) -> Result<LogsRead, Failure> {
    let reading = asked.reading;
    let (mut digests, mut missing_regions) = (None, Vec::new());
    let mut logs = ReadLogs::default();
    let mut notes = ReadNotes {
        fingerprints: reading.fingerprints,
        telling: reading.telling,
        broken: 0,
        unread: Vec::new(),
        sources,
    };
    if let Some(LogSource::Place(place)) = &reading.source {
        let mut files = FingerprintedLogs::new(place.open()?, reading.fingerprints);
        let scope = scope(asked, fold);
        if reading.digests.is_asked() {
            let report = reading.digests.of_place(place, &files, &scope)?;
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
                "it is where `AWSLogs/` is, with ACCOUNT/CloudTrail/REGION/YYYY/MM/DD below; check `--accounts`, `--regions`, `--days` and `--as-of`, too",
            ));
        }
        missing_regions = missing(asked, &files, &logs).map_err(|error| place.unlisted(&error))?;
    }
    if reading.source.is_none() && matches!(reading.additional_regions, OtherRegions::Listed(_)) {
        missing_regions = asked.unnamed();
        tell_missing(reading.telling, &missing_regions);
    }
    let of_days = logs.broken;
    lookup::look_up(reading, asked.passes, fold, &mut |log| {
        logs.add(log);
        notes.add(log, None);
    })?;
    let disk = Box::new(DiskLogs::new(PathBuf::new()));
    let files = FingerprintedLogs::new(disk, reading.fingerprints);
    let names = fold.rules().names();
    for path in reading.events.iter().filter_map(|it| it.to_str()) {
        use hallpass_activity::LogFiles as _;
        let bytes = files
            .open(path)
            .map_err(|error| Failure::unreadable(Path::new(path).display(), &error))?;
        let log = read_file(path, bytes, &names, fold);
        notes.add(&log, Some(&files));
        logs.add(&log);
    }
    Ok(LogsRead {
        has_undated_fault: logs.broken > of_days,
        logs,
        digests,
        missing_regions,
        unread: notes.unread,
    })
}

/// Returns the additional Regions without any delivery, and prints each.
fn missing(
    asked: &Asked<'_>,
    files: &FingerprintedLogs,
    logs: &ReadLogs,
) -> io::Result<Vec<String>> {
    let reading = asked.reading;
    let mut unread = asked.unnamed();
    unread.retain(|it| !logs.coverage.has(it));
    if unread.is_empty() {
        return Ok(Vec::new());
    }
    let delivered = trail_regions(files, &reading.accounts.iter().cloned().collect())?;
    let missing: Vec<String> = unread
        .into_iter()
        .filter(|it| !delivered.contains(it))
        .collect();
    tell_missing(reading.telling, &missing);
    Ok(missing)
}

fn tell_missing(telling: Telling, missing: &[String]) {
    for region in missing {
        telling.say(&format!(
            "the log has nothing of {region}, a Region of the instance: sign-ins there are not seen, so people without events do not count as inactive; make it a trail of all Regions"
        ));
    }
}

struct ReadNotes<'a> {
    fingerprints: Fingerprints,
    telling: Telling,
    broken: u64,
    unread: Vec<String>,
    sources: &'a mut Vec<(ReadLog, Option<String>)>,
}

impl ReadNotes<'_> {
    fn add(&mut self, log: &ReadLog, files: Option<&FingerprintedLogs>) {
        if let Some(fault) = &log.fault {
            self.broken += 1;
            if files.is_some() && self.unread.len() < UNREAD_MAX {
                self.unread.push(log.path.clone());
            }
            if self.broken <= NAMED_MAX {
                let path = output::plain(&log.path);
                let fault = output::plain(&fault.to_string());
                self.telling.say(&format!("skipped: {path}: {fault}"));
            }
        }
        if self.fingerprints == Fingerprints::Sha256 {
            let fingerprint = files.and_then(FingerprintedLogs::take_fingerprint);
            self.sources.push((log.clone(), fingerprint));
        }
    }
}

/// Returns the Regions to read; none named = all, with the additional ones.
fn regions_read(reading: &PciReading, others: &[String]) -> BTreeSet<String> {
    let named = reading.regions.iter();
    let others = others.iter();
    let others = others.filter(|_| !reading.regions.is_empty());
    named.chain(others).cloned().collect()
}

/// Returns the days to read: with a state, from the day before its instant, because files may come
/// late; all days if the options exceed the state.
fn scope(asked: &Asked<'_>, fold: &PciFold) -> LogScope {
    let reading = asked.reading;
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let days = |days: u64| TimeSpan::hours(24 * days);
    let first: Date = match PciState::goes_on(fold.earlier(), asked.covered) {
        Some(state) => date(days(1).before(state.as_of)),
        None => date(days(u64::from(reading.days)).before(fold.as_of())),
    };
    LogScope {
        accounts: reading.accounts.iter().cloned().collect(),
        regions: regions_read(reading, asked.others),
        // late events of a day are in the next day's folder
        days: first..=date(days(1).after(fold.as_of())),
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
