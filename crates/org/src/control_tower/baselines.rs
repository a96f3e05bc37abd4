//! Control Tower's enabled baselines and controls.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::registration::UNITS;
use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, Reader, text};

const SERVICE: &str = "controltower";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineStatus {
    Succeeded,
    UnderChange,
    Failed,
}

/// Drift of an enabled baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineDrift {
    /// Differs from the landing zone (`EnabledBaselineDriftTypes.source`).
    Source,
    /// An account differs from its unit.
    Inheritance,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnabledBaseline {
    pub arn: String,
    /// The inherited baseline; `None` if directly enabled.
    pub parent: Option<String>,
    pub status: BaselineStatus,
    /// Empty if AWS returns none.
    pub drift: Vec<BaselineDrift>,
}

fn drift(row: &Value) -> Vec<BaselineDrift> {
    let kinds = [
        ("source", BaselineDrift::Source),
        ("inheritance", BaselineDrift::Inheritance),
    ];
    let has_drifted = |name: &str| {
        let status = format!("/driftStatusSummary/types/{name}/status");
        text(row, &status) == "DRIFTED"
    };
    let found = kinds.into_iter().filter(|(name, _)| has_drifted(name));
    found.map(|(_, kind)| kind).collect()
}

fn home(calls: &dyn ServiceCalls) -> Reader<'_> {
    Reader {
        calls,
        place: ReadPlace::default(),
    }
}

/// Baselines by target ARN: of all targets, or of one unit or account.
pub(crate) async fn enabled(
    calls: &dyn ServiceCalls,
    target: Option<&str>,
) -> ReadFact<BTreeMap<String, EnabledBaseline>> {
    let input = match target {
        Some(arn) => json!({ "includeChildren": true, "filter": { "targetIdentifiers": [arn] } }),
        None => json!({ "includeChildren": true }),
    };
    let operation = (SERVICE, "ListEnabledBaselines");
    let reader = home(calls);
    let mut rows = reader.list(operation, input, "enabledBaselines").await?;
    let mut targets = BTreeSet::new();
    if !rows
        .iter()
        .all(|row| targets.insert(text(row, "/targetIdentifier")))
    {
        let own = own_kind(&reader).await?;
        rows.sort_by_key(|row| text(row, "/baselineIdentifier") == own);
    }
    let rows = rows.iter().map(|row| {
        let status = match text(row, "/statusSummary/status") {
            "SUCCEEDED" => BaselineStatus::Succeeded,
            "FAILED" => BaselineStatus::Failed,
            _ => BaselineStatus::UnderChange,
        };
        let parent = row.get("parentIdentifier").and_then(Value::as_str);
        let baseline = EnabledBaseline {
            arn: text(row, "/arn").to_owned(),
            parent: parent.map(str::to_owned),
            status,
            drift: drift(row),
        };
        (text(row, "/targetIdentifier").to_owned(), baseline)
    });
    // the Identity Center baseline is only on the landing zone
    Ok(rows.collect())
}

/// The ARN of the baseline next to `ConfigBaseline` and others.
async fn own_kind(reader: &Reader<'_>) -> ReadFact<String> {
    let operation = (SERVICE, "ListBaselines");
    let kinds = reader.list(operation, json!({}), "baselines").await?;
    let found = kinds.iter().find(|it| text(it, "/name") == UNITS);
    Ok(found
        .map(|it| text(it, "/arn").to_owned())
        .unwrap_or_default())
}

/// Checks for enabled controls on a unit or account: it is then governed even without a baseline
/// (`organization.md` N-10).
pub(crate) async fn has_controls(reader: &Reader<'_>, target: &str) -> ReadFact<bool> {
    let operation = (SERVICE, "ListEnabledControls");
    let input = json!({ "targetIdentifier": target, "includeChildren": true });
    let rows = reader.list(operation, input, "enabledControls").await?;
    let mut own = rows
        .iter()
        .filter(|row| text(row, "/targetIdentifier") == target);
    Ok(own.any(|row| text(row, "/statusSummary/status") != "FAILED"))
}

/// Controls enabled directly on a unit.
pub(crate) async fn controls_of(
    calls: &dyn ServiceCalls,
    unit: &str,
) -> ReadFact<Vec<EnabledControl>> {
    let operation = (SERVICE, "ListEnabledControls");
    let input = json!({ "targetIdentifier": unit });
    let reader = home(calls);
    let rows = reader.list(operation, input, "enabledControls");
    let rows = rows.await?;
    let rows = rows
        .iter()
        .filter(|row| text(row, "/targetIdentifier") == unit);
    let rows = rows.map(|row| EnabledControl {
        arn: text(row, "/arn").to_owned(),
        control: text(row, "/controlIdentifier").to_owned(),
    });
    Ok(rows.collect())
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledControl {
    /// ARN of the enabled control.
    pub arn: String,
    pub control: String,
}

#[derive(Debug, Default)]
pub(crate) struct AccountControls {
    /// ARNs of the unit's effective controls.
    pub(crate) held: Vec<String>,
    pub(crate) changing: Vec<String>,
}

pub(crate) async fn controls_in(
    calls: &dyn ServiceCalls,
    unit: &str,
    account: &str,
) -> ReadFact<AccountControls> {
    let operation = (SERVICE, "ListEnabledControls");
    let input = json!({ "targetIdentifier": unit, "includeChildren": true });
    let reader = home(calls);
    let rows = reader.list(operation, input, "enabledControls");
    let mut found = AccountControls::default();
    for row in rows.await? {
        let (target, status) = (
            text(&row, "/targetIdentifier"),
            text(&row, "/statusSummary/status"),
        );
        if target == account && status == "SUCCEEDED" {
            found.held.push(text(&row, "/parentIdentifier").to_owned());
        } else if target == unit && status == "UNDER_CHANGE" {
            found.changing.push(text(&row, "/arn").to_owned());
        }
    }
    Ok(found)
}
