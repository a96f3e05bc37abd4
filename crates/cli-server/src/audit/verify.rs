use std::path::PathBuf;

use hallpass_app::config::ExportPlace;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::heads::Means;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_audit::{
    Assurance, AuditStore as _, BadRecord, Evidence, Export, FaultKind, Input, PublishedHead,
    Record, Trust, TrustedKeys, Verified, assure,
};
use hallpass_channels::wording::lists::count;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use serde_json::{Value, json};

use super::journals::{self, CheckedJournal};
use super::places::{self, bytes_of};

const BATCH: u32 = 500;
const FIELDS: &[&str] = &[
    "ok",
    "records",
    "first",
    "head",
    "heads",
    "journals",
    "signed",
    "unsigned",
    "witnesses",
    "beyond",
    "within_reach",
    "seq",
    "kind",
    "detail",
];

/// Verify an exported audit log from the export alone
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify an exported audit log, with nothing but the export\n\nReads folders and \
                  buckets of objects (<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json) and files with one \
                  record per line. Needs no server, database or configuration. Published heads in \
                  a folder `heads`, statements of witnesses in `witness`, and journals of guards in a folder \
                  `guard`, in or beside the export, are checked too. Without a path, checks the store that the configuration names. Exit 1 \
                  names the first bad record and what is wrong: changed, missing, reordered, forked \
                  or forged.\n\nWith --keys, signatures are checked, and the answer says until which \
                  record the log is beyond the operator's reach: the last that a witness has seen.",
    after_help = "Examples:
  hallpass audit verify audit/
  hallpass audit verify audit.jsonl --head head.json
  hallpass audit verify audit/ --from 1200 --to 1300
  hallpass audit verify s3://acme-audit/hallpass --keys keys.txt --witness witness/"
)]
pub(crate) struct Args {
    /// Export folders, files and buckets, as in `s3://bucket/prefix` [default: the configured
    /// store]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// First record to check
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Last record to check
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// A published head that the export must reach
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// Public keys you trust, to check signatures
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Witness statements: files, folders or buckets
    #[arg(long, value_name = "FILE", num_args = 1..)]
    witness: Vec<String>,
    /// Journals of guards, or folders of them, in addition to those next to the export
    #[arg(long, value_name = "PATH")]
    journal: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let range = RecordRange::of(args)?;
    let keys = args.keys.as_deref().map(places::trusted).transpose()?;
    let mut export = runtime()?.block_on(gather(args))?;
    let journals = journals(args)?;
    export.inputs.retain(|input| range.may_hold(input));
    export.evidence.keep(|seq| range.holds(seq));
    let trust = keys.as_ref().map_or(Trust::Nobody, Trust::Keys);
    let after = first_after_witnesses(&export);
    let finding = assure(export.inputs, &export.evidence, trust);
    match finding.and_then(|(verified, found)| Ok((range.reached(verified)?, found))) {
        Ok((verified, assurance)) => {
            let report = VerifyReport {
                verified: &verified,
                assurance: assurance.as_ref(),
                after: &after,
                journals: &journals::check(&journals)?,
            };
            passed(args, &report, &export.evidence, keys.as_ref())
        }
        Err(fault) => failed(args, &fault),
    }
}

fn journals(args: &Args) -> Result<Vec<PathBuf>, Failure> {
    let mut found = args.journal.clone();
    if args.paths.is_empty() {
        let configured = args.config.load_without_secrets()?.guard_journal();
        found.extend(configured.filter(|folder| folder.is_dir()));
    }
    for path in &args.paths {
        match places::typed(path)? {
            ExportPlace::Folder(folder) => found.extend(journals::beside(&folder)),
            ExportPlace::Bucket(_) => {}
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Reads all inputs except journals. A log grows during the read: references are read first, so the
/// records they name exist.
async fn gather(args: &Args) -> Result<Export, Failure> {
    let typed = args.paths.iter().chain(&args.witness).map(String::as_str);
    let means = places::means_for(typed, &args.config)?;
    let evidence = evidence(args, &means).await?;
    let mut inputs = Vec::new();
    if args.paths.is_empty() {
        let store = open_store(args.config.existing_store()?).await?;
        inputs = stored(&store).await?;
    }
    for path in &args.paths {
        inputs.extend(places::records(&places::typed(path)?, &means).await?);
    }
    Ok(Export { inputs, evidence })
}

async fn evidence(args: &Args, means: &Means) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    // published heads reveal a truncated store
    if args.paths.is_empty()
        && let Some(exported) = args.config.load_without_secrets()?.export()?
    {
        let means = places::means(&args.config)?;
        evidence = places::evidence(&exported.place, &means).await?;
    }
    for path in &args.paths {
        let found = places::all_evidence(&places::typed(path)?, means).await?;
        evidence.heads.extend(found.heads);
        evidence.statements.extend(found.statements);
    }
    if let Some(path) = &args.head {
        let (shown, bytes) = (path.display().to_string(), bytes_of(path)?);
        let added = evidence.add_head(shown, &bytes);
        added.map_err(|error| places::failed(&error))?;
    }
    for said in &args.witness {
        places::statements(said, means, &mut evidence).await?;
    }
    Ok(evidence)
}

/// Records after the witnessed ones: number, event and time.
fn first_after_witnesses(export: &Export) -> Vec<Record> {
    let mut wanted: Vec<u64> = export
        .evidence
        .statements
        .iter()
        .map(|(_, said)| said.head().seq() + 1)
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    // only the newest; statements may be many
    let wanted = wanted.split_off(wanted.len().saturating_sub(FOLLOWERS_MAX));
    let marks: Vec<String> = wanted.iter().map(|seq| format!("\"seq\":{seq},")).collect();
    let is_near = |input: &&Input| {
        let text = std::str::from_utf8(&input.bytes).unwrap_or_default();
        marks.iter().any(|mark| text.contains(mark.as_str()))
    };
    let near = export.inputs.iter().filter(is_near);
    near.filter_map(|input| Record::parse(&input.bytes).ok())
        .filter(|record| wanted.contains(&record.seq()))
        .collect()
}

const FOLLOWERS_MAX: usize = 8;

struct VerifyReport<'a> {
    verified: &'a Verified,
    assurance: Option<&'a Assurance>,
    after: &'a [Record],
    journals: &'a [CheckedJournal],
}

impl VerifyReport<'_> {
    fn within_reach(&self) -> Option<u64> {
        let last = self.verified.head.as_ref().map_or(0, |(seq, _)| *seq);
        let beyond = self.assurance?.beyond().map_or(0, |seen| seen.seq);
        let first = (beyond + 1).max(self.verified.first);
        (first <= last).then_some(first)
    }

    fn value(&self) -> Value {
        let verified = self.verified;
        let head = verified.head.as_ref();
        let journals = self.journals.iter().map(|journal| {
            let path = journal.path.display().to_string();
            json!({"path": path, "records": journal.records, "torn": journal.torn})
        });
        let mut value = json!({
            "ok": true,
            "records": verified.records,
            "first": verified.first,
            "head": head.map(|(seq, hash)| json!({"seq": seq, "hash": hash})),
            "heads": verified.heads,
            "journals": journals.collect::<Vec<_>>(),
        });
        if let (Some(found), Value::Object(fields)) = (self.assurance, &mut value) {
            let witnesses = found
                .witnesses
                .iter()
                .map(|it| json!({"witness": it.witness.as_str(), "seq": it.seq, "seen": it.seen}));
            fields.insert("signed".to_owned(), found.signed.into());
            fields.insert("unsigned".to_owned(), found.unsigned.into());
            fields.insert("witnesses".to_owned(), witnesses.collect());
            let beyond = found.beyond().map(|seen| seen.seq);
            fields.insert("beyond".to_owned(), json!(beyond));
            fields.insert("within_reach".to_owned(), json!(self.within_reach()));
        }
        value
    }

    fn text(&self) -> String {
        self.log_text() + &journal_text(self.journals)
    }

    fn log_text(&self) -> String {
        let verified = self.verified;
        let Some((seq, hash)) = &verified.head else {
            return "No records, and no head that says there should be any.\n".to_owned();
        };
        let mut text = format!(
            "{} checked, {} to {seq}: the chain holds.\nHead {seq} {hash}\n{} checked.\n",
            many(verified.records, "record"),
            verified.first,
            many(verified.heads, "published head")
        );
        if let Some(found) = self.assurance {
            text.push_str(&self.stands_behind(found));
        }
        text
    }

    /// Renders signers, witnesses, and the protected range.
    fn stands_behind(&self, found: &Assurance) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let until = found.signed_until;
        let until = until
            .map(|seq| format!(", up to record {seq}"))
            .unwrap_or_default();
        let signed = many(found.signed, "head");
        let _ = writeln!(text, "{signed} signed with keys you trust{until}.");
        if found.unsigned > 0 {
            let unsigned = many(found.unsigned, "head");
            let _ = writeln!(text, "{unsigned} without a signature: they prove nothing.");
        }
        for seen in &found.witnesses {
            let (who, seq, at) = (&seen.witness, seen.seq, seen.seen);
            let _ = writeln!(text, "Witness {who}: record {seq}, seen at {at}.");
        }
        let first = self.within_reach().map(|seq| {
            let about = self.after.iter().find(|record| record.seq() == seq);
            let about = about.map(|record| {
                let at = record
                    .at()
                    .map(|at| format!(" at {at}"))
                    .unwrap_or_default();
                format!(" ({}{at})", record.event())
            });
            format!("record {seq}{}", about.unwrap_or_default())
        });
        let _ = match (found.beyond(), first) {
            (Some(seen), Some(first)) => writeln!(
                text,
                "Beyond the operator's reach: up to record {}, since {}. {first} is the first that is \
                 not.",
                seen.seq, seen.seen
            ),
            (Some(seen), None) => writeln!(
                text,
                "Beyond the operator's reach: all of it, since {}.",
                seen.seen
            ),
            (None, _) => writeln!(
                text,
                "Beyond the operator's reach: nothing. No witness has seen a head: the \
                 database and the key of the heads suffice to rewrite all of it."
            ),
        };
        text
    }
}

fn journal_text(journals: &[CheckedJournal]) -> String {
    let line = |journal: &CheckedJournal| {
        let torn = if journal.torn {
            " What came after them was torn by a stop."
        } else {
            ""
        };
        let (path, records) = (journal.path.display(), many(journal.records, "record"));
        format!("Journal {path}: {records}, the chain holds.{torn}\n")
    };
    journals.iter().map(line).collect()
}

fn many(number: u64, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

fn passed(
    args: &Args,
    report: &VerifyReport<'_>,
    evidence: &Evidence,
    keys: Option<&TrustedKeys>,
) -> Outcome {
    output::one(args.output.format(), &report.value(), FIELDS, || {
        report.text()
    })?;
    let verified = report.verified;
    if verified.first > 1 && verified.head.is_some() && args.from.is_none() {
        output::say(&format!(
            "note: the export begins at record {}; earlier records are not checked",
            verified.first
        ));
    }
    if args.to.is_none()
        && let Some(note) = end_unproved(verified.head.as_ref(), evidence)
    {
        output::say(&note);
    }
    let is_signed = |(_, head): &(String, PublishedHead)| head.is_signed();
    let has_seals = evidence.heads.iter().any(is_signed) || !evidence.statements.is_empty();
    if keys.is_none() && has_seals {
        output::say("note: no signature was checked; `--keys FILE` names the keys you trust");
    }
    Ok(Exit::Ok)
}

/// A log without its last records is a correct shorter log: only a head from elsewhere shows them.
fn end_unproved(last: Option<&(u64, String)>, evidence: &Evidence) -> Option<String> {
    let (last, hash) = last?;
    let heads = evidence.heads.iter().map(|(_, head)| head.seq());
    let seen = { evidence.statements.iter() }.map(|(_, said)| said.head().seq());
    let proved = heads.chain(seen).max();
    if proved >= Some(*last) {
        return None;
    }
    let until = match proved {
        Some(seq) => format!("the newest published head is that of record {seq}"),
        None => "no published head was checked".to_owned(),
    };
    Some(format!(
        "note: the end is not proved: {until}, and records after {last} may be cut off. Compare head {last} {hash} with \
         the newest file in `heads` of the server's export, or give that file as `--head FILE`"
    ))
}

fn failed(args: &Args, fault: &BadRecord) -> Outcome {
    let value = json!({
        "ok": false,
        "seq": fault.seq,
        "kind": fault.kind.to_string(),
        "detail": fault.detail,
    });
    output::one(args.output.format(), &value, FIELDS, String::new)?;
    let what = match fault.kind {
        FaultKind::Forged => "the head of record",
        FaultKind::Changed | FaultKind::Missing | FaultKind::Reordered | FaultKind::Forked => {
            "record"
        }
    };
    Err(
        Failure::failed(format!("{what} {} is {}", fault.seq, fault.kind))
            .code(fault.kind.to_string())
            .detail(&fault.detail),
    )
}

struct RecordRange {
    from: Option<u64>,
    to: Option<u64>,
}

impl RecordRange {
    fn of(args: &Args) -> Result<Self, Failure> {
        match (args.from, args.to) {
            (Some(0), _) | (_, Some(0)) => Err(Failure::bad_input("records are numbered from 1")),
            (Some(from), Some(to)) if from > to => Err(Failure::bad_input(format!(
                "`--from {from}` comes after `--to {to}`"
            ))),
            (from, to) => Ok(Self { from, to }),
        }
    }

    fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    fn holds(&self, seq: u64) -> bool {
        self.from.is_none_or(|from| from <= seq) && self.to.is_none_or(|to| seq <= to)
    }

    /// An unreadable record may be in range.
    fn may_hold(&self, input: &Input) -> bool {
        self.is_everything()
            || Record::parse(&input.bytes).map_or(true, |record| self.holds(record.seq()))
    }

    /// Checks that both ends of the range exist.
    fn reached(&self, verified: Verified) -> Result<Verified, BadRecord> {
        let missing = |seq: u64| BadRecord {
            seq,
            kind: FaultKind::Missing,
            detail: format!("record {seq} is not in the export"),
        };
        let last = verified.head.as_ref().map_or(0, |(seq, _)| *seq);
        match (self.from, self.to) {
            (Some(from), _) if last == 0 || verified.first > from => Err(missing(from)),
            (_, Some(to)) if last < to => Err(missing(last + 1)),
            _ => Ok(verified),
        }
    }
}

async fn stored(store: &ServerStore) -> Result<Vec<Input>, Failure> {
    let name = store.name();
    let mut inputs: Vec<Input> = Vec::new();
    let mut next = 1;
    loop {
        let batch = store.records_from(next, BATCH).await;
        let batch = batch.map_err(|fault| Failure::failed(fault.to_string()))?;
        let Some(last) = batch.last().map(Record::seq) else {
            return Ok(inputs);
        };
        next = last + 1;
        inputs.extend(batch.iter().map(|record| Input {
            place: format!("{name}: record {}", record.seq()),
            named: None,
            bytes: record.canonical().as_bytes().to_vec(),
        }));
    }
}
