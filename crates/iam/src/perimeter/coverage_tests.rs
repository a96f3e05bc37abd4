use serde_json::{Value, json};

use super::super::tree::GuardrailsError;
use super::*;

fn tree() -> Tree {
    let tree = json!({
        "organization": {"Id": "o-ab12cd34ef", "ManagementAccountId": "111111111111"},
        "root": "r-ab12",
        "ous": [
            {"Id": "ou-ab12-work0001", "Name": "Workloads", "ParentId": "r-ab12"},
            {"Id": "ou-ab12-prod0001", "Name": "Prod", "ParentId": "ou-ab12-work0001"},
        ],
        "accounts": [
            {"Id": "111111111111", "Name": "payer", "ParentId": "r-ab12"},
            {"Id": "222222222222", "Name": "stray", "ParentId": "r-ab12"},
            {"Id": "444444444444", "Name": "shop-prod", "ParentId": "ou-ab12-prod0001"},
        ],
    });
    Tree::read(&tree.to_string()).unwrap()
}

fn deny(principal: &Value, condition: &Value) -> String {
    let mut statement = json!({"Sid": "D", "Effect": "Deny", "Action": "s3:*", "Resource": "*",
                               "Condition": condition});
    if !principal.is_null() {
        statement["Principal"] = principal.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn policy(name: &str) -> Option<String> {
    let of_org = json!({"StringNotEquals": {"aws:ResourceOrgID": ["o-ab12cd34ef"]}});
    let by_org = json!({"StringNotEquals": {"aws:PrincipalOrgID": ["o-ab12cd34ef"]},
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}});
    let network = json!({"NotIpAddressIfExists": {"aws:SourceIp": ["3.120.10.0/24"]},
                         "StringNotEqualsIfExists": {"aws:SourceVpc": ["vpc-1"]},
                         "BoolIfExists": {"aws:ViaAWSService": "false"}});
    let account = json!({"StringNotEquals": {"aws:ResourceAccount": ["222222222222"]}});
    let text = match name {
        "of-org" => deny(&Value::Null, &of_org),
        "by-org" => deny(&json!("*"), &by_org),
        "network" => deny(&Value::Null, &network),
        "of-account" => deny(&Value::Null, &account),
        "objects" => deny(&Value::Null, &of_org)
            .replace("\"Resource\":\"*\"", "\"Resource\":\"arn:aws:s3:::*/*\""),
        "nothing" => deny(&Value::Null, &json!({})),
        "perimeter" => deny(
            &Value::Null,
            &json!({"StringEquals": {"aws:ResourceOrgID": ["o-x"]}}),
        ),
        _ => return None,
    };
    Some(text)
}

type Attachment = (&'static str, &'static str, &'static str);

fn survey(attachments: &[Attachment]) -> Result<Vec<String>, GuardrailsError> {
    let list: Vec<Value> = attachments
        .iter()
        .map(|(name, kind, target)| json!({"policy": name, "type": kind, "targets": [target]}))
        .collect();
    let rails = Guardrails::read(&json!({"attachments": list}).to_string(), &tree(), policy)?;
    let rows = coverage(&tree(), &rails).unwrap();
    let side = |side: &SideCoverage| {
        let by: Vec<String> = side
            .by
            .iter()
            .map(|by| format!("{}@{}", by.policy.as_deref().unwrap_or("-"), by.target))
            .collect();
        let note = if side.note.is_some() { "!" } else { "" };
        format!(
            "{}{}{note}",
            if side.covered { "+" } else { "-" },
            by.join("+")
        )
    };
    Ok(rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row.name,
                side(&row.resource),
                side(&row.identity),
                side(&row.network)
            )
        })
        .collect())
}

#[test]
fn sides_are_covered_by_what_is_attached_above() {
    let payer = "payer -! -! -!";
    let table: &[(&[Attachment], [&str; 3])] = &[
        (&[], [payer, "stray - - -", "shop-prod - - -"]),
        (
            &[("of-org", "scp", "Workloads"), ("by-org", "rcp", "r-ab12")],
            [
                payer,
                "stray - +by-org@r-ab12 -",
                "shop-prod +of-org@ou-ab12-work0001 +by-org@r-ab12 -",
            ],
        ),
        // the network does not replace the other side
        (
            &[("network", "scp", "444444444444")],
            [payer, "stray - - -", "shop-prod - - +network@444444444444"],
        ),
        (
            &[("network", "scp", "r-ab12"), ("of-org", "scp", "r-ab12")],
            [
                payer,
                "stray +of-org@r-ab12 - +network@r-ab12",
                "shop-prod +of-org@r-ab12 - +network@r-ab12",
            ],
        ),
        // an account boundary that excludes the account
        (
            &[("of-account", "scp", "shop-prod")],
            [
                payer,
                "stray - - -",
                "shop-prod +of-account@444444444444 - -",
            ],
        ),
        (
            &[("objects", "scp", "shop-prod")],
            [payer, "stray - - -", "shop-prod -objects@444444444444 - -"],
        ),
        (
            &[("nothing", "scp", "shop-prod")],
            [payer, "stray - - -", "shop-prod -! - -!"],
        ),
        (
            &[("perimeter", "scp", "r-ab12")],
            [payer, "stray - - -", "shop-prod - - -"],
        ),
    ];
    for (attachments, want) in table {
        assert_eq!(survey(attachments).unwrap(), want, "{attachments:?}");
    }
}

#[test]
fn what_is_open_is_named() {
    let list = json!({"attachments": [
        {"policy": "objects", "type": "SERVICE_CONTROL_POLICY", "targets": ["r-ab12"]}]});
    let rails = Guardrails::read(&list.to_string(), &tree(), policy).unwrap();
    let rows = coverage(&tree(), &rails).unwrap();
    assert_eq!(
        rows[2].resource.open,
        [
            "s3:ListBucket on a resource of another organization",
            "s3:ListBucket on a resource of an account without organization"
        ]
    );
}

#[test]
fn what_is_not_there_cannot_be_attached() {
    for (attachment, want) in [
        (("missing", "scp", "r-ab12"), "there is no policy `missing`"),
        (
            ("of-org", "scp", "Sales"),
            "there is no `Sales` in the tree",
        ),
        (("of-org", "rcp", "r-ab12"), "`of-org`: "),
        (("by-org", "scp", "r-ab12"), "`by-org`: "),
        (("by-org", "tag", "r-ab12"), "unknown variant `tag`"),
    ] {
        let error = survey(&[attachment]).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}, want {want}");
    }
}

#[test]
fn rings_and_strangers_are_refused() {
    let broken = |path: &str, value: Value| {
        let mut tree = json!({
            "organization": {"Id": "o-ab12cd34ef", "ManagementAccountId": "111111111111"},
            "root": "r-ab12",
            "ous": [{"Id": "ou-ab12-work0001", "Name": "W", "ParentId": "r-ab12"}],
            "accounts": [{"Id": "111111111111", "Name": "a", "ParentId": "ou-ab12-work0001"}],
        });
        *tree.pointer_mut(path).unwrap() = value;
        let error = Tree::read(&tree.to_string()).unwrap_err();
        format!("{} {}", error.code, error.pointer)
    };
    assert_eq!(
        broken("/ous/0/ParentId", json!("ou-ab12-work0001")),
        "E_GRAPH /accounts/0/ParentId"
    );
    assert_eq!(
        broken("/ous/0/ParentId", json!("ou-ab12-gone0001")),
        "E_ID /accounts/0/ParentId"
    );
    assert_eq!(broken("/ous/0/Id", json!("work")), "E_ID /ous/0/Id");
    assert_eq!(broken("/accounts/0/Id", json!("1x")), "E_ID /accounts/0/Id");
    assert_eq!(broken("/accounts", json!({})), "E_JSON ");
}
