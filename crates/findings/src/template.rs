//! `CloudFormation` templates for continuous enrichment: queue with dead letters, bus rules, role;
//! and forwarding of account changes from their only Region (`organization.md` E-14).

use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use crate::handler::{change_patterns, custom_action_pattern, rule_pattern};

/// Visibility timeout in seconds.
const HIDDEN_SECONDS: u32 = 300;
/// More deliveries than the server needs to park it (`organization.md` I-5).
const DELIVERIES: u32 = 25;
/// 14 days, SQS's maximum.
const KEPT_SECONDS: u32 = facts::QUEUE_KEPT_SECONDS.value;

const CHANGES_REGION: &str = "us-east-1";

pub const ENRICH_ACTIONS: [&str; 7] = [
    "account:GetAlternateContact",
    "organizations:DescribeAccount",
    "organizations:DescribeOrganizationalUnit",
    "organizations:ListParents",
    "organizations:ListTagsForResource",
    "securityhub:BatchUpdateFindings",
    "securityhub:GetFindings",
];
/// Queue actions, including `events replay` and `findings cache drop`.
pub const QUEUE_ACTIONS: [&str; 4] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

fn resource(kind: &str, properties: &Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}

fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

fn arn(name: &str) -> Value {
    json!({ "Fn::GetAtt": [name, "Arn"] })
}

fn allow(name: &str, actions: &[&str], on: &Value) -> Value {
    json!({ "Sid": name, "Effect": "Allow", "Action": actions, "Resource": on })
}

fn rules() -> Vec<(String, Value)> {
    let mut rules = vec![
        ("ImportedFindings".to_owned(), rule_pattern()),
        ("ChosenFindings".to_owned(), custom_action_pattern()),
    ];
    rules.extend(change_rules());
    rules
}

fn change_rules() -> impl Iterator<Item = (String, Value)> {
    let changes = change_patterns().into_iter().enumerate();
    changes.map(|(at, pattern)| (format!("ChangedAccounts{}", at + 1), pattern))
}

fn parameter(words: &str) -> Value {
    json!({ "Type": "String", "Description": words })
}

/// Template for `us-east-1` of the management account: forwards account changes to the bus of the
/// other template.
pub fn management_template() -> Value {
    let mut resources = Map::new();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "events.amazonaws.com" },
    }] });
    let send = allow("Send", &["events:PutEvents"], &reference("Bus"));
    let may = json!({
        "PolicyName": "send", "PolicyDocument": { "Version": "2012-10-17", "Statement": [send] },
    });
    let sender = json!({ "AssumeRolePolicyDocument": trust, "Policies": [may] });
    resources.insert("Sender".to_owned(), resource("AWS::IAM::Role", &sender));
    for (name, pattern) in change_rules() {
        let target = json!([{ "Id": "bus", "Arn": reference("Bus"), "RoleArn": arn("Sender") }]);
        let rule = json!({ "EventPattern": pattern, "State": "ENABLED", "Targets": target });
        resources.insert(name, resource("AWS::Events::Rule", &rule));
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Hallpass: changes of accounts, which come in us-east-1 of the management account alone, are sent to where findings are enriched",
        "Parameters": { "Bus": parameter("The output BusArn of the other stack") },
        "Rules": { "Place": { "Assertions": [{
            "Assert": { "Fn::Equals": [reference("AWS::Region"), CHANGES_REGION] },
            "AssertDescription": "Changes of accounts come in us-east-1 alone: make the stack there",
        }] } },
        "Resources": resources,
    })
}

fn optional(words: &str, otherwise: &str) -> Value {
    json!({ "Type": "String", "Description": words, "Default": otherwise })
}

fn default_bus() -> Value {
    json!({ "Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default" })
}

fn bus_policy(bus: &Value) -> Value {
    let account = json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::${ManagementAccount}:root" });
    let statement = json!({
        "Sid": "ChangedAccounts", "Effect": "Allow", "Action": ["events:PutEvents"], "Resource": bus,
        "Principal": { "AWS": account },
    });
    json!({
        "Type": "AWS::Events::EventBusPolicy", "Condition": "FromElsewhere",
        "Properties": { "StatementId": "HallpassChangedAccounts", "Statement": statement },
    })
}

/// Template for the account and Region of Security Hub's administrator.
pub fn template() -> Value {
    let rules = rules();
    let mut resources = Map::new();
    let dead = json!({ "MessageRetentionPeriod": KEPT_SECONDS, "SqsManagedSseEnabled": true });
    resources.insert("DeadLetters".to_owned(), resource("AWS::SQS::Queue", &dead));
    let queue = json!({
        "QueueName": reference("QueueName"), "VisibilityTimeout": HIDDEN_SECONDS, "MessageRetentionPeriod": KEPT_SECONDS,
        "SqsManagedSseEnabled": true,
        "RedrivePolicy": { "deadLetterTargetArn": arn("DeadLetters"), "maxReceiveCount": DELIVERIES },
    });
    resources.insert("Events".to_owned(), resource("AWS::SQS::Queue", &queue));
    // only these rules may send
    let senders: Vec<Value> = rules.iter().map(|(name, _)| arn(name)).collect();
    let mut sends = allow("RulesSend", &["sqs:SendMessage"], &arn("Events"));
    if let Some(members) = sends.as_object_mut() {
        let service = json!({ "Service": "events.amazonaws.com" });
        members.insert("Principal".to_owned(), service);
        let only = json!({ "ArnEquals": { "aws:SourceArn": senders } });
        members.insert("Condition".to_owned(), only);
    }
    let policy = json!({
        "Queues": [reference("Events")],
        "PolicyDocument": { "Version": "2012-10-17", "Statement": [sends] },
    });
    let policy = resource("AWS::SQS::QueuePolicy", &policy);
    resources.insert("EventsPolicy".to_owned(), policy);
    for (name, pattern) in rules {
        let target = json!([{ "Id": "events", "Arn": arn("Events") }]);
        let rule = json!({ "EventPattern": pattern, "State": "ENABLED", "Targets": target });
        resources.insert(name, resource("AWS::Events::Rule", &rule));
    }
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": reference("TrustedPrincipal") },
    }] });
    let statements = [
        allow("Enrich", &ENRICH_ACTIONS, &json!("*")),
        allow("TakeEvents", &QUEUE_ACTIONS, &arn("Events")),
    ];
    let may = json!({
        "PolicyName": "enrich", "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    let role = json!({ "AssumeRolePolicyDocument": trust, "Policies": [may] });
    resources.insert("Role".to_owned(), resource("AWS::IAM::Role", &role));
    let bus = default_bus();
    resources.insert("BusPolicy".to_owned(), bus_policy(&bus));
    let management = optional(
        "The management account, where it is another one: its stack of `template --management` may send here",
        "",
    );
    let queue_name = optional("The name of the queue", "hallpass-events");
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Hallpass: findings of Security Hub get the data of their account, as they arrive",
        "Parameters": {
            "ManagementAccount": management,
            "QueueName": queue_name,
            "TrustedPrincipal": parameter("The ARN of the principal that Hallpass runs as"),
        },
        "Conditions": {
            "FromElsewhere": { "Fn::Not": [{ "Fn::Equals": [reference("ManagementAccount"), ""] }] },
        },
        "Resources": resources,
        "Outputs": {
            "BusArn": { "Description": "For the stack of `template --management`", "Value": bus },
            "QueueUrl": { "Description": "For `events.queue`", "Value": reference("Events") },
            "RoleArn": { "Description": "What Hallpass enriches as", "Value": arn("Role") },
        },
    })
}
