//! Reads losses and reviews for an organization to be acquired.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::facts::{
    BillFacts, Commitment, LeavingFacts, ReviewedLens, ReviewedWorkload, WideShare,
};
use crate::billing_transfers::{open_invitations, read_transfers};
use crate::reading::{ReadFact, Reader, text};

/// Position of a share's flag to keep access after leaving.
const KEPT: &str = "/resourceShareConfiguration/retainSharingOnAccountLeaveOrganization";

const TOOL: &str = "wellarchitected";

pub(super) async fn wide_shares(inside: &Reader<'_>) -> ReadFact<Vec<WideShare>> {
    let own = || json!({ "resourceOwner": "SELF" });
    let operation = ("ram", "ListPrincipals");
    let principals = inside.list(operation, own(), "principals").await?;
    let mut wide: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &principals {
        let id = text(row, "/id");
        if id.contains(":organizations::") {
            let share = text(row, "/resourceShareArn").to_owned();
            wide.entry(share).or_default().push(id.to_owned());
        }
    }
    if wide.is_empty() {
        return Ok(Vec::new());
    }
    let operation = ("ram", "GetResourceShares");
    let shares = inside.list(operation, own(), "resourceShares").await?;
    let operation = ("ram", "ListResources");
    let resources = inside.list(operation, own(), "resources").await?;
    let found = wide.into_iter().map(|(arn, principals)| {
        let is_of = |it: &&Value| text(it, "/resourceShareArn") == arn;
        let share = shares.iter().find(is_of);
        let is_kept = share.and_then(|it| it.pointer(KEPT)?.as_bool());
        let name = share.map(|it| text(it, "/name"));
        let name = name.filter(|it| !it.is_empty()).unwrap_or(&arn).to_owned();
        let mut kinds = BTreeMap::new();
        for row in resources.iter().filter(is_of) {
            *kinds.entry(text(row, "/type").to_owned()).or_default() += 1;
        }
        WideShare {
            name,
            principals,
            resources: kinds,
            is_kept: is_kept.unwrap_or(false),
        }
    });
    let mut found: Vec<WideShare> = found.collect();
    found.sort();
    Ok(found)
}

pub(super) async fn leaving(home: &Reader<'_>, today: Date) -> LeavingFacts {
    LeavingFacts {
        commitments: commitments(home, today).await,
        delegated: delegated(home).await,
        permission_sets: permission_sets(home).await,
        bill: bill(home).await,
        workloads: workloads(home).await,
    }
}

async fn bill(home: &Reader<'_>) -> ReadFact<BillFacts> {
    let mut transfers = read_transfers(home.calls).await?;
    // pending ones are read as invitations, others have ended
    transfers.retain(|it| it.status == "ACCEPTED");
    Ok(BillFacts {
        transfers,
        invitations: open_invitations(home).await?,
    })
}

async fn commitments(home: &Reader<'_>, today: Date) -> ReadFact<Vec<Commitment>> {
    let end = today.first_of_month();
    let start = end.saturating_sub(jiff::Span::new().months(1));
    let period = json!({ "Start": start.to_string(), "End": end.to_string() });
    // Cost Explorer returns an error if there is no data
    let none = Some("DataUnavailableException");
    let operation = ("ce", "GetReservationUtilization");
    let group = json!([{ "Type": "DIMENSION", "Key": "SUBSCRIPTION_ID" }]);
    let input = json!({ "TimePeriod": period, "GroupBy": group });
    let months = home.list_unless(operation, input, "UtilizationsByTime", none);
    let months = months.await?.unwrap_or_default();
    let groups = months.iter().filter_map(|it| it.get("Groups")?.as_array());
    let mut found: Vec<Commitment> = groups
        .flatten()
        .map(|it| Commitment {
            account: text(it, "/Attributes/accountId").to_owned(),
            kind: "reservation",
            id: text(it, "/Value").to_owned(),
        })
        .collect();
    let operation = ("ce", "GetSavingsPlansUtilizationDetails");
    let name = "SavingsPlansUtilizationDetails";
    let plans = home.list_unless(operation, json!({ "TimePeriod": period }), name, none);
    found.extend(plans.await?.unwrap_or_default().iter().map(|it| {
        let arn = text(it, "/SavingsPlanArn");
        Commitment {
            account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            kind: "savings plan",
            id: arn.to_owned(),
        }
    }));
    found.sort();
    Ok(found)
}

async fn delegated(home: &Reader<'_>) -> ReadFact<BTreeMap<String, Vec<String>>> {
    let operation = ("organizations", "ListDelegatedAdministrators");
    let rows = home
        .list(operation, json!({}), "DelegatedAdministrators")
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = text(&row, "/Id").to_owned();
        let operation = ("organizations", "ListDelegatedServicesForAccount");
        let input = json!({ "AccountId": id });
        let services = home.list(operation, input, "DelegatedServices").await?;
        let services = services
            .iter()
            .map(|it| text(it, "/ServicePrincipal").to_owned());
        found.insert(id, services.collect());
    }
    Ok(found)
}

async fn permission_sets(home: &Reader<'_>) -> ReadFact<Option<usize>> {
    let operation = ("sso-admin", "ListInstances");
    let instances = home.list(operation, json!({}), "Instances").await?;
    let Some(instance) = instances.first() else {
        return Ok(None);
    };
    let input = json!({ "InstanceArn": text(instance, "/InstanceArn") });
    let operation = ("sso-admin", "ListPermissionSets");
    let sets = home.list(operation, input, "PermissionSets").await?;
    Ok(Some(sets.len()))
}

async fn workloads(home: &Reader<'_>) -> ReadFact<Vec<ReviewedWorkload>> {
    let operation = (TOOL, "ListWorkloads");
    let rows = home.list(operation, json!({}), "WorkloadSummaries").await?;
    let mut found = Vec::new();
    for row in rows {
        let id = json!({ "WorkloadId": text(&row, "/WorkloadId") });
        let operation = (TOOL, "ListMilestones");
        let milestones = home.list(operation, id.clone(), "MilestoneSummaries").await;
        found.push(ReviewedWorkload {
            name: text(&row, "/WorkloadName").to_owned(),
            owner: text(&row, "/Owner").to_owned(),
            updated: text(&row, "/UpdatedAt").parse().ok(),
            milestones: milestones.map(|it| it.len()),
            lenses: lenses(home, id).await,
        });
    }
    Ok(found)
}

async fn lenses(home: &Reader<'_>, workload: Value) -> ReadFact<Vec<ReviewedLens>> {
    let operation = (TOOL, "ListLensReviews");
    let listed = home.list(operation, workload.clone(), "LensReviewSummaries");
    let mut found = Vec::new();
    for row in listed.await? {
        let alias = [text(&row, "/LensAlias"), text(&row, "/LensArn")];
        let alias = alias.into_iter().find(|it| !it.is_empty());
        let alias = alias.unwrap_or_default().to_owned();
        found.push(ReviewedLens {
            high_risks: high_risks(home, workload.clone(), &alias).await,
            updated: text(&row, "/UpdatedAt").parse().ok(),
            alias,
        });
    }
    Ok(found)
}

async fn high_risks(
    home: &Reader<'_>,
    mut input: Value,
    lens: &str,
) -> ReadFact<BTreeMap<String, u64>> {
    if let Some(members) = input.as_object_mut() {
        members.insert("LensAlias".to_owned(), lens.into());
    }
    let answer = home.one((TOOL, "GetLensReview"), input).await?;
    let pillars = answer.pointer("/LensReview/PillarReviewSummaries");
    let pillars = pillars.and_then(Value::as_array).into_iter().flatten();
    let high = pillars.filter_map(|it| {
        let count = it.pointer("/RiskCounts/HIGH")?.as_u64()?;
        (count > 0).then(|| (text(it, "/PillarId").to_owned(), count))
    });
    Ok(high.collect())
}
