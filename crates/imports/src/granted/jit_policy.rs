//! Policies of older releases that are availability, workflow and selector in one.

use std::collections::BTreeSet;

use hallpass_model::AccountId;
use serde_json::Value;

use super::access_rules::DIRECTLY;
use super::keys::ResourceKeys;
use super::policies::is_unit;
use super::workflow::{PRIORITY, Workflow, seconds};
use crate::draft::Area;
use crate::report::RowNote;
use crate::terraform::{Resource, Setting};

const KEYS: ResourceKeys = ResourceKeys {
    read: &[
        "id",
        "name",
        "role",
        "duration",
        "match_account_ids",
        "match_org_units",
    ],
    otherwise: &[
        ("priority", PRIORITY),
        (
            "notify_slack_channel",
            "messages go to `slack.channel` of the configuration, or to the rule's own (`slack_channel`)",
        ),
    ],
};

/// How long access by it is, and in which accounts.
///
/// # Errors
/// Why that cannot be said.
pub(super) fn read(
    it: &Resource,
    notes: &mut Vec<RowNote>,
) -> Result<(Workflow, Vec<Area>), RowNote> {
    KEYS.tell(it, notes)?;
    let not_said = |what: &'static str| RowNote::NotSaid(what.into());
    let seconds = it.text("duration").and_then(|text| seconds(&text));
    let seconds = seconds.ok_or_else(|| not_said("its duration is not in this file"))?;
    let list = |key: &str| match it.values.get(key) {
        None => Some(BTreeSet::new()),
        Some(Setting::Is(Value::Array(items))) => items
            .iter()
            .map(|it| Some(it.as_str()?.to_owned()))
            .collect(),
        Some(_) => None,
    };
    let [Some(accounts), Some(units)] = ["match_account_ids", "match_org_units"].map(list) else {
        return Err(not_said("its accounts and units are not in this file"));
    };
    let is_account = |id: &String| AccountId::new(id.as_str()).is_ok();
    if !accounts.iter().all(is_account) || !units.iter().all(|id| is_unit(id)) {
        return Err(not_said("its accounts and units are to be ids"));
    }
    let of_accounts = (!accounts.is_empty()).then(|| Area {
        accounts: Some(accounts),
        ..Area::default()
    });
    let of_units = (!units.is_empty()).then(|| Area {
        parent_ous: Some(units),
        ..Area::default()
    });
    if of_units.is_some() {
        notes.push(RowNote::Narrower(DIRECTLY.into()));
    }
    let workflow = Workflow {
        seconds,
        ..Workflow::default()
    };
    Ok((workflow, of_accounts.into_iter().chain(of_units).collect()))
}
