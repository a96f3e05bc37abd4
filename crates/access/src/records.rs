//! Builds audit drafts: one per change, always with the same facts about its subject.

use hallpass_assignments::AssignmentRow;
use hallpass_audit::{DecisionFact, Draft, Event};
use hallpass_base::{
    AuditId, CampaignId, Disagreement, Email, GrantId, HoldKey, IdSource, RequestId, SweepId,
    TargetNames, Timestamp, UserId,
};
use hallpass_rules::{Decision, OnCallFact, Rules, TicketFact};

use crate::{
    ActionRefused, Actor, Confirmation, DecidedKind, Digest, DigestKind, DigestNews, Grant, News,
    Notice, Origin, Person, Request, Sweep, SweepItem,
};

#[derive(Clone, Copy)]
pub(crate) struct StepContext<'a> {
    pub(crate) now: Timestamp,
    /// AWS's time, if `now` is known to run ahead.
    pub(crate) aws_now: Timestamp,
    /// Why access must not be counted from `now`.
    pub(crate) disagreement: Option<Disagreement>,
    pub(crate) ids: &'a dyn IdSource,
}

#[derive(Clone, Copy)]
pub(crate) enum Doer<'a> {
    Person(&'a Actor),
    Hallpass,
}

impl Doer<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Person(actor) => actor.email.as_str(),
            Self::Hallpass => "hallpass",
        }
    }

    fn origin(self) -> Origin {
        match self {
            Self::Person(actor) => actor.origin,
            Self::Hallpass => Origin::System,
        }
    }
}

/// The target of an action by a user who may not see it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HiddenSubject {
    Request(RequestId),
    Grant(GrantId),
}

/// The recorded error, as returned to the user.
const HIDDEN: &str = "not-found: the actor may not see it";

#[derive(Clone, Debug)]
pub(crate) struct Ruled {
    kind: DecidedKind,
    pub(crate) based_on: Vec<String>,
    pub(crate) config_hash: String,
    facts: Vec<DecisionFact>,
}

fn facts<'a>(
    on_call: impl IntoIterator<Item = &'a OnCallFact>,
    tickets: impl IntoIterator<Item = &'a TicketFact>,
    exceptions: Vec<DecisionFact>,
) -> Vec<DecisionFact> {
    let ticket = |it: &TicketFact| DecisionFact {
        source: format!("ticket:{}", it.source),
        read_at: it.read_at,
        answer: it.answer(),
    };
    let fact = |it: &OnCallFact| DecisionFact {
        source: it.list.clone(),
        read_at: it.read_at,
        answer: if it.on_call { "on_call" } else { "not_on_call" }.to_owned(),
    };
    let tickets = tickets.into_iter().map(ticket);
    let on_call = on_call.into_iter().map(fact);
    on_call.chain(tickets).chain(exceptions).collect()
}

/// Exceptions from separation of duties that a decision used.
pub(crate) fn exceptions(decision: &Decision) -> Vec<DecisionFact> {
    let used = decision.conflicts.iter();
    let used = used.filter_map(|it| {
        Some(DecisionFact {
            source: format!("never-together:{}", it.constraint),
            read_at: it.judged_at,
            answer: it.exception.as_ref()?.words(),
        })
    });
    let mut used: Vec<DecisionFact> = used.collect();
    used.dedup();
    used
}

impl Ruled {
    pub(crate) fn by(decision: &Decision, rules: &Rules) -> Self {
        Self {
            kind: DecidedKind::Rules(decision.kind),
            based_on: decision.based_on.iter().map(ToString::to_string).collect(),
            config_hash: rules.hash().to_owned(),
            facts: facts(
                &decision.on_call,
                &decision.ticket_facts,
                exceptions(decision),
            ),
        }
    }

    /// The ruling at the request.
    pub(crate) fn at_asking(request: &Request) -> Self {
        let decided = &request.decided;
        Self {
            kind: decided.kind,
            based_on: decided.based_on.clone(),
            config_hash: decided.config_hash.clone(),
            facts: facts(
                &decided.on_call,
                &decided.tickets,
                decided.exceptions.clone(),
            ),
        }
    }
}

/// Uses the rules of the request, unless [`StepContext::of_ruled`] sets others.
pub fn about_request(draft: Draft, request: &Request) -> Draft {
    let draft = draft
        .reason(&request.reason)
        .about(request.id, request.grant.or(request.extends))
        .duration(request.duration)
        .secondary_domain(request.secondary_domain)
        .decided(
            request.decided.kind.name(),
            &request.decided.based_on,
            &request.decided.config_hash,
        );
    match &request.key {
        Some(key) => draft.subject(&request.requester.email, key, &request.names),
        None => draft.unresolved(request.requester.email.as_str(), &request.names.to_string()),
    }
}

pub fn about_grant(draft: Draft, grant: &Grant) -> Draft {
    let draft = draft
        .reason(&grant.reason)
        .about(grant.request, Some(grant.id))
        .subject(&grant.holder.email, &grant.key, &grant.names)
        .duration(grant.duration)
        .approved_by(
            &grant.approver,
            grant.approver_user.as_ref(),
            grant.approval,
        )
        .ends_at(grant.ends_at)
        .decided("Granted", &grant.based_on, &grant.config_hash);
    match &grant.aws_request {
        Some(id) => draft.aws_request(id),
        None => draft,
    }
}

pub(crate) fn with_warnings(draft: Draft, confirmed: Option<&Confirmation>) -> Draft {
    match confirmed {
        Some(confirmed) => draft.warnings_confirmed(&confirmed.texts),
        None => draft,
    }
}

impl StepContext<'_> {
    /// Refuses to grant access by an unreliable clock (promise P10).
    pub(crate) fn ensure_agreed(&self) -> Result<(), ActionRefused> {
        self.disagreement
            .map_or(Ok(()), |it| Err(ActionRefused::ClocksDisagree(it)))
    }

    pub(crate) fn grant_id(&self) -> GrantId {
        GrantId::new(self.ids.next(self.now))
    }

    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::new(self.ids.next(self.now))
    }

    pub(crate) fn campaign_id(&self) -> CampaignId {
        CampaignId::new(self.ids.next(self.now))
    }

    pub(crate) fn sweep_id(&self) -> SweepId {
        SweepId::new(self.ids.next(self.now))
    }

    fn draft(&self, event: Event, by: Doer<'_>) -> Draft {
        let id = AuditId::new(self.ids.next(self.now));
        let draft = Draft::new(id, event, self.now, by.name(), by.origin());
        let Doer::Person(actor) = by else {
            return draft;
        };
        let draft = match &actor.user {
            Some(user) => draft.actor_user(user),
            None => draft,
        };
        match &actor.authentication {
            Some(proof) => draft.signed_in(proof.at, proof.acr.as_deref()),
            None => draft,
        }
    }

    pub(crate) fn of_request(&self, event: Event, by: Doer<'_>, request: &Request) -> Draft {
        about_request(self.draft(event, by), request)
    }

    /// Records a request with a new decision.
    pub(crate) fn of_ruled(
        &self,
        event: Event,
        by: Doer<'_>,
        request: &Request,
        ruled: &Ruled,
    ) -> Draft {
        let (based_on, hash) = (&ruled.based_on, &ruled.config_hash);
        self.of_request(event, by, request)
            .decided(ruled.kind.name(), based_on, hash)
            .facts(&ruled.facts)
    }

    /// Includes the warnings that the requester confirmed.
    pub(crate) fn of_created(&self, by: Doer<'_>, request: &Request) -> Draft {
        let record = self.of_request(Event::RequestCreated, by, request);
        let record = record.facts(&facts(
            &request.decided.on_call,
            &request.decided.tickets,
            request.decided.exceptions.clone(),
        ));
        with_warnings(record, request.confirmed.first())
    }

    /// Records a refused action on a subject hidden from the user. Users can read their own
    /// records, so it holds only the id that they named.
    pub(crate) fn of_hidden(&self, actor: &Actor, press: &str, subject: HiddenSubject) -> Draft {
        let draft = self.draft(Event::ActionRefused, Doer::Person(actor));
        let draft = match subject {
            HiddenSubject::Request(id) => draft.about(id, None),
            HiddenSubject::Grant(id) => draft.about_grant(id),
        };
        draft.why(press).error(HIDDEN)
    }

    pub(crate) fn of_grant(&self, event: Event, by: Doer<'_>, grant: &Grant) -> Draft {
        about_grant(self.draft(event, by), grant)
    }

    /// The affected user is the subject.
    pub(crate) fn of_person(&self, event: Event, by: Doer<'_>, person: &Person) -> Draft {
        self.draft(event, by).person(&person.user, &person.email)
    }

    /// For a user without further known facts.
    pub(crate) fn of_user(&self, event: Event, user: &UserId) -> Draft {
        self.draft(event, Doer::Hallpass).user(user)
    }

    /// `hallpass-alerts` adds the row.
    pub(crate) fn of_alert(&self, event: Event, by: Doer<'_>) -> Draft {
        self.draft(event, by)
    }

    /// [`about_remediation`](crate::about_remediation) adds the remediation.
    pub(crate) fn of_remediation(&self, event: Event, by: Doer<'_>) -> Draft {
        self.draft(event, by)
    }

    pub(crate) fn of_rules(&self, hash: &str, what: &str) -> Draft {
        self.draft(Event::ConfigLoaded, Doer::Hallpass)
            .config_hash(hash)
            .why(what)
    }

    pub(crate) fn of_sweep(&self, event: Event, by: Doer<'_>, sweep: &Sweep) -> Draft {
        self.draft(event, by).swept(sweep.id, sweep.mode.name())
    }

    pub(crate) fn of_campaign(&self, event: Event, by: Doer<'_>, campaign: CampaignId) -> Draft {
        self.draft(event, by).campaign(campaign)
    }

    /// Records a sweep item, which has no requester (`access.md` §14.1).
    pub(crate) fn of_item(&self, event: Event, sweep: &Sweep, item: &SweepItem) -> Draft {
        self.of_sweep(event, Doer::Hallpass, sweep)
            .standing(&item.key, &item.names)
    }

    pub(crate) fn of_standing(
        &self,
        event: Event,
        by: Doer<'_>,
        key: &HoldKey,
        names: &TargetNames,
    ) -> Draft {
        self.draft(event, by).standing(key, names)
    }

    /// Records a removal repeated after the reported end; `None` without one.
    pub(crate) fn of_repeated_end(
        &self,
        row: &AssignmentRow,
        names: &TargetNames,
    ) -> Option<Draft> {
        let at = row.execution.removed_again_at?;
        let record = self.of_standing(Event::EndRepeated, Doer::Hallpass, &row.key, names);
        let record = record.removed(row.execution.deleted_at >= Some(at), "unanswered_create");
        Some(match &row.execution.aws_request {
            Some(id) => record.aws_request(id),
            None => record,
        })
    }

    pub(crate) fn of_membership(
        &self,
        event: Event,
        email: Option<&Email>,
        key: &HoldKey,
        names: &TargetNames,
    ) -> Draft {
        let draft = self.draft(event, Doer::Hallpass);
        match email {
            Some(email) => draft.subject(email, key, names),
            None => draft.standing(key, names),
        }
    }

    pub(crate) fn of_memberships(&self, event: Event) -> Draft {
        self.draft(event, Doer::Hallpass)
    }

    pub(crate) fn digest(&self, digest: DigestKind, sweep: SweepId, news: DigestNews) -> Digest {
        Digest {
            digest,
            sweep,
            at: self.now,
            news,
        }
    }

    pub(crate) fn of_clocks(&self, disagreement: Option<Disagreement>, what: &str) -> Draft {
        let event = match disagreement {
            Some(_) => Event::ClockDisagreed,
            None => Event::ClockAgreed,
        };
        self.draft(event, Doer::Hallpass).why(what)
    }

    pub(crate) fn notice(&self, news: News, request: &Request, to: Vec<Email>) -> Notice {
        Notice {
            news,
            request: request.id,
            grant: request.grant,
            to,
            at: self.now,
        }
    }

    /// Each channel knows its operators.
    pub(crate) fn notice_to_operators(&self, news: News, grant: &Grant) -> Notice {
        Notice {
            to: Vec::new(),
            ..self.notice_to_holder(news, grant)
        }
    }

    pub(crate) fn notice_to_holder(&self, news: News, grant: &Grant) -> Notice {
        Notice {
            news,
            request: grant.request,
            grant: Some(grant.id),
            to: vec![grant.holder.email.clone()],
            at: self.now,
        }
    }
}
