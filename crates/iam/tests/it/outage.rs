//! Decisions of generated outage drills (`policies.md` §8.2).

use hallpass_base::Timestamp;
use hallpass_iam::generate::Layout;
use hallpass_iam::generate::ids::{Lengths, Partition};
use hallpass_iam::generate::outage::{Calls, Exempt, Length, OutageSpec, Services, outage};
use serde_json::{Value, json};

use crate::guard_rows::{allow, check, full_access, over};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn drill(calls: Calls) -> Value {
    let services = ["iam".to_owned(), "route53".to_owned()];
    let roles = ["arn:aws:iam::222222222222:role/break-glass".to_owned()];
    let wish = OutageSpec {
        partition: Partition::Aws,
        region: "us-east-1",
        services: Services::Named(&services),
        calls,
        window: at("2026-03-02T10:00:00Z")..at("2026-03-02T12:00:00Z"),
        length: Length::Day,
        exempt: Exempt::Roles(&roles),
        lengths: Lengths::Exact,
    };
    let made = outage(&wish, at("2026-03-02T09:00:00Z")).unwrap();
    serde_json::from_str(&made.policy.text(Layout::Minified)).unwrap()
}

fn call(scp: &Value, action: &str, more: &Value) -> Value {
    let base = json!({
        "principal": "arn:aws:sts::222222222222:assumed-role/Admin/alice",
        "action": action,
        "resource": "*",
        "context": {
            "aws:RequestedRegion": "us-east-1",
            "aws:CurrentTime": "2026-03-02T11:00:00Z",
            "aws:PrincipalArn": "arn:aws:iam::222222222222:role/Admin",
        },
        "identityPolicies": [allow("*")],
        "scps": [[full_access(), scp]],
    });
    over(&base, more)
}

#[test]
fn a_drill_denies_what_it_names() {
    let all = drill(Calls::Every);
    let writes = drill(Calls::Writes);
    let here = |action: &str| call(&all, action, &json!({}));
    let region = |action: &str, region: &str| {
        call(
            &all,
            action,
            &json!({"context": {"aws:RequestedRegion": region}}),
        )
    };
    check(&[
        (
            "1",
            here("route53:ChangeResourceRecordSets"),
            "XD SimOutage",
        ),
        ("2", here("iam:CreateRole"), "XD SimOutage"),
        (
            "3",
            call(&writes, "route53:ListHostedZones", &json!({})),
            "A",
        ),
        (
            "3 write",
            call(&writes, "route53:ChangeResourceRecordSets", &json!({})),
            "XD SimOutage",
        ),
        (
            "3 iam",
            call(&writes, "iam:CreateRole", &json!({})),
            "XD SimOutage",
        ),
        ("3 iam read", call(&writes, "iam:GetRole", &json!({})), "A"),
        (
            "4 west",
            region(
                "route53-recovery-cluster:UpdateRoutingControlState",
                "us-west-2",
            ),
            "A",
        ),
        (
            "4 east",
            here("route53-recovery-cluster:UpdateRoutingControlState"),
            "A",
        ),
        (
            "5 resolver",
            here("route53resolver:CreateResolverRule"),
            "A",
        ),
        (
            "5 domains",
            here("route53domains:UpdateDomainNameservers"),
            "A",
        ),
        ("6", region("ec2:RunInstances", "us-west-2"), "A"),
        ("7", here("sts:AssumeRole"), "A"),
        ("8 west", region("iam:PassRole", "us-west-2"), "A"),
        ("8 east", here("iam:PassRole"), "XD SimOutage"),
    ]);
}

#[test]
fn a_drill_lasts_as_long_as_it_says_and_spares_whom_it_exempts() {
    let all = drill(Calls::Every);
    let here = |action: &str| call(&all, action, &json!({}));
    let create_at = |time: &str| {
        let time = format!("2026-03-02T{time}Z");
        call(
            &all,
            "iam:CreateRole",
            &json!({"context": {"aws:CurrentTime": time}}),
        )
    };
    let create = |more: Value| call(&all, "iam:CreateRole", &more);
    let mut nowhere = here("iam:CreateRole");
    nowhere["context"]
        .as_object_mut()
        .unwrap()
        .remove("aws:RequestedRegion");
    let glass = json!({
        "principal": "arn:aws:sts::222222222222:assumed-role/break-glass/alice",
        "context": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/break-glass"}});
    let linked = json!({
        "principal": "arn:aws:sts::222222222222:assumed-role/AWSServiceRoleForX/x",
        "context": {"aws:PrincipalArn":
            "arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"}});
    let after = |action| call(&full_access(), action, &json!({}));
    check(&[
        ("9 before", create_at("09:59:59"), "A"),
        ("9 start", create_at("10:00:00"), "XD SimOutage"),
        ("9 last", create_at("11:59:59.999"), "XD SimOutage"),
        ("9 end", create_at("12:00:00"), "A"),
        ("10", nowhere, "A"),
        ("11", create(glass), "A"),
        (
            "12 management",
            create(json!({"flags": {"managementAccount": true}})),
            "A",
        ),
        ("12 service-linked", create(linked), "A"),
        ("13 of 1", after("route53:ChangeResourceRecordSets"), "A"),
        ("13 of 2", after("iam:CreateRole"), "A"),
    ]);
}
