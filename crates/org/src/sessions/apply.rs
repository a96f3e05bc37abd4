//! Planning a cut-off: what is there already stays, what is new is added.

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_iam::BadInput;
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use hallpass_iam::residual::Lengths;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepTarget};
use jiff::SignedDuration;
use serde_json::json;

use super::TAG;
use crate::facts::surroundings;
use crate::outage::check_target;
use crate::policy_probe::probe_put;
use crate::ports::{NewPolicy, OrgStore, Organization, PolicyText, Revocation};
use crate::refusal::{Refusal, lint, of_surroundings, slot_taken};
use crate::steps::{
    ATTACH, Guard, KEEP_REVOCATIONS, Keeping, PRECONDITIONS, PUT, Pair, PolicyRef, PutPolicy,
    StepBasis, stored,
};
use crate::{ChoreError, unread};

/// Ends are kept by the hour, rounded up: the same wish a little later is the same plan.
const END_STEP_SECONDS: i64 = 3_600;

/// Until when sessions that are cut off may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Until then, said in so many words.
    At(Timestamp),
    /// As long as they last at the latest, from when the last is taken.
    After {
        /// The longest a session of a role lasts.
        session: TimeSpan,
        /// How long somebody who is signed in to the access portal may take new ones. They are of no use as long as the
        /// policy denies, and would be once their entry is taken out before they have ended.
        portal: TimeSpan,
    },
}

impl Ends {
    /// Of people of whom no more is known than that they do not sign in any more (`policies.md` §14).
    pub fn longest() -> Self {
        let lengths = Lengths::default();
        Self::After {
            session: lengths.permission_set,
            portal: lengths.portal,
        }
    }
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
    // after the policy: the ends of what stands in it were kept before it
    let kept = store.revocations().await?;
    let merged = merged(live.as_ref(), &wanted.wanted, &kept, now)?;
    let Some(content) = merged.entries.json() else {
        let message =
            "the policy revokes nothing; `hallpass people sessions generate` writes one that does";
        return Err(BadInput::new("E_ARG", message, "FILE").into());
    };
    let rows = rows(&kept, wanted, now);
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
        content: content.clone(),
        tags: BTreeMap::from([(TAG.to_owned(), "true".to_owned())]),
    };
    let (target, lane) = (
        format!("policy {}", wanted.name),
        Lane::organizations_write(),
    );
    // what somebody adds to the policy from here on is not in the text, and would be lost
    let compared = probe_put(&policy, live.as_ref().map(|it| &it.policy));
    let basis = StepBasis {
        unattached: merged.leaves_out,
        ..StepBasis::default()
    };
    let policy = stored(&PutPolicy { policy, basis });
    let put = draft.step(of_organization(&target), PUT, policy, lane, &[kept]);
    draft.compared(&put, compared);
    for target in &wanted.targets {
        let pair = pair(&wanted.name, target, &content);
        let (place, lane) = (format!("target {target}"), Lane::organizations_write());
        let after = std::slice::from_ref(&put);
        draft.step(of_organization(&place), ATTACH, stored(&pair), lane, after);
    }
    Ok(draft)
}

/// What is attached, and as long as it says that, may be detached again.
fn pair(name: &str, target: &str, content: &str) -> Pair {
    Pair {
        policy: PolicyRef {
            name: name.to_owned(),
            id: None,
        },
        target: target.to_owned(),
        basis: StepBasis {
            text: Some(content.to_owned()),
            ..StepBasis::default()
        },
    }
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

/// What the policy is to say.
struct Merged {
    entries: Revocations,
    /// Whether an entry that stands there is not among them.
    leaves_out: bool,
}

/// What is in force and what is wanted together: nobody is let back in by somebody else's file. Of a policy that is
/// attached nowhere, entries whose end is to come stay: somebody may be about to attach it. The others cut nobody off,
/// and are left behind.
fn merged(
    live: Option<&Live>,
    wanted: &Revocations,
    kept: &[Revocation],
    now: Timestamp,
) -> Result<Merged, BadInput> {
    let mut merged = Revocations::new();
    let mut left = Vec::new();
    if let Some(live) = live {
        let stands = Revocations::parse(&live.policy.content).map_err(|error| {
            let name = &live.policy.row.name;
            let message = format!("policy `{name}` is no revocation's: {}", error.message);
            BadInput::new("E_ELEMENT", message, "--name")
        })?;
        merged.pre_staged = stands.pre_staged;
        for entry in stands.entries() {
            let ends_later = |row: &Revocation| {
                row.policy == live.policy.row.name && row.entry == *entry && now < row.ends_at
            };
            if !live.targets.is_empty() || kept.iter().any(ends_later) {
                merged.add(entry.clone());
            } else {
                left.push(entry.clone());
            }
        }
    }
    merged.pre_staged |= wanted.pre_staged;
    for entry in wanted.entries() {
        merged.add(entry.clone());
    }
    Ok(Merged {
        leaves_out: left.iter().any(|entry| !merged.contains(entry)),
        entries: merged,
    })
}

/// The entries with their ends. One that is kept already never ends earlier than it did.
fn rows(kept: &[Revocation], wanted: &ApplyRevocation, now: Timestamp) -> Vec<Revocation> {
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
    rows.collect()
}

fn end_of(entry: &RevocationEntry, ends: Ends, now: Timestamp) -> Timestamp {
    let (session, portal) = match ends {
        Ends::At(at) => return at,
        Ends::After { session, portal } => (session, portal),
    };
    let seconds = i64::try_from(session.as_seconds()).unwrap_or(i64::MAX);
    let end = entry.ends(portal.after(now), SignedDuration::from_secs(seconds));
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
