use std::path::PathBuf;

use hallpass_api::{
    DecisionKind, ReplayRules, ReplayedGrant, ReplayedGrants, ReplayedOutcome, ReplayedRequest,
    ReplayedRules,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::lists::count;
use hallpass_channels::wording::rule_replay::{self, LiveGrants};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::{Client, block_on};
use hallpass_client::tables::{Viewpoint, asked_for, held};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use serde::Serialize;

use super::finding;

const FIELDS: &[&str] = &[
    "request",
    "was",
    "would_be",
    "changes",
    "because",
    "unread",
    "grant",
    "outcome",
    "left_group",
];

/// A row for programs: has either `request` or `grant`.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Request(&'a ReplayedRequest),
    Grant(&'a ReplayedGrant),
}

/// Show how a changed rule file would affect past requests and live grants
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show how a changed rule file would affect past requests and live grants\n\nThe \
                  server compares the requests of the last days under the file and under the \
                  rules in force, both by today's directory and by the hour of the request: \
                  whether it would be granted, refused or wait, its approvers, and whether its \
                  duration, reason or ticket would be refused. Members of groups, attributes and \
                  tags that only the file names are read for it; requests that depend on \
                  unreadable data are listed as unread and counted separately.\n\nLive grants are \
                  checked against the file, too: it lists those that would end once it is in \
                  force, or, where `access.on_rule_change` of the server is `report`, that would \
                  stay and be reported. Grants that the rules in force refuse anyway are not \
                  listed.\n\nNothing is changed. For administrators and auditors; a token with \
                  the scope `read` is enough, as in a pipeline that reviews rules.\n\nExit 2 when \
                  the file has errors, and with --detailed-exitcode 3 when a request would have \
                  been decided otherwise, or a live grant would end or be reported.",
    after_help = "Examples:
  hallpass rules replay rules.toml
  hallpass rules replay rules.toml --days 30 --detailed-exitcode --output json"
)]
pub(crate) struct Args {
    /// The changed rule file
    file: PathBuf,
    /// Days of past requests
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// Exit 3 if a request would be decided differently, or a live grant would end or be reported
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let read = super::read(&args.file)?;
    if let Err(errors) = &read.outcome {
        let failure = Failure::bad_input(format!(
            "`{}` has errors and would not be loaded",
            args.file.display()
        ));
        return Err({ errors.iter() }.fold(failure, |failure, error| {
            finding::detailed(failure, error, &read.text)
        }));
    }
    let since = TimeSpan::hours(24 * u64::from(args.days)).before(hallpass_base::clock::now());
    let client = args.api.client()?;
    let file = args.file.file_name().unwrap_or(args.file.as_os_str());
    let wanted = ReplayRules {
        file: file.to_string_lossy().into_owned(),
        text: read.text,
        since: Some(since),
        ..ReplayRules::default()
    };
    let found = block_on(replay(&client, wanted))?;
    print(args.api.format(), &found)?;
    for unread in &found.not_read {
        output::say(&format!("not read: {unread}"));
    }
    output::say(&told(&found, since));
    for line in found.grants.iter().flat_map(told_of_grants) {
        output::say(&line);
    }
    let live = found.grants.as_ref().map_or(0, changed_grants);
    if args.detailed_exitcode && (changed(&found) > 0 || live > 0) {
        Ok(Exit::Findings)
    } else {
        Ok(Exit::Ok)
    }
}

fn print(format: Format, found: &ReplayedRules) -> Result<(), Failure> {
    let grants = found.grants.as_ref().map(|it| it.items.as_slice());
    let grants = grants.unwrap_or_default();
    match format {
        Format::Table => {
            output::list(format, &found.items, FIELDS, || table(&found.items))?;
            if grants.is_empty() {
                return Ok(());
            }
            output::print("\n")?;
            output::list(format, grants, FIELDS, || grant_table(grants))
        }
        Format::Json => output::one(format, found, FIELDS, String::new),
        Format::Jsonl | Format::Csv => {
            let requests = found.items.iter().map(Row::Request);
            let rows: Vec<Row<'_>> = requests.chain(grants.iter().map(Row::Grant)).collect();
            output::list(format, &rows, FIELDS, Table::default)
        }
    }
}

async fn replay(client: &Client, mut wanted: ReplayRules) -> Result<ReplayedRules, Failure> {
    let mut all = ReplayedRules {
        looked_at: 0,
        items: Vec::new(),
        unread: 0,
        not_read: Vec::new(),
        grants: None,
        next: None,
    };
    loop {
        let path = ["rules", "replay"];
        let page: ReplayedRules = client.post(&path, &wanted).await?;
        all.looked_at += page.looked_at;
        all.items.extend(page.items);
        all.unread += page.unread;
        // from the last page: later pages read more
        all.not_read = page.not_read;
        all.grants = all.grants.or(page.grants);
        if page.next.is_none() || page.next == wanted.cursor {
            return Ok(all);
        }
        wanted.cursor = page.next;
    }
}

fn told(found: &ReplayedRules, since: Timestamp) -> String {
    let looked_at = count(size(found.looked_at), "request");
    let since = hallpass_base::time::utc(since);
    let told = match changed(found) {
        0 if found.unread == 0 => "the rules of the file change nothing about them".to_owned(),
        n => format!("{n} would have been decided otherwise"),
    };
    let unread = match found.unread {
        0 => String::new(),
        n => format!(", and {n} cannot be judged before the file is in force"),
    };
    format!("{looked_at} since {since}: {told}{unread}")
}

fn changed(found: &ReplayedRules) -> usize {
    let judged = found.items.iter().filter(|item| item.unread.is_empty());
    judged.count()
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn changed_grants(found: &ReplayedGrants) -> u64 {
    found.would_end.saturating_add(found.would_be_reported)
}

fn told_of_grants(found: &ReplayedGrants) -> Vec<String> {
    let counts = LiveGrants {
        looked_at: size(found.looked_at),
        ends: size(found.would_end),
        reported: size(found.would_be_reported),
        unread: size(found.unread),
    };
    let mut told = vec![if found.more {
        rule_replay::newest_live_grants(&counts)
    } else {
        rule_replay::live_grants(&counts)
    }];
    let listed = found.items.len();
    if listed < counts.ends + counts.reported + counts.unread {
        told.push(rule_replay::first_listed(listed));
    }
    told
}

fn outcome(item: &ReplayedGrant) -> String {
    let decision = item.would_be.map_or("", DecisionKind::name);
    match item.outcome {
        ReplayedOutcome::Ends if item.left_group => rule_replay::ENDS_BY_GROUP.to_owned(),
        ReplayedOutcome::Ends => rule_replay::ends(decision),
        ReplayedOutcome::Reported => rule_replay::reported(decision),
        ReplayedOutcome::Unread => rule_replay::unread(&item.unread),
    }
}

fn grant_table(items: &[ReplayedGrant]) -> Table {
    let view = Viewpoint::here();
    let mut table = Table::new(&["=GRANT", "HOLDER", "FOR", "UNTIL", "WITH THE FILE"]);
    for item in items {
        table.row([
            item.grant.id.clone(),
            item.grant.user.clone(),
            held(&item.grant),
            view.time(item.grant.ends_at),
            outcome(item),
        ]);
    }
    table
}

/// Renders changes; if they depend on unread data, renders only that, as the rest errs on the safe
/// side.
fn shown(item: &ReplayedRequest) -> String {
    if !item.unread.is_empty() {
        return format!("not read: {}", item.unread.join(", "));
    }
    let changes: Vec<&str> = item.changes.iter().map(|it| it.message.as_str()).collect();
    changes.join("; ")
}

fn table(items: &[ReplayedRequest]) -> Table {
    let view = Viewpoint::here();
    let mut table = Table::new(&["ASKED", "REQUESTER", "FOR", "CHANGE", "RULES"]);
    for item in items {
        table.row([
            view.time(item.request.created_at),
            item.request.requester.clone(),
            asked_for(&item.request),
            shown(item),
            item.because.join(", "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use hallpass_api::{RuleChange, RuleChangeKind};
    use serde_json::json;

    use super::*;

    fn item(unread: &[&str]) -> ReplayedRequest {
        let request = json!({"id": "req_1", "state": "approved", "requester": "ana@corp.example",
            "requester_name": "Ana", "duration_seconds": 3600, "reason": "", "version": 1,
            "created_at": "2026-11-28T10:00:00Z", "decision": "RequiresApproval", "because": [],
            "approvers": [], "approvals_needed": 1, "reviews": []});
        ReplayedRequest {
            request: serde_json::from_value(request).unwrap(),
            was: DecisionKind::RequiresApproval,
            would_be: DecisionKind::RequesterNotAllowed,
            changes: vec![RuleChange {
                what: RuleChangeKind::Decision,
                message: "RequiresApproval → RequesterNotAllowed".to_owned(),
            }],
            because: Vec::new(),
            unread: unread.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn what_rests_on_what_was_not_read_is_told_so_and_counted_apart() {
        let group = "the members of group `eng`";
        let (changed, unread) = (item(&[]), item(&[group]));
        assert_eq!(shown(&changed), "RequiresApproval → RequesterNotAllowed");
        assert_eq!(shown(&unread), format!("not read: {group}"));
        let since = "2026-11-01T00:00:00Z".parse().unwrap();
        for (items, count, due) in [
            (vec![], 0, "the rules of the file change nothing about them"),
            (
                vec![changed.clone()],
                0,
                "1 would have been decided otherwise",
            ),
            (
                vec![changed, unread.clone(), unread.clone()],
                2,
                "1 would have been decided otherwise, and 2 cannot be judged before the file is in force",
            ),
            (
                vec![unread],
                1,
                "0 would have been decided otherwise, and 1 cannot be judged before the file is in force",
            ),
        ] {
            let found = ReplayedRules {
                looked_at: 5,
                items,
                unread: count,
                not_read: Vec::new(),
                grants: None,
                next: None,
            };
            let told = told(&found, since);
            assert!(told.ends_with(&format!(": {due}")), "{told}");
        }
    }
}
