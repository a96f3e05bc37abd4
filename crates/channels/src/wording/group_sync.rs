//! Texts about attribute memberships: Health, alarms, commands, log.

use hallpass_access::{GroupProblem, GroupReport, GroupSyncOutcome, GroupSyncRun};
use hallpass_base::TimeSpan;

use crate::wording::lists::count;

pub const NOT_YET: &str = "memberships were not compared with attributes yet";

pub const MEMBERSHIPS: &str = "Groups by attributes";

pub fn membership(group: &str, because: &str) -> String {
    format!("{group}: {because}")
}

pub fn compared(run: &GroupSyncRun, ago: TimeSpan) -> String {
    let GroupSyncOutcome::Looked { groups } = &run.outcome else {
        return format!("memberships could not be compared with attributes {ago} ago");
    };
    let manual = groups.iter().map(|group| group.manual.count).sum::<u64>();
    let manual = match manual {
        0 => "all members match a rule".to_owned(),
        1 => "one member matches no rule".to_owned(),
        more => format!("{more} members match no rule"),
    };
    format!(
        "the members of {} were compared with attributes {ago} ago; {manual}",
        count(groups.len(), "group")
    )
}

pub fn overdue(late: TimeSpan) -> String {
    format!("memberships were due for comparison with attributes {late} ago")
}

/// Returns problems, a sentence each. Members without a rule are not problems.
pub fn troubles(run: &GroupSyncRun) -> Vec<String> {
    match &run.outcome {
        GroupSyncOutcome::Failed { error } => {
            vec![format!(
                "no membership was compared with attributes: {error}"
            )]
        }
        GroupSyncOutcome::Looked { groups } => groups.iter().flat_map(of_group).collect(),
    }
}

pub fn problem(problem: &GroupProblem) -> &'static str {
    match problem {
        GroupProblem::Missing => "there is no such group",
        GroupProblem::Ambiguous => "several groups have the name; name it by id",
        GroupProblem::NamedTwice => "`groups.sync.groups` names it by id and by name",
        GroupProblem::OwnedTwice => "a rule lets people request it (group-owned-twice)",
        GroupProblem::Unread => "its members could not be read",
    }
}

pub fn of_group(group: &GroupReport) -> Vec<String> {
    let name = group.shown();
    let mut told = Vec::new();
    if let Some(why) = &group.problem {
        told.push(format!("group `{name}` is left as it is: {}", problem(why)));
    }
    if let Some(brake) = &group.brake {
        told.push(format!("no one is removed from group `{name}`: {brake}"));
    }
    if let Some((who, reason)) = group.refused.first.first() {
        let changes = count(
            usize::try_from(group.refused.count).unwrap_or(usize::MAX),
            "change",
        );
        told.push(format!(
            "AWS refuses {changes} of group `{name}`, first that of {who}: {reason} (members of a group that an \
             identity provider or a directory provisions are changed there)"
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use hallpass_access::{FirstPeople, GroupSyncBrake};
    use hallpass_base::Timestamp;

    use super::*;

    fn group(problem: Option<GroupProblem>) -> GroupReport {
        fn none<T>() -> FirstPeople<T> {
            FirstPeople {
                count: 0,
                first: Vec::new(),
            }
        }
        GroupReport {
            named: "oncall".to_owned(),
            group: None,
            name: Some("OnCall".to_owned()),
            problem,
            members: 8,
            add: none(),
            manual: none(),
            remove: 0,
            brake: None,
            unknown: 0,
            held: 0,
            refused: none(),
        }
    }

    #[test]
    fn what_needs_somebody_is_told_and_nothing_else() {
        let whole = group(None);
        let missing = group(Some(GroupProblem::Missing));
        let (would, of, percent) = (3, 8, 25);
        let stopped = GroupReport {
            brake: Some(GroupSyncBrake::Share { would, of, percent }),
            ..group(None)
        };
        let refused = GroupReport {
            refused: FirstPeople {
                count: 2,
                first: vec![("ana".to_owned(), "it is provisioned".to_owned())],
            },
            ..group(None)
        };
        let run = GroupSyncRun {
            began: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            outcome: GroupSyncOutcome::Looked {
                groups: vec![whole, missing, stopped, refused],
            },
            version: 1,
        };
        let told = troubles(&run);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            told[0],
            "group `OnCall` is left as it is: there is no such group"
        );
        assert!(told[1].ends_with("a run would remove 3 of 8 members, and may remove 25 %"));
        assert!(told[2].contains("2 changes") && told[2].contains("ana: it is provisioned"));
        let said = compared(&run, TimeSpan::minutes(3));
        assert!(
            said.starts_with("the members of 4 groups were compared"),
            "{said}"
        );
    }
}
