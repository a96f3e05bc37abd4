//! Users excluded as requesters and as approvers.

use hallpass_base::{AccountId, Email, Timestamp, UserId};
use hallpass_rules::{
    Ask, DecisionKind, Directory, PressRefusedByRules, Principal, RuleFile, Rules, load,
};
use serde_json::json;

use crate::{
    oracle::draft::{About, Chance, Draft, PEOPLE, native},
    world::{
        LOGS, PAYMENTS_DEV, PAYMENTS_PROD, decide, directory, email, noon, rules, shown, user,
    },
};

fn rule(fields: &str) -> Rules {
    let text = format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\n{fields}\n");
    rules("r.toml", &text)
}

fn ask(account: &AccountId) -> Ask<'_> {
    Ask::Account {
        account,
        permission_set: "Admin",
    }
}

const NOT_ALLOWED: &str = "RequesterNotAllowed [] r1";
const BY_BO: &str = "RequiresApproval [bo] r1";

const ASKING: &[(&str, &str, &str)] = &[
    ("except_requesters = ['cai@corp.com']", "cai", NOT_ALLOWED),
    ("except_requesters = ['cai@corp.com']", "ana", BY_BO),
    ("except_requesters = ['CAI@corp.com']", "Cai", NOT_ALLOWED),
    // exclusion covers every address of a user
    (
        "except_requesters = ['ana.lind@corp.com']",
        "ana",
        NOT_ALLOWED,
    ),
    (
        "except_requesters = ['00000000-0000-4000-8000-000000000001']",
        "ana.lind",
        NOT_ALLOWED,
    ),
    (
        "except_requesters = ['00000000-0000-4000-8000-000000000001']",
        "cai",
        BY_BO,
    ),
    // a shared address excludes both users, as does the id of one while the requester is ambiguous
    ("except_requesters = ['twin@corp.com']", "six", NOT_ALLOWED),
    (
        "except_requesters = ['00000000-0000-4000-8000-000000000005']",
        "twin",
        NOT_ALLOWED,
    ),
    ("except_requester_groups = ['OnCall']", "ana", NOT_ALLOWED),
    (
        "except_requester_groups = ['aaaaaaaa-0000-4000-8000-000000000001']",
        "ana",
        NOT_ALLOWED,
    ),
    ("except_requester_groups = ['OnCall']", "cai", BY_BO),
    ("except_requester_groups = ['empty']", "ana", BY_BO),
    ("except_requester_groups = ['unread']", "cai", NOT_ALLOWED),
    ("except_requester_groups = ['nowhere']", "cai", NOT_ALLOWED),
    (
        "allowed_users = ['ana@corp.com']\nexcept_requester_groups = ['OnCall']",
        "ana",
        NOT_ALLOWED,
    ),
    (
        "allowed_groups = ['OnCall']\nexcept_requesters = ['ana@corp.com']",
        "ana",
        NOT_ALLOWED,
    ),
    (
        "allowed_users = ['cai@corp.com']\nexcept_requesters = ['ana@corp.com']",
        "cai",
        BY_BO,
    ),
    (
        "requester_attributes = { department = 'Ops' }\nexcept_requesters = ['cai@corp.com']",
        "cai",
        NOT_ALLOWED,
    ),
    (
        "approval_is_not_required = true\nexcept_requesters = ['cai@corp.com']",
        "cai",
        NOT_ALLOWED,
    ),
    (
        "except_requesters = []\nexcept_requester_groups = []",
        "cai",
        BY_BO,
    ),
];

#[test]
fn whoever_is_left_out_may_not_ask_by_the_rule() {
    for (fields, who, expected) in ASKING {
        let rules = rule(&format!("approvers = ['bo@corp.com']\n{fields}"));
        assert_eq!(
            shown(&decide(&rules, who, LOGS, "Admin")),
            *expected,
            "{who}: {fields}"
        );
    }
}

/// Approvers of Cai's request, and who of Ana, Bo, Cai and Eve may approve.
const APPROVING: &[(&str, &str, [bool; 3])] = &[
    (
        "approvers = ['ana@corp.com', 'bo@corp.com']",
        "RequiresApproval [ana,bo] r1",
        [true, true, false],
    ),
    (
        "approvers = ['ana@corp.com', 'bo@corp.com']\nexcept_approvers = ['ana.lind@corp.com']",
        BY_BO,
        [false, true, false],
    ),
    (
        "approver_groups = ['OnCall']\nexcept_approvers = ['00000000-0000-4000-8000-000000000001']",
        BY_BO,
        [false, true, false],
    ),
    (
        "approvers = ['ana@corp.com', 'dan@corp.com']\nexcept_approver_groups = ['OnCall']",
        "RequiresApproval [dan] r1",
        [false, false, false],
    ),
    (
        "approvers = ['ana@corp.com']\nexcept_approver_groups = ['unread']",
        "NoApprovers [] r1",
        [false, false, false],
    ),
    (
        "approver_groups = ['OnCall']\nexcept_approver_groups = ['OnCall']",
        "NoApprovers [] r1",
        [false, false, false],
    ),
    (
        "approver_groups = ['OnCall']\nmin_approvals = 2\nexcept_approvers = ['ana@corp.com']",
        "NoApprovers [] r1",
        [false, false, false],
    ),
    (
        "stages = [{ approver_groups = ['OnCall'] }, { approvers = ['bo@corp.com', 'dan@corp.com'] }]\nexcept_approvers = ['ana@corp.com']",
        "RequiresApproval [bo,dan] r1",
        [false, true, false],
    ),
    (
        "approvers = ['cai@corp.com', 'bo@corp.com']\nallow_self_approval = true\nexcept_approvers = ['cai@corp.com']",
        BY_BO,
        [false, true, false],
    ),
    (
        "approvers = ['cai@corp.com', 'bo@corp.com']\nallow_self_approval = true\nexcept_approvers = ['bo@corp.com']",
        "SelfApproval [] r1",
        [false, false, true],
    ),
    (
        "approvers = ['bo@corp.com']\nexcept_approvers = []",
        BY_BO,
        [false, true, false],
    ),
];

#[test]
fn whoever_is_left_out_does_not_approve_by_the_rule() {
    let account = AccountId::new(LOGS).unwrap();
    for (fields, expected, may) in APPROVING {
        let rules = rule(fields);
        assert_eq!(
            shown(&decide(&rules, "cai", LOGS, "Admin")),
            *expected,
            "{fields}"
        );
        let permits = ["ana", "bo", "cai"].map(|who| {
            let permit = rules
                .press(
                    &email(who),
                    &email("cai"),
                    &ask(&account),
                    &directory(),
                    noon(),
                )
                .may_approve();
            permit.is_ok()
        });
        assert_eq!(permits, *may, "{fields}");
        let denies = ["ana", "bo"].map(|who| {
            let permit = rules
                .press(
                    &email(who),
                    &email("cai"),
                    &ask(&account),
                    &directory(),
                    noon(),
                )
                .may_deny();
            permit.is_ok()
        });
        let listed = decide(&rules, "cai", LOGS, "Admin").approvers;
        let may_deny =
            ["ana", "bo"].map(|who| listed.contains(&email(who)) || (who == "bo" && may[1]));
        if !listed.is_empty() {
            assert_eq!(denies, may_deny, "{fields}");
        }
    }
}

#[test]
fn a_stage_is_not_filled_by_whom_its_rule_leaves_out() {
    let rules = rule(
        "stages = [{ approver_groups = ['OnCall'] }, { approvers = ['cai@corp.com'] }]\nexcept_approvers = ['ana@corp.com']",
    );
    let decision = decide(&rules, "dan", LOGS, "Admin");
    let by = |numbers: &[u32]| {
        let people = numbers.iter().map(|number| user(*number)).collect();
        decision.is_satisfied_by(&people)
    };
    assert_eq!(
        [by(&[1, 3]), by(&[2, 3]), by(&[1, 2, 3])],
        [false, true, true]
    );
}

#[test]
fn other_rules_are_as_they_were() {
    let both = rules(
        "r.toml",
        "[[rule]]\nid = 'out'\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nexcept_requesters = ['cai@corp.com']\nexcept_approvers = ['ana@corp.com']\n\
         [[rule]]\nid = 'in'\naccounts = '*'\npermission_sets = 'Admin'\napprovers = ['ana@corp.com']\n",
    );
    for (who, set, expected) in [
        ("cai", "Admin", "RequiresApproval [ana] in"),
        ("dan", "Admin", "RequiresApproval [ana,bo] out,in"),
        ("cai", "ReadOnly", "RequesterNotAllowed [] out"),
    ] {
        assert_eq!(
            shown(&decide(&both, who, LOGS, set)),
            expected,
            "{who} {set}"
        );
    }
}

#[test]
fn leaving_somebody_out_switches_no_denial_off() {
    let with = |fields: &str| {
        rules(
            "r.toml",
            &format!(
                "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['cai@corp.com', 'bo@corp.com']\nallow_self_approval = true\n\
                 [[rule]]\naccounts = '*'\npermission_sets = '*'\n{fields}\n"
            ),
        )
    };
    for fields in [
        "allow_self_approval = false\napprovers = ['cai@corp.com']\nexcept_approvers = ['cai@corp.com']",
        "allow_self_approval = false\napprovers = ['cai@corp.com']\nexcept_requesters = ['cai@corp.com']",
    ] {
        let decision = decide(&with(fields), "cai", LOGS, "Admin");
        assert_eq!(decision.kind, DecisionKind::RequiresApproval, "{fields}");
    }
}

#[test]
fn what_is_told_names_the_exclusion() {
    let rules = rule(
        "approvers = ['ana@corp.com', 'bo@corp.com']\nallowed_groups = ['oncall']\nexcept_requesters = ['dan@corp.com']\nexcept_requester_groups = ['Contractors']\nexcept_approvers = ['ana@corp.com']",
    );
    let summary = rules.rules().next().unwrap();
    assert_eq!(
        (
            summary.columns.requesters.as_str(),
            summary.columns.approvers.as_str()
        ),
        (
            "members of group oncall except dan@corp.com and members of group contractors",
            "ana@corp.com or bo@corp.com, except ana@corp.com"
        )
    );
    assert_eq!(
        summary.sentence,
        "members of group oncall except dan@corp.com and members of group contractors may request every permission set in every account, \
         approved by ana@corp.com or bo@corp.com, except ana@corp.com"
    );
    let account = AccountId::new(LOGS).unwrap();
    let explained = |fields: &str| {
        let rules = rule(&format!(
            "approvers = ['ana@corp.com', 'bo@corp.com']\n{fields}"
        ));
        let explained = rules.explain(&email("ana"), &ask(&account), &directory(), noon());
        explained.rules[0].why.clone()
    };
    for (fields, expected) in [
        (
            "except_requesters = ['ana@corp.com']",
            "it excludes the requester from requesting",
        ),
        (
            "except_approvers = ['ana@corp.com']",
            "it lists 2 approver(s), without those it excludes",
        ),
    ] {
        assert_eq!(explained(fields), expected, "{fields}");
    }
    let refused =
        rule("approvers = ['ana@corp.com', 'bo@corp.com']\nexcept_approvers = ['ana@corp.com']")
            .press(
                &email("ana"),
                &email("cai"),
                &ask(&account),
                &directory(),
                noon(),
            )
            .may_approve()
            .unwrap_err();
    assert!(
        matches!(&refused, PressRefusedByRules::NotListed { left_out_by, .. } if left_out_by.len() == 1),
        "{refused:?}"
    );
    assert!(
        refused
            .to_string()
            .ends_with("; left out of its approvers by `r1`"),
        "{refused}"
    );
}

const FOUND: &[(&str, &[&str], &[&str])] = &[
    ("except_requesters = ['ana@corp.com']", &[], &[]),
    (
        "except_requesters = ['dan@corp.com']",
        &["dead-exclusion: the exclusion of `dan@corp.com` excludes no one"],
        &[],
    ),
    (
        "allowed_users = ['bo@corp.com']\nexcept_requesters = ['ana@corp.com']",
        &["dead-exclusion: the exclusion of `ana@corp.com` excludes no one"],
        &["dead-exclusion: the exclusion of `ana@corp.com` excludes no one"],
    ),
    (
        "except_requester_groups = ['empty']",
        &["dead-exclusion: the exclusion of `empty` excludes no one"],
        &[],
    ),
    (
        "except_requester_groups = ['unread']",
        &[
            "unread-group: the members of group `unread` could not be read: while a group that is left out cannot be read, no one may request by this rule",
        ],
        &[],
    ),
    (
        "except_requester_groups = ['oncal']",
        &[
            "dead-statement: there is not exactly one group named `oncal`: while a group that is left out is not there, no one may request by this rule",
        ],
        &[],
    ),
    (
        "allowed_groups = ['OnCall']\nexcept_requester_groups = ['oncall']",
        &["nobody-can-ask: every requester of the rule is excluded"],
        &["nobody-can-ask: every requester of the rule is excluded"],
    ),
    (
        "allowed_users = ['ana@corp.com']\nexcept_requester_groups = ['oncall']",
        &["nobody-can-ask: every requester of the rule is excluded"],
        &[],
    ),
    (
        "except_approvers = ['cai@corp.com']",
        &["dead-exclusion: the exclusion of `cai@corp.com` excludes no one"],
        &["dead-exclusion: the exclusion of `cai@corp.com` excludes no one"],
    ),
    (
        "except_approvers = ['ana@corp.com', 'bo@corp.com']",
        &["nobody-can-approve: no one can approve permission sets in every account"],
        &["nobody-can-approve: no one can approve permission sets in every account"],
    ),
    (
        "permits_requests = false\nexcept_approvers = ['ana@corp.com', 'bo@corp.com']",
        &["nobody-can-approve: every approver of the rule is excluded"],
        &["nobody-can-approve: every approver of the rule is excluded"],
    ),
];

#[test]
fn exclusions_of_nobody_and_of_everybody_are_found() {
    let facts = directory();
    for (fields, with, without) in FOUND {
        let rules = rule(&format!(
            "approvers = ['ana@corp.com', 'bo@corp.com']\n{fields}"
        ));
        for (facts, expected) in [(Some(&facts), with), (None, without)] {
            let found = rules.check(facts);
            let found: Vec<String> = found
                .iter()
                .map(|it| format!("{}: {}", it.code, it.message))
                .collect();
            let fits = found.len() == expected.len()
                && found
                    .iter()
                    .all(|it| expected.iter().any(|wanted| it.starts_with(wanted)));
            assert!(fits, "{fields} facts {}: {found:#?}", facts.is_some());
        }
    }
}

fn native_rules(drafts: &[Draft]) -> Rules {
    let list: Vec<_> = drafts.iter().map(Draft::json).collect();
    let text = json!({ "rule": list }).to_string();
    load(&RuleFile::new("drawn.json", text))
        .expect("drafts load")
        .rules
}

fn drafts(chance: &mut Chance) -> Vec<Draft> {
    (0..=chance.below(5))
        .map(|place| native(chance, About::Accounts, place))
        .collect()
}

#[test]
fn whom_every_rule_leaves_out_decides_nothing() {
    let mut chance = Chance::new(148);
    let facts = directory();
    for _ in 0..2_000 {
        let mut drafts = drafts(&mut chance);
        let left_out = chance.pick(&PEOPLE);
        for draft in &mut drafts {
            draft
                .except_approvers
                .get_or_insert_default()
                .push(left_out);
        }
        let rules = native_rules(&drafts);
        let them = facts.person_by_email(&Email::new(left_out).unwrap());
        let addresses = match them {
            Ok(person) => person.emails.clone(),
            Err(_) => vec![Email::new(left_out).unwrap()],
        };
        let id: Option<&UserId> = them.ok().map(|person| &person.user_id);
        for account in [PAYMENTS_PROD, PAYMENTS_DEV, LOGS] {
            let account = AccountId::new(account).unwrap();
            let who = Email::new(chance.pick(&PEOPLE)).unwrap();
            let decision = rules.decide(&who, &ask(&account), &facts, noon());
            for address in &addresses {
                assert!(
                    !decision.approvers.contains(address),
                    "{left_out} {drafts:?}"
                );
                let presser =
                    id.map_or(Principal::from(address), |id| Principal::user(id, address));
                let approve = rules
                    .press(presser, &who, &ask(&account), &facts, noon())
                    .may_approve();
                let deny = rules
                    .press(presser, &who, &ask(&account), &facts, noon())
                    .may_deny();
                assert!(approve.is_err() && deny.is_err(), "{left_out} {drafts:?}");
            }
            let own = rules.decide(&addresses[0], &ask(&account), &facts, noon());
            assert_ne!(
                own.kind,
                DecisionKind::SelfApproval,
                "{left_out} {drafts:?}"
            );
        }
    }
}

fn allowances(rules: &Rules, facts: &Directory, now: Timestamp) -> Vec<(bool, bool, Vec<bool>)> {
    let mut all = Vec::new();
    for account in [PAYMENTS_PROD, PAYMENTS_DEV, LOGS] {
        let account = AccountId::new(account).unwrap();
        for who in PEOPLE {
            let who = Email::new(who).unwrap();
            let kind = rules.decide(&who, &ask(&account), facts, now).kind;
            let may_ask = kind.is_granted() || kind == DecisionKind::RequiresApproval;
            let pressers = PEOPLE.map(|presser| {
                let presser = Email::new(presser).unwrap();
                rules
                    .press(&presser, &who, &ask(&account), facts, now)
                    .may_approve()
                    .is_ok()
            });
            all.push((may_ask, kind.is_granted(), pressers.to_vec()));
        }
    }
    all
}

/// An additional exclusion never widens access or approval. (The number of approvals is a limit of
/// the rule and is not generated here.)
#[test]
fn one_more_exclusion_widens_nothing() {
    let mut chance = Chance::new(149);
    let (known, unknown) = (directory(), Directory::default());
    let mut narrowed = 0;
    for _ in 0..600 {
        let mut drafts = drafts(&mut chance);
        for draft in &mut drafts {
            draft.min_approvals = None;
        }
        let before = native_rules(&drafts);
        let place = chance.below(drafts.len());
        let person = chance.pick(&PEOPLE);
        let group = crate::world::ONCALL;
        let kind = chance.below(4);
        let draft = &mut drafts[place];
        match kind {
            0 => draft.except_requesters.get_or_insert_default().push(person),
            1 => draft.except_approvers.get_or_insert_default().push(person),
            2 => draft
                .except_requester_groups
                .get_or_insert_default()
                .push(group),
            _ => draft
                .except_approver_groups
                .get_or_insert_default()
                .push(group),
        }
        let after = native_rules(&drafts);
        let facts = if chance.percent(80) { &known } else { &unknown };
        let (before, after) = (
            allowances(&before, facts, noon()),
            allowances(&after, facts, noon()),
        );
        narrowed += usize::from(before != after);
        for (was, is) in before.into_iter().zip(after) {
            let widened = (is.0 && !was.0)
                || (is.1 && !was.1)
                || is.2.iter().zip(&was.2).any(|(is, was)| *is && !was);
            assert!(!widened, "{was:?} {is:?} {drafts:?}");
        }
    }
    assert!(
        narrowed > 25,
        "{narrowed} of 600 exclusions took anything away"
    );
}
