//! Updates of the identity store, and directory ownership.

use hallpass_aws_sim::{Options, organization::small};
use serde_json::{Value, json};

use crate::bench::{Bench, options};

fn update(id: (&str, &str), path: &str, value: &Value) -> Value {
    let operation = json!({ "AttributePath": path, "AttributeValue": value });
    json!({ id.0: id.1, "Operations": [operation] })
}

#[tokio::test]
async fn an_update_takes_what_a_create_takes() {
    let bench = Bench::small().await;
    let user = bench.user("mara.lindqvist");
    let group = bench.file().identity_center.groups[0].id.clone();
    let email = |text: &str| json!({ "value": text, "type": "work", "primary": true });
    let (user, group) = (("UserId", user.as_str()), ("GroupId", group.as_str()));
    let describe = async |id: (&str, &str)| {
        let operation = format!("identitystore:Describe{}", id.0.trim_end_matches("Id"));
        bench.call(&operation, json!({ id.0: id.1 })).await.json()
    };
    let no = "ValidationException";
    for (id, path, value, expected) in [
        (user, "title", json!(5), no),
        (user, "title", json!(""), no),
        (user, "displayName", json!({ "a": 1 }), no),
        (user, "name", json!("x"), no),
        (user, "name.givenName", json!(7), no),
        (user, "emails", json!([]), no),
        (user, "emails", json!("a@example.com"), no),
        (
            user,
            "emails",
            json!([email("a@example.com"), email("b@example.com")]),
            no,
        ),
        (user, "userName", json!(["x"]), no),
        (user, "userStatus", json!("ASLEEP"), no),
        (user, "userStatus", json!(true), no),
        (group, "description", json!(5), no),
        (group, "displayName", json!([]), no),
        (user, "title", json!("Chief"), "ok"),
        (user, "emails", json!([email("a@example.com")]), "ok"),
        (
            user,
            "aws:identitystore:enterprise.department",
            json!("x"),
            "ok",
        ),
        (user, "userStatus", json!("DISABLED"), "ok"),
        (group, "description", json!("of all"), "ok"),
    ] {
        let before = describe(id).await;
        let operation = format!("identitystore:Update{}", id.0.trim_end_matches("Id"));
        let answer = bench.call(&operation, update(id, path, &value)).await;
        assert_eq!(answer.outcome(), expected, "{path} {value} {}", answer.text);
        let is_same = describe(id).await == before;
        assert_eq!(is_same, expected == no, "{path} {value}");
    }
}

#[tokio::test]
async fn the_principals_of_an_active_directory_are_not_read_here() {
    let mut organization = small();
    organization.identity_center.source = Some("active_directory".to_owned());
    let bench = Bench::new(Options {
        organization,
        ..options()
    })
    .await;
    let user = json!({ "UserId": bench.user("mara.lindqvist") });
    for (operation, input) in [
        ("DescribeUser", user),
        ("ListUsers", json!({})),
        ("ListGroups", json!({})),
    ] {
        let answer = bench
            .call(&format!("identitystore:{operation}"), input)
            .await;
        assert_eq!(answer.outcome(), "ResourceNotFoundException", "{operation}");
    }
}
