use super::*;

const ACCOUNT: &str = "222233334444";
const MANAGEMENT: &str = "111122223333";
const DEV: &str = "333344445555";
const PROD: &str = "444455556666";

fn about(place: OwnAccountRole) -> ConnectedOrganization {
    ConnectedOrganization {
        region: "eu-west-1".to_owned(),
        instance_arn: "arn:aws:sso:::instance/ssoins-0123456789abcdef".to_owned(),
        identity_store_id: "d-1234567890".to_owned(),
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/hallpass/i-0123"),
        organization_id: Some("o-ab12cd34ef".to_owned()),
        management_account: Some(MANAGEMENT.to_owned()),
        place,
    }
}

fn policy_of(account: &str, actions: &Value, resource: &Value, more: &Value) -> Value {
    let mut statement = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": actions, "Resource": resource,
    });
    for (key, value) in more.as_object().unwrap() {
        statement[key] = value.clone();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn told(read: Result<Option<String>, OrganizationFault>) -> (&'static str, String) {
    let about = about(OwnAccountRole::DelegatedAdministrator);
    let writer = PolicyWriter::of(&about).unwrap();
    let mut report = DoctorReport::default();
    writer.tell(read, &[DEV, PROD], ("ends armed at AWS", &mut report));
    let [line] = report.lines.as_slice() else {
        panic!("{:?}", report.lines);
    };
    assert_eq!(line.remedy.is_empty(), line.result == "ok", "{line:?}");
    (line.result, line.detail.clone())
}

const ALL: &str = "AttachPolicy, organizations:CreatePolicy, organizations:DeletePolicy, organizations:DetachPolicy, organizations:TagResource, organizations:UpdatePolicy";

#[test]
fn nothing_is_said_to_be_allowed_that_the_delegation_policy_does_not_allow() {
    let about = about(OwnAccountRole::DelegatedAdministrator);
    let writer = PolicyWriter::of(&about).unwrap();
    let printed = Value::Object(writer.added_to(None).unwrap());
    let every = json!("organizations:*");
    let on = json!("*");
    let kind = |operator: &str, kind: &str| json!({ "Condition": { operator: { "organizations:PolicyType": kind } } });
    let of = |account: &str, more: Value| policy_of(account, &every, &on, &more);
    let reads = policy_of(ACCOUNT, &json!(["organizations:List*"]), &on, &json!({}));
    let dev = json!([
        "arn:aws:organizations::*:policy/*/service_control_policy/*",
        format!("arn:aws:organizations::*:account/*/{DEV}"),
    ]);
    let one = "do organizations:AttachPolicy, organizations:DetachPolicy on 444455556666:";
    for (row, policy, result, said) in [
        (
            "the printed policy",
            printed,
            "ok",
            "lets account 222233334444 write",
        ),
        ("everything", of(ACCOUNT, json!({})), "ok", "lets account"),
        (
            "of this type",
            of(ACCOUNT, kind("StringLikeIfExists", SCP)),
            "ok",
            "lets account",
        ),
        ("another's", of(DEV, json!({})), "problem", ALL),
        (
            "of another type",
            of(ACCOUNT, kind("StringEquals", "TAG_POLICY")),
            "problem",
            ALL,
        ),
        ("reads alone", reads, "problem", ALL),
        (
            "one account",
            policy_of(ACCOUNT, &every, &dev, &json!({})),
            "problem",
            one,
        ),
        (
            "denied",
            of(ACCOUNT, json!({ "Effect": "Deny" })),
            "problem",
            ALL,
        ),
    ] {
        let (is, words) = told(Ok(Some(policy.to_string())));
        assert_eq!(is, result, "{row}: {words}");
        assert!(words.contains(said), "{row}: {words}");
    }
}

#[test]
fn a_delegation_policy_that_is_not_there_or_cannot_be_read_is_no_permission() {
    let refused = OrganizationFault::Refused {
        code: "AccessDeniedException".to_owned(),
        message: "you may not".to_owned(),
    };
    let unread = "cannot be read, so it is not known whether account 222233334444";
    for (row, read, said) in [
        ("none", Ok(None), ALL),
        ("no policy", Ok(Some("{".to_owned())), unread),
        ("refused", Err(refused), unread),
    ] {
        let (is, words) = told(read);
        assert_eq!(is, "problem", "{row}: {words}");
        assert!(words.contains(said), "{row}: {words}");
    }
}

#[test]
fn what_is_printed_has_each_write_and_nothing_else_and_keeps_what_is_there() {
    let about = about(OwnAccountRole::DelegatedAdministrator);
    let writer = PolicyWriter::of(&about).unwrap();
    let theirs = policy_of(DEV, &json!("organizations:List*"), &json!("*"), &json!({}));
    let once = Value::Object(writer.added_to(Some(&theirs.to_string())).unwrap());
    let twice = Value::Object(writer.added_to(Some(&once.to_string())).unwrap());
    assert_eq!(once, twice);
    let statements = once["Statement"].as_array().unwrap();
    let [first, ours @ ..] = statements.as_slice() else {
        panic!("{once}");
    };
    assert_eq!(*first, theirs["Statement"][0]);
    let actions = ours.iter().flat_map(|it| it["Action"].as_array().unwrap());
    let actions: BTreeSet<&str> = actions.map(|it| it.as_str().unwrap()).collect();
    assert_eq!(actions, writes().collect());
    for statement in ours {
        let on = statement["Resource"].to_string();
        assert!(!on.contains("root/") && !on.contains("ou/"), "{on}");
        assert!(on.contains("service_control_policy"), "{on}");
    }
    let bare = json!({ "Version": "2012-10-17", "Statement": theirs["Statement"][0] });
    let added = writer.added_to(Some(&bare.to_string())).unwrap();
    assert_eq!(added["Statement"].as_array().unwrap().len(), 3);
    assert!(writer.added_to(Some("[]")).is_err());
}

#[test]
fn the_management_account_needs_none() {
    for (place, needs) in [
        (OwnAccountRole::Management, false),
        (OwnAccountRole::DelegatedAdministrator, true),
        (OwnAccountRole::Other, true),
    ] {
        assert_eq!(
            PolicyWriter::of(&about(place)).is_some(),
            needs,
            "{place:?}"
        );
    }
}

#[test]
fn statements_of_another_server_stay_and_ones_of_ours_are_replaced() {
    let about = about(OwnAccountRole::DelegatedAdministrator);
    let writer = PolicyWriter::of(&about).unwrap();
    let first = Value::Object(writer.added_to(None).unwrap());
    let again = Value::Object(writer.added_to(Some(&first.to_string())).unwrap());
    assert_eq!(again, first);
    let theirs = first.to_string().replace(ACCOUNT, DEV);
    let both = Value::Object(writer.added_to(Some(&theirs)).unwrap());
    let statements = both["Statement"].as_array().unwrap();
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    assert_eq!(statements[..2], theirs["Statement"].as_array().unwrap()[..]);
    let sids: BTreeSet<&str> = { statements.iter() }
        .map(|it| it["Sid"].as_str().unwrap())
        .collect();
    assert_eq!(sids.len(), 4, "{sids:?}");
    let again = Value::Object(writer.added_to(Some(&both.to_string())).unwrap());
    assert_eq!(again, both, "each once");
}
