//! The evidence folder of a signed-off campaign, written and verified.
//!
//! `evidence.jsonl` holds the signed rows, `records.jsonl` the campaign's records of the audit log,
//! `lines.csv` the lines for people.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hallpass_access::evidence_sha256;
use hallpass_api::CampaignEvidence;
use hallpass_audit::{Event, Record};
use hallpass_base::CampaignId;
use hallpass_channels::wording::lists::count;
use hallpass_channels::wording::time::utc;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::{Client, block_on};
use hallpass_store::{Existing, make_private_folder, write_private};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use serde::Serialize;
use serde_json::Value;

use super::{LINE_FIELDS, all_lines};

const EVIDENCE: &str = "evidence.jsonl";
const RECORDS: &str = "records.jsonl";
const LINES: &str = "lines.csv";
const EVENTS: [Event; 6] = [
    Event::CampaignBegun,
    Event::CampaignAnswered,
    Event::CampaignReassigned,
    Event::CampaignClosed,
    Event::CampaignSignedOff,
    Event::CampaignPlanned,
];

/// Write the evidence of a signed-off campaign to a folder
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the evidence of a signed-off campaign to a folder\n\nAdministrators, auditors and \
                  its owner. The folder has the signed rows (`evidence.jsonl`), the campaign's records \
                  of the audit log (`records.jsonl`) and the lines for people (`lines.csv`).",
    after_help = "Example:\n  hallpass campaign export cmp_01934a5b6c7d7e8f90123456789abcde --to review-2026-q4"
)]
pub(super) struct ExportArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    /// New or empty folder
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let client = args.api.client()?;
    let id = args.id.to_string();
    let (rows, records, lines) = block_on(async {
        let rows = rows(&client, &id).await?;
        let records = records(&client, &id).await?;
        Ok((rows, records, all_lines(&client, &id).await?))
    })?;
    let failed = |error: std::io::Error| Failure::unwritable(args.to.display(), &error);
    make_private_folder(&args.to).map_err(failed)?;
    let texts: Vec<&str> = records.iter().map(Record::canonical).collect();
    let csv = output::csv(&lines, LINE_FIELDS)?;
    for (name, text) in [
        (EVIDENCE, rows.join("\n") + "\n"),
        (RECORDS, texts.join("\n") + "\n"),
        (LINES, csv),
    ] {
        write_private(&args.to.join(name), text.as_bytes(), Existing::Kept).map_err(failed)?;
    }
    output::say(&format!(
        "Wrote {} and {}; check them with: hallpass campaign verify {}",
        count(lines.len(), "line"),
        count(records.len(), "record"),
        args.to.display()
    ));
    Ok(Exit::Ok)
}

async fn rows(client: &Client, id: &str) -> Result<Vec<String>, Failure> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let query: Vec<_> = cursor.iter().map(|it| ("cursor", it.clone())).collect();
        let page: CampaignEvidence = client.get(&["campaigns", id, "evidence"], &query).await?;
        let is_stuck = page.rows.is_empty();
        rows.extend(page.rows);
        match page.next {
            Some(next) if !is_stuck => cursor = Some(next),
            Some(_) | None => return Ok(rows),
        }
    }
}

/// In the order of the log.
async fn records(client: &Client, id: &str) -> Result<Vec<Record>, Failure> {
    let mut found = BTreeMap::new();
    for event in EVENTS {
        let mut after = 0;
        loop {
            let filter = [("event", event.name().to_owned())];
            let (page, next) = crate::audit::page(client, after, &filter, 500).await?;
            let ours = page
                .iter()
                .filter(|it| it.get("campaign_id").is_some_and(|it| it == id));
            for value in ours {
                let record = parsed(&value.to_string())?;
                found.insert(record.seq(), record);
            }
            match next {
                Some(next) => after = next,
                None => break,
            }
        }
    }
    Ok(found.into_values().collect())
}

fn parsed(text: &str) -> Result<Record, Failure> {
    Record::parse(text.as_bytes())
        .map_err(|error| Failure::failed(format!("this is no audit record: {error}")))
}

/// Verify an evidence folder, without a server
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verify an evidence folder, without a server\n\nChecks that the rows are those that were \
                  signed off, and that each answer has its record. With --audit, also that the records \
                  are in that export of the audit log, which `hallpass audit verify` checks. Exit 1 names \
                  the first difference.",
    after_help = "Examples:
  hallpass campaign verify review-2026-q4
  hallpass campaign verify review-2026-q4 --audit audit.jsonl"
)]
pub(super) struct VerifyArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// An export of the audit log, as `hallpass audit export --to` writes it
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn verify(args: &VerifyArgs) -> Outcome {
    let rows = read(&args.folder.join(EVIDENCE))?;
    let records = read(&args.folder.join(RECORDS))?;
    let exported = args.audit.as_deref().map(read).transpose()?;
    let found = verified(&rows, &records, exported.as_deref())
        .map_err(|why| Failure::failed(why).code("evidence-differs"))?;
    let fields = ["campaign_id", "lines", "sha256", "signed_by", "signed_at"];
    output::one(args.output.format(), &found, &fields, || {
        let log = match &args.audit {
            Some(_) => "its records are in the export of the log",
            None => "not compared with the audit log: give --audit",
        };
        format!(
            "The {} are those that {} signed off at {}; {log}.\n",
            count(found.lines, "line"),
            found.signed_by,
            found.signed_at.as_deref().unwrap_or("an unknown time"),
        )
    })?;
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::unreadable(path.display(), &error))
}

#[derive(Debug, Serialize)]
struct VerifiedEvidence {
    campaign_id: String,
    lines: usize,
    sha256: String,
    signed_by: String,
    signed_at: Option<String>,
}

fn text<'a>(record: &'a Record, field: &str) -> &'a str {
    let value = record.fields().get(field);
    value.and_then(Value::as_str).unwrap_or_default()
}

/// # Errors
/// The first difference.
fn verified(rows: &str, records: &str, exported: Option<&str>) -> Result<VerifiedEvidence, String> {
    let mut records: Vec<Record> = records
        .lines()
        .map(|line| Record::parse(line.as_bytes()).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    records.sort_by_key(Record::seq);
    if let Some(bad) = records.iter().find(|it| !it.hash_holds()) {
        return Err(format!("record {} was changed", bad.seq()));
    }
    let signature = signature(&records)?;
    let sha256 = evidence_sha256(rows.lines());
    if text(signature, "lines_sha256") != sha256 {
        return Err(format!(
            "{EVIDENCE} is not what was signed off: its SHA-256 is {sha256}"
        ));
    }
    let mut values = rows.lines().map(serde_json::from_str::<Value>);
    let terms = values.next().and_then(Result::ok).unwrap_or_default();
    let campaign = text(signature, "campaign_id");
    if terms.get("id").is_none_or(|id| id != campaign) {
        return Err(format!(
            "{EVIDENCE} and {RECORDS} are of different campaigns"
        ));
    }
    let lines = values.collect::<Result<Vec<Value>, _>>();
    let lines = lines.map_err(|error| format!("{EVIDENCE}: {error}"))?;
    answers_have_records(&lines, &records)?;
    if let Some(exported) = exported {
        in_export(&records, exported)?;
    }
    Ok(VerifiedEvidence {
        campaign_id: campaign.to_owned(),
        lines: lines.len(),
        sha256,
        signed_by: text(signature, "actor").to_owned(),
        signed_at: signature.at().map(utc),
    })
}

fn signature(records: &[Record]) -> Result<&Record, String> {
    let signed = Event::CampaignSignedOff.name();
    let mut signed = records.iter().filter(|it| text(it, "event") == signed);
    match (signed.next(), signed.next()) {
        (Some(one), None) => Ok(one),
        (None, _) | (Some(_), Some(_)) => {
            Err(format!("{RECORDS} does not have one `campaign.signed_off`"))
        }
    }
}

/// The newest record of each line has its answer.
fn answers_have_records(lines: &[Value], records: &[Record]) -> Result<(), String> {
    let answered = Event::CampaignAnswered.name();
    let newest: BTreeMap<u64, &Record> = records
        .iter()
        .filter(|it| text(it, "event") == answered)
        .filter_map(|it| Some((it.fields().get("campaign_line")?.as_u64()?, it)))
        .collect();
    for line in lines {
        let number = line.get("number").and_then(Value::as_u64);
        let number = number.ok_or_else(|| format!("{EVIDENCE} has a line without a number"))?;
        let record = newest.get(&number);
        let recorded = record.and_then(|it| it.fields().get("campaign_answer"));
        if recorded != line.pointer("/answer/answer") {
            return Err(format!("line {number} has another answer in its record"));
        }
    }
    Ok(())
}

fn in_export(records: &[Record], exported: &str) -> Result<(), String> {
    let mut missing: BTreeMap<u64, &Record> = records.iter().map(|it| (it.seq(), it)).collect();
    for line in exported.lines() {
        let record = Record::parse(line.as_bytes()).map_err(|error| error.to_string())?;
        if let Some(ours) = missing.remove(&record.seq())
            && *ours != record
        {
            return Err(format!(
                "record {} differs from the audit log's",
                record.seq()
            ));
        }
    }
    match missing.keys().next() {
        Some(seq) => Err(format!(
            "record {seq} is not in the export of the audit log"
        )),
        None => Ok(()),
    }
}
