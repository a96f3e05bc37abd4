//! `hallpass audit import`: imports another tool's requests into the audit log, directly into the
//! server's store. Each record names its source and is imported once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hallpass_access::{AccessStore as _, Change};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::host::team_export::{read_export, refused};
use hallpass_app::host::team_tables::LiveTablesArgs;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_audit::{
    AuditStore as _, Draft, Event, ImportedRequest, Order, Origin, Record, RecordQuery,
};
use hallpass_base::{AuditId, IdSource as _};
use hallpass_channels::wording::lists::count;
use hallpass_imports::team::{PastRequest, TeamTable, history};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde_json::Value;

/// Import requests of another tool into the audit log
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass audit import team --requests requests.json")]
pub(super) struct Args {
    #[command(subcommand)]
    source: Source,
}

#[derive(Debug, clap::Subcommand)]
enum Source {
    Team(TeamArgs),
}

/// Import the requests of AWS TEAM
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import the requests of AWS TEAM\n\nThat is Temporary Elevated Access Management for IAM \
                  Identity Center. Each request becomes one record `history.imported` with all data that \
                  AWS TEAM has of it. Hallpass did not grant these \
                  requests. Requests already in the log are not added again, so the command \
                  can be repeated; a request that changed since is added in its present form. Works on the server's \
                  own machine, directly in its store, which has to exist; the server may run.",
    after_help = "Examples:
  aws dynamodb scan --table-name requests-abcdefghij-main > requests.json
  hallpass audit import team --requests requests.json --config /etc/hallpass/hallpass.toml
  hallpass audit import team --live --region eu-west-1"
)]
struct TeamArgs {
    /// The table of requests: a file of `aws dynamodb scan`, or the folder of an export to S3
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "live",
        conflicts_with = "live"
    )]
    requests: Option<PathBuf>,
    #[command(flatten)]
    live: LiveTablesArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.source {
        Source::Team(args) => team(args),
    }
}

const TEAM: &str = "aws_team";
const REQUESTS: &str = TeamTable::Requests.name();
/// Tables that identify TEAM: many programs have a requests table.
const NEEDED: &[&str] = &[
    REQUESTS,
    TeamTable::Eligibility.name(),
    TeamTable::Settings.name(),
];

fn team(args: &TeamArgs) -> Outcome {
    let address = args.config.existing_store()?;
    let into = address.to_string();
    let (added, known) = runtime()?.block_on(async {
        let export = match (args.live.found(NEEDED).await?, &args.requests) {
            (Some(live), _) => live.read(REQUESTS).await?,
            (None, Some(path)) => read_export(path)?,
            (None, None) => return Err(Failure::bad_input("give --requests or --live")),
        };
        let past = history(&export).map_err(|why| refused(&why))?;
        let store = open_store(address).await?;
        import(&store, &past).await
    })?;
    output::say(&format!(
        "{} imported, {known} in the log already: `{into}`",
        count(added, "request")
    ));
    Ok(Exit::Ok)
}

const BATCH: usize = 200;
const PAGE: u32 = 500;

/// Adds missing records; returns the added and the existing count.
///
/// # Errors
/// If the store fails. Added records stay and are not added again.
async fn import(store: &ServerStore, past: &[PastRequest]) -> Result<(usize, usize), Failure> {
    let known = known(store).await?;
    let is_new = |it: &&PastRequest| {
        !known
            .get(&it.id)
            .is_some_and(|held| held.contains(&it.whole))
    };
    let new: Vec<&PastRequest> = past.iter().filter(is_new).collect();
    for batch in new.chunks(BATCH) {
        let now = hallpass_base::clock::now();
        let change = Change {
            audit: batch
                .iter()
                .map(|it| {
                    let id = AuditId::new(RandomIds.next(now));
                    Draft::new(id, Event::HistoryImported, now, "operator", Origin::Cli)
                        .imported(&of(it))
                })
                .collect(),
            ..Change::default()
        };
        let committed = store.commit(change).await;
        committed.map_err(|error| Failure::failed(error.to_string()))?;
    }
    Ok((new.len(), past.len() - new.len()))
}

fn of(past: &PastRequest) -> ImportedRequest<'_> {
    ImportedRequest {
        from: TEAM,
        id: &past.id,
        requester: past.requester.as_deref(),
        approver: past.approver.as_deref(),
        account: past.account.as_deref(),
        permission_set: past.permission_set.as_deref(),
        reason: past.reason.as_deref(),
        whole: &past.whole,
    }
}

async fn known(store: &ServerStore) -> Result<BTreeMap<String, Vec<Value>>, Failure> {
    let mut query = RecordQuery {
        order: Order::OldestFirst,
        events: vec![Event::HistoryImported.name().to_owned()],
        ..RecordQuery::default()
    };
    let mut known: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    loop {
        let found = store.records_found(&query, PAGE).await;
        let found = found.map_err(|fault| Failure::failed(fault.to_string()))?;
        for (id, whole) in found.records.iter().filter_map(held) {
            known.entry(id).or_default().push(whole);
        }
        match found.next {
            Some(place) => query = query.after(place),
            None => return Ok(known),
        }
    }
}

fn held(record: &Record) -> Option<(String, Value)> {
    let is_ours = record.text("imported_from") == Some(TEAM);
    let id = record.text("imported_id").filter(|_| is_ours)?;
    let whole = record.fields().get("imported")?;
    Some((id.to_owned(), whole.clone()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: TeamArgs,
    }

    #[test]
    fn history_goes_only_into_a_log_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let requests = at("requests.json");
        std::fs::write(&requests, r#"{"Items": [], "Count": 0, "ScannedCount": 0}"#).unwrap();
        let config = at("hallpass.toml");
        let line = || {
            let [requests, config] = [&requests, &config].map(|it| it.display().to_string());
            let line = Line::try_parse_from(["it", "--requests", &requests, "--config", &config]);
            team(&line.unwrap().args)
        };
        std::fs::write(&config, "[store]\nurl = \"sqlite:hallpass.db\"\n").unwrap();
        let failure = line().unwrap_err();
        assert!(
            failure.words().contains("there is no database"),
            "{failure:?}"
        );
        assert!(!at("hallpass.db").exists(), "it made one");
        let address = hallpass_app::config::load(&config)
            .unwrap()
            .store()
            .unwrap();
        let made = runtime().unwrap().block_on(open_store(address));
        drop(made.unwrap());
        assert_eq!(line().unwrap(), Exit::Ok);
    }
}
