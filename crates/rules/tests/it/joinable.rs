//! Requestable groups whose members have rights in Hallpass.

use hallpass_rules::{Directory, FindingCode, RoleGroup, RuleFile, load};
use serde_json::json;

const ID: &str = "99999999-8888-7777-6666-555555555555";
const READ: &str = "accounts = '*'\npermission_sets = '*'\n";

fn found(joining: &str, other: &str, facts: Option<&Directory>) -> Vec<String> {
    let text = format!("[[rule]]\nid = 'join'\n{joining}\n[[rule]]\nid = 'prod'\n{READ}{other}\n");
    let loaded = load(&RuleFile::new("r.toml", text.clone()));
    let rules = loaded
        .unwrap_or_else(|errors| panic!("{text}{errors:?}"))
        .rules;
    let role_groups = [
        RoleGroup::new("identity.admins", "Admins"),
        RoleGroup::new("identity.operators", "Admins"),
    ];
    let all = rules.check_with_roles(facts, &role_groups);
    let of_groups = all.into_iter();
    let of_groups = of_groups.filter(|it| it.code == FindingCode::GroupGivesRights);
    of_groups.map(|it| it.message).collect()
}

const FREE: &str = "approval_is_not_required = true";
const ASKED: &str = "approvers = ['a@corp.com', 'b@corp.com']";
const ROLES: &str = "hold the role of `identity.admins` and `identity.operators`";

#[test]
fn people_who_may_join_a_group_that_gives_rights_are_warned_of() {
    let directory = json!({"groups": [{"id": ID, "name": "Admins", "members": []}]});
    let directory: Directory = serde_json::from_value(directory).unwrap();
    let by_id = format!("groups = ['{ID}']");
    let admins = "groups = ['admins']";
    let leads = "groups = ['leads']";
    let approving = "approver_groups = ['Leads']";
    let stages = "stages = [{ name = 'x', approver_groups = ['leads'] }]";
    let both = "approver_groups = ['admins']";
    let free = |group: &str, gives: &str| {
        format!("people join the group `{group}` without approval, and its members {gives}")
    };
    let asked = |group: &str, gives: &str| {
        format!("people may request to join the group `{group}`, and its members {gives}")
    };
    for (group, more, other, facts, expected) in [
        (admins, FREE, ASKED, false, Some(free("admins", ROLES))),
        (admins, ASKED, ASKED, false, Some(asked("admins", ROLES))),
        (
            admins,
            FREE,
            both,
            false,
            Some(free(
                "admins",
                &format!("{ROLES} and approve by rule `prod`"),
            )),
        ),
        (
            leads,
            FREE,
            approving,
            false,
            Some(free("leads", "approve by rule `prod`")),
        ),
        (
            leads,
            FREE,
            stages,
            false,
            Some(free("leads", "approve by rule `prod`")),
        ),
        (leads, ASKED, approving, false, None),
        (leads, FREE, ASKED, false, None),
        (
            admins,
            "permits_requests = false\napproval_is_not_required = false",
            ASKED,
            false,
            None,
        ),
        (
            by_id.as_str(),
            FREE,
            ASKED,
            true,
            Some(free("Admins", ROLES)),
        ),
        (by_id.as_str(), FREE, ASKED, false, None),
    ] {
        let joining = format!("{group}\n{more}");
        let facts = facts.then_some(&directory);
        let expected: Vec<String> = expected.into_iter().collect();
        assert_eq!(
            found(&joining, other, facts),
            expected,
            "{joining}\n{other}"
        );
    }
}

#[test]
fn nobody_is_warned_where_another_rule_over_the_group_wants_approval() {
    let leads = "groups = ['leads']";
    let approving = "approver_groups = ['Leads']";
    let denied = format!(
        "{leads}\n{FREE}\n[[rule]]\nid = 'deny'\n{leads}\n{ASKED}\napproval_is_not_required = false"
    );
    assert_eq!(found(&denied, approving, None), Vec::<String>::new());
}
