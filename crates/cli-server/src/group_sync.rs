use std::fmt::Write as _;

use hallpass_api::{GroupProblem, GroupSync, GroupSyncGroup, GroupSyncRun, ManualMembers};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_client::tables::Viewpoint;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, Table, plain};

const FIELDS: &[&str] = &[
    "enabled",
    "manual",
    "every_seconds",
    "next_at",
    "last",
    "changes",
    "plan",
];

/// Preview the next comparison of group memberships with attributes
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what the next comparison of group memberships with attributes does\n\nAuditors and \
                  administrators. Shows whose memberships it would add and remove, who matches no \
                  rule, pending changes, and the result of the previous comparison. Changes nothing. Exits with 1 when a \
                  group could not be read, and with --fail-on-findings with 3 when one needs attention, \
                  or has members who match no rule.",
    after_help = "Examples:
  hallpass server group-sync
  hallpass server group-sync --fail-on-findings
  hallpass server group-sync --output json"
)]
pub struct Args {
    /// Exit with 3 if a group needs attention
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    block_on(async {
        let found: GroupSync = client.get(&["group-sync"], &[]).await?;
        output::one(args.api.format(), &found, FIELDS, || {
            text(&found, &Viewpoint::here())
        })?;
        Ok(exit(&found.plan, args.fail_on_findings))
    })
}

/// An unreadable group makes the plan partial; attention counts on request.
fn exit(plan: &[GroupSyncGroup], fail_on_findings: bool) -> Exit {
    let is_unread = |group: &GroupSyncGroup| group.problem == Some(GroupProblem::Unread);
    let needs_somebody = |group: &GroupSyncGroup| group.manual > 0 || !group.says.is_empty();
    let finds = fail_on_findings && plan.iter().any(needs_somebody);
    Exit::of_look(plan.iter().any(is_unread), finds)
}

fn text(found: &GroupSync, view: &Viewpoint) -> String {
    if !found.enabled {
        return "No group follows attributes: `groups.sync.enabled` is false.\n".to_owned();
    }
    let mut text = found
        .last
        .as_ref()
        .map(|last| head(last, view))
        .unwrap_or_default();
    if let Some(next) = found.next_at {
        let _ = writeln!(text, "Next comparison: {}", view.time(next));
    }
    let manual = found.manual.unwrap_or(ManualMembers::Warn);
    let _ = writeln!(text, "Members who match no rule: {}\n", manual.name());
    text.push_str(&groups(&found.plan).text(output::width()));
    if found
        .plan
        .iter()
        .any(|group| group.to_add + group.manual > 0)
    {
        let people = people(&found.plan);
        text.push('\n');
        text.push_str(&people.text(output::width()));
    }
    if !found.changes.is_empty() {
        let mut table = Table::new(&["WHO", "GROUP", "=CHANGE", "=STATE", "SAYS"]);
        for it in &found.changes {
            let says = it.error.as_ref().unwrap_or(&it.why);
            let (change, state) = (it.change.name(), it.state.name());
            let cells = [it.user.as_str(), &it.group_name, change, state, says];
            table.row(cells.map(str::to_owned));
        }
        text.push('\n');
        text.push_str(&table.text(output::width()));
    }
    for says in found.plan.iter().flat_map(|group| &group.says) {
        let _ = writeln!(text, "\n{}", plain(says));
    }
    text
}

fn head(last: &GroupSyncRun, view: &Viewpoint) -> String {
    let outcome = match &last.error {
        Some(error) => format!("failed: {}", plain(error)),
        None => last.outcome.name().to_owned(),
    };
    format!("Last comparison: {}, {outcome}\n", view.time(last.began))
}

fn groups(plan: &[GroupSyncGroup]) -> Table {
    let mut table = Table::new(&["GROUP", "MEMBERS", "TO ADD", "MANUAL", "TO REMOVE", "STATE"]);
    for group in plan {
        let state = match (&group.problem, &group.stopped) {
            (Some(problem), _) => problem.name().to_owned(),
            (None, Some(_)) => "stopped".to_owned(),
            (None, None) if group.refused > 0 => format!("{} refused", group.refused),
            (None, None) => "ok".to_owned(),
        };
        table.row([
            group.group_name.as_ref().unwrap_or(&group.named).clone(),
            group.members.to_string(),
            group.to_add.to_string(),
            group.manual.to_string(),
            group.to_remove.to_string(),
            state,
        ]);
    }
    table
}

fn people(plan: &[GroupSyncGroup]) -> Table {
    let mut table = Table::new(&["WHO", "GROUP", "=WHAT", "WHY"]);
    for group in plan {
        let name = group.group_name.as_ref().unwrap_or(&group.named);
        let add = group.add.iter().map(|it| ("add", it));
        let manual = group.manual_members.iter().map(|it| ("manual", it));
        for (what, it) in add.chain(manual) {
            let why = it.why.replace('_', " ");
            table.row([it.user.clone(), name.clone(), what.to_owned(), why]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_says_who_comes_who_is_manual_and_what_is_wrong() {
        let group = |named: &str, problem: Option<&str>| {
            json!({
                "named": named, "problem": problem, "says": problem.map(|it| format!("it is {it}")).into_iter().collect::<Vec<_>>(),
                "members": 4, "to_add": 1, "manual": 1, "to_remove": 0, "unknown": 0, "held": 0, "refused": 0,
                "add": [{"user_id": "u-1", "user": "ana@acme.example", "why": "rule 1: department payments"}],
                "manual_members": [{"user_id": "u-2", "user": "bo@acme.example", "why": "no_rule"}],
            })
        };
        let found = json!({
            "enabled": true, "manual": "warn", "every_seconds": 3600, "next_at": "2026-03-06T15:00:00Z", "changes": [],
            "last": {"began": "2026-03-06T14:00:00Z", "ended": "2026-03-06T14:00:01Z", "outcome": "looked", "groups": []},
            "plan": [group("oncall", None), group("legal", Some("missing"))],
        });
        let found: GroupSync = serde_json::from_value(found).unwrap();
        let unread: GroupSyncGroup =
            serde_json::from_value(group("payments", Some("unread"))).unwrap();
        let unread = [unread];
        let view = Viewpoint {
            now: "2026-03-06T14:30:00Z".parse().unwrap(),
            zone: TimeZone::UTC,
        };
        for (plan, plain, asked) in [
            (&found.plan[..0], Exit::Ok, Exit::Ok),
            (&found.plan[..], Exit::Ok, Exit::Findings),
            (&unread[..], Exit::Failed, Exit::Failed),
        ] {
            assert_eq!(exit(plan, false), plain, "{plan:?}");
            assert_eq!(exit(plan, true), asked, "{plan:?}");
        }
        let text = text(&found, &view);
        for said in [
            "rule 1: department payments",
            "no rule",
            "missing",
            "it is missing",
            "looked",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let off = super::text(&GroupSync::default(), &view);
        assert!(off.contains("groups.sync.enabled"), "{off}");
    }
}
