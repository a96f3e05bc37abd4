use std::collections::BTreeMap;

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
#[command(
    after_help = "Examples:\n  hallpass catalog\n  hallpass catalog --search payments\n  hallpass catalog --permission-set ReadOnly"
)]
pub struct Args {
    /// Only entries with all these words in the account's name, id or folder, the permission set or
    /// the group; best match first
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only this account (id or name)
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only this permission set, with all its accounts
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// At most this many entries, each a permission set in an account, or a group
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let set = args.permission_set.as_deref();
    let asked = [("q", &args.search), ("account", &args.account)];
    let mut query: Vec<(&str, String)> = asked
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect();
    query.extend(set.map(|name| ("permission_set", name.to_owned())));
    let found = block_on(client.list::<Offer>(&["catalog"], &query, args.limit))?;
    let accounts_max = if set.is_some() { usize::MAX } else { NAMED_MAX };
    let grouped = |items: &[Offer]| table(items, accounts_max);
    args.api.print_listing(&found, FIELDS, grouped)?;
    Ok(Exit::Ok)
}

/// Accounts named in a row.
const NAMED_MAX: usize = 4;

/// The cells that the entries of a row share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SharedCells {
    what: String,
    approved_by: String,
    longest: String,
    rules: String,
}

/// One row per permission set, longest time and approvers, in the order of the entries.
fn table(items: &[Offer], accounts_max: usize) -> Table {
    let mut rows: Vec<(SharedCells, Vec<&str>)> = Vec::new();
    let mut places = BTreeMap::new();
    for item in items {
        let cells = || SharedCells {
            what: match (&item.permission_set, &item.group) {
                (Some(set), _) => set.clone(),
                (None, Some(group)) => format!("group {}", group.name),
                (None, None) => "-".to_owned(),
            },
            approved_by: approved_by(item),
            longest: TimeSpan::seconds(item.max_duration_seconds).to_string(),
            rules: item.because.join(", "),
        };
        let place = *places.entry(cells()).or_insert_with(|| {
            rows.push((cells(), Vec::new()));
            rows.len() - 1
        });
        let account = item.account.as_ref().map(|it| it.name.as_str());
        if let Some((_, accounts)) = rows.get_mut(place) {
            accounts.extend(account);
        }
    }
    let mut table = Table::new(&["WHAT", "ACCOUNTS", "APPROVED BY", "AT MOST", "RULES"]);
    for (cells, accounts) in rows {
        table.row([
            cells.what,
            named(&accounts, accounts_max),
            cells.approved_by,
            cells.longest,
            cells.rules,
        ]);
    }
    table
}

fn named(accounts: &[&str], most: usize) -> String {
    match accounts.split_at_checked(most) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ if accounts.is_empty() => "-".to_owned(),
        _ => accounts.join(", "),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_grouped_by_permission_set_and_approvers() {
        let offer = |account: &str, approver: &str| -> Offer {
            serde_json::from_value(json!({
                "account": {"id": "111122223333", "name": account}, "permission_set": "ReadOnly",
                "decision": "RequiresApproval", "approvers": [approver], "approvals_needed": 1,
                "max_duration_seconds": 3600, "because": ["read"]
            }))
            .unwrap()
        };
        let mut items = vec![offer("z-prod", "bo")];
        items.extend(["a", "b", "c", "d", "e"].map(|name| offer(name, "ana")));
        for (most, cell) in [(NAMED_MAX, "a, b, c, d and 1 more"), (5, "a, b, c, d, e")] {
            let text = table(&items, most).text(None);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 3, "{text}");
            assert!(
                lines[1].contains("z-prod") && lines[1].contains("bo"),
                "{text}"
            );
            assert!(
                lines[2].contains(cell) && lines[2].contains("ana"),
                "{text}"
            );
        }
    }
}
