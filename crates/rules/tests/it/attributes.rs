use std::collections::BTreeMap;

use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_rules::{
    ApprovalHours, Ask, DecisionKind, Directory, Effect, OwnLater, PersonAttribute, RequestBlocker,
    RuleFile, RuleTestOutcome, Rules, directory::Snapshot, load,
};

use crate::world::{PAYMENTS_PROD, directory, email, noon, rules, shown, user};

fn native(text: &str) -> Rules {
    rules("rules.toml", text)
}

fn rule(fields: &str) -> Rules {
    native(&format!(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com', 'cai@corp.com']\n{fields}\n"
    ))
}

/// Ana is an employee in Payments, Bo a contractor there, Cai has a department without text;
/// nothing was read of the others.
fn people() -> Directory {
    let mut snapshot: Snapshot = directory().snapshot().clone();
    let known = [
        ("Employee", Some("Payments")),
        ("Contractor", Some("PAYMENTS ")),
        ("Employee", Some("  ")),
    ];
    for (person, (kind, department)) in snapshot.people.iter_mut().zip(known) {
        let read = &mut person.attributes;
        read.read(PersonAttribute::UserType, Some(kind));
        read.read(PersonAttribute::Department, department);
    }
    Directory::new(snapshot)
}

fn decide(rules: &Rules, who: &str, facts: &Directory, now: Timestamp) -> hallpass_rules::Decision {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    rules.decide(&email(who), &ask, facts, now)
}

fn kind(rules: &Rules, who: &str) -> String {
    decide(rules, who, &people(), noon()).kind.to_string()
}

const YES: &str = "RequiresApproval";
const NO: &str = "RequesterNotAllowed";

#[test]
fn whoever_asks_has_every_attribute_with_one_of_its_values() {
    for (fields, [ana, bo, cai, six]) in [
        ("{ department = 'Payments' }", [YES, YES, NO, NO]),
        ("{ department = ['Ops', 'pay*'] }", [YES, YES, NO, NO]),
        ("{ department = '*' }", [YES, YES, NO, NO]),
        ("{ department = 'Ops' }", [NO, NO, NO, NO]),
        ("{ user_type = ['*', '!Contractor'] }", [YES, NO, YES, NO]),
        (
            "{ department = 'Payments', user_type = 'employee' }",
            [YES, NO, NO, NO],
        ),
        ("{ cost_center = '4711' }", [NO, NO, NO, NO]),
        ("{ department = '*', cost_center = '*' }", [NO, NO, NO, NO]),
    ] {
        let rules = rule(&format!("requester_attributes = {fields}"));
        let got = ["ana", "bo", "cai", "six"].map(|who| kind(&rules, who));
        assert_eq!(got, [ana, bo, cai, six], "{fields}");
    }
}

#[test]
fn attributes_narrow_whom_a_rule_names_and_never_add_to_them() {
    let rules = rule(
        "allowed_users = ['cai@corp.com']\nallowed_groups = ['oncall']\nrequester_attributes = { department = 'Payments' }",
    );
    // cai is named without the attribute; ana and bo have it through the group
    assert_eq!(
        ["ana", "bo", "cai", "dan"].map(|who| kind(&rules, who)),
        [YES, YES, NO, NO]
    );
    let rules = rule("allowed_users = []\nrequester_attributes = { department = 'Payments' }");
    assert_eq!(kind(&rules, "ana"), NO);
}

#[test]
fn an_attribute_that_was_not_read_lets_nobody_ask_and_says_so() {
    let rules = rule("requester_attributes = { cost_center = '4711', department = 'Payments' }");
    let decision = decide(&rules, "ana", &people(), noon());
    assert_eq!(decision.kind.to_string(), NO);
    assert_eq!(
        decision.unread,
        ["the cost centre of the requester could not be read"]
    );
    let decision = decide(&rules, "cai", &people(), noon());
    assert_eq!(decision.unread, [""; 0]);
    assert_eq!(
        rules
            .referenced_attributes()
            .into_iter()
            .collect::<Vec<_>>(),
        [PersonAttribute::Department, PersonAttribute::CostCenter]
    );
}

#[test]
fn denials_hold_for_people_without_the_attribute() {
    let rules = native(
        "[[rule]]\nid = 'open'\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\n\
         [[rule]]\nid = 'strict'\naccounts = '*'\npermission_sets = '*'\napprovers = 'cai@corp.com'\n\
         approval_is_not_required = false\nrequester_attributes = { department = 'Ops' }\n",
    );
    assert_eq!(kind(&rules, "ana"), "NoApprovers");
}

#[test]
fn attributes_are_said_in_words() {
    let rules = rule(
        "allowed_groups = ['oncall']\nrequester_attributes = { department = ['Payments', 'Ops*'], user_type = ['*', '!Contractor'] }\n\
         approval_hours = { days = ['mon-fri'], from = '08:00', to = '18:00', time_zone = 'UTC' }\nmax_lead_time = '48h'",
    );
    let first = rules.rules().next().unwrap();
    assert_eq!(
        first.columns.requesters,
        "members of group oncall with user type * except contractor and department ops* or payments"
    );
    assert_eq!(
        first.columns.limits,
        [
            "approved only mon, tue, wed, thu, fri 08:00–18:00 UTC",
            "to start at most 2d ahead"
        ]
    );
}

#[test]
fn what_is_no_condition_is_refused() {
    for (fields, expected) in [
        ("{ departement = 'Ops' }", "did you mean `department`?"),
        ("{ shoe_size = '44' }", "write one of `user_type`"),
        ("{}", "name at least one attribute"),
        (
            "{ department = ['!Ops'] }",
            "write values that are accepted",
        ),
        ("{ department = [] }", "write values that are accepted"),
        ("{ department = '' }", "write a value, a glob"),
        (
            "{ department = ['*', '!!Ops'] }",
            "right before an exclusion",
        ),
        ("'Ops'", "`requester_attributes` is an object"),
    ] {
        let text = format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\nrequester_attributes = {fields}\n"
        );
        let errors = load(&RuleFile::new("rules.toml", &text)).unwrap_err();
        let told: Vec<String> = { errors.iter() }
            .map(|it| format!("{it} {:?}", it.help))
            .collect();
        let told = told.join("\n");
        assert!(told.contains(expected), "{fields}: {told}");
    }
}

#[test]
fn values_that_nobody_has_are_told() {
    let rules = rule(
        "requester_attributes = { department = ['Payments', 'Paymnets'], user_type = ['*', '!Visitor'] }",
    );
    let mut snapshot = people().snapshot().clone();
    snapshot.people.truncate(3);
    let told = |facts: &Directory| -> Vec<String> {
        let found = rules.check(Some(facts));
        let found = found.iter().filter(|it| it.message.contains("no user has"));
        found
            .map(|it| format!("{} {:?}", it.message, it.help))
            .collect()
    };
    assert_eq!(
        told(&Directory::new(snapshot)),
        [
            "no user has the department `paymnets` Some(\"did you mean `PAYMENTS`?\")",
            "no user has the user type `visitor` None"
        ]
    );
    assert_eq!(told(&people()), [""; 0]);
}

#[test]
fn a_test_of_the_file_gives_its_requester_attributes() {
    let rules = native(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nrequester_attributes = { department = 'Payments' }\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '111111111111'\npermission_set = 'Admin'\nrequester_attributes = { department = 'payments' }\nexpect = 'RequiresApproval'\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '111111111111'\npermission_set = 'Admin'\nrequester_attributes = { title = 'Engineer' }\nexpect = 'RequesterNotAllowed'\n\
         [[test]]\nrequester = 'ana@corp.com'\naccount = '111111111111'\npermission_set = 'Admin'\nmembers = {}\nexpect = 'RequiresApproval'\n",
    );
    let results = rules.run_tests(None, noon());
    let passed: Vec<bool> = results
        .iter()
        .map(|it| it.outcome == RuleTestOutcome::Passed)
        .collect();
    assert_eq!(passed, [true, true, false]);
}

/// Approval hours of two rules; both must be open.
const HOURS: &str = "approval_hours = { days = ['mon-fri'], from = '08:00', to = '18:00', time_zone = 'Europe/Stockholm' }";

#[test]
fn approvals_have_hours_of_their_own() {
    let rules = rule(HOURS);
    for (now, open, opens) in [
        ("2026-03-02T10:00:30Z", true, "2026-03-02T10:01:00Z"),
        ("2026-03-02T06:59:59Z", false, "2026-03-02T07:00:00Z"),
        ("2026-03-02T17:00:00Z", false, "2026-03-03T07:00:00Z"),
        // Friday evening, until Monday
        ("2026-03-06T17:00:00Z", false, "2026-03-09T07:00:00Z"),
        ("2026-03-28T12:00:00Z", false, "2026-03-30T06:00:00Z"),
    ] {
        let now: Timestamp = now.parse().unwrap();
        // requests are possible at any hour
        let decision = decide(&rules, "ana", &people(), now);
        assert_eq!(shown(&decision), "RequiresApproval [bo,cai] r1");
        let [hours] = decision.approval_hours.as_slice() else {
            panic!("{:?}", decision.approval_hours)
        };
        assert_eq!((hours.rule().as_str(), hours.is_open(now)), ("r1", open));
        let found = ApprovalHours::opens_at(&decision.approval_hours, now);
        assert_eq!(found, Some(opens.parse().unwrap()));
    }
}

#[test]
fn nobody_approves_for_themselves_outside_of_the_hours_of_approvals() {
    let rules = rule(&format!("allow_self_approval = true\n{HOURS}"));
    let facts = people();
    for (now, expected) in [
        ("2026-03-02T10:00:00Z", "SelfApproval [] r1"),
        ("2026-03-02T20:00:00Z", "RequiresApproval [cai] r1"),
    ] {
        let decision = decide(&rules, "bo", &facts, now.parse().unwrap());
        assert_eq!(shown(&decision), expected, "{now}");
    }
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let night: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
    let steps = rules.steps(&email("bo"), &ask, &facts, night);
    let why: Vec<&str> = steps
        .iter()
        .filter_map(|step| step.why.as_deref())
        .collect();
    assert!(
        why.iter()
            .any(|it| it.contains("approvals are given only mon, tue")),
        "{why:?}"
    );
    let permit = rules
        .press(&email("bo"), &email("bo"), &ask, &facts, night)
        .may_approve();
    assert!(permit.unwrap().own_request);
}

#[test]
fn the_shortest_lead_time_counts() {
    let rules = native(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\nmax_lead_time = '72h'\n\
         [[rule]]\naccounts = '*'\npermission_sets = 'Admin'\npermits_requests = false\nmax_lead_time = '8h'\n\
         [[rule]]\naccounts = '*'\npermission_sets = 'Billing'\nmax_lead_time = '1h'\n",
    );
    let decision = decide(&rules, "ana", &people(), noon());
    assert_eq!(decision.max_lead_time.unwrap().to_string(), "8h");
    let none = rule("max_duration = '1h'");
    assert_eq!(decide(&none, "ana", &people(), noon()).max_lead_time, None);
}

/// One rule for everything: only Bo approves, also himself, within hours.
fn sole(fields: &str) -> Rules {
    native(&format!(
        "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\n\
         allow_self_approval = true\n{HOURS}\n{fields}\n"
    ))
}

#[test]
fn who_alone_approves_for_themselves_waits_for_the_hours() {
    let facts = people();
    let night: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
    for (rules, expected, later) in [
        (sole(""), "RequiresApproval [bo] r1", OwnLater::Alone),
        (
            sole("min_approvals = 3"),
            "RequiresApproval [bo] r1",
            OwnLater::Alone,
        ),
        (
            rule(&format!("allow_self_approval = true\n{HOURS}")),
            "RequiresApproval [cai] r1",
            OwnLater::BesideOthers,
        ),
    ] {
        let decision = decide(&rules, "bo", &facts, night);
        assert_eq!(shown(&decision), expected);
        assert_eq!((decision.own_later, decision.approvals_needed), (later, 1));
    }
    let open = decide(&sole(""), "bo", &facts, noon());
    assert_eq!(shown(&open), "SelfApproval [] r1");
    assert_eq!(open.own_later, OwnLater::No);
    // without self-approval there is no wait for hours
    let rules = rule(HOURS);
    let decision = decide(&rules, "bo", &facts, night);
    assert_eq!(shown(&decision), "RequiresApproval [cai] r1");
    assert_eq!(decision.own_later, OwnLater::No);
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let steps = sole("").steps(&email("bo"), &ask, &facts, night);
    assert!(steps.last().is_some_and(|step| !step.yes), "{steps:?}");
}

/// A start outside the hours may be approved today, but not by the requester in place of too few
/// others.
#[test]
fn who_alone_approves_for_themselves_does_not_for_a_start_outside_of_the_hours() {
    let (facts, rules) = (people(), sole("min_approvals = 2"));
    let night: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let bo = email("bo");
    let lacks = |now| rules.outstanding(&bo, &ask, &facts, (night, now), &BTreeMap::new());
    let (later, now) = (lacks(noon()), lacks(night));
    assert_eq!(
        (later.kind, later.helpers.len()),
        (DecisionKind::NoApprovers, 0)
    );
    assert_eq!(
        (now.kind, now.helpers.len()),
        (DecisionKind::RequiresApproval, 1)
    );
    let decision = decide(&rules, "bo", &facts, night);
    assert!(!decision.is_satisfied_by(&[user(2)].into()));
    let decision = decision.of_start();
    assert_eq!(shown(&decision), "NoApprovers [] r1");
    assert_eq!(decision.own_later, OwnLater::No);
}

fn window(from: &str, to: &str, days: &str, zone: &str) -> String {
    format!(
        "approval_hours = {{ days = ['{days}'], from = '{from}', to = '{to}', time_zone = '{zone}' }}"
    )
}

fn both(one: &str, other: &str) -> Rules {
    let rule = |lines: &str| {
        format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\n\
             approvers = ['bo@corp.com', 'cai@corp.com']\n{lines}\n"
        )
    };
    native(&format!("{}{}", rule(one), rule(other)))
}

#[test]
fn hours_of_several_rules_open_together_or_never() {
    let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    let first = window("12:00", "15:00", "mon-fri", "UTC");
    for (other, opens) in [
        (
            window("14:00", "18:00", "mon-fri", "UTC"),
            Some("2026-03-02T14:00:00Z"),
        ),
        (
            window("09:00", "13:00", "tue", "UTC"),
            Some("2026-03-03T12:00:00Z"),
        ),
        (window("15:00", "18:00", "mon-fri", "UTC"), None),
        (window("12:00", "15:00", "sat-sun", "UTC"), None),
        (
            window("22:00", "13:00", "sun", "UTC"),
            Some("2026-03-02T12:00:00Z"),
        ),
    ] {
        let rules = both(&first, &other);
        let decision = decide(&rules, "ana", &people(), now);
        let found = ApprovalHours::opens_at(&decision.approval_hours, now);
        assert_eq!(found, opens.map(|it| it.parse().unwrap()), "{other}");
        let told: Vec<String> = rules.check(None).iter().map(ToString::to_string).collect();
        let is_told = told.iter().any(|it| it.contains("never meet"));
        assert_eq!(is_told, opens.is_none(), "{other}: {told:?}");
    }
}

/// Checked for every minute, across clock changes.
#[test]
fn hours_open_at_the_first_minute_that_is_within_them() {
    let berlin = |from, to| window(from, to, "sat-sun", "Europe/Berlin");
    for (one, other) in [
        (berlin("02:30", "04:00"), berlin("01:00", "05:00")),
        (berlin("02:15", "02:45"), berlin("02:15", "02:45")),
        (berlin("22:00", "02:20"), berlin("23:00", "02:40")),
        (
            berlin("02:00", "03:00"),
            window("00:10", "01:50", "mon-sun", "UTC"),
        ),
    ] {
        let decision = decide(&both(&one, &other), "ana", &people(), noon());
        let hours = &decision.approval_hours;
        for start in ["2026-03-28T20:00:30Z", "2026-10-24T20:00:00Z"] {
            let start: Timestamp = start.parse().unwrap();
            for now in (0..20).map(|n| TimeSpan::minutes(n * 25).after(start)) {
                let whole = Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap();
                let minutes = (1..8 * 24 * 60).map(|n| TimeSpan::minutes(n).after(whole));
                let first = { minutes }.find(|at| hours.iter().all(|it| it.is_open(*at)));
                let found = ApprovalHours::opens_at(hours, now);
                assert_eq!(found, first, "{one} {other} {now}");
            }
        }
    }
}

#[test]
fn hours_that_meet_for_half_of_the_year_or_for_other_people_are_not_told() {
    let winter = (
        window("12:00", "13:00", "mon-fri", "UTC"),
        window("13:00", "14:00", "mon-fri", "Europe/Stockholm"),
    );
    let noon = window("12:00", "13:00", "mon-fri", "UTC");
    let night = window("20:00", "21:00", "mon-fri", "UTC");
    for (one, other) in [
        winter,
        (
            format!("{noon}\nallowed_users = ['ana@corp.com']"),
            format!("{night}\nallowed_users = ['bo@corp.com']"),
        ),
    ] {
        let told: Vec<String> = both(&one, &other)
            .check(None)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(!told.iter().any(|it| it.contains("never meet")), "{told:?}");
    }
}

#[test]
fn values_that_are_all_left_out_again_are_told() {
    for (fields, code) in [
        (
            "requester_attributes = { department = ['*', '!*'] }",
            Some("nobody-can-ask"),
        ),
        (
            "requester_attributes = { department = ['Pay', '!p*'] }",
            Some("nobody-can-ask"),
        ),
        (
            "requester_attributes = { department = ['Pay*', '!Pay'] }",
            None,
        ),
        (
            "account_tags = { env = ['Prod', '!prod'] }",
            Some("dead-statement"),
        ),
        ("account_tags = { env = ['*', '!prod'] }", None),
    ] {
        let found = rule(fields).check(None);
        let codes: Vec<&str> = found.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, Vec::from_iter(code), "{fields}: {found:?}");
    }
}

#[test]
fn who_has_other_attributes_is_told_so() {
    let rules = native(
        "[[rule]]\nid = 'ops'\naccounts = '*'\npermission_sets = '*'\napprovers = ['cai@corp.com']\n\
         requester_attributes = { department = 'Ops', user_type = 'Employee' }\n\
         [[rule]]\nid = 'people'\naccounts = '*'\npermission_sets = '*'\napprovers = ['cai@corp.com']\n\
         allowed_users = ['six@corp.com']\nrequester_attributes = { department = 'Ops' }\n\
         [[rule]]\nid = 'adds'\naccounts = '*'\npermission_sets = '*'\npermits_requests = false\n\
         max_duration = '2h'\n",
    );
    let decision = decide(&rules, "ana", &people(), noon());
    assert_eq!(shown(&decision), "RequesterNotAllowed [] ops,people,adds");
    // rules that permit no one are no obstacles
    let [of_ops, of_people] = decision.not_asking.as_slice() else {
        panic!("{:?}", decision.not_asking)
    };
    let department = vec![PersonAttribute::Department];
    assert!(
        matches!(of_ops, RequestBlocker::OtherAttributes { attributes, .. } if *attributes == department),
        "{of_ops:?}"
    );
    assert!(
        matches!(of_people, RequestBlocker::OtherPeople { .. }),
        "{of_people:?}"
    );
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let told = rules.explain(&email("ana"), &ask, &people(), noon());
    let rows: Vec<(Effect, &str)> = told
        .rules
        .iter()
        .map(|it| (it.effect, it.why.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            (
                Effect::DoesNotApply,
                "it is for people with another department"
            ),
            (
                Effect::DoesNotApply,
                "the requester is not among those who may request"
            ),
            (
                Effect::DoesNotApply,
                "it permits no request alone, and no other rule lets the requester request"
            ),
        ]
    );
}

#[test]
fn a_limit_names_the_rules_that_set_it() {
    let named = |ids: &[hallpass_rules::RuleId]| {
        let ids: Vec<&str> = ids.iter().map(hallpass_rules::RuleId::as_str).collect();
        ids.join(",")
    };
    for (one, other, duration, lead) in [
        ("max_duration = '2h'", "max_duration = '4h'", "r1", ""),
        (
            "max_duration = '2h'",
            "max_duration = '2h'\nmax_lead_time = '1h'",
            "r1,r2",
            "r2",
        ),
        (
            "max_duration = '2h'\nprefer_longest_duration = true",
            "max_duration = '4h'\nprefer_longest_duration = true\nmax_lead_time = '1h'",
            "r2",
            "r2",
        ),
        ("max_lead_time = '1h'", "max_lead_time = '30m'", "", "r2"),
        ("", "", "", ""),
    ] {
        let decision = decide(&both(one, other), "ana", &people(), noon());
        let found = (
            named(&decision.max_duration_by),
            named(&decision.max_lead_time_by),
        );
        assert_eq!(
            found,
            (duration.to_owned(), lead.to_owned()),
            "{one} {other}"
        );
    }
}
