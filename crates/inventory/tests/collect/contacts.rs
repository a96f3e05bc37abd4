use hallpass_inventory::SyncGroup;
use serde_json::{Value, json};

use crate::world::{MANAGEMENT, SUSPENDED, World, collected, denied};

const CONTACTS: [SyncGroup; 1] = [SyncGroup::Contacts];

#[tokio::test]
async fn an_absent_contact_is_a_row_without_values() {
    let world = World::default();
    let kept = collected(&world, &CONTACTS).await;
    let rows = kept.rows("aws_alternate_contacts");
    let active = world.accounts.iter().filter(|it| *it != SUSPENDED);
    let mut of: Vec<(String, String, Value)> = Vec::new();
    for account in active {
        for kind in ["BILLING", "OPERATIONS", "SECURITY"] {
            let is_none = account.ends_with('3') || account.ends_with('2') && kind == "BILLING";
            let mail = if is_none {
                Value::Null
            } else {
                json!(format!("{kind}@example.test"))
            };
            of.push((account.clone(), kind.to_owned(), mail));
        }
    }
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let found = rows.iter().map(|it| {
        let mail = it["email"].clone();
        (
            text(it, "contact_account_id"),
            text(it, "contact_type"),
            mail,
        )
    });
    assert_eq!(found.collect::<Vec<_>>(), of);
    assert_eq!(rows[0]["title"], "Accounts");
    assert_eq!(world.count("GetAlternateContact"), of.len());
    let rows = kept.rows("aws_primary_contacts");
    assert_eq!(rows.len(), world.accounts.len() - 1);
    assert_eq!(rows[0]["address_lines"], json!(["A street", "third floor"]));
    assert_eq!(rows[0]["phone"], "+1 555 0100");
    let (phone, lines) = (&rows[2]["phone"], &rows[2]["address_lines"]);
    assert_eq!((phone, lines), (&Value::Null, &Value::Null));
}

/// A refused contact is not absent, and does not affect other slices.
#[tokio::test]
async fn a_refused_contact_fails_its_slice_alone() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            (operation == "GetContactInformation").then(|| denied(operation))
        }),
        ..World::default()
    };
    let kept = collected(&world, &CONTACTS).await;
    let failed = kept.failed();
    assert_eq!(failed.len(), world.accounts.len() - 1);
    let tables = failed.keys().map(|it| it.table.as_str());
    assert!(tables.clone().all(|it| it == "aws_primary_contacts"));
    assert!(failed.values().all(|it| it.code == "AccessDenied"));
    assert!(kept.rows("aws_primary_contacts").is_empty());
    let of_management = kept.rows("aws_alternate_contacts").into_iter();
    let of_management = of_management.filter(|it| it["contact_account_id"] == MANAGEMENT);
    assert_eq!(of_management.count(), 3);
}
