//! From the text of a denial to the smallest permission set that would have allowed it.

use hallpass_iam::denial::{
    Denial, DenialDetails, DenialReason, DenyingPolicy, Judgement, OfferedPolicy, OfferedSet,
    UnreadableDenial, is_authorization_id, judge, smallest_first,
};
use serde_json::json;

const MARA: &str = "arn:aws:sts::222233334444:assumed-role/AWSReservedSSO_View_Only_0123456789abcdef/mara@acme.example";

fn denied(behind: &str) -> Denial {
    let text = format!("User: {MARA} is not authorized to perform: {behind}");
    Denial::read(&text).unwrap()
}

/// Action, resource and reason of messages as services and programs write them.
#[test]
fn messages_are_read_whatever_stands_around_them() {
    for (behind, action, resource, reason) in [
        (
            "iam:ListRoles on resource: arn:aws:iam::222233334444:role/ because no identity-based policy allows the iam:ListRoles action",
            "iam:ListRoles",
            Some("arn:aws:iam::222233334444:role/"),
            Some((DenyingPolicy::Identity, false)),
        ),
        (
            "s3:GetObject on resource: \"arn:aws:s3:::logs/a b\" with an explicit deny in a service control policy",
            "s3:GetObject",
            Some("arn:aws:s3:::logs/a b"),
            Some((DenyingPolicy::ServiceControl, true)),
        ),
        (
            "iam:CreateInstanceProfile on resource: arn:aws:iam::222233334444:instance-profile/p with an explicit deny in an identity-based policy: arn:aws:iam::222233334444:policy/No.",
            "iam:CreateInstanceProfile",
            Some("arn:aws:iam::222233334444:instance-profile/p"),
            Some((DenyingPolicy::Identity, true)),
        ),
        (
            "ec2:RunInstances on resource: * because no VPC endpoint policy allows the ec2:RunInstances action. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm",
            "ec2:RunInstances",
            Some("*"),
            Some((DenyingPolicy::VpcEndpoint, false)),
        ),
        (
            "kms:Decrypt on resource: arn:aws:kms:eu-west-1:222233334444:key/1 because no resource-based policy allows the kms:Decrypt action",
            "kms:Decrypt",
            Some("arn:aws:kms:eu-west-1:222233334444:key/1"),
            Some((DenyingPolicy::Resource, false)),
        ),
        (
            "sso:ListInstances (Service: SsoAdmin, Status Code: 400)",
            "sso:ListInstances",
            None,
            None,
        ),
        (
            "account:GetContactInformation.",
            "account:GetContactInformation",
            None,
            None,
        ),
        (
            "sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:q because no permissions boundary allows the sqs:SendMessage action",
            "sqs:SendMessage",
            Some("arn:aws:sqs:eu-west-1:222233334444:q"),
            Some((DenyingPolicy::Boundary, false)),
        ),
    ] {
        let found = denied(behind);
        assert_eq!(found.principal, MARA, "{behind}");
        assert_eq!(found.action, action, "{behind}");
        assert_eq!(found.resource.as_deref(), resource, "{behind}");
        let told = found.reason.map(|it| (it.policy, it.is_explicit));
        assert_eq!(told, reason, "{behind}");
        assert_eq!(found.principal_account(), Some("222233334444"), "{behind}");
        assert_eq!(found.permission_set(), Some("View_Only"), "{behind}");
    }
}

/// A denial written as AWS writes it is read as the same one; the address of the console's page is no part of it.
#[test]
fn what_is_written_of_a_denial_is_read_as_the_same() {
    let reasons = DenyingPolicy::ALL.into_iter().flat_map(|policy| {
        [true, false].map(|is_explicit| {
            Some(DenialReason {
                policy,
                is_explicit,
            })
        })
    });
    let resources = [
        None,
        Some("*"),
        Some("arn:aws:s3:::logs/a b"),
        Some("arn:aws:s3:::logs/a\"b"),
        Some("arn:aws:iam::222233334444:role/r"),
    ];
    for reason in reasons.chain([None]) {
        for resource in resources {
            for id in [None, Some("0example1a2b3c4d5e6f")] {
                let denial = Denial {
                    principal: MARA.to_owned(),
                    action: "s3:GetObject".to_owned(),
                    resource: resource.map(str::to_owned),
                    reason,
                    authorization_id: id.map(str::to_owned),
                    region: None,
                };
                let message = denial.message();
                assert_eq!(Denial::read(&message), Ok(denial), "{message}");
            }
        }
    }
}

#[test]
fn what_programs_write_before_and_behind_is_left_out() {
    let text = format!(
        "\nAn error occurred (AccessDenied) when calling the ListRoles operation: User: {MARA} is not authorized to perform: \
         iam:ListRoles on resource: arn:aws:iam::222233334444:role/ because no identity-based policy allows the iam:ListRoles \
         action. Go to https://us-east-1.console.aws.amazon.com/iam/home?region=eu-west-1#/authorization-details/\
         0example1a2b3c4d5e6f for complete details, or call the GetRequestAuthorizationDetails API with the following \
         authorization id: 0example1a2b3c4d5e6f\n"
    );
    let found = Denial::read(&text).unwrap();
    assert_eq!(
        found.authorization_id.as_deref(),
        Some("0example1a2b3c4d5e6f")
    );
    assert_eq!(found.region.as_deref(), Some("eu-west-1"));
    assert_eq!(
        found.resource.as_deref(),
        Some("arn:aws:iam::222233334444:role/")
    );
    for (text, refused) in [
        ("", UnreadableDenial::NoDenial),
        ("Access Denied", UnreadableDenial::NoDenial),
        ("is not authorized to perform:", UnreadableDenial::NoDenial),
        (
            "User: x is not authorized to perform: everything",
            UnreadableDenial::NoDenial,
        ),
        (
            "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTk",
            UnreadableDenial::Encoded,
        ),
    ] {
        assert_eq!(Denial::read(text), Err(refused), "{text}");
        assert!(!refused.help().is_empty());
    }
}

#[test]
fn ids_are_told_from_messages() {
    for (text, is) in [
        ("0example1a2b3c4d5e6f", true),
        ("short", false),
        ("EXAMPLE1a2b3c4d5e6f7g8h9i0j", false),
        ("User: x is not authorized to perform: a:b", false),
        ("", false),
    ] {
        assert_eq!(is_authorization_id(text), is, "{text}");
    }
    assert!(!is_authorization_id(&"a".repeat(257)));
}

/// Where more permissions of a role help, and where nobody can ask for what is missing.
#[test]
fn what_no_permission_set_changes_is_said() {
    let own = "arn:aws:kms:eu-west-1:222233334444:key/1";
    let foreign = "arn:aws:kms:eu-west-1:555566667777:key/1";
    for (policy, explicit, implicit, implicit_foreign) in [
        ("service control policy", false, false, false),
        ("resource control policy", false, false, false),
        ("VPC endpoint policy", false, false, false),
        ("resource-based policy", false, false, true),
        ("permissions boundary", true, true, true),
        ("session policy", true, true, true),
        ("identity-based policy", true, true, true),
    ] {
        let deny = denied(&format!(
            "kms:Decrypt on resource: {own} with an explicit deny in a {policy}"
        ));
        assert_eq!(
            deny.beyond_permission_sets().is_none(),
            explicit,
            "deny {policy}"
        );
        for (resource, helps) in [(own, implicit), (foreign, implicit_foreign)] {
            let none = denied(&format!(
                "kms:Decrypt on resource: {resource} because no {policy} allows the kms:Decrypt action"
            ));
            assert_eq!(
                none.beyond_permission_sets().is_none(),
                helps,
                "none {policy} {resource}"
            );
        }
    }
    let foreign = denied(&format!("kms:Decrypt on resource: {foreign}"));
    assert_eq!(foreign.account(), Some("555566667777"));
    let nobodys = denied("s3:GetObject on resource: arn:aws:s3:::logs/today");
    assert_eq!(nobodys.account(), Some("222233334444"));
    assert_eq!(nobodys.beyond_permission_sets(), None);
}

fn set(name: &str, texts: &[&str]) -> OfferedSet {
    let inline = |text: &&str| OfferedPolicy {
        name: "Inline policy".to_owned(),
        arn: None,
        is_boundary: false,
        text: Some((*text).to_owned()),
    };
    OfferedSet {
        name: name.to_owned(),
        policies: texts.iter().map(inline).collect(),
    }
}

fn managed(name: &str) -> OfferedSet {
    OfferedSet {
        name: name.to_owned(),
        policies: vec![OfferedPolicy {
            name: name.to_owned(),
            arn: Some(format!("arn:aws:iam::aws:policy/{name}")),
            is_boundary: false,
            text: None,
        }],
    }
}

fn allow(actions: &str, resource: &str, rest: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"{resource}"{rest}}}]}}"#
    )
}

/// What sets come to: `yes` with the number of other actions, `if` with the keys that decide, `no`, `?`.
#[test]
fn sets_are_judged_by_their_policies() {
    let denial = denied("sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    let one = allow(r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#, "*", "");
    let elsewhere = allow(
        r#""sqs:*""#,
        "arn:aws:sqs:eu-west-1:222233334444:payments",
        "",
    );
    let reads = allow(r#""sqs:ReceiveMessage""#, "*", "");
    let under = allow(
        r#""sqs:SendMessage""#,
        "*",
        r#","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#,
    );
    let no = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:Send*","Resource":"*"}]}"#;
    let mut bounded = set("Bounded", &[&one]);
    bounded.policies.push(OfferedPolicy {
        name: "limit".to_owned(),
        arn: None,
        is_boundary: true,
        text: Some(reads.clone()),
    });
    for (set, expected) in [
        (set("One", &[&one]), "yes 1"),
        (set("Elsewhere", &[&elsewhere]), "no"),
        (set("Reads", &[&reads]), "no"),
        (set("Denied", &[&one, no]), "no"),
        (set("Under", &[&under]), "if aws:RequestedRegion 0"),
        (set("None", &[]), "no"),
        (set("Broken", &["{"]), "?"),
        (bounded, "no"),
        (managed("ReadOnlyAccess"), "?"),
        (managed("AdministratorAccess"), "yes many"),
    ] {
        let found = match judge(&set, &denial, "222233334444") {
            Judgement::Refuses => "no".to_owned(),
            Judgement::Unknown(why) => {
                assert!(!why.is_empty());
                "?".to_owned()
            }
            Judgement::Allows(fit) if fit.others.len() > 1000 => "yes many".to_owned(),
            Judgement::Allows(fit) if fit.conditions.is_empty() => {
                format!("yes {}", fit.others.len())
            }
            Judgement::Allows(fit) => {
                let keys: Vec<&str> = fit.conditions.iter().map(String::as_str).collect();
                assert!(
                    keys.iter().all(|it| it.contains("aws:RequestedRegion")),
                    "{keys:?}"
                );
                format!("if aws:RequestedRegion {}", fit.others.len())
            }
        };
        assert_eq!(found, expected, "{}", set.name);
    }
    // an action that is newer than the facts
    let newer = denied("sqs:FoldMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    let all = allow(r#""sqs:*""#, "*", "");
    assert!(matches!(
        judge(&set("All", &[&all]), &newer, "222233334444"),
        Judgement::Allows(_)
    ));
    assert!(matches!(
        judge(&set("One", &[&one]), &newer, "222233334444"),
        Judgement::Refuses
    ));
}

/// The ARN of a set's role ends in what AWS draws, so nothing is proved by it.
#[test]
fn what_asks_for_the_role_is_not_judged_by_an_invented_one() {
    let denial = denied("sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    for (operator, allows) in [("ArnLike", false), ("ArnNotLike", true)] {
        let condition = format!(
            r#","Condition":{{"{operator}":{{"aws:PrincipalArn":"arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Some_0123456789abcdef"}}}}"#
        );
        let policy = allow(r#""sqs:SendMessage""#, "*", &condition);
        match judge(&set("Some", &[&policy]), &denial, "222233334444") {
            Judgement::Allows(fit) => {
                assert!(allows, "{operator}");
                let told: Vec<&str> = fit.conditions.iter().map(String::as_str).collect();
                assert_eq!(told, ["aws:PrincipalArn in `Inline policy`"]);
            }
            Judgement::Unknown(why) => {
                assert!(!allows && why.contains("aws:PrincipalArn"), "{why}");
            }
            Judgement::Refuses => panic!("{operator}"),
        }
    }
}

/// AWS's reference knows no resource of creating a cluster, yet the call names one.
#[test]
fn what_the_facts_leave_out_refuses_nothing() {
    let cluster = "arn:aws:eks:eu-west-1:222233334444:cluster/x";
    let denial = denied(&format!("eks:CreateCluster on resource: {cluster}"));
    for (resource, fits) in [
        ("arn:aws:eks:*:*:cluster/*", true),
        ("arn:aws:eks:*:*:cluster/y", false),
        ("arn:aws:sqs:*:*:*", false),
    ] {
        let policy = allow(r#""*""#, resource, "");
        match judge(&set("Some", &[&policy]), &denial, "222233334444") {
            Judgement::Allows(fit) => {
                assert!(fits, "{resource}");
                let told = format!("`{resource}` being a resource of eks:CreateCluster");
                assert!(fit.conditions.contains(&told), "{:?}", fit.conditions);
            }
            Judgement::Refuses => assert!(!fits, "{resource}"),
            Judgement::Unknown(why) => panic!("{resource}: {why}"),
        }
    }
}

#[test]
fn the_set_with_the_fewest_other_actions_comes_first() {
    let denial = denied("sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    let three = allow(
        r#"["sqs:SendMessage","sqs:ReceiveMessage","sns:Publish"]"#,
        "*",
        "",
    );
    let one = allow(r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#, "*", "");
    let under = allow(
        r#""sqs:SendMessage""#,
        "*",
        r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
    );
    let sets = [
        managed("AdministratorAccess"),
        set("Under", &[&under]),
        set("Wide", &[&three]),
        set("Same", &[&one]),
        set("Narrow", &[&one]),
        managed("ReadOnlyAccess"),
    ];
    let judged = sets.iter();
    let judged = judged.map(|it| (it.name.clone(), judge(it, &denial, "222233334444")));
    let found = smallest_first(judged.collect());
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["Narrow", "Same", "Wide", "AdministratorAccess", "Under"]
    );
}

/// An answer of AWS in two pages: who is asked, in AWS's order, and what came of it.
#[test]
fn details_say_what_denied_and_lead_to_the_call() {
    let pages = [
        json!({
            "requestContext": {"aws:PrincipalArn": MARA, "aws:PrincipalAccount": "222233334444", "aws:MultiFactorAuthPresent": true},
            "evaluations": [
                {"action": "iam:GetRole", "resource": "arn:aws:iam::222233334444:role/a", "evaluatedEffect": "ALLOW"},
                {"action": "iam:PassRole", "resource": "arn:aws:iam::222233334444:role/a", "evaluatedEffect": "IMPLICIT_DENY",
                 "checks": [
                    {"checkType": "SERVICE_CONTROL_POLICY", "evaluatedEffect": "ALLOW",
                     "targetArn": "arn:aws:organizations::111122223333:root/o-1/r-1",
                     "matchedPolicies": [{"uri": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"}]},
                    {"checkType": "PRINCIPAL", "evaluatedEffect": "IMPLICIT_DENY"}]}],
            "policies": [], "nextToken": "more"}),
        json!({
            "requestContext": {}, "policies": [{"uri": "inline-1", "inline": true, "attachedTo": [{"arn": MARA}]}],
            "evaluations": [{"action": "iam:TagRole", "resource": "", "evaluatedEffect": "EXPLICIT_DENY", "checks": [
                {"checkType": "PRINCIPAL", "evaluatedEffect": "IMPLICIT_DENY"},
                {"checkType": "NEWER", "evaluatedEffect": "NO_IMPACT"},
                {"checkType": "SESSION", "evaluatedEffect": "EXPLICIT_DENY", "matchedPolicies":
                    [{"uri": "inline-1", "matchedStatements": [{"sid": "No", "evaluatedEffect": "DENY"}]}]}]}]}),
    ];
    let found = DenialDetails::read("0example1a2b3c4d5e6f", "eu-west-1", &pages);
    assert_eq!(
        found.words(),
        [
            "Allowed: iam:GetRole on arn:aws:iam::222233334444:role/a".to_owned(),
            "AWS names no checks: it does to callers of the same organization".to_owned(),
            "ImplicitlyDenied: iam:PassRole on arn:aws:iam::222233334444:role/a".to_owned(),
            "because no identity-based policy allows it".to_owned(),
            "  service control policy at arn:aws:organizations::111122223333:root/o-1/r-1: allows, by \
             arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
                .to_owned(),
            "  identity-based policy: does not allow".to_owned(),
            "ExplicitlyDenied: iam:TagRole".to_owned(),
            "because a session policy denies it".to_owned(),
            "  identity-based policy: does not allow".to_owned(),
            "  NEWER: has no say".to_owned(),
            format!("  session policy: denies, by inline policy of {MARA} (No)"),
        ]
    );
    let denial = found.denial().unwrap();
    assert_eq!(
        (denial.principal.as_str(), denial.action.as_str()),
        (MARA, "iam:PassRole")
    );
    assert_eq!(
        denial.resource.as_deref(),
        Some("arn:aws:iam::222233334444:role/a")
    );
    let reason = denial.reason.map(|it| (it.policy, it.is_explicit));
    assert_eq!(reason, Some((DenyingPolicy::Identity, false)));
    let none = DenialDetails::read(
        "0example1a2b3c4d5e6f",
        "eu-west-1",
        &[json!([1]), json!({"evaluations": [7]})],
    );
    assert_eq!(none.denial(), None);
    let empty = DenialDetails::read("0example1a2b3c4d5e6f", "eu-west-1", &[]);
    assert_eq!(empty.words(), ["AWS tells of no evaluation"]);
}
