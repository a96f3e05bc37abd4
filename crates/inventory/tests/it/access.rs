//! Access of the fixture's people (`inventory.md` §3.1).

use hallpass_inventory::{
    AccessGraph, AccessSnapshot, Cell, HoldingGrant, effective, import, table, who,
};
use serde_json::{Value, json};

use crate::documents::fixture;

fn as_expected(row: &impl serde::Serialize, expected: &Value) -> Value {
    let row = serde_json::to_value(row).unwrap();
    let names = expected.as_object().unwrap().keys();
    Value::Object(names.map(|it| (it.clone(), row[it].clone())).collect())
}

#[test]
fn every_path_and_every_finding_of_the_fixture() {
    let fixture = fixture("inventory-who.json");
    let rows = import(&fixture).unwrap().rows;
    let grants = fixture["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| HoldingGrant {
            id: it["grant_id"].as_str().unwrap().to_owned(),
            expires_at: it["expires_at"].as_str().unwrap().parse().unwrap(),
        });
    let report = who(&rows, &grants.collect::<Vec<_>>());
    let expected = &fixture["expected"];
    let wanted = expected["rows"].as_array().unwrap();
    assert_eq!(report.paths.len(), wanted.len());
    for (found, wanted) in report.paths.iter().zip(wanted) {
        assert_eq!(as_expected(found, wanted), *wanted);
    }
    let wanted = expected["findings"].as_array().unwrap();
    assert_eq!(report.findings.len(), wanted.len());
    for (found, wanted) in report.findings.iter().zip(wanted) {
        assert_eq!(as_expected(found, wanted), *wanted);
    }
    let folded = effective(&report.paths);
    assert_eq!(expected["effective_count"], folded.len());
    let alice = folded
        .iter()
        .find(|it| it.person.user_name.as_deref() == Some("alice"));
    assert_eq!(alice.unwrap().via, "direct;group:Developers");
}

#[test]
fn columns_that_are_not_named_change_nothing() {
    let mut rows = import(&fixture("inventory-who.json")).unwrap().rows;
    let whole = AccessGraph::new(&rows, &[]);
    let mut emptied = 0;
    for (name, of_table) in &mut rows {
        let columns = AccessSnapshot::columns(name);
        assert_eq!(columns.is_empty(), !AccessSnapshot::TABLES.contains(name));
        for (cell, column) in of_table.iter_mut().flat_map(|row| {
            let named = table(name).unwrap().columns;
            row.iter_mut().zip(named)
        }) {
            if !columns.contains(&column.name) {
                emptied += usize::from(*cell != Cell::Null);
                *cell = Cell::Null;
            }
        }
    }
    assert!(emptied > 0);
    assert_eq!(AccessGraph::new(&rows, &[]), whole);
    for name in AccessSnapshot::TABLES {
        let table = table(name).unwrap();
        for column in AccessSnapshot::columns(name) {
            assert!(table.column(column).is_some(), "{name}.{column}");
        }
    }
}

#[test]
fn an_entitlement_is_a_path_of_its_own() {
    let arn = "arn:aws:iam::1:role/vendors/Reader";
    let entitled = |id: &str, kind: &str, principal: &str| {
        json!({"entitlement_id": id, "application_arn": "a", "role_arn": arn, "account_id": "1",
            "principal_type": kind, "principal_id": principal, "principal_exists": principal != "gone"})
    };
    let document = json!({"tables": {
        "aws_organizations_accounts": [{"id": "1", "name": "Shop", "state": "ACTIVE"}],
        "aws_identitystore_users": [{"identity_store_id": "d", "user_id": "u", "idc_user_name": "ana"}],
        "aws_identitystore_groups": [{"identity_store_id": "d", "group_id": "g", "display_name": "G"}],
        "aws_identitystore_group_memberships": [{"group_id": "g", "member_user_id": "u"}],
        "aws_ssoadmin_permission_sets": [{"permission_set_arn": "p", "permission_set_name": "Reader"}],
        "aws_ssoadmin_account_assignments": [
            {"permission_set_arn": "p", "account_id": "1", "principal_type": "USER", "principal_id": "u"},
        ],
        "aws_account_access_entitlements": [entitled("e1", "USER", "u"), entitled("e2", "GROUP", "g"),
            entitled("e3", "USER", "gone")],
    }});
    let report = who(&import(&document).unwrap().rows, &[]);
    let path = |it: &_| {
        let it = serde_json::to_value(it).unwrap();
        let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
        [
            "user_name",
            "via",
            "permission_set",
            "permission_set_arn",
            "role_name",
            "role_arn",
        ]
        .map(text)
        .join(" ")
    };
    let paths: Vec<String> = report.paths.iter().map(path).collect();
    let role = format!("- - Reader {arn}");
    assert_eq!(
        paths,
        [
            "ana direct Reader p - -".to_owned(),
            format!("ana entitlement {role}"),
            format!("ana entitlement:group:G {role}"),
        ]
    );
    let folded = effective(&report.paths);
    assert_eq!(folded.len(), 2);
    assert_eq!(folded[1].via, "entitlement;entitlement:group:G");
    let found = report
        .findings
        .iter()
        .map(|it| serde_json::to_value(it).unwrap());
    let found: Vec<_> = found
        .map(|it| {
            format!(
                "{} {} {}",
                it["kind"], it["permission_set"], it["role_name"]
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "\"direct_user\" \"Reader\" null",
            "\"direct_user\" null \"Reader\"",
            "\"orphaned\" null \"Reader\"",
        ]
    );
}

#[test]
fn a_member_that_is_no_user_is_said_and_not_followed() {
    let document = json!({"tables": {
        "aws_identitystore_groups": [{"identity_store_id": "d", "group_id": "g", "display_name": "G"}],
        "aws_identitystore_group_memberships": [{"group_id": "g", "member_user_id": "other-group"}],
        "aws_organizations_accounts": [{"id": "1", "state": "ACTIVE"}],
        "aws_ssoadmin_account_assignments": [
            {"permission_set_arn": "p", "account_id": "1", "principal_type": "GROUP", "principal_id": "g"},
        ],
    }});
    let report = who(&import(&document).unwrap().rows, &[]);
    assert_eq!(report.paths.len(), 1);
    assert_eq!(report.paths[0].person.user_id, None);
    let kinds: Vec<_> = report
        .findings
        .iter()
        .map(|it| serde_json::to_value(it.kind).unwrap())
        .collect();
    assert_eq!(kinds, ["unexpected_member"]);
}
