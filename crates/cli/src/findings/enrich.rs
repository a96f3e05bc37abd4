use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ReadingArgs, aws_settings};
use hallpass_base::clock::SystemClock;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_findings::{
    BackfillError, EnrichOutcome, EnrichTrigger, Enricher, Finding, FindingCalls, FindingUpdate,
    FoundFindings, NotePolicy, WantedFinding, find_findings, homes,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table};
use hallpass_terminal::prompt::{Consent, YesArgs, confirm_act};
use serde::Serialize;

use super::{client, refused};

const FIELDS: &[&str] = &[
    "account",
    "region",
    "id",
    "product_arn",
    "outcome",
    "note",
    "fields",
];
const AT_ONCE: usize = 500;

/// Preview enrichment of findings; with `--apply`, write it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Preview enrichment of findings; with `--apply`, write it\n\nReads the open \
                  findings, in the aggregation Region if there is one. Another run continues with \
                  findings that are not enriched.",
    after_help = "Examples:
  hallpass org findings enrich --backfill --since 30d
  hallpass org findings enrich --backfill --since 30d --notes append --apply
  hallpass org findings enrich --backfill --since 30d --apply --yes  # without a terminal"
)]
pub(super) struct Args {
    /// Existing findings; the server handles new ones (`events.queue`)
    #[arg(long, required = true)]
    backfill: bool,
    /// Only findings updated within this time
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: TimeSpan,
    /// How to treat existing notes: keep, append, replace [default: `findings.notes`]
    #[arg(long, value_name = "POLICY")]
    notes: Option<NotePolicy>,
    /// Regions to read without an aggregation Region [default: the home Region]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Vec<String>,
    /// Write it
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    yes: YesArgs,
    /// Exit 3 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    shown: ReadingArgs,
}

/// A finding with its update and result.
#[derive(Serialize)]
struct Row {
    account: String,
    region: String,
    id: String,
    product_arn: String,
    outcome: String,
    note: Option<String>,
    fields: BTreeMap<String, String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.shown.config.load()?;
    let mut settings = loaded.enrich_settings()?;
    settings.notes = args.notes.unwrap_or(settings.notes);
    let home = aws_settings(&loaded).region;
    let regions = if args.regions.is_empty() {
        vec![home]
    } else {
        args.regions.clone()
    };
    runtime()?.block_on(async {
        let client = client(&loaded).await?;
        let now = hallpass_base::clock::now();
        let found = find(client.as_ref(), &regions, (args.since.before(now), now)).await?;
        let enricher = Enricher::new(client, Arc::new(SystemClock), settings);
        enrich(args, &enricher, &found).await
    })
}

async fn find(
    calls: &dyn FindingCalls,
    regions: &[String],
    within: (Timestamp, Timestamp),
) -> Result<FoundFindings, Failure> {
    let mut all = FoundFindings::default();
    for region in homes(calls, regions)
        .await
        .map_err(|refusal| refused(&refusal))?
    {
        let found = find_findings(calls, &region, within, |_| {})
            .await
            .map_err(|error| match error {
                BackfillError::Refused { refusal, .. } => {
                    refused(&refusal).detail(format!("in {region}"))
                }
                BackfillError::Endless(_) => Failure::failed(error.to_string()),
            })?;
        let (wanted, enriched) = (found.wanted.len(), found.enriched);
        output::say(&format!(
            "{region}: {wanted} findings to enrich, {enriched} enriched already"
        ));
        all.wanted.extend(found.wanted);
        all.enriched += found.enriched;
        all.unreadable.extend(found.unreadable);
    }
    Ok(all)
}

async fn enrich(args: &Args, enricher: &Enricher, found: &FoundFindings) -> Outcome {
    let (updates, warnings) = enricher.plan(&found.wanted).await;
    let mut rows = Vec::new();
    let mut failed = found.unreadable.len();
    for (finding, update) in found.wanted.iter().zip(&updates) {
        let (outcome, update) = match update {
            Ok(update) => ("would be written".to_owned(), Some(update)),
            Err(refusal) => {
                failed += 1;
                (refusal.to_string(), None)
            }
        };
        rows.push(row(finding, update, outcome));
    }
    if args.apply && updates.iter().any(Result::is_ok) {
        consent(&rows, args.yes.consent())?;
        let outcomes = write(enricher, &found.wanted).await;
        failed = found.unreadable.len();
        for (row, outcome) in rows.iter_mut().zip(outcomes) {
            let (words, is_done) = told(outcome);
            row.outcome = words;
            failed += usize::from(!is_done);
        }
    }
    output::list(args.shown.output.format(), &rows, FIELDS, || table(&rows))?;
    for line in warnings.iter().chain(&found.unreadable) {
        output::say(line);
    }
    if !args.apply && !rows.is_empty() {
        output::say("nothing was written: `--apply` writes it");
    }
    Ok(if failed > 0 {
        Exit::Failed
    } else if args.detailed_exitcode && !rows.is_empty() {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn consent(rows: &[Row], consent: Consent) -> Result<(), Failure> {
    if consent == Consent::Ask && io::stdin().is_terminal() {
        output::say(&table(rows).text(output::stderr_width()));
    }
    let act = "this changes findings of Security Hub";
    let question = format!("Write this to these {} findings?", rows.len());
    confirm_act(act, &question, consent)
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["=account", "region", "finding", "fields", "note", "outcome"]);
    for row in rows {
        let id = row.id.rsplit('/').next().unwrap_or_default().to_owned();
        let note = if row.note.is_some() { "ours" } else { "kept" }.to_owned();
        let fields = row.fields.len().to_string();
        table.row([
            row.account.clone(),
            row.region.clone(),
            id,
            fields,
            note,
            row.outcome.clone(),
        ]);
    }
    table
}

async fn write(enricher: &Enricher, findings: &[Finding]) -> Vec<EnrichOutcome> {
    let mut outcomes = Vec::new();
    for some in findings.chunks(AT_ONCE) {
        let imported = EnrichTrigger::Imported;
        let wanted: Vec<WantedFinding> = some.iter().map(|it| it.wanted(imported)).collect();
        outcomes.extend(enricher.enrich(&wanted).await.outcomes);
        if findings.len() > AT_ONCE {
            output::say(&format!(
                "{} of {} findings",
                outcomes.len(),
                findings.len()
            ));
        }
    }
    outcomes
}

fn told(outcome: EnrichOutcome) -> (String, bool) {
    match outcome {
        EnrichOutcome::Written => ("written".to_owned(), true),
        EnrichOutcome::WrittenLess(code) => {
            (format!("written without note and tags: {code}"), true)
        }
        EnrichOutcome::LeftAlone(why) => (format!("left alone: {why}"), true),
        EnrichOutcome::Gone => ("gone".to_owned(), true),
        EnrichOutcome::GaveUp(why) | EnrichOutcome::Again(why) => {
            (format!("not written: {why}"), false)
        }
    }
}

fn row(finding: &Finding, update: Option<&FindingUpdate>, outcome: String) -> Row {
    Row {
        account: finding.account.to_string(),
        region: finding.region.clone(),
        id: finding.id.clone(),
        product_arn: finding.product_arn.clone(),
        outcome,
        note: update
            .and_then(|it| it.note.as_ref())
            .map(|it| it.text.clone()),
        fields: update.map(|it| it.fields.clone()).unwrap_or_default(),
    }
}
