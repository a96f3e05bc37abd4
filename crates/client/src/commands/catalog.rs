use crate::api_args::ApiArgs;
use crate::client::block_on;
use hallpass_api::{DecisionKind, Offer};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::lists;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::Table;

const FIELDS: &[&str] = &[
    "account",
    "permission_set",
    "group",
    "says",
    "decision",
    "approvers",
    "approvals_needed",
    "max_duration_seconds",
    "because",
];

/// List the access you may request, and its approvers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hallpass catalog\n  hallpass catalog --search payments")]
pub struct Args {
    /// Only entries with all these words in the account's name, id or folder, the permission set or
    /// the group; best match first
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only this account (id or name)
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let asked = [("q", &args.search), ("account", &args.account)];
    let query: Vec<(&str, String)> = asked
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect();
    let found = block_on(client.list::<Offer>(&["catalog"], &query, args.limit))?;
    args.api.print_listing(&found, FIELDS, table)?;
    Ok(Exit::Ok)
}

fn table(items: &[Offer]) -> Table {
    let mut table = Table::new(&[
        "ACCOUNT",
        "PERMISSION SET",
        "APPROVED BY",
        "AT MOST",
        "RULES",
    ]);
    for item in items {
        let (place, what) = match (&item.account, &item.group) {
            (Some(account), _) => (
                format!("{} ({})", account.name, account.id),
                item.permission_set.clone().unwrap_or_default(),
            ),
            (None, Some(group)) => ("-".to_owned(), format!("group {}", group.name)),
            (None, None) => ("-".to_owned(), "-".to_owned()),
        };
        table.row([
            place,
            what,
            approved_by(item),
            TimeSpan::seconds(item.max_duration_seconds).to_string(),
            item.because.join(", "),
        ]);
    }
    table
}

fn approved_by(item: &Offer) -> String {
    match item.decision {
        DecisionKind::ApprovalNotRequired => "no one".to_owned(),
        DecisionKind::SelfApproval => "you".to_owned(),
        DecisionKind::RequiresApproval
        | DecisionKind::NoApprovers
        | DecisionKind::NoStatements
        | DecisionKind::RequesterNotAllowed
        | DecisionKind::Invalid
        | DecisionKind::Adopted
        | DecisionKind::Unknown => match item.approvals_needed {
            0 | 1 => lists::any_of(&item.approvers),
            needed => format!("{needed} of {}", item.approvers.join(", ")),
        },
    }
}
