//! The table of `policies.md` §12: which statement denies which session.

use hallpass_iam::generate::sessions::{Match, RevocationForm, RevocationSpec, Split, generate};
use serde_json::{Value, json};

use crate::table_cells::{ask, cells, context, fits, full_access};

const USER: &str = "9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab";

/// row | policy | attached as | principal | context | decision
const TABLE: &str = "
1  | name          | scp  | X/john@corp.com     | aws:userid=AROAX:john@corp.com     | XD RevokeName
1a | name          | iam  | X/john@corp.com     | aws:userid=AROAX:john@corp.com     | XD RevokeName
2  | name          | scp  | X/John@corp.com     | aws:userid=AROAX:John@corp.com     | A
2a | variant       | scp  | X/John@corp.com     | aws:userid=AROAX:John@corp.com     | XD RevokeName
3  | name          | scp  | X/maryjohn@corp.com | aws:userid=AROAX:maryjohn@corp.com | A
4  | name+source   | scp  | Y/work | aws:userid=AROAY:work aws:SourceIdentity=john@corp.com | XD RevokeSource
4a | name+source   | scp  | Y/work | aws:userid=AROAY:work aws:SourceIdentity=JOHN@corp.com | XD RevokeSource
5  | name+source   | scp  | Y/work | aws:userid=AROAY:work                                 | A
5a | role          | scp  | Y/work | aws:userid=AROAY:work aws:PrincipalArn=arn:aws:iam::111111111111:role/Y aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
6  | role          | scp  | Y/work | aws:PrincipalArn=arn:aws:iam::111111111111:role/Y aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
6a | role          | iam  | Y/work | aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
6b | role          | set  | Y/work | aws:PrincipalArn=arn:aws:iam::111111111111:role/Y aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
6c | role          | scp  | Z/work | aws:PrincipalArn=arn:aws:iam::111111111111:role/Z aws:TokenIssueTime=2025-01-01T09:00:00Z | A
7  | role          | scp  | Y/work | aws:PrincipalArn=arn:aws:iam::111111111111:role/Y aws:TokenIssueTime=2025-01-01T10:00:00Z | A
7a | role          | scp  | Y/work | aws:PrincipalArn=arn:aws:iam::111111111111:role/Y aws:TokenIssueTime=2025-01-01T11:00:00Z | A
8  | all           | scp  | user/john | aws:userid=AIDAJOHN aws:username=john aws:PrincipalArn=arn:aws:iam::111111111111:user/john | A
9  | user-id       | scp  | X/john@corp.com | aws:userid=AROAX:john@corp.com identitystore:UserId=9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab | XD RevokeUserId
10 | user-id       | scp management | X/john@corp.com | identitystore:UserId=9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab | A
10a| user-id       | iam management | X/john@corp.com | identitystore:UserId=9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab | XD RevokeUserId
11 | all           | scp  | X/mary@corp.com | aws:userid=AROAX:mary@corp.com aws:SourceIdentity=mary@corp.com identitystore:UserId=9067642ac7-aaaaaaaa-1111-4222-8333-1234567890ab aws:PrincipalArn=arn:aws:iam::111111111111:role/X aws:TokenIssueTime=2025-01-01T09:00:00Z | A
12 | all           | scp  | service-linked | aws:userid=AROAX:john@corp.com aws:SourceIdentity=john@corp.com | A
13 | sso path      | scp  | AWSReservedSSO_X_0123/john | aws:PrincipalArn=arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_X_0123 aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
13a| sso no path   | scp  | AWSReservedSSO_X_0123/john | aws:PrincipalArn=arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_X_0123 aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
13b| sso no path   | scp  | AWSReservedSSO_X_0123/john | aws:PrincipalArn=arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_X_0123 aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
13c| sso no path   | scp  | AWSReservedSSO_X_0123/john | aws:PrincipalArn=arn:aws:iam::111111111111:role/AWSReservedSSO_X_0123 aws:TokenIssueTime=2025-01-01T09:00:00Z | XD RevokeRole
14 | staged        | scp  | X/john@corp.com | aws:userid=AROAX:john@corp.com aws:SourceIdentity=john@corp.com identitystore:UserId=x | A
";

fn policy(name: &str, form: RevocationForm) -> Value {
    let mut wish = RevocationSpec::new(form);
    let john = || vec!["john@corp.com".to_owned()];
    let role = |role: &str, wish: &mut RevocationSpec| {
        wish.roles
            .push(format!("arn:aws:iam::111111111111:role/{role}"));
        wish.issued_before = Some("2025-01-01T10:00:00Z".to_owned());
    };
    match name {
        "name" => wish.users = john(),
        "variant" => {
            wish.users = john();
            wish.variants = vec!["John@corp.com".to_owned()];
        }
        "name+source" => {
            wish.users = john();
            wish.matches = vec![Match::Name, Match::Source];
        }
        "role" => role("Y", &mut wish),
        "user-id" => wish.user_ids = vec![USER.to_owned()],
        "all" => {
            wish.users = john();
            wish.matches = vec![Match::Name, Match::Source];
            wish.user_ids = vec![USER.to_owned()];
            role("Y", &mut wish);
        }
        "sso path" => role(
            "aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_X_*",
            &mut wish,
        ),
        "sso no path" => role("AWSReservedSSO_X_*", &mut wish),
        "staged" => wish.pre_stage = true,
        other => panic!("no policy {other}"),
    }
    let made = generate(&wish, "2025-01-01T12:00:00Z".parse().unwrap()).unwrap();
    serde_json::from_str(&made.parts[0].json()).unwrap()
}

fn decision(row: &[&str]) -> String {
    let mut attached = row[2].split(' ');
    let form = match attached.next().unwrap() {
        "scp" => RevocationForm::Scp,
        "iam" => RevocationForm::Iam,
        _ => RevocationForm::PermissionSet,
    };
    let policy = policy(row[1], form);
    let (scps, identity) = match form {
        RevocationForm::Scp => (
            json!([[full_access()], [full_access(), policy]]),
            json!([full_access()]),
        ),
        RevocationForm::Iam | RevocationForm::PermissionSet => {
            (json!([]), json!([full_access(), policy]))
        }
    };
    let principal = match row[3] {
        "service-linked" => {
            "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/X".to_owned()
        }
        it if it.starts_with("user/") => format!("arn:aws:iam::111111111111:{it}"),
        session => format!("arn:aws:sts::111111111111:assumed-role/{session}"),
    };
    ask(json!({
        "principal": principal,
        "action": "s3:ListBucket",
        "resource": "arn:aws:s3:::bucket",
        "resourceAccount": "111111111111",
        "context": context(row[4]),
        "identityPolicies": identity,
        "scps": scps,
        "flags": {"managementAccount": attached.next() == Some("management")},
    }))
}

#[test]
fn the_right_sessions_are_cut_off() {
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let row = cells(line);
        let got = decision(&row);
        if !fits(&got, row[5]) {
            wrong.push(format!("row {}: want {}, got {got}", row[0], row[5]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn parts_decide_like_the_whole() {
    let names: Vec<String> = (0..400)
        .map(|n| format!("person{n:04}@example.com"))
        .collect();
    let wish = |split| RevocationSpec {
        users: names.clone(),
        user_ids: vec![USER.to_owned()],
        split,
        ..RevocationSpec::new(RevocationForm::PermissionSet)
    };
    let at = "2025-01-01T12:00:00Z".parse().unwrap();
    let made = generate(&wish(Split::Slots(9)), at).unwrap();
    assert!(made.parts.len() > 1);
    let json = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let parts: Vec<Value> = made.parts.iter().map(|it| json(it.json())).collect();
    let whole = vec![json(made.revocations.json().unwrap())];
    for name in names
        .iter()
        .step_by(23)
        .map(String::as_str)
        .chain(["ana@example.com", "erson0001@example.com"])
    {
        let decided = |policies: &[Value]| {
            let mut identity = vec![full_access()];
            identity.extend(policies.iter().cloned());
            ask(json!({
                "principal": format!("arn:aws:sts::111111111111:assumed-role/X/{name}"),
                "action": "s3:ListBucket",
                "resource": "arn:aws:s3:::bucket",
                "context": {"aws:userid": format!("AROAX:{name}")},
                "identityPolicies": identity,
            }))
        };
        assert_eq!(decided(&parts), decided(&whole), "{name}");
    }
}
