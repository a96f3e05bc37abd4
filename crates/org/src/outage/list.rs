//! Lists drills by policy tags and stored state.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use hallpass_enforcement::{Drill, OrgStore, Organization, PolicyRow};
use serde::{Deserialize, Serialize};

use super::{NAME_PREFIX, TAG_END, TAG_ID};
use crate::{ChoreError, unread};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillState {
    Scheduled,
    Active,
    /// Attached, after its end: without effect, should be removed.
    Expired,
    Detached,
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRow {
    pub id: String,
    pub state: DrillState,
    pub policy: Option<String>,
    pub targets: Vec<String>,
    pub ends_at: Option<Timestamp>,
    pub applied_at: Option<Timestamp>,
    pub removed_at: Option<Timestamp>,
}

pub(super) struct Tagged {
    pub(super) row: PolicyRow,
    pub(super) id: String,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) targets: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    Named,
    All,
}

pub(super) async fn tagged(
    organization: &dyn Organization,
    among: Among,
) -> Result<Vec<Tagged>, ChoreError> {
    let rows = organization
        .policies()
        .await
        .map_err(unread("service control policies"))?;
    let mut found = Vec::new();
    for row in rows.into_iter().filter(|row| !row.aws_managed) {
        let is_named = row.name.starts_with(NAME_PREFIX);
        if !is_named && among == Among::Named {
            continue;
        }
        let tags: BTreeMap<String, String> = organization
            .tags(&row.id)
            .await
            .map_err(unread(format!("the tags of policy `{}`", row.name)))?;
        let by_name = row.name.strip_prefix(NAME_PREFIX);
        let Some(id) = tags.get(TAG_ID).map(String::as_str).or(by_name) else {
            continue;
        };
        let targets = organization
            .targets_of(&row.id)
            .await
            .map_err(unread(format!("the targets of policy `{}`", row.name)))?;
        found.push(Tagged {
            id: id.to_owned(),
            ends_at: tags.get(TAG_END).and_then(|text| text.parse().ok()),
            targets: targets.into_iter().map(|target| target.id).collect(),
            tags,
            row,
        });
    }
    Ok(found)
}

/// Lists every existing or stored drill, latest end first.
///
/// # Errors
/// AWS or the store does not respond.
pub async fn list(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    now: Timestamp,
) -> Result<Vec<DrillRow>, ChoreError> {
    let kept = store.drills().await?;
    let of = |id: &str| kept.iter().find(|drill| drill.id == id);
    let tagged = tagged(organization, Among::Named).await?;
    let mut rows: Vec<DrillRow> = tagged
        .iter()
        .map(|found| DrillRow {
            id: found.id.clone(),
            state: state(found, of(&found.id), now),
            policy: Some(found.row.id.clone()),
            targets: found.targets.clone(),
            ends_at: found.ends_at,
            applied_at: of(&found.id).and_then(|drill| drill.applied_at),
            removed_at: None,
        })
        .collect();
    let is_gone = |drill: &&Drill| tagged.iter().all(|found| found.id != drill.id);
    rows.extend(kept.iter().filter(is_gone).map(|drill| DrillRow {
        id: drill.id.clone(),
        state: DrillState::Removed,
        policy: None,
        targets: Vec::new(),
        ends_at: Some(drill.ends_at),
        applied_at: drill.applied_at,
        removed_at: drill.removed_at,
    }));
    rows.sort_by(|a, b| (b.ends_at, &a.id).cmp(&(a.ends_at, &b.id)));
    Ok(rows)
}

fn state(found: &Tagged, kept: Option<&Drill>, now: Timestamp) -> DrillState {
    if found.targets.is_empty() {
        DrillState::Detached
    } else if found.ends_at.is_some_and(|end| now < end) {
        match kept {
            Some(drill) if now < drill.starts_at => DrillState::Scheduled,
            _ => DrillState::Active,
        }
    } else {
        // an unreadable end counts as passed
        DrillState::Expired
    }
}
