use hallpass_base::{Email, GrantId, RequestId, TargetNames, TimeSpan, Timestamp};
use hallpass_iam::PolicyType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::plan::{ObservedPolicy, PolicyAct, next};
use super::policy::{fit, parts, policy_name, statement_id};
use super::{SessionRevocation, SessionRevocationState};
use crate::account_policy::CHARACTERS;
use crate::account_policy::deciding::{ACCOUNT, check, hold_key, roles};
use crate::ports::{PolicyRow, PolicyText};

const END: &str = "2026-03-02T10:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn revocation(number: u128, user: u32, set: &str, end: &str) -> SessionRevocation {
    let issued_before = at(end);
    SessionRevocation {
        grant: GrantId::new(Uuid::from_u128(number)),
        request: RequestId::new(Uuid::from_u128(number)),
        holder: Email::new("ana@example.com").unwrap(),
        key: hold_key(user, "1"),
        names: TargetNames::Account {
            account: "dev".into(),
            permission_set: set.into(),
        },
        issued_before,
        until: TimeSpan::minutes(65).after(issued_before),
        state: SessionRevocationState::Wanted,
        failed: None,
        attempts: 0,
        due: issued_before,
        version: 0,
    }
}

#[test]
fn exactly_the_sessions_of_that_person_set_and_time_are_denied() {
    let content = fit(&[], &[revocation(1, 7, "Admin", END)], at(END), CHARACTERS)
        .content
        .unwrap();
    let [plain, regional, longer] = roles();
    let before = "2026-03-02T09:59:59Z";
    let rows = [
        (7, plain.as_str(), before, true, "a role without a Region"),
        (7, &regional, before, true, "a role with one"),
        (7, &regional, END, false, "a session issued at the end"),
        (7, &regional, "2026-03-02T11:00:00Z", false, "a new session"),
        (8, &regional, before, false, "another person"),
        (7, &longer, before, false, "a set whose name begins so"),
        (7, "Admin", before, false, "their own role"),
    ];
    check(&content, "aws:TokenIssueTime", &rows);
}

#[test]
fn what_stands_never_gives_way_and_the_newest_speaks_for_a_person() {
    let old = revocation(1, 7, "Admin", END);
    let other = revocation(2, 8, "Admin", "2026-03-02T10:00:10Z");
    let newer = revocation(3, 7, "Admin", "2026-03-02T10:00:20Z");
    let now = at("2026-03-02T10:01:00Z");
    let fitted = fit(
        &[],
        &[newer.clone(), other.clone(), old.clone()],
        now,
        CHARACTERS,
    );
    assert_eq!(fitted.held, [old.grant, newer.grant, other.grant]);
    let ours = parts(&fitted.content.unwrap()).unwrap().ours;
    assert_eq!(ours, [statement_id(newer.grant), statement_id(other.grant)]);
    let later = at("2026-03-02T12:00:00Z");
    assert_eq!(
        fit(&[], &[newer, other, old], later, CHARACTERS).content,
        None
    );
}

#[test]
fn a_policy_holds_what_fits_and_says_who_found_no_room() {
    let revocations: Vec<SessionRevocation> = (1..=40)
        .map(|n: u32| revocation(u128::from(n), n, "DatabaseOperator", END))
        .collect();
    for (characters, number) in [(10_240, 22..=30), (5_120, 10..=15)] {
        let fitted = fit(&[], &revocations, at(END), characters);
        let content = fitted.content.unwrap();
        assert!(content.len() <= characters, "{}", content.len());
        let held = fitted.held.len();
        assert!(number.contains(&held), "{held} in {characters}");
        assert_eq!(held + fitted.left_out.len(), 40);
        assert_eq!(fitted.held[0], revocations[0].grant);
        let options = hallpass_iam::lint::Options::new(PolicyType::Scp);
        let clean = hallpass_iam::lint::lint(&content, &options);
        let mut severities = clean.iter().map(|it| it.severity);
        assert!(
            severities.all(|it| it != hallpass_iam::lint::Severity::Error),
            "{clean:?}"
        );
    }
}

#[test]
fn statements_of_others_stay() {
    let theirs = json!({"Sid": "Theirs", "Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let fitted = fit(std::slice::from_ref(&theirs), &[], at(END), CHARACTERS);
    let found = parts(&fitted.content.unwrap()).unwrap();
    assert_eq!((found.foreign, found.ours.len()), (vec![theirs.clone()], 0));
    let single = json!({"Version": "2012-10-17", "Statement": theirs}).to_string();
    assert_eq!(parts(&single).unwrap().foreign.len(), 1);
    for broken in ["", "[]", "{}", r#"{"Statement":"x"}"#] {
        assert!(parts(broken).is_none(), "{broken}");
    }
}

#[test]
fn one_act_at_a_time_leads_to_what_is_wanted() {
    let seen = |content: Option<&str>, targets: &[&str]| ObservedPolicy {
        policy: content.map(|content| PolicyText {
            row: PolicyRow {
                id: "p-1".into(),
                name: policy_name(ACCOUNT),
                aws_managed: false,
            },
            content: content.into(),
        }),
        targets: targets.iter().map(|it| (*it).to_owned()).collect(),
    };
    let (id, one, two) = ("p-1".to_owned(), r#"{"a":1}"#, r#"{"a":2}"#);
    for (seen, wanted, act) in [
        (seen(None, &[]), None, PolicyAct::Rest),
        (seen(None, &[]), Some(one), PolicyAct::Create(one.into())),
        (
            seen(Some(one), &[]),
            Some(one),
            PolicyAct::Attach(id.clone()),
        ),
        (
            seen(Some(one), &[ACCOUNT]),
            Some(r#"{ "a": 1 }"#),
            PolicyAct::Rest,
        ),
        (
            seen(Some(one), &[ACCOUNT]),
            Some(two),
            PolicyAct::Update(id.clone(), two.into()),
        ),
        (
            seen(Some(one), &[ACCOUNT]),
            None,
            PolicyAct::Detach(id.clone(), ACCOUNT.into()),
        ),
        (seen(Some(one), &[]), None, PolicyAct::Delete(id.clone())),
    ] {
        assert_eq!(next(&seen, wanted, ACCOUNT), act, "{seen:?} {wanted:?}");
    }
}

#[test]
fn a_cut_is_stored_flat() {
    let text = serde_json::to_value(revocation(1, 7, "Admin", END)).unwrap();
    assert_eq!(text.get("state"), Some(&Value::from("wanted")));
    assert_eq!(
        serde_json::from_value::<SessionRevocation>(text).unwrap(),
        revocation(1, 7, "Admin", END)
    );
}
