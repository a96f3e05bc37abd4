//! Administrators' operations on sweeps: request, view, confirm.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass_audit::Event;
use hallpass_base::{Email, GroupId, HoldKey, SweepId, Target, TargetNames, UserId};

use super::deciding::unconfirmed;
use super::{Access, AccessError, RACES_MAX};
use crate::records::Doer;
use crate::sweep;
use crate::sweep_steps;
use crate::{
    Accepted, ActionRefused, Actor, Change, CommitError, DirectoryFault, Fate, ItemKind,
    NamedGroupAssignment, Person, RemovalLimit, Role, StandingRefused, StandingScope, Sweep,
    SweepItem, SweepMode, SweepState, Trigger, Wanted, decide, target,
};

const PAGE_LOOK_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    pub user: String,
    pub wanted: Wanted,
}

/// Items of the newest run, and accepted access that it did not find.
#[derive(Clone, Debug)]
pub struct StandingView {
    pub sweep: Option<Sweep>,
    /// Includes items that earlier runs still process.
    pub items: Vec<SweepItem>,
    pub absent: Vec<Accepted>,
    pub group_assignments: Vec<NamedGroupAssignment>,
}

impl Access {
    /// Queues a run; the sweeper, perhaps in another process, begins it. It waits for a running
    /// one, which may have read outdated state or be a mere check. Returns an already queued run.
    ///
    /// # Errors
    /// If the actor is no administrator, sweeps are off, or the store does not answer.
    pub async fn want_sweep(&self, actor: &Actor) -> Result<Sweep, AccessError> {
        self.ensure_admin(actor).await?;
        if self.settings.sweep.mode == SweepMode::Off {
            return Err(ActionRefused::from(StandingRefused::Off).into());
        }
        let by = actor.email.clone();
        self.queue_sweep(Trigger::Person { by }).await
    }

    /// Newest first.
    ///
    /// # Errors
    /// If the actor may not read everything, or the store does not answer.
    pub async fn sweeps(
        &self,
        actor: &Actor,
        before: Option<SweepId>,
        limit: u32,
    ) -> Result<Vec<Sweep>, AccessError> {
        ensure_reads(actor)?;
        Ok(self.ports.sweeps.sweeps(before, limit).await?)
    }

    /// # Errors
    /// If it does not exist, or the actor may not see it.
    pub async fn sweep(
        &self,
        actor: &Actor,
        id: SweepId,
    ) -> Result<(Sweep, Vec<SweepItem>), AccessError> {
        ensure_reads(actor)?;
        let sweep = self.ports.sweeps.sweep(id).await?;
        let sweep = sweep.ok_or(AccessError::NotFound("sweep"))?;
        let items = self.ports.sweeps.sweep_items(id).await?;
        Ok((sweep, items))
    }

    /// # Errors
    /// As [`Access::sweeps`].
    pub async fn standing(&self, actor: &Actor) -> Result<StandingView, AccessError> {
        ensure_reads(actor)?;
        let sweeps = &self.ports.sweeps;
        let sweep = sweeps.newest_listing().await?;
        let mut items: BTreeMap<HoldKey, SweepItem> = match &sweep {
            Some(sweep) => sweeps.sweep_items(sweep.id).await?,
            None => Vec::new(),
        }
        .into_iter()
        .map(|item| (item.key.clone(), item))
        .collect();
        // The earlier run's item is more precise than "in hand".
        for open in sweeps.open_sweep_items().await? {
            items.insert(open.key.clone(), open);
        }
        let accepted = sweeps.accepted().await?;
        let absent = accepted
            .into_iter()
            .filter(|accepted| !items.contains_key(&accepted.key));
        let absent = absent.collect();
        self.accept_now(&mut items).await?;
        Ok(StandingView {
            sweep,
            items: items.into_values().collect(),
            absent,
            group_assignments: self.group_assignments(actor).await?,
        })
    }

    /// Permission sets assigned to groups, as the newest listing has them, sorted.
    ///
    /// # Errors
    /// As [`Access::sweeps`].
    pub async fn group_assignments(
        &self,
        actor: &Actor,
    ) -> Result<Vec<NamedGroupAssignment>, AccessError> {
        ensure_reads(actor)?;
        let rows = self.ports.sweeps.group_assignments().await?;
        Ok(NamedGroupAssignment::all(rows, &self.directory()))
    }

    /// Reads the members of a group now.
    ///
    /// # Errors
    /// If the actor may not see standing access, the group is unknown, or AWS does not answer.
    pub async fn group_members(
        &self,
        actor: &Actor,
        group: &GroupId,
    ) -> Result<Vec<UserId>, AccessError> {
        ensure_reads(actor)?;
        if self.directory().group(group).is_none() {
            return Err(AccessError::NotFound("group"));
        }
        let target = Target::Group {
            group: group.clone(),
        };
        in_time(&target, self.ports.standing.holders(&target)).await
    }

    /// Reads the groups of a person now.
    ///
    /// # Errors
    /// If the actor may not see standing access, or AWS does not answer.
    pub async fn groups_of_person(
        &self,
        actor: &Actor,
        user: &UserId,
    ) -> Result<Vec<GroupId>, AccessError> {
        ensure_reads(actor)?;
        in_time(user, self.ports.standing.groups_of(user)).await
    }

    /// Applies acceptance changes since the run.
    async fn accept_now(
        &self,
        items: &mut BTreeMap<HoldKey, SweepItem>,
    ) -> Result<(), AccessError> {
        let accepted = self.ports.sweeps.accepted().await?;
        let accepted: BTreeMap<&HoldKey, &Accepted> =
            accepted.iter().map(|it| (&it.key, it)).collect();
        let now = self.now();
        for item in items.values_mut() {
            let by_pattern = matches!(
                item.kind.acceptance(),
                Some(crate::Acceptance::Pattern { .. })
            );
            let found = accepted.get(&item.key);
            item.kind = match found {
                _ if by_pattern => continue,
                Some(found) if found.is_overdue(now) => ItemKind::ReviewOverdue {
                    by: found.acceptance(),
                },
                Some(found) => ItemKind::Accepted {
                    by: found.acceptance(),
                },
                None if item.kind.acceptance().is_some() => ItemKind::Unknown,
                None => continue,
            };
        }
        Ok(())
    }

    /// Confirms a plan, which then runs exactly as displayed.
    ///
    /// # Errors
    /// If the actor is no administrator, nothing waits, or the state changed.
    pub async fn confirm_sweep(
        &self,
        actor: &Actor,
        id: SweepId,
        limits: RemovalLimit,
    ) -> Result<Sweep, AccessError> {
        self.ensure_admin(actor).await?;
        let mut races = 0;
        loop {
            let (sweep, items) = self.sweep(actor, id).await?;
            if was_confirmed(&sweep) {
                // Idempotent.
                return Ok(sweep);
            }
            let change = match self.confirmed(actor, &sweep, &items, limits).await? {
                Ok(change) => change,
                Err(why) => {
                    let why = ActionRefused::from(why);
                    let step = self.step();
                    let record = step.of_sweep(Event::ActionRefused, Doer::Person(actor), &sweep);
                    self.record(decide::refused(record, "confirm", &why))
                        .await?;
                    return Err(why.into());
                }
            };
            match self.store_change(change).await {
                Ok(_) => {
                    self.wake_sweeper.notify_one();
                    let stored = self.ports.sweeps.sweep(id).await;
                    let stored = stored.map_err(unconfirmed)?;
                    return stored.ok_or(AccessError::NotFound("sweep"));
                }
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Requires an administrator, as AWS has them now, and a fresh directory.
    pub(super) async fn ensure_admin(&self, actor: &Actor) -> Result<(), AccessError> {
        if actor.secondary_domain {
            return Err(ActionRefused::SecondaryDomain.into());
        }
        if !actor.is(Role::Admin) {
            return Err(ActionRefused::NotYours.into());
        }
        self.ensure_proven(actor).await?;
        let mut directory = self.directory();
        if self.ensure_fresh(&directory, self.step()).is_err() {
            let refreshed = self.ports.directory.refresh().await;
            directory = refreshed.map_err(|fault| ActionRefused::DirectoryUnread {
                read_at: directory.taken_at(),
                why: fault.to_string(),
            })?;
        }
        self.with_actor(actor, directory).await?;
        Ok(())
    }

    pub(super) async fn record(&self, record: hallpass_audit::Draft) -> Result<(), AccessError> {
        let change = Change {
            audit: vec![record],
            ..Change::default()
        };
        self.store_change(change).await?;
        Ok(())
    }

    async fn confirmed(
        &self,
        actor: &Actor,
        sweep: &Sweep,
        items: &[SweepItem],
        limits: RemovalLimit,
    ) -> Result<Result<Change, StandingRefused>, AccessError> {
        let directory = self.directory();
        let planned = items
            .iter()
            .filter(|item| matches!(item.fate, Fate::Planned { .. }));
        let scope = StandingScope::of_targets(planned.map(|item| &item.key.target), &directory);
        let places = self.read_places(&scope).await?;
        let fresh = places.fresh(&directory, &self.settings.sweep);
        Ok(sweep_steps::confirm(
            sweep,
            items,
            limits,
            actor,
            &fresh,
            self.step(),
        ))
    }

    /// Resolves the named access to its key, names and holder.
    ///
    /// # Errors
    /// If the user or target is unknown.
    pub fn standing_meant(
        &self,
        meant: &Meant,
    ) -> Result<(HoldKey, TargetNames, Option<Person>), AccessError> {
        let key = self.key_meant(meant)?;
        let names = self.names_of(&key);
        let holder = sweep::person(&key, &self.directory());
        Ok((key, names, holder))
    }

    pub(super) fn key_meant(&self, meant: &Meant) -> Result<HoldKey, AccessError> {
        let directory = self.directory();
        let by_email = Email::new(&meant.user)
            .ok()
            .and_then(|email| directory.person_by_email(&email).ok())
            .map(|person| person.user_id.clone());
        let by_name = || {
            let mut named = directory
                .people()
                .iter()
                .filter(|person| person.user_name == meant.user);
            let found = named.next()?.user_id.clone();
            named.next().is_none().then_some(found)
        };
        // A user who left has only an id.
        let by_id = || UserId::new(meant.user.as_str()).ok();
        let user = by_email.or_else(by_name).or_else(by_id);
        let user = user.ok_or(AccessError::NotFound("person"))?;
        let resolved = target::resolve(&meant.wanted, &directory);
        let resolved =
            resolved.map_err(|_| AccessError::NotFound("account, permission set or group"))?;
        Ok(HoldKey {
            user,
            target: resolved.target,
        })
    }

    pub(super) async fn refuse_standing(
        &self,
        actor: &Actor,
        key: &HoldKey,
        press: &str,
        why: ActionRefused,
    ) -> Result<AccessError, AccessError> {
        let names = self.names_of(key);
        let by = Doer::Person(actor);
        let record = (self.step()).of_standing(Event::ActionRefused, by, key, &names);
        self.record(decide::refused(record, press, &why)).await?;
        Ok(why.into())
    }
}

/// Whether this run was confirmed; the mode may be, by an earlier run.
fn was_confirmed(sweep: &Sweep) -> bool {
    let looked = sweep.report.as_ref().map(|report| report.ended);
    let confirmed = sweep.consent.as_ref().map(|consent| consent.at);
    let acts = matches!(
        sweep.state,
        SweepState::Working { .. } | SweepState::Done { .. }
    );
    acts && confirmed.is_some_and(|at| looked.is_none_or(|looked| at >= looked))
}

/// Reads at AWS for a page, which does not wait long.
async fn in_time<T>(
    what: &impl std::fmt::Display,
    reading: impl Future<Output = Result<T, DirectoryFault>>,
) -> Result<T, AccessError> {
    let read = tokio::time::timeout(PAGE_LOOK_MAX, reading).await;
    read.unwrap_or_else(|_| {
        Err(DirectoryFault {
            what: what.to_string(),
            message: "AWS has not answered yet; try again".to_owned(),
        })
    })
    .map_err(AccessError::Directory)
}

pub(super) fn ensure_reads(actor: &Actor) -> Result<(), AccessError> {
    if actor.reads_all() {
        Ok(())
    } else {
        Err(AccessError::NotFound("sweep"))
    }
}
