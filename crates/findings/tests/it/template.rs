//! Template for `CloudFormation`: rules match our patterns, only these send to the queue, and the
//! role allows exactly the calls made.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_findings::events::{EventHandler as _, read_event};
use hallpass_findings::{
    ENRICH_ACTIONS, EnrichSettings, FindingHandler, QUEUE_ACTIONS, management_template,
    rule_pattern, template,
};
use serde_json::{Value, json};

use crate::world::{World, findings, wanted};

fn of_kind<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(|(_, it)| it["Type"] == kind)
        .map(|(name, it)| (name, &it["Properties"]))
        .collect()
}

#[test]
fn its_rules_send_what_we_take_and_nobody_else_sends() {
    let template = template();
    let rules = of_kind(&template, "AWS::Events::Rule");
    assert_eq!(rules[0].1["EventPattern"], rule_pattern());
    let handler = FindingHandler::new(
        Arc::new(World::new().enricher(EnrichSettings::default())),
        |_| {},
    );
    for (name, rule) in &rules {
        let pattern = &rule["EventPattern"];
        for source in pattern["source"].as_array().unwrap() {
            for kind in pattern["detail-type"].as_array().unwrap() {
                let takes = handler.takes(source.as_str().unwrap(), kind.as_str().unwrap());
                assert!(takes, "{name}: {pattern}");
            }
        }
        assert_eq!(
            rule["Targets"][0]["Arn"],
            json!({ "Fn::GetAtt": ["Events", "Arn"] })
        );
    }
    let (_, policy) = of_kind(&template, "AWS::SQS::QueuePolicy")[0];
    let statement = &policy["PolicyDocument"]["Statement"][0];
    let senders = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        .as_array()
        .unwrap();
    let expected: Vec<Value> = rules
        .iter()
        .map(|(name, _)| json!({ "Fn::GetAtt": [name, "Arn"] }))
        .collect();
    assert_eq!(*senders, expected);
    let queues = of_kind(&template, "AWS::SQS::Queue");
    assert_eq!(queues.len(), 2, "a queue and its dead letters");
}

/// Account changes arrive only in `us-east-1` of the management account: rules there forward them
/// to the queue's bus.
#[test]
fn changes_of_accounts_are_sent_on_from_where_they_come() {
    let (template, management) = (template(), management_template());
    let is_change = |(name, _): &(&String, &Value)| name.starts_with("ChangedAccounts");
    let of = |it| {
        of_kind(it, "AWS::Events::Rule")
            .into_iter()
            .filter(is_change)
    };
    let pattern = |(_, rule): (&String, &Value)| rule["EventPattern"].clone();
    let sent: Vec<Value> = of(&management).map(pattern).collect();
    assert_eq!(sent, of(&template).map(pattern).collect::<Vec<_>>());
    let names = sent
        .iter()
        .flat_map(|it| it["detail"]["eventName"].as_array().unwrap());
    let names: BTreeSet<&str> = names.filter_map(Value::as_str).collect();
    for missing in [
        "PutAccountName",
        "UpdateOrganizationalUnit",
        "AccountJoinedOrganization",
        "AccountDepartedOrganization",
    ] {
        assert!(names.contains(missing), "{missing}: {names:?}");
    }
    for (_, rule) in of(&management) {
        let target = &rule["Targets"][0];
        assert_eq!(target["Arn"], json!({ "Ref": "Bus" }));
        assert_eq!(
            target["RoleArn"],
            json!({ "Fn::GetAtt": ["Sender", "Arn"] })
        );
    }
    let (_, role) = of_kind(&management, "AWS::IAM::Role")[0];
    let statement = &role["Policies"][0]["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Action"], json!(["events:PutEvents"]));
    assert_eq!(statement["Resource"], json!({ "Ref": "Bus" }));
    let place = &management["Rules"]["Place"]["Assertions"][0]["Assert"];
    let expected = json!({ "Fn::Equals": [{ "Ref": "AWS::Region" }, "us-east-1"] });
    assert_eq!(*place, expected);
    let (_, bus) = of_kind(&template, "AWS::Events::EventBusPolicy")[0];
    assert_eq!(
        bus["Statement"]["Resource"],
        template["Outputs"]["BusArn"]["Value"]
    );
    let principal = bus["Statement"]["Principal"]["AWS"].to_string();
    assert!(principal.contains("ManagementAccount"), "{principal}");
}

fn changes(account: &str) -> Vec<(&'static str, &'static str, Value, bool)> {
    let other = "999999999999";
    let call = |name: &str, parameters: Value| json!({ "eventName": name, "requestParameters": parameters });
    let service =
        |name: &str, details: Value| json!({ "eventName": name, "serviceEventDetails": details });
    let (by_call, by_service) = (
        "AWS API Call via CloudTrail",
        "AWS Service Event via CloudTrail",
    );
    let (organizations, accounts) = ("aws.organizations", "aws.account");
    vec![
        (
            accounts,
            by_call,
            call("PutAccountName", json!({ "accountId": account })),
            true,
        ),
        (
            accounts,
            by_call,
            call("PutAccountName", json!({ "accountId": other })),
            false,
        ),
        (
            accounts,
            by_call,
            call("GetAccountInformation", json!({ "accountId": account })),
            false,
        ),
        (
            organizations,
            by_call,
            call(
                "UpdateOrganizationalUnit",
                json!({ "organizationalUnitId": "ou-ab12-cdef3456" }),
            ),
            true,
        ),
        (
            organizations,
            by_service,
            service(
                "AccountDepartedOrganization",
                json!({ "accountId": account }),
            ),
            true,
        ),
        (
            organizations,
            by_service,
            service("AccountJoinedOrganization", json!({})),
            true,
        ),
        (
            organizations,
            by_call,
            call("AccountJoinedOrganization", json!({ "accountId": account })),
            false,
        ),
    ]
}

/// `organization.md` E-4
#[tokio::test]
async fn what_changes_an_account_makes_it_be_read_anew() {
    let all = findings("org-sh-imported");
    let account = wanted(&all)[0].account.clone();
    for (source, kind, detail, is_read) in changes(account.as_str()) {
        let world = World::new();
        let enricher = Arc::new(world.enricher(EnrichSettings::default()));
        enricher.enrich(&wanted(&all)).await;
        let looked = || world.inputs("DescribeAccount").len();
        let before = looked();
        let body = json!({
            "version": "0", "id": "e-1", "source": source, "detail-type": kind, "account": "111111111111",
            "time": "2026-03-02T10:05:00Z", "region": "us-east-1", "resources": [], "detail": detail,
        });
        let event = read_event(&body.to_string()).unwrap();
        FindingHandler::new(Arc::clone(&enricher), |_| {})
            .handle(&[event])
            .await;
        world.stand(&all);
        enricher.enrich(&wanted(&all)).await;
        assert_eq!(looked() > before, is_read, "{body}");
    }
}

#[tokio::test]
async fn its_role_may_do_what_enriching_calls_and_no_more() {
    let template = template();
    let (_, role) = of_kind(&template, "AWS::IAM::Role")[0];
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap();
    let named = |at: usize| -> BTreeSet<String> {
        let actions = statements[at]["Action"].as_array().unwrap().iter();
        actions.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named(1), QUEUE_ACTIONS.map(str::to_owned).into());
    assert_eq!(
        statements[1]["Resource"],
        json!({ "Fn::GetAtt": ["Events", "Arn"] })
    );
    let world = World::new();
    let all = findings("org-sh-imported");
    world
        .enricher(EnrichSettings::default())
        .enrich(&wanted(&all))
        .await;
    let script = world.script.lock().unwrap();
    let called: BTreeSet<&str> = script
        .calls
        .iter()
        .map(|(operation, _)| operation.as_str())
        .collect();
    // any credentials may query their identity
    let called: BTreeSet<&str> = called
        .into_iter()
        .filter(|it| *it != "GetCallerIdentity")
        .collect();
    let allowed = ENRICH_ACTIONS.map(|it| it.split_once(':').unwrap().1);
    assert_eq!(called, allowed.into());
    assert_eq!(named(0), ENRICH_ACTIONS.map(str::to_owned).into());
}
