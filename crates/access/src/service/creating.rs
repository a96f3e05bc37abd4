use std::collections::HashSet;
use std::slice;

use hallpass_audit::Event;
use hallpass_base::{GrantId, HoldKey, RequestId, TimeSpan, Timestamp};
use hallpass_rules::{Directory, Rules};

use super::outside_facts::OutsideFacts;
use super::{Access, AccessError, Idempotency, RACES_MAX};
use crate::create_request::{self, Answered, RequestForm};
use crate::decision_context::DecisionContext;
use crate::records::{Doer, Ruled, StepContext};
use crate::step::{ApprovedGrant, ApprovedThrough, RequestStep};
use crate::target::LookedFor;
use crate::{
    ActionRefused, Actor, Approval, Asking, Change, CommitError, Grant, Holds, LocksSeen, News,
    Person, Refusal, Request, RequestOutcome, RequestState, RequestedTogether, RuleWarning,
    TextField, confirming, grant_press, granting, start, text_limits,
};

/// The most targets of one call.
pub const TARGETS_MAX: usize = 20;

#[derive(Clone, Copy)]
struct AskCall<'a> {
    askings: &'a [Asking],
    extends: Option<&'a Grant>,
    idempotency: Option<&'a Idempotency>,
}

#[derive(Clone, Copy, Debug)]
pub struct Extending<'a> {
    /// Counted from its approval.
    pub duration: TimeSpan,
    /// Defaults to the grant's reason.
    pub reason: Option<&'a str>,
    /// Defaults to the ticket of the grant's request.
    pub ticket: Option<&'a str>,
    pub confirmed: &'a [String],
}

impl Extending<'_> {
    pub const fn by(duration: TimeSpan) -> Self {
        Self {
            duration,
            reason: None,
            ticket: None,
            confirmed: &[],
        }
    }
}

impl Access {
    /// Requests access. The request is pending, granted immediately, or stored as rejected; an
    /// equal pending one is returned instead.
    ///
    /// # Errors
    /// If the actor is not in the directory, or the store does not answer.
    pub async fn ask(
        &self,
        actor: &Actor,
        asking: &Asking,
        idempotency: Option<&Idempotency>,
    ) -> Result<RequestOutcome, AccessError> {
        let call = AskCall {
            askings: slice::from_ref(asking),
            extends: None,
            idempotency,
        };
        one(self.ask_for(actor, call).await?)
    }

    /// Requests several targets together (`access.md` §5.2): each becomes a separately decided
    /// request that lists the others. If one is refused, only the refused ones are stored, as
    /// rejected. Duplicate targets are merged.
    ///
    /// # Errors
    /// [`AccessError::TargetCount`] for none or more than [`TARGETS_MAX`]; else as [`Access::ask`].
    pub async fn ask_together(
        &self,
        actor: &Actor,
        askings: &[Asking],
        idempotency: Option<&Idempotency>,
    ) -> Result<RequestedTogether, AccessError> {
        if askings.is_empty() || askings.len() > TARGETS_MAX {
            return Err(AccessError::TargetCount(askings.len()));
        }
        let call = AskCall {
            askings,
            extends: None,
            idempotency,
        };
        Ok(RequestedTogether::of(self.ask_for(actor, call).await?))
    }

    /// Returns requests of the same call that the actor may see.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn asked_with(
        &self,
        actor: &Actor,
        request: &Request,
    ) -> Result<Vec<Request>, AccessError> {
        let mut others = Vec::new();
        for id in &request.asked_with {
            match self.request(actor, *id).await {
                Ok(other) => others.push(other),
                Err(AccessError::NotFound(_)) => {}
                // An unreadable one hides no other.
                Err(AccessError::Read(error)) => {
                    tracing::warn!(request.id = %id, error = %error, "a request is not shown beside those it was made with");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(others)
    }

    /// Requests a later end of an own grant; decided like any request (`access.md` §9.7).
    ///
    /// # Errors
    /// If the grant is not the actor's, or over; else as [`Access::ask`].
    pub async fn extend(
        &self,
        actor: &Actor,
        id: GrantId,
        extending: Extending<'_>,
        idempotency: Option<&Idempotency>,
    ) -> Result<RequestOutcome, AccessError> {
        // Before reading the grant, which may be over when a call is repeated.
        if let Some(asked) = self.remembered(actor, idempotency).await? {
            return one(asked);
        }
        let extended = self.extendable(actor, id).await?;
        let original = self.ports.store.request(extended.request).await?;
        let original = original.ok_or(AccessError::NotFound("request"))?;
        let ticket = extending.ticket.map(str::trim);
        let asking = Asking {
            wanted: original.wanted,
            duration: extending.duration,
            reason: extending.reason.unwrap_or(&extended.reason).to_owned(),
            ticket: ticket
                .filter(|ticket| !ticket.is_empty())
                .map(str::to_owned)
                .or(original.ticket),
            starts_at: None,
            confirmed: extending.confirmed.to_vec(),
        };
        let call = AskCall {
            askings: slice::from_ref(&asking),
            extends: Some(&extended),
            idempotency,
        };
        one(self.ask_for(actor, call).await?)
    }

    /// Returns a grant that the actor may extend now; also used by forms.
    ///
    /// # Errors
    /// If the grant is not the actor's, or over; recorded like every refused action.
    pub async fn extendable(&self, actor: &Actor, id: GrantId) -> Result<Grant, AccessError> {
        self.ensure_unlocked(actor).await?;
        let grant = self.ports.store.grant(id).await?;
        let grant = grant.ok_or(AccessError::NotFound("grant"))?;
        match grant_press::ensure_extendable(&grant, actor, self.now()) {
            Ok(()) => Ok(grant),
            Err(why) => Err(self.refuse(actor, &grant, "extend", why).await?),
        }
    }

    async fn ask_for(
        &self,
        actor: &Actor,
        call: AskCall<'_>,
    ) -> Result<Vec<RequestOutcome>, AccessError> {
        for asking in call.askings {
            text_limits::ensure_names(&asking.wanted)?;
            TextField::Reason.ensure(&asking.reason)?;
            TextField::Ticket.ensure(asking.ticket.as_deref().unwrap_or_default())?;
        }
        let mut races = 0;
        loop {
            if let Some(asked) = self.remembered(actor, call.idempotency).await? {
                return Ok(self.as_waiting(asked).await);
            }
            // On the heap: callers hold much state across this await.
            let asked = Box::pin(self.ask_once(actor, call));
            match asked.await {
                Err(AccessError::Commit(CommitError::Raced(_))) if races < RACES_MAX => races += 1,
                outcome => return Ok(self.as_waiting(outcome?).await),
            }
        }
    }

    async fn as_waiting(&self, mut asked: Vec<RequestOutcome>) -> Vec<RequestOutcome> {
        for outcome in &mut asked {
            if let RequestOutcome::Pending(request) | RequestOutcome::AlreadyPending(request) =
                outcome
            {
                self.note_lacking(request).await;
            }
        }
        asked
    }

    async fn remembered(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Vec<RequestOutcome>>, AccessError> {
        let Some(answer) = self.earlier(actor, idempotency).await? else {
            return Ok(None);
        };
        let Some(first) = self.request_of(&answer).await? else {
            return Ok(None);
        };
        let others = first.asked_with.clone();
        let mut asked = vec![self.became(first).await?];
        for id in others {
            if let Some(other) = self.ports.store.request(id).await? {
                asked.push(self.became(other).await?);
            }
        }
        Ok(Some(asked))
    }

    async fn became(&self, request: Request) -> Result<RequestOutcome, AccessError> {
        let grant = match request.grant {
            Some(id) => self.ports.store.grant(id).await?.map(Box::new),
            None => None,
        };
        Ok(match request.state.clone() {
            RequestState::Rejected { code, detail, .. } => RequestOutcome::Rejected(
                request,
                Refusal {
                    code,
                    message: detail,
                    fields: Vec::new(),
                },
            ),
            RequestState::Approved { .. } => RequestOutcome::Approved(request, grant),
            RequestState::Pending
            | RequestState::Denied { .. }
            | RequestState::Discarded { .. }
            | RequestState::Expired { .. } => RequestOutcome::Pending(request),
        })
    }

    async fn ask_once(
        &self,
        actor: &Actor,
        call: AskCall<'_>,
    ) -> Result<Vec<RequestOutcome>, AccessError> {
        let AskCall {
            askings, extends, ..
        } = call;
        let locks = match &actor.user {
            Some(user) => self.locks_of(slice::from_ref(user)).await?,
            None => LocksSeen::default(),
        };
        self.ensure_unlocked(actor).await?;
        let rules = self.rules();
        let asks = |directory: &Directory, facts: &[OutsideFacts]| {
            self.answers(actor, call, facts, &rules, directory)
        };
        let mut directory = self.directory();
        for asking in askings {
            let what = LookedFor::by_asking(&asking.wanted, extends);
            directory = self.facts_for(what).await?;
        }
        let mut facts =
            Box::pin(self.facts_of_call(actor, (askings, extends), &rules, &directory)).await?;
        let (mut answers, mut step) = asks(&directory, &facts)?;
        // An approver may be newer than the snapshot.
        if answers.iter().any(Answered::lacks_approvers) {
            directory = self.read_since_a_miss(directory).await;
            (answers, step) = asks(&directory, &facts)?;
        }
        if answers.iter().any(Answered::is_granted) {
            let checked = self.with_actor(actor, directory).await;
            let is_gone = matches!(checked, Err(ActionRefused::NotInDirectory));
            // A deleted requester is stored as rejected, for the record.
            directory = if is_gone { self.directory() } else { checked? };
            // The read took time: judge by its result and the present instant.
            if facts.iter().any(|it| it.is_old(self.now())) {
                facts = Box::pin(self.facts_of_call(actor, (askings, extends), &rules, &directory))
                    .await?;
            }
            (answers, step) = asks(&directory, &facts)?;
            if is_gone && answers.iter().any(Answered::is_granted) {
                return Err(ActionRefused::NotInDirectory.into());
            }
        }
        let (mut asked, made) = self.not_waiting_yet(all_or_none(answers)).await?;
        let mut unconfirmed = Vec::new();
        for it in &made {
            RuleWarning::add_each_once(&mut unconfirmed, it.unconfirmed().iter().cloned());
        }
        confirming::ensure_none(unconfirmed)?;
        let nobody = Holds::default();
        let context = self.context(&rules, &directory, &nobody, &locks, step);
        let mut change = Change::default();
        let first = made.first().map(Answered::id);
        for answered in made {
            let (made, outcome) = self.make(actor, answered, extends, &context).await?;
            change = change.and(made);
            asked.push(outcome);
        }
        if let Some(first) = first {
            self.store_change(Change {
                answer: self.answer_to(actor, first, call.idempotency),
                locks_seen: locks,
                live_grants_seen: facts.into_iter().find_map(|it| it.live_grants),
                ..change
            })
            .await?;
        }
        Ok(asked)
    }

    /// Returns equal pending requests, and those still to create. All list each other.
    async fn not_waiting_yet(
        &self,
        answers: Vec<Answered>,
    ) -> Result<(Vec<RequestOutcome>, Vec<Answered>), AccessError> {
        let (mut waiting, mut made) = (Vec::new(), Vec::new());
        for answered in answers {
            match self.equal_to(&answered).await? {
                Some(request) => waiting.push(request),
                None => made.push(answered),
            }
        }
        let ids: Vec<RequestId> = waiting.iter().map(|request| request.id).collect();
        let ids: Vec<RequestId> = made.iter().map(Answered::id).chain(ids).collect();
        let made = made.into_iter().map(|it| it.asked_with(&ids)).collect();
        let waiting = waiting.into_iter().map(RequestOutcome::AlreadyPending);
        Ok((waiting.collect(), made))
    }

    async fn equal_to(&self, answered: &Answered) -> Result<Option<Request>, AccessError> {
        let (Answered::Waits(request)
        | Answered::Granted(request, _)
        | Answered::Unconfirmed(request, _)) = answered
        else {
            return Ok(None);
        };
        let Some(key) = &request.key else {
            return Ok(None);
        };
        let starts_at = request.start.as_ref().map(|start| start.at);
        self.pending_for(key, request.extends, starts_at).await
    }

    async fn make(
        &self,
        actor: &Actor,
        answered: Answered,
        extends: Option<&Grant>,
        context: &DecisionContext<'_>,
    ) -> Result<(Change, RequestOutcome), AccessError> {
        let (by, step) = (Doer::Person(actor), context.step);
        if let Answered::Waits(request) | Answered::Granted(request, _) = &answered
            && let Some(key) = &request.key
        {
            let arming = context.arming(request, &key.target);
            let held = self.holds(Some(key)).await?.grants;
            // A later start is evaluated again then.
            let starts_now = request.start.is_none();
            let live = held.iter();
            let live = live.filter(|grant| starts_now && grant.is_live(step.now));
            arming.ensure_possible(extends.into_iter().chain(live))?;
        }
        Ok(match answered {
            Answered::Refused(request, refusal) => (
                rejected(&request, &refusal, by, step).insert_change(),
                RequestOutcome::Rejected(request, refusal),
            ),
            Answered::Unconfirmed(_, warnings) => {
                return Err(ActionRefused::WarningsUnconfirmed { warnings }.into());
            }
            Answered::Waits(request) => (
                waits(&request, by, step).insert_change(),
                RequestOutcome::Pending(request),
            ),
            Answered::Granted(request, approval) if request.start.is_some() => {
                agreed(request, approval, by, step)
            }
            Answered::Granted(request, approval) => {
                let holds = self.holds(request.key.as_ref()).await?;
                let context = DecisionContext {
                    holds: &holds,
                    ..*context
                };
                let granted = granted(request, approval, by, &context, extends)?;
                self.ensure_exported().await??;
                granted
            }
        })
    }

    fn answers(
        &self,
        actor: &Actor,
        call: AskCall<'_>,
        facts: &[OutsideFacts],
        rules: &Rules,
        directory: &Directory,
    ) -> Result<(Vec<Answered>, StepContext<'_>), ActionRefused> {
        let user = actor.user.clone().ok_or(ActionRefused::NotInDirectory)?;
        let step = self.step();
        // Pending requests too: their expiry and order depend on this instant.
        step.ensure_agreed()?;
        let requester = Person {
            user,
            email: actor.email.clone(),
            name: actor.name.clone(),
        };
        let answers = call.askings.iter().zip(facts).map(|(asking, facts)| {
            let form = RequestForm {
                id: RequestId::new(self.ports.ids.next(step.now)),
                requester: requester.clone(),
                wanted: &asking.wanted,
                duration: asking.duration,
                reason: &asking.reason,
                ticket: asking.ticket.as_deref(),
                origin: actor.origin,
                secondary_domain: actor.secondary_domain,
                starts_at: asking.starts_at,
                extends: call.extends,
                confirmed: &asking.confirmed,
            };
            let directory = facts.in_directory(directory);
            create_request::answer(&form, rules, &directory, &self.settings, step.now)
        });
        Ok((answers.collect(), step))
    }

    pub(super) async fn pending_for(
        &self,
        key: &HoldKey,
        extends: Option<GrantId>,
        starts_at: Option<Timestamp>,
    ) -> Result<Option<Request>, AccessError> {
        let dedupe_key = Request::dedupe_key_of(key, extends, starts_at);
        Ok(self.ports.store.pending_request(&dedupe_key).await?)
    }
}

fn one(asked: Vec<RequestOutcome>) -> Result<RequestOutcome, AccessError> {
    let mut asked = asked.into_iter();
    asked.next().ok_or(AccessError::TargetCount(0))
}

/// Keeps all, each target once; if some are refused, only those.
fn all_or_none(answers: Vec<Answered>) -> Vec<Answered> {
    let is_refused = |answered: &Answered| matches!(answered, Answered::Refused(..));
    if answers.iter().any(is_refused) {
        return answers.into_iter().filter(is_refused).collect();
    }
    let mut keys = HashSet::new();
    let mut is_first = |answered: &Answered| keys.insert(answered.request().key.clone());
    answers.into_iter().filter(|it| is_first(it)).collect()
}

fn rejected(
    request: &Request,
    refusal: &Refusal,
    by: Doer<'_>,
    step: StepContext<'_>,
) -> RequestStep {
    let record = step
        .of_request(Event::RequestRejected, by, request)
        .why(&refusal.code)
        .error(&refusal.message);
    let to = vec![request.requester.email.clone()];
    RequestStep {
        record: Some(record),
        notice: Some(step.notice(News::Rejected, request, to)),
        request: request.clone(),
    }
}

fn granted(
    request: Request,
    approval: Approval,
    by: Doer<'_>,
    context: &DecisionContext<'_>,
    extends: Option<&Grant>,
) -> Result<(Change, RequestOutcome), AccessError> {
    let created = context.step.of_created(by, &request);
    let requester = request.requester.clone();
    // Requested moments ago: the rules are unchanged.
    let ruled = Ruled::at_asking(&request);
    let pending = request
        .pending(context.step.now)
        .map_err(ActionRefused::Closed)?;
    let who = requester.principal();
    let approved = granting::approved(pending, who, approval, by, &ruled, context)?;
    let grant = match &approved.grant {
        ApprovedGrant::New(grant) => Some(grant),
        ApprovedGrant::Extended(_) => extends,
    };
    let asked = RequestOutcome::Approved(approved.request.clone(), grant.cloned().map(Box::new));
    Ok((approved.fold(ApprovedThrough::Asking { created }), asked))
}

/// Approves a request without other approvers that starts later.
fn agreed(
    request: Request,
    approval: Approval,
    by: Doer<'_>,
    step: StepContext<'_>,
) -> (Change, RequestOutcome) {
    let agreed = start::agreed_by_rule(request, approval, by, step);
    let asked = RequestOutcome::Pending(agreed.request.clone());
    (agreed.insert_change(), asked)
}

fn waits(request: &Request, by: Doer<'_>, step: StepContext<'_>) -> RequestStep {
    let to = request.decided.notify.clone();
    RequestStep {
        record: Some(step.of_created(by, request)),
        notice: Some(step.notice(News::ReviewWanted, request, to)),
        request: request.clone(),
    }
}
