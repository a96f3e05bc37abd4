use std::sync::Arc;

use hallpass_iam::suite::{Coverage, Suite, run};
use hallpass_iam::{Decision, Layers, Policy, PolicyType};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Sid":"ReadOwn","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::team-${aws:PrincipalTag/team}/*"},
  {"Sid":"NoLogs","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::team-red/logs/*"},
  {"Sid":"Never","Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#;

const SUITE: &str = r#"
[defaults]
principal = "arn:aws:sts::111122223333:assumed-role/Dev/mara"
action = ["s3:GetObject", "s3:GetObjectTagging"]
expect = "Allowed"
context = { "aws:PrincipalTag/team" = "red" }

[[case]]
name = "reads its own"
resource = ["arn:aws:s3:::team-red/a", "arn:aws:s3:::team-red/b"]
sid = "ReadOwn"

[[case]]
name = "not the logs"
action = "s3:GetObject"
resource = "arn:aws:s3:::team-red/logs/x"
expect = "ExplicitlyDenied"
sid = "NoLogs"

[[case]]
name = "no other team's, and nothing without a tag"
resource = "arn:aws:s3:::team-red/a"
context = { "aws:principaltag/TEAM" = "blue" }
expect = "Denied"

[[case]]
resource = "arn:aws:s3:::team-blue/a"

[[case]]
name = "no tag, nothing"
action = "s3:GetObject"
resource = "arn:aws:s3:::team-red/a"
without = ["AWS:principaltag/team"]
expect = "Denied"
"#;

fn layers() -> Layers {
    let policy = Policy::parse(POLICY, PolicyType::Identity).unwrap();
    Layers {
        identity: vec![Arc::new(policy.named("dev.json"))],
        ..Layers::default()
    }
}

#[test]
fn rows_are_questions_and_lists_multiply() {
    let suite = Suite::parse(SUITE).unwrap();
    let mut coverage = Coverage::default();
    let outcomes = run(&suite, &layers(), &mut coverage).unwrap();
    let seen: Vec<_> = outcomes
        .iter()
        .map(|it| (it.name.as_str(), it.got, it.passed))
        .collect();
    let own = ("reads its own", Decision::Allowed, true);
    let other = "no other team's, and nothing without a tag";
    assert_eq!(
        seen,
        [
            own,
            own,
            own,
            own,
            ("not the logs", Decision::ExplicitlyDenied, true),
            (other, Decision::ImplicitlyDenied, true),
            (other, Decision::ImplicitlyDenied, true),
            ("case 4", Decision::ImplicitlyDenied, false),
            ("case 4", Decision::ImplicitlyDenied, false),
            ("no tag, nothing", Decision::ImplicitlyDenied, true),
        ]
    );
    let decided: Vec<_> = coverage
        .statements()
        .into_iter()
        .map(|it| (it.sid.unwrap(), it.decided))
        .collect();
    assert_eq!(
        decided,
        [
            ("ReadOwn".to_owned(), 4),
            ("NoLogs".to_owned(), 1),
            ("Never".to_owned(), 0)
        ]
    );
    assert_eq!(coverage.percent(), 66);
}

#[test]
fn a_decision_by_another_statement_fails() {
    let text = SUITE.replace("sid = \"ReadOwn\"", "sid = \"Never\"");
    let suite = Suite::parse(&text).unwrap();
    let outcomes = run(&suite, &layers(), &mut Coverage::default()).unwrap();
    assert!(!outcomes[0].passed);
    assert_eq!(outcomes[0].expected_sid.as_deref(), Some("Never"));
}

#[test]
fn what_is_no_suite_is_refused_with_its_place() {
    let rows = [
        ("", "", "there is no row"),
        ("[[case]]\nfoo = 1\n", "2:1", "unknown field"),
        ("[[case]]\naction = \"s3:Get\"\n", "/case/0", "principal"),
    ];
    let verdict = "[[case]]\nprincipal=\"x\"\naction=\"s3:Get\"\nexpect=\"Maybe\"\n";
    let verdict = (verdict, "4:8", "Maybe");
    for (text, place, words) in rows.into_iter().chain([verdict]) {
        let error = Suite::parse(text).unwrap_err();
        assert_eq!(error.code, "E_SUITE", "{text}");
        assert_eq!(error.pointer, place, "{text}");
        assert!(error.message.contains(words), "{text}: {}", error.message);
    }
    let text = "[[case]]\nprincipal=\"bob\"\naction=\"s3:Get\"\nexpect=\"Denied\"\n";
    let suite = Suite::parse(text).unwrap();
    let error = run(&suite, &layers(), &mut Coverage::default()).unwrap_err();
    assert_eq!(
        (error.code, &*error.pointer),
        ("E_ARN", "/case/0/principal")
    );
}

mod replacing {
    use hallpass_iam::suite::Replacement;
    use hallpass_iam::{Decision, PolicyType, ScpLanguage};

    fn replacement(old: &str, new: &str, kind: PolicyType) -> Replacement {
        let statement = |text: &str| format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#);
        Replacement::new(&statement(old), &statement(new), kind, ScpLanguage::Full).unwrap()
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        let same = r#"{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"*",
            "Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1"]}}}"#;
        let replacement = replacement(same, same, PolicyType::Identity);
        assert!(replacement.suggested() > 10);
        assert_eq!(replacement.changes(), []);
    }

    #[test]
    fn a_narrower_policy_and_a_lost_condition_show() {
        let old = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        let new = r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#;
        let changes = replacement(old, new, PolicyType::Identity).changes();
        assert!(!changes.is_empty());
        for change in &changes {
            assert_eq!(change.old, Decision::Allowed);
            assert_eq!(change.new, Decision::ImplicitlyDenied);
            assert!(!change.action.starts_with("s3:Get"), "{}", change.action);
        }
        let guarded = r#"{"Effect":"Deny","Action":"*","Resource":"*",
            "Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#;
        let open = r#"{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#;
        let changes = replacement(guarded, open, PolicyType::Scp).changes();
        let became = |decision| changes.iter().any(|it| it.new == decision);
        assert!(became(Decision::Allowed) && became(Decision::ExplicitlyDenied));
    }

    #[test]
    fn grants_to_other_principals_show() {
        let to = |who: &str| {
            format!(
                r#"{{"Effect":"Deny","Principal":{{"AWS":"{who}"}},"Action":"s3:*","Resource":"*"}}"#
            )
        };
        let old = to("arn:aws:iam::111122223333:role/a");
        let new = to("444455556666");
        let changes = replacement(&old, &new, PolicyType::Resource).changes();
        let by = |account: &str| changes.iter().any(|it| it.principal.contains(account));
        assert!(by("111122223333:role/a") && by("444455556666"));
    }
}
