//! The rows of `organization.md` §8, from the fixtures and from scripted answers.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::EventPattern;
use hallpass_base::testing::rows;
use hallpass_iam::powers::{NamedPolicy, RolePolicies};
use hallpass_org::UnreadFact;
use hallpass_org::payer::{
    BillingTransfer, PayerFacts, PayerFile, PayerRole, PayerSide, PayerTaskState, RootLoginAlert,
    payer_checks, payer_tasks, read_facts, read_transfers,
};
use hallpass_plans::{CheckResult, CheckStrictness};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::readiness::nothing_bad;
use crate::scripted::Scripted;

const TODAY: Date = date(2026, 3, 2);

fn file() -> PayerFile {
    PayerFile::read(include_str!(
        "../../../../docs/spec/fixtures/org-payer.yaml"
    ))
    .unwrap()
}

fn state() -> Value {
    serde_json::from_str(include_str!(
        "../../../../docs/spec/fixtures/org-payer-state.json"
    ))
    .unwrap()
}

pub(crate) const CUSTOMERS: &str = r#"{"Effect": "Allow", "Action": ["organizations:*", "s3:*", "cloudtrail:*", "cloudwatch:*", "cloudformation:*", "iam:Get*", "iam:List*"], "Resource": "*"}"#;
pub(crate) const PARTNERS: &str = r#"{"Effect": "Allow", "Action": ["aws-portal:*", "billing:*", "ce:*", "cur:*", "invoicing:*", "payments:*", "tax:*", "budgets:View*"], "Resource": "*"}"#;
const BILLING_TOO: &str = r#"{"Effect": "Allow", "Action": "ce:GetCostAndUsage", "Resource": "*"}"#;
const BY_ACCOUNT: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}"#;

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:iam::111111111111:role/{name}")
}

pub(crate) fn policy(name: &str, statements: &[&str]) -> NamedPolicy {
    NamedPolicy {
        name: name.to_owned(),
        text: format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(", ")
        ),
    }
}

/// A role with one policy, assumable by the account, and an optional boundary.
pub(crate) fn role(name: &str, statements: &[&str], boundary: Option<&str>) -> PayerRole {
    PayerRole {
        name: name.to_owned(),
        arn: arn(name),
        policies: Ok(RolePolicies {
            arn: arn(name),
            identity: vec![policy("own", statements)],
            boundary: boundary.map(|it| policy("limit", &[it])),
        }),
        trust: policy("trust", &[BY_ACCOUNT]),
    }
}

pub(crate) fn trusting(role: PayerRole, principal: &str) -> PayerRole {
    let statement =
        format!(r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}"#);
    PayerRole {
        trust: policy("trust", &[&statement]),
        ..role
    }
}

fn facts() -> PayerFacts {
    let state = state();
    let numbers = state["account_summary"].as_object().unwrap();
    let mail = |kind: &str| Ok(state["contacts"][kind].as_str().map(str::to_owned));
    let simulated = state["simulate"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(role, actions)| {
            let actions = actions.as_object().unwrap().iter();
            let actions = actions
                .map(|(name, it)| (name.clone(), it == "allowed"))
                .collect();
            (role.clone(), Ok(actions))
        });
    let rule = &state["root_login_rule"];
    let targets = rule["targets"].as_array().unwrap();
    let told = [PayerSide::Partner, PayerSide::Customer];
    let in_root = state["accounts_in_root"].as_array().unwrap().iter();
    PayerFacts {
        summary: Ok(numbers
            .iter()
            .map(|(name, it)| (name.clone(), it.as_i64().unwrap()))
            .collect()),
        contacts: ["BILLING", "OPERATIONS", "SECURITY"]
            .map(|kind| (kind, mail(kind)))
            .into(),
        phone: Ok(state["phone"].as_str().map(str::to_owned)),
        roles: Ok(vec![
            role("CustomerSecurity", &[CUSTOMERS, BILLING_TOO], None),
            role("PartnerBilling", &[PARTNERS], None),
        ]),
        simulated: simulated.collect(),
        has_all_features: Ok(true),
        has_scps: Ok(true),
        root_login: Ok(RootLoginAlert {
            is_present: rule["present"].as_bool().unwrap(),
            told: told
                .into_iter()
                .filter(|side| targets.contains(&json!(side.name())))
                .collect(),
            unread: Vec::new(),
        }),
        accounts_in_root: Ok(in_root.map(|it| it.as_str().unwrap().to_owned()).collect()),
        policies: Ok(BTreeMap::new()),
        own_costs: Ok(BTreeMap::new()),
    }
}

fn actions(
    role: &str,
    all: &[(&str, bool)],
) -> (String, Result<BTreeMap<String, bool>, UnreadFact>) {
    let all = all
        .iter()
        .map(|(name, allowed)| ((*name).to_owned(), *allowed));
    (role.to_owned(), Ok(all.collect()))
}

pub(crate) fn all_right() -> PayerFacts {
    let mut facts = facts();
    let security = Ok(Some("soc@customer.example".to_owned()));
    facts.contacts.insert("SECURITY", security);
    let nothing_more = [("iam:CreateRole", false), ("iam:PutRolePolicy", false)];
    let customer = [
        &[
            ("ce:GetCostAndUsage", false),
            ("organizations:ListAccounts", true),
        ][..],
        &nothing_more,
    ]
    .concat();
    let partner = [
        &[
            ("ce:GetCostAndUsage", true),
            ("organizations:ListAccounts", false),
        ][..],
        &nothing_more,
    ]
    .concat();
    facts.simulated = BTreeMap::from([
        actions("CustomerSecurity", &customer),
        actions("PartnerBilling", &partner),
    ]);
    facts.roles = Ok(vec![
        role("CustomerSecurity", &[CUSTOMERS], None),
        role("PartnerBilling", &[PARTNERS], None),
    ]);
    facts.root_login = Ok(RootLoginAlert {
        is_present: true,
        told: BTreeSet::from([PayerSide::Partner, PayerSide::Customer]),
        unread: Vec::new(),
    });
    facts.accounts_in_root = Ok(Vec::new());
    facts
}

pub(crate) fn found(facts: &PayerFacts) -> Vec<CheckResult> {
    payer_checks(&file(), facts, Some(&BTreeMap::new()), TODAY)
}

pub(crate) fn row(checks: &[CheckResult], id: &str) -> (&'static str, String) {
    let row = checks.iter().find(|it| it.id == id).unwrap().row();
    (row.status, row.evidence)
}

#[test]
fn the_fixture_has_the_checks_that_it_expects() {
    let checks = found(&facts());
    for expected in state()["expect"].as_array().unwrap() {
        let id = expected["id"].as_str().unwrap();
        let row = checks.iter().find(|it| it.id == id).unwrap().row();
        assert_eq!(row.status, expected["status"], "{id}");
        let evidence = expected["evidence"].as_str().unwrap_or_default();
        assert!(row.evidence.contains(evidence), "{id}: {}", row.evidence);
        if let Some(severity) = expected.get("severity") {
            assert_eq!(
                serde_json::to_value(row.severity).unwrap(),
                *severity,
                "{id}"
            );
        }
    }
}

type Change = fn(&mut PayerFacts);

static ROWS: [(&str, Change, &str, &str, &str); 9] = [
    (
        "2",
        |it| {
            it.summary = Ok(BTreeMap::from([("AccountMFAEnabled".to_owned(), 0)]));
        },
        "root-mfa",
        "fail",
        "is 0",
    ),
    (
        "3",
        |it| {
            it.summary = Ok(BTreeMap::from([("AccountAccessKeysPresent".to_owned(), 1)]));
        },
        "root-access-keys",
        "fail",
        "is 1",
    ),
    (
        "4",
        |it| {
            it.simulated
                .extend([actions("CustomerSecurity", &[("ce:GetCostAndUsage", true)])]);
        },
        "customer-no-billing",
        "fail",
        "ce:GetCostAndUsage",
    ),
    (
        "5",
        |it| {
            let everything = [
                ("ce:GetCostAndUsage", true),
                ("ec2:RunInstances", true),
                ("iam:CreateRole", true),
            ];
            it.simulated
                .extend([actions("PartnerBilling", &everything)]);
        },
        "partner-billing-only",
        "fail",
        "ec2:RunInstances",
    ),
    (
        "6",
        |it| {
            it.contacts
                .insert("SECURITY", Ok(Some("soc@partner.example".to_owned())));
        },
        "contact-security",
        "fail",
        "soc@partner.example",
    ),
    (
        "6b",
        |it| {
            it.contacts.insert("SECURITY", Ok(None));
        },
        "contact-security",
        "fail",
        "none found",
    ),
    (
        "7",
        |it| {
            it.root_login = Ok(RootLoginAlert::default());
        },
        "root-login-alert",
        "fail",
        "no rule",
    ),
    (
        "8",
        |it| {
            let denied = UnreadFact {
                action: "iam:SimulatePrincipalPolicy".to_owned(),
                reason: "AccessDenied".to_owned(),
                passing: false,
            };
            it.simulated
                .insert("CustomerSecurity".to_owned(), Err(denied));
        },
        "customer-no-billing",
        "unknown",
        "iam:SimulatePrincipalPolicy: AccessDenied",
    ),
    (
        "10",
        |it| {
            it.accounts_in_root = Ok(vec!["888888888888".to_owned()]);
        },
        "accounts-in-root",
        "fail",
        "888888888888",
    ),
];

#[test]
fn the_rows_of_the_specification() {
    let fine = found(&all_right());
    let failed = |checks: &[CheckResult], how| checks.iter().any(|it| it.is_failed(how));
    assert!(
        !failed(&fine, CheckStrictness::Everything),
        "row 1: {fine:#?}"
    );
    for (number, change, id, status, evidence) in ROWS {
        let mut facts = all_right();
        change(&mut facts);
        let checks = found(&facts);
        let (seen, said) = row(&checks, id);
        assert_eq!(seen, status, "row {number}");
        assert!(said.contains(evidence), "row {number}: {said}");
        let is_error = status == "fail" && number != "10";
        assert_eq!(
            failed(&checks, CheckStrictness::Errors),
            is_error,
            "row {number}"
        );
        assert!(failed(&checks, CheckStrictness::Everything), "row {number}");
    }
}

#[test]
fn what_no_api_says_is_vouched_for_or_asked() {
    let mut file = file();
    let vouched = |date: Date, expires: Date| {
        serde_json::from_value(json!({"name": "Kim", "date": date, "expires": expires})).unwrap()
    };
    for (attestation, status, evidence) in [
        (None, "manual", "people only"),
        (
            Some(vouched(date(2026, 1, 1), date(2026, 3, 2))),
            "attested",
            "Kim vouches for it until 2026-03-02",
        ),
        (
            Some(vouched(date(2025, 1, 1), date(2026, 3, 1))),
            "unknown",
            "expired on 2026-03-01",
        ),
        (
            Some(vouched(date(2026, 4, 1), date(2026, 5, 1))),
            "unknown",
            "begins on 2026-04-01",
        ),
    ] {
        file.attestations = attestation
            .map(|it| ("root-password".to_owned(), it))
            .into_iter()
            .collect();
        let checks = payer_checks(&file, &all_right(), None, TODAY);
        let (seen, said) = row(&checks, "root-password");
        assert_eq!(seen, status);
        assert!(said.contains(evidence), "{said}");
    }
}

#[test]
fn policies_are_compared_by_content() {
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "x:*", "Resource": "*"}]});
    let named = |all: &[(&str, &Value)]| -> BTreeMap<String, Value> {
        all.iter()
            .map(|(name, it)| ((*name).to_owned(), (*it).clone()))
            .collect()
    };
    let other = json!({});
    for (wanted, has, status, evidence) in [
        (
            named(&[("old", &deny)]),
            named(&[("new", &deny)]),
            "pass",
            "1 policies",
        ),
        (named(&[("old", &deny)]), named(&[]), "fail", "missing: old"),
        (named(&[]), named(&[("new", &other)]), "fail", "added: new"),
    ] {
        let mut facts = all_right();
        facts.policies = Ok(has);
        let checks = payer_checks(&file(), &facts, Some(&wanted), TODAY);
        assert_eq!(row(&checks, "scp-baseline"), (status, evidence.to_owned()));
    }
    let without = payer_checks(&file(), &all_right(), None, TODAY);
    assert_eq!(row(&without, "scp-baseline").0, "not_applicable");
}

#[test]
fn files_that_are_wrong_are_refused() {
    let text = include_str!("../../../../docs/spec/fixtures/org-payer.yaml");
    let table = r#"
        phones:                        phone:                           phone
        email_domain: partner.example  email_domain: a@partner.example  is a domain
        roles: [PartnerBilling]        roles: []                        names no role
        "111111111111"                 "1"                              -
    "#;
    for [from, to, said] in rows(table) {
        let error = PayerFile::read(&text.replace(from, to)).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_rule_for_sign_ins_takes_the_event_of_the_fixture() {
    let event: Value = serde_json::from_str(include_str!(
        "../../../../docs/spec/fixtures/org-root-login.json"
    ))
    .unwrap();
    let takes = |user: &str| {
        let pattern = json!({
            "detail-type": ["AWS Console Sign In via CloudTrail"], "detail": {"userIdentity": {"type": [user]}},
        });
        EventPattern::read(&pattern.to_string())
            .unwrap()
            .takes(&event)
    };
    assert!(takes("Root"));
    assert!(!takes("IAMUser"));
}

fn simulated(input: &Value) -> Value {
    let role = input["PolicySourceArn"].as_str().unwrap();
    let customer = role.ends_with("CustomerSecurity");
    let names = input["ActionNames"].as_array().unwrap().iter();
    let rows = names.map(|name| {
        let text = name.as_str().unwrap();
        let is_billing = ["aws-portal", "billing", "ce", "cur", "invoicing", "payments", "tax"]
            .contains(&text.split(':').next().unwrap());
        let allowed = is_billing != customer && !text.starts_with("iam:");
        json!({"EvalActionName": name, "EvalDecision": if allowed { "allowed" } else { "implicitDeny" }})
    });
    json!({"EvaluationResults": rows.collect::<Vec<_>>()})
}

fn details(input: &Value) -> Value {
    let written = |statement: &str| {
        let text = policy("", &[statement]).text;
        let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        bytes.concat()
    };
    if input["Filter"][0] != "Role" {
        return json!({"Policies": [{
            "Arn": "arn:aws:iam::111111111111:policy/billing", "DefaultVersionId": "v2",
            "PolicyVersionList": [
                {"VersionId": "v1", "IsDefaultVersion": false, "Document": written(CUSTOMERS)},
                {"VersionId": "v2", "IsDefaultVersion": true, "Document": written(PARTNERS)},
            ],
        }]});
    }
    let row = |name: &str| {
        json!({
            "RoleName": name, "Arn": arn(name), "Path": "/",
            "AssumeRolePolicyDocument": written(BY_ACCOUNT), "RolePolicyList": [],
            "AttachedManagedPolicies": [],
        })
    };
    let (mut customer, mut partner) = (row("CustomerSecurity"), row("PartnerBilling"));
    customer["RolePolicyList"] =
        json!([{"PolicyName": "work", "PolicyDocument": written(CUSTOMERS)}]);
    partner["AttachedManagedPolicies"] =
        json!([{"PolicyArn": "arn:aws:iam::111111111111:policy/billing"}]);
    json!({"RoleDetailList": [customer, partner]})
}

fn contact(input: &Value) -> Value {
    let domain = match input["AlternateContactType"].as_str() {
        Some("BILLING") => "partner.example",
        _ => "Customer.example",
    };
    json!({"AlternateContact": {"EmailAddress": format!("a@{domain}")}})
}

pub(crate) fn account() -> Scripted {
    let pattern = json!({"detail": {"userIdentity": {"type": ["Root"]}}}).to_string();
    let answers = json!({
        "GetAccountSummary": {"SummaryMap": {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0}},
        "GetContactInformation": {"ContactInformation": {"PhoneNumber": "+1 (555) 0111"}},
        "DescribeOrganization": {"Organization": {"FeatureSet": "ALL"}},
        "ListRoots": {"Roots": [{"Id": "r-1", "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}]},
        "ListAccountsForParent": {"Accounts": [{"Id": "111111111111"}]},
        "ListPolicies": {"Policies": [{"Id": "p-FullAWSAccess", "Name": "FullAWSAccess", "AwsManaged": true}]},
        "GetCostAndUsage": {"ResultsByTime": [{"Groups": []}]},
        "ListRules": {"Rules": [
            {"Name": "other", "EventPattern": "{\"source\":[\"aws.s3\"]}"},
            {"Name": "off", "State": "DISABLED", "EventPattern": pattern},
            {"Name": "root", "State": "ENABLED", "EventPattern": pattern},
        ]},
        "ListTargetsByRule": {"Targets": [
            {"Arn": "arn:aws:events:us-east-1:100000000050:event-bus/default"},
            {"Arn": "arn:aws:sns:us-east-1:111111111111:root"},
        ]},
        "ListSubscriptionsByTopic": {"Subscriptions": [
            {"SubscriptionArn": "PendingConfirmation", "Endpoint": "ops@partner.example"},
            {"SubscriptionArn": "arn:aws:sns:us-east-1:111111111111:root:1", "Endpoint": "soc@customer.example"},
        ]},
    });
    Scripted::of(&answers)
        .making("GetAccountAuthorizationDetails", details)
        .making("GetAlternateContact", contact)
        .making("SimulatePrincipalPolicy", simulated)
}

pub(crate) async fn read(calls: &Scripted) -> Vec<CheckResult> {
    found(&read_facts(calls, &file(), TODAY).await)
}

#[tokio::test]
async fn an_account_that_is_all_right_has_nothing_failed_or_unknown() {
    let calls = account();
    let checks = read(&calls).await;
    let asked = calls.asked.lock().unwrap();
    let elsewhere: Vec<_> = asked.iter().filter(|it| it.contains(' ')).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    nothing_bad(&checks);
}

#[tokio::test]
async fn a_pattern_counts_as_eventbridge_reads_it_and_one_that_is_none_is_not_known() {
    let rows = include_str!("../../../../docs/spec/fixtures/org-root-login-patterns.json");
    let rows: Vec<Value> = serde_json::from_str(rows).unwrap();
    assert!(rows.len() > 10);
    for wanted in rows {
        let pattern = wanted["pattern"].as_str().unwrap();
        let rules =
            json!({"Rules": [{"Name": "root", "State": "ENABLED", "EventPattern": pattern}]});
        let checks = read(&account().with("ListRules", rules)).await;
        let (status, evidence) = row(&checks, "root-login-alert");
        assert_eq!(wanted["status"], status, "{pattern}: {evidence}");
        let said = wanted["evidence"].as_str().unwrap();
        assert!(evidence.contains(said), "{pattern}: {evidence}");
    }
}

#[tokio::test]
async fn a_pattern_that_is_none_changes_nothing_where_other_rules_tell_both() {
    let root = json!({"detail": {"userIdentity": {"type": ["Root"]}}}).to_string();
    let rules = json!({"Rules": [
        {"Name": "root", "EventPattern": root},
        {"Name": "new", "EventPattern": "{\"source\":[{\"sounds-like\":\"a\"}]}"},
        {"Name": "daily", "ScheduleExpression": "rate(1 day)"},
    ]});
    for (tells_both, expected) in [(true, "pass"), (false, "unknown")] {
        let mut calls = account().with("ListRules", rules.clone());
        if !tells_both {
            calls = calls.with("ListTargetsByRule", json!({"Targets": []}));
        }
        let checks = read(&calls).await;
        let (status, evidence) = row(&checks, "root-login-alert");
        assert_eq!(status, expected, "{evidence}");
        assert_eq!(evidence.contains("`new`"), !tells_both, "{evidence}");
    }
}

#[tokio::test]
async fn each_call_that_is_refused_leaves_its_checks_unknown_and_no_others() {
    let fine = read(&account()).await;
    for (operation, unknown) in [
        ("GetAccountSummary", &["root-mfa", "root-access-keys"][..]),
        (
            "GetAlternateContact",
            &["contact-billing", "contact-operations", "contact-security"],
        ),
        ("GetContactInformation", &["phone"]),
        (
            "SimulatePrincipalPolicy",
            &[
                "customer-access",
                "customer-no-billing",
                "partner-billing-only",
                "customer-cannot-raise-itself",
                "partner-cannot-raise-itself",
            ],
        ),
        (
            "GetAccountAuthorizationDetails",
            &[
                "customer-access",
                "customer-no-billing",
                "partner-billing-only",
                "customer-cannot-raise-itself",
                "partner-cannot-raise-itself",
            ],
        ),
        ("DescribeOrganization", &["all-features"]),
        ("ListRoots", &["scp-type", "accounts-in-root"]),
        ("ListAccountsForParent", &["accounts-in-root"]),
        ("ListPolicies", &["scp-baseline"]),
        ("GetCostAndUsage", &["payer-workloads"]),
        ("ListRules", &["root-login-alert"]),
        ("ListTargetsByRule", &["root-login-alert"]),
        ("ListSubscriptionsByTopic", &["root-login-alert"]),
    ] {
        let checks = read(&account().refusing(operation)).await;
        for (check, before) in checks.iter().zip(&fine) {
            let row = check.row();
            if unknown.contains(&check.id.as_str()) {
                assert_eq!(row.status, "unknown", "{operation}: {}", check.id);
                assert!(row.evidence.contains(operation), "{}", row.evidence);
            } else {
                assert_eq!(check, before, "{operation}");
            }
        }
    }
}

#[test]
fn tasks_are_as_far_as_their_checks() {
    use PayerTaskState::{AskPeople, Done, Open, Optional, Unknown};
    let state = |facts: &PayerFacts, id: &str| {
        let tasks = payer_tasks(&found(facts), &Ok(Vec::new()));
        let task = tasks.iter().find(|it| it.id == id).unwrap();
        (task.state, task.notes.join("; "))
    };
    let fine = all_right();
    assert_eq!(
        payer_tasks(&found(&fine), &Ok(Vec::new()))[0].id,
        "billing-transfer"
    );
    for (id, wanted) in [
        ("billing-transfer", Optional),
        ("set-up-payer", AskPeople),
        ("customer-role", Done),
        ("partner-role", Done),
        ("units", Done),
        ("copy-policies", Done),
        ("archive-invoices", AskPeople),
        ("move-accounts", AskPeople),
        ("alerts", Done),
    ] {
        assert_eq!(state(&fine, id).0, wanted, "{id}");
    }
    let mut facts = all_right();
    facts.accounts_in_root = Ok(vec!["888888888888".to_owned()]);
    let denied = UnreadFact {
        action: "organizations:ListPolicies".to_owned(),
        reason: "AccessDenied".to_owned(),
        passing: false,
    };
    facts.policies = Err(denied);
    let (moved, said) = state(&facts, "move-accounts");
    assert_eq!(moved, Open);
    assert!(
        said.contains("accounts-in-root: 888888888888 (fail)"),
        "{said}"
    );
    let (copied, said) = state(&facts, "copy-policies");
    assert_eq!(copied, Unknown);
    assert!(
        said.contains("organizations:ListPolicies: AccessDenied"),
        "{said}"
    );
    let checks = found(&fine);
    for check in &checks {
        let mut facts = checks.clone();
        facts.retain(|it| it.id == check.id);
        facts[0].outcome = hallpass_plans::CheckOutcome::Fail("x".to_owned());
        let tasks = payer_tasks(&facts, &Ok(Vec::new()));
        let open = tasks.iter().filter(|it| it.state == Open).count();
        assert_eq!(open, 1, "{}", check.id);
    }
}

#[tokio::test]
async fn transfers_of_the_bill_are_told_in_both_directions() {
    let row = |status: &str| {
        json!({"Status": status, "StartTimestamp": "2026-04-01T00:00:00Z",
        "Source": {"ManagementAccountId": "100000000060"}, "Target": {"ManagementAccountId": "100000000050"}})
    };
    let calls = Scripted::of(&json!({
        "ListInboundResponsibilityTransfers": {"ResponsibilityTransfers": [row("REQUESTED")]},
    }));
    assert_eq!(
        read_transfers(&calls).await.unwrap_err().action,
        "organizations:ListOutboundResponsibilityTransfers"
    );
    let calls = calls.with(
        "ListOutboundResponsibilityTransfers",
        json!({"ResponsibilityTransfers": [row("ACCEPTED")]}),
    );
    let transfers = read_transfers(&calls).await;
    let transfer = |direction, other: &str, status: &str| BillingTransfer {
        direction,
        other: other.to_owned(),
        status: status.to_owned(),
        start: "2026-04-01T00:00:00Z".to_owned(),
        end: None,
    };
    let wanted = vec![
        transfer("inbound", "100000000060", "REQUESTED"),
        transfer("outbound", "100000000050", "ACCEPTED"),
    ];
    assert_eq!(transfers, Ok(wanted.clone()));
    let first = |found| payer_tasks(&[], &found).remove(0).state;
    assert_eq!(first(transfers), PayerTaskState::Done);
    assert_eq!(first(Ok(wanted[..1].to_vec())), PayerTaskState::Open);
    assert_eq!(
        first(read_transfers(&Scripted::default()).await),
        PayerTaskState::Unknown
    );
}
