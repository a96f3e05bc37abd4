use hallpass_app::host::runtime::runtime;
use hallpass_app::reports::alerts::AlertRunner;
use hallpass_app::reports::pci::{PciReported, alert_rules, tell};
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_base::TimeSpan;
use hallpass_channels::wording::alert::alert_text;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};

use super::args::ReadArgs;
use super::reading::read_now;
use super::render;
use crate::alerts;

/// Expected timer interval.
const EVERY: TimeSpan = TimeSpan::hours(24);

/// Alert once about each person over a limit
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Alert once about each person over a limit\n\nReads the input of `report`, and \
                  stores new and recovered people in the store of the configuration; a server on \
                  that store delivers the alerts. Run it from a timer, once a day. If files were \
                  skipped, nothing is reported, and nothing counts as recovered: exit 1.",
    after_help = "Example:
  hallpass activity pci watch --users users.json --source dir:trail --state pci.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Repeat alerts for expired passwords and inactive people after this time; 0: never
    #[arg(long, value_name = "TIME", default_value = "7d")]
    remind: TimeSpan,
    /// Alert only these channels [default: all]
    #[arg(long, value_name = "CHANNEL,...", value_delimiter = ',')]
    notify: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    let known = loaded.channel_names();
    if let Some(unknown) = args.notify.iter().find(|it| !known.contains(it)) {
        let failure = Failure::bad_input(format!("`{unknown}` is no channel here"));
        return Err(failure.help(format!("there are: `{}`", known.join("`, `"))));
    }
    let ran = read_now(&args.read, &loaded)?;
    let rules = alert_rules(EVERY, args.remind, &args.notify)?;
    let told = runtime()?.block_on(async {
        let runner = AlertRunner {
            store: alerts::store(loaded.store()?).await?,
            folder: loaded.alerted_snapshots()?,
        };
        tell(&runner, &rules, PciReported::Report(&ran)).await
    })?;
    for message in told.iter().filter_map(|it| it.message.as_ref()) {
        output::say(&alert_text(message));
    }
    alerts::show_ran(args.output.format(), &told)?;
    render::tell(&ran);
    Ok(if ran.is_whole() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}
