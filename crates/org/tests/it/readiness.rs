//! The rows of `organization.md` M-3 and O-1, from scripted answers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hallpass_org::Attestation;
use hallpass_org::readiness::{
    CandidateAccount, ReadinessQuestion, ReadinessReading, read_readiness, readiness_checks,
};
use hallpass_plans::{CheckResult, CheckSeverity, CheckStrictness};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::scripted::Scripted;

const TODAY: Date = date(2026, 3, 2);
const MANAGEMENT: &str = "111111111111";
const MEMBER: &str = "222222222222";

impl Scripted {
    fn all_right() -> Self {
        let account = |id: &str, name: &str| json!({"Id": id, "Name": name, "Email": format!("{name}@acme.example"), "State": "ACTIVE"});
        let answers = json!({
            "DescribeOrganization": {"Organization": {"Id": "o-ours", "FeatureSet": "ALL", "MasterAccountId": MANAGEMENT}},
            "ListAccounts": {"Accounts": [account(MANAGEMENT, "main"), account(MEMBER, "payments"),
                {"Id": "333333333333", "Name": "old", "Email": "old@acme.example", "State": "SUSPENDED"}]},
            "ListRoots": {"Roots": [{"Id": "r-1", "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}]},
            "ListAccountsForParent": {"Accounts": [{"Id": MANAGEMENT}]},
            "ListRegions": {"Regions": [{"RegionName": "eu-west-1"}, {"RegionName": "us-east-1"}]},
            "DescribeInstances": {"Reservations": []},
            "ListLandingZones": {"landingZones": [{"arn": "arn:aws:controltower:us-east-1:111111111111:landingzone/A"}]},
            "GetLandingZone": {"landingZone": {"version": "3.3", "manifest": {
                "centralizedLogging": {"accountId": "444444444444"}, "securityRoles": {"accountId": "555555555555"}}}},
            "ListOrganizationsFeatures": {"EnabledFeatures": []},
            "GetAlternateContact": {"AlternateContact": {"EmailAddress": "soc@acme.example"}},
            "ListTagsForResource": {"Tags": [{"Key": "owner", "Value": "payments-team"}]},
            "GetAccountSummary": {"SummaryMap": {"AccountMFAEnabled": 1}},
            "ListPrincipals": {"principals": [{"id": MEMBER, "resourceShareArn": "arn:one"}]},
            "GetReservationUtilization": {"UtilizationsByTime": [{"Groups": []}]},
            "GetSavingsPlansUtilizationDetails": {"SavingsPlansUtilizationDetails": []},
            "ListDelegatedAdministrators": {"DelegatedAdministrators": []},
            "ListInboundResponsibilityTransfers": {"ResponsibilityTransfers": []},
            "ListOutboundResponsibilityTransfers": {"ResponsibilityTransfers": []},
            "ListHandshakesForOrganization": {"Handshakes": []},
            "ListHandshakesForAccount": {"Handshakes": []},
            "ListInstances": {"Instances": []},
            "ListWorkloads": {"WorkloadSummaries": [{"WorkloadId": "w1", "WorkloadName": "shop", "Owner": MEMBER, "UpdatedAt": "2026-01-15T00:00:00Z"}]},
            "ListMilestones": {"MilestoneSummaries": [{"MilestoneNumber": 1}]},
            "ListLensReviews": lenses("2026-01-15T00:00:00Z"),
            "GetServiceQuota": {"Quota": {"Value": 10.0}},
            "DescribeOrganizationalUnit": {"OrganizationalUnit": {"Arn": "arn:aws:organizations::111111111111:ou/o-1/ou-1"}},
            "ListEnabledBaselines": {"enabledBaselines": [{"statusSummary": {"status": "SUCCEEDED"}}]},
            "ListEnabledControls": {"enabledControls": []},
            "ListPoliciesForTarget": {"Policies": [{"Name": "FullAWSAccess", "AwsManaged": true}]},
            "ListParents": {"Parents": [{"Id": "r-1"}]},
        });
        Self::of(&answers).making("GetLensReview", |_| review(0, 0))
    }
}

fn transfer(status: &str) -> Value {
    json!({"Status": status, "StartTimestamp": "2026-04-01T00:00:00Z", "EndTimestamp": "2026-12-31T23:59:59Z",
        "Target": {"ManagementAccountId": "100000000050"}})
}

fn handshakes(state: &str) -> Value {
    let one = |id: &str, action: &str| {
        json!({"Id": id, "Action": action, "State": state, "ExpirationTimestamp": "2026-03-15T00:00:00Z",
            "Parties": [{"Id": "o-theirs", "Type": "ORGANIZATION"}, {"Id": MANAGEMENT, "Type": "ACCOUNT"}]})
    };
    json!({"Handshakes": [one("h-1", "TRANSFER_RESPONSIBILITY"), one("h-2", "INVITE")]})
}

const INVITED: &str = "ListHandshakesForAccount 222222222222";

fn invited(state: &str, organization: &str, sender: &Value) -> Value {
    let arn = format!("arn:aws:organizations::999999999999:handshake/{organization}/invite/h-2");
    json!({"Handshakes": [
        {"Id": "h-1", "Action": "TRANSFER_RESPONSIBILITY", "State": "OPEN"},
        {"Id": "h-2", "Arn": arn, "Action": "INVITE", "State": state, "ExpirationTimestamp": "2026-03-15T00:00:00Z",
            "Parties": [{"Id": MEMBER, "Type": "ACCOUNT"}, {"Id": organization, "Type": "ORGANIZATION"}],
            "Resources": [{"Type": "ORGANIZATION", "Value": organization, "Resources": sender}, {"Type": "ACCOUNT", "Value": MEMBER}]},
    ]})
}

fn lenses(other: &str) -> Value {
    json!({"LensReviewSummaries": [
        {"LensAlias": "wellarchitected", "UpdatedAt": "2026-01-15T00:00:00Z"},
        {"LensAlias": "serverless", "UpdatedAt": other},
    ]})
}

fn review(security: u64, reliability: u64) -> Value {
    json!({"LensReview": {"PillarReviewSummaries": [
        {"PillarId": "security", "RiskCounts": {"NONE": 9, "HIGH": security}},
        {"PillarId": "reliability", "RiskCounts": {"HIGH": reliability}},
    ]}})
}

pub(crate) fn question() -> ReadinessQuestion {
    ReadinessQuestion {
        owner_tag: "owner".to_owned(),
        attestations: BTreeMap::new(),
        candidates: Vec::new(),
        today: TODAY,
    }
}

fn reading() -> ReadinessReading {
    ReadinessReading {
        regions: None,
        leaving: true,
        joining: true,
        target: Some("ou-1".to_owned()),
        today: TODAY,
    }
}

async fn found(calls: &Scripted) -> Vec<CheckResult> {
    let facts = read_readiness(calls, &reading(), &|_, _| {}).await;
    readiness_checks(&facts, &question())
}

pub(crate) fn row(
    checks: &[CheckResult],
    id: &str,
    target: &str,
) -> (&'static str, String, CheckSeverity) {
    let it = checks
        .iter()
        .find(|it| it.id == id && it.target.contains(target));
    let it = it.unwrap_or_else(|| panic!("no {id} of {target}: {checks:#?}"));
    let row = it.row();
    (row.status, row.evidence, it.severity)
}

pub(crate) fn nothing_bad(checks: &[CheckResult]) {
    let bad: Vec<_> = checks
        .iter()
        .map(CheckResult::row)
        .filter(|it| ["fail", "unknown"].contains(&it.status))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[tokio::test]
async fn an_organization_that_is_ready_has_nothing_failed_or_unknown() {
    let calls = Scripted::all_right();
    let seen = Mutex::new(Vec::new());
    let told = |done, all| seen.lock().unwrap().push((done, all));
    let facts = read_readiness(&calls, &reading(), &told).await;
    let checks = readiness_checks(&facts, &question());
    nothing_bad(&checks);
    assert_eq!(*seen.lock().unwrap(), [(1, 2), (2, 2)]);
    let asked = calls.asked.lock().unwrap();
    for wanted in [
        "account:GetAlternateContact",
        "account:GetAlternateContact 222222222222",
        "iam:GetAccountSummary",
        "iam:GetAccountSummary 222222222222",
        "organizations:ListHandshakesForAccount 222222222222",
        "ec2:DescribeInstances eu-west-1",
    ] {
        assert!(asked.iter().any(|it| it == wanted), "{wanted}: {asked:#?}");
    }
    assert!(
        asked.iter().all(|it| !it.contains("333333333333")),
        "a suspended account was asked: {asked:#?}"
    );
}

type Row = (
    fn(Scripted) -> Scripted,
    &'static str,
    &'static str,
    &'static str,
    CheckSeverity,
    &'static str,
);

static ROWS: &[Row] = &[
    (
        |it| {
            let ids = ["i-1", "i-2", "i-3"].map(|id| json!({ "InstanceId": id }));
            it.with(
                "DescribeInstances us-east-1",
                json!({"Reservations": [{"Instances": ids}]}),
            )
        },
        "management-workloads",
        "us-east-1",
        "fail",
        CheckSeverity::Error,
        "3 running: i-1, i-2, i-3",
    ),
    (
        |it| reviewed(it, "2025-01-26T00:00:00Z"),
        "workload-reviewed",
        "shop",
        "fail",
        CheckSeverity::Error,
        "2025-01-26",
    ),
    (
        |it| reviewed(it, "2025-08-14T00:00:00Z"),
        "workload-reviewed",
        "shop",
        "fail",
        CheckSeverity::Warn,
        "2025-08-14",
    ),
    (
        |it| it.with("ListWorkloads", json!({"WorkloadSummaries": []})),
        "workloads-reviewed",
        "organization",
        "unknown",
        CheckSeverity::Error,
        "no workload in the tool",
    ),
    (
        |it| it.refusing("ListWorkloads"),
        "workloads-reviewed",
        "organization",
        "unknown",
        CheckSeverity::Error,
        "wellarchitected:ListWorkloads: AccessDeniedException",
    ),
    (
        |it| {
            it.with(
                "GetAlternateContact 222222222222",
                json!("ResourceNotFoundException"),
            )
        },
        "security-contact",
        MEMBER,
        "fail",
        CheckSeverity::Error,
        "none found",
    ),
    (
        |it| {
            let shares = json!([
                {"id": "arn:aws:organizations::111111111111:organization/o-1", "resourceShareArn": "arn:wide"},
                {"id": MEMBER, "resourceShareArn": "arn:one"}]);
            it.with(
                "ListPrincipals 222222222222",
                json!({ "principals": shares }),
            )
            .with("GetResourceShares", json!({"resourceShares": [{"resourceShareArn": "arn:wide", "name": "networks"}]}))
            .with("ListResources", json!({"resources": [{"resourceShareArn": "arn:wide", "type": "ec2:Subnet"},
                {"resourceShareArn": "arn:wide", "type": "ec2:Subnet"}, {"resourceShareArn": "arn:one", "type": "ec2:Subnet"}]}))
        },
        "organization-shares",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "networks: 2 ec2:Subnet with arn:aws:organizations::111111111111:organization/o-1",
    ),
    (
        |it| {
            let shares = json!([
                {"id": "arn:aws:organizations::111111111111:organization/o-1", "resourceShareArn": "arn:wide"}]);
            let share = json!({"resourceShareArn": "arn:wide", "name": "networks",
                "resourceShareConfiguration": {"retainSharingOnAccountLeaveOrganization": true}});
            it.with(
                "ListPrincipals 222222222222",
                json!({ "principals": shares }),
            )
            .with("GetResourceShares", json!({ "resourceShares": [share] }))
            .with("ListResources", json!({ "resources": [] }))
        },
        "organization-shares",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "kept by accounts that have it and leave",
    ),
    // lenses are independent
    (
        |it| it.with("ListLensReviews", lenses("2025-08-14T00:00:00Z")),
        "lens-reviewed",
        "serverless",
        "fail",
        CheckSeverity::Warn,
        "2025-08-14",
    ),
    (
        |it| it.with("ListLensReviews", lenses("2025-01-26T00:00:00Z")),
        "lens-reviewed",
        "serverless",
        "fail",
        CheckSeverity::Error,
        "2025-01-26",
    ),
    (
        |it| it.with("ListLensReviews", lenses("2025-08-14T00:00:00Z")),
        "lens-reviewed",
        "shop/wellarchitected",
        "pass",
        CheckSeverity::Warn,
        "2026-01-15",
    ),
    (
        |it| {
            it.making("GetLensReview", |input| {
                let is_other = input["LensAlias"] == "serverless";
                review(0, if is_other { 2 } else { 0 })
            })
        },
        "workload-risks",
        "serverless",
        "fail",
        CheckSeverity::Warn,
        "reliability 2",
    ),
    (
        |it| it.refusing("ListLensReviews"),
        "workload-risks",
        "shop",
        "unknown",
        CheckSeverity::Warn,
        "wellarchitected:ListLensReviews: AccessDeniedException",
    ),
    (
        |it| {
            it.with(
                "GetAccountSummary 222222222222",
                json!({"SummaryMap": {"AccountMFAEnabled": 0}}),
            )
        },
        "root-mfa",
        MEMBER,
        "fail",
        CheckSeverity::Error,
        "is 0",
    ),
    (
        |it| {
            let features = json!({"EnabledFeatures": ["RootCredentialsManagement"]});
            let summary =
                json!({"SummaryMap": {"AccountMFAEnabled": 0, "AccountPasswordPresent": 0}});
            it.with("ListOrganizationsFeatures", features)
                .with("GetAccountSummary 222222222222", summary)
        },
        "root-mfa",
        MEMBER,
        "pass",
        CheckSeverity::Error,
        "managed centrally",
    ),
    (
        |it| {
            it.with(
                "ListTagsForResource",
                json!({"Tags": [{"Key": "owner", "Value": " "}]}),
            )
        },
        "owner-tag",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "no tag `owner`",
    ),
    (
        |it| it.with("ListLandingZones", json!({"landingZones": []})),
        "log-archive-account",
        "organization",
        "fail",
        CheckSeverity::Warn,
        "no account is called `log archive`",
    ),
    (
        |it| {
            let accounts =
                json!({"Accounts": [{"Id": MEMBER, "Name": "Log-Archive", "State": "ACTIVE"}]});
            it.with("ListLandingZones", json!({"landingZones": []}))
                .with("ListAccounts", accounts)
        },
        "log-archive-account",
        "organization",
        "pass",
        CheckSeverity::Warn,
        "by its name",
    ),
    (
        |it| {
            let plan =
                json!({"SavingsPlanArn": "arn:aws:savingsplans::222222222222:savingsplan/p"});
            it.with(
                "GetSavingsPlansUtilizationDetails",
                json!({"SavingsPlansUtilizationDetails": [plan]}),
            )
        },
        "commitments",
        "organization",
        "fail",
        CheckSeverity::Info,
        "savings plan arn:aws:savingsplans::222222222222:savingsplan/p of 222222222222",
    ),
    (
        |it| {
            it.with(
                "GetReservationUtilization",
                json!("DataUnavailableException"),
            )
        },
        "commitments",
        "organization",
        "pass",
        CheckSeverity::Info,
        "none",
    ),
    (
        |it| {
            it.with(
                "ListDelegatedAdministrators",
                json!({"DelegatedAdministrators": [{"Id": MEMBER}]}),
            )
            .with(
                "ListDelegatedServicesForAccount",
                json!({"DelegatedServices": [{"ServicePrincipal": "detective.amazonaws.com"}]}),
            )
        },
        "delegated-administrators",
        "organization",
        "fail",
        CheckSeverity::Warn,
        "222222222222: detective.amazonaws.com",
    ),
    (
        |it| {
            it.with(
                "ListOutboundResponsibilityTransfers",
                json!({"ResponsibilityTransfers": [transfer("WITHDRAWN"), transfer("ACCEPTED")]}),
            )
        },
        "billing-transfer",
        "organization",
        "fail",
        CheckSeverity::Warn,
        "100000000050 pays for the organization from 2026-04-01T00:00:00Z until 2026-12-31T23:59:59Z",
    ),
    (
        |it| {
            it.with(
                "ListInboundResponsibilityTransfers",
                json!({"ResponsibilityTransfers": [transfer("DECLINED")]}),
            )
        },
        "billing-transfer",
        "organization",
        "pass",
        CheckSeverity::Warn,
        "none",
    ),
    (
        |it| it.with("ListHandshakesForAccount", handshakes("REQUESTED")),
        "billing-transfer",
        "organization",
        "fail",
        CheckSeverity::Warn,
        "invitation h-1 to transfer the bill between o-theirs and 111111111111, open until 2026-03-15T00:00:00Z",
    ),
    (
        |it| it.with("ListHandshakesForOrganization", handshakes("EXPIRED")),
        "billing-transfer",
        "organization",
        "pass",
        CheckSeverity::Warn,
        "none",
    ),
    (
        |it| it.with(INVITED, invited("OPEN", "o-theirs", &json!([]))),
        "foreign-invitations",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "invitation h-2 of organization o-theirs (management account 999999999999), open until 2026-03-15T00:00:00Z",
    ),
    (
        |it| {
            let sender = json!([{"Type": "MANAGEMENT_ACCOUNT", "Value": "888888888888"}]);
            it.with(INVITED, invited("REQUESTED", "o-theirs", &sender))
        },
        "foreign-invitations",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "o-theirs (management account 888888888888)",
    ),
    (
        |it| {
            it.with(
                INVITED,
                json!({"Handshakes": [{"Id": "h-3", "Action": "INVITE", "State": "OPEN"}]}),
            )
        },
        "foreign-invitations",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "invitation h-3 of an organization that AWS does not name",
    ),
    (
        |it| it.with(INVITED, invited("DECLINED", "o-theirs", &json!([]))),
        "foreign-invitations",
        MEMBER,
        "pass",
        CheckSeverity::Warn,
        "none",
    ),
    (
        |it| it.with(INVITED, invited("OPEN", "o-ours", &json!([]))),
        "foreign-invitations",
        MEMBER,
        "pass",
        CheckSeverity::Warn,
        "none",
    ),
    (
        |it| {
            it.with(INVITED, invited("OPEN", "o-ours", &json!([])))
                .refusing("DescribeOrganization")
        },
        "foreign-invitations",
        MEMBER,
        "fail",
        CheckSeverity::Warn,
        "o-ours",
    ),
    (
        |it| it.with(INVITED, json!("AccessDeniedException")),
        "foreign-invitations",
        MEMBER,
        "unknown",
        CheckSeverity::Warn,
        "organizations:ListHandshakesForAccount: AccessDeniedException",
    ),
    (
        |it| it.with("GetServiceQuota", json!({"Quota": {"Value": 2.0}})),
        "account-quota",
        "organization",
        "fail",
        CheckSeverity::Error,
        "3 accounts, 0 more, 2 allowed",
    ),
    (
        |it| {
            it.with(
                "ListPoliciesForTarget",
                json!({"Policies": [{"Name": "deny-regions"}]}),
            )
        },
        "target-policies",
        "ou-1",
        "fail",
        CheckSeverity::Warn,
        "deny-regions",
    ),
];

fn reviewed(calls: Scripted, at: &str) -> Scripted {
    let workload =
        json!({"WorkloadId": "w1", "WorkloadName": "shop", "Owner": MEMBER, "UpdatedAt": at});
    calls.with("ListWorkloads", json!({ "WorkloadSummaries": [workload] }))
}

#[tokio::test]
async fn the_rows_of_the_specification() {
    for (number, (change, id, target, status, severity, evidence)) in ROWS.iter().enumerate() {
        let checks = found(&change(Scripted::all_right())).await;
        let (seen, said, bad) = row(&checks, id, target);
        assert_eq!((seen, bad), (*status, *severity), "row {number}: {said}");
        assert!(said.contains(evidence), "row {number}: {said}");
        let failed = |how| checks.iter().any(|it| it.is_failed(how));
        let is_error = *status == "fail" && *severity == CheckSeverity::Error;
        assert_eq!(failed(CheckStrictness::Errors), is_error, "row {number}");
    }
}

/// Each refused operation makes its checks unknown, and none pass because of it.
#[tokio::test]
async fn what_is_refused_is_unknown_and_never_passes() {
    let calls = Scripted::all_right();
    let fine = found(&calls).await;
    let operations = calls.operations();
    assert!(operations.len() > 20);
    // these only affect root user checks of members, and units without baselines
    let asides = ["ListOrganizationsFeatures", "ListEnabledControls"];
    for operation in operations
        .iter()
        .filter(|it| !asides.contains(&it.as_str()))
    {
        let checks = found(&Scripted::all_right().refusing(operation)).await;
        let rows: Vec<_> = checks.iter().map(CheckResult::row).collect();
        let named = rows
            .iter()
            .filter(|it| it.status == "unknown" && it.evidence.contains(operation.as_str()));
        assert!(named.count() > 0, "{operation}: {rows:#?}");
        let passed = |checks: &[CheckResult]| {
            let rows = checks.iter().map(CheckResult::row);
            rows.filter(|it| it.status == "pass").count()
        };
        assert!(passed(&checks) < passed(&fine), "{operation}");
    }
}

#[tokio::test]
async fn a_unit_without_a_baseline_is_judged_by_its_controls() {
    let unit = "arn:aws:organizations::111111111111:ou/o-1/ou-1";
    let control = |status: &str| json!({"enabledControls": [{"targetIdentifier": unit, "statusSummary": {"status": status}}]});
    let bare =
        || Scripted::all_right().with("ListEnabledBaselines", json!({"enabledBaselines": []}));
    for (calls, expected) in [
        (bare(), "fail"),
        (
            bare().with("ListEnabledControls", control("SUCCEEDED")),
            "pass",
        ),
        (
            bare().with("ListEnabledControls", control("FAILED")),
            "fail",
        ),
        (bare().refusing("ListEnabledControls"), "unknown"),
    ] {
        let rows = found(&calls).await.into_iter().map(|it| it.row());
        let row = rows.into_iter().find(|it| it.id == "target-unit").unwrap();
        assert_eq!(row.status, expected, "{}", row.evidence);
    }
}

#[tokio::test]
async fn accounts_that_are_to_come_in_clash_by_address_and_name() {
    let facts = read_readiness(&Scripted::all_right(), &reading(), &|_, _| {}).await;
    let candidate = |id: &str, name: &str, email: &str| CandidateAccount {
        account_id: id.parse().unwrap(),
        name: name.to_owned(),
        email: email.to_owned(),
    };
    let question = ReadinessQuestion {
        candidates: vec![
            candidate("777777777777", "Payments", "new@acme.example"),
            // suspended accounts block an address too
            candidate("888888888888", "other", "OLD@acme.example"),
        ],
        ..question()
    };
    let checks = readiness_checks(&facts, &question);
    for (id, target, status, evidence) in [
        ("name-clash", "777777777777", "fail", MEMBER),
        ("email-clash", "777777777777", "pass", "none"),
        ("email-clash", "888888888888", "fail", "333333333333"),
        ("name-clash", "888888888888", "pass", "none"),
        (
            "account-quota",
            "organization",
            "pass",
            "3 accounts, 2 more, 10 allowed",
        ),
    ] {
        let (seen, said, _) = row(&checks, id, target);
        assert_eq!((seen, said.as_str()), (status, evidence), "{id} {target}");
    }
}

#[tokio::test]
async fn what_no_api_says_is_vouched_for_or_asked() {
    let facts = read_readiness(&Scripted::all_right(), &reading(), &|_, _| {}).await;
    let manual = [
        "root-emails",
        "stands-alone",
        "organization-conditions",
        "address-ranges",
        "config-of-candidates",
    ];
    let checks = readiness_checks(&facts, &question());
    for id in manual {
        assert_eq!(row(&checks, id, "organization").0, "manual", "{id}");
    }
    let vouched = Attestation {
        name: "Kim".to_owned(),
        date: date(2026, 1, 1),
        expires: date(2026, 3, 2),
    };
    let question = ReadinessQuestion {
        attestations: [("root-emails".to_owned(), vouched)].into(),
        ..question()
    };
    let checks = readiness_checks(&facts, &question);
    let (status, said, _) = row(&checks, "root-emails", "organization");
    assert_eq!(
        (status, said.as_str()),
        ("attested", "Kim vouches for it until 2026-03-02")
    );
}
