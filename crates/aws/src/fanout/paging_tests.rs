//! Every listing called by name is read to its last page: the table lists them, and a test fails
//! for a missing one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use hallpass_aws_model::ServiceModel;
use hallpass_aws_model::wire::{catalog, next_page};
use hallpass_org::{Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace, read_all};
use serde_json::{Map, Value, json};

const PAGED: &[(&str, &[(&str, &str)])] = &[
    ("account", &[("ListRegions", "")]),
    (
        "account-access",
        &[("ListApplications", ""), ("ListEntitlements", "")],
    ),
    (
        "ce",
        &[
            ("GetCostAndUsage", "ResultsByTime"),
            ("GetReservationUtilization", "UtilizationsByTime"),
            ("GetSavingsPlansUtilizationDetails", ""),
        ],
    ),
    ("cloudformation", &[("ListStackSetOperationResults", "")]),
    (
        "cloudtrail",
        &[("ListPublicKeys", ""), ("LookupEvents", "")],
    ),
    (
        "config",
        &[
            ("DescribeConfigurationAggregatorSourcesStatus", ""),
            ("DescribeConfigurationAggregators", ""),
            ("GetComplianceDetailsByResource", "EvaluationResults"),
            ("ListTagsForResource", ""),
            ("SelectAggregateResourceConfig", ""),
            ("SelectResourceConfig", ""),
        ],
    ),
    (
        "controltower",
        &[
            ("ListBaselines", ""),
            ("ListEnabledBaselines", ""),
            ("ListEnabledControls", ""),
            ("ListLandingZones", ""),
        ],
    ),
    (
        "detective",
        &[
            ("ListDatasourcePackages", "DatasourcePackages"),
            ("ListGraphs", "GraphList"),
            ("ListMembers", "MemberDetails"),
            ("ListOrganizationAdminAccounts", "Administrators"),
        ],
    ),
    (
        "devops-guru",
        &[
            ("ListNotificationChannels", ""),
            ("ListOrganizationInsights", ""),
            ("SearchOrganizationInsights", ""),
        ],
    ),
    (
        "ec2",
        &[
            ("DescribeFlowLogs", ""),
            ("DescribeInstances", ""),
            ("DescribeNetworkInterfaces", ""),
            ("DescribeRouteTables", ""),
            ("DescribeSecurityGroupRules", ""),
            ("DescribeSecurityGroups", ""),
            ("DescribeVolumes", ""),
            ("DescribeVpcs", ""),
        ],
    ),
    ("events", &[("ListRules", ""), ("ListTargetsByRule", "")]),
    (
        "guardduty",
        &[
            ("DescribeOrganizationConfiguration", "Features"),
            ("ListMembers", ""),
            ("ListOrganizationAdminAccounts", ""),
        ],
    ),
    (
        "iam",
        &[
            ("GetAccountAuthorizationDetails", ""),
            ("ListAccessKeys", ""),
            ("ListAccountAliases", ""),
            ("ListAttachedRolePolicies", ""),
            ("ListDelegationRequests", "DelegationRequests"),
            ("ListGroups", ""),
            ("ListMFADevices", ""),
            ("ListPolicies", ""),
            ("ListRoles", ""),
            ("ListUserTags", ""),
            ("ListUsers", ""),
            ("ListVirtualMFADevices", ""),
            ("SimulatePrincipalPolicy", ""),
        ],
    ),
    (
        "identitystore",
        &[
            ("ListGroupMemberships", ""),
            ("ListGroupMembershipsForMember", ""),
            ("ListGroups", ""),
            ("ListUsers", ""),
        ],
    ),
    ("inspector2", &[("ListMembers", "")]),
    (
        "macie2",
        &[("ListMembers", ""), ("ListOrganizationAdminAccounts", "")],
    ),
    (
        "organizations",
        &[
            ("ListAWSServiceAccessForOrganization", ""),
            ("ListAccounts", ""),
            ("ListAccountsForParent", ""),
            ("ListDelegatedAdministrators", ""),
            ("ListDelegatedServicesForAccount", ""),
            ("ListHandshakesForAccount", ""),
            ("ListHandshakesForOrganization", ""),
            (
                "ListInboundResponsibilityTransfers",
                "ResponsibilityTransfers",
            ),
            ("ListOrganizationalUnitsForParent", ""),
            (
                "ListOutboundResponsibilityTransfers",
                "ResponsibilityTransfers",
            ),
            ("ListParents", ""),
            ("ListPolicies", ""),
            ("ListPoliciesForTarget", ""),
            ("ListRoots", ""),
            ("ListTagsForResource", ""),
            ("ListTargetsForPolicy", ""),
        ],
    ),
    (
        "ram",
        &[
            ("GetResourceShares", ""),
            ("ListPrincipals", ""),
            ("ListResources", ""),
        ],
    ),
    ("rds", &[("DescribeDBInstances", "")]),
    (
        "securityhub",
        &[
            ("DescribeStandards", ""),
            ("GetEnabledStandards", ""),
            ("GetFindings", ""),
            ("GetInsights", ""),
            ("ListConfigurationPolicies", ""),
            ("ListConfigurationPolicyAssociations", ""),
            ("ListFindingAggregators", ""),
            ("ListMembers", ""),
            ("ListOrganizationAdminAccounts", ""),
            ("ListSecurityControlDefinitions", ""),
        ],
    ),
    (
        "servicecatalog",
        &[
            ("DescribeRecord", "RecordOutputs"),
            ("ListPortfoliosForProduct", ""),
            ("ListPrincipalsForPortfolio", ""),
            ("SearchProductsAsAdmin", ""),
            ("SearchProvisionedProducts", "ProvisionedProducts"),
        ],
    ),
    ("sns", &[("ListSubscriptionsByTopic", "")]),
    ("sso", &[("ListAccounts", "")]),
    (
        "sso-admin",
        &[
            ("ListAccountAssignments", ""),
            ("ListAccountAssignmentsForPrincipal", ""),
            ("ListAccountsForProvisionedPermissionSet", ""),
            ("ListApplications", ""),
            ("ListCustomerManagedPolicyReferencesInPermissionSet", ""),
            ("ListInstances", ""),
            ("ListManagedPoliciesInPermissionSet", ""),
            ("ListPermissionSets", ""),
            ("ListRegions", ""),
            ("ListTagsForResource", ""),
        ],
    ),
    (
        "wellarchitected",
        &[
            ("ListLensReviews", "LensReviewSummaries"),
            ("ListMilestones", "MilestoneSummaries"),
            ("ListWorkloads", "WorkloadSummaries"),
        ],
    ),
];

struct ThreePages {
    model: ServiceModel,
    rows: String,
    repeats: bool,
}

#[async_trait]
impl ReadCalls for ThreePages {
    async fn call(&self, _: &ReadPlace, (_, operation): Operation, input: &Value) -> ReadAnswer {
        let paging = self
            .model
            .operation(operation)
            .and_then(|it| it.page.as_ref());
        let paging = paging.ok_or_else(|| ReadCallFailed {
            code: "NotPaged".to_owned(),
            message: "the tables do not page it".to_owned(),
            passing: false,
        })?;
        let asked = input.get(&paging.input[0]).and_then(Value::as_str);
        let (rows, token) = match asked {
            None => (Some(json!([1])), Some("second")),
            Some("second") => (None, Some("third")),
            Some("third") if self.repeats => (None, Some("second")),
            Some("third") => (Some(json!([2])), None),
            Some(other) => panic!("{operation} was called for page `{other}`"),
        };
        let mut answer = Map::new();
        answer.extend(rows.map(|it| (self.rows.clone(), it)));
        let named = |name: &str| name.chars().all(char::is_alphanumeric);
        let output = paging.output.iter().find(|it| named(it));
        if let (Some(name), Some(token)) = (output, token) {
            answer.insert(name.clone(), token.into());
        }
        if let Some(more) = &paging.more {
            answer.insert(more.clone(), token.is_some().into());
        }
        let answer = Value::Object(answer);
        let next = next_page(paging, &answer).unwrap();
        Ok((answer, next))
    }
}

fn listings() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PAGED
        .iter()
        .flat_map(|(service, all)| all.iter().map(move |(name, rows)| (*service, *name, *rows)))
}

#[tokio::test]
async fn every_listing_is_read_to_its_last_page_over_empty_ones_and_one_without_an_end_is_an_error()
{
    let mut wrong = Vec::new();
    for (service, operation, named) in listings() {
        let open = || catalog().open(service).unwrap();
        let model = open();
        let paging = model.operation(operation).and_then(|it| it.page.as_ref());
        let listed = paging.and_then(|it| it.result.first());
        let rows = if named.is_empty() {
            listed.cloned().unwrap_or_default()
        } else {
            named.to_owned()
        };
        for repeats in [false, true] {
            let calls = ThreePages {
                model: open(),
                rows: rows.clone(),
                repeats,
            };
            let place = ReadPlace::default();
            let read = read_all(&calls, place, (service, operation), json!({}), &rows).await;
            match (read, repeats) {
                (Ok(rows), false) if rows == [json!(1), json!(2)] => {}
                (Err(why), true) if why.reason.contains("asked with before") => {}
                (other, _) => wrong.push(format!("{service}:{operation}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn quoted(text: &str, into: &mut BTreeSet<String>) {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_name =
        |it: &&str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    into.extend(text.split('"').filter(is_name).map(str::to_owned));
}

fn sources(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "demo" {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") && !name.contains("tests") {
            quoted(&std::fs::read_to_string(&path).unwrap(), into);
        }
    }
}

#[test]
fn no_listing_is_called_that_the_table_does_not_have() {
    let mut named = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in [
        "org",
        "inventory/src/collect",
        "inventory/src/addresses",
        "findings",
        "hallpass",
        "aws/src/fanout",
    ] {
        let folder = crates.join(name);
        let own = folder.join("src");
        sources(if own.is_dir() { &own } else { &folder }, &mut named);
    }
    let known: BTreeSet<&str> = listings().map(|(_, operation, _)| operation).collect();
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for service in catalog().names().filter(|it| named.contains(*it)) {
        let model = catalog().open(service).unwrap();
        for operation in model.operations().filter(|it| it.page.is_some()) {
            if named.contains(&operation.name) && !known.contains(operation.name.as_str()) {
                missing
                    .entry(operation.name.clone())
                    .or_default()
                    .push(service);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not in the table of listings: {missing:?}"
    );
}
