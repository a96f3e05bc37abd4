use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use hallpass_enforcement::{NewPolicy, OrgStore, Organization, Revocation, surroundings};
use hallpass_iam::generate::sessions::Revocations;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepId, StepTarget};
use serde_json::json;

use super::TAG;
use super::apply::{Live, live};
use super::list::names;
use crate::policy_probe::{probe_delete, probe_put};
use crate::steps::{
    Deletion, Keeping, Pair, PolicyRef, PolicyStepKind, PutPolicy, StepBasis, stored,
};
use crate::{ChoreError, unread};

#[derive(Clone, Debug)]
pub struct Pruned {
    pub draft: PlanDraft,
    pub gone: Vec<Revocation>,
    /// Active entries without a stored end: they stay.
    pub without_end: Vec<String>,
}

/// Plans to remove entries whose stored end is not after `at`, and to detach empty policies.
///
/// # Errors
/// `E_ELEMENT` if a policy is no longer a revocation policy; AWS or the store does not respond.
pub async fn plan_prune(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    at: Timestamp,
) -> Result<Pruned, ChoreError> {
    let around = surroundings(organization).await?;
    // removals of expired denials have no limit
    let limits = PlanLimits {
        changes_max: usize::MAX,
        ..PlanLimits::DESTRUCTIVE
    };
    let mut pruned = Pruned {
        draft: PlanDraft::new("sessions.prune", &around.caller.organization, limits),
        gone: Vec::new(),
        without_end: Vec::new(),
    };
    let kept = store.revocations().await?;
    let account = &around.caller.management_account;
    for name in names(organization, store).await? {
        let over: Vec<Revocation> = kept
            .iter()
            .filter(|row| row.policy == name && row.ends_at <= at)
            .cloned()
            .collect();
        let live = live(organization, &name).await?;
        let mut after = Vec::new();
        if let Some(live) = &live {
            let stands = Revocations::parse(&live.policy.content)?;
            let lacks = stands.entries().iter().filter(|entry| {
                !kept
                    .iter()
                    .any(|row| row.policy == name && row.entry == **entry)
            });
            pruned
                .without_end
                .extend(lacks.map(|entry| format!("{name}: {entry}")));
            let tags = organization
                .tags(&live.policy.row.id)
                .await
                .map_err(unread(format!("the tags of policy `{name}`")))?;
            after = take_out(&mut pruned.draft, account, live, &stands, &over, tags);
        }
        if over.is_empty() {
            continue;
        }
        let keeping = Keeping {
            policy: name.clone(),
            rows: over.clone(),
        };
        let place = StepTarget::global(account, format!("ends of entries of {name}"));
        let (keeping, lane) = (stored(&keeping), Lane::usual());
        pruned.draft.step(
            place,
            PolicyStepKind::DropRevocations,
            keeping,
            lane,
            &after,
        );
        pruned.gone.extend(over);
    }
    let entries: Vec<String> = pruned
        .gone
        .iter()
        .map(|row| row.entry.to_string())
        .collect();
    pruned
        .draft
        .remember(json!({ "at": at, "entries": entries }));
    Ok(pruned)
}

fn take_out(
    draft: &mut PlanDraft,
    account: &str,
    live: &Live,
    stands: &Revocations,
    over: &[Revocation],
    tags: BTreeMap<String, String>,
) -> Vec<StepId> {
    let mut rest = stands.clone();
    // a renewed entry stores its new end before the policy changes
    let basis = StepBasis {
        rows: over.to_vec(),
        ..StepBasis::default()
    };
    let removed = over.iter().filter(|row| rest.remove(&row.entry)).count();
    let row = &live.policy.row;
    let named = PolicyRef {
        name: row.name.clone(),
        id: Some(row.id.clone()),
    };
    let place = |key: String| StepTarget::global(account, key);
    let lane = Lane::organizations_write;
    if let Some(content) = rest.json() {
        if removed == 0 {
            return Vec::new();
        }
        let policy = NewPolicy {
            name: row.name.clone(),
            description: String::new(),
            content,
            tags: BTreeMap::new(),
        };
        let target = place(format!("policy {}", row.name));
        let compared = probe_put(&policy, Some(&live.policy));
        let policy = PutPolicy { policy, basis };
        let put = draft.step(target, PolicyStepKind::Put, stored(&policy), lane(), &[]);
        draft.compared(&put, compared);
        return vec![put];
    }
    let mut steps = Vec::new();
    for target in &live.targets {
        let pair = Pair {
            policy: named.clone(),
            target: target.clone(),
            basis: StepBasis {
                text: Some(live.policy.content.clone()),
                ..basis.clone()
            },
        };
        let target = place(format!("target {target}, policy {}", row.name));
        steps.push(draft.step(target, PolicyStepKind::Detach, stored(&pair), lane(), &[]));
    }
    if tags.contains_key(TAG) {
        // an unattached own policy is deleted: attached again, it would deny old sessions
        let target = place(format!("policy {}", row.name));
        let deletion = Deletion {
            policy: named,
            tags,
            basis,
        };
        let deleted = draft.step(
            target,
            PolicyStepKind::Delete,
            stored(&deletion),
            lane(),
            &steps,
        );
        draft.compared(&deleted, probe_delete(Some(&live.policy)));
        steps.push(deleted);
    }
    steps
}
