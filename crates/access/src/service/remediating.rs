//! Lists remediations for users and records their decisions (`organization.md` R-3). Authority
//! follows the rules, directory and account location at the decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{is_named, people_of};
use hallpass_audit::{Draft, Event};
use hallpass_base::{AccountId, Email, Timestamp};
use hallpass_findings::remediation::{
    AccountStanding, AccountStandings, Deviation, PressRefusal, Remediation, RemediationCursor,
    RemediationFilter, RemediationId, RemediationPhase, RemediationRule, RemediationStoreFault,
    RuleFile, Standing, Standings, Yes, approved, declined, no_longer_wanted,
};
use hallpass_rules::Directory;

use super::{Access, AccessError, Idempotency, RACES_MAX};
use crate::records::Doer;
use crate::{
    ActionRefused, Actor, CommitError, ReadError, RemediationPress, RemediationPresses, Role,
    TextField,
};

const PATIENCE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(200);
const COUNTED: usize = 500;
const LOOKED_AT: usize = 200;
const LOOKS_MAX: usize = 10;

#[derive(Clone)]
pub struct RemediationSource {
    pub kept: Arc<dyn RemediationPresses>,
    pub rules: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
    pub accounts: Arc<dyn AccountStandings>,
    pub standings: Arc<dyn Standings>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemediationApprovers {
    /// No rule entry matches: administrators.
    Administrators,
    Named(Vec<String>),
    /// The account left the organization.
    Nobody,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RemediationView {
    pub item: Remediation,
    /// The error if the approvers are unknown.
    pub approvers: Result<RemediationApprovers, String>,
    pub may_decide: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemediationPage {
    pub rows: Vec<RemediationView>,
    pub next: Option<RemediationCursor>,
}

#[derive(Clone, Copy, Debug)]
enum Answer<'a> {
    Yes { comment: &'a str },
    No { reason: &'a str },
}

fn unread(fault: &RemediationStoreFault) -> AccessError {
    AccessError::Read(ReadError(fault.to_string()))
}

pub fn about_remediation(draft: Draft, it: &Remediation, said: &str) -> Draft {
    let place = &it.deviation;
    let mut why = format!(
        "{}: {} of {} in {}",
        it.id, it.action, place.resource, place.account
    );
    if !said.is_empty() {
        why.push_str(": ");
        why.push_str(said);
    }
    draft.why(&why)
}

struct Places<'a> {
    accounts: &'a dyn AccountStandings,
    known: BTreeMap<AccountId, AccountStanding>,
    silent: Option<String>,
}

impl<'a> Places<'a> {
    fn of(source: &'a RemediationSource) -> Self {
        Self {
            accounts: source.accounts.as_ref(),
            known: BTreeMap::new(),
            silent: None,
        }
    }

    async fn standing(&mut self, account: &AccountId) -> Result<AccountStanding, String> {
        if let Some(known) = self.known.get(account) {
            return Ok(known.clone());
        }
        if let Some(why) = &self.silent {
            return Err(why.clone());
        }
        let asked = tokio::time::timeout(PATIENCE, self.accounts.standing(account)).await;
        let asked = asked.unwrap_or_else(|_| Err("AWS has not answered yet".to_owned()));
        match &asked {
            Ok(standing) => {
                self.known.insert(account.clone(), standing.clone());
            }
            Err(why) => self.silent = Some(why.clone()),
        }
        asked
    }
}

impl RemediationSource {
    fn asks_the_same(&self, it: &Remediation) -> bool {
        let same = |rule: &RemediationRule| rule.action == it.action && rule.params == it.params;
        (self.rules)().rule(&it.rule).is_some_and(same)
    }

    /// Returns differences since the remediation was requested. Unreadable facts are read again
    /// before the action.
    async fn drift(
        &self,
        it: &Remediation,
        places: &mut Places<'_>,
        now: Timestamp,
    ) -> Option<String> {
        if !matches!(it.phase, RemediationPhase::Waiting { .. }) {
            return None;
        }
        let asked = self.standings.standing(&it.deviation);
        let stands = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(Standing::Over(why))) => return Some(why),
            Ok(Ok(Standing::Open(stands))) => stands,
            Ok(Err(_)) | Err(_) => return None,
        };
        // A changed rule is reported separately, and the remediation stays pending.
        if !self.asks_the_same(it) {
            return None;
        }
        let account = places.standing(&it.deviation.account).await.ok()?;
        let file = (self.rules)();
        no_longer_wanted(&file, it, &stands, &account, Yes::Said, now)
    }

    async fn approvers(
        &self,
        it: &Deviation,
        places: &mut Places<'_>,
    ) -> Result<RemediationApprovers, String> {
        let unit = match places.standing(&it.account).await? {
            AccountStanding::Member { unit, .. } => unit,
            AccountStanding::Outside => return Ok(RemediationApprovers::Nobody),
        };
        Ok(match (self.rules)().approvers_of(it, &unit) {
            Some(people) => RemediationApprovers::Named(people),
            None => RemediationApprovers::Administrators,
        })
    }
}

impl Access {
    #[must_use]
    pub fn with_remediations(mut self, source: RemediationSource) -> Self {
        self.remediations = Some(source);
        self
    }

    /// Administrators, auditors, operators, and approvers named by the rules.
    pub fn sees_remediations(&self, actor: &Actor) -> bool {
        let Some(source) = &self.remediations else {
            return false;
        };
        let sees_all = actor.reads_all() || actor.is(Role::Operator);
        sees_all
            || is_among(
                actor,
                &(source.rules)().everybody_asked(),
                &self.directory(),
            )
    }

    /// Lists pending remediations, or all, newest first, after a cursor. Without global read
    /// access, only those that the actor may decide. Bounded: may return fewer than `most`, with a
    /// cursor.
    ///
    /// # Errors
    /// If the actor may see none, or the store does not answer.
    pub async fn remediations(
        &self,
        actor: &Actor,
        filter: RemediationFilter,
        after: Option<RemediationCursor>,
        most: usize,
    ) -> Result<RemediationPage, AccessError> {
        let takes = |it: &Remediation| filter.takes(&it.phase);
        self.remediation_page(actor, filter, &takes, after, most)
            .await
    }

    /// Lists those awaiting approval, newest first, as [`remediations`](Self::remediations);
    /// excludes those left for manual work.
    ///
    /// # Errors
    /// As [`remediations`](Self::remediations).
    pub async fn remediations_waiting(
        &self,
        actor: &Actor,
        most: usize,
    ) -> Result<RemediationPage, AccessError> {
        let takes = |it: &Remediation| matches!(it.phase, RemediationPhase::Waiting { .. });
        self.remediation_page(actor, RemediationFilter::Backlog, &takes, None, most)
            .await
    }

    async fn remediation_page(
        &self,
        actor: &Actor,
        filter: RemediationFilter,
        takes: &(dyn Fn(&Remediation) -> bool + Sync),
        mut after: Option<RemediationCursor>,
        most: usize,
    ) -> Result<RemediationPage, AccessError> {
        let mut page = RemediationPage::default();
        if self.remediations.is_none() && self.sees_alerts(actor) {
            return Ok(page);
        }
        let source = self.remediation_source(actor)?;
        let (directory, mut places) = (self.directory(), Places::of(source));
        for _ in 0..LOOKS_MAX {
            let kept = source.kept.as_ref();
            let found = kept.remediations_after(filter, after.as_ref(), LOOKED_AT);
            let found = found.await.map_err(|fault| unread(&fault))?;
            let is_last = found.len() < LOOKED_AT;
            for item in found {
                if page.rows.len() >= most {
                    page.next = after;
                    return Ok(page);
                }
                after = Some(RemediationCursor::after(&item));
                if !takes(&item) {
                    continue;
                }
                let approvers = source.approvers(&item.deviation, &mut places).await;
                let view = self.view(item, approvers, actor, &directory);
                if self.shows_remediation(actor, &view) {
                    page.rows.push(view);
                }
            }
            if is_last {
                return Ok(page);
            }
        }
        page.next = after;
        Ok(page)
    }

    /// Counts those that the actor may decide, without waiting for the organization.
    pub async fn remediations_to_decide(&self, actor: &Actor) -> usize {
        if !self.sees_remediations(actor) {
            return 0;
        }
        let found = self.remediations_waiting(actor, COUNTED);
        let found = tokio::time::timeout(GLANCE, found).await;
        let page = found.ok().and_then(Result::ok).unwrap_or_default();
        page.rows.iter().filter(|it| it.may_decide).count()
    }

    /// # Errors
    /// As [`remediations`](Self::remediations), or if hidden or nonexistent.
    pub async fn remediation(
        &self,
        actor: &Actor,
        id: &RemediationId,
    ) -> Result<RemediationView, AccessError> {
        let source = self.remediation_source(actor)?;
        let found = source.kept.remediation(id).await;
        let found = found.map_err(|fault| unread(&fault))?;
        let item = found.ok_or(AccessError::NotFound("remediation"))?;
        let mut places = Places::of(source);
        let approvers = source.approvers(&item.deviation, &mut places).await;
        let view = self.view(item, approvers, actor, &self.directory());
        if self.shows_remediation(actor, &view) {
            return Ok(view);
        }
        Err(match view.approvers {
            Ok(_) => AccessError::NotFound("remediation"),
            Err(why) => AccessError::Read(ReadError(why)),
        })
    }

    /// Approves a pending remediation. `said` is an optional comment.
    ///
    /// # Errors
    /// If the actor may not, it is not pending, its rule changed, or the store does not answer.
    pub async fn approve_remediation(
        &self,
        actor: &Actor,
        id: &RemediationId,
        said: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<Remediation, AccessError> {
        let answer = Answer::Yes {
            comment: said.trim(),
        };
        self.decide_remediation(actor, id, answer, idempotency)
            .await
    }

    /// Denies a pending remediation: the finding is reported for manual work.
    ///
    /// # Errors
    /// As [`approve_remediation`](Self::approve_remediation), and without a reason.
    pub async fn decline_remediation(
        &self,
        actor: &Actor,
        id: &RemediationId,
        reason: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<Remediation, AccessError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(ActionRefused::ReasonMissing.into());
        }
        self.decide_remediation(actor, id, Answer::No { reason }, idempotency)
            .await
    }

    async fn decide_remediation(
        &self,
        actor: &Actor,
        id: &RemediationId,
        answer: Answer<'_>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Remediation, AccessError> {
        let (Answer::Yes { comment: said } | Answer::No { reason: said }) = answer;
        TextField::Reason.ensure(said)?;
        // A hidden one must stay unknown.
        self.remediation(actor, id).await?;
        let source = self.remediation_source(actor)?;
        if actor.secondary_domain {
            return Err(ActionRefused::SecondaryDomain.into());
        }
        let directory = self.with_actor(actor, self.directory()).await?;
        let mut races = 0;
        loop {
            let found = source.kept.remediation(id).await;
            let found = found.map_err(|fault| unread(&fault))?;
            let it = found.ok_or(AccessError::NotFound("remediation"))?;
            // After each read: the first action may be this one, sent twice.
            if self.earlier(actor, idempotency).await?.is_some() {
                return Ok(it);
            }
            // The reads below take time: the commit fails if the actor was locked meanwhile.
            let locks_seen = self.locks_of(actor.user.as_slice()).await?;
            if let Some(lock) = locks_seen.in_force_of(actor, self.now()) {
                return Err(ActionRefused::Locked { since: lock.since }.into());
            }
            let mut places = Places::of(source);
            let approvers = source.approvers(&it.deviation, &mut places).await;
            let approvers = approvers.map_err(|why| AccessError::Read(ReadError(why)))?;
            if !self.may_decide(actor, &approvers, &directory) {
                return Err(ActionRefused::NotAnApprover.into());
            }
            if matches!(answer, Answer::Yes { .. })
                && let Some(why) = source.drift(&it, &mut places, self.now()).await
            {
                return Err(drifted(source, it, why).await);
            }
            let next = next(it, answer, actor, source, self.now())?;
            let event = match answer {
                Answer::Yes { .. } => Event::RemediationApproved,
                Answer::No { .. } => Event::RemediationDeclined,
            };
            let draft = self.step().of_remediation(event, Doer::Person(actor));
            let press = RemediationPress {
                record: about_remediation(draft, &next, said),
                locks_seen,
                answer: self.answer_of(actor, idempotency),
            };
            match source.kept.press_remediation(&next, press).await {
                Ok(()) => return Ok(next),
                Err(RemediationStoreFault::Raced(_)) if races < RACES_MAX => races += 1,
                Err(RemediationStoreFault::Raced(id)) => {
                    return Err(CommitError::Raced(id.to_string()).into());
                }
                Err(RemediationStoreFault::Unavailable(why)) => {
                    return Err(CommitError::Unavailable(why).into());
                }
            }
        }
    }

    /// Returns it without a visibility check, for display to earlier recipients.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn stored_remediation(
        &self,
        id: &RemediationId,
    ) -> Result<Option<Remediation>, AccessError> {
        let Some(source) = &self.remediations else {
            return Ok(None);
        };
        let found = source.kept.remediation(id).await;
        found.map_err(|fault| unread(&fault))
    }

    /// Empty if unknown.
    pub async fn asked_about(&self, it: &Remediation) -> Vec<Email> {
        let Some(source) = &self.remediations else {
            return Vec::new();
        };
        let directory = self.directory();
        let mut places = Places::of(source);
        let people = match source.approvers(&it.deviation, &mut places).await {
            Ok(RemediationApprovers::Named(people)) => people_of(&people, &directory),
            Ok(RemediationApprovers::Administrators) => {
                people_of(&self.settings().admins, &directory)
            }
            Ok(RemediationApprovers::Nobody) | Err(_) => BTreeSet::new(),
        };
        people.into_iter().collect()
    }

    fn remediation_source(&self, actor: &Actor) -> Result<&RemediationSource, AccessError> {
        match &self.remediations {
            Some(source) if self.sees_remediations(actor) => Ok(source),
            Some(_) | None => Err(ActionRefused::NotAnApprover.into()),
        }
    }

    fn view(
        &self,
        item: Remediation,
        approvers: Result<RemediationApprovers, String>,
        actor: &Actor,
        directory: &Directory,
    ) -> RemediationView {
        let waits = matches!(item.phase, RemediationPhase::Waiting { .. });
        let may = approvers.as_ref().is_ok_and(|approvers| {
            !actor.secondary_domain && self.may_decide(actor, approvers, directory)
        });
        RemediationView {
            may_decide: waits && may,
            approvers,
            item,
        }
    }

    fn shows_remediation(&self, actor: &Actor, view: &RemediationView) -> bool {
        actor.reads_all()
            || actor.is(Role::Operator)
            || view.approvers.as_ref().is_ok_and(|approvers| {
                let directory = self.directory();
                self.may_decide(actor, approvers, &directory)
            })
    }

    fn may_decide(
        &self,
        actor: &Actor,
        approvers: &RemediationApprovers,
        directory: &Directory,
    ) -> bool {
        match approvers {
            // A token may have fewer rights than its user.
            RemediationApprovers::Administrators => {
                actor.is(Role::Admin) && is_among(actor, &self.settings().admins, directory)
            }
            RemediationApprovers::Named(people) => is_among(actor, people, directory),
            RemediationApprovers::Nobody => false,
        }
    }
}

fn is_among(actor: &Actor, people: &[String], directory: &Directory) -> bool {
    let user = actor.user.as_ref();
    user.is_some_and(|user| is_named(user, people, directory))
}

/// Closes a remediation whose subject changed.
async fn drifted(source: &RemediationSource, it: Remediation, why: String) -> AccessError {
    let refusal = PressRefusal::Drifted(it.id.to_string(), why.clone());
    match source.kept.change_remediation(&it.drifted(why)).await {
        // Another decision came first and applies.
        Ok(()) | Err(RemediationStoreFault::Raced(_)) => {
            ActionRefused::Remediation(refusal.to_string()).into()
        }
        Err(fault @ RemediationStoreFault::Unavailable(_)) => unread(&fault),
    }
}

/// Requires that the rule still asks for the approved action.
fn next(
    it: Remediation,
    answer: Answer<'_>,
    actor: &Actor,
    source: &RemediationSource,
    now: Timestamp,
) -> Result<Remediation, AccessError> {
    let by = actor.email.to_string();
    let waits = matches!(it.phase, RemediationPhase::Waiting { .. });
    let next = match answer {
        Answer::Yes { .. } if waits => {
            if !source.asks_the_same(&it) {
                return Err(ActionRefused::RuleChanged { rule: it.rule }.into());
            }
            approved(it, &by, now)
        }
        // Failed ones are retried on the command line.
        Answer::Yes { .. } => Err(PressRefusal::NotWaiting(it.id.to_string(), it.phase.name())),
        Answer::No { reason } => declined(it, &by, reason, now),
    };
    next.map_err(|refusal| ActionRefused::Remediation(refusal.to_string()).into())
}
