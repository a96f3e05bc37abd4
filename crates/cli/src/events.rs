use std::sync::Arc;

use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::setup::opening::{ConfigArgs, aws_settings, open_store, open_store_to_act};
use hallpass_aws::SqsQueue;
use hallpass_base::clock::SystemClock;
use hallpass_channels::wording::time::utc;
use hallpass_findings::events::{EventKey, EventMemory as _, EventRecord, EventState};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use serde_json::json;

const FIELDS: &[&str] = &["id", "source", "detail_type", "at", "why", "body"];
const LISTED_MAX: usize = 10_000;

/// List and replay parked organization events
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org events list
  hallpass org events replay e0000001-0000-4000-8000-000000000001
  hallpass org events replay --all")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List parked events with reasons
    #[command(after_help = "Example:\n  hallpass org events list --output json")]
    List {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Send parked events to the queue again
    #[command(after_help = "Example:\n  hallpass org events replay --all")]
    Replay {
        /// Event ids
        #[arg(value_name = "EVENT", required_unless_present = "all")]
        ids: Vec<String>,
        /// All events
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List { config, output } => {
            let address = config.existing_store()?;
            let rows = runtime()?.block_on(async { parked(&open_store(address).await?).await })?;
            list(&rows, output)?;
            Ok(Exit::Ok)
        }
        Command::Replay { ids, all, config } => {
            let (loaded, address) = (config.load()?, config.existing_store()?);
            runtime()?.block_on(replay(&loaded, address, ids, *all))
        }
    }
}

async fn parked(store: &ServerStore) -> Result<Vec<EventRecord>, Failure> {
    let found = store.parked(LISTED_MAX).await;
    found.map_err(|error| Failure::failed(error.to_string()))
}

fn list(rows: &[EventRecord], output: &OutputArgs) -> Result<(), Failure> {
    let items: Vec<_> = rows
        .iter()
        .map(|row| {
            let (why, body) = row.parked().unwrap_or_default();
            json!({
                "id": row.key, "source": row.source, "detail_type": row.detail_type, "at": row.at, "why": why,
                "body": body,
            })
        })
        .collect();
    let table = || {
        let mut table = Table::new(&["=event", "source", "what", "parked", "why"]);
        for row in rows {
            let why = row.parked().map_or("", |(why, _)| why).to_owned();
            table.row([
                row.key.to_string(),
                row.source.clone(),
                row.detail_type.clone(),
                utc(row.at),
                why,
            ]);
        }
        table
    };
    output::list(output.format(), &items, FIELDS, table)
}

async fn replay(loaded: &Loaded, address: StoreAddress, ids: &[String], all: bool) -> Outcome {
    let Some(url) = loaded.event_queue()? else {
        let failure = Failure::bad_input("`events.queue` is not set: there is no queue to send to");
        return Err(failure.help("docs/reference/configuration.md has it"));
    };
    let store = open_store_to_act(address).await?;
    let mut rows = parked(&store).await?;
    if let Some(missing) = ids
        .iter()
        .find(|id| !rows.iter().any(|row| row.key.as_str() == **id))
    {
        let failure = Failure::bad_input(format!("there is no parked event `{missing}`"));
        return Err(failure.help("`hallpass org events list` shows them"));
    }
    rows.retain(|row| all || ids.iter().any(|id| *id == row.key.as_str()));
    let queue = SqsQueue::new(aws_settings(loaded), url, Arc::new(SystemClock)).await;
    let queue = queue.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    for row in rows {
        let Some((why, body)) = row
            .parked()
            .map(|(why, body)| (why.to_owned(), body.to_owned()))
        else {
            continue;
        };
        // CRASH: the event stays listed; sending it twice is harmless
        let state = EventState::Replayed {
            why,
            body: body.clone(),
        };
        let began = EventRecord {
            at: hallpass_base::clock::now(),
            state,
            ..row.clone()
        };
        store
            .remember(&[began])
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
        queue
            .send(&body)
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
        forget_unreadable(&store, &row).await?;
        output::say(&format!("sent again: {}", row.key));
    }
    Ok(Exit::Ok)
}

/// Deletes a message without an event: it returns under another id, so its row would stay forever.
async fn forget_unreadable(store: &ServerStore, row: &EventRecord) -> Result<(), Failure> {
    if EventKey::is_of_message(&row.key) {
        let outcome = "sent again under another id".to_owned();
        let over = EventRecord {
            state: EventState::Handled { outcome },
            ..row.clone()
        };
        store
            .remember(&[over])
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    Ok(())
}
