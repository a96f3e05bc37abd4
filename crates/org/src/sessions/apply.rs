//! Plans a session revocation: existing entries stay, new ones are added.

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::{
    NewPolicy, OrgStore, Organization, PolicyText, Refusal, Revocation, of_management,
    of_surroundings, slot_taken, surroundings,
};
use hallpass_iam::BadInput;
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use hallpass_iam::residual::Lengths;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepTarget};
use jiff::SignedDuration;
use serde_json::json;

use super::TAG;
use crate::outage::check_target;
use crate::policy_probe::probe_put;
use crate::refusal::lint;
use crate::steps::{
    Guard, Keeping, Pair, PolicyRef, PolicyStepKind as Kind, PutPolicy, StepBasis, stored,
};
use crate::{ChoreError, unread};

/// Ends are rounded up to the hour, so that a slightly later equal request gives the same plan.
const END_STEP_SECONDS: i64 = 3_600;

/// Until when revoked sessions may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    At(Timestamp),
    /// The longest lifetime, counted from the last possible start.
    After {
        session: TimeSpan,
        /// How long a signed-in user may take new sessions from the access portal. They are denied
        /// by the policy, and would work if their entry were removed before they end.
        portal: TimeSpan,
    },
}

impl Ends {
    /// For users only known to have no sign-in any more (`policies.md` §14).
    pub fn longest() -> Self {
        let lengths = Lengths::default();
        Self::After {
            session: lengths.permission_set,
            portal: lengths.portal,
        }
    }
}

#[derive(Clone, Debug)]
pub struct ApplyRevocation {
    pub wanted: Revocations,
    pub name: String,
    pub targets: Vec<String>,
    pub ends: Ends,
}

/// Plans to create or extend the policy and attach it.
///
/// # Errors
/// `E_ID` for a target, `E_ELEMENT` if the named policy is no revocation policy; AWS or the store
/// does not respond.
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
    // read after the policy: ends are stored before their entries
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
    let checked = draft.step(organization, Kind::Guard, guard, usual, &[]);
    let keeping = Keeping {
        policy: wanted.name.clone(),
        rows,
    };
    // store ends before the policy: an entry without an end would stay forever
    let kept = draft.step(
        of_organization("ends of entries"),
        Kind::KeepRevocations,
        stored(&keeping),
        Lane::usual(),
        &[checked],
    );
    let policy = NewPolicy {
        name: wanted.name.clone(),
        description: "revoked sessions; kept by Hallpass".to_owned(),
        content: content.clone(),
        tags: BTreeMap::from([(TAG.to_owned(), "true".to_owned())]),
    };
    let (target, lane) = (
        format!("policy {}", wanted.name),
        Lane::organizations_write(),
    );
    // content added from now on is not in the text, and would be lost
    let compared = probe_put(&policy, live.as_ref().map(|it| &it.policy));
    let basis = StepBasis {
        unattached: merged.leaves_out,
        ..StepBasis::default()
    };
    let policy = stored(&PutPolicy { policy, basis });
    let put = draft.step(of_organization(&target), Kind::Put, policy, lane, &[kept]);
    draft.compared(&put, compared);
    for target in &wanted.targets {
        let pair = pair(&wanted.name, target, &content);
        let place = of_organization(&format!("target {target}"));
        let (lane, after) = (Lane::organizations_write(), std::slice::from_ref(&put));
        draft.step(place, Kind::Attach, stored(&pair), lane, after);
    }
    Ok(draft)
}

/// May be detached again while its text is unchanged.
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

struct Merged {
    entries: Revocations,
    /// An existing entry is omitted.
    leaves_out: bool,
}

/// Merges existing and wanted entries: a file never removes other users' revocations. In an
/// unattached policy, entries with a future end stay, since it may be attached soon; others have no
/// effect and are dropped.
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

/// Entries with ends; a stored end never moves earlier.
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

/// Finds all obstacles to attaching a revocation.
///
/// # Errors
/// AWS does not respond.
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
        found.extend(of_management(&around, target));
        let attached = organization
            .policies_of(target)
            .await
            .map_err(unread(format!("the policies of `{target}`")))?;
        found.extend(slot_taken(target, &attached, name));
    }
    Ok(found)
}
