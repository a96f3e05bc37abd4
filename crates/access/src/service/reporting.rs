//! Reports of access in a period, for auditors and administrators (`access.md` §23).

use std::collections::BTreeMap;

use hallpass_base::{
    AccountId, GrantId, GroupId, HoldKey, RequestId, TimeSpan, Timestamp, UserId, fold,
};
use hallpass_rules::Directory;

use super::{Access, AccessError, RequestView};
use crate::{
    AccessSpan, Actor, Fate, Grant, GrantFilter, GroupAssignment, Listed, ListingConditions,
    Period, ReadError, Request, RequestFilter, Subject, SubjectSet, Sweep, SweepItem,
};

/// How far a start may lie before the time in the id, after a wrong clock.
const CLOCK_SLACK: TimeSpan = TimeSpan::hours(24);
/// Ids have the millisecond of their instant only.
const MILLISECONDS: TimeSpan = TimeSpan::seconds(1);
/// Runs examined for kept listings.
const SWEEPS_MAX: u32 = 200;

#[derive(Clone, Debug)]
pub struct ReportFilter {
    pub period: Period,
    pub person: Option<UserId>,
    pub targets: ReportTargets,
}

/// Conditions are combined with AND; the default takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportTargets {
    pub account: Option<AccountId>,
    /// Organizational unit that holds the account today: its id or name.
    pub ou: Option<String>,
    pub permission_set: Option<String>,
    pub group: Option<GroupId>,
}

impl ReportTargets {
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    pub fn covers(&self, subject: &Subject, directory: &Directory) -> bool {
        match subject {
            Subject::Account {
                account,
                permission_set,
            } => self.group.is_none() && self.covers_set(account, permission_set, directory),
            Subject::Group { group } => {
                let names_account =
                    self.account.is_some() || self.ou.is_some() || self.permission_set.is_some();
                !names_account && self.group.as_ref().is_none_or(|it| it == group)
            }
        }
    }

    fn covers_set(&self, account: &AccountId, set: &str, directory: &Directory) -> bool {
        let is_in = |wanted: &String| {
            let ous = directory.account(account).map(|it| it.ous.as_slice());
            let mut ous = ous.unwrap_or_default().iter();
            ous.any(|ou| ou.id == *wanted || fold::is_same(&ou.name, wanted))
        };
        let is_set = |wanted: &String| fold::is_same(wanted, set);
        self.account.as_ref().is_none_or(|it| it == account)
            && self.ou.as_ref().is_none_or(is_in)
            && self.permission_set.as_ref().is_none_or(is_set)
    }
}

/// Standing access, as sweeps saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum StandingRow {
    OfPerson(Box<SweepItem>),
    OfGroup {
        assignment: GroupAssignment,
        permission_set: String,
        last_seen: Timestamp,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandingReport {
    pub rows: Vec<StandingRow>,
    /// Start of the newest look; `None` before the first.
    pub looked_at: Option<Timestamp>,
}

fn ensure_reads(actor: &Actor) -> Result<(), AccessError> {
    if actor.reads_all() {
        Ok(())
    } else {
        Err(AccessError::NotFound("report"))
    }
}

impl Access {
    /// Lists grants whose access lay in the period, newest first.
    ///
    /// # Errors
    /// If the actor may not see all access, or the store does not answer.
    pub async fn reported_grants(
        &self,
        actor: &Actor,
        filter: &ReportFilter,
        before: Option<GrantId>,
        limit: usize,
    ) -> Result<Listed<Grant, GrantId>, AccessError> {
        ensure_reads(actor)?;
        let latest = GrantId::first_at(CLOCK_SLACK.after(filter.period.to()));
        let filter = GrantFilter {
            holder: filter.person.clone(),
            only: ListingConditions {
                subjects: self.subjects_of(&filter.targets).await?,
                ..ListingConditions::default()
            },
            active_in: Some(filter.period),
            before: before.into_iter().chain([latest]).min(),
            ..GrantFilter::default()
        };
        self.grants(actor, &filter, limit).await
    }

    /// Lists requests made in the period, newest first.
    ///
    /// # Errors
    /// As [`Access::reported_grants`].
    pub async fn reported_requests(
        &self,
        actor: &Actor,
        filter: &ReportFilter,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Listed<Request, RequestId>, AccessError> {
        ensure_reads(actor)?;
        let period = filter.period;
        let filter = RequestFilter {
            requester: filter.person.clone(),
            only: ListingConditions {
                subjects: self.subjects_of(&filter.targets).await?,
                from: Some(period.from()),
                to: Some(MILLISECONDS.after(period.to())),
                ..ListingConditions::default()
            },
            before,
            ..RequestFilter::default()
        };
        let found = self.requests(actor, RequestView::All, &filter, limit);
        let mut found = Box::pin(found).await?;
        found.rows.retain(|request| period.has(request.asked_at));
        Ok(found)
    }

    /// Returns whether a permission set has this name today, or had it in a stored request.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn knows_permission_set(&self, name: &str) -> Result<bool, ReadError> {
        let directory = self.directory();
        let mut today = directory.permission_sets().iter();
        if today.any(|set| fold::is_same(&set.name, name)) {
            return Ok(true);
        }
        let subjects = self.subjects().await?;
        Ok(subjects.iter().any(|(_, subject)| match subject {
            Subject::Account { permission_set, .. } => fold::is_same(permission_set, name),
            Subject::Group { .. } => false,
        }))
    }

    async fn subjects_of(
        &self,
        targets: &ReportTargets,
    ) -> Result<Option<SubjectSet>, AccessError> {
        if targets.is_all() {
            return Ok(None);
        }
        let directory = self.directory();
        let subjects = self.subjects().await?;
        let covered = subjects
            .iter()
            .filter(|(_, subject)| targets.covers(subject, &directory));
        Ok(Some(covered.map(|(number, _)| *number).collect()))
    }

    /// Lists standing access that kept looks place in the period, sorted by key: of people, then of
    /// groups.
    ///
    /// # Errors
    /// As [`Access::reported_grants`].
    pub async fn reported_standing(
        &self,
        actor: &Actor,
        filter: &ReportFilter,
    ) -> Result<StandingReport, AccessError> {
        ensure_reads(actor)?;
        let directory = self.directory();
        let sweeps = self.ports.sweeps.sweeps(None, SWEEPS_MAX).await?;
        let mut looked_at = None;
        // when the access was seen to be gone, at the latest
        let mut gone_by = None;
        let mut held: BTreeMap<HoldKey, (SweepItem, AccessSpan)> = BTreeMap::new();
        for (sweep, began) in sweeps.iter().filter_map(listing) {
            looked_at = looked_at.or(Some(began));
            for item in self.ports.sweeps.sweep_items(sweep.id).await? {
                let span = AccessSpan {
                    from: item.first_seen,
                    until: removed_at(&item).or(gone_by),
                };
                held.entry(item.key.clone()).or_insert((item, span));
            }
            gone_by = Some(began);
        }
        let fits = |(item, span): &(SweepItem, AccessSpan)| {
            let subject = Subject::of(&item.key.target, &item.names);
            filter.period.overlaps(*span)
                && filter.person.as_ref().is_none_or(|it| *it == item.key.user)
                && (filter.targets.is_all()
                    || subject.is_some_and(|it| filter.targets.covers(&it, &directory)))
        };
        let mut rows: Vec<StandingRow> = held
            .into_values()
            .filter(fits)
            .map(|(item, _)| StandingRow::OfPerson(Box::new(item)))
            .collect();
        let assignments = self.ports.sweeps.group_assignments().await?;
        let assignments = assignments.into_iter();
        rows.extend(assignments.filter_map(|it| filter.group_row(it, looked_at?, &directory)));
        Ok(StandingReport { rows, looked_at })
    }
}

/// The start of a run's completed listing.
fn listing(sweep: &Sweep) -> Option<(&Sweep, Timestamp)> {
    let report = sweep.report.as_ref()?;
    Some((sweep, report.began))
}

/// When it was no longer standing access.
fn removed_at(item: &SweepItem) -> Option<Timestamp> {
    match &item.fate {
        Fate::Gone { at, .. } | Fate::Adopted { at, .. } => Some(*at),
        Fate::Reported
        | Fate::Waits { .. }
        | Fate::InHand { .. }
        | Fate::Planned { .. }
        | Fate::Due { .. }
        | Fate::Removing { .. }
        | Fate::Stuck { .. }
        | Fate::LeftAlone { .. } => None,
    }
}

impl ReportFilter {
    /// `None` if it does not match. Who was a member in the period is unknown: a person matches
    /// through the groups of today.
    fn group_row(
        &self,
        assignment: GroupAssignment,
        looked_at: Timestamp,
        directory: &Directory,
    ) -> Option<StandingRow> {
        let key = &assignment.key;
        let sets = directory.permission_sets().iter();
        let set = sets.clone().find(|set| set.arn == key.permission_set);
        let permission_set =
            set.map_or_else(|| key.permission_set.to_string(), |it| it.name.clone());
        let span = AccessSpan {
            from: assignment.first_seen,
            until: None,
        };
        let is_member = |user: &UserId| {
            let members = directory.members_of(&key.group);
            members.is_none_or(|members| members.contains(user))
        };
        let fits = self.period.overlaps(span)
            && self.person.as_ref().is_none_or(is_member)
            && self
                .targets
                .group
                .as_ref()
                .is_none_or(|it| *it == key.group)
            && self
                .targets
                .covers_set(&key.account, &permission_set, directory);
        fits.then(|| StandingRow::OfGroup {
            last_seen: assignment.unread_since.unwrap_or(looked_at),
            permission_set,
            assignment,
        })
    }
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::OuRef;

    use super::*;
    use crate::sweep::tests::snapshot;

    #[test]
    fn an_organizational_unit_covers_the_accounts_below_it() {
        let mut snapshot = snapshot();
        let [inside, outside, ..] = snapshot.accounts.as_mut_slice() else {
            panic!("two accounts");
        };
        inside.ous = ["Workloads", "Prod"]
            .map(|name| OuRef {
                id: format!("ou-{name}"),
                name: name.to_owned(),
            })
            .to_vec();
        let (inside, outside) = (inside.id.clone(), outside.id.clone());
        let directory = Directory::new(snapshot);
        for (ou, is_in) in [("workloads", true), ("ou-Prod", true), ("Sandbox", false)] {
            let targets = ReportTargets {
                ou: Some(ou.to_owned()),
                ..ReportTargets::default()
            };
            let covers = |account: &AccountId| {
                let subject = Subject::Account {
                    account: account.clone(),
                    permission_set: "ReadOnly".to_owned(),
                };
                targets.covers(&subject, &directory)
            };
            assert_eq!((covers(&inside), covers(&outside)), (is_in, false), "{ou}");
        }
    }
}
