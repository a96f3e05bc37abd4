//! Limits of rules with unread applicability apply; such rules permit nothing.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, GroupId};
use hallpass_rules::{Ask, Decision, Directory, Effect, Rules, directory::Group};

use crate::world::{EMPTY, LOGS, decide, directory, email, noon, rules, shown};

const UNREAD: [&str; 5] = [
    "except_requester_groups = ['unread']",
    "except_requester_groups = ['renamed']",
    "allowed_groups = ['unread']",
    "allowed_groups = ['renamed']",
    "requester_attributes = { title = '*' }",
];

const LIMITS: [&str; 15] = [
    "max_duration = '2h'",
    "max_duration = '2h'\nprefer_longest_duration = true",
    "max_duration = '2h'\nshorten_to_max_duration = true",
    "max_lead_time = '1h'",
    "min_approvals = 2",
    "min_approvals = 4",
    "stages = [{ name = 'one', approvers = ['bo@corp.com'] }, { name = 'two', approver_groups = ['OnCall'] }]",
    "stages = [{ name = 'others', approvers = ['cai@corp.com'] }]",
    "approval_hours = { days = ['sat-sun'], from = '08:00', to = '18:00', time_zone = 'UTC' }",
    "warning = 'Card data.'",
    "fresh_sign_in = '15m'\nsign_in_acr = ['phr']",
    "armed_ends = 'required'",
    "reason_pattern = '^INC-'\nreason_hint = 'an incident'",
    "ticket_pattern = '^INC-'",
    "break_glass = []",
];

fn with(limit: &str) -> Rules {
    rules(
        "r.toml",
        &format!(
            "[[rule]]\nid = 'asks'\naccounts = '*'\npermission_sets = '*'\n\
             approvers = ['ana@corp.com', 'bo@corp.com', 'dan@corp.com']\nbreak_glass = ['cai@corp.com']\n\
             [[rule]]\nid = 'limits'\naccounts = '*'\npermission_sets = '*'\n{limit}\n"
        ),
    )
}

fn limits(decision: &Decision) -> String {
    format!(
        "{} needs {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        decision.kind,
        decision.approvals_needed,
        decision.max_duration,
        decision.max_lead_time,
        decision.over_limit,
        decision.stages,
        decision.approval_hours,
        decision.warnings,
        decision.sign_in,
        decision.armed_ends,
        decision.reason_patterns,
        decision.ticket_patterns,
        decision.approvers,
        decision.break_glass,
    )
}

#[test]
fn every_limit_holds_while_it_is_unread_whom_its_rule_is_for() {
    let mut wrong = Vec::new();
    let free = limits(&decide(
        &with("permits_requests = false\napprovers = ['ana@corp.com']"),
        "cai",
        LOGS,
        "Admin",
    ));
    for limit in LIMITS {
        for form in ["", "permits_requests = false\n"] {
            let applying = decide(&with(&format!("{form}{limit}")), "cai", LOGS, "Admin");
            let wanted = limits(&applying);
            assert_ne!(wanted, free, "{limit}");
            for unread in UNREAD {
                let got = decide(
                    &with(&format!("{form}{limit}\n{unread}")),
                    "cai",
                    LOGS,
                    "Admin",
                );
                if limits(&got) != wanted || got.unread.is_empty() {
                    wrong.push(format!(
                        "{form}{limit}\n{unread}\n got  {}\n want {wanted}",
                        limits(&got)
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn whoever_is_surely_no_requester_of_a_rule_has_no_limit_of_it() {
    let free = limits(&decide(
        &with("permits_requests = false\napprovers = ['ana@corp.com']"),
        "cai",
        LOGS,
        "Admin",
    ));
    for sure in [
        "except_requesters = ['cai@corp.com']\nexcept_requester_groups = ['unread']",
        "allowed_groups = ['OnCall']\nexcept_requester_groups = ['unread']",
        "allowed_groups = ['unread']\nrequester_attributes = { department = 'Sales' }",
        "allowed_groups = ['unread']\nhours = { days = ['sat-sun'], from = '08:00', to = '18:00', time_zone = 'UTC' }",
    ] {
        let got = decide(
            &with(&format!("max_duration = '2h'\nmin_approvals = 2\n{sure}")),
            "cai",
            LOGS,
            "Admin",
        );
        assert_eq!(limits(&got), free, "{sure}");
    }
}

#[test]
fn an_unread_rule_permits_nothing() {
    for (fields, expected) in [
        (
            "approval_is_not_required = true",
            "RequiresApproval [ana,bo,dan] asks",
        ),
        (
            "approvers = ['eve@corp.com', 'cai@corp.com']\nallow_self_approval = true",
            "RequiresApproval [ana,bo,dan] asks",
        ),
        (
            "stages = [{ approvers = ['six@corp.com'] }]",
            "NoApprovers [] asks",
        ),
    ] {
        let rules = with(&format!(
            "{fields}\nmax_duration = '2h'\nallowed_groups = ['unread']"
        ));
        assert_eq!(
            shown(&decide(&rules, "cai", LOGS, "Admin")),
            expected,
            "{fields}"
        );
    }
    let glass = with("break_glass = ['dan@corp.com']\nallowed_groups = ['unread']");
    assert!(!decide(&glass, "dan", LOGS, "Admin").break_glass);
    // among rules that prefer the longest, an uncertain one lengthens nothing
    let asks = "accounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nprefer_longest_duration = true";
    let longest = |surely: &str, perhaps: &str| {
        let rules = rules(
            "r.toml",
            &format!(
                "[[rule]]\n{asks}\n{surely}\n[[rule]]\n{asks}\nmax_duration = '{perhaps}'\nallowed_groups = ['unread']\n\
                 [[rule]]\n{asks}\nmax_duration = '6h'\nexcept_requester_groups = ['unread']\n"
            ),
        );
        decide(&rules, "cai", LOGS, "Admin")
            .max_duration
            .unwrap()
            .as_seconds()
            / 3600
    };
    assert_eq!(
        [
            longest("max_duration = '2h'", "8h"),
            longest("max_duration = '9h'", "1h"),
            longest("", "8h"),
            longest("", "1h")
        ],
        [2, 9, 6, 1]
    );
}

const WHO: &str = "whether the requester may request could not be read; try again";
const HOLD: &str = "its limits hold, as long as it is not known that it does not apply";

#[test]
fn it_is_told_why_limits_of_an_unread_rule_hold() {
    let account = AccountId::new(LOGS).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let told = |fields: &str| {
        let told = with(fields).explain(&email("cai"), &ask, &directory(), noon());
        let limits = told.rules[1].clone();
        (limits.effect, limits.why, told.decision.unread)
    };
    let group = vec!["the members of group `unread` could not be read".to_owned()];
    for (fields, why) in [
        ("max_duration = '2h'", format!("{WHO}; still, {HOLD}")),
        (
            "max_duration = '2h'\napproval_is_not_required = false",
            format!("{WHO}; still, it forbids to skip approval; {HOLD}"),
        ),
        ("approval_is_not_required = true", WHO.to_owned()),
    ] {
        let fields = format!("{fields}\nallowed_groups = ['unread']");
        assert_eq!(
            told(&fields),
            (Effect::DeniesOnly, why, group.clone()),
            "{fields}"
        );
    }
}

fn directory_with(is_shared: bool) -> Directory {
    let mut snapshot = directory().snapshot().clone();
    if is_shared {
        snapshot.groups.push(Group {
            id: GroupId::new("aaaaaaaa-0000-4000-8000-00000000000e").unwrap(),
            name: "EMPTY".to_owned(),
            members: Some(BTreeSet::new()),
        });
    }
    Directory::new(snapshot)
}

/// Cai requests the group `empty` under two rules, by id and by reference.
fn asked_for_the_group(asks: &str, named: &str, fields: &str, is_shared: bool) -> Decision {
    let rules = rules(
        "r.toml",
        &format!(
            "[[rule]]\nid = 'asks'\ngroups = ['{EMPTY}']\nbreak_glass = ['cai@corp.com']\n{asks}\n\
             [[rule]]\nid = 'limits'\ngroups = ['{named}']\n{fields}\n"
        ),
    );
    let group = GroupId::new(EMPTY).unwrap();
    let ask = Ask::Group { group: &group };
    rules.decide(&email("cai"), &ask, &directory_with(is_shared), noon())
}

/// Otherwise creating a group with the same name would lift a rule.
#[test]
fn a_name_that_several_groups_have_loosens_nothing() {
    const ASKS: &str = "approvers = ['ana@corp.com', 'bo@corp.com', 'dan@corp.com']";
    let listed = LIMITS
        .into_iter()
        .filter(|it| !it.starts_with("armed_ends"));
    let free = limits(&asked_for_the_group(
        ASKS,
        "empty",
        "approvers = ['ana@corp.com']",
        false,
    ));
    for limit in listed {
        for form in ["", "permits_requests = false\n"] {
            let fields = format!("{form}{limit}");
            let wanted = asked_for_the_group(ASKS, "empty", &fields, false);
            assert_ne!(limits(&wanted), free, "{fields}");
            assert!(wanted.unread.is_empty(), "{fields}: {:?}", wanted.unread);
            let shared = asked_for_the_group(ASKS, "Empty", &fields, true);
            assert_eq!(limits(&shared), limits(&wanted), "{fields}");
            assert_eq!(
                shared.unread.iter().map(String::as_str).collect::<Vec<_>>(),
                ["several groups have the name `empty`: rules that name it so may mean another"],
                "{fields}"
            );
            let by_id = asked_for_the_group(ASKS, EMPTY, &fields, true);
            assert_eq!(limits(&by_id), limits(&wanted), "{fields}");
            assert!(by_id.unread.is_empty(), "{fields}: {:?}", by_id.unread);
        }
    }
    let skips = format!("{ASKS}\napproval_is_not_required = true");
    for (is_shared, rules) in [(false, "asks,limits"), (true, "asks")] {
        let denied = "approval_is_not_required = false";
        let decision = asked_for_the_group(&skips, "empty", denied, is_shared);
        assert_eq!(
            shown(&decision),
            format!("RequiresApproval [ana,bo,dan] {rules}")
        );
    }
    let alone = asked_for_the_group("permits_requests = false", "empty", ASKS, true);
    assert_eq!(shown(&alone), "RequesterNotAllowed [] asks,limits");
}

#[test]
fn it_is_told_that_several_groups_have_the_name() {
    let text = "[[rule]]\nid = 'named'\ngroups = ['empty']\napprovers = ['ana@corp.com']\n";
    let rules = rules("r.toml", text);
    let group = GroupId::new(EMPTY).unwrap();
    let (ask, shared) = (Ask::Group { group: &group }, directory_with(true));
    let told = rules.explain(&email("cai"), &ask, &shared, noon());
    let why = "several groups have the name that it has: name the group by its id";
    assert_eq!(
        (told.rules[0].effect, told.rules[0].why.as_str()),
        (Effect::DeniesOnly, why)
    );
    let steps = rules.steps(&email("cai"), &ask, &shared, noon());
    let said: Vec<_> = steps
        .iter()
        .filter_map(|step| step.why.as_deref())
        .collect();
    assert!(
        said.contains(&"`named` names the group by a name that several groups have"),
        "{said:?}"
    );
}
