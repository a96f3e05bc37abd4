//! Account access manager: applications, entitlements, refusals, and the file's statements
//! (`simulator.md` §2.10).

use hallpass_aws_sim::{Options, organization};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, options};

async fn call(bench: &Bench, operation: &str, input: Value) -> Answer {
    let call = format!("account-access/{operation}");
    bench.rest(&bench.signer, &call, input).await
}

async fn application(bench: &Bench) -> String {
    let instance = bench.simulator.identity_center().instance_arn;
    let source = json!({ "identitySource": { "identityCenter": { "instanceArn": instance } } });
    let made = call(bench, "applications", source).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json()["applicationArn"].as_str().unwrap().to_owned()
}

fn user(id: &str) -> Value {
    json!({ "identityCenter": { "userId": id } })
}

fn group(id: &str) -> Value {
    json!({ "identityCenter": { "groupId": id } })
}

async fn entitle(bench: &Bench, role: &str, principal: Value) -> (u16, String) {
    let input = json!({
        "applicationArn": application(bench).await,
        "entitlement": { "principalRole": { "principal": principal, "roleArn": role } },
    });
    let answer = call(bench, "entitlements", input).await;
    let id = answer.json()["entitlementId"].as_str().map(str::to_owned);
    (answer.status, id.unwrap_or_else(|| answer.outcome()))
}

fn stated() -> Options {
    let mut file = serde_json::to_value(organization::small()).unwrap();
    for index in 0..25 {
        let group = json!({ "name": format!("team-{index}") });
        let groups = file["identity_center"]["groups"].as_array_mut().unwrap();
        groups.push(group);
    }
    file["entitlements"] = json!([
        { "account": "payments-dev", "role": "tools/Reader", "group": "team-0" },
        { "account": "payments-dev", "role": "tools/Reader", "user_id": "11111111-2222-3333-4444-555555555555" },
    ]);
    Options {
        organization: organization::parse(&file.to_string()).unwrap(),
        ..options()
    }
}

fn group_id(bench: &Bench, name: &str) -> String {
    let groups = bench.file().identity_center.groups;
    let found = groups.into_iter().find(|row| row.name == name);
    found.unwrap().id
}

#[tokio::test]
async fn it_is_made_once_for_roles_that_trust_it_and_no_more_than_twenty_groups() {
    let bench = Bench::new(stated()).await;
    let account = bench.account("payments-dev");
    let role = format!("arn:aws:iam::{account}:role/tools/Reader");
    let ana = bench.user("mara.lindqvist");
    let (status, id) = entitle(&bench, &role, user(&ana)).await;
    assert_eq!(status, 200, "{id}");
    assert_eq!(entitle(&bench, &role, user(&ana)).await, (200, id));
    let rows = [
        (format!("arn:aws:iam::{account}:role/None"), user(&ana), 404),
        (
            format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole"),
            user(&ana),
            400,
        ),
        (
            role.clone(),
            user("11111111-2222-3333-4444-555555555556"),
            404,
        ),
        (role.clone(), json!({}), 400),
    ];
    for (role, whom, expected) in rows {
        let (status, said) = entitle(&bench, &role, whom).await;
        assert_eq!(status, expected, "{role}: {said}");
    }
    for index in 1..20 {
        let team = group_id(&bench, &format!("team-{index}"));
        bench.advance(1.0).await;
        let (status, said) = entitle(&bench, &role, group(&team)).await;
        assert_eq!(status, 200, "{index}: {said}");
    }
    let (status, _) = entitle(&bench, &role, group(&group_id(&bench, "team-20"))).await;
    assert_eq!(status, 402);
}

#[tokio::test]
async fn fifteen_writes_are_under_way_at_most() {
    let bench = Bench::new(stated()).await;
    let account = bench.account("payments-dev");
    let role = format!("arn:aws:iam::{account}:role/tools/Reader");
    let people = bench.file().identity_center.users;
    let mut statuses = Vec::new();
    for person in people.iter().take(16) {
        statuses.push(entitle(&bench, &role, user(&person.id)).await.0);
    }
    assert_eq!(statuses[..15], [200; 15]);
    assert_eq!(statuses[15], 429);
    bench.advance(1.0).await;
    assert_eq!(entitle(&bench, &role, user(&people[15].id)).await.0, 200);
}
