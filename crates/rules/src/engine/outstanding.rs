//! Missing approvals of a waiting request. Pages, answers and reminders all use this, so they
//! agree.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, TimeSpan, Timestamp, UserId};

use super::{
    approval_hours::{ApprovalHours, ApprovalsOpen},
    decide::Evaluation,
    decision::Decision,
    delegates::recipients,
    people::address_of,
    quorum::{Seating, Seats},
};
use crate::{decision_kind::DecisionKind, directory::NotOnePerson, rule::RuleId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    pub kind: DecisionKind,
    pub helpers: BTreeSet<Email>,
    pub able: BTreeSet<Email>,
    pub users: BTreeSet<UserId>,
    /// Users to remind: notified helpers, and users named for notification only. The requester if
    /// only their approval helps.
    pub notify: BTreeSet<Email>,
    /// Counted approvals, without those that fill no stage.
    pub given: u32,
    pub needed: u32,
    pub stages: Vec<StageProgress>,
    pub hours: Vec<ApprovalHours>,
    pub open: ApprovalsOpen,
    /// After how long a wait more people may approve.
    pub escalates_after: Option<TimeSpan>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageProgress {
    pub rule: RuleId,
    pub name: String,
    pub quorum: u32,
    pub filled: u32,
    /// Users whose approval adds one, even from another stage, if another approver can move there.
    pub helpers: BTreeSet<Email>,
}

impl StageProgress {
    pub const fn lacks(&self) -> u32 {
        self.quorum.saturating_sub(self.filled)
    }
}

struct SeatsWanted {
    able: BTreeSet<Email>,
    own: Option<Email>,
    needed: u32,
    decision: Decision,
}

impl Evaluation<'_> {
    /// Computes the missing approvals, given valid ones by their address at the time; judged at
    /// `at`, with more given at `now`.
    pub(super) fn outstanding(
        mut self,
        approvals: &BTreeMap<UserId, Email>,
        (at, now): (Timestamp, Timestamp),
    ) -> Outstanding {
        let facts = self.facts;
        let mut able = self.approvers();
        let mut told = self.notify(&able);
        let own = self.own_approver().is_some();
        let own = own
            .then(|| self.requester.person().and_then(address_of))
            .flatten();
        able.extend(own.clone());
        let delegates = self.delegates();
        told = recipients(told, &delegates, facts);
        able.extend(delegates.addresses(facts));
        let is_enabled = |email: &Email| facts.person_by_email(email).map_or(true, |it| it.enabled);
        able.retain(is_enabled);
        told.retain(is_enabled);
        let mut decision = self.decision();
        if at > now {
            decision = decision.of_start();
        }
        let needed = match decision.kind {
            DecisionKind::RequiresApproval => decision.approvals_needed,
            // one approval by any listed approver suffices now
            DecisionKind::ApprovalNotRequired | DecisionKind::SelfApproval => 1,
            DecisionKind::NoApprovers
            | DecisionKind::NoStatements
            | DecisionKind::RequesterNotAllowed => {
                able.clear();
                0
            }
        };
        let wanted = SeatsWanted {
            able,
            own,
            needed,
            decision,
        };
        let key = |email: &Email| match facts.person_by_email(email) {
            Ok(person) => Some(person.user_id.clone()),
            Err(NotOnePerson::None | NotOnePerson::Ambiguous) => None,
        };
        wanted.outstanding(&told, approvals, &key, now)
    }
}

impl SeatsWanted {
    fn outstanding(
        self,
        told: &BTreeSet<Email>,
        approvals: &BTreeMap<UserId, Email>,
        user_of: &dyn Fn(&Email) -> Option<UserId>,
        now: Timestamp,
    ) -> Outstanding {
        let users: BTreeSet<UserId> = approvals.keys().cloned().collect();
        let may_add = |(_, user): &(&Email, Option<UserId>)| {
            let user = user.as_ref();
            user.is_none_or(|it| self.decision.delegates.may_add(it, &users))
        };
        let people = self.able.iter().map(|it| (it, user_of(it)));
        let people: Vec<(&Email, Option<UserId>)> = people.filter(may_add).collect();
        // two addresses of a user count once
        let keyed: Vec<(&Email, &str)> = { people.iter() }
            .map(|(email, user)| (*email, user.as_ref().map_or(email.as_str(), UserId::as_str)))
            .collect();
        let given = self.decision.delegates.counted(&users);
        let seats = self.seats(&keyed, &given, &users);
        let seating = Seating::of(&seats, &given);
        let is_complete = seating.is_complete();
        // an ambiguous address identifies no user: it stands for its user at the time
        let has_given = |email: &Email, who: &str| {
            let is_address = who == email.as_str();
            given.contains(who) || is_address && approvals.values().any(|by| by == email)
        };
        let helpers_of = |stage: usize| -> BTreeSet<Email> {
            let helping = keyed.iter().filter(|(email, who)| {
                !is_complete && !has_given(email, who) && seating.would_take(stage, who)
            });
            helping.map(|(email, _)| (*email).clone()).collect()
        };
        let by_stage: Vec<BTreeSet<Email>> = (0..seats.len()).map(helpers_of).collect();
        let helpers: BTreeSet<Email> = if is_complete {
            self.able.clone()
        } else {
            by_stage.iter().flatten().cloned().collect()
        };
        let filled = seating.filled();
        let stages = self.decision.stages.iter().zip(filled).zip(by_stage);
        let stages = stages.map(|((stage, filled), helpers)| StageProgress {
            rule: stage.rule.clone(),
            name: stage.name.clone(),
            quorum: stage.quorum,
            filled: *filled,
            helpers,
        });
        let is_theirs = { self.own.iter() }.eq(&helpers);
        let is_told = |email: &&Email| helpers.contains(*email) || !self.able.contains(*email);
        let users = { people.iter() }.filter(|(email, _)| helpers.contains(*email));
        Outstanding {
            kind: self.decision.kind,
            users: users.filter_map(|(_, user)| user.clone()).collect(),
            notify: if helpers.is_empty() {
                BTreeSet::new()
            } else {
                let own = self.own.iter().filter(|_| is_theirs);
                told.iter().filter(is_told).chain(own).cloned().collect()
            },
            given: filled.iter().sum(),
            needed: seats.iter().map(|it| it.count).sum(),
            stages: stages.collect(),
            open: ApprovalHours::open(&self.decision.approval_hours, now),
            hours: self.decision.approval_hours.clone(),
            escalates_after: self.decision.escalates_after,
            able: self.able.clone(),
            helpers,
        }
    }

    fn seats<'s>(
        &'s self,
        keyed: &[(&'s Email, &'s str)],
        given: &BTreeSet<&'s str>,
        users: &'s BTreeSet<UserId>,
    ) -> Vec<Seats<'s>> {
        let stages = self.decision.stages.iter();
        let mut seats: Vec<Seats<'s>> = stages
            .map(|stage| {
                let by_address = keyed.iter().filter(|(it, _)| stage.approvers.contains(*it));
                let fitting = by_address.map(|(_, who)| *who);
                Seats {
                    fitting: fitting.chain(stage.fitting(users)).collect(),
                    count: stage.quorum,
                }
            })
            .collect();
        let in_stages: u32 = seats.iter().map(|it| it.count).sum();
        let anybody = keyed
            .iter()
            .map(|(_, who)| *who)
            .chain(given.iter().copied());
        seats.push(Seats {
            fitting: anybody.collect(),
            count: self.needed.saturating_sub(in_stages),
        });
        seats
    }
}
