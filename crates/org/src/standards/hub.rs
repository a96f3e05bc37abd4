//! Reads Security Hub in one account and Region, for facts and steps.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::AccountId;
use serde_json::{Value, json};

use super::facts::{ControlAssociation, HubState, StandardSubscription};
use super::file::ControlStatus;
use crate::reading::{Operation, ReadCalls, ReadFact, Reader, UnreadFact, inside, text, unread};

pub(super) const SECURITY_HUB: &str = "securityhub";
const ASSOCIATIONS_AT_ONCE: usize = 100;
/// AWS's error for invalid or too much input.
pub(super) const INVALID_INPUT: &str = "InvalidInputException";

#[derive(Clone, Copy)]
pub(super) struct HubReader<'a> {
    pub(super) calls: &'a dyn ReadCalls,
    pub(super) account: &'a AccountId,
    pub(super) region: &'a str,
}

fn operation(name: &'static str) -> Operation {
    (SECURITY_HUB, name)
}

/// Filters AWS standards and controls: listings include those of connected clouds, and `Providers`
/// only adds to them.
fn is_of_aws(row: &Value) -> bool {
    matches!(text(row, "/Provider"), "" | "AWS")
}

impl<'a> HubReader<'a> {
    pub(super) fn reader(&self) -> Reader<'a> {
        inside(self.calls, self.account, Some(self.region))
    }

    pub(super) async fn state(&self) -> ReadFact<HubState> {
        let place = self.reader().place;
        let (service, name) = operation("DescribeHub");
        let found = self.calls.call(&place, (service, name), &json!({})).await;
        match found {
            Ok((hub, _)) if text(&hub, "/ControlFindingGenerator") == "STANDARD_CONTROL" => {
                Ok(HubState::OnByStandard)
            }
            Ok(_) => Ok(HubState::On),
            // the code is also that of accounts without permission
            Err(it)
                if it.code == "ResourceNotFoundException"
                    || (it.code == "InvalidAccessException"
                        && it.message.contains("not subscribed")) =>
            {
                Ok(HubState::Off)
            }
            Err(it) => Err(UnreadFact {
                passing: it.passing,
                ..unread((service, name), format!("{}: {}", it.code, it.message))
            }),
        }
    }

    /// Standards enabled or being enabled.
    pub(super) async fn subscriptions(&self) -> ReadFact<Vec<StandardSubscription>> {
        let name = operation("GetEnabledStandards");
        let reader = self.reader();
        let rows = reader.list(name, json!({}), "StandardsSubscriptions");
        let rows = rows.await?;
        let rows = rows.iter().filter(|row| is_of_aws(row));
        let rows = rows.map(|row| StandardSubscription {
            standard: text(row, "/StandardsArn").to_owned(),
            arn: text(row, "/StandardsSubscriptionArn").to_owned(),
            status: text(row, "/StandardsStatus").to_owned(),
            updatable: text(row, "/StandardsControlsUpdatable") == "READY_FOR_UPDATES",
            reason: text(row, "/StandardsStatusReason/StatusReasonCode").to_owned(),
        });
        Ok(rows.collect())
    }

    pub(super) async fn offered(&self) -> ReadFact<BTreeSet<String>> {
        let name = operation("DescribeStandards");
        let rows = self.reader().list(name, json!({}), "Standards").await?;
        let own = rows.iter().filter(|row| is_of_aws(row));
        let arns = own.map(|row| text(row, "/StandardsArn").to_owned());
        Ok(arns.collect())
    }

    /// Controls available in the Region.
    pub(super) async fn controls(&self, standard: &str) -> ReadFact<BTreeSet<String>> {
        let name = operation("ListSecurityControlDefinitions");
        let input = json!({ "StandardsArn": standard });
        let reader = self.reader();
        let rows = reader.list(name, input, "SecurityControlDefinitions");
        let rows = rows.await?;
        let here = rows
            .iter()
            .filter(|row| is_of_aws(row))
            .filter(|row| text(row, "/CurrentRegionAvailability") != "UNAVAILABLE");
        let ids = here.map(|row| text(row, "/SecurityControlId").to_owned());
        Ok(ids.collect())
    }

    /// Every control, available or not.
    pub(super) async fn all_controls(&self) -> ReadFact<BTreeSet<String>> {
        let name = operation("ListSecurityControlDefinitions");
        let reader = self.reader();
        let rows = reader.list(name, json!({}), "SecurityControlDefinitions");
        let rows = rows.await?;
        let ids = rows
            .iter()
            .filter(|row| is_of_aws(row))
            .map(|row| text(row, "/SecurityControlId").to_owned());
        Ok(ids.collect())
    }

    /// Controls by standard and id, without unknown ones; a missing state is an error.
    pub(super) async fn associations(
        &self,
        wanted: &[(String, String)],
    ) -> ReadFact<BTreeMap<(String, String), ControlAssociation>> {
        let mut found = BTreeMap::new();
        let mut open: Vec<&[(String, String)]> = wanted.chunks(ASSOCIATIONS_AT_ONCE).collect();
        open.reverse();
        while let Some(some) = open.pop() {
            match self.some_associations(some).await {
                Ok(rows) => found.extend(rows),
                Err(why) if some.len() > 1 && why.reason.starts_with(INVALID_INPUT) => {
                    let (first, second) = some.split_at(some.len() / 2);
                    open.extend([second, first]);
                }
                Err(why) => return Err(why),
            }
        }
        Ok(found)
    }

    async fn some_associations(
        &self,
        some: &[(String, String)],
    ) -> ReadFact<Vec<((String, String), ControlAssociation)>> {
        let ids = some.iter().map(
            |(standard, control)| json!({ "StandardsArn": standard, "SecurityControlId": control }),
        );
        let input = json!({ "StandardsControlAssociationIds": ids.collect::<Vec<_>>() });
        let name = operation("BatchGetStandardsControlAssociations");
        let answer = self.reader().one(name, input).await?;
        match rows(&answer, "UnprocessedAssociations").find_map(|row| untold(name, row)) {
            Some(untold) => Err(untold),
            None => Ok(rows(&answer, "StandardsControlAssociationDetails")
                .map(association)
                .collect()),
        }
    }
}

fn rows<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let rows = answer.get(name).and_then(Value::as_array);
    rows.into_iter().flatten()
}

/// The error of an unprocessed control; `None` if the control does not exist (AWS Security Hub API
/// Reference, `UnprocessedStandardsControlAssociation`).
fn untold(operation: Operation, row: &Value) -> Option<UnreadFact> {
    let code = text(row, "/ErrorCode");
    if matches!(code, "NOT_FOUND" | "RESOURCE_NOT_FOUND") {
        return None;
    }
    let of = |name| text(row, &format!("/StandardsControlAssociationId/{name}")).to_owned();
    let (control, standard) = (of("SecurityControlId"), of("StandardsArn"));
    let words = text(row, "/ErrorReason");
    let reason = format!("{code}: control {control} of {standard}: {words}");
    Some(UnreadFact {
        passing: code == "LIMIT_EXCEEDED",
        ..unread(operation, reason)
    })
}

fn association(row: &Value) -> ((String, String), ControlAssociation) {
    let reason = text(row, "/UpdatedReason");
    let arns = row.get("StandardsControlArns").and_then(Value::as_array);
    let arns = arns.into_iter().flatten().filter_map(Value::as_str);
    let key = (
        text(row, "/StandardsArn").to_owned(),
        text(row, "/SecurityControlId").to_owned(),
    );
    let found = ControlAssociation {
        status: match text(row, "/AssociationStatus") {
            "DISABLED" => ControlStatus::Disabled,
            _ => ControlStatus::Enabled,
        },
        reason: Some(reason.to_owned()).filter(|it| !it.is_empty()),
        arns: arns.map(str::to_owned).collect(),
        updated: text(row, "/UpdatedAt").parse().ok(),
    };
    (key, found)
}
