use hallpass_api::{HeldAccess, Lock, LockPerson, UnlockPerson, Unlocked};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::time::utc;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::prompt::{YesArgs, confirm};

const FIELDS: &[&str] = &["user", "user_id", "since", "until", "by", "reason", "held"];

/// Lock a user: they can end access early and nothing else
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lock a person: they can end access early and nothing else\n\nTheir tokens \
                  and sessions end, their requests are withdrawn, and they cannot sign in, request, approve or press anything until another administrator lifts the lock. Their access continues unless `--revoke` is given.",
    after_help = "Examples:
  hallpass people lock --user eve@acme.example --reason 'laptop stolen' --end-sessions --yes
  hallpass people lock --user ci@acme.example --reason 'suspected leak' --for 2d"
)]
pub struct LockArgs {
    /// The user's e-mail or id
    #[arg(long, value_name = "E-MAIL")]
    user: String,
    /// Why; this is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Duration [default: until unlocked]
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<TimeSpan>,
    /// Also end all their access
    #[arg(long)]
    revoke: bool,
    /// End all their access and its sessions
    #[arg(long)]
    end_sessions: bool,
    /// Even the last unlocked administrator; with a token from `hallpass server token create`
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run_lock(args: &LockArgs) -> Outcome {
    let client = args.api.client()?;
    let held = match (args.end_sessions, args.revoke) {
        (true, _) => HeldAccess::EndsWithSessions,
        (false, true) => HeldAccess::Ends,
        (false, false) => HeldAccess::GoesOn,
    };
    let access = match held {
        HeldAccess::GoesOn => "Their access continues until its end.",
        HeldAccess::Ends => "Their access ends.",
        HeldAccess::EndsWithSessions => "Their access ends, with its sessions.",
    };
    let user = output::plain(&args.user);
    let question = format!(
        "{user}: every token and session ends, their requests are withdrawn.\n{access}\n\
         Lock {user} now?"
    );
    confirm(&question, args.yes.consent())?;
    let body = LockPerson {
        user: args.user.clone(),
        reason: args.reason.clone(),
        until: args
            .lasts
            .map(|lasts| lasts.after(hallpass_base::clock::now())),
        held,
        force: args.force,
    };
    let lock: Lock = block_on(async { client.post(&["locks"], &body).await })?;
    output::one(args.api.format(), &lock, FIELDS, || words(&lock))?;
    Ok(Exit::Ok)
}

fn words(lock: &Lock) -> String {
    let until = lock.until.map_or_else(|| "it is lifted".to_owned(), utc);
    format!(
        "{} is locked since {}, until {until}.\n",
        output::plain(&lock.user),
        utc(lock.since)
    )
}

/// Unlock a user
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Unlock a person who was locked\n\nAnother administrator \
                  does this. What the lock ended stays ended: they sign in again.",
    after_help = "Example:\n  hallpass people unlock --user eve@acme.example --reason 'new laptop, keys changed'"
)]
pub struct UnlockArgs {
    /// The user's e-mail or id
    #[arg(long, value_name = "E-MAIL")]
    user: String,
    /// Why; this is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run_unlock(args: &UnlockArgs) -> Outcome {
    let client = args.api.client()?;
    let body = UnlockPerson {
        user: args.user.clone(),
        reason: args.reason.clone(),
    };
    let done: Unlocked = block_on(async { client.post(&["locks", "lift"], &body).await })?;
    let user = output::plain(&args.user);
    output::say(&if done.changed {
        format!("{user} is let in again")
    } else {
        format!("{user} is not locked; nothing changed")
    });
    Ok(Exit::Ok)
}
