//! Delegating Identity Center: the table of `policies.md` §13, refusals, and lint results of copied
//! models.

use std::sync::Arc;

use hallpass_iam::generate::checked;
use hallpass_iam::generate::delegation::{
    DelegationGuard, DelegationQuestion, DelegationReport, DelegationSpec, Model, check, generate,
    guard,
};
use hallpass_iam::generate::ids::{Lengths, Partition};
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use serde_json::{Value, json};

use crate::table_cells::{ask, cells, fits, full_access};

const INSTANCE: &str = "ssoins-1111111111111111";
const SET: &str = "ps-1111111111111111";
const LISTED: &str = "222222222222";
const MANAGEMENT: &str = "999999999999";
const PRINCIPAL: &str = "arn:aws:sts::444444444444:assumed-role/Delegate/ana";

const CIRCULATED: [&str; 13] = [
    "sso:CreateAccountAssignment",
    "sso:DeleteAccountAssignment",
    "sso:ProvisionPermissionSet",
    "sso:CreatePermissionSet",
    "sso:UpdatePermissionSet",
    "sso:DeletePermissionSet",
    "sso:PutInlinePolicyToPermissionSet",
    "sso:DeleteInlinePolicyFromPermissionSet",
    "sso:AttachManagedPolicyToPermissionSet",
    "sso:DetachManagedPolicyFromPermissionSet",
    "sso:CreateInstanceAccessControlAttributeConfiguration",
    "sso:UpdateInstanceAccessControlAttributeConfiguration",
    "sso:DeleteInstanceAccessControlAttributeConfiguration",
];

fn wish(model: Model) -> DelegationSpec {
    DelegationSpec {
        model,
        instance: INSTANCE.to_owned(),
        accounts: vec![LISTED.to_owned()],
        permission_sets: match model {
            Model::Tags => Vec::new(),
            Model::Accounts | Model::PermissionSet => vec![SET.to_owned()],
        },
        tags: match model {
            Model::Tags => vec![
                "Environment=Development".parse().unwrap(),
                "OU=Test".parse().unwrap(),
            ],
            Model::Accounts | Model::PermissionSet => Vec::new(),
        },
        with_read: false,
        with_provision: false,
        management_account: Some(MANAGEMENT.to_owned()),
        partition: Partition::Aws,
        lengths: Lengths::Exact,
    }
}

fn instance() -> String {
    format!("arn:aws:sso:::instance/{INSTANCE}")
}

fn account(id: &str) -> String {
    format!("arn:aws:sso:::account/{id}")
}

fn set(id: &str) -> String {
    format!("arn:aws:sso:::permissionSet/{INSTANCE}/{id}")
}

fn policy(name: &str) -> Value {
    let allow =
        |resources: Value| json!({"Effect": "Allow", "Action": CIRCULATED, "Resource": resources});
    let statements = match name {
        "circulated 1" => json!([allow(json!([account(LISTED)]))]),
        "circulated 2" => json!([allow(json!([instance(), account("*"), set(SET)]))]),
        "circulated 3" => {
            let mut tagged = allow(json!([set("*")]));
            tagged["Condition"] = json!({"StringEquals": {
                "aws:ResourceTag/Environment": "Development", "aws:ResourceTag/OU": "Test"}});
            json!([tagged, allow(json!([instance(), account(LISTED)]))])
        }
        ours => {
            let model = match ours {
                "ours accounts" => Model::Accounts,
                "ours set" => Model::PermissionSet,
                _ => Model::Tags,
            };
            let wish = DelegationSpec {
                with_read: true,
                with_provision: true,
                ..wish(model)
            };
            let made = generate(&wish).unwrap();
            return serde_json::from_str(&made.draft.json()).unwrap();
        }
    };
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// row | model | action | resources | tags of the permission set | decisions, overall last
const TABLE: &str = "
1  | circulated 1 | CreateAccountAssignment | listed inst ps | | A ID ID ID
1a | circulated 1 | ProvisionPermissionSet | listed inst ps | | A ID ID ID
2  | circulated 1 | PutInlinePolicyToPermissionSet | inst ps | | ID ID ID
3  | circulated 2 | CreateAccountAssignment | other inst ps | | A A A A
3a | circulated 2 | CreateAccountAssignment | management inst ps | | A A A A
4  | circulated 2 | CreateAccountAssignment | other inst ps-2 | | A A ID ID
5  | circulated 2 | AttachManagedPolicyToPermissionSet | inst ps | | A A A
6  | circulated 2 | UpdateInstanceAccessControlAttributeConfiguration | inst | | A A
7  | circulated 3 | PutInlinePolicyToPermissionSet | inst ps | Development Test | A A A
8  | circulated 3 | CreateAccountAssignment | listed inst ps | Development Test | A A A A
8a | circulated 3 | CreateAccountAssignment | other inst ps | Development Test | ID A A ID
9  | circulated 3 | CreatePermissionSet | inst ps-* | | A ID ID
10 | circulated 3 | CreateAccountAssignment | listed inst-2 ps | Development Test | A ID A ID
11 | ours accounts | CreateAccountAssignment | listed inst ps | | A A A A
11a| ours accounts | CreateAccountAssignment | other inst ps | | ID A A ID
11b| ours accounts | CreateAccountAssignment | listed inst ps-2 | | A A ID ID
11c| ours set      | DeleteAccountAssignment | listed inst ps | | A A A A
11d| ours set      | CreateAccountAssignment | listed inst ps-2 | | A A ID ID
12 | ours accounts | AttachManagedPolicyToPermissionSet | inst ps | | ID ID ID
12a| ours set      | AttachManagedPolicyToPermissionSet | inst ps | | ID ID ID
12b| ours tags     | AttachManagedPolicyToPermissionSet | inst ps | Development Test | ID ID ID
12c| ours accounts | UpdateInstanceAccessControlAttributeConfiguration | inst | | ID ID
12d| ours set      | UpdateInstanceAccessControlAttributeConfiguration | inst | | ID ID
12e| ours tags     | UpdateInstanceAccessControlAttributeConfiguration | inst | | ID ID
12f| ours accounts | TagResource | ps | | ID ID
12g| ours set      | TagResource | ps | | ID ID
12h| ours tags     | TagResource | ps | Development Test | ID ID
13 | ours tags     | CreateAccountAssignment | listed inst ps | Development Test | A A A A
13a| ours tags     | CreateAccountAssignment | listed inst ps | Development - | A A ID ID
13b| ours tags     | CreateAccountAssignment | listed inst ps | Development test | A A ID ID
13c| ours tags     | CreateAccountAssignment | listed inst ps | | A A ID ID
13d| ours tags     | CreateAccountAssignment | other inst ps | Development Test | ID A A ID
";

fn resource(word: &str) -> String {
    match word {
        "listed" => account(LISTED),
        "other" => account("333333333333"),
        "management" => account(MANAGEMENT),
        "inst" => instance(),
        "inst-2" => "arn:aws:sso:::instance/ssoins-2222222222222222".to_owned(),
        "ps" => set(SET),
        "ps-2" => set("ps-2222222222222222"),
        "ps-*" => set("ps-3333333333333333"),
        other => panic!("{other}"),
    }
}

fn decisions(row: &[&str]) -> String {
    let resources: Vec<String> = row[3].split(' ').map(resource).collect();
    let mut tags = json!({});
    for (key, value) in ["Environment", "OU"].into_iter().zip(row[4].split(' ')) {
        if !value.is_empty() && value != "-" {
            tags[format!("aws:ResourceTag/{key}")] = json!(value);
        }
    }
    let overall = ask(json!({
        "principal": PRINCIPAL,
        "action": format!("sso:{}", row[2]),
        "resources": resources,
        "context": tags,
        "identityPolicies": [policy(row[1])],
    }));
    let mut all: Vec<&str> = resources.iter().map(|it| alone(row, it, &tags)).collect();
    all.push(&overall);
    all.join(" ")
}

fn alone(row: &[&str], resource: &str, tags: &Value) -> &'static str {
    let policy = Policy::parse(&policy(row[1]).to_string(), PolicyType::Identity).unwrap();
    let layers = Layers {
        identity: vec![Arc::new(policy)],
        ..Layers::default()
    };
    let mut context = Context::new();
    for (key, value) in tags.as_object().unwrap() {
        context = context.with(key, value.as_str().unwrap());
    }
    let action = format!("sso:{}", row[2]);
    let request = Request::new(PRINCIPAL, &action, resource, context).unwrap();
    match decide(&layers, &request) {
        Decision::Allowed => "A",
        Decision::ImplicitlyDenied => "ID",
        Decision::ExplicitlyDenied => "XD",
    }
}

#[test]
fn each_resource_is_decided_alone_and_all_together() {
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let row = cells(line);
        let got = decisions(&row);
        if !fits(&got, row[5]) {
            wrong.push(format!("row {}: want {}, got {got}", row[0], row[5]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bad_input_is_refused_with_its_code() {
    type Change = fn(&mut DelegationSpec);
    let table: &[(&str, &str, Model, Change)] = &[
        ("row 14", "E_MGMT", Model::Accounts, |it| {
            it.accounts.push(MANAGEMENT.to_owned());
        }),
        ("every account", "E_ID", Model::Accounts, |it| {
            it.accounts = vec!["*".to_owned()];
        }),
        ("no account", "E_ARG", Model::Accounts, |it| {
            it.accounts.clear();
        }),
        ("no set", "E_ARG", Model::PermissionSet, |it| {
            it.permission_sets.clear();
        }),
        ("every set", "E_ID", Model::PermissionSet, |it| {
            it.permission_sets = vec!["*".to_owned()];
        }),
        ("no tag", "E_ARG", Model::Tags, |it| it.tags.clear()),
        ("tags elsewhere", "E_ARG", Model::Accounts, |it| {
            it.tags = vec!["a=b".parse().unwrap()];
        }),
        ("two spellings", "E_TAG", Model::Tags, |it| {
            it.tags.push("ou=x".parse().unwrap());
        }),
        ("instance", "E_ID", Model::Accounts, |it| {
            it.instance = "ssoins-1".to_owned();
        }),
    ];
    let mut wrong = Vec::new();
    for (row, code, model, change) in table {
        let mut wish = wish(*model);
        change(&mut wish);
        match generate(&wish) {
            Err(error) if error.code == *code => {}
            other => wrong.push(format!("{row}: want {code}, got {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for tag in ["a", "=b", "a=*", "aws:a=b"] {
        let error = tag
            .parse::<hallpass_iam::generate::delegation::Tag>()
            .unwrap_err();
        assert_eq!(error.code, "E_TAG", "{tag}");
    }
}

#[test]
fn the_tags_model_is_golden() {
    let made = generate(&wish(Model::Tags)).unwrap();
    let want = concat!(
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"AssignTaggedSets","Effect":"Allow","#,
        r#""Action":["sso:CreateAccountAssignment","sso:DeleteAccountAssignment"],"#,
        r#""Resource":["arn:aws:sso:::permissionSet/ssoins-1111111111111111/*"],"#,
        r#""Condition":{"StringEquals":{"aws:ResourceTag/Environment":["Development"],"aws:ResourceTag/OU":["Test"]}}},"#,
        r#"{"Sid":"AssignInAccounts","Effect":"Allow","#,
        r#""Action":["sso:CreateAccountAssignment","sso:DeleteAccountAssignment"],"#,
        r#""Resource":["arn:aws:sso:::instance/ssoins-1111111111111111","arn:aws:sso:::account/222222222222"]}]}"#,
    );
    assert_eq!(made.draft.json(), want);
    for model in [Model::Accounts, Model::PermissionSet, Model::Tags] {
        let wish = DelegationSpec {
            with_read: true,
            with_provision: true,
            ..wish(model)
        };
        checked(generate(&wish).unwrap().draft, PolicyType::Identity).unwrap();
    }
}

#[test]
fn the_guard_leaves_editing_to_the_identity_team() {
    let team = "arn:aws:iam::444444444444:role/IdentityTeam";
    let guarded = guard(&DelegationGuard {
        roles: vec![team.to_owned()],
        ..DelegationGuard::default()
    })
    .unwrap();
    let scp: Value = serde_json::from_str(&guarded.draft.json()).unwrap();
    checked(guarded.draft, PolicyType::Scp).unwrap();
    let mut wrong = Vec::new();
    for (role, action, resource, management, want) in [
        (
            "Delegate",
            "AttachManagedPolicyToPermissionSet",
            set(SET),
            false,
            "XD",
        ),
        ("Delegate", "TagResource", set(SET), false, "XD"),
        (
            "Delegate",
            "UpdateInstanceAccessControlAttributeConfiguration",
            instance(),
            false,
            "XD",
        ),
        ("Delegate", "CreateAccountAssignment", set(SET), false, "A"),
        (
            "IdentityTeam",
            "AttachManagedPolicyToPermissionSet",
            set(SET),
            false,
            "A",
        ),
        (
            "Delegate",
            "AttachManagedPolicyToPermissionSet",
            set(SET),
            true,
            "A",
        ),
    ] {
        let got = ask(json!({
            "principal": format!("arn:aws:sts::444444444444:assumed-role/{role}/ana"),
            "action": format!("sso:{action}"),
            "resource": resource,
            "context": {"aws:PrincipalArn": format!("arn:aws:iam::444444444444:role/{role}")},
            "identityPolicies": [full_access()],
            "scps": [[full_access()], [full_access(), scp]],
            "flags": {"managementAccount": management},
        }));
        if !fits(&got, want) {
            wrong.push(format!("{role} {action}: want {want}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let refused = |role: &str| {
        let roles = role.split_whitespace().map(str::to_owned).collect();
        guard(&DelegationGuard {
            roles,
            ..DelegationGuard::default()
        })
        .unwrap_err()
        .code
    };
    assert_eq!(refused(""), "E_ARG");
    assert_eq!(refused("arn:aws:iam::*:role/IdentityTeam"), "E_ARN");
    assert_eq!(refused("IdentityTeam"), "E_ARN");
}

fn report(name: &str) -> DelegationReport {
    let question = DelegationQuestion {
        management_account: Some(MANAGEMENT.to_owned()),
        ..DelegationQuestion::default()
    };
    check(&policy(name).to_string(), &question).unwrap()
}

fn escalating(report: &DelegationReport) -> Vec<String> {
    let found = report.escalations.iter();
    let short = |it: &str| it.trim_start_matches("sso:").to_owned();
    found
        .map(|it| format!("{} on {}", short(&it.action), it.on.join(", ")))
        .collect()
}

#[test]
fn the_checker_sees_through_model_1() {
    let report = report("circulated 1");
    assert_eq!(escalating(&report), Vec::<String>::new());
    assert!(!report.matrix.is_empty());
    assert!(
        report
            .matrix
            .iter()
            .all(|row| row.decision != Decision::Allowed)
    );
    assert_eq!(report.ineffective.len(), 13, "{:?}", report.ineffective);
    let assign = &report.ineffective[0];
    assert_eq!(assign.action, "sso:CreateAccountAssignment");
    assert_eq!(assign.missing, ["Instance", "PermissionSet"]);
}

#[test]
fn the_checker_sees_through_model_2() {
    let report = report("circulated 2");
    let set = format!("permission set {SET}");
    let found = escalating(&report);
    for want in [
        "CreateAccountAssignment on account any other".to_owned(),
        format!("AttachManagedPolicyToPermissionSet on {set}"),
        format!("PutInlinePolicyToPermissionSet on {set}"),
        format!("DeletePermissionSet on {set}"),
        "UpdateInstanceAccessControlAttributeConfiguration on instance".to_owned(),
    ] {
        assert!(found.contains(&want), "{want} is not in {found:?}");
    }
    let allowed: Vec<_> = report
        .matrix
        .iter()
        .filter(|row| row.action == "sso:CreateAccountAssignment")
        .map(|row| {
            (
                row.account.as_deref().unwrap(),
                row.permission_set.as_deref().unwrap(),
                row.decision,
            )
        })
        .collect();
    assert_eq!(
        allowed,
        [
            ("999999999999 (management)", SET, Decision::Allowed),
            (
                "999999999999 (management)",
                "any other",
                Decision::ImplicitlyDenied
            ),
            ("any other", SET, Decision::Allowed),
            ("any other", "any other", Decision::ImplicitlyDenied),
        ]
    );
}

#[test]
fn the_checker_sees_through_model_3() {
    let report = report("circulated 3");
    let found = escalating(&report);
    let tagged = "permission set any other tagged Environment=Development OU=Test";
    assert!(
        found.contains(&format!("PutInlinePolicyToPermissionSet on {tagged}")),
        "{found:?}"
    );
    assert!(
        !found
            .iter()
            .any(|it| it.starts_with("CreateAccountAssignment")),
        "{found:?}"
    );
    assert!(
        report.warnings.iter().any(|it| it.contains("not where")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn the_checker_finds_ours_clean() {
    for name in ["ours accounts", "ours set", "ours tags"] {
        let report = report(name);
        assert_eq!(escalating(&report), Vec::<String>::new(), "{name}");
        assert_eq!(report.ineffective, Vec::new(), "{name}");
        let allowed = report
            .matrix
            .iter()
            .filter(|row| row.decision == Decision::Allowed);
        let writes: Vec<&str> = allowed
            .map(|row| row.action.as_str())
            .filter(|it| !it.contains("List") && !it.contains("Describe") && !it.contains("Get"))
            .collect();
        assert_eq!(
            writes,
            [
                "sso:CreateAccountAssignment",
                "sso:DeleteAccountAssignment",
                "sso:ProvisionPermissionSet"
            ],
            "{name}"
        );
    }
}

#[test]
fn everything_is_every_escalation() {
    let all = full_access().to_string();
    let report = check(&all, &DelegationQuestion::default()).unwrap();
    let found = escalating(&report);
    assert!(
        found
            .iter()
            .any(|it| it.starts_with("identitystore:CreateGroupMembership")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|it| it.starts_with("TagResource on ")),
        "{found:?}"
    );
    assert!(found.contains(&"CreateAccountAssignment on permission set any other".to_owned()));
    let unknown = check("{}", &DelegationQuestion::default()).unwrap_err();
    assert_eq!(unknown.code, "E_ELEMENT");
}
