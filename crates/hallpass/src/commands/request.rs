//! `hallpass request`: ask for access, and wait for it.

use hallpass_api::{Ask, Preview, Request};
use hallpass_model::TimeSpan;

use super::{ApiArgs, TargetArgs};
use crate::client::{Client, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::follow::{Followed, Last, follow};
use crate::output::{self, Format};
use crate::tables::{self, Viewpoint};

/// Ask for access: a permission set in an account, or a group
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass request --account payments-prod --permission-set ReadOnly --for 2h \\
      --reason 'disk of the ledger database is full' --wait
  hallpass request --group oncall --for 8h --reason 'on call tonight'")]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// For how long: `90m`, `1h30m`, `01:30`
    #[arg(long = "for", value_name = "DURATION")]
    duration: TimeSpan,
    /// Why; approvers read this
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A ticket, where a rule wants one
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// `--wait`, for requests and extensions.
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// Wait until the access is active, then show how to use it
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        requires = "wait"
    )]
    timeout: TimeSpan,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let ask = Ask {
        account: args.target.account.clone(),
        permission_set: args.target.permission_set.clone(),
        group: args.target.group.clone(),
        duration_seconds: args.duration.as_seconds(),
        reason: args.reason.clone(),
        ticket: args.ticket.clone(),
    };
    block_on(async {
        let warned = warn_if_held(&client, &ask).await;
        let request: Request = client.post(&["requests"], &ask).await?;
        if let Some(held) = request.standing.as_ref().filter(|_| !warned) {
            output::say(&format!("note: {}", output::plain(&held.says)));
        }
        if request.already_pending {
            output::say(&format!(
                "note: an equal request waits already: {}",
                output::plain(&request.id)
            ));
        }
        see_through(&client, request, &args.wait, args.api.format()).await
    })
}

/// Says that it is held already, not through Hallpass: a grant of it would not end it. Whether that
/// was said. Asking goes on whatever comes of this: the server answers anew, and says it again.
async fn warn_if_held(client: &Client, ask: &Ask) -> bool {
    let mut query = Vec::new();
    for (name, value) in [
        ("account", &ask.account),
        ("permission_set", &ask.permission_set),
        ("group", &ask.group),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let preview: Result<Preview, Failure> = client.get(&["preview"], &query).await;
    let held = preview.ok().and_then(|preview| preview.standing);
    if let Some(held) = &held {
        output::say(&format!("note: {}", output::plain(&held.says)));
    }
    held.is_some()
}

/// Shows the request, or with `--wait` what became of it.
///
/// # Errors
/// Exit 1 when the access will not be there.
pub(crate) async fn see_through(
    client: &Client,
    request: Request,
    wait: &WaitArgs,
    format: Format,
) -> Outcome {
    let show_request = |request: &Request| {
        output::one(format, request, tables::REQUEST_FIELDS, || {
            tables::request(request, &Viewpoint::here())
        })
    };
    let show_grant = |grant: &hallpass_api::Grant| {
        output::one(format, grant, tables::GRANT_FIELDS, || {
            tables::grant(grant, &Viewpoint::here())
        })
    };
    if !wait.wait {
        show_request(&request)?;
        return Ok(Exit::Ok);
    }
    match follow(client, request, wait.timeout).await? {
        Followed::Active(grant) => {
            show_grant(&grant)?;
            Ok(Exit::Ok)
        }
        Followed::Over(last, failure) => {
            match *last {
                Last::Request(request) => show_request(&request)?,
                Last::Grant(grant) => show_grant(&grant)?,
            }
            Err(failure)
        }
    }
}
