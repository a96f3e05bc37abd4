//! Queries. Visibility is decided here, from stored state and today's rules, never by a caller.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_assignments::{StoreFault, queue::QueueLengths};
use hallpass_base::{
    AccountId, Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp, UserId,
};
use hallpass_rules::{
    Ask, Decision, DecisionStep, Directory, Permit, PressRefusedByRules, Principal, RuleWarning,
    Rules,
};

use super::{Access, AccessError};
use crate::decision_context::{self, DecisionContext, PressMode};
use crate::own_end::own_end;
use crate::records::StepContext;
use crate::{
    AccessStore, ActionRefused, Actor, ArmedEndStatus, ArmedEnds, Counts, Ends, Grant, GrantFilter,
    GrantState, Holds, LocksSeen, ReadError, Request, Role, as_enforced, grant_press, group_sync,
    target,
};
use crate::{AttributeMembership, FieldProblem, Wanted};

const OWN_GRANTS_MAX: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestView {
    Mine,
    ToReview,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InLine {
    pub before: u32,
    pub about: TimeSpan,
}

#[derive(Clone, Debug)]
pub struct Explained {
    pub decision: Decision,
    pub explanation: serde_json::Value,
    /// The same as steps with their rules, top down.
    pub steps: Vec<DecisionStep>,
    pub nearest: Option<(String, String)>,
    pub memberships: Vec<AttributeMembership>,
}

#[derive(Clone, Debug)]
pub struct Late {
    pub grant: Grant,
    pub answer: Option<String>,
}

/// Returns grants as displayed: an earlier end at AWS applies ([`as_enforced`]).
///
/// # Errors
/// If the store does not answer.
pub async fn grants_as_told(
    store: &dyn AccessStore,
    grants: Vec<Grant>,
) -> Result<Vec<Grant>, ReadError> {
    // An earlier grant that this one extends may be enforced.
    let may_be = |grant: &&Grant| {
        let is_of_account = matches!(grant.key.target, Target::Account { .. });
        is_of_account && matches!(grant.state, GrantState::Active)
    };
    let keys: BTreeSet<HoldKey> = grants
        .iter()
        .filter(may_be)
        .map(|grant| grant.key.clone())
        .collect();
    if keys.is_empty() {
        return Ok(grants);
    }
    let keys: Vec<HoldKey> = keys.into_iter().collect();
    let armed = store.armed_ends(&keys).await?;
    let told = grants.into_iter().map(|grant| {
        let status = armed.get(&grant.key);
        as_enforced(grant, status)
    });
    Ok(told.collect())
}

impl Access {
    /// # Errors
    /// If it does not exist, or is hidden: the same answer.
    pub async fn request(&self, actor: &Actor, id: RequestId) -> Result<Request, AccessError> {
        let request = self.ports.store.request(id).await?;
        let request = request
            .filter(|request| self.may_see(actor, request))
            .ok_or(AccessError::NotFound("request"))?;
        Ok(Box::pin(self.as_counted(request)).await?)
    }

    /// Adds counting and missing approvals to a pending request, for display and notification; not
    /// stored.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn as_counted(&self, mut request: Request) -> Result<Request, ReadError> {
        let one = std::slice::from_mut(&mut request);
        Box::pin(self.count_approvals(one)).await?;
        Ok(request)
    }

    pub(super) async fn note_lacking(&self, request: &mut Request) {
        let counted = Box::pin(self.count_approvals(std::slice::from_mut(request))).await;
        if let Err(error) = counted {
            tracing::warn!(request.id = %request.id, error = %error, "missing approvals of a request are not shown");
        }
    }

    pub(super) async fn count_approvals(&self, requests: &mut [Request]) -> Result<(), ReadError> {
        let (rules, directory, step) = (self.rules(), self.directory(), self.step());
        let mut waiting: Vec<&mut Request> = requests
            .iter_mut()
            .filter(|it| it.is_waiting(step.now))
            .collect();
        // A stale directory must not count approvals.
        if waiting.is_empty() || self.ensure_fresh(&directory, step).is_err() {
            return Ok(());
        }
        let reviews = waiting.iter().flat_map(|it| &it.reviews);
        let users: BTreeSet<&UserId> = reviews.filter_map(|it| it.user.as_ref()).collect();
        let users: Vec<UserId> = users.into_iter().cloned().collect();
        let locks = if users.is_empty() {
            LocksSeen::default()
        } else {
            let found = self.ports.store.locks_of(&users).await?;
            LocksSeen::of(&users, found)
        };
        let holds = Holds::default();
        let context = self.context(&rules, &directory, &holds, &locks, step);
        for request in &mut waiting {
            context.look_at(request);
        }
        Ok(())
    }

    /// Returns a grant [as displayed](grants_as_told).
    ///
    /// # Errors
    /// As [`Access::request`].
    pub async fn grant(&self, actor: &Actor, id: GrantId) -> Result<Grant, AccessError> {
        let grant = self.ports.store.grant(id).await?;
        let grant = grant
            .filter(|grant| self.may_see_grant(actor, grant))
            .ok_or(AccessError::NotFound("grant"))?;
        Ok(Box::pin(self.as_told(grant)).await?)
    }

    pub async fn as_told(&self, grant: Grant) -> Result<Grant, ReadError> {
        // On the heap: callers hold much state across this await.
        let grants = vec![grant];
        let told = Box::pin(grants_as_told(self.ports.store.as_ref(), grants)).await?;
        told.into_iter()
            .next()
            .ok_or_else(|| ReadError("the grant is not shown".to_owned()))
    }

    /// # Errors
    /// If the store does not answer.
    pub async fn waiting(&self) -> Result<QueueLengths, AccessError> {
        let waiting = self.ports.assignments.waiting(self.now()).await;
        Ok(waiting.map_err(|fault| ReadError(fault.to_string()))?)
    }

    /// Returns the enforcement of these grants by key, ended ones included; omits grants without
    /// it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn armed_ends<'a>(
        &self,
        grants: impl IntoIterator<Item = &'a Grant>,
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, AccessError> {
        let wanted: Vec<&Grant> = grants
            .into_iter()
            .filter(|grant| grant.armed_ends != ArmedEnds::Off || grant.never_armed.is_some())
            .collect();
        let keys: Vec<HoldKey> = wanted.iter().map(|grant| grant.key.clone()).collect();
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut told = self.ports.store.armed_ends(&keys).await?;
        for grant in wanted.iter().filter(|grant| !grant.is_over()) {
            if let Some(why) = grant.never_armed {
                let stored = told.remove(&grant.key);
                told.insert(grant.key.clone(), ArmedEndStatus::of_never(why, stored));
            }
        }
        Ok(told)
    }

    /// Returns the end of the actor's own access to a permission set, if AWS denies their calls
    /// because of it; `None` while they hold it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn own_end(
        &self,
        actor: &Actor,
        account: &AccountId,
        permission_set: &str,
    ) -> Result<Option<Timestamp>, AccessError> {
        let Some(user) = actor.user.clone() else {
            return Ok(None);
        };
        let filter = GrantFilter {
            holder: Some(user),
            account: Some(account.to_string()),
            ..GrantFilter::default()
        };
        let store = &self.ports.store;
        let mut grants = store.grants(&filter, OWN_GRANTS_MAX).await?.rows;
        grants.retain(|grant| match &grant.names {
            TargetNames::Account {
                permission_set: of, ..
            } => of == permission_set,
            TargetNames::Group { .. } => false,
        });
        let keys: BTreeSet<HoldKey> = grants.iter().map(|grant| grant.key.clone()).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let keys: Vec<HoldKey> = keys.into_iter().collect();
        let armed = store.armed_ends(&keys).await?;
        Ok(own_end(&grants, &armed, self.now()))
    }

    /// `None` for grants that do not wait, or unknown positions.
    pub async fn in_line(&self, grants: &[Grant]) -> Vec<Option<InLine>> {
        let mut places = Vec::new();
        for grant in grants {
            places.push(self.place_of(grant).await);
        }
        places
    }

    async fn place_of(&self, grant: &Grant) -> Option<InLine> {
        match &grant.state {
            GrantState::Scheduled | GrantState::Granting => {}
            GrantState::Active
            | GrantState::Ending { .. }
            | GrantState::Ended { .. }
            | GrantState::Failed { .. } => return None,
        }
        let (now, assignments) = (self.now(), &self.ports.assignments);
        let read = async {
            let before = assignments.grants_before(&grant.key, now).await?;
            Ok::<_, StoreFault>((before, assignments.waiting(now).await?))
        };
        match read.await {
            Ok((before, waiting)) => before.map(|before| InLine {
                before,
                about: self.pace.wait(before, waiting),
            }),
            Err(fault) => {
                tracing::warn!(grant.id = %grant.id, error = %fault, "its place in line could not be read");
                None
            }
        }
    }

    pub(super) fn is_offered(&self, actor: &Actor, name: &str) -> bool {
        let scope = self.scope(actor);
        let sets = scope.directory.permission_sets();
        let Some(at) = sets.iter().position(|set| set.name == name) else {
            return false;
        };
        let offered = &scope.requestable;
        let mut places = offered
            .accounts()
            .filter_map(|account| offered.sets_in(account));
        places.any(|sets| sets.places().any(|place| place == at))
    }

    /// Resolves an account by id or unique name. Accepts unknown ids: accounts that left the
    /// organization may have grants.
    pub fn account_of(&self, text: &str) -> Option<AccountId> {
        let by_id = AccountId::new(text).ok();
        by_id.or_else(|| {
            let directory = self.directory();
            let mut named = directory.accounts_by_name(text);
            let found = named.next()?.id.clone();
            named.next().is_none().then_some(found)
        })
    }

    pub async fn counts(&self, overdue_after: TimeSpan) -> Result<Counts, AccessError> {
        Ok(self
            .ports
            .store
            .counts(overdue_after.before(self.now()))
            .await?)
    }

    /// The requester, present and past approvers, and users with global read access.
    pub fn may_see(&self, actor: &Actor, request: &Request) -> bool {
        let mut approvers = request.decided.approver_users.iter();
        let was_asked = approvers.any(|user| actor.is_user(user));
        actor.reads_all()
            || request.requester.is(actor)
            || was_asked
            || request.is_reviewed_by(actor)
            || self.is_listed(actor, request)
    }

    /// The holder, the approver, current approvers of the target, and users with global read
    /// access.
    pub fn may_see_grant(&self, actor: &Actor, grant: &Grant) -> bool {
        let approver = grant.approver_user.as_ref();
        actor.reads_all()
            || grant.holder.is(actor)
            || approver.is_some_and(|user| actor.is_user(user))
            || self.judged(|context| grant_press::is_listed(grant, actor, context))
    }

    /// Lists overdue grants, most overdue first, with AWS's last answer, for operators.
    ///
    /// # Errors
    /// If the actor is neither operator nor administrator, or the store does not answer.
    pub async fn late(&self, actor: &Actor, limit: u32) -> Result<Vec<Late>, AccessError> {
        if !actor.is(Role::Operator) && !actor.is(Role::Admin) {
            return Err(ActionRefused::NotYours.into());
        }
        let late = self.ports.store.grants_late(self.now(), limit).await?;
        let mut told = Vec::with_capacity(late.len());
        for grant in late {
            // One unreadable row hides no other.
            let row = match self.ports.store.holds(&grant.key).await {
                Ok(holds) => holds.row,
                Err(error) => {
                    tracing::warn!(grant.id = %grant.id, error = %error, "AWS's answer about a late end is not \
                        shown");
                    None
                }
            };
            let stuck = grant.stuck.as_ref().map(|stuck| stuck.reason.clone());
            let answer = stuck.or_else(|| row.and_then(|row| row.execution.last_error));
            told.push(Late { grant, answer });
        }
        Ok(told)
    }

    /// Counts grants that end within `within`, and returns the next end.
    ///
    /// # Errors
    /// As [`Access::late`].
    pub async fn ends(&self, actor: &Actor, within: TimeSpan) -> Result<Ends, AccessError> {
        if !actor.is(Role::Operator) && !actor.is(Role::Admin) {
            return Err(ActionRefused::NotYours.into());
        }
        Ok(self.ports.store.ends(within.after(self.now())).await?)
    }

    /// `None` if the target does not exist.
    pub fn permit_to_deny(
        &self,
        who: Principal<'_>,
        request: &Request,
    ) -> Option<Result<Permit, PressRefusedByRules>> {
        let (question, whose) = (request.question()?, request.requester.principal());
        Some(self.judged(|context| context.permit_to_deny(who, whose, &question)))
    }

    fn is_listed(&self, actor: &Actor, request: &Request) -> bool {
        self.judged(|context| decision_context::ensure_may_deny(request, actor, context).is_ok())
    }

    pub(super) fn judged<T>(&self, ask: impl FnOnce(&DecisionContext<'_>) -> T) -> T {
        let (rules, directory) = (self.rules(), self.directory());
        let holds = Holds::default();
        let locks = LocksSeen::default();
        ask(&DecisionContext {
            mode: PressMode::Preview,
            ..self.context(&rules, &directory, &holds, &locks, self.step())
        })
    }

    pub(super) fn context<'a>(
        &'a self,
        rules: &'a Rules,
        directory: &'a Directory,
        holds: &'a Holds,
        locks: &'a LocksSeen,
        step: StepContext<'a>,
    ) -> DecisionContext<'a> {
        DecisionContext {
            rules,
            directory,
            holds,
            settings: &self.settings,
            locks,
            mode: PressMode::Now,
            step,
        }
    }

    /// Whether the actor may be able to decide it; certain only once [counted](Self::as_counted).
    pub(super) fn may_be_to_review(&self, actor: &Actor, request: &Request) -> bool {
        request.is_waiting(self.now())
            && request.agreed_start().is_none()
            && (request.requester.is(actor) || self.is_listed(actor, request))
    }

    /// Whether the actor's approval of a counted request helps; or no approval does, and they can
    /// deny.
    pub(super) fn is_to_review(actor: &Actor, request: &Request) -> bool {
        let nobody_helps = request.deciders().is_empty();
        let never_said = !request.requester.is(actor) && !request.is_reviewed_by(actor);
        match &request.outstanding {
            Some(_) => request.is_helped_by(actor) || nobody_helps && never_said,
            None => never_said,
        }
    }

    pub fn decide<'a>(&self, requester: impl Into<Principal<'a>>, question: &Ask<'_>) -> Decision {
        self.rules()
            .decide(requester, question, &self.directory(), self.now())
    }

    /// Users who could approve under today's rules. Pending: those whose approval helps; otherwise:
    /// those who could close the review.
    pub fn deciders(&self, request: &Request) -> BTreeSet<Email> {
        let now = self.now();
        if request.is_waiting(now) {
            return request.deciders();
        }
        let Some(question) = request.question() else {
            return BTreeSet::new();
        };
        let (whose, directory) = (request.requester.principal(), self.directory());
        let nobody = BTreeMap::new();
        let found = self
            .rules()
            .outstanding(whose, &question, &directory, (now, now), &nobody);
        let able = found.able.into_iter();
        able.filter(|it| *it != request.requester.email).collect()
    }

    /// All approvers under today's rules.
    pub fn told_of_broken_glass(&self, request: &Request) -> usize {
        let whose = request.requester.principal();
        let decision = { request.question() }.map(|question| self.decide(whose, &question));
        decision.map_or(0, |decision| decision.approvers.len())
    }

    /// Never before approval hours.
    pub fn reminder_at(&self, request: &Request, sent: u32) -> Option<Timestamp> {
        let hours = request.approval_hours();
        let (asked_at, expires_at) = (request.asked_at, request.expires_at);
        self.settings
            .reminder_within(asked_at, expires_at, hours, sent)
    }

    pub fn warnings_to_confirm(&self, request: &Request) -> Vec<RuleWarning> {
        let Some(question) = request.question() else {
            return Vec::new();
        };
        if !request.is_waiting(self.now()) {
            return Vec::new();
        }
        let at = request.judged_at(self.now());
        let (whose, directory) = (request.requester.principal(), self.directory());
        let decision = self.rules().decide(whose, &question, &directory, at);
        decision.warnings
    }

    /// By present rules, since access begins immediately.
    pub fn warnings_of_broken_glass(&self, request: &Request) -> Vec<RuleWarning> {
        let question = request
            .question()
            .filter(|_| request.is_waiting(self.now()));
        let whose = request.requester.principal();
        question.map_or_else(Vec::new, |question| self.decide(whose, &question).warnings)
    }

    /// # Errors
    /// If a name does not exist.
    pub fn explain(
        &self,
        requester: &Email,
        wanted: &Wanted,
    ) -> Result<Explained, Vec<FieldProblem>> {
        let directory = self.directory();
        let resolved = target::resolve(wanted, &directory)?;
        let Some(question) = target::question(&resolved.target, &resolved.names) else {
            return Err(Vec::new());
        };
        let rules = self.rules();
        let explanation = rules.explain(requester, &question, &directory, self.now());
        let mut told = serde_json::to_value(&explanation).unwrap_or_default();
        let asked = match &resolved.target {
            Target::Group { group } => Some(group),
            Target::Account { .. } => None,
        };
        let settings = self.settings.group_sync.as_ref();
        let memberships =
            settings.map(|it| group_sync::memberships(it, &directory, requester, asked));
        let memberships = memberships.unwrap_or_default();
        if let Some(told) = told.as_object_mut().filter(|_| !memberships.is_empty()) {
            let memberships = serde_json::to_value(&memberships).unwrap_or_default();
            told.insert("memberships".to_owned(), memberships);
        }
        Ok(Explained {
            decision: rules.decide(requester, &question, &directory, self.now()),
            steps: rules.steps(requester, &question, &directory, self.now()),
            nearest: explanation
                .nearest
                .as_ref()
                .map(|nearest| (nearest.rule.to_string(), nearest.lacks.clone())),
            explanation: told,
            memberships,
        })
    }
}
