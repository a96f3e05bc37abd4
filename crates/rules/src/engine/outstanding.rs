//! What a request that waits still lacks: whose yes brings it nearer, given the approvals that stand. Pages,
//! answers and reminders all read it here, so that none of them counts for itself.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Timestamp, UserId};

use super::{
    approval_hours::{ApprovalHours, ApprovalsOpen},
    decide::Evaluation,
    decision::Decision,
    people::address_of,
    quorum::{Seating, Seats},
};
use crate::{decision_kind::DecisionKind, directory::NotOnePerson, rule::RuleId};

/// What a request that waits lacks by the rules of an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// What the rules say to the request.
    pub kind: DecisionKind,
    /// Whose yes brings it nearer; empty where nobody's does. Once nothing is lacking any press decides,
    /// and everybody who may is here.
    pub helpers: BTreeSet<Email>,
    /// Everybody who may approve it, whether their yes helps or not.
    pub able: BTreeSet<Email>,
    /// The user ids of those of them whom the directory knows.
    pub users: BTreeSet<UserId>,
    /// Who is reminded: those of them who are told, and whom rules name to be told and who approve nothing. The requester
    /// where nobody else's yes would help.
    pub notify: BTreeSet<Email>,
    /// How many of the approvals that are needed it has; one that fills no stage is not among them.
    pub given: u32,
    /// How many it needs.
    pub needed: u32,
    /// The stages, filled or not.
    pub stages: Vec<StageProgress>,
    /// When approvals may be given; it must be within all of these.
    pub hours: Vec<ApprovalHours>,
    /// Whether they may be given now.
    pub open: ApprovalsOpen,
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageProgress {
    /// The rule it comes from.
    pub rule: RuleId,
    /// Its name.
    pub name: String,
    /// How many approvals it takes.
    pub quorum: u32,
    /// How many it has.
    pub filled: u32,
    /// Whose yes gives it one more: also of somebody who sits elsewhere, where another moves for them.
    pub helpers: BTreeSet<Email>,
}

impl StageProgress {
    /// How many it lacks.
    pub const fn lacks(&self) -> u32 {
        self.quorum.saturating_sub(self.filled)
    }
}

/// Everybody who may approve, and what it takes.
struct SeatsWanted {
    able: BTreeSet<Email>,
    /// The requester, where they may approve it themselves.
    own: Option<Email>,
    needed: u32,
    decision: Decision,
}

impl Evaluation<'_> {
    /// What the request lacks with these approvals, which all count, each by the address of then; judged by
    /// `at`, and `now` is when more would be given.
    pub(super) fn outstanding(
        mut self,
        approvals: &BTreeMap<UserId, Email>,
        (at, now): (Timestamp, Timestamp),
    ) -> Outstanding {
        let facts = self.facts;
        let mut able = self.approvers();
        let mut told = self.notify(&able);
        // lists of approvers are without the requester
        let own = self.own_approver().is_some();
        let own = own
            .then(|| self.requester.person().and_then(address_of))
            .flatten();
        able.extend(own.clone());
        // an address that a rule names may be of somebody who has left
        let is_enabled = |email: &Email| facts.person_by_email(email).map_or(true, |it| it.enabled);
        able.retain(is_enabled);
        told.retain(is_enabled);
        let mut decision = self.decision();
        if at > now {
            decision = decision.of_start();
        }
        let needed = match decision.kind {
            DecisionKind::RequiresApproval => decision.approvals_needed,
            // by now one press of anybody who is listed gives it
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
        let people: Vec<(&Email, Option<UserId>)> =
            self.able.iter().map(|it| (it, user_of(it))).collect();
        // two addresses of one user are one person
        let keyed: Vec<(&Email, &str)> = { people.iter() }
            .map(|(email, user)| (*email, user.as_ref().map_or(email.as_str(), UserId::as_str)))
            .collect();
        let given: BTreeSet<&str> = approvals.keys().map(UserId::as_str).collect();
        let seats = self.seats(&keyed, &given);
        let seating = Seating::of(&seats, &given);
        let is_complete = seating.is_complete();
        // an address that several have is no user's here: whoever used it then
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
            able: self.able.clone(),
            helpers,
        }
    }

    /// Those of each stage, and after them what anybody may fill.
    fn seats<'s>(
        &'s self,
        keyed: &[(&'s Email, &'s str)],
        given: &BTreeSet<&'s str>,
    ) -> Vec<Seats<'s>> {
        let stages = self.decision.stages.iter();
        let mut seats: Vec<Seats<'s>> = stages
            .map(|stage| {
                let by_address = keyed.iter().filter(|(it, _)| stage.approvers.contains(*it));
                let fitting = by_address.map(|(_, who)| *who);
                Seats {
                    fitting: fitting
                        .chain(stage.users.iter().map(UserId::as_str))
                        .collect(),
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
