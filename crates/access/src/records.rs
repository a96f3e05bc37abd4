//! How steps are written down: one draft per change, always with the same facts about its subject.

use hallpass_assignments::AssignmentRow;
use hallpass_audit::{Draft, Event};
use hallpass_base::{
    AuditId, Disagreement, Email, GrantId, HoldKey, IdSource, RequestId, SweepId, TargetNames,
    Timestamp, UserId,
};
use hallpass_rules::{Decision, Rules};

use crate::{
    Actor, Confirmation, DecidedKind, Digest, DigestKind, DigestNews, Grant, News, Notice, Origin,
    Person, PressRefused, Request, Sweep, SweepItem,
};

/// The instant of a step, and the identifiers drawn for it.
#[derive(Clone, Copy)]
pub(crate) struct StepContext<'a> {
    pub(crate) now: Timestamp,
    /// What AWS calls now, where `now` is known to run ahead of it.
    pub(crate) aws_now: Timestamp,
    /// Why no access may be counted from `now`.
    pub(crate) disagreement: Option<Disagreement>,
    pub(crate) ids: &'a dyn IdSource,
}

/// Who does something: a person, or Hallpass itself.
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

/// What a person pressed on without the right to see it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HiddenSubject {
    Request(RequestId),
    Grant(GrantId),
}

/// The error in its record: what the actor was told.
const HIDDEN: &str = "not-found: the actor may not see it";

/// What the rules say at the moment of a step, for its record and for the grant that it makes.
#[derive(Clone, Debug)]
pub(crate) struct Ruled {
    kind: DecidedKind,
    pub(crate) based_on: Vec<String>,
    pub(crate) config_hash: String,
}

impl Ruled {
    /// What these rules have decided.
    pub(crate) fn by(decision: &Decision, rules: &Rules) -> Self {
        Self {
            kind: DecidedKind::Rules(decision.kind),
            based_on: decision.based_on.iter().map(ToString::to_string).collect(),
            config_hash: rules.hash().to_owned(),
        }
    }

    /// What they said when the request was made.
    pub(crate) fn at_asking(request: &Request) -> Self {
        let decided = &request.decided;
        Self {
            kind: decided.kind,
            based_on: decided.based_on.clone(),
            config_hash: decided.config_hash.clone(),
        }
    }
}

/// Adds what every record about a request says of it. Its rules are those of asking, until
/// [`StepContext::of_ruled`] says others.
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

/// Adds what every record about a grant says of it.
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

/// Adds the warnings that were confirmed with what is recorded.
pub(crate) fn with_warnings(draft: Draft, confirmed: Option<&Confirmation>) -> Draft {
    match confirmed {
        Some(confirmed) => draft.warnings_confirmed(&confirmed.texts),
        None => draft,
    }
}

impl StepContext<'_> {
    /// Refuses what would give access by an instant that may be wrong (promise P10).
    pub(crate) fn ensure_agreed(&self) -> Result<(), PressRefused> {
        self.disagreement
            .map_or(Ok(()), |it| Err(PressRefused::ClocksDisagree(it)))
    }

    pub(crate) fn grant_id(&self) -> GrantId {
        GrantId::new(self.ids.next(self.now))
    }

    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::new(self.ids.next(self.now))
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

    /// A record about a request.
    pub(crate) fn of_request(&self, event: Event, by: Doer<'_>, request: &Request) -> Draft {
        about_request(self.draft(event, by), request)
    }

    /// A record about a request that the rules have just decided about.
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
    }

    /// The record that a request was made, with the warnings that whoever asked has confirmed.
    pub(crate) fn of_created(&self, by: Doer<'_>, request: &Request) -> Draft {
        let record = self.of_request(Event::RequestCreated, by, request);
        with_warnings(record, request.confirmed.first())
    }

    /// The record of a refused press on what its actor may not see. Actors read their own records, so
    /// this one has the id that they named, and nothing else about it.
    pub(crate) fn of_hidden(&self, actor: &Actor, press: &str, subject: HiddenSubject) -> Draft {
        let draft = self.draft(Event::PressRefused, Doer::Person(actor));
        let draft = match subject {
            HiddenSubject::Request(id) => draft.about(id, None),
            HiddenSubject::Grant(id) => draft.about_grant(id),
        };
        draft.why(press).error(HIDDEN)
    }

    /// A record about a grant.
    pub(crate) fn of_grant(&self, event: Event, by: Doer<'_>, grant: &Grant) -> Draft {
        about_grant(self.draft(event, by), grant)
    }

    /// A record about a person: whom it happened to is the subject.
    pub(crate) fn of_person(&self, event: Event, by: Doer<'_>, person: &Person) -> Draft {
        self.draft(event, by).person(&person.user, &person.email)
    }

    /// A record about a user of whom nothing more may be known.
    pub(crate) fn of_user(&self, event: Event, user: &UserId) -> Draft {
        self.draft(event, Doer::Hallpass).user(user)
    }

    /// A record about a row of an alert rule; which one is said by `hallpass-alerts`.
    pub(crate) fn of_alert(&self, event: Event, by: Doer<'_>) -> Draft {
        self.draft(event, by)
    }

    /// A record about a remediation; which one is said by [`about_remediation`](crate::about_remediation).
    pub(crate) fn of_remediation(&self, event: Event, by: Doer<'_>) -> Draft {
        self.draft(event, by)
    }

    /// A record about the rules in force.
    pub(crate) fn of_rules(&self, hash: &str, what: &str) -> Draft {
        self.draft(Event::ConfigLoaded, Doer::Hallpass)
            .config_hash(hash)
            .why(what)
    }

    /// A record about a sweep.
    pub(crate) fn of_sweep(&self, event: Event, by: Doer<'_>, sweep: &Sweep) -> Draft {
        self.draft(event, by).swept(sweep.id, sweep.mode.name())
    }

    /// A record about something a sweep found: nobody asked for it (`access.md` §14.1).
    pub(crate) fn of_item(&self, event: Event, sweep: &Sweep, item: &SweepItem) -> Draft {
        self.of_sweep(event, Doer::Hallpass, sweep)
            .standing(&item.key, &item.names)
    }

    /// A record about standing access.
    pub(crate) fn of_standing(
        &self,
        event: Event,
        by: Doer<'_>,
        key: &HoldKey,
        names: &TargetNames,
    ) -> Draft {
        self.draft(event, by).standing(key, names)
    }

    /// The record of a removal that was sent again after an end was told; `None` where there was none.
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

    /// A record about a membership that follows attributes of people.
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

    /// A record about a run that compares memberships with attributes.
    pub(crate) fn of_memberships(&self, event: Event) -> Draft {
        self.draft(event, Doer::Hallpass)
    }

    /// What those who run the place hear of a sweep.
    pub(crate) fn digest(&self, digest: DigestKind, sweep: SweepId, news: DigestNews) -> Digest {
        Digest {
            digest,
            sweep,
            at: self.now,
            news,
        }
    }

    /// A record about the clocks: what they disagree about, or that they agree again.
    pub(crate) fn of_clocks(&self, disagreement: Option<Disagreement>, what: &str) -> Draft {
        let event = match disagreement {
            Some(_) => Event::ClockDisagreed,
            None => Event::ClockAgreed,
        };
        self.draft(event, Doer::Hallpass).why(what)
    }

    /// News about a request.
    pub(crate) fn notice(&self, news: News, request: &Request, to: Vec<Email>) -> Notice {
        Notice {
            news,
            request: request.id,
            grant: request.grant,
            to,
            at: self.now,
        }
    }

    /// News about a grant for operators; who they are is a matter of each channel.
    pub(crate) fn notice_to_operators(&self, news: News, grant: &Grant) -> Notice {
        Notice {
            to: Vec::new(),
            ..self.notice_to_holder(news, grant)
        }
    }

    /// News about a grant, for its holder.
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
