//! Decisions of generated perimeters (`policies.md` §7.3).

use hallpass_iam::generate::Layout;
use hallpass_iam::generate::ids::{Lengths, Partition};
use hallpass_iam::generate::perimeter::{
    Attachment, Bounds, Missing, Objects, PerimeterScope, PerimeterSpec, Services, Side, perimeter,
};
use serde_json::{Value, json};

use crate::guard_rows::{allow, allow_everybody, check, full_access, over};

fn wish(side: Side, scope: Option<PerimeterScope>, bounds: Bounds<'_>) -> PerimeterSpec<'_> {
    PerimeterSpec {
        side,
        scope,
        bounds,
        attachment: match side {
            Side::Resource | Side::Network => Attachment::Scp,
            Side::Identity => Attachment::Rcp,
        },
        actions: &[],
        objects: Objects::AndTheRest,
        exempt_roles: &[],
        exempt_accounts: &[],
        missing: Missing::Deny,
        services: Services::Exempt,
        partition: Partition::Aws,
        lengths: Lengths::Lenient,
    }
}

fn made(wish: PerimeterSpec<'_>) -> Value {
    let actions = ["s3:*".to_owned()];
    let wish = PerimeterSpec {
        actions: &actions,
        ..wish
    };
    let made = perimeter(&wish).unwrap();
    serde_json::from_str(&made.policy.text(Layout::Minified)).unwrap()
}

fn by_ids(side: Side, scope: Option<PerimeterScope>, ids: &[&str], missing: Missing) -> Value {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    made(PerimeterSpec {
        missing,
        ..wish(side, scope, Bounds::Ids(&ids))
    })
}

const MEDIA: &str = "o-acorg/r-acroot/ou-acroot-mediaou/";
const SPORTS: &str = "o-acorg/r-acroot/ou-acroot-sportsou/";
const GOVERNANCE: &str = "o-acorg/r-acroot/ou-acroot-governance/";

fn p_acct(missing: Missing) -> Value {
    by_ids(
        Side::Resource,
        Some(PerimeterScope::Account),
        &["222222222222"],
        missing,
    )
}

fn p_ou() -> Value {
    let sports = format!("{SPORTS}*");
    let ids = [MEDIA, &sports];
    by_ids(
        Side::Resource,
        Some(PerimeterScope::Unit),
        &ids,
        Missing::Deny,
    )
}

fn p_org() -> Value {
    made(PerimeterSpec {
        objects: Objects::Only,
        ..wish(
            Side::Resource,
            Some(PerimeterScope::Organization),
            Bounds::OfTheCaller,
        )
    })
}

fn held(scp: &Value, more: &Value) -> Value {
    let base = json!({
        "principal": "arn:aws:sts::222222222222:assumed-role/Dev/alice",
        "action": "s3:PutObject",
        "resource": "arn:aws:s3:::b/k",
        "resourceAccount": "333333333333",
        "context": {},
        "identityPolicies": [allow("s3:*")],
        "resourcePolicy": allow_everybody("s3:*"),
        "scps": [[full_access(), scp]],
    });
    over(&base, more)
}

#[test]
fn trusted_resources_by_account() {
    let scp = p_acct(Missing::Deny);
    let get = |account: &str| {
        json!({"action": "s3:GetObject", "resourceAccount": account,
               "context": {"aws:ResourceAccount": account}})
    };
    let listing = json!({"action": "s3:ListAllMyBuckets", "resource": "*",
                         "resourceAccount": "222222222222", "resourcePolicy": null});
    let instances = over(&listing, &json!({"action": "ec2:DescribeInstances"}));
    check(&[
        ("1", held(&scp, &get("222222222222")), "A"),
        (
            "2",
            held(&scp, &get("333333333333")),
            "XD DenyOutsideBoundary",
        ),
        ("3", held(&scp, &listing), "XD DenyOutsideBoundary"),
        ("4", held(&p_acct(Missing::Allow), &listing), "A"),
        ("5", held(&scp, &instances), "ID"),
    ]);
}

#[test]
fn trusted_resources_by_unit() {
    let scp = p_ou();
    let put = |path: &str| held(&scp, &json!({"context": {"aws:ResourceOrgPaths": [path]}}));
    check(&[
        ("6", put(MEDIA), "A"),
        (
            "7",
            put(&format!("{MEDIA}ou-acroot-sub/")),
            "XD DenyOutsideBoundary",
        ),
        ("8 itself", put(SPORTS), "A"),
        ("8 below", put(&format!("{SPORTS}ou-acroot-baseball/")), "A"),
        ("9", put(GOVERNANCE), "XD DenyOutsideBoundary"),
        ("10", held(&scp, &json!({})), "XD DenyOutsideBoundary"),
    ]);
}

#[test]
fn trusted_resources_by_organization() {
    let scp = p_org();
    let put = |context: Value| held(&scp, &json!({"context": context}));
    let both = |resource: &str| json!({"aws:ResourceOrgID": resource, "aws:PrincipalOrgID": "o-a"});
    let bucket = json!({"action": "s3:ListBucket", "resource": "arn:aws:s3:::b",
                        "context": both("o-b")});
    let foreign = json!({"context": {"aws:ResourceOrgID": "o-b",
                                     "aws:ResourceAccount": "333333333333"},
                         "flags": {"managementAccount": true}});
    check(&[
        ("11", put(both("o-a")), "A"),
        ("12", put(both("o-b")), "XD DenyOutsideBoundary"),
        (
            "13",
            put(json!({"aws:ResourceOrgID": "o-a"})),
            "XD DenyOutsideBoundary",
        ),
        ("14", put(json!({})), "XD DenyOutsideBoundary"),
        ("15", held(&scp, &bucket), "A"),
        ("16 P-ORG", held(&scp, &foreign), "A"),
        ("16 P-OU", held(&p_ou(), &foreign), "A"),
        ("16 P-ACCT", held(&p_acct(Missing::Deny), &foreign), "A"),
    ]);
}

fn guarded(rcp: &Value, more: &Value) -> Value {
    let base = json!({
        "principal": "arn:aws:sts::333333333333:assumed-role/Dev/mallory",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/k",
        "resourceAccount": "222222222222",
        "context": {"aws:PrincipalOrgID": "o-b"},
        "identityPolicies": [allow("s3:*")],
        "resourcePolicy": allow_everybody("s3:*"),
        "rcps": [[rcp]],
    });
    over(&base, more)
}

#[test]
fn trusted_identities() {
    let ids = ["o-a".to_owned()];
    let wish = wish(
        Side::Identity,
        Some(PerimeterScope::Organization),
        Bounds::Ids(&ids),
    );
    let rcp = made(wish);
    let strict = made(PerimeterSpec {
        services: Services::Held,
        ..wish
    });
    let inside = json!({"principal": "arn:aws:sts::444444444444:assumed-role/Dev/alice",
                        "context": {"aws:PrincipalOrgID": "o-a"}});
    let trail = |policy: Value| {
        let mut case = guarded(&rcp, &json!({"principal": "cloudtrail.amazonaws.com"}));
        case["context"] = json!({"aws:PrincipalIsAWSService": "true"});
        case["resourcePolicy"] = policy;
        case
    };
    let mut strict_trail = trail(allow_everybody("s3:*"));
    strict_trail["rcps"] = json!([[strict]]);
    check(&[
        ("17", guarded(&rcp, &json!({})), "XD DenyOutsideBoundary"),
        ("17 inside", guarded(&rcp, &inside), "A"),
        ("18", trail(allow_everybody("s3:*")), "A"),
        ("18 without the bucket", trail(Value::Null), "ID"),
        ("19", strict_trail, "XD DenyOutsideBoundary"),
    ]);
}

#[test]
fn expected_networks() {
    let ids = ["3.120.10.0/24", "vpc-1"];
    let scp = by_ids(Side::Network, None, &ids, Missing::Deny);
    let get = |context: Value| held(&scp, &json!({"action": "s3:GetObject", "context": context}));
    check(&[
        (
            "20 elsewhere",
            get(json!({"aws:SourceIp": "8.8.8.8"})),
            "XD DenyOutsideBoundary",
        ),
        ("20 endpoint", get(json!({"aws:SourceVpc": "vpc-1"})), "A"),
        (
            "20 service",
            get(json!({"aws:SourceIp": "8.8.8.8", "aws:ViaAWSService": "true"})),
            "A",
        ),
        ("20 listed", get(json!({"aws:SourceIp": "3.120.10.9"})), "A"),
        (
            "20 other endpoint",
            get(json!({"aws:SourceVpc": "vpc-2"})),
            "XD DenyOutsideBoundary",
        ),
        (
            "20 IPv6",
            get(json!({"aws:SourceIp": "2001:db8::1"})),
            "XD DenyOutsideBoundary",
        ),
    ]);
}

#[test]
fn exempt_accounts_and_roles_are_inside() {
    let (ids, accounts) = (["o-a".to_owned()], ["333333333333".to_owned()]);
    let roles = ["arn:aws:iam::*:role/break-glass".to_owned()];
    let scp = made(PerimeterSpec {
        exempt_accounts: &accounts,
        exempt_roles: &roles,
        ..wish(
            Side::Resource,
            Some(PerimeterScope::Organization),
            Bounds::Ids(&ids),
        )
    });
    let of = |account: &str, role: &str| {
        held(
            &scp,
            &json!({"context": {
                "aws:ResourceOrgID": "o-b",
                "aws:ResourceAccount": account,
                "aws:PrincipalArn": format!("arn:aws:iam::222222222222:role/{role}"),
            }}),
        )
    };
    check(&[
        ("exempt account", of("333333333333", "Dev"), "A"),
        (
            "other account",
            of("444444444444", "Dev"),
            "XD DenyOutsideBoundary",
        ),
        ("exempt role", of("444444444444", "break-glass"), "A"),
    ]);
}
