use hallpass_aws_model::{check_error, check_output, tables};
use serde_json::{Value, json};

use crate::find;

#[test]
fn differences_are_named() {
    let user = json!({"UserId": "u", "IdentityStoreId": "d-1234567890"});
    let rows: [(&str, Value, &[&str]); 8] = [
        ("organizations ListAccounts", json!({"Accounts": []}), &[]),
        (
            "organizations ListAccounts",
            json!({}),
            &["`Accounts` is missing: a page always has its list"],
        ),
        (
            "organizations ListAccounts",
            json!({"Accounts": [{"Id": 1, "Status": "ASLEEP", "Color": "red"}], "NextToken": null}),
            &[
                "`Accounts.0.Id` should be a string",
                "`Accounts.0.Status` should be one of [ACTIVE, SUSPENDED, PENDING_CLOSURE]",
                "`Accounts.0.Color` is not in the model",
                "`NextToken` is null; leave it out",
            ],
        ),
        ("organizations MoveAccount", json!({}), &[]),
        ("organizations MoveAccount", json!(null), &[]),
        (
            "organizations MoveAccount",
            json!({"a": 1}),
            &["`the answer` should be empty: the operation has no output"],
        ),
        (
            "organizations ListAccounts",
            json!([]),
            &[
                "`the answer` should be a structure",
                "`Accounts` is missing: a page always has its list",
            ],
        ),
        (
            "identitystore ListUsers",
            json!({"Users": [user]}),
            &[
                "`Users.0.UserArn` is missing",
                "`Users.0.Revision` is missing",
            ],
        ),
    ];
    for (name, output, expected) in rows {
        let (service, operation) = find(name);
        let found = check_output(service, operation, &output)
            .err()
            .unwrap_or_default();
        let mut found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name} {output}");
    }
}

#[test]
fn errors_are_held_against_their_shape() {
    let service = tables().service("identitystore").unwrap();
    let good = json!({"Message": "m", "Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"});
    assert_eq!(check_error(service, "ConflictException", &good), Ok(()));
    assert!(check_error(service, "ConflictException", &json!({"message": "m"})).is_err());
    assert!(check_error(service, "Nothing", &json!({})).is_err());
}
