//! Who holds what no one may hold together: the report, and its alert (`access.md` §26).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use hallpass_alerts::{AlertRuleId, AlertSeverity, HappeningRule, listed};
use hallpass_base::{GroupId, Target, Timestamp, UserId};
use hallpass_rules::directory::Person;
use hallpass_rules::{Directory, GroupRef, HeldBy, HeldConflict, Holding, Rules};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::{Access, AccessError};
use crate::create_request::named_few;
use crate::{Actor, GrantFilter, GrantStateKind, NamedGroupAssignment, ReadError, Subject};

const GRANTS_A_PAGE: u32 = 500;
/// All members of groups together.
const AWS_PATIENCE: Duration = Duration::from_secs(25);
const READS_AT_ONCE: usize = 8;

/// What one person holds against a constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonConflict {
    pub person: Person,
    pub conflict: HeldConflict,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConflictReport {
    pub rows: Vec<PersonConflict>,
    /// Start of the sweep whose standing access counts; `None` before the first.
    pub looked_at: Option<Timestamp>,
    /// Groups whose members could not be read, so that rows may be missing.
    pub unread: Vec<String>,
}

type HeldByPerson = BTreeMap<UserId, BTreeSet<Holding>>;

impl Access {
    /// Lists what people hold against constraints, by person.
    ///
    /// # Errors
    /// If the actor may not see all access, or the store does not answer.
    pub async fn conflicts(&self, actor: &Actor) -> Result<ConflictReport, AccessError> {
        if !actor.reads_all() {
            return Err(AccessError::NotFound("report"));
        }
        self.conflicts_now().await
    }

    /// Reports each person's conflict with a constraint once to the targets of alerts, while it
    /// lasts. Those with an exception are not reported.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn tell_conflicts(&self) -> Result<(), AccessError> {
        let report = self.conflicts_now().await?;
        let directory = self.directory();
        let open = report
            .rows
            .iter()
            .filter(|it| it.conflict.exception.is_none());
        let rows: Vec<Map<String, Value>> = open.map(|it| alert_row(it, &directory)).collect();
        let rule = alert_rule().map_err(|error| ReadError(error.to_string()))?;
        self.store_alert(&rule, |state, now| listed(&rule, state, &rows, now))
            .await
    }

    async fn conflicts_now(&self) -> Result<ConflictReport, AccessError> {
        let (rules, directory, now) = (self.rules(), self.directory(), self.now());
        let sweep = self.ports.sweeps.newest_listing().await?;
        let mut report = ConflictReport {
            looked_at: sweep.and_then(|sweep| Some(sweep.report?.began)),
            ..ConflictReport::default()
        };
        if !rules.have_constraints() {
            return Ok(report);
        }
        let mut held = self.held_directly().await?;
        report.unread = self
            .add_held_through_groups(&rules, &directory, &mut held)
            .await?;
        // What a deleted user still holds, sweeps report.
        let known = held.iter();
        for (person, held) in known.filter_map(|(user, held)| Some((directory.person(user)?, held)))
        {
            let conflicts = rules
                .conflicts_of(person, held, &directory, now)
                .into_iter();
            report.rows.extend(conflicts.map(|conflict| PersonConflict {
                person: person.clone(),
                conflict,
            }));
        }
        Ok(report)
    }

    /// Live grants, and standing access of the newest listing.
    async fn held_directly(&self) -> Result<HeldByPerson, AccessError> {
        let mut held = HeldByPerson::new();
        let mut filter = GrantFilter {
            states: GrantStateKind::LIVE.to_vec(),
            ..GrantFilter::default()
        };
        loop {
            let page = self.ports.store.grants(&filter, GRANTS_A_PAGE).await?;
            for grant in page.rows {
                if let Some(target) = Subject::of(&grant.key.target, &grant.names) {
                    let by = HeldBy::Grant(grant.id.to_string());
                    held.entry(grant.key.user)
                        .or_default()
                        .insert(Holding { target, by });
                }
            }
            match page.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        for (user, targets) in self.standing_by_person().await?.iter() {
            let held = held.entry(user.clone()).or_default();
            held.extend(targets.iter().cloned().map(|target| Holding {
                target,
                by: HeldBy::Standing,
            }));
        }
        Ok(held)
    }

    /// Adds memberships that constraints name, and constrained assignments of groups. Returns groups
    /// whose members could not be read.
    async fn add_held_through_groups(
        &self,
        rules: &Rules,
        directory: &Directory,
        held: &mut HeldByPerson,
    ) -> Result<Vec<String>, AccessError> {
        let mut through: BTreeMap<GroupId, Vec<Holding>> = BTreeMap::new();
        for group in rules.constrained_groups() {
            let found = directory.resolve_group(&group);
            let Some(group) = found.map(|group| &group.id) else {
                continue;
            };
            through.entry(group.clone()).or_default().push(Holding {
                target: Subject::Group {
                    group: group.clone(),
                },
                by: HeldBy::Standing,
            });
        }
        let rows = self.ports.sweeps.group_assignments().await?;
        for row in NamedGroupAssignment::all(rows, directory) {
            let Some(target) = Subject::of(&row.row.key.target(), &row.names) else {
                continue;
            };
            if rules.constrain(&target.question(), directory) {
                let by = HeldBy::Group(row.group.clone());
                let of = through.entry(row.row.key.group).or_default();
                of.push(Holding { target, by });
            }
        }
        let until = Instant::now() + AWS_PATIENCE;
        let groups: Vec<&GroupId> = through.keys().collect();
        let mut members: Vec<Option<Vec<UserId>>> = Vec::new();
        for some in groups.chunks(READS_AT_ONCE) {
            let some = some.iter();
            let reads = some.map(|group| self.members_of(group, directory, until));
            members.extend(join_all(reads).await);
        }
        let mut unread = Vec::new();
        for ((group, targets), members) in through.iter().zip(members) {
            let Some(members) = members else {
                let known = directory.group(group);
                unread.push(known.map_or(group.to_string(), |group| group.name.clone()));
                continue;
            };
            for user in members {
                held.entry(user)
                    .or_default()
                    .extend(targets.iter().cloned());
            }
        }
        Ok(unread)
    }

    async fn members_of(
        &self,
        group: &GroupId,
        directory: &Directory,
        until: Instant,
    ) -> Option<Vec<UserId>> {
        if let Some(members) = directory.members_named(&GroupRef::Id(group.clone())) {
            return Some(members.iter().cloned().collect());
        }
        let target = Target::Group {
            group: group.clone(),
        };
        let reading = self.ports.standing.holders(&target);
        timeout_at(until, reading).await.ok()?.ok()
    }
}

fn alert_rule() -> Result<HappeningRule, hallpass_alerts::AlertRuleIdError> {
    Ok(HappeningRule {
        id: "never-together".parse::<AlertRuleId>()?,
        severity: AlertSeverity::High,
        key: ["constraint", "user_id"].map(str::to_owned).to_vec(),
        message: "{user} holds {held}, which `{constraint}` forbids to hold together".to_owned(),
        mail_to: Vec::new(),
    })
}

fn alert_row(row: &PersonConflict, directory: &Directory) -> Map<String, Value> {
    let (person, conflict) = (&row.person, &row.conflict);
    let user = person.emails.first().map(ToString::to_string);
    let values = [
        ("constraint", conflict.constraint.to_string()),
        ("user_id", person.user_id.to_string()),
        ("user", user.unwrap_or_else(|| person.user_name.clone())),
        ("held", named_few(&conflict.held, directory)),
    ];
    let values = values.into_iter();
    values
        .map(|(name, text)| (name.to_owned(), Value::String(text)))
        .collect()
}
