//! The table of `policies.md` §10.3: secrets by tags, as published and as required.

use hallpass_iam::generate::secrets::{
    GeneratedSecretsPolicies, Guardrails, SecretsSpec, generate,
};
use serde_json::{Value, json};

use crate::table_cells::{ask, cells, context, fits, full_access};

/// row | action | secret's department,AppID | request | as published | required `-` is an absent
/// tag. The requester is Arnav unless the request names another. In row 19 brackets are kept, so
/// the admin has the same limits as all users: denied in row 15, allowed in rows 2 and 9.
const TABLE: &str = "
1  | GetSecretValue | Digital,Alpha |            | A  | A
2  | GetSecretValue | Digital,Beta  |            | A  | XD G1AppID
3  | GetSecretValue | HR,Beta       |            | XD | XD G1department
4  | GetSecretValue | Digital,-     |            | A  | XD G1AppID
5  | GetSecretValue | -,-           |            | XD | XD
6  | GetSecretValue | Digital,Alpha | by=untagged | A | XD
7  | GetSecretValue | Digital,Beta  | by=reader  | ID | XD
7a | GetSecretValue | Digital,Alpha | by=reader  | A  | A
8  | CreateSecret   | -,-           | aws:RequestTag/department=Digital aws:RequestTag/AppID=Alpha aws:TagKeys=[department,AppID] | A | A
9  | CreateSecret   | -,-           | aws:RequestTag/department=Digital aws:RequestTag/AppID=Gamma aws:TagKeys=[department,AppID] | A | XD G2AppID
10 | CreateSecret   | -,-           | aws:RequestTag/department=Digital aws:TagKeys=[department] | A | XD
11 | CreateSecret   | -,-           |            | XD | XD
12 | CreateSecret   | -,-           | aws:RequestTag/department=digital aws:RequestTag/AppID=Alpha aws:TagKeys=[department,AppID] | A | XD G2department
13 | UntagResource  | Digital,Alpha | aws:TagKeys=[AppID] | n/a | XD G3
14 | UntagResource  | Digital,Alpha | aws:TagKeys=[appid,note] | n/a | XD
14a| UntagResource  | Digital,Alpha | aws:TagKeys=[note] | n/a | A
15 | TagResource    | Digital,Alpha | aws:TagKeys=[AppID] aws:RequestTag/AppID=Beta | XD | XD G4AppID
16 | TagResource    | Digital,-     | aws:TagKeys=[AppID] aws:RequestTag/AppID=Alpha | A | A
17 | TagResource    | Digital,-     | aws:TagKeys=[department] aws:RequestTag/department=HR | A | XD G4department
17a| TagResource    | Digital,-     | aws:TagKeys=[AppID] aws:RequestTag/AppID=Gamma | A | XD G5AppID
18 | TagResource    | Digital,Alpha | aws:TagKeys=[note] aws:RequestTag/note=x | XD | A
19 | GetSecretValue | Digital,Beta  | by=admin   | A  | A
19a| CreateSecret   | -,-           | by=admin aws:RequestTag/department=Digital aws:RequestTag/AppID=Gamma aws:TagKeys=[department,AppID] | A | A
19b| UntagResource  | Digital,Alpha | by=admin aws:TagKeys=[AppID] | n/a | A
19c| TagResource    | Digital,Alpha | by=admin aws:TagKeys=[AppID] aws:RequestTag/AppID=Beta | XD | A
20 | GetSecretValue | Digital,Beta  | by=namesake | A | XD
";

const STRICT: &str = "
s1 | DeleteSecret  | Digital,Alpha |  | | A
s2 | DeleteSecret  | Digital,Beta  |  | | XD G1AppID
s3 | PutResourcePolicy | HR,Alpha  |  | | XD G1department
s4 | TagResource   | HR,Alpha | aws:TagKeys=[note] aws:RequestTag/note=x | | XD G6department
s5 | UntagResource | Digital,- | aws:TagKeys=[note] | | A
s6 | ListSecrets   | -,-      |  | | A
";

fn made(guardrails: Guardrails, admin: &str) -> GeneratedSecretsPolicies {
    let wish = SecretsSpec {
        attributes: vec![
            "department=Digital".parse().unwrap(),
            "AppID=Alpha,Beta".parse().unwrap(),
        ],
        admin_roles: vec![admin.to_owned()],
        guardrails,
        ..SecretsSpec::default()
    };
    generate(&wish).unwrap()
}

fn policies(made: &GeneratedSecretsPolicies) -> (Value, Vec<Value>) {
    let mut files = made
        .files
        .iter()
        .map(|file| serde_json::from_str(&file.draft.json()).unwrap());
    (files.next().unwrap(), files.collect())
}

fn decision(made: &GeneratedSecretsPolicies, row: &[&str]) -> String {
    let (permission_set, guardrails) = policies(made);
    let mut sent = context(row[3]);
    let by = sent.as_object_mut().unwrap().remove("by");
    let by = by.as_ref().and_then(Value::as_str).unwrap_or("arnav");
    let role = match by {
        "admin" => "arn:aws:iam::111111111111:role/SecretsAdmin",
        "namesake" => "arn:aws:iam::222222222222:role/SecretsAdmin",
        _ => "arn:aws:iam::111111111111:role/Team",
    };
    sent["aws:PrincipalArn"] = json!(role);
    sent["aws:PrincipalTag/department"] = json!("Digital");
    if by != "untagged" {
        sent["aws:PrincipalTag/AppID"] = json!("Alpha");
    }
    for (key, value) in ["department", "AppID"].into_iter().zip(row[2].split(',')) {
        if value != "-" {
            sent[format!("aws:ResourceTag/{key}")] = json!(value);
            sent[format!("secretsmanager:ResourceTag/{key}")] = json!(value);
        }
    }
    let wide = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]});
    let identity = if by == "reader" {
        vec![permission_set]
    } else {
        vec![permission_set, wide]
    };
    let mut level = vec![full_access()];
    level.extend(guardrails);
    let resource = match row[1] {
        "ListSecrets" => "*",
        _ => "arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-AbCdEf",
    };
    let account = if by == "namesake" {
        "222222222222"
    } else {
        "111111111111"
    };
    let name = role.rsplit('/').next().unwrap();
    ask(json!({
        "principal": format!("arn:aws:sts::{account}:assumed-role/{name}/arnav"),
        "action": format!("secretsmanager:{}", row[1]),
        "resource": resource,
        "resourceAccount": account,
        "context": sent,
        "identityPolicies": identity,
        "scps": [[full_access()], level],
    }))
}

fn check(table: &str, made: &dyn Fn(&str) -> GeneratedSecretsPolicies, column: usize) {
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty()) {
        let row = cells(line);
        let got = decision(&made(row[0]), &row);
        if row[column] != "n/a" && !fits(&got, row[column]) {
            wrong.push(format!("row {}: want {}, got {got}", row[0], row[column]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const ADMIN: &str = "arn:aws:iam::111111111111:role/SecretsAdmin";

#[test]
fn as_published() {
    let made = |row: &str| {
        let brackets = row.starts_with("19");
        let admin = "arn:aws:iam::*:role/SecretsAdmin";
        let admin = if brackets {
            format!("<{admin}>")
        } else {
            admin.to_owned()
        };
        made(Guardrails::AsPublished, &admin)
    };
    check(TABLE, &made, 4);
}

#[test]
fn as_required() {
    check(TABLE, &|_| made(Guardrails::Required, ADMIN), 5);
    let one = |_: &str| {
        let mut made = made(Guardrails::Required, ADMIN);
        let merged = made.merged.take().unwrap();
        made.files.truncate(1);
        made.files.push(merged);
        made
    };
    check(TABLE, &one, 5);
}

#[test]
fn strictly() {
    check(TABLE, &|_| made(Guardrails::Strict, ADMIN), 5);
    check(STRICT, &|_| made(Guardrails::Strict, ADMIN), 5);
}
