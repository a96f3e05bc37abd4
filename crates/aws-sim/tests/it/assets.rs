//! Stated workloads, shares and commitments. boto3 reads them in `e2e/readiness.py`.

use serde_json::{Value, json};

use crate::bench::Bench;

fn added() -> Value {
    json!({
        "workloads": [{
            "name": "shop", "account": "payments-prod", "region": "eu-west-1", "environment": "PRODUCTION",
            "updated": "2026-02-01T00:00:00Z", "shared_with": ["payments-dev"],
            "lenses": [{"alias": "wellarchitected", "risks": {"security": {"HIGH": 1}}}, {"alias": "serverless"}],
            "milestones": [{"name": "first", "at": "2026-02-01T00:00:00Z"}],
        }],
        "resource_shares": [{
            "name": "networks", "account": "payments-prod", "region": "eu-west-1",
            "principals": ["organization", "Sandbox", "payments-dev"], "resources": ["arn:aws:ec2:eu-west-1:1:subnet/subnet-1"],
        }],
        "commitments": [{"account": "payments-prod", "kind": "savings_plan", "id": "plan-1"}],
    })
}

#[tokio::test]
async fn what_is_nobodys_is_refused_with_its_place() {
    let bench = Bench::small().await;
    for (change, pointer) in [
        ("/workloads/0/account", "/workloads/0/account"),
        ("/workloads/0/shared_with/0", "/workloads/0/shared_with/0"),
        ("/resource_shares/0/account", "/resource_shares/0/account"),
        (
            "/resource_shares/0/principals/1",
            "/resource_shares/0/principals/1",
        ),
        ("/commitments/0/account", "/commitments/0/account"),
    ] {
        let mut file = added();
        *file.pointer_mut(change).unwrap() = json!("nobody");
        let (status, answer) = bench.control("POST", "/load?merge=1", file).await;
        assert_eq!(status, 400, "{change}: {answer}");
        assert!(answer.to_string().contains(pointer), "{change}: {answer}");
    }
}

#[tokio::test]
async fn transfers_of_the_bill_are_told_in_both_directions_with_what_is_asked() {
    let bench = Bench::small().await;
    let row = |id: &str, direction: &str, status: &str| {
        json!({ "id": id, "direction": direction, "other": "100000000050", "name": "group", "status": status,
            "start": "2026-04-01T00:00:00Z", "expires": "2026-03-20T00:00:00Z" })
    };
    let transfers = [
        row("rt-00000001", "inbound", "REQUESTED"),
        row("rt-00000002", "outbound", "ACCEPTED"),
        row("rt-00000003", "outbound", "REQUESTED"),
    ];
    let added = json!({ "organization": { "billing_transfers": transfers } });
    let (status, answer) = bench.control("POST", "/load?merge=1", added).await;
    assert_eq!(status, 200, "{answer}");
    let ask = async |operation: &str, input: Value| {
        let operation = format!("organizations:{operation}");
        bench.call(&operation, input).await.json()
    };
    let management = bench.file().organization.management_account;
    let billing = json!({ "Type": "BILLING" });
    let inbound = ask("ListInboundResponsibilityTransfers", billing.clone()).await;
    let inbound = &inbound["ResponsibilityTransfers"];
    assert_eq!(inbound.as_array().unwrap().len(), 1, "{inbound}");
    assert_eq!(inbound[0]["Source"]["ManagementAccountId"], "100000000050");
    assert_eq!(inbound[0]["Target"]["ManagementAccountId"], management);
    let outbound = ask("ListOutboundResponsibilityTransfers", billing).await;
    let outbound = &outbound["ResponsibilityTransfers"];
    let told: Vec<&Value> = outbound
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["Status"])
        .collect();
    assert_eq!(told, ["ACCEPTED", "REQUESTED"]);
    let filter = json!({ "Filter": { "ActionType": "TRANSFER_RESPONSIBILITY" } });
    let sent = ask("ListHandshakesForOrganization", filter.clone()).await;
    let sent = &sent["Handshakes"][0];
    assert_eq!(sent["Id"], inbound[0]["ActiveHandshakeId"], "{sent}");
    assert_eq!(
        (&sent["State"], &sent["Action"]),
        (&json!("REQUESTED"), &json!("TRANSFER_RESPONSIBILITY"))
    );
    let received = ask("ListHandshakesForAccount", filter).await;
    let parties: Vec<&Value> = received["Handshakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["Parties"][1]["Id"])
        .collect();
    assert_eq!(parties, [&json!(management), &json!(management)]);
    let invited = json!({ "Filter": { "ActionType": "INVITE" } });
    let none = ask("ListHandshakesForAccount", invited).await;
    assert_eq!(none["Handshakes"], json!([]));
}
