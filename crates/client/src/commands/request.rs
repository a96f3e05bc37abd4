use std::io::{self, IsTerminal as _};

use crate::api_args::ApiArgs;
use crate::client::{Client, block_on};
use crate::confirming::ConfirmArgs;
use crate::follow::{Followed, Last, follow};
use crate::ids::preview;
use crate::tables::{self, Viewpoint};
use crate::target_args::TargetArgs;
use hallpass_api::{Ask, Extend, Grant, GrantState, Request};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format};
use hallpass_terminal::prompt::{Consent, confirm_act};
use hallpass_terminal::words;

use super::denied::{DeniedArgs, ReadDenialDetails};
use super::several::{self, TargetsArgs};
use super::starts;

/// Request access: a permission set in an account, or a group
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass request --account payments-prod --permission-set ReadOnly --for 2h \\
      --reason 'disk of the ledger database is full' --wait
  hallpass request --group oncall --for 8h --reason 'on call tonight'
  hallpass request --account orders-dev --account orders-prod \\
      --permission-set ReadOnly --for 2h --reason 'compare the two'
  hallpass request --group oncall --for 8h --starts 'tomorrow 08:00' --reason 'on call'
  aws s3 ls s3://logs 2>&1 | hallpass request --denied - --dry-run
  hallpass request --denied 'User: … is not authorized to perform: s3:GetObject on resource: …' \\
      --for 1h --reason 'OPS-1: look at the logs'")]
pub struct Args {
    #[command(flatten)]
    targets: TargetsArgs,
    #[command(flatten)]
    denied: DeniedArgs,
    /// Duration: `90m`, `1h30m`, `01:30`
    #[arg(long = "for", value_name = "DURATION")]
    #[arg(required_unless_present = "dry_run")]
    duration: Option<TimeSpan>,
    /// Reason for the approvers
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// A ticket, if a rule requires one
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Start: `2026-11-22T08:00` (in your zone; `…Z`: UTC), `tomorrow 08:00`, `08:00` or `+2h`
    /// [default: immediately]
    #[arg(long, value_name = "WHEN", conflicts_with = "wait")]
    starts: Option<String>,
    /// Request a separate grant even if you hold it already
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// `--wait`, for requests and extensions.
#[derive(Debug, clap::Args)]
pub struct WaitArgs {
    /// Wait until the access is active, then show how to use it
    #[arg(long)]
    wait: bool,
    /// Maximum wait
    #[arg(long, value_name = "DURATION")]
    #[arg(default_value = "10m", requires = "wait")]
    timeout: TimeSpan,
}

struct Wish<'a> {
    args: &'a Args,
    duration: TimeSpan,
    reason: &'a str,
    starts_at: Option<Timestamp>,
}

pub fn run(args: &Args, details: ReadDenialDetails) -> Outcome {
    let view = Viewpoint::here();
    let starts_at = args.starts.as_deref();
    let starts_at = starts_at.map(|text| starts::read(text, view.now, &view.zone));
    let starts_at = starts_at.transpose()?;
    let client = args.api.client()?;
    let mut targets = args.targets.all();
    if let Some(text) = args.denied.text() {
        let format = args.api.format();
        let chosen = args.denied.target(&client, text, format, details);
        match block_on(chosen)? {
            Some(target) => targets = vec![target],
            None => return Ok(Exit::Ok),
        }
    }
    let (Some(duration), Some(reason)) = (args.duration, args.reason.as_deref()) else {
        return Err(Failure::bad_input("`--for` and `--reason` are missing"));
    };
    let [target] = targets.as_slice() else {
        let asked = several::Asked {
            duration,
            reason,
            ticket: args.ticket.as_deref(),
            starts_at,
            anew: args.new,
            patience: args.wait.wait.then_some(args.wait.timeout),
            confirm: &args.confirm,
        };
        return block_on(several::ask(&client, &targets, &asked, args.api.format()));
    };
    let wish = Wish {
        args,
        duration,
        reason,
        starts_at,
    };
    block_on(wish.ask(&client, target))
}

impl Wish<'_> {
    async fn ask(&self, client: &Client, target: &TargetArgs) -> Outcome {
        let args = self.args;
        // a failed preview does not block the request, unless the target is missing
        let preview = match preview(client, target).await {
            Err(failure) if failure.exit() == Exit::BadInput => return Err(failure),
            other => other.ok(),
        };
        let (held, standing) = preview.map_or((None, None), |it| (it.held, it.standing));
        if let Some(held) = &standing {
            output::say(&format!("note: {}", output::plain(&held.says)));
        }
        if let Some(grant) = held.filter(|_| !args.new && self.starts_at.is_none()) {
            return self.longer(client, &grant).await;
        }
        let ask = |confirmed_warnings| Ask {
            account: target.account.clone(),
            permission_set: target.permission_set.clone(),
            group: target.group.clone(),
            duration_seconds: self.duration.as_seconds(),
            reason: self.reason.to_owned(),
            ticket: args.ticket.clone(),
            starts_at: self.starts_at,
            confirmed_warnings,
        };
        let request: Request = args.confirm.post(client, &["requests"], ask).await?;
        if let Some(held) = request.standing.as_ref().filter(|_| standing.is_none()) {
            output::say(&format!("note: {}", output::plain(&held.says)));
        }
        if request.already_pending {
            output::say(&format!(
                "note: an equal request waits already: {}",
                output::plain(&request.id)
            ));
        }
        see_through(client, request, &args.wait, args.api.format()).await
    }

    /// Extends held access after a confirmation.
    async fn longer(&self, client: &Client, grant: &Grant) -> Outcome {
        let args = self.args;
        let view = Viewpoint::here();
        let (held, id) = (tables::held(grant), &grant.id);
        let ends = words::ends(grant.ends_at, view.now, &view.zone);
        if grant.state != GrantState::Active {
            let message = format!("you are getting `{held}` right now, by `{id}`");
            return Err(Failure::refused(message)
                .code("held")
                .help("`hallpass grants` shows it; `--new` requests it once more"));
        }
        let length = self.duration;
        if !io::stdin().is_terminal() {
            let message = format!("you hold `{held}` already, by `{id}`. {ends}");
            return Err(Failure::refused(message).code("held").help(format!(
                "`hallpass extend {id} --for {length}` makes it longer; `--new` requests it once more"
            )));
        }
        let question = format!(
            "You hold {} already. {ends}.\nRequest to extend it, to {length} from its approval?",
            output::plain(&held)
        );
        confirm_act("this extends what you hold", &question, Consent::Ask)?;
        let body = |confirmed_warnings| Extend {
            duration_seconds: length.as_seconds(),
            reason: Some(self.reason.to_owned()),
            ticket: args.ticket.clone(),
            confirmed_warnings,
        };
        let path = ["grants", id, "extend"];
        let request: Request = args.confirm.post(client, &path, body).await?;
        see_through(client, request, &args.wait, args.api.format()).await
    }
}

/// Prints the request, or with `--wait` its result.
///
/// # Errors
/// Exit 1 if the access will not become active.
pub async fn see_through(
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
    let show_grant = |grant: &Grant| {
        output::one(format, grant, tables::GRANT_FIELDS, || {
            tables::grant(grant, &Viewpoint::here())
        })
    };
    if !wait.wait {
        show_request(&request)?;
        return Ok(Exit::Ok);
    }
    match follow(client, Last::Request(request), wait.timeout).await? {
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
