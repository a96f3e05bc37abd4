//! IAM: calls saved by report and details, without lost data.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_inventory::{SliceOutcome, SyncGroup};
use serde_json::{Value, json};

use crate::world::{MANAGEMENT, World, collected, denied, failed};

const IAM: [SyncGroup; 1] = [SyncGroup::Iam];

/// `inventory.md` §1.3: with the report and the details, a user without key and second factor costs
/// no call.
#[tokio::test]
async fn calls_are_as_many_as_the_formula_says() {
    let world = World::default();
    collected(&world, &IAM).await;
    let accounts = world.accounts.len() - 1;
    for (operation, of_each) in [
        ("GenerateCredentialReport", 1),
        ("GetCredentialReport", 1),
        ("GetAccountAuthorizationDetails", 1),
        ("ListUsers", 2),
        ("ListUserTags", 0),
        ("GetLoginProfile", 0),
        ("ListAccessKeys", 1),
        ("GetAccessKeyLastUsed", 2),
        ("ListMFADevices", 1),
        ("ListVirtualMFADevices", 1),
        ("ListRoles", 1),
        ("GetRole", 0),
        ("GetAccountSummary", 1),
        ("GetAccountPasswordPolicy", 1),
        ("GetAccountProperties", 1),
        ("GetOutboundWebIdentityFederationInfo", 1),
        ("ListDelegationRequests", 2),
        ("ListSAMLProviders", 1),
        ("ListOpenIDConnectProviders", 1),
    ] {
        assert_eq!(world.count(operation), of_each * accounts, "{operation}");
    }
}

#[tokio::test]
async fn rows_of_users_join_answers_report_and_details() {
    let kept = collected(&World::default(), &IAM).await;
    let arn = format!("arn:aws:iam::{MANAGEMENT}:user/u0");
    let users = kept.rows("aws_iam_users");
    let user = users.iter().find(|it| it["arn"] == arn.as_str()).unwrap();
    assert_eq!(user["password_enabled"], true);
    assert_eq!(user["password_last_used"], "2026-10-01T00:00:00Z");
    assert_eq!(user["mfa_active"], false);
    assert_eq!(user["tags"], json!({"email": "x@example.test"}));
    assert!(
        users
            .iter()
            .all(|it| !it["arn"].as_str().unwrap().ends_with(":root"))
    );
    let lines = kept.rows("aws_iam_credential_reports");
    let root = lines
        .iter()
        .find(|it| it["report_user"] == "<root_account>")
        .unwrap();
    assert_eq!(root["report_password_enabled"], Value::Null);
    assert_eq!(root["report_mfa_active"], true);
    assert_eq!(root["report_access_key_1_last_rotated"], Value::Null);
    assert_eq!(root["extra"], json!({"new_column": "later"}));
    let keys = kept.rows("aws_iam_user_access_keys");
    let unused = keys
        .iter()
        .find(|it| it["access_key_id"] == format!("A{MANAGEMENT}").as_str());
    let unused = unused.unwrap();
    for column in ["last_used", "last_used_service_name", "last_used_region"] {
        assert_eq!(unused[column], Value::Null, "{column}");
    }
    assert_eq!(unused["user_cq_id"], user["cq_id"]);
    let kinds = kept.rows("aws_iam_mfa_devices");
    let kinds: Vec<&Value> = kinds.iter().map(|it| &it["mfa_kind"]).collect();
    assert!(
        kinds.contains(&&json!("root")) && kinds.contains(&&json!("webauthn")),
        "{kinds:?}"
    );
    let policies = kept.rows("aws_iam_policies");
    assert_eq!(policies[0]["document"], json!({"Statement": []}));
    let attachments = kept.rows("aws_iam_policy_attachments");
    let of_user = attachments
        .iter()
        .filter(|it| it["entity_cq_id"] == user["cq_id"]);
    assert_eq!(of_user.count(), 2);
    let roles = kept.rows("aws_iam_roles");
    assert_eq!(roles[0]["max_session_duration"], 3600);
    let members = kept.rows("aws_iam_group_members");
    assert!(
        members
            .iter()
            .any(|it| it["member_user_cq_id"] == user["cq_id"])
    );
    let summary = kept.rows("aws_iam_account_summary");
    assert_eq!(summary[0]["password_policy"], Value::Null);
}

/// `inventory.md` T-24: access other than by Identity Center.
#[tokio::test]
async fn other_ways_into_an_account_are_rows() {
    let kept = collected(&World::default(), &IAM).await;
    let roles = kept.rows("aws_iam_roles");
    assert_eq!(
        roles[0]["source_template_arn"],
        "arn:aws:iam::aws:role-template/t"
    );
    assert_eq!(roles[0]["source_template_version"], 2);
    assert_eq!(roles[0]["max_signin_session_duration"], 86400);
    let properties = kept.rows("aws_iam_account_properties");
    assert_eq!(
        properties[0]["properties"],
        json!({"RoleManager/Enabled": "true"})
    );
    assert_eq!(properties[0]["outbound_federation"], true);
    assert_eq!(properties[0]["outbound_issuer"], "https://i.example");
    let requests = kept.rows("aws_iam_delegation_requests");
    let own = requests
        .iter()
        .filter(|it| it["delegation_account_id"] == MANAGEMENT);
    let own: Vec<_> = own.collect();
    assert_eq!(own.len(), 4, "of two pages: {requests:?}");
    assert_eq!(own[0]["state"], "FINALIZED");
    assert_eq!(own[0]["permission_policy"], json!({"Statement": []}));
    assert_eq!(own[0]["session_duration"], 3600);
    let providers = kept.rows("aws_iam_identity_providers");
    let of = |kind: &str| {
        let mut found = providers.iter();
        found.find(|it| it["provider_type"] == kind).unwrap()
    };
    assert_eq!(of("SAML")["trusted_identity_propagation"], true);
    assert_eq!(of("OIDC")["trusted_identity_propagation"], Value::Null);
    assert_eq!(of("OIDC")["valid_until"], Value::Null);
}

/// AWS reports a disabled feature as an error, and omits an empty map.
#[tokio::test]
async fn an_account_that_shows_nobody_outside_is_no_failure() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            (operation == "GetOutboundWebIdentityFederationInfo")
                .then(|| failed("call", operation, "FeatureDisabled", 404))
        }),
        instead: [("GetAccountProperties", json!({}))].into(),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let properties = kept.rows("aws_iam_account_properties");
    assert_eq!(properties[0]["outbound_federation"], false);
    assert_eq!(properties[0]["properties"], json!({}));

    let world = World {
        trouble: Box::new(|_, _, operation| {
            (operation == "GetOutboundWebIdentityFederationInfo").then(|| denied(operation))
        }),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    let outcome = kept.outcome("aws_iam_account_properties", Some(MANAGEMENT));
    assert!(matches!(outcome, SliceOutcome::Failed { .. }));
    let others = kept.outcome("aws_iam_account_summary", Some(MANAGEMENT));
    assert!(matches!(others, SliceOutcome::Ok { .. }), "{others:?}");
}

/// `inventory.md` T-15: 404 while generated, 410 if missing or too old, both with a time limit.
#[tokio::test]
async fn a_report_is_waited_for() {
    let world = World {
        report_says: Mutex::new(vec![404, 410, 404]),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    assert!(*world.paused.lock().unwrap() >= Duration::from_secs(3));
    assert_eq!(world.count("GenerateCredentialReport"), 5);

    let world = World {
        report_says: Mutex::new(vec![404; 1_000]),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    for (table, is_lost) in [
        ("aws_iam_credential_reports", true),
        ("aws_iam_users", true),
        ("aws_iam_user_access_keys", false),
        ("aws_iam_mfa_devices", false),
        ("aws_iam_roles", false),
    ] {
        let outcome = kept.outcome(table, Some(MANAGEMENT));
        assert_eq!(
            matches!(outcome, SliceOutcome::Failed { .. }),
            is_lost,
            "{table}"
        );
    }
    let most = Duration::from_secs(127 * 4);
    assert!(
        *world.paused.lock().unwrap() <= most,
        "a minute and the last pause, each"
    );
}

/// Without the report, all users are read.
#[tokio::test]
async fn without_the_report_every_user_is_asked_for_keys() {
    let world = World {
        trouble: Box::new(|_, _, operation| {
            (operation == "GenerateCredentialReport").then(|| denied(operation))
        }),
        ..World::default()
    };
    collected(&world, &IAM).await;
    let accounts = world.accounts.len() - 1;
    assert_eq!(world.count("ListAccessKeys"), world.users * accounts);
    assert_eq!(world.count("ListMFADevices"), world.users * accounts);
}

/// `inventory.md` T-16, T-19: a user created since the report.
#[tokio::test]
async fn a_user_whom_the_report_does_not_know_is_asked_for() {
    let world = World {
        instead: [
            (
                "ListUsers",
                json!({"Users": [{"UserName": "new", "UserId": "AIDANEW",
            "Arn": "arn:aws:iam::1:user/new", "Path": "/", "CreateDate": "2026-11-20T00:00:00Z"}]}),
            ),
            ("ListUserTags", json!({"Tags": []})),
        ]
        .into(),
        trouble: Box::new(|_, _, operation| {
            let is_it = operation == "GetLoginProfile";
            is_it.then(|| failed("call", operation, "NoSuchEntity", 404))
        }),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    let user = &kept.rows("aws_iam_users")[0];
    assert_eq!(user["password_enabled"], false);
    assert_eq!(user["password_last_used"], Value::Null);
    assert_eq!(user["tags"], json!({}));
    assert!(world.count("ListAccessKeys") > 0, "it may have keys");
}

/// `inventory.md` T-16: the report complements the list.
#[tokio::test]
async fn the_report_says_when_a_password_was_used_where_the_list_does_not() {
    let user = |name: &str, used: Value| {
        json!({"UserName": name, "UserId": name, "Path": "/", "CreateDate": "2020-01-01T00:00:00Z",
            "Arn": format!("arn:aws:iam::1:user/{name}"), "PasswordLastUsed": used})
    };
    let line = |name: &str, used: &str| {
        format!(
            "{name},arn:aws:iam::1:user/{name},2020-01-01T00:00:00+00:00,true,{used},N/A,N/A,false,false,N/A,false,N/A,x"
        )
    };
    let (old, new) = ("2026-01-01T00:00:00+00:00", "2026-02-02T00:00:00Z");
    let lines = [
        World::default().report,
        line("said", old),
        line("unsaid", old),
        line("never", "no_information"),
    ];
    let report = json!({"Content": STANDARD.encode(lines.join("\n")), "GeneratedTime": "2026-11-19T22:00:00Z"});
    let users = json!({"Users": [user("said", json!(new)), user("unsaid", Value::Null), user("never", Value::Null)]});
    let world = World {
        instead: [
            ("GetCredentialReport", report),
            ("ListUsers", users),
            ("ListUserTags", json!({"Tags": []})),
        ]
        .into(),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    let rows = kept.rows("aws_iam_users");
    let password_used = |name: &str| {
        let row = rows.iter().find(|it| it["user_name"] == name).unwrap();
        row["password_last_used"].clone()
    };
    assert_eq!(password_used("said"), new);
    assert_eq!(password_used("unsaid"), "2026-01-01T00:00:00Z");
    assert_eq!(password_used("never"), Value::Null);
}

/// `inventory.md` T-18: invalid JSON is stored as text, and counted.
#[tokio::test]
async fn a_policy_that_is_no_json_is_kept_as_text_and_counted() {
    let policy = |name: &str, document: &str| {
        json!({"PolicyName": name, "Arn": format!("arn:aws:iam::1:policy/{name}"), "AttachmentCount": 1, "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": document}]})
    };
    let details = json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [],
        "Policies": [policy("broken", "%7B%22a"), policy("fine", "%7B%7D")]});
    let world = World {
        instead: [
            ("GetAccountAuthorizationDetails", details),
            ("ListUserTags", json!({"Tags": []})),
        ]
        .into(),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    let rows = kept.rows("aws_iam_policies");
    assert_eq!(rows[0]["document"], "%7B%22a");
    assert_eq!(rows[1]["document"], json!({}));
    let notes = kept.notes.borrow();
    let expected = format!("{MANAGEMENT}: 1 policies are no JSON, and kept as text");
    assert!(notes.contains(&expected), "{notes:?}");
}

/// `inventory.md` W-12: a role in the details, but deleted before later reads.
#[tokio::test]
async fn a_role_that_goes_away_meanwhile_is_left_out_with_a_note() {
    let role = |name: &str| {
        json!({"RoleName": name, "Arn": format!("arn:aws:iam::1:role/{name}"), "Path": "/",
            "AssumeRolePolicyDocument": "%7B%7D", "Tags": []})
    };
    let details = json!({"UserDetailList": [], "GroupDetailList": [], "Policies": [],
        "RoleDetailList": [role("stays"), role("goes")]});
    let stays = json!({"RoleName": "stays", "Arn": "arn:aws:iam::1:role/stays", "MaxSessionDuration": 3600});
    let world = World {
        instead: [
            ("GetAccountAuthorizationDetails", details),
            ("ListRoles", json!({"Roles": [stays]})),
            ("ListUserTags", json!({"Tags": []})),
        ]
        .into(),
        trouble: Box::new(|_, _, operation| {
            (operation == "GetRole").then(|| failed("call", operation, "NoSuchEntity", 404))
        }),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let rows = kept.rows("aws_iam_roles");
    assert!(!rows.is_empty() && rows.iter().all(|it| it["role_name"] == "stays"));
    let note = format!("{MANAGEMENT}: role goes went away while it was read");
    assert!(
        kept.notes.borrow().contains(&note),
        "{:?}",
        kept.notes.borrow()
    );
}

/// A recreated user shares only the name with the one in the report.
#[tokio::test]
async fn a_line_of_the_report_is_of_the_user_who_was_made_then() {
    let world = World {
        instead: [
            (
                "ListUsers",
                json!({"Users": [{"UserName": "u0", "UserId": "AIDANEW", "Path": "/",
                    "Arn": format!("arn:aws:iam::{MANAGEMENT}:user/u0"), "CreateDate": "2026-11-19T23:00:00Z"}]}),
            ),
            ("ListUserTags", json!({"Tags": []})),
        ]
        .into(),
        trouble: Box::new(|_, _, operation| {
            let is_it = operation == "GetLoginProfile";
            is_it.then(|| failed("call", operation, "NoSuchEntity", 404))
        }),
        ..World::default()
    };
    let kept = collected(&world, &IAM).await;
    let rows = kept.rows("aws_iam_users");
    // the report has a password for another `u0` there
    assert!(!rows.is_empty() && rows.iter().all(|it| it["password_enabled"] == false));
    assert!(
        rows.iter().all(|it| it["mfa_active"] == Value::Null),
        "{rows:?}"
    );
}
