//! `hallpass activity ingest`: reads logs once and adds them to the activity table.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hallpass_activity::{
    ActivityLog, DigestReport, LogFault, LogFile, LogFiles as _, LogScope, read_activity,
};
use hallpass_app::host::query_binary;
use hallpass_app::log_files::{
    DigestArgs, Fingerprints, LogPlace, SourceFiles, files_of, tell_digests,
};
use hallpass_base::AccountId;
use hallpass_inventory::SnapshotId;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ledger::{KnownBytes, KnownSource, ReadSource, SourceLedger};
use super::place::HeldPlace;
use super::regions::SeenRegions;
use super::run_folder::ActivityRun;

const NAMED_MAX: usize = 100;
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Add CloudTrail logs to the activity table
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Add CloudTrail logs to the activity table\n\nEvery file is read once: files \
                  read earlier and copies are skipped. Files that are broken, or that changed \
                  after they were read, are named and left out (exit 1), and the next run tries \
                  them again. The order and number of runs make no difference; an event counts \
                  once. A stopped run leaves the table unchanged.",
    after_help = "Examples:
  hallpass activity ingest s3://acme-trail --since 2026-11-01
  hallpass activity ingest trail --accounts 111111111111
  hallpass activity ingest s3://acme-trail --verify-digests
  hallpass activity ingest events.json part-*.json.gz --folder /srv/snapshots"
)]
pub(super) struct Args {
    /// A trail's bucket, `s3://BUCKET[/PREFIX]`; folders with its files in the same layout; log
    /// files, plain or gzipped; saved pages of `LookupEvents`
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<LogPlace>,
    /// In folders and buckets, only these accounts [default: all]
    #[arg(long, value_name = "ACCOUNT,...", value_delimiter = ',')]
    accounts: Vec<AccountId>,
    /// In folders and buckets, only these Regions [default: all]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Vec<String>,
    /// In folders and buckets, only this day and later ones [default: all]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = hallpass_base::time::day)]
    since: Option<Date>,
    /// The folder of snapshots, which contains the table
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    folder: PathBuf,
    #[command(flatten)]
    digests: DigestArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The companion's report on the table.
#[derive(Debug, Deserialize)]
struct SealedActivity {
    days: u64,
    rows: u64,
    events: u64,
}

/// The result of a run.
#[derive(Debug, Default, Serialize)]
struct IngestSummary {
    /// Files added to the table.
    files_read: u64,
    /// Files that were already in the table.
    files_known: u64,
    /// Files left out.
    files_left_out: u64,
    records: u64,
    bytes: u64,
    unattributed: u64,
    days_changed: u64,
    rows: u64,
    events: u64,
    /// Regions of the instance without any log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_regions: Vec<String>,
    /// Whether the instance's Regions are unknown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    regions_unknown: bool,
    /// Digest results for the files, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    digests: Option<DigestReport>,
}

const FIELDS: [&str; 9] = [
    "files_read",
    "files_known",
    "files_left_out",
    "records",
    "bytes",
    "unattributed",
    "days_changed",
    "rows",
    "events",
];

pub(super) fn run(args: &Args) -> Outcome {
    let scope = LogScope {
        accounts: args.accounts.iter().cloned().collect(),
        regions: args.regions.iter().cloned().collect(),
        days: args.since.unwrap_or(Date::MIN)..=Date::MAX,
    };
    let mut files = files_of(&args.sources, &scope, Fingerprints::Sha256)?;
    // fails early without the companion
    query_binary::path()?;
    let digests = args.digests.check(&mut files, &scope)?;
    let place = HeldPlace::take(&args.folder)?;
    place.sweep()?;
    let manifest = place.manifest()?;
    let ledger = SourceLedger::read(place.folder(), manifest.as_ref())?;
    let random = getrandom::u32().map_err(Failure::bug)?;
    let id = SnapshotId::new(hallpass_base::clock::now(), random);
    let run = ActivityRun::begin(&place.runs(), id.as_str())?;
    let mut ingest = Ingest {
        run,
        ledger,
        summary: IngestSummary {
            digests,
            ..IngestSummary::default()
        },
        seen: SeenRegions::NoTrail,
        named: 0,
    };
    let began = Instant::now();
    ingest.read(&files)?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(manifest) = &manifest {
        ingest.summary.rows = manifest.days.values().map(|it| it.rows).sum();
        ingest.summary.events = manifest.days.values().map(|it| it.events).sum();
    }
    if ingest.summary.files_read > 0 {
        let sealed = ingest.seal(&place)?;
        ingest.summary.days_changed = sealed.days;
        ingest.summary.rows = sealed.rows;
        ingest.summary.events = sealed.events;
    }
    place.sweep()?;
    ingest.seen = SeenRegions::of(&args.folder, &files, &args.accounts, &ingest.ledger);
    ingest.tell(args, seconds)
}

struct Ingest {
    run: ActivityRun,
    ledger: SourceLedger,
    summary: IngestSummary,
    seen: SeenRegions,
    named: usize,
}

impl Ingest {
    fn read(&mut self, sources: &[SourceFiles]) -> Result<(), Failure> {
        let mut progress = ReadProgress::of(sources.iter().map(|it| it.found.len()).sum());
        for source in sources {
            let (known, unread) = self.known(source);
            self.summary.files_known += known;
            progress.passed(known);
            source.files.ahead(&unread);
            for file in &unread {
                if let Some(left_out) = self.file(source, file)? {
                    self.summary.files_left_out += 1;
                    self.named += 1;
                    if self.named <= NAMED_MAX {
                        let name = source.place.name_of(&file.path);
                        let (name, why) = (output::plain(&name), output::plain(&left_out));
                        progress.say(&format!("left out: {name}: {why}"));
                    }
                }
                progress.passed(1);
            }
        }
        progress.end();
        Ok(())
    }

    fn known(&self, source: &SourceFiles) -> (u64, Vec<LogFile>) {
        let is_unread = |it: &&LogFile| {
            let name = source.place.name_of(&it.path);
            self.ledger.by_look(&name, it.look) == KnownSource::Unsure
        };
        let unread: Vec<LogFile> = source.found.iter().filter(is_unread).cloned().collect();
        ((source.found.len() - unread.len()) as u64, unread)
    }

    fn file(&mut self, source: &SourceFiles, file: &LogFile) -> Result<Option<String>, Failure> {
        let name = source.place.name_of(&file.path);
        if self.ledger.by_look(&name, file.look) == KnownSource::Read {
            self.summary.files_known += 1;
            return Ok(None);
        }
        let read = match source.files.open(&file.path) {
            Ok(bytes) => read_activity(bytes),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let Some(sha256) = source.files.take_fingerprint() else {
            let fault = read.err().unwrap_or(LogFault::Truncated);
            return Ok(Some(fault.to_string()));
        };
        match self.ledger.by_bytes(&name, &sha256) {
            KnownBytes::Changed => {
                return Ok(Some("it changed since it was read".to_owned()));
            }
            KnownBytes::Read => {
                self.summary.files_known += 1;
                return Ok(None);
            }
            KnownBytes::New => {}
        }
        let ActivityLog { count, fold } = match read {
            Ok(log) => log,
            Err(fault) => return Ok(Some(fault.to_string())),
        };
        let source = ReadSource {
            path: name,
            sha256,
            look: file.look,
            records: count.records,
        };
        self.ledger.note(&source);
        self.run.add(source, fold)?;
        self.summary.files_read += 1;
        self.summary.records += count.records;
        self.summary.bytes += count.bytes;
        Ok(None)
    }

    fn seal(&mut self, place: &HeldPlace) -> Result<SealedActivity, Failure> {
        self.run.finish(hallpass_base::clock::now())?;
        let mut command = query_binary::command()?;
        command.arg("seal-activity").arg(self.run.path());
        command.arg("--folder").arg(place.folder());
        // CRASH: the companion continues, and its lock keeps others out until it ends
        command.stdin(place.shared()?);
        command.stderr(std::process::Stdio::inherit());
        let sealed = command.output();
        let sealed = sealed
            .map_err(|error| query_binary::unrunnable(Path::new(command.get_program()), &error))?;
        if !sealed.status.success() {
            let failure = Failure::failed("the logs could not be added to the table");
            return Err(failure.help("the table is as it was; the same command tries again"));
        }
        serde_json::from_slice(&sealed.stdout).map_err(Failure::bug)
    }

    fn tell(mut self, args: &Args, seconds: f64) -> Outcome {
        let (uncounted, unattributed) = self.run.counts();
        self.summary.unattributed = unattributed;
        self.summary.regions_unknown = self.seen.is_unknown();
        if let SeenRegions::Missing(regions) = &self.seen {
            self.summary.missing_regions.clone_from(regions);
        }
        let summary = &self.summary;
        output::one(args.output.format(), summary, &FIELDS, || {
            format!("{} rows of {} events\n", summary.rows, summary.events)
        })?;
        output::say(&format!(
            "read {} files with {} records in {seconds:.1} s, {} were read before; {} days changed",
            summary.files_read, summary.records, summary.files_known, summary.days_changed
        ));
        if unattributed > 0 {
            output::say(&format!(
                "{unattributed} records name no user: `unattributed`"
            ));
        }
        if !uncounted.is_empty() {
            let words = uncounted
                .iter()
                .map(|(why, count)| format!("{why} {count}"));
            let words: Vec<String> = words.collect();
            output::say(&format!("in no row: {}", words.join(", ")));
        }
        self.seen.tell();
        let is_as_delivered = tell_digests(summary.digests.as_ref());
        if summary.files_left_out > 0 {
            output::say(&format!(
                "{} files were left out: their records are not in the table",
                summary.files_left_out
            ));
            return Ok(Exit::Failed);
        }
        Ok(if is_as_delivered {
            Exit::Ok
        } else {
            Exit::Failed
        })
    }
}

struct ReadProgress {
    bar: Option<ProgressBar>,
    files: usize,
    passed: u64,
    told: Instant,
}

impl ReadProgress {
    fn of(files: usize) -> Self {
        Self {
            bar: std::io::stderr().is_terminal().then(|| bar(files)),
            files,
            passed: 0,
            told: Instant::now(),
        }
    }

    fn passed(&mut self, files: u64) {
        self.passed += files;
        match &self.bar {
            Some(bar) => bar.inc(files),
            None if self.told.elapsed() >= TOLD_EVERY => {
                self.told = Instant::now();
                output::say(&format!("{} of {} files", self.passed, self.files));
            }
            None => {}
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(line)),
            None => output::say(line),
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(files: usize) -> ProgressBar {
    let bar = ProgressBar::new(files as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
