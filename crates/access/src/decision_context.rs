use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Target, TimeSpan, Timestamp, UserId};
use hallpass_rules::{
    ApprovalHours, Ask, Decision, DecisionKind, Directory, OwnLater, Permit, PressRefusedByRules,
    Principal, Rules, SignInRequirement,
};

use crate::arming::Arming;
use crate::records::{Ruled, StepContext};
use crate::{
    ActionRefused, Actor, Holds, LocksSeen, Request, Review, Settings, confirming, target,
};

#[derive(Clone, Copy)]
pub(crate) struct DecisionContext<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) directory: &'a Directory,
    pub(crate) holds: &'a Holds,
    pub(crate) settings: &'a Settings,
    pub(crate) locks: &'a LocksSeen,
    pub(crate) mode: PressMode,
    pub(crate) step: StepContext<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PressMode {
    /// Sign-in and text requirements must be met.
    Now,
    /// Judged to render a button: sign-in and text come later.
    Preview,
}

impl DecisionContext<'_> {
    pub(crate) fn ensure_signed_in(
        &self,
        actor: &Actor,
        wanted: &[SignInRequirement],
    ) -> Result<(), ActionRefused> {
        if self.mode == PressMode::Preview {
            return Ok(());
        }
        let holds = |need: &&SignInRequirement| {
            has_signed_in(actor, need.max_age, &need.acr, self.step.now)
        };
        match wanted.iter().find(|need| !holds(need)) {
            Some(need) => Err(ActionRefused::SignInAgain {
                rule: format!("rule `{}`", need.rule),
                max_age: need.max_age,
                acr: need.acr.iter().cloned().collect(),
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn ensure_confirmed(
        &self,
        decision: &Decision,
        ids: &[String],
    ) -> Result<(), ActionRefused> {
        if self.mode == PressMode::Preview {
            return Ok(());
        }
        confirming::ensure_none(confirming::unconfirmed(decision, ids))
    }

    /// Refuses an approval outside a rule's approval hours, regardless of the start.
    pub(crate) fn ensure_approvals_open(&self, decision: &Decision) -> Result<(), ActionRefused> {
        let now = self.step.now;
        let hours = &decision.approval_hours;
        if hours.iter().all(|it| it.is_open(now)) {
            return Ok(());
        }
        Err(ActionRefused::OutsideApprovalHours {
            opens_at: ApprovalHours::opens_at(hours, now),
            hours: hours.clone(),
        })
    }

    pub(crate) fn ensure_requester_unlocked(&self, request: &Request) -> Result<(), ActionRefused> {
        let user = &request.requester.user;
        match self.locks.in_force(user, self.step.now) {
            Some(lock) => Err(ActionRefused::RequesterLocked { since: lock.since }),
            None => Ok(()),
        }
    }

    pub(crate) fn permit_to_deny(
        &self,
        who: Principal<'_>,
        whose: Principal<'_>,
        question: &Ask<'_>,
    ) -> Result<Permit, PressRefusedByRules> {
        self.permit_to_deny_at(who, whose, question, self.step.now)
    }

    /// Later starts are judged at their instant.
    fn permit_to_deny_at(
        &self,
        who: Principal<'_>,
        whose: Principal<'_>,
        question: &Ask<'_>,
        at: Timestamp,
    ) -> Result<Permit, PressRefusedByRules> {
        self.rules
            .press(who, whose, question, self.directory, at)
            .may_deny()
    }

    /// The directory, to decide this request: more people may approve once it has waited.
    pub(crate) fn directory_for(&self, request: &Request) -> Directory {
        let waited = TimeSpan::between(request.asked_at, self.step.now);
        self.directory.with_waited(waited)
    }

    pub(crate) fn permit_to_approve(
        &self,
        who: Principal<'_>,
        request: &Request,
        question: &Ask<'_>,
        at: Timestamp,
    ) -> Result<Permit, PressRefusedByRules> {
        let whose = request.requester.principal();
        let directory = self.directory_for(request);
        let press = self.rules.press(who, whose, question, &directory, at);
        let permit = press.may_approve()?;
        // The hours at the start decide: by then no approval is needed.
        if at > self.step.now && permit.decision.own_later == OwnLater::Alone {
            return Err(PressRefusedByRules::NotOpen {
                kind: DecisionKind::NoApprovers,
                rules: permit.decision.based_on,
            });
        }
        Ok(permit)
    }

    pub(crate) fn ruled(&self, request: &Request) -> Ruled {
        let Some(question) = request.question() else {
            return Ruled::at_asking(request);
        };
        let (whose, at) = (
            request.requester.principal(),
            request.judged_at(self.step.now),
        );
        let decision = { self.rules }.decide(whose, &question, &self.directory_for(request), at);
        Ruled::by(&decision, self.rules)
    }

    pub(crate) fn arming(&self, request: &Request, target: &Target) -> Arming {
        let (whose, now) = (request.requester.principal(), self.step.now);
        let ruled = request.question().and_then(|question| {
            let decision = self.rules.decide(whose, &question, self.directory, now);
            decision.armed_ends
        });
        Arming::of(target, ruled, self.settings)
    }

    /// Approvals whose givers may still give them: enabled, not locked since, and approvers under
    /// today's rules.
    pub(crate) fn standing_approvals(
        &self,
        request: &Request,
        question: &Ask<'_>,
        at: Timestamp,
    ) -> BTreeMap<UserId, Permit> {
        let given = request.reviews.iter();
        let given = given.filter(|review| self.counts(review));
        let given = given.filter_map(|review| Some((review.user.as_ref()?, &review.by)));
        let standing = given.filter_map(|(user, by)| {
            let who = Principal::user(user, by);
            let permit = self.permit_to_approve(who, request, question, at).ok()?;
            Some((user.clone(), permit))
        });
        standing.collect()
    }

    pub(crate) fn addresses(&self, users: &BTreeSet<UserId>) -> Vec<Email> {
        let people = users.iter().filter_map(|it| self.directory.person(it));
        people.filter_map(|it| it.emails.first().cloned()).collect()
    }

    pub(crate) fn count_approvals(&self, request: &mut Request) {
        let standing: BTreeSet<UserId> = match request.question() {
            Some(question) => {
                let at = request.judged_at(self.step.now);
                let standing = self.standing_approvals(request, &question, at);
                standing.into_keys().collect()
            }
            None => BTreeSet::new(),
        };
        for review in &mut request.reviews {
            let stands = review.user.as_ref().is_some_and(|it| standing.contains(it));
            // A user's earlier approval may predate a lock.
            review.counts = stands && self.counts(review);
        }
    }

    pub(crate) fn has_reviewed(&self, request: &Request, actor: &Actor) -> bool {
        let mut reviews = request.reviews.iter();
        reviews.any(|it| it.user.is_some() && it.user == actor.user && self.counts(it))
    }

    fn counts(&self, review: &Review) -> bool {
        // A disabled user may keep address and groups for long.
        target::is_enabled(review.user.as_ref(), self.directory)
            && self.locks.counts(review, self.step.now)
    }
}

pub(crate) fn has_signed_in(
    actor: &Actor,
    max_age: Option<TimeSpan>,
    ways: &BTreeSet<String>,
    now: Timestamp,
) -> bool {
    let Some(proof) = &actor.authentication else {
        return false;
    };
    let in_time = max_age.is_none_or(|age| age.covers(proof.at, now));
    let acr = proof.acr.as_ref();
    in_time && (ways.is_empty() || acr.is_some_and(|acr| ways.contains(acr)))
}

pub(crate) fn ensure_known(actor: &Actor, directory: &Directory) -> Result<(), ActionRefused> {
    if !target::is_enabled(actor.user.as_ref(), directory) {
        return Err(ActionRefused::NotInDirectory);
    }
    if actor.secondary_domain {
        return Err(ActionRefused::SecondaryDomain);
    }
    Ok(())
}

pub(crate) fn ensure_may_deny(
    request: &Request,
    actor: &Actor,
    context: &DecisionContext<'_>,
) -> Result<(), ActionRefused> {
    let question = request.question().ok_or(ActionRefused::NotYours)?;
    let (who, whose) = (actor.principal(), request.requester.principal());
    let at = request.judged_at(context.step.now);
    let waited = context.directory_for(request);
    let context = DecisionContext {
        directory: &waited,
        ..*context
    };
    let permit = context.permit_to_deny_at(who, whose, &question, at);
    permit.map(|_| ()).map_err(ActionRefused::Rules)
}
