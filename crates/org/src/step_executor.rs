//! Executes single steps: look, one write, poll until visible.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::Clock;
use hallpass_enforcement::account_policy::same_policy;
use hallpass_enforcement::{
    Drill, NewPolicy, OrgStore, Organization, OrganizationFault, PolicyText, Revocation, reasons,
};
use hallpass_plans::{
    Class, Effect, PlanStep, StepError, StepExecutor, StepProbe, StoreFault, Undo, Verify,
    WriteAnswer,
};
use serde_json::{Value, json};

use crate::ChoreError;
use crate::outage::check_drill;
use crate::policy_probe::{probe_delete, probe_put};
use crate::sessions::check_revocation;
use crate::steps::{
    Deletion, Guard, Instant, Keeping, Mark, Pair, PolicyRef, PolicyStepKind, PutPolicy, StepBasis,
    StepSpec, no_undo_of_unknown, setback, stored,
};

pub struct OrgStepExecutor {
    pub organization: Arc<dyn Organization>,
    pub store: Arc<dyn OrgStore>,
    pub clock: Arc<dyn Clock>,
}

impl OrgStepExecutor {
    /// By id if known, else by name.
    async fn find(&self, named: &PolicyRef) -> Result<Option<PolicyText>, StepError> {
        if let Some(id) = &named.id
            && let Some(found) = self.organization.policy(id).await.map_err(setback)?
        {
            return Ok(Some(found));
        }
        let all = self.organization.policies().await.map_err(setback)?;
        match all.into_iter().find(|row| row.name == named.name) {
            Some(row) => self.organization.policy(&row.id).await.map_err(setback),
            None => Ok(None),
        }
    }

    async fn is_attached(&self, policy: &str, target: &str) -> Result<bool, StepError> {
        match self.organization.targets_of(policy).await {
            Ok(targets) => Ok(targets.iter().any(|it| it.id == target)),
            Err(OrganizationFault::NotThere { .. }) => Ok(false),
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn guard(&self, guard: &Guard) -> Result<StepProbe, StepError> {
        let now = self.clock.now();
        let found = match guard {
            Guard::Outage {
                name,
                target,
                content,
                prod,
                break_glass,
            } => {
                let organization = self.organization.as_ref();
                check_drill(organization, name, target, content, prod, *break_glass, now).await
            }
            Guard::Sessions {
                name,
                targets,
                content,
            } => check_revocation(self.organization.as_ref(), name, targets, content).await,
        };
        match found {
            Ok(refusals) if refusals.is_empty() => Ok(StepProbe::Satisfied),
            Ok(refusals) => Ok(StepProbe::Blocked {
                reason: reasons(&refusals),
            }),
            Err(ChoreError::Unread(unread)) => Err(setback(unread.fault)),
            Err(other) => Err(StepError::failed("guard", &other.to_string())),
        }
    }

    async fn look_put(&self, wanted: &PutPolicy) -> Result<StepProbe, StepError> {
        let named = PolicyRef {
            name: wanted.policy.name.clone(),
            id: None,
        };
        let found = self.find(&named).await?;
        let seen = probe_put(&wanted.policy, found.as_ref());
        self.on_basis(&wanted.basis, found.as_ref(), seen).await
    }

    async fn look_detach(&self, pair: &Pair) -> Result<StepProbe, StepError> {
        let Some(found) = self.look_pair(pair).await? else {
            return Ok(StepProbe::Satisfied);
        };
        let seen = StepProbe::Differs {
            old: json!({"id": found.row.id, "name": pair.policy.name}),
        };
        self.on_basis(&pair.basis, Some(&found), seen).await
    }

    async fn look_delete(&self, wanted: &Deletion) -> Result<StepProbe, StepError> {
        let found = self.find(&wanted.policy).await?;
        let seen = probe_delete(found.as_ref());
        self.on_basis(&wanted.basis, found.as_ref(), seen).await
    }

    /// The observed state; `drifted` if work remains and the basis has changed.
    async fn on_basis(
        &self,
        basis: &StepBasis,
        found: Option<&PolicyText>,
        seen: StepProbe,
    ) -> Result<StepProbe, StepError> {
        let Some(found) = found.filter(|_| seen.is_change()) else {
            return Ok(seen);
        };
        let text = basis.text.as_ref();
        if text.is_some_and(|text| !same_policy(text, &found.content)) {
            return Ok(drifted("the policy has another text"));
        }
        if basis.unattached {
            let targets = self.organization.targets_of(&found.row.id).await;
            if !targets.map_err(setback)?.is_empty() {
                return Ok(drifted("the policy was attached"));
            }
        }
        if !basis.rows.is_empty() {
            let all = self.store.revocations().await.map_err(unkept)?;
            if moved(&basis.rows, &all) {
                return Ok(drifted(MOVED));
            }
        }
        Ok(seen)
    }

    /// The pair's policy if attached there.
    async fn look_pair(&self, pair: &Pair) -> Result<Option<PolicyText>, StepError> {
        let Some(found) = self.find(&pair.policy).await? else {
            return Ok(None);
        };
        let attached = self.is_attached(&found.row.id, &pair.target).await?;
        Ok(attached.then_some(found))
    }

    async fn look_kept(&self, keeping: &Keeping) -> Result<StepProbe, StepError> {
        let all = self.store.revocations().await.map_err(unkept)?;
        Ok(if keeping.rows.iter().all(|row| all.contains(row)) {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn look_dropped(&self, keeping: &Keeping) -> Result<StepProbe, StepError> {
        let all = self.store.revocations().await.map_err(unkept)?;
        Ok(if moved(&keeping.rows, &all) {
            drifted(MOVED)
        } else if keeping.rows.iter().any(|row| all.contains(row)) {
            StepProbe::Differs {
                old: stored(&keeping.rows),
            }
        } else {
            StepProbe::Satisfied
        })
    }

    async fn look_mark(&self, mark: &Mark) -> Result<StepProbe, StepError> {
        let drill = self.store.drill(&mark.drill).await.map_err(unkept)?;
        let is_set = match drill {
            Some(drill) => instant(&drill, mark.instant).is_some(),
            // another store's drill is removed by its tags alone
            None => mark.instant == Instant::Removed,
        };
        Ok(if is_set {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn put(&self, wanted: &NewPolicy, seen: &StepProbe) -> WriteAnswer {
        let id = seen
            .old()
            .get("id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let sent = match &id {
            Some(id) => {
                let updated = self.organization.update_policy(id, &wanted.content).await;
                updated.map(|()| id.clone())
            }
            None => self.organization.create_policy(wanted).await,
        };
        match sent {
            Ok(remote) => WriteAnswer::Accepted { remote },
            // an existing policy is not listed yet
            Err(OrganizationFault::AlreadyThere { message }) => {
                WriteAnswer::AlreadyThere { why: message }
            }
            Err(fault) => WriteAnswer::Setback(setback(fault)),
        }
    }

    async fn attach(&self, pair: &Pair) -> WriteAnswer {
        let id = match self.find(&pair.policy).await {
            Ok(Some(found)) => found.row.id,
            Ok(None) => {
                return WriteAnswer::later(format!(
                    "policy `{}` is not seen yet",
                    pair.policy.name
                ));
            }
            Err(setback) => return WriteAnswer::Setback(setback),
        };
        match self.organization.attach(&id, &pair.target).await {
            Ok(()) | Err(OrganizationFault::AlreadyThere { .. }) => {
                WriteAnswer::Accepted { remote: id }
            }
            Err(fault) => WriteAnswer::Setback(setback(fault)),
        }
    }

    async fn detach(&self, pair: &Pair, seen: &StepProbe) -> WriteAnswer {
        let id = match seen_id(seen, "detach", "nothing was seen attached (this is a bug)") {
            Ok(id) => id,
            Err(error) => return WriteAnswer::Setback(error),
        };
        match self.organization.detach(&id, &pair.target).await {
            Ok(()) | Err(OrganizationFault::NotThere { .. }) => {
                WriteAnswer::Accepted { remote: id }
            }
            Err(fault) => WriteAnswer::Setback(setback(fault)),
        }
    }

    async fn delete(&self, seen: &StepProbe) -> WriteAnswer {
        let id = match seen_id(seen, "delete", "no policy was seen (this is a bug)") {
            Ok(id) => id,
            Err(error) => return WriteAnswer::Setback(error),
        };
        match self.organization.delete_policy(&id).await {
            Ok(()) | Err(OrganizationFault::NotThere { .. }) => {
                WriteAnswer::Accepted { remote: id }
            }
            Err(fault) => WriteAnswer::Setback(setback(fault)),
        }
    }

    async fn mark(&self, mark: &Mark) -> Result<(), StepError> {
        let drill = self.store.drill(&mark.drill).await.map_err(unkept)?;
        let Some(mut drill) = drill else {
            return Ok(());
        };
        let now = Some(self.clock.now());
        match mark.instant {
            Instant::Applied => drill.applied_at = now,
            Instant::Removed => drill.removed_at = now,
        }
        self.store.keep_drill(&drill).await.map_err(unkept)
    }

    async fn drop_revocations(&self, keeping: &Keeping) -> Result<(), StepError> {
        let dropped = self.store.drop_revocations(&keeping.rows).await;
        dropped.map_err(unkept)
    }

    async fn shows(&self, step: &PlanStep, remote: &str) -> Result<bool, StepError> {
        let found = || self.organization.policy(remote);
        match spec_of(step)? {
            StepSpec::Put(wanted) => {
                let found = found().await.map_err(setback)?;
                Ok(found.is_some_and(|it| same_policy(&it.content, &wanted.policy.content)))
            }
            StepSpec::Attach(pair) => self.is_attached(remote, &pair.target).await,
            StepSpec::Detach(pair) => Ok(!self.is_attached(remote, &pair.target).await?),
            StepSpec::Delete(wanted) => {
                let all = self.organization.policies().await.map_err(setback)?;
                let name = &wanted.policy.name;
                Ok(!all.iter().any(|row| row.id == remote || row.name == *name))
            }
            StepSpec::Guard(_)
            | StepSpec::KeepDrill(_)
            | StepSpec::MarkDrill(_)
            | StepSpec::KeepRevocations(_)
            | StepSpec::DropRevocations(_) => Ok(true),
        }
    }
}

const MOVED: &str = "an entry has another end";

/// True if an entry's stored end has changed.
fn moved(rows: &[Revocation], all: &[Revocation]) -> bool {
    let is_moved = |row: &Revocation| {
        let mut same = all.iter();
        same.any(|it| it.policy == row.policy && it.entry == row.entry && it.ends_at != row.ends_at)
    };
    rows.iter().any(is_moved)
}

/// Sessions were revoked since the step was planned.
fn drifted(what: &str) -> StepProbe {
    StepProbe::Drifted {
        reason: format!("{what} by now: make a new plan, or change it by hand"),
    }
}

fn seen_id(seen: &StepProbe, act: &str, otherwise: &str) -> Result<String, StepError> {
    let old = seen.old();
    let id = old.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| StepError::failed(act, otherwise))
}

#[async_trait]
impl StepExecutor for OrgStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        match spec_of(step)? {
            StepSpec::Guard(guard) => self.guard(&guard).await,
            StepSpec::Put(wanted) => self.look_put(&wanted).await,
            StepSpec::Attach(pair) => Ok(match self.look_pair(&pair).await? {
                Some(_) => StepProbe::Satisfied,
                None => StepProbe::Absent,
            }),
            StepSpec::Detach(pair) => self.look_detach(&pair).await,
            StepSpec::Delete(wanted) => self.look_delete(&wanted).await,
            StepSpec::KeepDrill(drill) => {
                let kept = self.store.drill(&drill.id).await.map_err(unkept)?;
                let is_there = kept.is_some_and(|kept| is_kept(&kept, &drill));
                Ok(if is_there {
                    StepProbe::Satisfied
                } else {
                    StepProbe::Absent
                })
            }
            StepSpec::MarkDrill(mark) => self.look_mark(&mark).await,
            StepSpec::KeepRevocations(keeping) => self.look_kept(&keeping).await,
            StepSpec::DropRevocations(keeping) => self.look_dropped(&keeping).await,
        }
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let kept = |result: Result<(), StepError>| match result {
            Ok(()) => WriteAnswer::Done(Effect {
                new: step.desired.clone(),
                requests: Vec::new(),
            }),
            Err(setback) => WriteAnswer::Setback(setback),
        };
        match spec_of(step) {
            Err(setback) => WriteAnswer::Setback(setback),
            Ok(StepSpec::Guard(_)) => {
                WriteAnswer::Setback(StepError::failed("guard", "a guard has nothing to do"))
            }
            Ok(StepSpec::Put(wanted)) => self.put(&wanted.policy, seen).await,
            Ok(StepSpec::Attach(pair)) => self.attach(&pair).await,
            Ok(StepSpec::Detach(pair)) => self.detach(&pair, seen).await,
            Ok(StepSpec::Delete(_)) => self.delete(seen).await,
            Ok(StepSpec::KeepDrill(drill)) => {
                kept(self.store.keep_drill(&drill).await.map_err(unkept))
            }
            Ok(StepSpec::MarkDrill(mark)) => kept(self.mark(&mark).await),
            Ok(StepSpec::KeepRevocations(keeping)) => {
                let rows = self.store.keep_revocations(&keeping.rows).await;
                kept(rows.map_err(unkept))
            }
            Ok(StepSpec::DropRevocations(keeping)) => kept(self.drop_revocations(&keeping).await),
        }
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        match self.shows(step, remote).await {
            Err(setback) => Verify::Setback(setback),
            Ok(false) => Verify::Running,
            Ok(true) => {
                let mut new = step.desired.clone();
                if let Some(members) = new.as_object_mut() {
                    members.insert("id".to_owned(), remote.into());
                }
                Verify::Done(Effect {
                    new,
                    requests: Vec::new(),
                })
            }
        }
    }

    fn undo(&self, step: &PlanStep, old: &Value, _new: &Value) -> Undo {
        let Ok(wish) = spec_of(step) else {
            return no_undo_of_unknown(step);
        };
        let by = |kind: PolicyStepKind, desired: Value| Undo::By(vec![(kind.into(), desired)]);
        let content = old.get("content").and_then(Value::as_str);
        match (wish, content) {
            (StepSpec::Put(wanted), Some(content)) => by(
                PolicyStepKind::Put,
                stored(&NewPolicy {
                    content: content.to_owned(),
                    ..wanted.policy
                }),
            ),
            (StepSpec::Put(wanted), None) => by(
                PolicyStepKind::Delete,
                stored(&Deletion {
                    policy: PolicyRef {
                        name: wanted.policy.name,
                        id: None,
                    },
                    tags: wanted.policy.tags,
                    basis: StepBasis::default(),
                }),
            ),
            (StepSpec::Attach(pair), _) => by(PolicyStepKind::Detach, stored(&pair)),
            (StepSpec::Detach(pair), _) => by(PolicyStepKind::Attach, stored(&pair)),
            (StepSpec::Delete(wanted), Some(content)) => by(
                PolicyStepKind::Put,
                stored(&NewPolicy {
                    name: wanted.policy.name,
                    description: "put back by Hallpass".to_owned(),
                    content: content.to_owned(),
                    tags: wanted.tags,
                }),
            ),
            (StepSpec::Delete(_), None) => Undo::Not("its text was not recorded".to_owned()),
            // restored entries need their end, or they would stay forever
            (StepSpec::DropRevocations(keeping), _) => {
                by(PolicyStepKind::KeepRevocations, stored(&keeping))
            }
            // extra store entries are harmless history
            (
                StepSpec::Guard(_)
                | StepSpec::KeepDrill(_)
                | StepSpec::MarkDrill(_)
                | StepSpec::KeepRevocations(_),
                _,
            ) => Undo::By(Vec::new()),
        }
    }
}

fn spec_of(step: &PlanStep) -> Result<StepSpec, StepError> {
    StepSpec::read(&step.kind, &step.desired).map_err(|why| StepError::failed("unknown_step", &why))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unkept(fault: StoreFault) -> StepError {
    StepError::later(Class::Throttle, fault.to_string())
}

fn instant(drill: &Drill, which: Instant) -> Option<hallpass_base::Timestamp> {
    match which {
        Instant::Applied => drill.applied_at,
        Instant::Removed => drill.removed_at,
    }
}

/// Compares drills; a removed one does not count.
fn is_kept(kept: &Drill, drill: &Drill) -> bool {
    let same = Drill {
        applied_at: None,
        ..kept.clone()
    };
    same == *drill
}
