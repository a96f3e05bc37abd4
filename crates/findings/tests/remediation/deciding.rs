use hallpass_base::testing::rows;
use hallpass_base::{AccountId, Timestamp};
use hallpass_findings::remediation::{
    AccountStanding, Before, Deviation, RemediationDecision, RuleChoice, RuleFile, approved,
    choose, is_own_account, read_deviations, settle,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{changed, event, rules, text};

fn now() -> Timestamp {
    "2026-03-02T10:05:00Z".parse().unwrap()
}

fn row(name: &str) -> Deviation {
    let read = read_deviations(&event(name));
    assert_eq!(read.broken, Vec::<String>::new());
    read.rows.into_iter().next().unwrap()
}

fn member(unit: &str) -> AccountStanding {
    AccountStanding::Member {
        unit: unit.to_owned(),
        management: false,
    }
}

fn decided(file: &RuleFile, it: &Deviation, standing: &AccountStanding, before: &Before) -> String {
    let choice = choose(file, it, standing, now());
    match (settle(&choice, before, now()), &choice) {
        (None, RuleChoice::Ignored(why)) => format!("ignored: {why}"),
        (Some(RemediationDecision::Observe), _) => "observe".to_owned(),
        (Some(RemediationDecision::Act), _) => "act".to_owned(),
        (Some(RemediationDecision::Approve(why)), _) => format!("approve: {why}"),
        (Some(RemediationDecision::Suppress(why)), _) => format!("suppress: {why}"),
        (Some(RemediationDecision::Manual(why)), _) => format!("manual: {why}"),
        (None, other) => panic!("{other:?}"),
    }
}

fn never() -> Deviation {
    let mut it = row("org-rem-sg");
    let (key, value) = ("hallpass:remediate", "never");
    it.tags.insert(key.to_owned(), value.to_owned());
    it
}

fn with(pointer: &str, value: Value) -> Deviation {
    let read = read_deviations(&changed("org-rem-sg", &[(pointer, value)]));
    read.rows.into_iter().next().unwrap()
}

#[test]
fn the_fixtures_are_decided_by_gate_rule_and_mode() {
    let file = rules("auto");
    let observing = rules("observe");
    let none = Before::default();
    let busy = Before {
        rule_this_hour: 20,
        ..Before::default()
    };
    let sg = || row("org-rem-sg");
    let of = "/detail/findings/0";
    let (prod, dev) = (member("Prod"), member("Dev"));
    let never = never();
    let table = [
        (&file, sg(), &prod, &none, "act"),
        (&observing, sg(), &prod, &none, "observe"),
        (
            &file,
            sg(),
            &prod,
            &busy,
            "approve: rule `close-public-ports` acted 20 times within an hour, which is its limit",
        ),
        (&file, row("org-rem-suppress"), &dev, &none, "act"),
        (&file, row("org-rem-suppress"), &prod, &none, "act"),
        (
            &file,
            row("org-rem-resolved"),
            &prod,
            &none,
            "ignored: its workflow status is RESOLVED",
        ),
        (
            &file,
            row("org-rem-writeback"),
            &prod,
            &none,
            "ignored: its workflow status is RESOLVED",
        ),
        (
            &file,
            with(&format!("{of}/RecordState"), json!("ARCHIVED")),
            &prod,
            &none,
            "ignored: its record is archived",
        ),
        (
            &file,
            with(&format!("{of}/Compliance/Status"), json!("PASSED")),
            &prod,
            &none,
            "ignored: its compliance status is PASSED",
        ),
        (
            &file,
            with(
                &format!("{of}/Compliance/SecurityControlId"),
                json!("EC2.1"),
            ),
            &prod,
            &none,
            "ignored: no rule is for it",
        ),
        (&file, never, &prod, &none, "ignored: no rule is for it"),
        (&file, row("org-rem-config"), &prod, &none, "observe"),
    ];
    for (file, it, standing, before, expected) in table {
        assert_eq!(decided(file, &it, standing, before), expected, "{it:?}");
    }
}

#[test]
fn accounts_that_may_not_be_touched_are_for_people() {
    let management = AccountStanding::Member {
        unit: "ROOT".to_owned(),
        management: true,
    };
    let (file, none) = (rules("auto"), Before::default());
    for (name, standing, why) in [
        (
            "org-rem-account-mismatch",
            member("Prod"),
            "the finding is of account 444444444444 and its resource \
             `arn:aws:ec2:us-east-1:012345678901:security-group/sg-0fedcba9876543210` of account 012345678901",
        ),
        (
            "org-rem-sg",
            AccountStanding::Outside,
            "account 444444444444 is not the organization's",
        ),
        (
            "org-rem-sg",
            management,
            "account 444444444444 is the management account, and rule `close-public-ports` does not name it in `accounts`",
        ),
    ] {
        let expected = format!("manual: {why}");
        assert_eq!(decided(&file, &row(name), &standing, &none), expected);
    }
}

/// `organization.md` R-4: `GuardDuty` findings are suppressed or notified, and never change an
/// account.
#[test]
fn findings_of_guard_duty_are_only_suppressed_or_told() {
    let product = "arn:aws:securityhub:us-east-1::product/aws/guardduty";
    let it = with("/detail/findings/0/ProductArn", json!(product));
    let of = |action: &str, mode: &str, more: &str| {
        let text = format!(
            "rules: [{{id: r, match: {{accounts: ['*']{more}}}, action: {action}, mode: {mode}}}]"
        );
        RuleFile::read(&text)
    };
    let none = Before::default();
    let table = "
        suppress         auto     act
        notify           auto     manual: rule `r` only reports
        notify           observe  observe
        s3-bucket-block  auto     manual: findings of GuardDuty report activity
        s3-bucket-block  approve  manual: findings of GuardDuty report activity
    ";
    for [action, mode, expected] in rows(table) {
        let file = of(action, mode, "").unwrap();
        let found = decided(&file, &it, &member("Prod"), &none);
        assert!(found.starts_with(expected), "{action} {mode}: {found}");
    }
    // a rule file that names the product is invalid
    let named = format!(", product: ['{product}']");
    let refused = of("s3-bucket-block", "auto", &named).unwrap_err();
    assert!(refused.contains("findings of GuardDuty"), "{refused}");
    assert!(of("notify", "auto", &named).is_ok());
    let busy = Before {
        rule_this_hour: 10_000,
        ..Before::default()
    };
    let found = decided(
        &of("notify", "auto", "").unwrap(),
        &it,
        &member("Prod"),
        &busy,
    );
    assert_eq!(found, "manual: rule `r` only reports");
}

/// A user action must not change the account either.
#[test]
fn what_is_only_told_is_not_tried_again() {
    let product = "arn:aws:securityhub:us-east-1::product/aws/guardduty";
    let mut it = crate::world::kept(with("/detail/findings/0/ProductArn", json!(product)));
    let refused = approved(it.clone(), "ana", now()).unwrap_err();
    assert!(refused.to_string().contains("only reported"), "{refused}");
    it.deviation = row("org-rem-sg");
    assert!(approved(it.clone(), "ana", now()).is_ok());
    it.action = hallpass_findings::remediation::ActionKind::Notify;
    assert!(approved(it, "ana", now()).is_err());
}

#[test]
fn an_action_takes_its_own_params_and_modes() {
    let of = |rest: &str| {
        RuleFile::read(&format!(
            "rules: [{{id: r, match: {{controls: [A.1]}}, {rest}}}]"
        ))
    };
    for (rest, expected) in [
        ("action: rds-private, mode: auto", "disconnects"),
        ("action: notify, mode: approve", "changes nothing"),
        ("action: flow-logs", "missing field"),
        (
            "action: flow-logs, params: {destination: bucket}",
            "the ARN of a bucket",
        ),
        (
            "action: flow-logs, params: {destination: 'arn:aws:s3:::b', role: r}",
            "for log groups",
        ),
        (
            "action: flow-logs, params: {destination: 'arn:aws:logs:eu-west-1:1:log-group:g'}",
            "the name of the role",
        ),
        (
            "action: flow-logs, params: {destination: 'arn:aws:s3:::b', traffic: SOME}",
            "SOME",
        ),
        ("action: kms-rotate, params: {days: 90}", "days"),
    ] {
        let refused = of(rest).unwrap_err();
        assert!(refused.contains(expected), "{rest}: {refused}");
    }
    for rest in [
        "action: rds-private, mode: approve",
        "action: rds-private",
        "action: flow-logs, mode: auto, params: {destination: 'arn:aws:s3:::b/folder', traffic: ALL}",
        "action: flow-logs, params: {destination: 'arn:aws:logs:eu-west-1:1:log-group:g', role: flows}",
    ] {
        assert!(of(rest).is_ok(), "{rest}: {:?}", of(rest));
    }
}

#[test]
fn durations_are_read_as_everywhere_else_and_as_seconds() {
    let of = |rest: &str| {
        let rule = format!("rules: [{{id: r, match: {{controls: [X]}}, action: notify, {rest}}}]");
        RuleFile::read(&rule).map(|file| {
            (
                file.rules[0].cooldown.as_seconds(),
                file.rules[0].timeout.as_seconds(),
            )
        })
    };
    for (rest, expected) in [
        ("cooldown: 1h", (3_600, 120)),
        ("cooldown: 1h30m, timeout: 90s", (5_400, 90)),
        ("cooldown: 3600, timeout: 60", (3_600, 60)),
        ("cooldown: '01:30', timeout: 5m", (5_400, 300)),
        ("retry: 1", (0, 120)),
    ] {
        assert_eq!(of(rest).unwrap(), expected, "{rest}");
    }
    for (rest, expected) in [
        ("cooldown: soon", "`soon` is not a duration: write `90m`"),
        ("timeout: -1", "a duration is not negative"),
        ("timeout: [1]", "a duration such as `1h`"),
    ] {
        let refused = of(rest).unwrap_err();
        assert!(refused.contains(expected), "{rest}: {refused}");
    }
}

#[test]
fn an_exception_counts_until_its_last_second() {
    let mut it = row("org-rem-sg");
    it.account = AccountId::new("999999999999").unwrap();
    it.resource = it.resource.replace("444444444444", "999999999999");
    let file = rules("auto");
    let choice = choose(&file, &it, &member("Prod"), now());
    let Some(RemediationDecision::Suppress(why)) = settle(&choice, &Before::default(), now())
    else {
        panic!("{choice:?}")
    };
    assert_eq!(why, "exception 1: honeypot");
    for (at, excepted) in [
        ("2026-12-31T23:59:59Z", true),
        ("2027-01-01T00:00:00Z", false),
    ] {
        let at: Timestamp = at.parse().unwrap();
        let choice = choose(&file, &it, &member("Prod"), at);
        assert_eq!(matches!(choice, RuleChoice::Excepted(..)), excepted, "{at}");
        assert_eq!(file.expired(at).len(), usize::from(!excepted));
    }
}

#[test]
fn a_file_is_read_whole_or_refused_with_the_place() {
    let good = text("org-remediate-rules.yaml");
    let file = RuleFile::read(&good).unwrap();
    assert_eq!(file.rules.len(), 4);
    assert_eq!(file.unreachable(), Vec::<(&str, &str)>::new());
    for (wrong, right, says) in [
        ("max_per_hour", "max_an_hour", "max_an_hour"),
        ("sg-revoke-public", "sg-open", "no action"),
        ("ports: [22, 3389]", "port: [22]", "ports"),
        ("ports: [22, 3389]", "ports: []", "names none"),
        ("id: block-buckets", "id: close-public-ports", "twice"),
        ("match: {controls: [S3.1]}", "match: {}", "empty"),
        ("2026-12-31", "soon", "is not a day"),
    ] {
        let error = RuleFile::read(&good.replacen(wrong, right, 1)).unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
    let error = RuleFile::read(&good.replacen("max_per_hour", "max_an_hour", 1)).unwrap_err();
    assert!(error.contains("line 9"), "the line is named: {error}");
}

#[test]
fn a_rule_that_an_earlier_one_covers_is_told() {
    let file = RuleFile::read(
        "rules:
  - {id: all-sg, match: {controls: ['EC2.*']}, action: sg-default-close}
  - {id: one-sg, match: {controls: [EC2.19], severity: [HIGH]}, action: sg-default-close}
  - {id: other, match: {controls: [S3.1]}, action: s3-account-block}
  - {id: config, match: {source: aws.config, controls: [EC2.19]}, action: sg-default-close}",
    )
    .unwrap();
    assert_eq!(file.unreachable(), [("one-sg", "all-sg")]);
}

proptest! {
    /// Decisions never act on another account than the finding's.
    #[test]
    fn no_decision_acts_on_another_account(own in 0..4_u8, other in 0..4_u8, shape in 0..5_u8, mode in 0..3_u8, known in 0..3_u8) {
        let account = |it: u8| format!("{}", it + 1).repeat(12);
        let mut it = row("org-rem-sg");
        it.account = AccountId::new(account(own)).unwrap();
        it.resource = match shape {
            0 => format!("arn:aws:ec2:us-east-1:{}:security-group/sg-1", account(other)),
            1 => format!("AWS::::Account:{}", account(other)),
            2 => "arn:aws:s3:::bucket".to_owned(),
            3 => format!("arn:aws:iam::{}:user/a", account(other)),
            _ => "sg-1".to_owned(),
        };
        let mode = ["auto", "approve", "observe"][usize::from(mode)];
        let standing = match known {
            0 => AccountStanding::Outside,
            1 => member("Prod"),
            _ => AccountStanding::Member { unit: "Dev".to_owned(), management: true },
        };
        let file = rules(mode);
        let choice = choose(&file, &it, &standing, now());
        let decision = settle(&choice, &Before::default(), now());
        if let Some(RemediationDecision::Act | RemediationDecision::Approve(_)) = decision {
            prop_assert!(is_own_account(&it, &it.account));
            let plain = matches!(standing, AccountStanding::Member { management: false, .. });
            prop_assert!(plain, "{standing:?}");
        }
    }
}

#[test]
fn approvers_are_those_of_every_entry_that_fits() {
    let file = RuleFile::read(
        "rules: []\napprovers:\n  - {people: [\"group:security\"]}\n  - {people: [ana@corp.example], match: {ou: [Prod]}}\n  \
         - {people: [ben@corp.example], match: {controls: [IAM.*], accounts: [\"444444444444\"]}}\n",
    );
    let file = file.unwrap();
    let groups: Vec<String> = file.approver_groups().into_iter().collect();
    assert_eq!(groups, ["security"]);
    let mut it = row("org-rem-sg");
    let everybody = |it: &Deviation, unit: &str| file.approvers_of(it, unit).unwrap_or_default();
    assert_eq!(everybody(&it, "Dev"), ["group:security"]);
    assert_eq!(
        everybody(&it, "Prod"),
        ["group:security", "ana@corp.example"]
    );
    it.control = "IAM.3".to_owned();
    assert_eq!(
        everybody(&it, "Dev"),
        ["group:security", "ben@corp.example"]
    );
    it.account = AccountId::new("555555555555").unwrap();
    assert_eq!(everybody(&it, "Dev"), ["group:security"]);
    let nobody = RuleFile::read("rules: []\n").unwrap();
    assert_eq!(nobody.approvers_of(&it, "Prod"), None);
}

#[test]
fn an_entry_that_names_nobody_or_not_a_person_is_refused() {
    for (people, wanted) in [
        ("[]", "approvers 1: `people` is empty"),
        (
            "[ana]",
            "approvers 1: `ana` is neither `group:NAME` nor an e-mail address",
        ),
        ("[\"group: \"]", "approvers 1: `group: ` is neither"),
        ("[\"*\"]", "approvers 1: `*` is neither"),
    ] {
        let read = RuleFile::read(&format!(
            "rules: []\napprovers:\n  - {{people: {people}}}\n"
        ));
        let error = read.unwrap_err();
        assert!(error.starts_with(wanted), "{error}");
    }
    let read = RuleFile::read("rules: []\napprovers:\n  - {people: [a@b.example], for: x}\n");
    assert!(read.unwrap_err().contains("for"));
}
