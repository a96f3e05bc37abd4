//! The decision on a request (`access.md` §2).

use std::collections::BTreeSet;

use hallpass_base::{Email, Timestamp};

use super::{
    Ask, Compiled, Ready,
    approval_hours::ApprovalHours,
    decision::{Decision, OwnLater},
    delegates::Delegates,
    people::{Membership, PersonView, Principal, address_of},
    places,
    requester_manager::{NoManager, RequesterManager, manager_of},
    requirement::Requirement,
    rule_warning::RuleWarning,
    sign_in::SignInRequirement,
};
use crate::{
    decision_kind::DecisionKind,
    directory::{Directory, Person},
    hours::Hours,
    named_facts::UnreadFact,
    never_together::Conflict,
    rule::{Denials, TextPattern},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exclusion {
    NotAllowed,
    LeftOut,
    Unread,
    PlaceUnread,
    OutsideHours,
    /// The request has not waited long enough.
    NotYet,
    /// Permits no one, and has no permitting rule to add to.
    AddsOnly,
}

fn deciding<'a>(rules: &[&'a Ready]) -> Vec<&'a Ready> {
    let mut deciding = rules.to_vec();
    deciding.retain(|ready| ready.permits || !ready.terms().only_warns());
    if deciding.is_empty() {
        return rules.to_vec();
    }
    deciding
}

/// Intermediate results of `access.md` §2 for decision, press and explanation.
pub(super) struct Evaluation<'a> {
    pub(super) rules: &'a Compiled,
    pub(super) facts: &'a Directory,
    pub(super) requester: PersonView<'a>,
    pub(super) affecting: Vec<&'a Ready>,
    pub(super) eligible: Vec<&'a Ready>,
    pub(super) excluded: Vec<(&'a Ready, Exclusion)>,
    denying: Vec<&'a Ready>,
    /// Rules of `excluded` whose limits still apply, because their applicability is unread.
    pub(super) holding: Vec<&'a Ready>,
    pub(super) deny_auto: Option<&'a Ready>,
    pub(super) deny_self: Option<&'a Ready>,
    pub(super) auto: Option<&'a Ready>,
    pub(super) own: Option<&'a Ready>,
    pub(super) closed_by: Option<&'a Ready>,
    /// The manager, if an applicable rule lets them approve.
    pub(super) manager: Option<Result<&'a Person, NoManager>>,
    pub(super) unread: BTreeSet<String>,
    pub(super) not_read: BTreeSet<UnreadFact>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) holdings_unread: Option<String>,
}

#[derive(Clone, Copy)]
pub(super) enum When {
    Now(Timestamp),
    AtAnyHour,
}

impl When {
    fn is_within(self, hours: &Hours) -> bool {
        match self {
            Self::Now(now) => hours.contains(now),
            Self::AtAnyHour => true,
        }
    }

    fn is_open(self, ready: &Ready) -> bool {
        let hours = ready.terms().hours.as_ref();
        hours.is_none_or(|hours| self.is_within(hours))
    }
}

impl From<Timestamp> for When {
    fn from(now: Timestamp) -> Self {
        Self::Now(now)
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(
        rules: &'a Compiled,
        requester: Principal<'a>,
        ask: &Ask<'_>,
        facts: &'a Directory,
        when: impl Into<When>,
    ) -> Self {
        let when = when.into();
        let candidates = rules.candidates(ask, facts);
        let found = places::affecting(&rules.rules, candidates, ask, facts);
        let affecting: Vec<(&'a Ready, Membership)> = { found.rules.into_iter() }
            .filter_map(|(place, affects)| Some((rules.rules.get(place)?, affects)))
            .collect();
        let mut this = Self {
            rules,
            facts,
            requester: PersonView::new(rules, requester, facts),
            affecting: affecting.iter().map(|(ready, _)| *ready).collect(),
            eligible: Vec::new(),
            excluded: Vec::new(),
            denying: Vec::new(),
            holding: Vec::new(),
            deny_auto: None,
            deny_self: None,
            auto: None,
            own: None,
            closed_by: None,
            manager: None,
            unread: BTreeSet::new(),
            not_read: BTreeSet::new(),
            conflicts: Vec::new(),
            holdings_unread: None,
        };
        this.note_conflicts(ask, when);
        for ready in { found.unsure.into_iter() }.filter_map(|place| rules.rules.get(place)) {
            this.unread.insert(format!(
                "rule `{}` names accounts by the directory, which does not hold this account",
                ready.rule.id
            ));
        }
        this.drop_ineligible(&affecting, when);
        this.note_unread(ask);
        let mut counting = this.eligible.iter().chain(&this.holding);
        if counting.any(|ready| ready.terms().asks_manager()) {
            this.manager = Some(manager_of(&this.requester, facts));
        }
        this.find_flags();
        this.note_unread_denial();
        let closed = this.limited().find(|ready| {
            let hours = ready.terms().approval_hours.as_ref();
            hours.is_some_and(|hours| !when.is_within(hours))
        });
        this.closed_by = closed;
        this
    }

    fn drop_ineligible(&mut self, affecting: &[(&'a Ready, Membership)], when: When) {
        for (ready, affects) in affecting.iter().copied() {
            match self.exclusion(ready, affects, when) {
                None => {
                    self.eligible.push(ready);
                    self.denying.push(ready);
                }
                Some(why) => {
                    if self.denies_excluded(ready, why) {
                        self.denying.push(ready);
                    }
                    if self.limits_excluded(ready, why, when) {
                        self.holding.push(ready);
                    }
                    self.excluded.push((ready, why));
                }
            }
        }
        // additive rules do nothing without a permitting rule
        if !self.eligible.iter().any(|ready| ready.permits) {
            let adding = self.eligible.drain(..);
            self.excluded
                .extend(adding.map(|ready| (ready, Exclusion::AddsOnly)));
            self.holding.clear();
        }
    }

    fn exclusion(&self, ready: &Ready, affects: Membership, when: When) -> Option<Exclusion> {
        let may_ask = if ready.restricted {
            self.requester.may_ask(ready)
        } else {
            Membership::Yes
        };
        match may_ask {
            Membership::Yes => {}
            Membership::No if self.requester.is_no_requester(ready) == Membership::Yes => {
                return Some(Exclusion::LeftOut);
            }
            Membership::No => return Some(Exclusion::NotAllowed),
            Membership::Unread => return Some(Exclusion::Unread),
        }
        if affects != Membership::Yes {
            return Some(Exclusion::PlaceUnread);
        }
        if !when.is_open(ready) {
            return Some(Exclusion::OutsideHours);
        }
        let waits = ready.terms().after_waiting;
        waits
            .is_some_and(|after| self.facts.waited() < after)
            .then_some(Exclusion::NotYet)
    }

    pub(super) fn waits_for_hours(&self) -> bool {
        let mut excluded = self.excluded.iter();
        excluded.any(|(_, why)| *why == Exclusion::OutsideHours)
    }

    /// Returns whether denials of an excluding rule count. They do for requesters of unknown
    /// applicability.
    fn denies_excluded(&self, ready: &Ready, why: Exclusion) -> bool {
        match (ready.terms().denials, why) {
            (Denials::Always, _)
            | (
                Denials::OfRequesters,
                Exclusion::OutsideHours | Exclusion::AddsOnly | Exclusion::PlaceUnread,
            ) => true,
            (
                Denials::OfRequesters,
                Exclusion::NotAllowed | Exclusion::LeftOut | Exclusion::NotYet,
            ) => false,
            (Denials::OfRequesters, Exclusion::Unread) => self.may_let_ask(ready),
        }
    }

    /// Returns whether limits of an excluding rule apply: they do if applicability is unread,
    /// because unread facts never loosen.
    fn limits_excluded(&self, ready: &Ready, why: Exclusion, when: When) -> bool {
        let may_apply = match why {
            Exclusion::Unread => self.may_let_ask(ready),
            Exclusion::PlaceUnread => true,
            Exclusion::NotAllowed
            | Exclusion::LeftOut
            | Exclusion::OutsideHours
            | Exclusion::NotYet
            | Exclusion::AddsOnly => false,
        };
        ready.limited && may_apply && when.is_open(ready)
    }

    /// Returns whether a rule of unread applicability may allow the requester. Without any user
    /// data, as in bare decision cases, groups have no members.
    fn may_let_ask(&self, ready: &Ready) -> bool {
        self.facts.knows_people() || self.requester.is_named(ready) == Membership::Yes
    }

    /// Returns whether no rule refuses delegates of approvers.
    pub(super) fn allows_delegates(&self) -> bool {
        let mut denying = self.denying.iter();
        !denying.any(|ready| ready.terms().allow_delegated_approval == Some(false))
    }

    pub(super) fn denies(&self, ready: &Ready) -> bool {
        self.denying
            .iter()
            .any(|denying| std::ptr::eq(*denying, ready))
    }

    fn find_flags(&mut self) {
        self.deny_auto = self
            .denying
            .iter()
            .copied()
            .find(|ready| ready.auto == Some(false));
        self.deny_self = self
            .denying
            .iter()
            .copied()
            .find(|ready| ready.own == Some(false) && self.may_list_requester(ready));
        self.auto =
            self.eligible.iter().copied().find(|ready| {
                ready.auto == Some(true) && !self.needs_approval_without_ticket(ready)
            });
        self.own = self.eligible.iter().copied().find(|ready| {
            ready.own == Some(true)
                && self.requester.listed_by(ready) == Membership::Yes
                && !self.needs_approval_without_ticket(ready)
        });
    }

    /// Returns whether an unread group may list the requester: then a denial applies. Without any
    /// user data, as in bare decision cases, groups have no members. A denial also applies to
    /// approvers that the rule excludes, because exclusion permits nothing.
    fn may_list_requester(&self, ready: &Ready) -> bool {
        match self.requester.named_by(ready) {
            Membership::Yes => true,
            Membership::Unread => self.facts.knows_people(),
            Membership::No => false,
        }
    }

    pub(super) fn own_approver(&self) -> Option<&'a Ready> {
        self.own.filter(|_| self.deny_self.is_none())
    }

    pub(super) fn self_approval(&self) -> Option<&'a Ready> {
        self.own_approver().filter(|_| self.closed_by.is_none())
    }

    /// Returns whether a rule lists an approver: by name, group, as manager, or in the place of
    /// another.
    pub(super) fn lists(&self, who: &PersonView<'_>, ready: &Ready) -> Membership {
        let lists = self.lists_personally(who, ready);
        lists.or(self.lists_as_delegate(who, ready))
    }

    pub(super) fn lists_personally(&self, who: &PersonView<'_>, ready: &Ready) -> Membership {
        let as_manager = match &self.manager {
            Some(Ok(manager)) if ready.terms().asks_manager() && who.is_user(&manager.user_id) => {
                who.is_no_approver(ready).not()
            }
            _ => Membership::No,
        };
        who.listed_by(ready).or(as_manager)
    }

    /// Returns the manager if a rule lets them approve and does not exclude them.
    fn told_manager(&self) -> Option<RequesterManager> {
        let manager = match self.manager.as_ref()? {
            Ok(manager) => manager,
            Err(why) => return Some(RequesterManager::Missing(*why)),
        };
        let asking = self.eligible.iter().chain(&self.holding);
        let asking = asking.filter(|ready| ready.terms().asks_manager());
        let left_out = asking.map(|ready| self.leaves_manager_out(ready, manager));
        match left_out.min_by_key(|it| match it {
            Membership::No => 0,
            Membership::Unread => 1,
            Membership::Yes => 2,
        }) {
            Some(Membership::Yes) => Some(RequesterManager::Missing(NoManager::LeftOut)),
            Some(Membership::Unread) => Some(RequesterManager::Missing(NoManager::Unread)),
            Some(Membership::No) | None => Some(RequesterManager::Is(address_of(manager)?)),
        }
    }

    pub(super) fn leaves_manager_out(&self, ready: &Ready, manager: &'a Person) -> Membership {
        PersonView::of(self.rules, manager, self.facts).is_no_approver(ready)
    }

    pub(super) fn decision(mut self) -> Decision {
        let auto = self.auto.filter(|_| self.deny_auto.is_none());
        if let Some(ready) = auto {
            return self.outcome(DecisionKind::ApprovalNotRequired, &[ready]);
        }
        if let Some(ready) = self.self_approval() {
            return self.outcome(DecisionKind::SelfApproval, &[ready]);
        }
        if self.affecting.is_empty() {
            return self.outcome(DecisionKind::NoStatements, &[]);
        }
        if self.eligible.is_empty() {
            let excluded = deciding(&self.affecting);
            return self.outcome(DecisionKind::RequesterNotAllowed, &excluded);
        }
        let approvers = self.approvers();
        let stages = self.stages();
        let needed = self
            .limited()
            .map(|ready| ready.terms().min_approvals)
            .max();
        let needed = needed.unwrap_or(1).max(1);
        let based_on = deciding(&self.eligible);
        let is_short = approvers.is_empty() || !self.enough(&approvers, &stages, needed);
        // the requester can approve when the hours reopen, however few other approvers exist
        let waits_for_own = self.own_approver().is_some() && self.closed_by.is_some();
        match (is_short, waits_for_own) {
            (true, false) => return self.outcome(DecisionKind::NoApprovers, &based_on),
            (true, true) => return self.own_once_open(approvers, &based_on),
            (false, _) => {}
        }
        let notify = self.notify(&approvers);
        let delegates = self.delegates();
        let mut decision = self.outcome(DecisionKind::RequiresApproval, &based_on);
        decision.delegates = delegates;
        let of_stages: u32 = stages.iter().map(|stage| stage.quorum).sum();
        decision.approvers = approvers;
        decision.notify = notify;
        decision.approvals_needed = needed.max(of_stages);
        decision.stages = stages;
        if waits_for_own {
            decision.own_later = OwnLater::BesideOthers;
        }
        decision
    }

    /// A request that only its requester can approve, once approval hours are open.
    fn own_once_open(&self, others: BTreeSet<Email>, based_on: &[&Ready]) -> Decision {
        let mut decision = self.outcome(DecisionKind::RequiresApproval, based_on);
        decision.notify = self.notify(&others);
        decision.approvers = others;
        decision.approvers.extend(self.requester.address());
        decision.approvals_needed = 1;
        decision.own_later = OwnLater::Alone;
        decision
    }

    pub(super) fn limited(&self) -> impl Iterator<Item = &'a Ready> {
        self.limited_eligible().chain(self.holding.iter().copied())
    }

    pub(super) fn limited_eligible(&self) -> impl Iterator<Item = &'a Ready> {
        self.eligible.iter().copied().filter(|ready| ready.limited)
    }

    pub(super) fn holds(&self, ready: &Ready) -> bool {
        { self.holding.iter() }.any(|holding| std::ptr::eq(*holding, ready))
    }

    fn sign_in(&self) -> Vec<SignInRequirement> {
        let asking = self.limited().filter(|ready| {
            ready.terms().fresh_sign_in.is_some() || !ready.terms().sign_in_acr.is_empty()
        });
        asking
            .map(|ready| SignInRequirement {
                rule: ready.rule.id.clone(),
                max_age: ready.terms().fresh_sign_in,
                acr: ready.terms().sign_in_acr.clone(),
            })
            .collect()
    }

    fn warnings(&self) -> Vec<RuleWarning> {
        let mut warnings: Vec<RuleWarning> = Vec::new();
        for ready in self.limited() {
            let Some(text) = &ready.terms().warning else {
                continue;
            };
            if !warnings.iter().any(|known| known.text == *text) {
                warnings.push(RuleWarning::new(&ready.rule.id, text));
            }
        }
        warnings
    }

    fn approval_hours(&self) -> Vec<ApprovalHours> {
        let of =
            |ready: &Ready| Some((ready.rule.id.clone(), ready.terms().approval_hours.clone()?));
        self.limited()
            .filter_map(of)
            .map(|(rule, hours)| ApprovalHours::new(rule, hours))
            .collect()
    }

    fn outcome(&self, kind: DecisionKind, based_on: &[&Ready]) -> Decision {
        let terms = || self.limited().map(|ready| (&ready.rule.id, ready.terms()));
        let requirements =
            |pick: fn(&crate::rule::Terms) -> (Option<&TextPattern>, Option<&String>)| {
                terms()
                    .filter_map(|(rule, terms)| {
                        let (pattern, hint) = pick(terms);
                        Some(Requirement {
                            rule: rule.clone(),
                            pattern: pattern?.clone(),
                            hint: hint.cloned(),
                        })
                    })
                    .collect()
            };
        let longest = self.shortest().map(|(_, max)| max);
        let lead_time = self.lead_time();
        Decision {
            kind,
            approvers: BTreeSet::new(),
            own_later: OwnLater::No,
            not_asking: match kind {
                DecisionKind::RequesterNotAllowed => self.not_asking(),
                DecisionKind::ApprovalNotRequired
                | DecisionKind::SelfApproval
                | DecisionKind::NoStatements
                | DecisionKind::RequiresApproval
                | DecisionKind::NoApprovers => Vec::new(),
            },
            manager: match kind {
                DecisionKind::RequiresApproval | DecisionKind::NoApprovers => self.told_manager(),
                DecisionKind::ApprovalNotRequired
                | DecisionKind::SelfApproval
                | DecisionKind::NoStatements
                | DecisionKind::RequesterNotAllowed => None,
            },
            based_on: based_on.iter().map(|ready| ready.rule.id.clone()).collect(),
            max_duration: longest,
            max_duration_by: longest.map_or_else(Vec::new, |it| self.limiting_duration(it)),
            delegates: Delegates::default(),
            escalates_after: self.escalates_after(),
            max_lead_time: lead_time.as_ref().map(|(lead, _)| *lead),
            max_lead_time_by: lead_time.map(|(_, by)| by).unwrap_or_default(),
            approval_hours: self.approval_hours(),
            over_limit: self.over_limit(),
            sign_in: self.sign_in(),
            armed_ends: terms().filter_map(|(_, terms)| terms.armed_ends).max(),
            warnings: self.warnings(),
            approvals_needed: 0,
            stages: Vec::new(),
            notify: BTreeSet::new(),
            slack_channel: terms().find_map(|(_, terms)| terms.slack_channel.clone()),
            break_glass: self.may_break_glass(kind),
            reason_patterns: requirements(|it| {
                (it.reason_pattern.as_ref(), it.reason_hint.as_ref())
            }),
            ticket_patterns: requirements(|it| {
                (it.ticket_pattern.as_ref(), it.ticket_hint.as_ref())
            }),
            tickets: self.ticket_requirements(),
            ticket_facts: self.ticket_facts(),
            ticket_problem: self.ticket_problem(),
            conflicts: self.conflicts.clone(),
            holdings_unread: self.holdings_unread.clone(),
            unread: self.unread.iter().cloned().collect(),
            on_call: self.on_call_facts(),
            approvers_on_call: self.approvers_are_on_call(),
            not_read: self.not_read.clone(),
        }
    }

    /// `access.md` §17. An empty list forbids, even in a rule that does not allow this requester.
    fn may_break_glass(&self, kind: DecisionKind) -> bool {
        let waiting = match kind {
            DecisionKind::RequiresApproval | DecisionKind::NoApprovers => true,
            DecisionKind::ApprovalNotRequired
            | DecisionKind::SelfApproval
            | DecisionKind::NoStatements
            | DecisionKind::RequesterNotAllowed => false,
        };
        let forbids = |ready: &&Ready| {
            let named = ready.terms().break_glass.as_ref();
            ready.limited && named.is_some_and(BTreeSet::is_empty)
        };
        let lists = |ready: &'a Ready| {
            let named = ready.terms().break_glass.as_ref();
            named.is_some_and(|named| self.requester.has_any(named))
        };
        waiting && !self.affecting.iter().any(forbids) && self.limited_eligible().any(lists)
    }
}
