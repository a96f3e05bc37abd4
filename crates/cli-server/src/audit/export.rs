//! `hallpass audit export`: writes one record per line, in the hashed bytes.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hallpass_audit::Record;
use hallpass_channels::wording::lists::count;
use hallpass_client::client::{Client, ServerArgs, block_on};
use hallpass_store::make_private_file;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde_json::Value;

use super::{PAGE_SIZE, page};

/// Write the audit log, one record per line
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the audit log, one record per line\n\nThe lines hold the very bytes that \
                  the hashes are of, so that `hallpass audit verify FILE` can check them. A chain \
                  that does not hold is named here already, and the exit code is 1.",
    after_help = "Examples:
  hallpass audit export --to audit.jsonl
  hallpass audit export --after 1200 | jq .event"
)]
pub(crate) struct Args {
    /// Only records after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Write to this file instead of standard output, atomically
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.server.client()?;
    let written = match &args.to {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            block_on(copy(&client, args.after, &mut out, &|error| {
                Failure::stdout(&error)
            }))?
        }
        Some(path) => to_file(&client, args.after, path)?,
    };
    output::say(&format!("Exported {}.", count(written, "record")));
    Ok(Exit::Ok)
}

fn to_file(client: &Client, after: u64, path: &Path) -> Result<usize, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    let beside = PathBuf::from(beside);
    let failed = |error: io::Error| Failure::unwritable(path.display(), &error);
    // left over from a stopped export
    let _ = fs::remove_file(&beside);
    let file = make_private_file(&beside).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let copied = block_on(copy(client, after, &mut out, &failed)).and_then(|written| {
        let file = out.into_inner().map_err(|error| failed(error.into()))?;
        file.sync_all()
            .and_then(|()| fs::rename(&beside, path))
            .map_err(failed)?;
        Ok(written)
    });
    if copied.is_err() {
        // a partial export would look like a shorter log
        let _ = fs::remove_file(&beside);
    }
    copied
}

async fn copy(
    client: &Client,
    after: u64,
    out: &mut impl Write,
    failed: &impl Fn(io::Error) -> Failure,
) -> Result<usize, Failure> {
    let first = after.saturating_add(1);
    let mut after = after;
    let mut previous: Option<Record> = None;
    let mut written = 0;
    loop {
        let (records, next) = page(client, after, &[], PAGE_SIZE).await?;
        for value in records {
            let record = read(&value)?;
            if previous.is_none() && record.seq() != first {
                return Err(missing(record.seq()));
            }
            follows(&record, previous.as_ref())?;
            writeln!(out, "{}", record.canonical()).map_err(failed)?;
            previous = Some(record);
            written += 1;
        }
        let Some(next) = next else {
            out.flush().map_err(failed)?;
            return Ok(written);
        };
        after = next;
    }
}

fn read(value: &Value) -> Result<Record, Failure> {
    let seq = value
        .get("seq")
        .map(ToString::to_string)
        .unwrap_or_default();
    Record::parse(value.to_string().as_bytes())
        .map_err(|error| Failure::failed(format!("record {seq} is no audit record: {error}")))
}

fn follows(record: &Record, previous: Option<&Record>) -> Result<(), Failure> {
    let seq = record.seq();
    if !record.hash_holds() {
        return Err(broken(
            seq,
            "changed",
            "its hash does not match its content",
        ));
    }
    match previous {
        Some(before) if before.seq().checked_add(1) != Some(seq) => Err(missing(seq)),
        Some(before) if before.hash() != record.prev_hash() => Err(broken(
            seq,
            "forked",
            "it does not follow the record before it",
        )),
        _ => Ok(()),
    }
}

fn missing(seq: u64) -> Failure {
    Failure::failed(format!("records before record {seq} are missing"))
        .code("missing")
        .help("only auditors and administrators can read the whole log")
}

fn broken(seq: u64, kind: &str, why: &str) -> Failure {
    Failure::failed(format!("record {seq} is {kind}: {why}"))
        .code(kind)
        .help("keep the exports there are, and check them with `hallpass audit verify`")
}
