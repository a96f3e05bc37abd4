use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass_api::{Entitlement, EntitlementsHeld};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_iam::BadInput;
use hallpass_iam::residual::{
    self, Deny, Event, Graph, Held, HeldEntitlement, HeldEntitlements, Lengths, Residual,
    ResidualQuestion, Sessions, instant, span,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, plain};
use hallpass_terminal::text_file::read_text;

use super::LONGEST_SESSION;

const FIELDS: &[&str] = &["at", "event", "latest_end", "residual_seconds", "unbounded"];

/// Bytes.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Compute how long a user can still act after a revocation
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show until when a person can still act after their access was removed\n\n\
        Events: idp-disabled, portal-deleted, user-disabled (in Identity Center), \
        assignment-removed, user-denied (in the permission set or by a service control policy), \
        token-issue-time (a deny by aws:TokenIssueTime on every role; token-issue-time:ROLE on \
        one), attribute-changed.",
    after_help = "Examples:
  hallpass people sessions residual --at 2026-03-02T09:00:00Z --event user-disabled --assume-worst \\
      --permission-set-duration 4h --chain roles.json
  hallpass people sessions residual --at 2026-03-02T09:00:00Z --event idp-disabled --sessions held.json
  hallpass people sessions residual --at 2026-03-02T09:00:00Z --event assignment-removed --assume-worst \\
      --user ana@example.com

A file of sessions; a session may have its own `duration` or `end`:
  {\"management_account\": \"111122223333\", \"sessions\": [
    {\"kind\": \"portal\", \"id\": \"laptop\", \"start\": \"2026-03-02T08:00:00Z\"},
    {\"kind\": \"role\", \"role\": \"arn:aws:iam::222233334444:role/Admin\",
     \"start\": \"2026-03-02T08:10:00Z\", \"duration\": \"4h\"},
    {\"kind\": \"app\", \"id\": \"Grafana\", \"start\": \"2026-03-02T08:20:00Z\"}]}

A graph of roles, short and long; every role has an entry, `entrances` are the roles held directly:
  {\"Admin\": [\"Deploy\"], \"Deploy\": []}
  {\"management_account\": \"111122223333\", \"entrances\": [\"Admin\"], \"roles\": {
    \"Admin\": {\"account\": \"222233334444\", \"assumes\": [\"Deploy\"]}, \"Deploy\": {}}}"
)]
pub(super) struct Args {
    /// Time of the event, with its zone
    #[arg(long, value_name = "RFC3339")]
    at: String,
    /// The event
    #[arg(long, value_name = "EVENT")]
    event: String,
    /// Current sessions (JSON)
    #[arg(long, value_name = "FILE", required_unless_present = "assume_worst")]
    sessions: Option<PathBuf>,
    /// Assume that every session started at the last moment
    #[arg(long, conflicts_with = "sessions")]
    assume_worst: bool,
    /// Length of a portal session
    #[arg(long, value_name = "SPAN", default_value = "8h")]
    portal: String,
    /// Limit of the identity provider; the shorter of the two counts
    #[arg(long, value_name = "SPAN")]
    idp: Option<String>,
    /// Length of role sessions
    #[arg(long, value_name = "SPAN", default_value_t = LONGEST_SESSION.to_string())]
    permission_set_duration: String,
    /// Roles that can assume each other (JSON)
    #[arg(long, value_name = "GRAPH")]
    chain: Option<PathBuf>,
    /// A deny attached at the same instant
    #[arg(long, value_enum, default_value = "none")]
    deny: DenyArg,
    /// Time until a policy takes effect everywhere
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    propagation: String,
    /// Length of a session of a role assumed from a role
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    chained: String,
    /// Interval in which an application rechecks Identity Center
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    app: String,
    /// How long the command line's token outlives a deleted portal session
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    cli_token: String,
    /// Also count roles that this user holds by entitlements: calls the server, as administrators
    /// and auditors may
    #[arg(long, value_name = "E-MAIL")]
    user: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DenyArg {
    /// None
    None,
    /// A service control policy: member accounts only
    Scp,
    /// An IAM policy on every named role
    Iam,
}

impl From<DenyArg> for Deny {
    fn from(arg: DenyArg) -> Self {
        match arg {
            DenyArg::None => Self::None,
            DenyArg::Scp => Self::Scp,
            DenyArg::Iam => Self::Iam,
        }
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.api.format();
    let answer = answer(args)?;
    output::one(format, &answer, FIELDS, || text(&answer))?;
    Ok(Exit::Ok)
}

fn answer(args: &Args) -> Result<Residual, Failure> {
    let at = instant(&args.at, "--at")?;
    let event = Event::parse(&args.event)?;
    let lengths = lengths(args)?;
    let held = match &args.sessions {
        Some(path) => Held::Listed(read(path, Sessions::parse)?),
        None => Held::Worst,
    };
    let graph = match &args.chain {
        Some(path) => Some(read(path, Graph::parse)?),
        None => None,
    };
    let entitlements = match &args.user {
        Some(user) => entitlements(&args.api, user)?,
        None => HeldEntitlements::NotAsked,
    };
    let question = ResidualQuestion {
        at,
        event,
        held,
        lengths,
        graph,
        deny: args.deny.into(),
        entitlements,
    };
    Ok(residual::residual(&question)?)
}

fn entitlements(api: &ApiArgs, user: &str) -> Result<HeldEntitlements, Failure> {
    let client = api.client()?;
    let query = [("user", user.to_owned())];
    Ok(read_by_server(block_on(
        client.get(&["entitlements"], &query),
    )?))
}

fn read_by_server(held: EntitlementsHeld) -> HeldEntitlements {
    if !held.looked_at {
        return HeldEntitlements::NotRead;
    }
    let counted = |rows: Vec<Entitlement>, by_group: bool| {
        rows.into_iter().map(move |it| HeldEntitlement {
            role: it.role_arn,
            account: it.account,
            by_group,
        })
    };
    let own = counted(held.own, false);
    HeldEntitlements::Read(own.chain(counted(held.by_group, true)).collect())
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, BadInput>) -> Result<T, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    parse(&text).map_err(|error| Failure::from(error).within(path))
}

fn lengths(args: &Args) -> Result<Lengths, BadInput> {
    let idp = args.idp.as_deref().map(|text| span(text, "--idp"));
    Ok(Lengths {
        portal: span(&args.portal, "--portal")?,
        idp: idp.transpose()?,
        permission_set: span(&args.permission_set_duration, "--permission-set-duration")?,
        chained: span(&args.chained, "--chained")?,
        app: span(&args.app, "--app")?,
        cli_token: span(&args.cli_token, "--cli-token")?,
        propagation: span(&args.propagation, "--propagation")?,
    })
}

fn text(answer: &Residual) -> String {
    let mut table = output::Table::new(&["what", "which", "from", "=ends", "why"]);
    for it in &answer.ends {
        let kind = serde_json::to_value(it.kind).unwrap_or_default();
        table.row([
            kind.as_str().unwrap_or_default().to_owned(),
            it.id.clone(),
            it.start.to_string(),
            it.end.map_or("never".to_owned(), |end| end.to_string()),
            it.why.clone(),
        ]);
    }
    let mut text = table.text(output::width());
    let _ = match (answer.latest_end, answer.residual_seconds) {
        (Some(end), Some(seconds)) => {
            let left = hallpass_base::TimeSpan::seconds(seconds);
            writeln!(text, "\nLatest end: {end}, {left} after the event")
        }
        _ => writeln!(
            text,
            "\nNo end: {} can be renewed for ever",
            plain(&answer.unbounded.join(", "))
        ),
    };
    for line in &answer.advice {
        let _ = writeln!(text, "- {}", plain(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: &str) -> Entitlement {
        Entitlement {
            entitlement_id: "1".to_owned(),
            application_arn: "arn:aws:account-access:eu-central-1:111111111111:application/app"
                .to_owned(),
            role_arn: role.to_owned(),
            account: "222222222222".to_owned(),
            user_id: None,
            group_id: Some("906-1".to_owned()),
            says: "Reader".to_owned(),
            new: None,
            error: None,
        }
    }

    #[test]
    fn no_entitlements_are_told_apart_from_none_read() {
        let role = "arn:aws:iam::222222222222:role/Reader";
        let answered = |looked_at: bool, by_group: Vec<Entitlement>| EntitlementsHeld {
            looked_at,
            own: Vec::new(),
            by_group,
        };
        let not_read = read_by_server(answered(false, Vec::new()));
        assert_eq!(not_read, HeldEntitlements::NotRead);
        let none = read_by_server(answered(true, Vec::new()));
        assert_eq!(none, HeldEntitlements::Read(Vec::new()));
        let HeldEntitlements::Read(held) = read_by_server(answered(true, vec![of(role)])) else {
            panic!("these were read");
        };
        assert!(held.len() == 1 && held[0].role == role && held[0].by_group);
    }
}
