//! `hallpass audit verify`: check an export with nothing but the export.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_audit::{Fault, FaultKind, Head, Input, Record, Verified, verify};
use hallpass_store::read_export;
use serde_json::json;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, OutputArgs};
use crate::words::count;

/// The folder published heads lie in, beside the prefix (`spec/access.md` §14.2).
const HEADS: &str = "heads";
/// How deep heads may lie below it: year, month, day, and some room.
const DEPTH_MAX: u32 = 8;
const FIELDS: &[&str] = &[
    "ok", "records", "first", "head", "heads", "seq", "kind", "detail",
];

/// Verify an exported audit log, with nothing but the export
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify an exported audit log, with nothing but the export.\n\nReads folders of \
                  objects (<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json) and files with one record per \
                  line. Needs no server, database or configuration. Published heads in a folder \
                  `heads` in or beside the export are checked too. Exit 1 names the first bad \
                  record and what is wrong: changed, missing, reordered or forked.",
    after_help = "Examples:
  hallpass audit verify audit/
  hallpass audit verify audit.jsonl --head head.json
  hallpass audit verify audit/ --from 1200 --to 1300"
)]
pub(crate) struct Args {
    /// Export folders and files
    #[arg(value_name = "PATH", required = true)]
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
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let range = Range::of(args)?;
    let (mut inputs, mut heads) = (Vec::new(), Vec::new());
    for path in &args.paths {
        let (found, published) = read_export(path).map_err(|error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            Failure::bad_input(format!("{error}{why}"))
        })?;
        inputs.extend(found);
        heads.extend(published);
        heads.extend(heads_beside(path)?);
    }
    if let Some(path) = &args.head {
        heads.push(read_head(path)?);
    }
    inputs.retain(|input| range.may_hold(input));
    heads.retain(|head| range.holds(head.seq));
    let finding = verify(inputs, &heads).and_then(|verified| range.reached(verified));
    match finding {
        Ok(verified) => passed(args, &verified),
        Err(fault) => failed(args, &fault),
    }
}

fn passed(args: &Args, verified: &Verified) -> Outcome {
    let head = verified.head.as_ref();
    let value = json!({
        "ok": true,
        "records": verified.records,
        "first": verified.first,
        "head": head.map(|(seq, hash)| json!({"seq": seq, "hash": hash})),
        "heads": verified.heads,
    });
    output::one(args.output.format(), &value, FIELDS, || text(verified))?;
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
