//! Rows 8 to 10 of the table of `organization.md` §1: events of Account Factory.

use hallpass_org::vending::{FactoryEvent, RowInFlight, RowResult, RowStatus};
use serde_json::{Value, json};

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../docs/spec/fixtures/org-ct-{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn rows() -> Vec<RowInFlight> {
    let row = |number| RowInFlight {
        number,
        account_name: format!("Test-account-{}", number - 1),
        account_id: None,
    };
    (2..=4).map(row).collect()
}

/// What an event makes of which row; the row is no longer in flight after it.
fn take(event: &Value, in_flight: &mut Vec<RowInFlight>) -> Option<(usize, RowResult)> {
    let event = FactoryEvent::read(event)?;
    let number = event.row(in_flight)?.number;
    in_flight.retain(|row| row.number != number);
    Some((number, event.result()))
}

#[test]
fn row_8_an_update_ends_the_wait_as_a_creation_does() {
    for name in ["update-succeeded", "create-succeeded"] {
        let envelope = event(name);
        let read = FactoryEvent::read(&envelope).unwrap();
        let (number, result) = take(&envelope, &mut rows()).unwrap();
        assert_eq!(result.status, RowStatus::Assigning, "{name}");
        assert_eq!(result.account_id.len(), 12, "{name}");
        assert_eq!(
            read.account_name,
            format!("Test-account-{}", number - 1),
            "{name}"
        );
    }
}

#[test]
fn row_9_a_failure_without_an_account_keeps_its_message() {
    let (number, result) = take(&event("create-failed"), &mut rows()).unwrap();
    assert_eq!(number, 3);
    let message = "AWS Control Tower failed to create the account: sample reason.";
    let expected = RowResult {
        error: message.to_owned(),
        ..RowResult::of(RowStatus::Failed)
    };
    assert_eq!(result, expected);
}

#[test]
fn row_10_a_second_delivery_and_an_unknown_account_change_nothing() {
    let mut in_flight = rows();
    assert!(take(&event("create-succeeded"), &mut in_flight).is_some());
    assert_eq!(in_flight.len(), 2);
    for name in ["create-succeeded", "unknown-account"] {
        assert_eq!(take(&event(name), &mut in_flight), None, "{name}");
    }
    assert_eq!(in_flight.len(), 2);
}

#[test]
fn a_row_whose_account_was_renamed_is_found_by_its_id() {
    let mut envelope = event("update-succeeded");
    let event = FactoryEvent::read(&envelope).unwrap();
    let row = RowInFlight {
        number: 9,
        account_name: "another".to_owned(),
        account_id: event.account_id.clone(),
    };
    assert_eq!(event.row(std::slice::from_ref(&row)), Some(&row));
    // neither has an id: nothing says that they are the same
    envelope["detail"]["serviceEventDetails"]["updateManagedAccountStatus"]["account"] =
        json!({"accountName": "x"});
    let nameless = RowInFlight {
        account_id: None,
        ..row
    };
    assert_eq!(
        FactoryEvent::read(&envelope).unwrap().row(&[nameless]),
        None
    );
}

#[test]
fn what_is_about_something_else_is_not_read() {
    let whole = event("create-succeeded");
    let changes = [
        ("/source", "aws.ec2"),
        ("/detail-type", "Scheduled Event"),
        ("/detail/eventName", "RegisterOrganizationalUnit"),
        (
            "/detail/serviceEventDetails/createManagedAccountStatus/state",
            "RUNNING",
        ),
    ];
    for (pointer, text) in changes {
        let mut other = whole.clone();
        *other.pointer_mut(pointer).unwrap() = json!(text);
        assert_eq!(FactoryEvent::read(&other), None, "{pointer}");
    }
    assert_eq!(FactoryEvent::read(&json!(null)), None);
}
