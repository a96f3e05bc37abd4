//! The shipped queries run and find their targets.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{json_of, lostkeys, run, stderr, stdout};

fn names() -> Vec<String> {
    let listed = run(Path::new("."), "query --list -o json", None);
    let listed: Value = serde_json::from_str(&stdout(&listed)).unwrap();
    let names = listed.as_array().unwrap().iter();
    let needed = |it: &Value| {
        let parameters = it["parameters"].as_str().unwrap().split(' ');
        let needed = parameters.filter_map(|it| it.strip_suffix("=…"));
        let given: Vec<String> = needed.map(|it| format!(" --param {it}=none")).collect();
        given.concat()
    };
    names
        .map(|it| it["name"].as_str().unwrap().to_owned() + &needed(it))
        .collect()
}

#[test]
fn each_runs_over_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let tables = run(folder.path(), "tables -o json", None);
    let tables: Value = serde_json::from_str(&stdout(&tables)).unwrap();
    let of_things = tables
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["table"].as_str());
    let of_things = of_things.filter(|it| !it.starts_with("hallpass_"));
    let empty: Map<String, Value> = of_things.map(|it| (it.to_owned(), json!([]))).collect();
    fs::write(
        folder.path().join("empty.json"),
        json!({"tables": empty}).to_string(),
    )
    .unwrap();
    assert_eq!(names().len(), 27);
    for name in names() {
        let output = run(
            folder.path(),
            &format!("query --data empty.json -o csv --name {name}"),
            None,
        );
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(stdout(&output).lines().count(), 1, "{name}: a header alone");
    }
}

#[test]
fn keys_that_were_never_used_are_found_and_those_switched_off_are_not() {
    let data = format!("--data {}", lostkeys().display());
    let found = |name: &str| {
        let output = run(Path::new("."), &format!("query {data} --name {name}"), None);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let lines = stdout(&output);
        let rows = lines
            .lines()
            .map(|it| serde_json::from_str::<Value>(it).unwrap());
        let keys = rows.map(|it| {
            it["access_key_id"]
                .as_str()
                .unwrap()
                .split_at(15)
                .1
                .to_owned()
        });
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("keys/unused"), "BEN02 CHO01 ELI01 FAY01 FAY02 LOU01");
    assert!(
        !found("keys/unrotated").contains("ANA02"),
        "it is switched off"
    );
    assert_eq!(found("keys/creator-left"), "CHO01 FAY01 FAY02");
    assert!(found("keys/no-creator-tag --param creator=email").starts_with("DIA01 ELI01"));
    let who =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures/inventory-who.json");
    let findings = json_of(&who)["expected"]["findings"]
        .as_array()
        .unwrap()
        .clone();
    for (name, kind) in [
        ("assignments/orphaned", "orphaned"),
        ("assignments/direct-user", "direct_user"),
        ("sets/provisioned-unassigned", "provisioned_unassigned"),
        ("sets/outdated", "outdated"),
        ("accounts/suspended-with-access", "suspended_account"),
    ] {
        let output = run(
            Path::new("."),
            &format!("query --data {} --name {name}", who.display()),
            None,
        );
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let expected = findings.iter().filter(|it| it["kind"] == kind).count();
        assert_eq!(stdout(&output).lines().count(), expected, "{name}");
    }
}

/// `inventory.md` Y-2: for two parties of a payer account, only the management account.
#[test]
fn the_root_user_of_the_management_account_is_found_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let summary = |account: &str| json!({"summary_account_id": account, "root_mfa_enabled": false, "root_access_keys": 0});
    let event = |account: &str, kind: &str, action: &str, time: &str| {
        json!({"day": time.split_at(10).0, "account_id": account, "region": "us-east-1", "principal_kind": kind, "principal": account,
            "service": "signin", "action": action, "events": 1, "first_seen": time, "last_seen": time, "resources": [],
            "source_addresses": ["192.0.2.1"]})
    };
    let (payer, other) = ("111111111111", "222222222222");
    let document = json!({"now": "2026-11-20T00:00:00Z", "tables": {
        "aws_organizations": [{"id": "o-1", "arn": "arn", "master_account_id": payer, "master_account_email": "a@example.com",
            "feature_set": "ALL", "available_policy_types": []}],
        "aws_iam_account_summary": [summary(payer), summary(other)],
        "aws_activity": [
            event(payer, "root", "ConsoleLogin", "2026-11-19T23:00:00Z"),
            event(payer, "root", "ConsoleLogin", "2026-11-18T23:00:00Z"),
            event(payer, "user", "ConsoleLogin", "2026-11-19T23:00:00Z"),
            event(payer, "root", "PasswordRecoveryRequested", "2026-11-19T23:00:00Z"),
            event(other, "root", "ConsoleLogin", "2026-11-19T23:00:00Z"),
        ],
    }});
    fs::write(folder.path().join("payer.json"), document.to_string()).unwrap();
    for (name, column, expected) in [
        ("payer/root", "account_id", payer),
        ("payer/root-login", "first_seen", "2026-11-19T23:00:00Z"),
    ] {
        let words = format!("query --data payer.json --name {name} -o json");
        assert_eq!(found(folder.path(), &words, column), [expected], "{name}");
    }
}

fn found(folder: &Path, words: &str, column: &str) -> Vec<String> {
    let output = run(folder, words, None);
    assert!(output.status.success(), "{words}: {}", stderr(&output));
    let rows: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|it| it[column].as_str().unwrap().to_owned())
        .collect()
}

const PAYER: &str = "111111111111";

fn organization() -> Value {
    json!([{"id": "o-1", "arn": "arn", "master_account_id": PAYER, "master_account_email": "a@example.com",
        "feature_set": "ALL", "available_policy_types": []}])
}

fn roles(of: &[(&str, &[(&str, Value)])]) -> Value {
    let (mut roles, mut attachments, mut policies) = (Vec::new(), Vec::new(), Vec::new());
    for (name, held) in of {
        let arn = format!("arn:aws:iam::{PAYER}:role/{name}");
        let id = hallpass_inventory::key_id("aws_iam_roles", &[Some(&arn)]);
        roles.push(
            json!({"role_account_id": PAYER, "role_arn": arn, "role_name": name, "role_path": "/"}),
        );
        for (policy, document) in *held {
            let mut row =
                json!({"entity_cq_id": id, "entity_account_id": PAYER, "entity_type": "role"});
            if policy.starts_with("managed") {
                let arn = format!("arn:aws:iam::{PAYER}:policy/{policy}");
                row["attached_policy_arn"] = json!(arn);
                policies.push(
                    json!({"policy_account_id": PAYER, "policy_arn": arn, "policy_name": policy,
                    "policy_scope": "Local", "document": document}),
                );
            } else {
                row["inline_name"] = json!(policy);
                row["inline_document"] = document.clone();
            }
            attachments.push(row);
        }
    }
    json!({"now": "2026-11-20T00:00:00Z", "tables": {"aws_organizations": organization(), "aws_iam_roles": roles,
        "aws_iam_policy_attachments": attachments, "aws_iam_policies": policies}})
}

fn statement(effect: &str, key: &str, actions: &Value) -> Value {
    json!({"Statement": {"Effect": effect, key: actions, "Resource": "*"}})
}

fn of_roles(document: &Value, query: &str, names: &str, column: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("roles.json"), document.to_string()).unwrap();
    let words = format!("query --data roles.json --name {query} --param roles={names} -o json");
    let role = found(folder.path(), &words, "role_name").into_iter();
    let found = found(folder.path(), &words, column);
    let found = role.zip(found).map(|(role, it)| format!("{role} {it}"));
    found.collect()
}

const BILLING: [&str; 8] = [
    "account:*BillingInfo",
    "aws-portal:*",
    "billing:*",
    "ce:*",
    "cur:*",
    "invoicing:*",
    "payments:*",
    "tax:*",
];

#[test]
fn billing_of_the_customers_roles_is_found_unless_it_is_denied() {
    let all = || statement("Allow", "Action", &json!("*"));
    let (without_tax, conditional) = (json!(&BILLING[..7]), {
        let mut denied = statement("Deny", "Action", &json!(BILLING));
        denied["Statement"]["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}});
        denied
    });
    let document = roles(&[
        (
            "ops",
            &[
                ("all", all()),
                ("no", statement("Deny", "Action", &json!(BILLING))),
            ],
        ),
        (
            "tax",
            &[
                ("all", all()),
                ("managed-no", statement("Deny", "Action", &without_tax)),
            ],
        ),
        (
            "some",
            &[(
                "ce",
                statement("Allow", "Action", &json!(["ce:Get*", "s3:*"])),
            )],
        ),
        (
            "others",
            &[(
                "most",
                statement("Allow", "NotAction", &json!(["iam:*", "ce:Get*"])),
            )],
        ),
        (
            "mfa",
            &[
                ("cur", statement("Allow", "Action", &json!("CUR:*"))),
                ("no", conditional),
            ],
        ),
        ("mf", &[("all", all())]),
    ]);
    let services: Vec<&str> = BILLING
        .iter()
        .map(|it| it.strip_suffix(":*").unwrap_or(it))
        .collect();
    let found = |names: &str| of_roles(&document, "payer/customer-has-billing", names, "service");
    assert_eq!(found("ops"), Vec::<String>::new());
    assert_eq!(found("tax"), ["tax tax"]);
    assert_eq!(found("some,mfa"), ["mfa cur", "some ce"]);
    // `NotAction` allows services not fully listed
    let whole: Vec<String> = services.iter().map(|it| format!("others {it}")).collect();
    assert_eq!(found("others"), whole);
}

#[test]
fn billing_is_found_by_patterns_of_services() {
    let all = || statement("Allow", "Action", &json!("*"));
    let document = roles(&[
        (
            "wide",
            &[("all", statement("Allow", "Action", &json!("*:*")))],
        ),
        (
            "letter",
            &[(
                "c",
                statement("Allow", "Action", &json!(["c*:*", "account:Get*"])),
            )],
        ),
        (
            "without",
            &[
                ("all", all()),
                (
                    "no",
                    statement("Deny", "Action", &json!(["?*:*", "*:Get*"])),
                ),
            ],
        ),
    ]);
    let found = |names: &str| of_roles(&document, "payer/customer-has-billing", names, "service");
    let services = BILLING.iter().map(|it| it.strip_suffix(":*").unwrap_or(it));
    let whole: Vec<String> = services.map(|it| format!("wide {it}")).collect();
    assert_eq!(found("wide"), whole);
    assert_eq!(
        found("letter"),
        ["letter account:*BillingInfo", "letter ce", "letter cur"]
    );
    assert_eq!(found("without"), Vec::<String>::new());
}

#[test]
fn what_the_partners_roles_have_beside_billing_is_found() {
    let document = roles(&[
        (
            "billing",
            &[("managed-own", statement("Allow", "Action", &json!(BILLING)))],
        ),
        (
            "settings",
            &[(
                "own",
                statement(
                    "Allow",
                    "Action",
                    &json!(["account:PutContact*", "account:GetBillingInfo"]),
                ),
            )],
        ),
        (
            "more",
            &[(
                "s3",
                statement("Allow", "Action", &json!(["ce:*", "s3:GetObject"])),
            )],
        ),
        (
            "bounded",
            &[
                ("all", statement("Allow", "Action", &json!("*"))),
                (
                    "only",
                    statement("Deny", "NotAction", &json!(["ce:*", "billing:*"])),
                ),
            ],
        ),
        (
            "leaking",
            &[
                ("all", statement("Allow", "Action", &json!("*"))),
                (
                    "only",
                    statement("Deny", "NotAction", &json!(["ce:*", "s3:*"])),
                ),
            ],
        ),
    ]);
    let found = |names: &str| of_roles(&document, "payer/partner-has-more", names, "action");
    assert_eq!(found("billing"), Vec::<String>::new());
    assert_eq!(found("settings"), ["settings account:putcontact*"]);
    assert_eq!(found("more,bounded"), ["more s3:getobject"]);
    assert_eq!(found("leaking"), ["leaking *"]);
}

#[test]
fn roles_that_can_raise_themselves_are_found() {
    let document = roles(&[
        (
            "reader",
            &[(
                "read",
                statement("Allow", "Action", &json!(["iam:Get*", "iam:List*"])),
            )],
        ),
        (
            "writer",
            &[(
                "one",
                statement("Allow", "Action", &json!("iam:*RolePolicy")),
            )],
        ),
        (
            "most",
            &[(
                "not",
                statement("Allow", "NotAction", &json!(["iam:*", "s3:*"])),
            )],
        ),
        (
            "denied",
            &[
                ("managed-all", statement("Allow", "Action", &json!("*"))),
                (
                    "no",
                    statement("Deny", "Action", &json!(["iam:*r*", "iam:Create*"])),
                ),
            ],
        ),
    ]);
    let found = |names: &str| of_roles(&document, "payer/can-raise-itself", names, "action");
    assert_eq!(found("reader,most"), Vec::<String>::new());
    let expected = [
        "writer iam:attachrolepolicy",
        "writer iam:putrolepolicy",
        "writer iam:updateassumerolepolicy",
    ];
    assert_eq!(found("writer"), expected);
    assert_eq!(found("denied"), Vec::<String>::new());
    let all = statement("Allow", "Action", &json!("*"));
    let document = roles(&[("admin", &[("managed-all", all)])]);
    let found = of_roles(&document, "payer/can-raise-itself", "admin", "action");
    assert_eq!(found.len(), 12, "{found:?}");
}

#[test]
fn contacts_in_a_wrong_domain_are_found_and_absent_ones() {
    let folder = tempfile::tempdir().unwrap();
    let contact = |account: &str, kind: &str, mail: Option<&str>| json!({"contact_account_id": account, "contact_type": kind, "email": mail});
    let account = |id: &str| json!({"id": id, "arn": "arn", "name": "n", "email": "m", "status": "ACTIVE", "state": "ACTIVE"});
    let other = "222222222222";
    let document = json!({"tables": {"aws_organizations": organization(), "aws_organizations_accounts": [account(PAYER), account(other)],
    "aws_alternate_contacts": [
        contact(PAYER, "BILLING", Some("bills@Partner.example")),
        contact(PAYER, "OPERATIONS", Some("ops@partner.example")),
        contact(PAYER, "SECURITY", None),
        contact(other, "BILLING", Some("bills@elsewhere.example")),
        contact(other, "SECURITY", Some("sec@customer.example")),
    ]}});
    fs::write(folder.path().join("c.json"), document.to_string()).unwrap();
    let words =
        "query --data c.json --name payer/contacts -o json --param partner_domain=partner.example";
    let both = format!("{words} --param customer_domain=customer.example");
    let expected = ["OPERATIONS", "SECURITY"];
    assert_eq!(found(folder.path(), &both, "contact_type"), expected);
    let refused = run(folder.path(), words, None);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("E_SQL_PARAMETER") && said.contains("customer_domain"),
        "{said}"
    );
    let words = "query --data c.json --name contacts/no-security -o json";
    assert_eq!(found(folder.path(), words, "account_id"), [PAYER]);
}

/// `inventory.md` Y-2: the snapshots of two organizations in one folder.
#[test]
fn policies_of_the_old_organization_without_an_equal_in_the_new_one_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |organization: &str, id: &str, content: &Value| {
        json!({"id": id, "arn": format!("arn:aws:organizations::{PAYER}:policy/{organization}/service_control_policy/{id}"),
            "name": id, "type": "SERVICE_CONTROL_POLICY", "description": "", "aws_managed": id == "p-FullAWSAccess", "content": content})
    };
    let content = |action: &str| json!({"Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]});
    let keep = |now: &str, policies: Value| {
        let document = json!({"now": now, "tables": {"aws_organizations_policies": policies}});
        fs::write(folder.path().join("o.json"), document.to_string()).unwrap();
        let output = run(folder.path(), "snapshots import o.json", None);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    let full = json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let old = |id: &str, action: &str| policy("o-old", id, &content(action));
    keep("2026-11-17T00:00:00Z", json!([old("p-gone", "ec2:*")]));
    let all = json!([
        old("p-same", "s3:*"),
        old("p-lost", "kms:*"),
        policy("o-old", "p-FullAWSAccess", &full)
    ]);
    keep("2026-11-18T00:00:00Z", all);
    keep(
        "2026-11-19T00:00:00Z",
        json!([policy("o-new", "p-other", &content("s3:*"))]),
    );
    let words = "query --name payer/scp-gap --param old=o-old -o json";
    assert_eq!(found(folder.path(), words, "id"), ["p-lost"]);
}

#[test]
fn a_parameter_that_a_shipped_query_has_not_is_refused() {
    let data = lostkeys();
    for (words, said) in [
        (
            "keys/no-creator-tag --param craetor=email",
            "query `keys/no-creator-tag` has no parameter `craetor`",
        ),
        ("users/no-mfa --param days=9", "it has none"),
    ] {
        let line = format!("query --data {} --name {words}", data.display());
        let refused = run(Path::new("."), &line, None);
        assert_eq!(refused.status.code(), Some(2), "{words}");
        assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    }
}

#[test]
fn passwords_are_unused_by_their_last_change_and_second_factors_missing_where_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let user = |name: &str, more: Value| {
        let mut user = json!({"account_id": "1", "arn": name, "user_id": name, "user_name": name, "path": "/",
            "create_date": "2020-01-01T00:00:00Z", "password_enabled": true, "mfa_active": true});
        let members = more.as_object().unwrap().clone();
        user.as_object_mut().unwrap().extend(members);
        user
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-11-19T00:00:00Z");
    let users = [
        user("never", json!({})),
        user("new", json!({"password_last_changed": new})),
        user("left", json!({"password_last_changed": old})),
        user(
            "used",
            json!({"password_last_used": new, "password_last_changed": old}),
        ),
        user(
            "without",
            json!({"mfa_active": false, "password_last_used": new}),
        ),
        user(
            "unknown",
            json!({"mfa_active": null, "password_last_used": new}),
        ),
        user(
            "off",
            json!({"mfa_active": null, "password_enabled": false}),
        ),
    ];
    let document = json!({"now": "2026-11-20T00:00:00Z", "tables": {"aws_iam_users": users}});
    fs::write(folder.path().join("users.json"), document.to_string()).unwrap();
    for (name, expected) in [
        ("users/console-unused", &["left", "never"]),
        ("users/no-mfa", &["unknown", "without"]),
    ] {
        let words = format!("query --data users.json --name {name} -o json");
        assert_eq!(
            found(folder.path(), &words, "user_name"),
            expected,
            "{name}"
        );
    }
}
