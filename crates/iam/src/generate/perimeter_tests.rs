//! Output and refusals of the perimeter generator. Decisions are in `tests/it/perimeter.rs`.

use super::*;
use crate::generate::Layout;

fn made(flags: &str) -> Result<Generated, String> {
    let (mut ids, mut actions) = (Vec::new(), Vec::new());
    let (mut roles, mut accounts) = (Vec::new(), Vec::new());
    let (mut side, mut scope, mut attachment) = (Side::Resource, None, Attachment::Scp);
    let (mut missing, mut services) = (Missing::Deny, Services::Exempt);
    let (mut dynamic, mut objects, mut lengths) = (false, Objects::AndTheRest, Lengths::Exact);
    let mut words = flags.split_whitespace();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap().to_owned();
        match word {
            "--id" => ids.push(value()),
            "--actions" => actions.push(value()),
            "--exempt-role" => roles.push(value()),
            "--exempt-account" => accounts.push(value()),
            "--dynamic" => dynamic = true,
            "--objects-only" => objects = Objects::Only,
            "--lenient-ids" => lengths = Lengths::Lenient,
            "--missing-allow" => missing = Missing::Allow,
            "--no-service-exempt" => services = Services::Held,
            "resource" => side = Side::Resource,
            "identity" => side = Side::Identity,
            "network" => side = Side::Network,
            "account" => scope = Some(PerimeterScope::Account),
            "ou" => scope = Some(PerimeterScope::Unit),
            "org" => scope = Some(PerimeterScope::Organization),
            "scp" => attachment = Attachment::Scp,
            "rcp" => attachment = Attachment::Rcp,
            "as-identity" => attachment = Attachment::Identity,
            "resource-policy" => attachment = Attachment::ResourcePolicy,
            _ => panic!("{word}"),
        }
    }
    if actions.is_empty() {
        actions.push("s3:*".to_owned());
    }
    perimeter(&PerimeterSpec {
        side,
        scope,
        bounds: if dynamic {
            Bounds::OfTheCaller
        } else {
            Bounds::Ids(&ids)
        },
        attachment,
        actions: &actions,
        objects,
        exempt_roles: &roles,
        exempt_accounts: &accounts,
        missing,
        services,
        partition: Partition::Aws,
        lengths,
    })
    .map_err(|error| match error {
        Unprintable::Unusable(bad) => format!("{} {}", bad.code, bad.pointer),
        Unprintable::Broken { code, message } => format!("{code} {message}"),
    })
}

/// Flags → everything between `"Deny",` and the end of the statement.
const WRITTEN: &[(&str, &str)] = &[
    (
        "resource ou --id o-acorg/r-acroot/ou-acroot-mediaou/ \
         --id o-acorg/r-acroot/ou-acroot-sportsou/* scp --lenient-ids",
        r#""Action":"s3:*","Resource":"*","Condition":{"ForAllValues:StringNotLike":{"aws:ResourceOrgPaths":["o-acorg/r-acroot/ou-acroot-mediaou/","o-acorg/r-acroot/ou-acroot-sportsou/*"]}}"#,
    ),
    (
        "resource account --id 222222222222 scp",
        r#""Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceAccount":["222222222222"]}}"#,
    ),
    (
        "resource org --dynamic scp --objects-only",
        r#""Action":"s3:*","Resource":"arn:aws:s3:::*/*","Condition":{"StringNotEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}"#,
    ),
    (
        "resource account --id 222222222222 --exempt-account 333333333333 \
         --exempt-role arn:aws:iam::*:role/break-glass --missing-allow scp",
        r#""Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceAccount":["222222222222","333333333333"]},"Null":{"aws:ResourceAccount":"false"},"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::*:role/break-glass"]}}"#,
    ),
    (
        "resource account --dynamic --exempt-account 333333333333 as-identity",
        r#""Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceAccount":["${aws:PrincipalAccount}","333333333333"]}}"#,
    ),
    (
        "resource org --id o-ab12cd34ef --exempt-account 333333333333 scp",
        r#""Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceOrgID":["o-ab12cd34ef"],"aws:ResourceAccount":["333333333333"]}}"#,
    ),
    (
        "identity org --id o-ab12cd34ef rcp",
        r#""Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":["o-ab12cd34ef"]},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}"#,
    ),
    (
        "identity org --dynamic resource-policy --no-service-exempt --actions s3:GetObject \
         --actions s3:ListBucket --actions s3:GetObject",
        r#""Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}"#,
    ),
    (
        "network --id 3.120.10.0/24 --id vpc-0a1b2c3d4e5f60718 --id 3.120.11.5 scp",
        r#""Action":"s3:*","Resource":"*","Condition":{"NotIpAddressIfExists":{"aws:SourceIp":["3.120.10.0/24","3.120.11.5"]},"StringNotEqualsIfExists":{"aws:SourceVpc":["vpc-0a1b2c3d4e5f60718"]},"BoolIfExists":{"aws:ViaAWSService":"false"}}"#,
    ),
    (
        "network --id 3.120.10.0/24 rcp",
        r#""Principal":"*","Action":"s3:*","Resource":"*","Condition":{"NotIpAddressIfExists":{"aws:SourceIp":["3.120.10.0/24"]},"BoolIfExists":{"aws:ViaAWSService":"false","aws:PrincipalIsAWSService":"false"}}"#,
    ),
];

#[test]
fn policies_are_written_as_agreed() {
    for (flags, want) in WRITTEN {
        let text = made(flags).unwrap().policy.text(Layout::Minified);
        let head = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"DenyOutsideBoundary\",\
                    \"Effect\":\"Deny\",";
        assert_eq!(text, format!("{head}{want}}}]}}\n"), "{flags}");
    }
}

/// Conflicting flags with their error; `-` for none.
const REFUSALS: [(&str, &str); 26] = [
    ("resource account --id o-ab12cd34ef scp", "E_ID --id"),
    ("resource org --id 222222222222 scp", "E_ID --id"),
    ("resource ou --id ou-ab12-cdef3456 scp", "E_ID --id"),
    ("resource org --id o-acorg scp", "E_ID --id"),
    (
        "resource ou --id o-ab12cd34ef/r-ab12/ou-ab12-cdef3456 scp",
        "E_PATH_SLASH --id",
    ),
    (
        "resource ou --id o-ab12cd34ef/r-ab12/ou-ab12-cdef3456* scp",
        "E_PATH_SLASH --id",
    ),
    ("identity org --id o-ab12cd34ef scp", "E_SIDE_TYPE --as"),
    (
        "identity org --id o-ab12cd34ef as-identity",
        "E_SIDE_TYPE --as",
    ),
    ("resource org --id o-ab12cd34ef rcp", "E_SIDE_TYPE --as"),
    (
        "identity org --id o-ab12cd34ef rcp --actions ec2:*",
        "E_RCP_SERVICE --actions",
    ),
    (
        "identity org --id o-ab12cd34ef rcp --actions *",
        "E_RCP_SERVICE --actions",
    ),
    (
        "identity org --id o-ab12cd34ef rcp --actions sts:AssumeRole",
        "-",
    ),
    (
        "resource org --id o-ab12cd34ef scp --actions GetObject",
        "E_ACTION --actions",
    ),
    (
        "resource org --id o-ab12cd34ef scp --actions s3:GetObjekt",
        "E_ACTION --actions",
    ),
    (
        "resource org --id o-ab12cd34ef scp --actions s*:Get",
        "E_ACTION --actions",
    ),
    (
        "resource org --id o-ab12cd34ef scp --actions sts:AssumeRole --objects-only",
        "E_ARG --objects-only",
    ),
    ("resource org scp", "E_ARG --id"),
    ("resource --id o-ab12cd34ef scp", "E_ARG --scope"),
    ("resource ou --dynamic scp", "E_ARG --dynamic"),
    ("network --dynamic scp", "E_ARG --dynamic"),
    ("network scp", "E_ARG --id"),
    (
        "network --id 3.1.2.3 --missing-allow scp",
        "E_ARG --when-missing",
    ),
    (
        "network --id 3.1.2.3 --exempt-account 222222222222 scp",
        "E_ARG --exempt-account",
    ),
    ("network --id o-ab12cd34ef scp", "E_ID --id"),
    (
        "resource org --id o-ab12cd34ef scp --exempt-account 1",
        "E_ID --exempt-account",
    ),
    (
        "resource org --id o-ab12cd34ef scp --exempt-role x",
        "E_ARN --exempt-role",
    ),
];

#[test]
fn what_cannot_hold_is_refused() {
    let mut wrong = Vec::new();
    for (flags, want) in REFUSALS {
        let got = made(flags).map_or_else(|error| error, |_| "-".to_owned());
        if got != want {
            wrong.push(format!("{flags}: {got}, want {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
