//! `hallpass audit verify`: check an export with nothing but the export.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_audit::{AuditStore as _, Fault, FaultKind, Head, Input, Record, Verified, verify};
use hallpass_store::{ReadExportError, read_export};
use serde_json::json;

use super::journals::{self, Checked};
use crate::commands::serve::{ConfigArgs, open_store, runtime};
use crate::commands::store::existing;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, OutputArgs};
use crate::words::count;

/// The folder published heads lie in, beside the prefix (`spec/access.md` §14.2).
const HEADS: &str = "heads";
/// Records read from a store at once.
const BATCH: u32 = 500;
/// How deep heads may lie below it: year, month, day, and some room.
const DEPTH_MAX: u32 = 8;
const FIELDS: &[&str] = &[
    "ok", "records", "first", "head", "heads", "journals", "seq", "kind", "detail",
];

/// Verify an exported audit log, with nothing but the export
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify an exported audit log, with nothing but the export\n\nReads folders of \
                  objects (<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json) and files with one record per \
                  line. Needs no server, database or configuration. Published heads in a folder \
                  `heads` and journals of guards in a folder `guard`, in or beside the export, are \
                  checked too. Without a path, checks the store \
                  that the configuration names. Exit 1 names the first bad \
                  record and what is wrong: changed, missing, reordered or forked.",
    after_help = "Examples:
  hallpass audit verify audit/
  hallpass audit verify audit.jsonl --head head.json
  hallpass audit verify audit/ --from 1200 --to 1300"
)]
pub(crate) struct Args {
    /// Export folders and files; without any, the store that the configuration names
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// First record that is checked
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Last record that is checked
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// A published head that the export has to reach
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// Journals of guards, or folders of them, to check beside those that lie by the export
    #[arg(long, value_name = "PATH")]
    journal: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let range = Range::of(args)?;
    let (mut inputs, mut heads) = (Vec::new(), Vec::new());
    let mut journals = args.journal.clone();
    if args.paths.is_empty() {
        inputs = stored(&existing(&args.config)?)?;
        // a store that was cut short is found by the heads it published
        let loaded = args.config.load()?;
        journals.extend(loaded.guard_journal().filter(|folder| folder.is_dir()));
        let published = loaded.export()?;
        let published = published.map(|(folder, _)| folder.join(HEADS));
        if let Some(folder) = published.filter(|folder| folder.is_dir()) {
            read_heads(&folder, 0, &mut heads)?;
        }
    }
    for path in &args.paths {
        let (found, published) = read_export(path).map_err(|error| unreadable(&error))?;
        inputs.extend(found);
        heads.extend(published);
        heads.extend(heads_beside(path)?);
        journals.extend(journals::beside(path));
    }
    journals.sort();
    journals.dedup();
    if let Some(path) = &args.head {
        heads.push(read_head(path)?);
    }
    inputs.retain(|input| range.may_hold(input));
    heads.retain(|head| range.holds(head.seq));
    let finding = verify(inputs, &heads).and_then(|verified| range.reached(verified));
    match finding {
        Ok(verified) => passed(args, &verified, &journals::check(&journals)?),
        Err(fault) => failed(args, &fault),
    }
}

fn passed(args: &Args, verified: &Verified, journals: &[Checked]) -> Outcome {
    let head = verified.head.as_ref();
    let journaled = journals.iter().map(|journal| {
        let path = journal.path.display().to_string();
        json!({"path": path, "records": journal.records, "torn": journal.torn})
    });
    let value = json!({
        "ok": true,
        "records": verified.records,
        "first": verified.first,
        "head": head.map(|(seq, hash)| json!({"seq": seq, "hash": hash})),
        "heads": verified.heads,
        "journals": journaled.collect::<Vec<_>>(),
    });
    output::one(args.output.format(), &value, FIELDS, || {
        text(verified) + &journal_text(journals)
    })?;
    if verified.first > 1 && head.is_some() && args.from.is_none() {
        output::say(&format!(
            "note: the export begins at record {}; nothing is said about those before it",
            verified.first
        ));
    }
    Ok(Exit::Ok)
}

fn text(verified: &Verified) -> String {
    let records = usize::try_from(verified.records).unwrap_or(usize::MAX);
    let heads = usize::try_from(verified.heads).unwrap_or(usize::MAX);
    let Some((seq, hash)) = &verified.head else {
        return "No records, and no head that says there should be any.\n".to_owned();
    };
    format!(
        "{} checked, {} to {seq}: the chain holds.\nHead {seq} {hash}\n{} checked.\n",
        count(records, "record"),
        verified.first,
        count(heads, "published head")
    )
}

fn journal_text(journals: &[Checked]) -> String {
    let line = |journal: &Checked| {
        let records = usize::try_from(journal.records).unwrap_or(usize::MAX);
        let torn = if journal.torn {
            " What came after them was torn by a stop."
        } else {
            ""
        };
        let path = journal.path.display();
        format!(
            "Journal {path}: {}, the chain holds.{torn}\n",
            count(records, "record")
        )
    };
    journals.iter().map(line).collect()
}

fn failed(args: &Args, fault: &Fault) -> Outcome {
    let value = json!({
        "ok": false,
        "seq": fault.seq,
        "kind": fault.kind.to_string(),
        "detail": fault.detail,
    });
    output::one(args.output.format(), &value, FIELDS, String::new)?;
    Err(
        Failure::failed(format!("record {} is {}", fault.seq, fault.kind))
            .code(fault.kind.to_string())
            .detail(&fault.detail),
    )
}

/// `--from` and `--to`.
struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

impl Range {
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

    /// What cannot be read may be a record of the range.
    fn may_hold(&self, input: &Input) -> bool {
        self.is_everything()
            || Record::parse(&input.bytes).map_or(true, |record| self.holds(record.seq()))
    }

    /// Whether the first and the last record of the range are there.
    fn reached(&self, verified: Verified) -> Result<Verified, Fault> {
        let missing = |seq: u64| Fault {
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

/// Every record of a store, in its order.
fn stored(path: &Path) -> Result<Vec<Input>, Failure> {
    let records = runtime()?.block_on(async {
        let store = open_store(path.to_path_buf()).await?;
        let mut records: Vec<Record> = Vec::new();
        loop {
            let next = records.last().map_or(1, |record| record.seq() + 1);
            let batch = store
                .records_from(next, BATCH)
                .await
                .map_err(|fault| Failure::failed(fault.to_string()))?;
            if batch.is_empty() {
                return Ok::<_, Failure>(records);
            }
            records.extend(batch);
        }
    })?;
    let input = |record: &Record| Input {
        place: format!("{}: record {}", path.display(), record.seq()),
        named: None,
        bytes: record.canonical().as_bytes().to_vec(),
    };
    Ok(records.iter().map(input).collect())
}

/// An export that cannot be read is not a shorter log (promise P9).
fn unreadable(error: &ReadExportError) -> Failure {
    match error {
        ReadExportError::Unreadable { path, source } => Failure::unreadable(path.display(), source),
        ReadExportError::NotAHead { source, .. } => {
            Failure::bad_input(format!("{error}: {source}"))
        }
        ReadExportError::TooDeep { .. } => Failure::bad_input(error.to_string()),
    }
}

/// Heads of an export whose prefix was given: they lie beside it.
fn heads_beside(path: &Path) -> Result<Vec<Head>, Failure> {
    let mut heads = Vec::new();
    if !path.is_dir() || path.join(HEADS).is_dir() {
        return Ok(heads);
    }
    // an absolute path, so that `.` and `logs` have a parent to look in
    let absolute =
        fs::canonicalize(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    if let Some(beside) = absolute.parent().map(|parent| parent.join(HEADS))
        && beside.is_dir()
    {
        read_heads(&beside, 0, &mut heads)?;
    }
    Ok(heads)
}

fn read_heads(folder: &Path, depth: u32, heads: &mut Vec<Head>) -> Result<(), Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            read_heads(&path, depth + 1, heads)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            heads.push(read_head(&path)?);
        }
    }
    Ok(())
}

fn read_head(path: &Path) -> Result<Head, Failure> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::bad_input(format!("`{shown}` is not a published head: {error}")))
}
