//! Invitations of other organizations to this one's accounts. boto3 reads them in
//! `e2e/readiness.py`.

use serde_json::{Value, json};

use crate::bench::{Bench, Signer};
use crate::evaluation::{attach, deny};

const LIST: &str = "organizations:ListHandshakesForAccount";

/// Ten days after the start.
const OPEN: &str = "2026-11-30T07:27:43Z";

fn invitation(id: &str, more: Value) -> Value {
    let mut row = json!({ "id": id, "account": "payments-prod", "organization": "o-theirs00000", "management": "999999999999",
        "name": "Theirs", "email": "theirs@other.example", "expires": OPEN });
    let more = more.as_object().unwrap().clone();
    row.as_object_mut().unwrap().extend(more);
    row
}

async fn load(bench: &Bench, rows: &[Value]) -> (u16, Value) {
    let part = json!({ "organization": { "invitations": rows } });
    bench.control("POST", "/load?merge=1", part).await
}

async fn invited(rows: &[Value]) -> (Bench, Signer) {
    let bench = Bench::small().await;
    let (status, answer) = load(&bench, rows).await;
    assert_eq!(status, 200, "{answer}");
    let member = bench.member("payments-prod");
    (bench, member)
}

async fn handshakes(bench: &Bench, signer: &Signer, input: Value) -> Vec<Value> {
    let answer = bench.call_as(signer, LIST, input).await;
    assert_eq!(answer.outcome(), "ok", "{}", answer.text);
    answer.json()["Handshakes"].as_array().unwrap().clone()
}

fn states(rows: &[Value]) -> Vec<(&str, &str)> {
    rows.iter()
        .map(|it| (it["Id"].as_str().unwrap(), it["State"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_account_alone_is_shown_who_invited_it() {
    let rows = [
        invitation("h-aaaaaaaa", json!({})),
        invitation("h-bbbbbbbb", json!({ "by_email": true })),
        invitation("h-cccccccc", json!({ "account": "payments-dev" })),
    ];
    let (bench, member) = invited(&rows).await;
    let found = handshakes(&bench, &member, json!({})).await;
    assert_eq!(
        states(&found),
        [("h-aaaaaaaa", "OPEN"), ("h-bbbbbbbb", "OPEN")]
    );
    let (first, second) = (&found[0], &found[1]);
    assert_eq!(
        first["Arn"],
        "arn:aws:organizations::999999999999:handshake/o-theirs00000/invite/h-aaaaaaaa"
    );
    let sender = json!({ "Id": "o-theirs00000", "Type": "ORGANIZATION" });
    let id = bench.account("payments-prod");
    assert_eq!(
        first["Parties"],
        json!([sender, { "Id": id, "Type": "ACCOUNT" }])
    );
    let address = bench.open_accounts();
    let address = &address.iter().find(|it| it.id == id).unwrap().email;
    assert_eq!(
        second["Parties"],
        json!([sender, { "Id": address, "Type": "EMAIL" }])
    );
    assert_eq!(first["Action"], "INVITE");
    let about = &first["Resources"][0];
    assert_eq!(about["Value"], "o-theirs00000");
    assert_eq!(
        about["Resources"][0],
        json!({ "Type": "MASTER_EMAIL", "Value": "theirs@other.example" })
    );
    let lasts = first["ExpirationTimestamp"].as_f64().unwrap()
        - first["RequestedTimestamp"].as_f64().unwrap();
    assert!((lasts - 15.0 * 86_400.0).abs() < 1.0, "{first}");
    let management = bench.call(LIST, json!({})).await.json();
    assert_eq!(management["Handshakes"], json!([]));
    let sent = bench.call("organizations:ListHandshakesForOrganization", json!({}));
    assert_eq!(sent.await.json()["Handshakes"], json!([]));
    let other = bench.member("payments-dev");
    let theirs = handshakes(&bench, &other, json!({})).await;
    assert_eq!(states(&theirs), [("h-cccccccc", "OPEN")]);
}

#[tokio::test]
async fn a_delegated_administrator_is_not_shown_those_of_the_management_account() {
    let (bench, _) = invited(&[]).await;
    let delegate = json!({ "service": "sso.amazonaws.com", "account": "shared-services" });
    bench.mutate(json!({ "delegate": delegate })).await;
    let transfer = json!({ "id": "rt-00000001", "direction": "outbound", "other": "100000000050", "name": "group",
        "status": "REQUESTED", "start": "2026-12-01T00:00:00Z" });
    let part = json!({ "organization": { "billing_transfers": [transfer] } });
    let (status, answer) = bench.control("POST", "/load?merge=1", part).await;
    assert_eq!(status, 200, "{answer}");
    let management = bench.call(LIST, json!({})).await.json();
    assert_eq!(management["Handshakes"].as_array().unwrap().len(), 1);
    let administrator = bench.member("shared-services");
    let found = handshakes(&bench, &administrator, json!({})).await;
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn policies_decide_and_others_are_not_opened_by_it() {
    let (bench, member) = invited(&[invitation("h-aaaaaaaa", json!({}))]).await;
    let listing = bench
        .call_as(
            &member,
            "organizations:ListHandshakesForOrganization",
            json!({}),
        )
        .await;
    assert_eq!(listing.outcome(), "AccessDeniedException");
    let policy = deny("organizations:ListHandshakesForAccount");
    attach(&bench, &bench.account("payments-prod"), &policy).await;
    let denied = bench.call_as(&member, LIST, json!({})).await;
    assert_eq!(denied.outcome(), "AccessDeniedException", "{}", denied.text);
}

#[tokio::test]
async fn they_go_out_by_ids_and_nobodys_are_refused_with_their_place() {
    let (bench, _) = invited(&[invitation("h-aaaaaaaa", json!({}))]).await;
    let (_, before) = bench.control("GET", "/state?full=1", Value::Null).await;
    let file = &before["file"];
    let own = &file["organization"]["invitations"][0];
    assert_eq!(own["account"], json!(bench.account("payments-prod")));
    let (status, answer) = bench.control("POST", "/load", file.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(before["file"], after["file"]);
    for (more, pointer) in [
        (
            json!({ "account": "nobody" }),
            "/organization/invitations/0/account",
        ),
        (
            json!({ "state": "SENT" }),
            "/organization/invitations/0/state",
        ),
        (
            json!({ "expires": "soon" }),
            "/organization/invitations/0/expires",
        ),
    ] {
        let (status, answer) = load(&bench, &[invitation("h-aaaaaaaa", more.clone())]).await;
        assert_eq!(status, 400, "{more}: {answer}");
        assert!(answer.to_string().contains(pointer), "{more}: {answer}");
    }
}
