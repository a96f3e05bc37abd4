mod export;
mod import;
mod journals;
mod key;
mod places;
mod show;
mod verify;
mod witness;
mod witness_face;

use hallpass_api::Page;
use hallpass_client::client::Client;
use hallpass_terminal::exit::{Failure, Outcome};
use serde_json::Value;

const PAGE_SIZE: usize = 500;

/// Verify, show, export and witness the audit log, import history
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass audit verify audit/")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Verify(verify::Args),
    Show(show::Args),
    Export(export::Args),
    Import(import::Args),
    Key(key::Args),
    Witness(witness::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Verify(args) => verify::run(args),
        Command::Show(args) => show::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
        Command::Key(args) => key::run(args),
        Command::Witness(args) => witness::run(args),
    }
}

/// Returns records after `after`, ascending, and the next cursor. A short or empty page need not be
/// the last.
pub(crate) async fn page(
    client: &Client,
    after: u64,
    filter: &[(&str, String)],
    limit: usize,
) -> Result<(Vec<Value>, Option<u64>), Failure> {
    let mut query = vec![
        ("after", after.to_string()),
        ("limit", limit.min(PAGE_SIZE).to_string()),
    ];
    query.extend_from_slice(filter);
    let page: Page<Value> = client.get(&["audit"], &query).await?;
    let mut last = after;
    for record in &page.items {
        last = seq_after(record, last)?;
    }
    let next = page.next.map(|next| {
        let next = next.parse::<u64>().ok();
        // a cursor that moves back would loop forever
        next.filter(|next| *next > after && *next >= last)
            .ok_or_else(|| {
                Failure::failed("the server's answer does not say where the log continues")
            })
    });
    Ok((page.items, next.transpose()?))
}

/// Returns the record number, which must exceed `after`.
fn seq_after(record: &Value, after: u64) -> Result<u64, Failure> {
    record
        .get("seq")
        .and_then(Value::as_u64)
        .filter(|seq| *seq > after)
        .ok_or_else(|| {
            Failure::failed(format!(
                "the server's answer holds no record after number {after}"
            ))
        })
}
