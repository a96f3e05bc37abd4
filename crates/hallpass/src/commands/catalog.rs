//! `hallpass catalog`: what you may ask for.

use hallpass_api::{Offer, Offers};
use hallpass_model::Span;

use super::ApiArgs;
use crate::client::block_on;
use crate::exit::{Exit, Outcome};
use crate::output::{self, Table};
use crate::words;

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

/// List what you may ask for, and who would approve
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hallpass catalog\n  hallpass catalog --search payments")]
pub(crate) struct Args {
    /// Only what has these letters in its account, permission set or group
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let mut offers: Offers = block_on(client.get(&["catalog"], &[]))?;
    if let Some(wanted) = &args.search {
        let wanted = wanted.to_lowercase();
        offers
            .items
            .retain(|offer| names(offer).any(|name| name.to_lowercase().contains(&wanted)));
    }
    output::list(args.api.format(), &offers.items, FIELDS, || {
        table(&offers.items)
    })?;
    Ok(Exit::Ok)
}

fn names(offer: &Offer) -> impl Iterator<Item = &str> {
    let named = offer.account.iter().chain(&offer.group);
    named
        .flat_map(|named| [named.id.as_str(), named.name.as_str()])
        .chain(offer.permission_set.as_deref())
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
            Span::seconds(item.max_duration_seconds).to_string(),
            item.because.join(", "),
        ]);
    }
    table
}

fn approved_by(item: &Offer) -> String {
    match item.decision.as_str() {
        "ApprovalNotRequired" => "nobody needs to".to_owned(),
        "SelfApproval" => "you".to_owned(),
        _ => match item.approvals_needed {
            0 | 1 => words::any_of(&item.approvers),
            needed => format!("{needed} of {}", item.approvers.join(", ")),
        },
    }
}
