//! Request forms, from opening to result.

use std::collections::BTreeMap;

use crate::wording::{escape, names};
use hallpass_access::{
    AccessError, ActionRefused, Asking, Extending, FieldProblem, Idempotency, Refusal, Request,
    RequestOutcome, RequestedTogether, Wanted, reason_refused,
};
use hallpass_base::{GrantId, RequestId, TimeSpan, Timestamp};
use serde_json::json;
use tracing::Instrument as _;

use crate::slack::app::{FORM_PATIENCE, Slack, SlackReply};
use crate::slack::blocks::SlackView;
use crate::slack::ids;
use crate::slack::inbound::{SlackActor, SubmittedForm};
use crate::slack::modal::{self, Advice, Asks};
use crate::slack::options;
use crate::slack::person::{KnownPerson, Unknown};
use crate::slack::warned;

/// Timeout for Slack's user lookup before a window opens without it: the trigger expires after
/// three seconds.
const WHO_PATIENCE: std::time::Duration = std::time::Duration::from_millis(1_200);

pub(crate) enum FormOutcome {
    Close,
    /// Fields to correct: block → error.
    Errors(BTreeMap<&'static str, String>),
    Says(&'static str, String),
    Again(Box<SlackView>),
}

impl FormOutcome {
    pub(crate) fn error(block: &'static str, words: impl Into<String>) -> Self {
        Self::Errors(BTreeMap::from([(block, words.into())]))
    }

    fn reply(self) -> SlackReply {
        match self {
            Self::Close => SlackReply::fine(),
            Self::Errors(errors) => {
                SlackReply::json(&json!({"response_action": "errors", "errors": errors}))
            }
            Self::Says(title, words) => {
                let view = modal::sentence(title, &words);
                SlackReply::json(&json!({"response_action": "update", "view": view}))
            }
            Self::Again(view) => {
                SlackReply::json(&json!({"response_action": "update", "view": view}))
            }
        }
    }

    /// Returns the result for a window that already got its answer.
    fn page(self) -> SlackView {
        match self {
            Self::Close => modal::sentence("Asked", "Done. The channel has it."),
            Self::Errors(errors) => {
                let all: Vec<String> = errors.into_values().collect();
                modal::text_page("Not possible", &all.join("\n"))
            }
            Self::Says(title, words) => modal::sentence(title, &words),
            Self::Again(view) => *view,
        }
    }
}

impl Slack {
    /// Opens the request form without waiting for AWS.
    pub(crate) async fn open_form(&self, asks: Asks, by: &SlackActor, trigger: &str) {
        let client = &self.inner.client;
        if let Some(who) = self.inner.people.at_once(by) {
            opened(
                client
                    .open_view(trigger, &self.form(asks, who))
                    .await
                    .map(drop),
            );
            return;
        }
        let finding = self.inner.people.find(by);
        tokio::pin!(finding);
        if let Ok(who) = tokio::time::timeout(WHO_PATIENCE, &mut finding).await {
            let view = self.form(asks, who);
            opened(client.open_view(trigger, &view).await.map(drop));
            return;
        }
        match client.open_view(trigger, &modal::loading(asks)).await {
            Ok(id) => {
                let view = self.form(asks, finding.await);
                opened(client.update_view(&id, &view).await);
            }
            Err(error) => opened(Err(error)),
        }
    }

    fn form(&self, asks: Asks, who: Result<KnownPerson, Unknown>) -> SlackView {
        let known = match who {
            Ok(known) => known,
            Err(unknown) => return modal::sentence(asks.title(), &self.unknown(&unknown, &[])),
        };
        let access = &self.inner.access;
        if access.directory().taken_at().is_none() {
            let words = "Hallpass is still reading the organization. Try again in a minute.";
            return modal::sentence(asks.title(), words);
        }
        if let Some(why) = access.obstacle() {
            return modal::sentence(asks.title(), &capital(&why.to_string()));
        }
        let durations = self.durations(None);
        if durations.is_empty() || !options::has_any(access, &known.actor, asks.sought()) {
            let words = format!(
                "No rule lets you request anything yet. Ask {}.",
                self.inner.setup.contact
            );
            return modal::sentence(asks.title(), &words);
        }
        modal::ask(asks, &known.actor.name, &durations, &Advice::default())
    }

    pub(crate) fn durations(&self, longest: Option<TimeSpan>) -> Vec<TimeSpan> {
        let settings = self.inner.access.settings();
        let longest = longest.unwrap_or_else(|| settings.longest());
        settings.choices(longest.min(settings.longest()))
    }

    /// Handles a form: now, or behind a status page.
    pub(crate) async fn submit(&self, form: SubmittedForm, by: SlackActor) -> SlackReply {
        let (app, id) = (self.clone(), form.id.clone());
        let work = async move { app.carry_out(&form, &by).await };
        let mut work = tokio::spawn(work.in_current_span());
        match tokio::time::timeout(FORM_PATIENCE, &mut work).await {
            Ok(Ok(outcome)) => outcome.reply(),
            Ok(Err(error)) => {
                FormOutcome::Says("That didn't work", self.trouble("a form", &error)).reply()
            }
            Err(_) => {
                let app = self.clone();
                self.later(async move {
                    let view = match work.await {
                        Ok(outcome) => outcome.page(),
                        Err(error) => {
                            modal::sentence("That didn't work", &app.trouble("a form", &error))
                        }
                    };
                    opened(app.inner.client.update_view(&id, &view).await);
                });
                FormOutcome::Says("One moment", "Still working on it.".to_owned()).reply()
            }
        }
    }

    async fn carry_out(&self, form: &SubmittedForm, by: &SlackActor) -> FormOutcome {
        let known = match self.inner.people.find(by).await {
            Ok(known) => known,
            Err(unknown) => {
                unknown.log(&form.callback, &form.metadata);
                return FormOutcome::Says("Not possible", self.unknown(&unknown, &[]));
            }
        };
        self.inner.people.acted(&known).await;
        match form.callback.as_str() {
            ids::FORM_ACCESS | ids::FORM_GROUP => self.ask(form, &known).await,
            ids::FORM_EXTEND => self.extend(form, &known).await,
            ids::FORM_APPROVE => self.approve(form, &known).await,
            ids::FORM_DENY => self.deny(form, &known).await,
            ids::FORM_GLASS => self.break_glass(form, &known).await,
            ids::FORM_REVIEW => self.close_review(form, &known).await,
            ids::FORM_REMEDIATION => self.decline_remediation(form, &known).await,
            _ => FormOutcome::Close,
        }
    }

    async fn ask(&self, form: &SubmittedForm, known: &KnownPerson) -> FormOutcome {
        let field = |block, action| form.value(block, action).unwrap_or_default();
        let wanted = if form.callback == ids::FORM_GROUP {
            Wanted::Group {
                group: field(ids::GROUP, ids::GROUP_ACTION).to_owned(),
            }
        } else {
            Wanted::Account {
                account: field(ids::ACCOUNT, ids::ACCOUNT_ACTION).to_owned(),
                permission_set: field(ids::SET, ids::SET_ACTION).to_owned(),
            }
        };
        let (reason, duration) = match reason_and_duration(form) {
            Ok(both) => both,
            Err(errors) => return FormOutcome::Errors(errors),
        };
        let asking = Asking {
            wanted,
            duration,
            ticket: field_of(form, ids::TICKET, ids::TICKET_ACTION),
            reason,
            starts_at: starts_at(form),
            confirmed: warned::ticked(form),
        };
        let more = form.several(ids::ALSO);
        if !more.is_empty() {
            return self.ask_together(form, known, asking, more).await;
        }
        let once = idempotency(form, &format!("{asking:?}"));
        let asked = self
            .inner
            .access
            .ask(&known.actor, &asking, Some(&once))
            .await;
        let lacks_ticket = matches!(&asked, Ok(RequestOutcome::Rejected(_, refusal)) if only_ticket(refusal))
            && !form.values.contains_key(ids::TICKET);
        if lacks_ticket
            && let Some(asks) = Asks::of(form)
            && let Some(view) = self.form_again(asks, known, form).await
        {
            // submitted before the field was shown
            return FormOutcome::Again(Box::new(view));
        }
        if let Some(again) = self.unconfirmed(asked.as_ref().err(), known, form).await {
            return again;
        }
        if let Ok(RequestOutcome::Pending(request) | RequestOutcome::AlreadyPending(request)) =
            &asked
        {
            self.offer_glass_later(request, known);
        }
        self.asked(asked, form, known)
    }

    /// Requests several accounts or groups: all or none.
    async fn ask_together(
        &self,
        form: &SubmittedForm,
        known: &KnownPerson,
        first: Asking,
        more: &[String],
    ) -> FormOutcome {
        let others = more.iter().map(|id| Asking {
            wanted: same_in(&first.wanted, id),
            ..first.clone()
        });
        let askings: Vec<Asking> = std::iter::once(first.clone()).chain(others).collect();
        let once = idempotency(form, &format!("{askings:?}"));
        let access = &self.inner.access;
        let asked = access
            .ask_together(&known.actor, &askings, Some(&once))
            .await;
        if let Some(again) = self.unconfirmed(asked.as_ref().err(), known, form).await {
            return again;
        }
        match asked {
            Ok(RequestedTogether::All(all)) => {
                for outcome in &all {
                    if let RequestOutcome::Pending(request)
                    | RequestOutcome::AlreadyPending(request) = outcome
                    {
                        self.offer_glass_later(request, known);
                    }
                }
                FormOutcome::Close
            }
            Ok(RequestedTogether::Refused(refused)) => {
                let lacks_ticket = refused.iter().all(|(_, refusal)| only_ticket(refusal))
                    && !form.values.contains_key(ids::TICKET);
                if lacks_ticket
                    && let Some(asks) = Asks::of(form)
                    && let Some(view) = self.form_again(asks, known, form).await
                {
                    return FormOutcome::Again(Box::new(view));
                }
                refused_together(form, &first.wanted, &refused)
            }
            Err(AccessError::Refused(why)) => {
                FormOutcome::error(ids::REASON, names::sentence(&why.to_string()))
            }
            Err(error) => FormOutcome::error(ids::REASON, self.trouble("asking", &error)),
        }
    }

    /// Returns the form with unconfirmed warnings, if they were the only obstacle.
    async fn unconfirmed(
        &self,
        error: Option<&AccessError>,
        known: &KnownPerson,
        form: &SubmittedForm,
    ) -> Option<FormOutcome> {
        let Some(AccessError::Refused(ActionRefused::WarningsUnconfirmed { warnings })) = error
        else {
            return None;
        };
        let view = self
            .form_with(Asks::of(form)?, known, form, warnings)
            .await?;
        Some(FormOutcome::Again(Box::new(view)))
    }

    async fn extend(&self, form: &SubmittedForm, known: &KnownPerson) -> FormOutcome {
        let Ok(grant) = form.metadata.parse::<GrantId>() else {
            return FormOutcome::Says("Not possible", "There is no such access.".to_owned());
        };
        let (reason, duration) = match reason_and_duration(form) {
            Ok(both) => both,
            Err(errors) => return FormOutcome::Errors(errors),
        };
        let confirmed = warned::ticked(form);
        let content = format!("{grant} {duration} {reason} {confirmed:?}");
        let once = idempotency(form, &content);
        let extending = Extending {
            duration,
            reason: Some(&reason),
            // the form has no ticket field: the first request's ticket applies
            ticket: None,
            confirmed: &confirmed,
        };
        let extended = self
            .inner
            .access
            .extend(&known.actor, grant, extending, Some(&once))
            .await;
        self.asked(extended, form, known)
    }

    fn asked(
        &self,
        asked: Result<RequestOutcome, AccessError>,
        form: &SubmittedForm,
        known: &KnownPerson,
    ) -> FormOutcome {
        match asked {
            Ok(RequestOutcome::Pending(_) | RequestOutcome::Approved(_, _)) => FormOutcome::Close,
            Ok(RequestOutcome::AlreadyPending(request)) => {
                let zone = self.zone_of(known);
                FormOutcome::Says("Requested already", self.waits_already(&request, &zone))
            }
            Ok(RequestOutcome::Rejected(_, refusal)) => field_errors(form, &refusal),
            Err(AccessError::Refused(why)) => {
                FormOutcome::error(ids::REASON, names::sentence(&why.to_string()))
            }
            Err(error) => FormOutcome::error(ids::REASON, self.trouble("asking", &error)),
        }
    }

    async fn deny(&self, form: &SubmittedForm, known: &KnownPerson) -> FormOutcome {
        let Ok(id) = form.metadata.parse::<RequestId>() else {
            return FormOutcome::Says("Not possible", "There is no such request.".to_owned());
        };
        let reason = form.value(ids::REASON, ids::REASON_ACTION);
        let once = idempotency(form, "deny");
        let denied = self
            .inner
            .access
            .deny(&known.actor, id, reason, Some(&once))
            .await;
        self.redraw_later(id);
        match denied {
            Ok(_) => FormOutcome::Close,
            Err(error) => {
                let words = self.refusal(id, ids::DENY, &error, Some(known)).await;
                FormOutcome::Says("Not possible", words)
            }
        }
    }
}

fn same_in(wanted: &Wanted, id: &str) -> Wanted {
    match wanted {
        Wanted::Account { permission_set, .. } => Wanted::Account {
            account: id.to_owned(),
            permission_set: permission_set.clone(),
        },
        Wanted::Group { .. } => Wanted::Group {
            group: id.to_owned(),
        },
    }
}

/// Shows the first target's errors at its fields; the others share one field and are named there.
fn refused_together(
    form: &SubmittedForm,
    first: &Wanted,
    refused: &[(Request, Refusal)],
) -> FormOutcome {
    let mut errors = BTreeMap::new();
    let mut others = Vec::new();
    for (request, refusal) in refused {
        if request.wanted == *first {
            if let FormOutcome::Errors(of_first) = field_errors(form, refusal) {
                errors.extend(of_first);
            }
        } else {
            others.push(format!("{}: {}", request.names, refusal.message));
        }
    }
    if !others.is_empty() {
        errors.insert(ids::ALSO, others.join("\n"));
    }
    FormOutcome::Errors(errors)
}

/// Logs a window that failed to open; the user can press again.
pub(crate) fn opened(outcome: Result<(), crate::slack::SlackError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, "a window could not be shown");
    }
}

pub(crate) fn field_of(form: &SubmittedForm, block: &str, action: &str) -> Option<String> {
    let typed = form.value(block, action).map(str::trim);
    typed.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the requested start; `None` = immediately.
fn starts_at(form: &SubmittedForm) -> Option<Timestamp> {
    let seconds = form.value(ids::START, ids::START_ACTION)?;
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

fn only_ticket(refusal: &Refusal) -> bool {
    !refusal.fields.is_empty()
        && refusal
            .fields
            .iter()
            .all(|problem| problem.field == "ticket")
}

/// Reads reason and duration; clearly invalid values never become a request.
fn reason_and_duration(
    form: &SubmittedForm,
) -> Result<(String, TimeSpan), BTreeMap<&'static str, String>> {
    let reason = form
        .value(ids::REASON, ids::REASON_ACTION)
        .unwrap_or_default();
    let duration = form
        .value(ids::DURATION, ids::DURATION_ACTION)
        .and_then(seconds);
    let mut errors = BTreeMap::new();
    if let Some(refused) = reason_refused(reason) {
        errors.insert(ids::REASON, refused.message);
    }
    match duration {
        Some(duration) if errors.is_empty() => Ok((reason.to_owned(), duration)),
        Some(_) => Err(errors),
        None => {
            errors.insert(ids::DURATION, "Choose how long.".to_owned());
            Err(errors)
        }
    }
}

pub(crate) fn seconds(text: &str) -> Option<TimeSpan> {
    text.parse().ok().map(TimeSpan::seconds)
}

/// Makes the key of a form: the same content is one call, a corrected form another.
pub(crate) fn idempotency(form: &SubmittedForm, content: &str) -> Idempotency {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    let fingerprint = hex::encode(digest.as_ref());
    let short: String = fingerprint.chars().take(16).collect();
    Idempotency {
        key: format!("slack:{}:{short}", form.id),
        fingerprint,
    }
}

/// Puts a refusal on its field; each error must be on a block of the form.
fn field_errors(form: &SubmittedForm, refusal: &Refusal) -> FormOutcome {
    let target = match form.callback.as_str() {
        ids::FORM_ACCESS => ids::SET,
        ids::FORM_GROUP => ids::GROUP,
        _ => ids::DURATION,
    };
    if refusal.fields.is_empty() {
        return FormOutcome::error(target, refusal.message.clone());
    }
    let is_extension = form.callback == ids::FORM_EXTEND;
    let has_ticket = form.values.contains_key(ids::TICKET);
    let mut errors: BTreeMap<&'static str, String> = BTreeMap::new();
    for FieldProblem { field, message, .. } in &refusal.fields {
        let block = match field.as_str() {
            "account" if !is_extension => ids::ACCOUNT,
            "duration_seconds" => ids::DURATION,
            "starts_at" if !is_extension => ids::START,
            "ticket" if has_ticket => ids::TICKET,
            "reason" | "ticket" => ids::REASON,
            _ => target,
        };
        let all = errors.entry(block).or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(message);
    }
    FormOutcome::Errors(errors)
}

pub(crate) fn capital(text: &str) -> String {
    escape(&format!("{}.", names::capital(text)))
}
