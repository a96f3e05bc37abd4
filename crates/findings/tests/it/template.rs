//! The template for `CloudFormation`: its rules are those that we write patterns for, only these send to the queue, and its
//! role may do what is called and no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_events::EventHandler as _;
use hallpass_findings::{
    ENRICH_ACTIONS, EnrichSettings, FindingHandler, QUEUE_ACTIONS, rule_pattern, template,
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
    // whoever has credentials may ask whose they are
    let called: BTreeSet<&str> = called
        .into_iter()
        .filter(|it| *it != "GetCallerIdentity")
        .collect();
    let allowed = ENRICH_ACTIONS.map(|it| it.split_once(':').unwrap().1);
    assert_eq!(called, allowed.into());
    assert_eq!(named(0), ENRICH_ACTIONS.map(str::to_owned).into());
}
