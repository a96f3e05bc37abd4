use std::sync::Arc;

use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, aws_settings};
use hallpass_aws::SqsQueue;
use hallpass_base::clock::SystemClock;
use hallpass_base::{AccountId, IdSource as _};
use hallpass_findings::forget_event;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Make the server reread an account, or all of them
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make the server reread an account, or all of them\n\nSent through the queue of \
                  events: one of its servers takes it. Tags are read again every five minutes, \
                  all else once a day, or when an event reports a change.",
    after_help = "Examples:
  hallpass org findings cache drop 111122223333
  hallpass org findings cache drop"
)]
pub(super) struct Args {
    /// The account; all without one
    #[arg(value_name = "ACCOUNT")]
    account: Option<AccountId>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    let Some(url) = loaded.event_queue()? else {
        let failure = Failure::bad_input("`events.queue` is not set: no server remembers accounts");
        return Err(failure.help("commands read accounts again each time they run"));
    };
    runtime()?.block_on(async {
        let queue = SqsQueue::new(aws_settings(&loaded), url, Arc::new(SystemClock)).await;
        let queue = queue.map_err(Failure::failed)?;
        let now = hallpass_base::clock::now();
        let id = RandomIds.next(now).to_string();
        let body = forget_event(&id, args.account.as_ref(), now).to_string();
        let sent = queue.send(&body).await;
        sent.map_err(|fault| Failure::failed(fault.to_string()))?;
        output::say("sent: the server reads it again with its next finding");
        Ok(Exit::Ok)
    })
}
