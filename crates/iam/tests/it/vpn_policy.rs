//! Decisions of generated VPN policies (`policies.md` §9.1), and of widely copied ones.

use hallpass_iam::generate::Layout;
use hallpass_iam::generate::ids::{Lengths, Partition};
use hallpass_iam::generate::vpn_policy::{VpnForm, VpnSpec, vpn_policy};
use serde_json::{Value, json};

use crate::guard_rows::{allow, check, full_access, over};

const NAT: &str = "3.120.10.5";
const HOME: &str = "84.20.30.40";

fn made(form: VpnForm, vpcs: &[&str]) -> Value {
    let vpcs: Vec<String> = vpcs.iter().map(|&it| it.to_owned()).collect();
    let made = vpn_policy(&VpnSpec {
        form,
        nat_ips: &[NAT.to_owned()],
        vpcs: &vpcs,
        exempt_roles: &["arn:aws:iam::111111111111:role/BreakGlass".to_owned()],
        partition: Partition::Aws,
        lengths: Lengths::Lenient,
    })
    .unwrap();
    serde_json::from_str(&made.policy.text(Layout::Minified)).unwrap()
}

fn circulated(form: VpnForm) -> Value {
    let mut policy = json!({"Version": "2012-10-17", "Statement": [{
    "Sid": "Circulated", "Effect": "Deny", "Action": "*", "Resource": "*",
    "Condition": {
        "NotIpAddress": {"aws:SourceIp": [format!("{NAT}/32")]},
        "Bool": {"aws:ViaAWSService": "false"},
    }}]});
    if form == VpnForm::Scp {
        policy["Statement"][0]["Condition"]["ArnNotLikeIfExists"] =
            json!({"aws:PrincipalArn": ["arn:aws:iam::*:role/service-role/*"]});
    }
    policy
}

fn with_iam(policy: &Value, context: &Value, more: &Value) -> Value {
    let base = json!({
        "principal": "arn:aws:sts::222222222222:assumed-role/Dev/alice",
        "action": "s3:ListAllMyBuckets",
        "resource": "*",
        "identityPolicies": [allow("*"), policy],
    });
    over(&over(&base, more), &json!({"context": context}))
}

fn with_scp(policy: &Value, role: &str, address: &str, more: &Value) -> Value {
    let name = role.rsplit('/').next().unwrap();
    let base = json!({
        "principal": format!("arn:aws:sts::222222222222:assumed-role/{name}/x"),
        "action": "s3:ListAllMyBuckets",
        "resource": "*",
        "context": {
            "aws:SourceIp": address,
            "aws:ViaAWSService": "false",
            "aws:PrincipalArn": format!("arn:aws:iam::222222222222:role/{role}"),
        },
        "identityPolicies": [allow("*")],
        "scps": [[full_access(), policy]],
    });
    over(&base, more)
}

#[test]
fn the_form_for_principals() {
    let none = json!({});
    for (name, policy) in [
        ("ours", made(VpnForm::Iam, &[])),
        ("circulated", circulated(VpnForm::Iam)),
    ] {
        let from = |address: &str| {
            let context = json!({"aws:SourceIp": address, "aws:ViaAWSService": "false"});
            with_iam(&policy, &context, &none)
        };
        let forwarded = with_iam(
            &policy,
            &json!({"aws:SourceIp": "52.95.4.20", "aws:ViaAWSService": "true"}),
            &json!({"action": "ec2:RunInstances"}),
        );
        let mut nothing_else = from(NAT);
        nothing_else["identityPolicies"] = json!([policy]);
        let endpoint = json!({"aws:SourceVpc": "vpc-1", "aws:ViaAWSService": "false"});
        let old = with_iam(&policy, &json!({"aws:SourceIp": HOME}), &none);
        let old_want = if name == "ours" { "XD" } else { "A" };
        check(&[
            (&format!("1 {name}"), from(NAT), "A"),
            (&format!("2 {name}"), from(HOME), "XD"),
            (&format!("3 {name}"), forwarded, "A"),
            (&format!("4 {name}"), nothing_else, "ID"),
            (
                &format!("5 {name}"),
                with_iam(&policy, &endpoint, &none),
                "XD",
            ),
            (&format!("6 {name}"), old, old_want),
        ]);
    }
    let endpoint = json!({"aws:SourceVpc": "vpc-1", "aws:ViaAWSService": "false"});
    let policy = made(VpnForm::Iam, &["vpc-1"]);
    check(&[("5 --vpc", with_iam(&policy, &endpoint, &none), "A")]);
}

#[test]
fn the_form_for_accounts() {
    let (ours, found) = (made(VpnForm::Scp, &[]), circulated(VpnForm::Scp));
    let none = json!({});
    let management = json!({"flags": {"managementAccount": true}});
    let lambda = "52.95.4.20";
    let linked = "aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    check(&[
        ("7", with_scp(&found, "service-role/fn", lambda, &none), "A"),
        ("8", with_scp(&found, "service-role/x", HOME, &none), "A"),
        (
            "9",
            with_scp(&ours, "service-role/x", HOME, &none),
            "XD HallpassVpnOnly",
        ),
        ("10", with_scp(&ours, "Admin", HOME, &management), "A"),
        (
            "11",
            with_scp(&ours, "Dev", "2a02:810::1", &none),
            "XD HallpassVpnOnly",
        ),
        ("12", with_scp(&ours, linked, HOME, &none), "A"),
        (
            "at the NAT address",
            with_scp(&ours, "Dev", NAT, &none),
            "A",
        ),
    ]);
}

#[test]
fn exempt_roles_are_exactly_those() {
    let policy = made(VpnForm::Scp, &[]);
    let of = |account: &str| {
        let arn = format!("arn:aws:iam::{account}:role/BreakGlass");
        with_scp(
            &policy,
            "BreakGlass",
            HOME,
            &json!({"context": {"aws:PrincipalArn": arn}}),
        )
    };
    check(&[
        ("listed", of("111111111111"), "A"),
        ("its namesake", of("222222222222"), "XD HallpassVpnOnly"),
    ]);
}
