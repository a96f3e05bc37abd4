//! Finds the smallest permission set that would have allowed a denied call.

use hallpass_iam::denial::{
    Denial, DenialDetails, DenialReason, DeniedAction, DenyingPolicy, Judgement, OfferedPolicy,
    OfferedSet, UnreadableDenial, is_authorization_id, judge, smallest_first,
};
use serde_json::json;

const MARA: &str = "arn:aws:sts::222233334444:assumed-role/AWSReservedSSO_View_Only_0123456789abcdef/mara@acme.example";

fn denied(behind: &str) -> Denial {
    let text = format!("User: {MARA} is not authorized to perform: {behind}");
    Denial::read(&text).unwrap()
}

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

/// Separates denials that more role permissions fix from those that no request can fix.
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

/// Judges a set for a denial without further details.
fn judged(set: &OfferedSet, denial: &Denial, account: &str) -> Judgement {
    judge(set, &[DeniedAction::new(denial.clone(), [])], account)
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

/// `yes` with the number of other actions, `if` with the deciding keys, `no`, `?`.
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
        r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
    );
    let region = |name: &str| {
        let condition =
            format!(r#","Condition":{{"StringEquals":{{"aws:RequestedRegion":"{name}"}}}}"#);
        allow(r#""sqs:SendMessage""#, "*", &condition)
    };
    let (here, there) = (region("eu-west-1"), region("us-east-1"));
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
        (set("Under", &[&under]), "if 0"),
        (set("Here", &[&here]), "yes 0"),
        (set("There", &[&there]), "no"),
        (set("None", &[]), "no"),
        (set("Broken", &["{"]), "?"),
        (bounded, "no"),
        (managed("ReadOnlyAccess"), "?"),
        (managed("AdministratorAccess"), "yes many"),
    ] {
        let found = match judged(&set, &denial, "222233334444") {
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
                    { keys.iter() }.all(|it| it.contains("aws:MultiFactorAuthPresent")),
                    "{keys:?}"
                );
                format!("if {}", fit.others.len())
            }
        };
        assert_eq!(found, expected, "{}", set.name);
    }
}

#[test]
fn an_action_that_is_newer_than_the_facts_is_judged_by_its_name() {
    let one = allow(r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#, "*", "");
    let newer = denied("sqs:FoldMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    let all = allow(r#""sqs:*""#, "*", "");
    assert!(matches!(
        judged(&set("All", &[&all]), &newer, "222233334444"),
        Judgement::Allows(_)
    ));
    assert!(matches!(
        judged(&set("One", &[&one]), &newer, "222233334444"),
        Judgement::Refuses
    ));
}

/// AWS generates the end of a set's role ARN, so it proves nothing.
#[test]
fn what_asks_for_the_role_is_not_judged_by_an_invented_one() {
    let denial = denied("sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    for (operator, allows) in [("ArnLike", false), ("ArnNotLike", true)] {
        let condition = format!(
            r#","Condition":{{"{operator}":{{"aws:PrincipalArn":"arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Some_0123456789abcdef"}}}}"#
        );
        let policy = allow(r#""sqs:SendMessage""#, "*", &condition);
        match judged(&set("Some", &[&policy]), &denial, "222233334444") {
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

/// AWS's reference lists no resource for cluster creation, but the call names one.
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
        match judged(&set("Some", &[&policy]), &denial, "222233334444") {
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

fn in_order(sets: &[OfferedSet], denied: &[DeniedAction]) -> Vec<String> {
    let judged = sets.iter();
    let judged = judged.map(|it| (it.name.clone(), judge(it, denied, "222233334444")));
    let found = smallest_first(judged.collect());
    found.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_set_with_the_fewest_other_actions_comes_first() {
    let denial = denied("sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders");
    let denied = [DeniedAction::new(denial, [])];
    let three = allow(
        r#"["sqs:SendMessage","sqs:ReceiveMessage","sns:Publish"]"#,
        "*",
        "",
    );
    let one = allow(r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#, "*", "");
    let address = r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#;
    let under = allow(r#""sqs:SendMessage""#, "*", address);
    let one_under = allow(r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#, "*", address);
    let orders = allow(
        r#"["sqs:SendMessage","sqs:ReceiveMessage"]"#,
        "arn:aws:sqs:*:*:orders",
        "",
    );
    let sets = [
        managed("AdministratorAccess"),
        set("Under", &[&under]),
        set("Wide", &[&three]),
        set("Same", &[&one]),
        set("Narrow", &[&one]),
        set("MayBe", &[&one_under]),
        set("Orders", &[&orders]),
        managed("ReadOnlyAccess"),
    ];
    // order: fewest extra actions first, then certain before conditional, then unlimited resources
    // before limited ones
    assert_eq!(
        in_order(&sets, &denied),
        [
            "Under",
            "Orders",
            "Narrow",
            "Same",
            "MayBe",
            "Wide",
            "AdministratorAccess"
        ]
    );
}

/// Known request details decide conditions; the caller and time do not, because another role makes
/// the next request.
#[test]
fn conditions_are_judged_by_what_is_known_of_the_request() {
    let sending = "sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders";
    let keys = |all: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
        let all = all.iter().map(|(key, values)| {
            let values = values.iter().map(|it| (*it).to_owned()).collect();
            ((*key).to_owned(), values)
        });
        all.collect()
    };
    let known = keys(&[
        ("aws:SourceIp", &["10.1.2.3"]),
        ("aws:TagKeys", &["team", "cost"]),
        ("aws:MultiFactorAuthPresent", &["false"]),
        ("aws:PrincipalTag/team", &["red"]),
        ("aws:CurrentTime", &["2026-11-28T10:00:00Z"]),
        ("sts:ExternalId", &["x"]),
    ]);
    let denied = [DeniedAction::new(denied(sending), known)];
    let told: Vec<String> = denied[0].keys().into_keys().collect();
    assert_eq!(told, ["aws:requestedregion", "aws:sourceip", "aws:tagkeys"]);
    for (condition, expected) in [
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, "yes"),
        (r#"{"IpAddress":{"aws:sourceip":"192.168.0.0/16"}}"#, "no"),
        (
            r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#,
            "yes",
        ),
        (
            r#"{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}"#,
            "no",
        ),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}}"#,
            "yes",
        ),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#,
            "no",
        ),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, "if"),
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"blue"}}"#, "if"),
        (
            r#"{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}"#,
            "if",
        ),
        (r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, "if"),
    ] {
        let policy = allow(r#""sqs:*""#, "*", &format!(r#","Condition":{condition}"#));
        let found = match judge(&set("Some", &[&policy]), &denied, "222233334444") {
            Judgement::Allows(fit) if fit.conditions.is_empty() => "yes",
            Judgement::Allows(fit) => {
                assert!(fit.others.len() > 5, "{condition}");
                "if"
            }
            Judgement::Refuses => "no",
            Judgement::Unknown(why) => panic!("{condition}: {why}"),
        };
        assert_eq!(found, expected, "{condition}");
    }
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",
        "Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1"]}}}]}"#;
    let all = allow(r#""sqs:*""#, "*", "");
    let found = judge(&set("Bounded", &[&all, deny]), &denied, "222233334444");
    assert!(matches!(found, Judgement::Allows(fit) if fit.conditions.is_empty()));
    let mut two = denied[0].denial.clone();
    two.region = Some("us-east-1".to_owned());
    assert!(DeniedAction::new(two, []).keys().is_empty());
}

#[test]
fn each_action_of_a_call_has_to_be_allowed() {
    let evaluation = |action: &str, effect: &str, context: serde_json::Value| {
        json!({"action": action, "resource": "arn:aws:sqs:eu-west-1:222233334444:orders",
            "evaluatedEffect": effect, "context": context})
    };
    let page = json!({
        "requestContext": {"aws:PrincipalArn": MARA, "aws:SourceIp": "10.1.2.3"},
        "evaluations": [
            evaluation("sqs:GetQueueUrl", "ALLOW", json!({})),
            evaluation("sqs:SendMessage", "IMPLICIT_DENY", json!({"aws:ResourceTag/team": "red"})),
            evaluation("sqs:TagQueue", "IMPLICIT_DENY", json!({"aws:TagKeys": ["team", "cost"]})),
            evaluation("sqs:TagQueue", "IMPLICIT_DENY", json!({"aws:TagKeys": ["team", "cost"]})),
        ],
        "policies": []});
    let found = DenialDetails::read("0example1a2b3c4d5e6f", "eu-west-1", &[page]);
    let denied = found.denied();
    let actions: Vec<&str> = denied.iter().map(|it| it.denial.action.as_str()).collect();
    assert_eq!(actions, ["sqs:SendMessage", "sqs:TagQueue"]);
    let keys: Vec<String> = denied[0].keys().into_keys().collect();
    assert_eq!(
        keys,
        [
            "aws:requestedregion",
            "aws:resourcetag/team",
            "aws:sourceip"
        ]
    );
    let one = allow(r#""sqs:SendMessage""#, "*", "");
    let both = allow(
        r#"["sqs:SendMessage","sqs:TagQueue","sqs:PurgeQueue"]"#,
        "*",
        "",
    );
    let sets = [
        set("One", &[&one]),
        set("Both", &[&both]),
        managed("AdministratorAccess"),
    ];
    assert_eq!(in_order(&sets, &denied), ["Both", "AdministratorAccess"]);
    let Judgement::Allows(fit) = judge(&sets[1], &denied, "222233334444") else {
        panic!("it allows both");
    };
    let others: Vec<&str> = fit.others.iter().map(|it| it.name).collect();
    assert_eq!(others, ["PurgeQueue"]);
}

/// Only a denial by a service control policy statement, or by an unknown policy, may be the end of
/// a grant.
#[test]
fn denials_that_may_come_of_an_end_are_told_from_others() {
    let said = "sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:222233334444:orders";
    for (because, may) in [
        ("", true),
        ("with an explicit deny in a service control policy", true),
        (
            "because no service control policy allows the sqs:SendMessage action",
            false,
        ),
        ("with an explicit deny in a resource control policy", false),
        (
            "because no identity-based policy allows the sqs:SendMessage action",
            false,
        ),
    ] {
        assert_eq!(
            denied(&format!("{said} {because}")).may_be_of_an_end(),
            may,
            "{because}"
        );
    }
    let user = Denial {
        principal: "arn:aws:iam::222233334444:user/mara".to_owned(),
        ..denied(said)
    };
    assert!(!user.may_be_of_an_end());
}

/// An AWS answer in two pages: the queried services in AWS's order, and the results.
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
    let all = found.denied();
    let actions: Vec<&str> = all.iter().map(|it| it.denial.action.as_str()).collect();
    assert_eq!(actions, ["iam:PassRole", "iam:TagRole"]);
    let denial = &all[0].denial;
    assert_eq!(denial.principal, MARA);
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
    assert!(none.denied().is_empty());
    let empty = DenialDetails::read("0example1a2b3c4d5e6f", "eu-west-1", &[]);
    assert_eq!(empty.words(), ["AWS tells of no evaluation"]);
}
