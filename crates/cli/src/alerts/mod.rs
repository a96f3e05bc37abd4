//! `hallpass query alerts`: rules over snapshot queries that report new and resolved rows
//! (`inventory.md` §2.2).

mod list;
mod mute;
mod replay;
mod run;

pub use self::run::show_ran;

use std::path::PathBuf;
use std::sync::Arc;

use hallpass_alerts::{AlertMessage, AlertStore};
use hallpass_app::config::Loaded;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::reports::alerts::RuleFileOfAlerts;
use hallpass_app::setup::opening::open_store;
use hallpass_channels::wording::alert::alert_text;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde_json::{Value, json};

/// Run alert rules over snapshots, list and mute what they found
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query alerts example > alerts.yaml
  hallpass query alerts test alerts.yaml --snapshots 20261120T000000Z-00000001
  hallpass sync; hallpass query alerts run alerts.yaml
  hallpass query alerts list")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(run::Args),
    Test(replay::Args),
    List(list::Args),
    Mute(mute::MuteArgs),
    Unmute(mute::UnmuteArgs),
    /// Print a file of ready-made rules
    #[command(after_help = "Example:\n  hallpass query alerts example > alerts.yaml")]
    Example,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 for invalid arguments.
pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Run(args) => run::run(args),
        Command::Test(args) => replay::run(args),
        Command::List(args) => list::run(args),
        Command::Mute(args) => mute::run_mute(args),
        Command::Unmute(args) => mute::run_unmute(args),
        Command::Example => {
            output::print(hallpass_alerts::EXAMPLE)?;
            Ok(Exit::Ok)
        }
    }
}

pub async fn store(address: StoreAddress) -> Result<Arc<dyn AlertStore>, Failure> {
    let store: ServerStore = open_store(address).await?;
    Ok(Arc::new(store))
}

fn rule_file(given: Option<&PathBuf>, loaded: &Loaded) -> Result<RuleFileOfAlerts, Failure> {
    let configured = loaded.alert_file();
    let path = given.or(configured.as_ref()).ok_or_else(|| {
        let failure = Failure::bad_input("there is no file of rules");
        failure.help("name one, or set `alerts.file`; `hallpass query alerts example` prints one")
    })?;
    RuleFileOfAlerts::read(path, Some(&loaded.channel_names()))
}

/// A message as JSON: the webhook body, and its text.
fn message_json(message: &AlertMessage) -> Value {
    json!({
        "rule": message.alert,
        "severity": message.severity,
        "at": message.at,
        "snapshot": message.snapshot,
        "text": alert_text(message),
        "news": message.news,
        "notify": message.notify,
    })
}
