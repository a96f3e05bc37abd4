use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::{DirectorySource, PeopleQuestion, PeopleSource};
use hallpass_rules::{PersonAttribute, PersonAttributes};
use serde_json::{Value, json};

use super::Inventory;
use crate::fake::{Fake, FakeAnswer, error};

const ANA: &str = "11111111-1111-4111-8111-111111111111";

fn ana(extended: bool) -> Value {
    let mut user = json!({
        "IdentityStoreId": "d-1111111111", "UserId": ANA, "UserName": "ana", "UserStatus": "ENABLED",
        "UserArn": "arn:aws:identitystore:::user/ana", "Revision": "1", "Title": "Engineer",
    });
    if extended {
        user["Extensions"] = json!({"aws:identitystore:enterprise": {
            "department": "Payments", "costCenter": 4711, "manager": {"value": "bo", "displayName": "Bo"},
        }});
    }
    user
}

fn asks_for_more(input: &Value) -> bool {
    input["Extensions"] == json!(["aws:identitystore:enterprise"])
}

fn answer(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let user = ana(asks_for_more(input));
    match operation {
        "ListUsers" => Some((200, json!({ "Users": [user] }))),
        "DescribeUser" => Some((200, user)),
        _ => None,
    }
}

fn refusing(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let is_of_people = ["ListUsers", "DescribeUser"].contains(&operation);
    if is_of_people && asks_for_more(input) {
        return Some(error("ValidationException", "Extensions"));
    }
    answer(operation, input)
}

async fn inventory(fake: &Arc<Fake>, wanted: &[PersonAttribute]) -> Inventory {
    let wanted: BTreeSet<_> = wanted.iter().copied().collect();
    Inventory::new(Arc::new(fake.connect().await), Arc::new(BTreeSet::new))
        .with_attributes(Arc::new(move || wanted.clone()))
}

fn read(of: &[(PersonAttribute, Option<&str>)]) -> PersonAttributes {
    let mut attributes = PersonAttributes::default();
    for (attribute, value) in of {
        attributes.read(*attribute, *value);
    }
    attributes
}

async fn all_three(inventory: &Inventory) -> [PersonAttributes; 3] {
    let user = ANA.parse().unwrap();
    let of =
        |directory: &hallpass_rules::Directory| directory.person(&user).unwrap().attributes.clone();
    let listed = of(&inventory.refresh().await.unwrap());
    let asked = of(&inventory.refresh_person(&user).await.unwrap());
    let looked = inventory
        .look_at(&BTreeSet::from([user.clone()]), PeopleQuestion::AreThere)
        .await;
    [listed, asked, of(&looked.directory)]
}

#[tokio::test(start_paused = true)]
async fn what_rules_name_is_read_and_nothing_else() {
    use PersonAttribute::{CostCenter, Department, Division, Manager, Title};
    for (wanted, expected, more) in [
        (&[][..], read(&[]), false),
        (&[Title], read(&[(Title, Some("Engineer"))]), false),
        (
            &[Title, Department, Division],
            read(&[
                (Title, Some("Engineer")),
                (Department, Some("Payments")),
                (Division, None),
            ]),
            true,
        ),
        (
            &[Manager, CostCenter],
            read(&[(Manager, Some("bo")), (CostCenter, None)]),
            true,
        ),
    ] {
        let fake = Fake::new(answer);
        let inventory = inventory(&fake, wanted).await;
        for found in all_three(&inventory).await {
            assert_eq!(found, expected, "{wanted:?}");
        }
        for operation in ["ListUsers", "DescribeUser"] {
            let asked = asks_for_more(&fake.last(operation));
            assert_eq!(asked, more, "{operation}: {wanted:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_aws_refuses_the_extension_its_attributes_are_unread_and_people_are_known() {
    use PersonAttribute::{Department, Title};
    let fake = Fake::new(refusing);
    let inventory = inventory(&fake, &[Title, Department]).await;
    for found in all_three(&inventory).await {
        assert_eq!(found, read(&[(Title, Some("Engineer"))]));
    }
}
