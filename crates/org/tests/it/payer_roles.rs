//! Policy proofs for both parties' roles: a role that allows a takeover fails, regardless of
//! simulation samples.

use hallpass_iam::powers::RolePolicies;
use hallpass_org::UnreadFact;
use hallpass_org::payer::{PayerFacts, PayerRole};
use serde_json::json;

use crate::payer::{
    CUSTOMERS, PARTNERS, account, all_right, arn, found, policy, read, role, row, trusting,
};

const RAISE: &str = "customer-cannot-raise-itself";
const ONLY: &str = "partner-billing-only";
const PARTNER_RAISE: &str = "partner-cannot-raise-itself";
const NO_BILLING: &str = "customer-no-billing";
const ACCESS: &str = "customer-access";
const ADMIN: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;

#[derive(Clone, Copy)]
struct RoleCase {
    name: &'static str,
    check: &'static str,
    more: &'static [&'static str],
    boundary: Option<&'static str>,
    status: &'static str,
    evidence: &'static [&'static str],
}

const fn case(
    name: &'static str,
    check: &'static str,
    more: &'static [&'static str],
    status: &'static str,
    evidence: &'static [&'static str],
) -> RoleCase {
    RoleCase {
        name,
        check,
        more,
        boundary: None,
        status,
        evidence,
    }
}

const fn within(boundary: &'static str, case: RoleCase) -> RoleCase {
    RoleCase {
        boundary: Some(boundary),
        ..case
    }
}

macro_rules! statement {
    ($effect:literal $actions:literal) => {
        concat!(
            r#"{"Effect": ""#,
            $effect,
            r#"", "Action": ["#,
            $actions,
            r#"], "Resource": "*"}"#
        )
    };
    ($effect:literal $actions:literal on $resource:literal) => {
        concat!(
            r#"{"Effect": ""#,
            $effect,
            r#"", "Action": ["#,
            $actions,
            r#"], "Resource": ""#,
            $resource,
            r#""}"#
        )
    };
    ($effect:literal $actions:literal if $condition:literal) => {
        concat!(
            r#"{"Effect": ""#,
            $effect,
            r#"", "Action": ["#,
            $actions,
            r#"], "Resource": "*", "Condition": "#,
            $condition,
            "}"
        )
    };
}

macro_rules! allow {
    ($($rest:tt)+) => {
        statement!("Allow" $($rest)+)
    };
}

macro_rules! deny {
    ($($rest:tt)+) => {
        statement!("Deny" $($rest)+)
    };
}

/// The first twenty or so passed with simulation samples only.
const CASES: &[RoleCase] = &[
    case(
        "nothing more",
        RAISE,
        &[],
        "pass",
        &["proved from the policies"],
    ),
    case(
        "CreateUser",
        RAISE,
        &[allow!(r#""iam:CreateUser""#)],
        "fail",
        &["iam:CreateUser"],
    ),
    case(
        "PutUserPolicy",
        RAISE,
        &[allow!(r#""iam:PutUserPolicy""#)],
        "fail",
        &["iam:PutUserPolicy"],
    ),
    case(
        "CreateAccessKey",
        RAISE,
        &[allow!(r#""iam:CreateAccessKey""#)],
        "fail",
        &["iam:CreateAccessKey"],
    ),
    case(
        "CreateLoginProfile on one user",
        RAISE,
        &[allow!(r#""iam:CreateLoginProfile""# on "arn:aws:iam::111111111111:user/kim")],
        "fail",
        &["iam:CreateLoginProfile"],
    ),
    case(
        "AddUserToGroup",
        RAISE,
        &[allow!(r#""iam:AddUserToGroup""#)],
        "fail",
        &["iam:AddUserToGroup"],
    ),
    case(
        "a boundary taken away",
        RAISE,
        &[allow!(r#""iam:DeleteRolePermissionsBoundary""#)],
        "fail",
        &["DeleteRolePermissionsBoundary"],
    ),
    case(
        "an own Deny taken away",
        RAISE,
        &[allow!(r#""iam:DeleteRolePolicy""#)],
        "fail",
        &["iam:DeleteRolePolicy"],
    ),
    case(
        "PassRole",
        RAISE,
        &[allow!(r#""iam:PassRole""#)],
        "fail",
        &["iam:PassRole on `*`"],
    ),
    case(
        "PassRole of one that may more",
        RAISE,
        &[allow!(r#""iam:PassRole""# on "arn:aws:iam::111111111111:role/Functions")],
        "fail",
        &["role/Functions", "it may do"],
    ),
    case(
        "PassRole of one that may not",
        RAISE,
        &[allow!(r#""iam:PassRole""# on "arn:aws:iam::111111111111:role/Buckets")],
        "pass",
        &[],
    ),
    case(
        "wildcards of names",
        RAISE,
        &[allow!(r#""iam:*Policy""#)],
        "fail",
        &["iam:AttachRolePolicy"],
    ),
    case(
        "single characters",
        RAISE,
        &[allow!(r#""iam:?utUserPolicy""#)],
        "fail",
        &["iam:PutUserPolicy"],
    ),
    case(
        "any case",
        RAISE,
        &[allow!(r#""IAM:createUSER""#)],
        "fail",
        &["iam:CreateUser"],
    ),
    case(
        "NotAction",
        RAISE,
        &[
            r#"{"Effect": "Allow", "NotAction": ["iam:*", "sts:*", "lambda:*", "glue:*", "codestar:*", "identitystore:*", "sso-directory:*", "identity-sync:*"], "Resource": "*"}"#,
        ],
        "fail",
        &["sso:AttachManagedPolicy"],
    ),
    case(
        "NotAction with nothing to raise by",
        RAISE,
        &[
            r#"{"Effect": "Allow", "NotAction": ["iam:*", "sso:*", "sts:*", "lambda:*", "glue:*", "codestar:*", "identitystore:*", "sso-directory:*", "identity-sync:*"], "Resource": "*"}"#,
        ],
        "pass",
        &[],
    ),
    case(
        "permission sets",
        RAISE,
        &[allow!(r#""sso:PutInlinePolicyToPermissionSet""#)],
        "fail",
        &["sso:PutInline"],
    ),
    case(
        "memberships",
        RAISE,
        &[allow!(r#""identitystore:CreateGroupMembership""#)],
        "fail",
        &["identitystore:CreateGroupMembership"],
    ),
    case(
        "code of functions",
        RAISE,
        &[allow!(r#""lambda:UpdateFunctionCode""#)],
        "fail",
        &["lambda:UpdateFunctionCode"],
    ),
    case(
        "root of members",
        RAISE,
        &[allow!(r#""sts:AssumeRoot""#)],
        "fail",
        &["sts:AssumeRoot"],
    ),
    case(
        "a stronger role",
        RAISE,
        &[allow!(r#""sts:AssumeRole""# on "arn:aws:iam::111111111111:role/Admin")],
        "fail",
        &["sts:AssumeRole on Admin", "it may do"],
    ),
    case(
        "a role with no more",
        RAISE,
        &[allow!(r#""sts:AssumeRole""# on "arn:aws:iam::111111111111:role/BucketsByAccount")],
        "pass",
        &[],
    ),
    case(
        "roles of other accounts",
        RAISE,
        &[allow!(r#""sts:AssumeRole""# on "arn:aws:iam::222222222222:role/Admin")],
        "unknown",
        &["other accounts"],
    ),
    case(
        "its own user alone, which it has not",
        RAISE,
        &[allow!(r#""iam:CreateAccessKey""# on "arn:aws:iam::*:user/${aws:username}")],
        "pass",
        &[],
    ),
    case(
        "resources that it cannot be done to",
        RAISE,
        &[allow!(r#""iam:CreateUser""# on "arn:aws:s3:::bucket/*")],
        "pass",
        &[],
    ),
    case(
        "a service-linked role",
        RAISE,
        &[allow!(r#""iam:CreateServiceLinkedRole""#)],
        "pass",
        &[],
    ),
    case(
        "Deny that makes it safe",
        RAISE,
        &[
            allow!(r#""iam:*""#),
            deny!(
                r#""iam:A*", "iam:C*", "iam:D*", "iam:E*", "iam:P*", "iam:R*", "iam:S*", "iam:T*", "iam:U*""#
            ),
        ],
        "pass",
        &[],
    ),
    case(
        "Deny on each resource there is",
        RAISE,
        &[
            allow!(r#""iam:PutRolePolicy""#),
            deny!(r#""iam:PutRolePolicy""# on "arn:aws:iam::*:role/*"),
        ],
        "pass",
        &[],
    ),
    case(
        "Deny of some resources",
        RAISE,
        &[
            allow!(r#""iam:PutRolePolicy""#),
            deny!(r#""iam:PutRolePolicy""# on "arn:aws:iam::*:role/prod-*"),
        ],
        "fail",
        &["iam:PutRolePolicy"],
    ),
    case(
        "Deny of all but some actions",
        RAISE,
        &[
            allow!(r#""iam:*""#),
            r#"{"Effect": "Deny", "NotAction": ["s3:*", "iam:Get*", "iam:List*", "organizations:*", "cloudtrail:*", "cloudwatch:*", "cloudformation:*"], "Resource": "*"}"#,
        ],
        "pass",
        &[],
    ),
    case(
        "Deny for itself",
        RAISE,
        &[
            allow!(r#""iam:CreateUser""#),
            deny!(r#""iam:CreateUser""# if r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/CustomerSecurity"}}"#),
        ],
        "pass",
        &[],
    ),
    case(
        "Deny for others",
        RAISE,
        &[
            allow!(r#""iam:CreateUser""#),
            deny!(r#""iam:CreateUser""# if r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/Other"}}"#),
        ],
        "fail",
        &["iam:CreateUser"],
    ),
    case(
        "Allow under a condition",
        RAISE,
        &[allow!(r#""iam:CreateUser""# if r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#)],
        "unknown",
        &["iam:CreateUser", "aws:MultiFactorAuthPresent"],
    ),
    case(
        "Deny under a condition",
        RAISE,
        &[
            allow!(r#""iam:CreateUser""#),
            deny!(r#""iam:CreateUser""# if r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#),
        ],
        "unknown",
        &["iam:CreateUser", "aws:MultiFactorAuthPresent"],
    ),
    case(
        "an unknown action",
        RAISE,
        &[allow!(r#""iam:BecomeAdministrator""#)],
        "unknown",
        &["iam:BecomeAdministrator", "no known action"],
    ),
    within(
        r#"{"Effect": "Allow", "Action": ["s3:*", "organizations:*", "cloudtrail:*", "cloudwatch:*", "cloudformation:*"], "Resource": "*"}"#,
        case(
            "boundary that makes it safe",
            RAISE,
            &[allow!(r#""iam:*""#)],
            "pass",
            &[],
        ),
    ),
    within(
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#,
        case(
            "boundary that does not",
            RAISE,
            &[allow!(r#""iam:CreateUser""#)],
            "fail",
            &["iam:CreateUser"],
        ),
    ),
    within(
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}"#,
        case(
            "boundary under a condition",
            RAISE,
            &[allow!(r#""iam:CreateUser""#)],
            "unknown",
            &["aws:RequestedRegion"],
        ),
    ),
    case("billing alone", ONLY, &[], "pass", &[]),
    case(
        "CloseAccount",
        ONLY,
        &[allow!(r#""organizations:CloseAccount""#)],
        "fail",
        &["organizations:CloseAccount"],
    ),
    case(
        "all of a service",
        ONLY,
        &[allow!(r#""lambda:*", "sts:*""#)],
        "fail",
        &["sts:*", "lambda:*"],
    ),
    case(
        "everything",
        ONLY,
        &[ADMIN],
        "fail",
        &["iam:*", "more actions"],
    ),
    case(
        "everything but",
        ONLY,
        &[r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}"#],
        "fail",
        &["organizations:*"],
    ),
    case(
        "a stronger role, taken by the partner",
        ONLY,
        &[allow!(r#""sts:AssumeRole""# on "arn:aws:iam::111111111111:role/Admin")],
        "fail",
        &["sts:AssumeRole", "PartnerBilling as Admin: iam:*"],
    ),
    case(
        "only with a second factor",
        ONLY,
        &[allow!(r#""ec2:RunInstances""# if r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#)],
        "unknown",
        &["ec2:RunInstances", "aws:MultiFactorAuthPresent"],
    ),
    case(
        "unknown facts",
        ONLY,
        &[allow!(r#""newservice:Do""#)],
        "unknown",
        &["newservice:Do is no known action"],
    ),
    case(
        "billing that is new",
        ONLY,
        &[allow!(r#""billing:NewThing""#)],
        "pass",
        &[],
    ),
    case(
        "guardrails of the organization",
        PARTNER_RAISE,
        &[allow!(r#""organizations:DetachPolicy""#)],
        "fail",
        &["organizations:DetachPolicy"],
    ),
    case(
        "one action of billing",
        NO_BILLING,
        &[allow!(r#""tax:*""#)],
        "fail",
        &["tax:*"],
    ),
    case(
        "budgets",
        NO_BILLING,
        &[allow!(r#""budgets:ViewBudget""#)],
        "fail",
        &["budgets:ViewBudget"],
    ),
    case(
        "exports of the bill",
        NO_BILLING,
        &[allow!(r#""bcm-data-exports:*""#)],
        "fail",
        &["bcm-data-exports:*"],
    ),
    case(
        "public prices",
        NO_BILLING,
        &[allow!(r#""pricing:*""#)],
        "pass",
        &[],
    ),
    case(
        "everything, billing among it",
        NO_BILLING,
        &[ADMIN],
        "fail",
        &["billing:*"],
    ),
    case(
        "everything, billing denied",
        NO_BILLING,
        &[
            ADMIN,
            deny!(
                r#""aws-portal:*", "bcm-dashboards:*", "bcm-data-exports:*", "bcm-pricing-calculator:*", "bcm-recommended-actions:*", "billing:*", "billingconductor:*", "budgets:*", "ce:*", "consolidatedbilling:*", "cost-optimization-hub:*", "cur:*", "freetier:*", "invoicing:*", "mapcredits:*", "payments:*", "purchase-orders:*", "savingsplans:*", "tax:*""#
            ),
        ],
        "fail",
        &["CustomerSecurity as PartnerBilling: aws-portal:*"],
    ),
    case(
        "everything, billing and roles denied",
        NO_BILLING,
        &[
            ADMIN,
            deny!(
                r#""aws-portal:*", "bcm-dashboards:*", "bcm-data-exports:*", "bcm-pricing-calculator:*", "bcm-recommended-actions:*", "billing:*", "billingconductor:*", "budgets:*", "ce:*", "consolidatedbilling:*", "cost-optimization-hub:*", "cur:*", "freetier:*", "invoicing:*", "mapcredits:*", "payments:*", "purchase-orders:*", "savingsplans:*", "tax:*", "sts:AssumeRole""#
            ),
        ],
        "pass",
        &[],
    ),
    case(
        "what it is for is denied",
        ACCESS,
        &[deny!(r#""s3:CreateBucket""#)],
        "fail",
        &["s3:CreateBucket is denied"],
    ),
    case(
        "what it is for under a condition",
        ACCESS,
        &[deny!(r#""s3:*""# if r#"{"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}"#)],
        "unknown",
        &["s3:CreateBucket", "aws:RequestedRegion"],
    ),
];

fn others() -> Vec<PayerRole> {
    let buckets = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;
    let functions = r#"{"Service": "lambda.amazonaws.com"}"#;
    vec![
        role("Admin", &[ADMIN], None),
        trusting(role("Functions", &[ADMIN], None), functions),
        trusting(role("Buckets", &[buckets], None), functions),
        role("BucketsByAccount", &[buckets], None),
    ]
}

fn with_role(of: RoleCase) -> PayerFacts {
    let mut facts = all_right();
    let is_partner = of.check.starts_with("partner");
    let (customer, partner): (&[&str], &[&str]) = if is_partner {
        (&[], of.more)
    } else {
        (of.more, &[])
    };
    let one = |name: &str, own: &str, more: &[&str], boundary| {
        let statements: Vec<&str> = [own].into_iter().chain(more.iter().copied()).collect();
        role(name, &statements, boundary)
    };
    let (mine, theirs) = if is_partner {
        (None, of.boundary)
    } else {
        (of.boundary, None)
    };
    let mut roles = vec![
        one("CustomerSecurity", CUSTOMERS, customer, mine),
        one("PartnerBilling", PARTNERS, partner, theirs),
    ];
    roles.extend(others());
    facts.roles = Ok(roles);
    facts
}

#[test]
fn those_who_can_take_over_do_not_pass() {
    let mut wrong = Vec::new();
    for of in CASES {
        let of = *of;
        let (name, check, status, evidence) = (of.name, of.check, of.status, of.evidence);
        let (seen, said) = row(&found(&with_role(of)), check);
        let is_said = evidence.iter().all(|it| said.contains(it));
        // simulation samples do not detect it
        let is_apart = status != "fail" || said.contains("by simulation: none of");
        if seen != status || !is_said || !is_apart {
            wrong.push(format!("{name}: {seen}, not {status}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_role_that_is_not_there_fails_whatever_else_is_known() {
    let mut facts = all_right();
    facts.roles = Ok(vec![role("PartnerBilling", &[PARTNERS], None)]);
    let checks = found(&facts);
    for check in [ACCESS, NO_BILLING, RAISE] {
        let (status, said) = row(&checks, check);
        assert_eq!(status, "fail", "{check}: {said}");
        assert!(said.contains("no role `CustomerSecurity`"), "{said}");
    }
    assert_eq!(row(&checks, ONLY).0, "pass");
}

#[test]
fn what_cannot_be_read_is_not_known_and_named() {
    let denied = UnreadFact {
        action: "iam:GetPolicyVersion".to_owned(),
        reason: "AccessDenied".to_owned(),
        passing: false,
    };
    let mut unreadable = role("PartnerBilling", &[PARTNERS], None);
    unreadable.policies = Err(denied);
    let mut broken = role("PartnerBilling", &[PARTNERS], None);
    broken.policies = Ok(RolePolicies {
        arn: arn("PartnerBilling"),
        identity: vec![policy("odd", &[r#"{"Effect": "Maybe", "Action": "*"}"#])],
        boundary: None,
    });
    for (role, wanted) in [
        (unreadable, "iam:GetPolicyVersion"),
        (broken, "policy `odd`"),
    ] {
        let mut facts = all_right();
        facts.roles = Ok(vec![
            crate::payer::role("CustomerSecurity", &[CUSTOMERS], None),
            role,
        ]);
        let (status, said) = row(&found(&facts), ONLY);
        assert_eq!(status, "unknown");
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn a_role_that_names_another_is_taken_without_a_policy_that_says_so() {
    let partner = format!(r#"{{"AWS": "{}"}}"#, arn("PartnerBilling"));
    let middle = trusting(role("Middle", &[PARTNERS], None), &partner);
    let direct = trusting(role("Admin", &[ADMIN], None), &partner);
    let behind = trusting(
        role("Admin", &[ADMIN], None),
        &format!(r#"{{"AWS": "{}"}}"#, arn("Middle")),
    );
    let others = trusting(
        role("Admin", &[ADMIN], None),
        r#"{"AWS": "arn:aws:iam::111111111111:role/Other"}"#,
    );
    for (more, status) in [
        (vec![direct], "fail"),
        (vec![middle.clone(), behind], "fail"),
        (vec![middle, others], "pass"),
    ] {
        let mut facts = all_right();
        let mut roles = vec![
            role("CustomerSecurity", &[CUSTOMERS], None),
            role("PartnerBilling", &[PARTNERS], None),
        ];
        roles.extend(more);
        facts.roles = Ok(roles);
        for check in [ONLY, PARTNER_RAISE] {
            let (seen, said) = row(&found(&facts), check);
            assert_eq!(seen, status, "{check}: {said}");
        }
    }
}

#[test]
fn what_runs_already_with_a_stronger_role_leaves_it_open() {
    let mut facts = all_right();
    let stack = r#"{"Service": "cloudformation.amazonaws.com"}"#;
    facts.roles = Ok(vec![
        role("CustomerSecurity", &[CUSTOMERS], None),
        role("PartnerBilling", &[PARTNERS], None),
        trusting(role("Stacks", &[ADMIN], None), stack),
    ]);
    let (status, said) = row(&found(&facts), RAISE);
    assert_eq!(status, "unknown");
    assert!(
        said.contains("cloudformation:UpdateStack") && said.contains("Stacks"),
        "{said}"
    );
}

#[tokio::test]
async fn a_policy_that_the_listing_leaves_out_is_asked_for() {
    let admin = policy("", &[ADMIN]).text;
    let calls = || {
        account()
            .making("GetAccountAuthorizationDetails", |input| {
                if input["Filter"][0] != "Role" {
                    return json!({"Policies": []});
                }
                let row = |name: &str, attached: &str| {
                    json!({"RoleName": name, "Arn": arn(name), "AssumeRolePolicyDocument": policy("", &[]).text,
                        "AttachedManagedPolicies": [{"PolicyArn": attached}]})
                };
                json!({"RoleDetailList": [row("CustomerSecurity", "arn:aws:iam::aws:policy/A"), row("PartnerBilling", "arn:aws:iam::aws:policy/A")]})
            })
            .with("GetPolicy", json!({"Policy": {"DefaultVersionId": "v3"}}))
    };
    let with = calls().with(
        "GetPolicyVersion",
        json!({"PolicyVersion": {"Document": admin}}),
    );
    let (status, said) = row(&read(&with).await, ONLY);
    assert_eq!(status, "fail");
    assert!(said.contains("iam:*"), "{said}");
    let (status, said) = row(&read(&calls()).await, ONLY);
    assert_eq!(status, "unknown");
    assert!(said.contains("iam:GetPolicyVersion"), "{said}");
}
