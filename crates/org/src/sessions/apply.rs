//! Planning a cut-off: what is there already stays, what is new is added.

use std::collections::BTreeMap;

use hallpass_iam::BadInput;
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use hallpass_model::{TimeSpan, Timestamp};
use hallpass_runner::{Lane, PlanDraft, PlanLimits, StepTarget};
use jiff::SignedDuration;
use serde_json::json;

use super::TAG;
use crate::facts::surroundings;
use crate::outage::check_target;
use crate::policy_probe::probe_put;
use crate::ports::{NewPolicy, OrgStore, Organization, PolicyText, Revocation};
use crate::refusal::{Refusal, lint, of_surroundings, slot_taken};
use crate::steps::{
    ATTACH, Guard, KEEP_REVOCATIONS, Keeping, PRECONDITIONS, PUT, Pair, PolicyRef, stored,
};
use crate::{ChoreError, unread};

/// Ends are kept by the hour, rounded up: the same wish a little later is the same plan.
const END_STEP_SECONDS: i64 = 3_600;

/// Until when sessions that are cut off may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Until then, said in so many words.
    At(Timestamp),
    /// So long after they were issued at the latest.
    After(TimeSpan),
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct ApplyRevocation {
    /// The policy that `sessions generate` wrote.
    pub wanted: Revocations,
    /// What the policy is called.
    pub name: String,
    /// Units, accounts or the root.
    pub targets: Vec<String>,
    /// Until when sessions may live.
    pub ends: Ends,
}

/// The plan that adds the entries to the policy, or makes it, and attaches it.
///
/// # Errors
/// `E_ID` for a target, `E_ELEMENT` when the policy of that name is no revocation's; when AWS or the
/// store does not answer.
pub async fn plan_apply(
    organization: &dyn Organization,
    store: &dyn OrgStore,
    wanted: &ApplyRevocation,
    now: Timestamp,
) -> Result<PlanDraft, ChoreError> {
    for target in &wanted.targets {
        check_target(target)?;
    }
    let around = surroundings(organization).await?;
    let live = live(organization, &wanted.name).await?;
    let merged = merged(live.as_ref(), &wanted.wanted)?;
    let Some(content) = merged.json() else {
        let message =
            "the policy revokes nothing; `hallpass people sessions generate` writes one that does";
        return Err(BadInput::new("E_ARG", message, "FILE").into());
    };
    let rows = rows(store, wanted, now).await?;
    let organization = &around.caller.organization;
    let mut draft = PlanDraft::new("sessions.apply", organization, PlanLimits::USUAL);
    draft.remember(json!({ "policy": wanted.name, "targets": wanted.targets }));
    let of_organization = |key: &str| StepTarget::global(&around.caller.management_account, key);
    let guard = Guard::Sessions {
        name: wanted.name.clone(),
        targets: wanted.targets.clone(),
        content: content.clone(),
    };
    let (guard, usual) = (stored(&guard), Lane::usual());
    let organization = of_organization("preconditions");
    let checked = draft.step(organization, PRECONDITIONS, guard, usual, &[]);
    let keeping = Keeping {
        policy: wanted.name.clone(),
        rows,
    };
    // the ends are kept before anybody is cut off: an entry without its end would stay for ever
    let kept = draft.step(
        of_organization("ends of entries"),
        KEEP_REVOCATIONS,
        stored(&keeping),
        Lane::usual(),
        &[checked],
    );
    let policy = NewPolicy {
        name: wanted.name.clone(),
        description: "sessions that are cut off; kept by Hallpass".to_owned(),
        content,
        tags: BTreeMap::from([(TAG.to_owned(), "true".to_owned())]),
    };
    let (target, lane) = (
        format!("policy {}", wanted.name),
        Lane::organizations_write(),
    );
    // what somebody adds to the policy from here on is not in the text, and would be lost
    let compared = probe_put(&policy, live.as_ref().map(|it| &it.policy));
    let policy = stored(&policy);
    let put = draft.step(of_organization(&target), PUT, policy, lane, &[kept]);
    draft.compared(&put, compared);
    for target in &wanted.targets {
        let pair = Pair {
            policy: PolicyRef {
                name: wanted.name.clone(),
                id: None,
            },
            target: target.clone(),
        };
        let (place, lane) = (format!("target {target}"), Lane::organizations_write());
        let after = std::slice::from_ref(&put);
        draft.step(of_organization(&place), ATTACH, stored(&pair), lane, after);
    }
    Ok(draft)
}

/// The policy of a name, and whether it is attached anywhere.
pub(super) struct Live {
    pub(super) policy: PolicyText,
    pub(super) targets: Vec<String>,
}

pub(super) async fn live(
    organization: &dyn Organization,
    name: &str,
) -> Result<Option<Live>, ChoreError> {
    let all = organization
        .policies()
        .await
        .map_err(unread("service control policies"))?;
    let Some(row) = all.into_iter().find(|row| row.name == name) else {
        return Ok(None);
    };
    let what = || format!("policy `{name}`");
    let policy = organization.policy(&row.id).await.map_err(unread(what()))?;
    let Some(policy) = policy else {
        return Ok(None);
    };
    let targets = organization
        .targets_of(&row.id)
        .await
        .map_err(unread(format!("the targets of {}", what())))?;
    Ok(Some(Live {
        policy,
        targets: targets.into_iter().map(|target| target.id).collect(),
    }))
}

/// What is in force and what is wanted together: nobody is let back in by somebody else's file. The
/// entries of a policy that is attached nowhere cut nobody off, and are left behind.
fn merged(live: Option<&Live>, wanted: &Revocations) -> Result<Revocations, BadInput> {
    let mut merged = Revocations::new();
    if let Some(live) = live {
        let stands = Revocations::parse(&live.policy.content).map_err(|error| {
            let name = &live.policy.row.name;
            let message = format!("policy `{name}` is no revocation's: {}", error.message);
            BadInput::new("E_ELEMENT", message, "--name")
        })?;
        merged.pre_staged = stands.pre_staged;
        if !live.targets.is_empty() {
            for entry in stands.entries() {
                merged.add(entry.clone());
            }
        }
    }
    merged.pre_staged |= wanted.pre_staged;
    for entry in wanted.entries() {
        merged.add(entry.clone());
    }
    Ok(merged)
}

/// The entries with their ends. One that is kept already never ends earlier than it did.
async fn rows(
    store: &dyn OrgStore,
    wanted: &ApplyRevocation,
    now: Timestamp,
) -> Result<Vec<Revocation>, ChoreError> {
    let kept = store.revocations().await?;
    let rows = wanted.wanted.entries().iter().map(|entry| {
        let before = kept
            .iter()
            .find(|row| row.policy == wanted.name && row.entry == *entry);
        let end = end_of(entry, wanted.ends, now);
        Revocation {
            policy: wanted.name.clone(),
            entry: entry.clone(),
            ends_at: before.map_or(end, |row| row.ends_at.max(end)),
        }
    });
    Ok(rows.collect())
}

fn end_of(entry: &RevocationEntry, ends: Ends, now: Timestamp) -> Timestamp {
    let longest = match ends {
        Ends::At(at) => return at,
        Ends::After(longest) => longest,
    };
    let seconds = i64::try_from(longest.as_seconds()).unwrap_or(i64::MAX);
    let end = entry.ends(now, SignedDuration::from_secs(seconds));
    let over = end.as_second().rem_euclid(END_STEP_SECONDS);
    let up = (END_STEP_SECONDS - over) % END_STEP_SECONDS;
    Timestamp::from_second(end.as_second().saturating_add(up)).unwrap_or(Timestamp::MAX)
}

/// Everything that speaks against attaching a revocation, as things are now.
///
/// # Errors
/// When AWS does not answer.
pub async fn check_revocation(
    organization: &dyn Organization,
    name: &str,
    targets: &[String],
    content: &str,
) -> Result<Vec<Refusal>, ChoreError> {
    let around = surroundings(organization).await?;
    let mut found = of_surroundings(&around);
    found.extend(lint(content));
    for target in targets {
        found.extend(crate::refusal::of_management(&around, target));
        let attached = organization
            .policies_of(target)
            .await
            .map_err(unread(format!("the policies of `{target}`")))?;
        found.extend(slot_taken(target, &attached, name));
    }
    Ok(found)
}
