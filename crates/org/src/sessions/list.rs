use std::collections::BTreeSet;

use hallpass_base::Timestamp;
use hallpass_enforcement::{OrgStore, Organization};
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use serde::{Deserialize, Serialize};

use super::apply::live;
use super::{POLICY_NAME, TAG};
use crate::{ChoreError, unread};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Matching sessions may exist.
    InForce,
    /// No matching session remains: `sessions prune` removes it.
    Past,
    /// Without a stored end: in force until removed manually.
    NoEnd,
    /// Stored, but not in an attached policy: without effect.
    NotInForce,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    pub policy: String,
    #[serde(flatten)]
    pub entry: RevocationEntry,
    pub state: EntryState,
    /// End of the last matching session.
    pub ends_at: Option<Timestamp>,
    pub targets: Vec<String>,
}

/// Policies that may hold entries: stored ones, the default one, and tagged ones.
pub(super) async fn names(
    organization: &dyn Organization,
    store: &dyn OrgStore,
) -> Result<BTreeSet<String>, ChoreError> {
    let kept = store.revocations().await?;
    let mut names: BTreeSet<String> = kept.into_iter().map(|row| row.policy).collect();
    let rows = organization
        .policies()
        .await
        .map_err(unread("service control policies"))?;
    for row in rows.into_iter().filter(|row| !row.aws_managed) {
        if !row.name.starts_with(POLICY_NAME) || names.contains(&row.name) {
            continue;
        }
        let tags = organization
            .tags(&row.id)
            .await
            .map_err(unread(format!("the tags of policy `{}`", row.name)))?;
        if row.name == POLICY_NAME || tags.contains_key(TAG) {
            names.insert(row.name);
        }
    }
    Ok(names)
}

/// Lists entries by policy.
///
/// # Errors
/// `E_ELEMENT` if a policy is no longer a revocation policy; AWS or the store does not respond.
pub async fn list(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    now: Timestamp,
) -> Result<Vec<EntryRow>, ChoreError> {
    let kept = store.revocations().await?;
    let mut rows = Vec::new();
    for name in names(organization, store).await? {
        let live = live(organization, &name).await?;
        let (stands, targets) = match &live {
            Some(live) => (
                Revocations::parse(&live.policy.content)?,
                live.targets.clone(),
            ),
            None => (Revocations::new(), Vec::new()),
        };
        let end_of = |entry: &RevocationEntry| {
            let row = kept
                .iter()
                .find(|row| row.policy == name && row.entry == *entry);
            row.map(|row| row.ends_at)
        };
        for entry in stands.entries() {
            let ends_at = end_of(entry);
            let state = match ends_at {
                _ if targets.is_empty() => EntryState::NotInForce,
                None => EntryState::NoEnd,
                Some(end) if end <= now => EntryState::Past,
                Some(_) => EntryState::InForce,
            };
            rows.push(EntryRow {
                policy: name.clone(),
                entry: entry.clone(),
                state,
                ends_at,
                targets: targets.clone(),
            });
        }
        let alone = kept
            .iter()
            .filter(|row| row.policy == name && !stands.contains(&row.entry));
        rows.extend(alone.map(|row| EntryRow {
            policy: name.clone(),
            entry: row.entry.clone(),
            state: EntryState::NotInForce,
            ends_at: Some(row.ends_at),
            targets: targets.clone(),
        }));
    }
    Ok(rows)
}
