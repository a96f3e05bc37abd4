//! Reads Detective behavior graphs with the administrator's credentials.

use std::collections::BTreeSet;

use hallpass_base::AccountId;
use serde_json::{Value, json};

use super::facts::{GraphFacts, MemberFacts, MemberStanding};
use super::families::DETECTIVE;
use crate::reading::{ReadCalls, ReadFact, inside, text};

pub(super) async fn graph_arn(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
) -> ReadFact<Option<String>> {
    let rows = inside(calls, account, Some(region))
        .list((DETECTIVE, "ListGraphs"), json!({}), "GraphList")
        .await?;
    Ok(rows.first().map(|row| text(row, "/Arn").to_owned()))
}

pub(super) async fn members(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
    graph: &str,
) -> ReadFact<Vec<MemberFacts>> {
    let input = json!({ "GraphArn": graph });
    let rows = inside(calls, account, Some(region))
        .list((DETECTIVE, "ListMembers"), input, "MemberDetails")
        .await?;
    let rows = rows.iter().map(|row| MemberFacts {
        account: text(row, "/AccountId").to_owned(),
        standing: standing(row),
    });
    Ok(rows.collect())
}

/// AWS: "Understanding the status of a member account" of Detective.
fn standing(row: &Value) -> MemberStanding {
    match text(row, "/Status") {
        "ENABLED" => MemberStanding::Enabled,
        "VERIFICATION_IN_PROGRESS" => MemberStanding::Verifying,
        "INVITED" => MemberStanding::Invited,
        status => MemberStanding::Disabled(match text(row, "/DisabledReason") {
            "" => status.to_owned(),
            reason => reason.to_owned(),
        }),
    }
}

pub(super) async fn auto_enable(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
    graph: &str,
) -> ReadFact<bool> {
    let operation = (DETECTIVE, "DescribeOrganizationConfiguration");
    let input = json!({ "GraphArn": graph });
    let found = inside(calls, account, Some(region))
        .one(operation, input)
        .await?;
    Ok(found.get("AutoEnable").and_then(Value::as_bool) == Some(true))
}

pub(super) async fn packages(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
    graph: &str,
) -> ReadFact<BTreeSet<String>> {
    let operation = (DETECTIVE, "ListDatasourcePackages");
    let input = json!({ "GraphArn": graph });
    let found = inside(calls, account, Some(region))
        .one(operation, input)
        .await?;
    let all = found.get("DatasourcePackages").and_then(Value::as_object);
    let started = all
        .into_iter()
        .flatten()
        .filter(|(_, state)| text(state, "/DatasourcePackageIngestState") == "STARTED");
    Ok(started.map(|(name, _)| name.clone()).collect())
}

pub(super) async fn read(
    calls: &dyn ReadCalls,
    account: &AccountId,
    region: &str,
) -> ReadFact<Option<GraphFacts>> {
    let Some(arn) = graph_arn(calls, account, region).await? else {
        return Ok(None);
    };
    let members = members(calls, account, region, &arn).await?;
    Ok(Some(GraphFacts { arn, members }))
}
