//! Asking: the forms from opening to what came of them.

use std::collections::BTreeMap;

use hallpass_access::{
    AccessError, Actor, Asked, Asking, FieldProblem, GrantFilter, Idempotency, Refusal,
    RequestFilter, RequestView, Wanted,
};
use hallpass_model::{AccountId, GrantId, GroupId, RequestId, Span, Target};
use hallpass_rules::{Ask, ClickRefused, Decision, Kind};
use serde_json::json;

use crate::app::{FORM_PATIENCE, Reply, Slack};
use crate::blocks::View;
use crate::ids;
use crate::inbound::{By, Form};
use crate::modal::{self, Advice, Asks};
use crate::options::{Offer, search};
use crate::person::{Known, Unknown};
use crate::words::{self, clock_time, escape};

/// How long Slack may take to say who somebody is before a window opens without it: the trigger
/// dies after three seconds.
const WHO_PATIENCE: std::time::Duration = std::time::Duration::from_millis(1_200);
/// Longest reason, in characters after trimming.
const REASON_MAX: usize = 1_000;

/// What came of a sent form.
pub(crate) enum Outcome {
    /// The window closes.
    Close,
    /// Fields to correct: block → what is wrong.
    Errors(BTreeMap<&'static str, String>),
    /// The window says something.
    Says(&'static str, String),
}

impl Outcome {
    fn error(block: &'static str, words: impl Into<String>) -> Self {
        Self::Errors(BTreeMap::from([(block, words.into())]))
    }

    fn reply(self) -> Reply {
        match self {
            Self::Close => Reply::fine(),
            Self::Errors(errors) => {
                Reply::json(&json!({"response_action": "errors", "errors": errors}))
            }
            Self::Says(title, words) => {
                let view = modal::sentence(title, &words);
                Reply::json(&json!({"response_action": "update", "view": view}))
            }
        }
    }

    /// The same, when the answer was given before: in the window that is still open.
    fn page(self) -> View {
        match self {
            Self::Close => modal::sentence("Asked", "Done. The channel has it."),
            Self::Errors(errors) => {
                let all: Vec<String> = errors.into_values().collect();
                modal::sentence("Not possible", &all.join("\n"))
            }
            Self::Says(title, words) => modal::sentence(title, &words),
        }
    }
}

impl Slack {
    /// Opens the form to ask. Nothing here waits for AWS.
    pub(crate) async fn open_form(&self, asks: Asks, by: &By, trigger: &str) {
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

    fn form(&self, asks: Asks, who: Result<Known, Unknown>) -> View {
        let known = match who {
            Ok(known) => known,
            Err(unknown) => return modal::sentence(asks.title(), &self.unknown(&unknown, &[])),
        };
        let offer = self.offer(&known.actor);
        let nothing = match asks {
            Asks::Access => offer.accounts.is_empty(),
            Asks::Group => offer.groups.is_empty(),
        };
        if !offer.is_known {
            let words = "Hallpass is still reading the organization. Try again in a minute.";
            return modal::sentence(asks.title(), words);
        }
        let durations = self.durations(None);
        if nothing || durations.is_empty() {
            let words = format!(
                "No rule lets you ask for anything yet. Ask {}.",
                self.inner.setup.contact
            );
            return modal::sentence(asks.title(), &words);
        }
        modal::ask(asks, &known.actor.name, &durations, &Advice::default())
    }

    fn offer(&self, actor: &Actor) -> std::sync::Arc<Offer> {
        self.inner
            .offers
            .of(&self.inner.access, &actor.email, self.now())
    }

    fn durations(&self, longest: Option<Span>) -> Vec<Span> {
        let settings = self.inner.access.settings();
        let longest = longest.unwrap_or_else(|| settings.longest());
        settings.choices(longest.min(settings.longest()))
    }

    /// Something was chosen: the form says what follows from it.
    pub(crate) async fn chosen(&self, action: &str, form: &Form, by: &By) {
        let asks = match form.callback.as_str() {
            ids::FORM_ACCESS => Asks::Access,
            ids::FORM_GROUP => Asks::Group,
            _ => return,
        };
        if ![ids::ACCOUNT_ACTION, ids::SET_ACTION, ids::GROUP_ACTION].contains(&action) {
            return;
        }
        let Ok(known) = self.inner.people.find(by).await else {
            return;
        };
        let (advice, longest) = self.advice(&known, form).await;
        let durations = self.durations(longest);
        if durations.is_empty() {
            return;
        }
        let view = modal::ask(asks, &known.actor.name, &durations, &advice);
        opened(self.inner.client.update_view(&form.id, &view).await);
    }

    /// What is worth knowing of what was chosen, and the longest time the rules allow.
    async fn advice(&self, known: &Known, form: &Form) -> (Advice, Option<Span>) {
        let mut advice = Advice::default();
        let directory = self.inner.access.directory();
        let account = form.value(ids::ACCOUNT, ids::ACCOUNT_ACTION);
        let account = account.and_then(|id| id.parse::<AccountId>().ok());
        let group = form.value(ids::GROUP, ids::GROUP_ACTION);
        let group = group.and_then(|id| GroupId::new(id).ok());
        if let Some(found) = account.as_ref().and_then(|id| directory.account(id)) {
            let notes = &self.inner.setup.account_notes;
            let note = notes
                .get(found.id.as_str())
                .or_else(|| notes.get(&found.name));
            advice.note = note.cloned();
        }
        let set = form.value(ids::SET, ids::SET_ACTION);
        let question = match (&account, set, &group) {
            (Some(account), Some(permission_set), _) => Ask::Account {
                account,
                permission_set,
            },
            (_, _, Some(group)) => Ask::Group { group },
            _ => return (advice, None),
        };
        let decision = self.inner.access.decide(&known.actor.email, &question);
        let mut hint = self.who_decides(known, &question, &decision);
        let session = set
            .and_then(|name| directory.permission_set_by_name(name))
            .map(|set| Span::seconds(set.session_duration));
        let chosen = form
            .value(ids::DURATION, ids::DURATION_ACTION)
            .and_then(seconds);
        if let (Some(session), Some(chosen)) = (session, chosen)
            && session > chosen
        {
            hint = format!("{hint} Its credentials live up to {session}.");
        }
        advice.hint = Some(hint);
        advice.already = self
            .already(known, account.as_ref(), set, group.as_ref())
            .await;
        (advice, decision.max_duration)
    }

    fn who_decides(&self, known: &Known, question: &Ask<'_>, decision: &Decision) -> String {
        let directory = self.inner.access.directory();
        let rules: Vec<String> = decision.based_on.iter().map(ToString::to_string).collect();
        let by = words::by_rules(&rules);
        let longest = self.inner.access.settings().longest();
        let at_most = decision.max_duration.unwrap_or(longest).min(longest);
        match decision.kind {
            Kind::ApprovalNotRequired => format!("No approval needed, by {by}. At most {at_most}."),
            Kind::SelfApproval => {
                format!("You approve this yourself, as {by} allows. At most {at_most}.")
            }
            Kind::RequiresApproval => {
                let approvers: Vec<_> = decision.approvers.iter().cloned().collect();
                let names = words::names_of(&approvers, &directory);
                let verb = if decision.approvals_needed == 1 {
                    "decides"
                } else {
                    "decide"
                };
                let shown: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
                let more = match names.len().saturating_sub(shown.len()) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let needed = decision.approvals_needed;
                format!(
                    "{needed} of {}{more} {verb}. At most {at_most}.",
                    shown.join(", ")
                )
            }
            Kind::NoApprovers => {
                let who = &known.actor.email;
                let own =
                    self.inner
                        .access
                        .rules()
                        .may_deny(who, who, question, &directory, self.now());
                match own {
                    Err(ClickRefused::OwnRequest { rules }) if !rules.is_empty() => {
                        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                        let by = words::by_rules(&rules);
                        format!(
                            "Nobody can approve this for you. The only approver in {by} is you."
                        )
                    }
                    _ => format!("Nobody can approve this for you, by {by}."),
                }
            }
            Kind::NoStatements => {
                format!(
                    "No rule covers this. Ask {} to add one.",
                    self.inner.setup.contact
                )
            }
            Kind::RequesterNotAllowed => {
                format!("By {by} only certain people may ask; you are not one of them.")
            }
        }
    }

    /// That the same is held or waited for already.
    async fn already(
        &self,
        known: &Known,
        account: Option<&AccountId>,
        set: Option<&str>,
        group: Option<&GroupId>,
    ) -> Option<String> {
        let directory = self.inner.access.directory();
        let wanted = match (account, set, group) {
            (Some(account), Some(set), _) => Target::Account {
                account: account.clone(),
                permission_set: directory.permission_set_by_name(set)?.arn.clone(),
            },
            (_, _, Some(group)) => Target::Group {
                group: group.clone(),
            },
            _ => return None,
        };
        let zone = self.zone_of(known);
        let live = GrantFilter {
            states: ["scheduled", "granting", "active"]
                .map(str::to_owned)
                .to_vec(),
            holder: known.actor.user.clone(),
            ..GrantFilter::default()
        };
        let held = self
            .inner
            .access
            .grants(&known.actor, &live, 200)
            .await
            .ok()?;
        if let Some(grant) = held.iter().find(|grant| grant.key.target == wanted) {
            let until = clock_time(grant.ends_at, self.now(), &zone);
            return Some(format!(
                "You hold this until {until} already. `/access mine` extends it."
            ));
        }
        let pending = RequestFilter {
            state: Some("pending".to_owned()),
            ..RequestFilter::default()
        };
        let view = RequestView::Mine;
        let waiting = self
            .inner
            .access
            .requests(&known.actor, view, &pending, 50)
            .await
            .ok()?;
        let found = waiting
            .iter()
            .find(|request| request.key.as_ref().is_some_and(|key| key.target == wanted))?;
        Some(self.waits_already(found, &zone))
    }

    fn waits_already(
        &self,
        request: &hallpass_access::Request,
        zone: &jiff::tz::TimeZone,
    ) -> String {
        format!(
            "You asked for this at {} already; it waits. <{}|Open in Hallpass>",
            clock_time(request.asked_at, self.now(), zone),
            self.inner.setup.link(request)
        )
    }

    /// Choices for what somebody types: what this person may ask for, and nothing else.
    pub(crate) async fn suggest(&self, action: &str, typed: &str, form: &Form, by: &By) -> Reply {
        let hits = match self.inner.people.find(by).await {
            Err(_) => Vec::new(),
            Ok(known) => {
                let offer = self.offer(&known.actor);
                match action {
                    ids::ACCOUNT_ACTION => search(&offer.accounts, typed),
                    ids::GROUP_ACTION => search(&offer.groups, typed),
                    ids::SET_ACTION => {
                        let account = form.value(ids::ACCOUNT, ids::ACCOUNT_ACTION);
                        search(&offer.sets(account), typed)
                    }
                    _ => Vec::new(),
                }
            }
        };
        Reply::json(&json!({"options": hits}))
    }

    /// A form was sent: done now, or behind a page that says so.
    pub(crate) async fn submit(&self, form: Form, by: By) -> Reply {
        let (app, id) = (self.clone(), form.id.clone());
        let mut work = tokio::spawn(async move { app.carry_out(&form, &by).await });
        match tokio::time::timeout(FORM_PATIENCE, &mut work).await {
            Ok(Ok(outcome)) => outcome.reply(),
            Ok(Err(error)) => {
                Outcome::Says("That didn't work", self.trouble("a form", &error)).reply()
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
                Outcome::Says("One moment", "Still working on it.".to_owned()).reply()
            }
        }
    }

    async fn carry_out(&self, form: &Form, by: &By) -> Outcome {
        let known = match self.inner.people.find(by).await {
            Ok(known) => known,
            Err(unknown) => {
                return Outcome::Says("Not possible", self.unknown(&unknown, &[]));
            }
        };
        self.inner.people.acted(&known).await;
        match form.callback.as_str() {
            ids::FORM_ACCESS | ids::FORM_GROUP => self.ask(form, &known).await,
            ids::FORM_EXTEND => self.extend(form, &known).await,
            ids::FORM_DENY => self.deny(form, &known).await,
            _ => Outcome::Close,
        }
    }

    async fn ask(&self, form: &Form, known: &Known) -> Outcome {
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
            Err(errors) => return Outcome::Errors(errors),
        };
        let asking = Asking {
            wanted,
            duration,
            // where no ticket is asked for separately, the reason may hold it
            ticket: Some(reason.clone()).filter(|_| self.wants_ticket(form, known)),
            reason,
        };
        let once = idempotency(form, &format!("{asking:?}"));
        let asked = self
            .inner
            .access
            .ask(&known.actor, &asking, Some(&once))
            .await;
        self.asked(asked, form, known)
    }

    /// Whether some rule wants a ticket: the form has no field of its own for it.
    fn wants_ticket(&self, form: &Form, known: &Known) -> bool {
        let account = form.value(ids::ACCOUNT, ids::ACCOUNT_ACTION);
        let account = account.and_then(|id| id.parse::<AccountId>().ok());
        let group = form.value(ids::GROUP, ids::GROUP_ACTION);
        let group = group.and_then(|id| GroupId::new(id).ok());
        let question = match (&account, form.value(ids::SET, ids::SET_ACTION), &group) {
            (Some(account), Some(permission_set), _) => Ask::Account {
                account,
                permission_set,
            },
            (_, _, Some(group)) => Ask::Group { group },
            _ => return false,
        };
        let decision = self.inner.access.decide(&known.actor.email, &question);
        !decision.ticket_patterns.is_empty()
    }

    async fn extend(&self, form: &Form, known: &Known) -> Outcome {
        let Ok(grant) = form.metadata.parse::<GrantId>() else {
            return Outcome::Says("Not possible", "There is no such access.".to_owned());
        };
        let (reason, duration) = match reason_and_duration(form) {
            Ok(both) => both,
            Err(errors) => return Outcome::Errors(errors),
        };
        let once = idempotency(form, &format!("{grant} {duration} {reason}"));
        let extended = self
            .inner
            .access
            .extend(&known.actor, grant, duration, Some(&reason), Some(&once))
            .await;
        self.asked(extended, form, known)
    }

    fn asked(&self, asked: Result<Asked, AccessError>, form: &Form, known: &Known) -> Outcome {
        match asked {
            Ok(Asked::Pending(_) | Asked::Approved(_, _)) => Outcome::Close,
            Ok(Asked::AlreadyPending(request)) => {
                let zone = self.zone_of(known);
                Outcome::Says("Asked already", self.waits_already(&request, &zone))
            }
            Ok(Asked::Rejected(_, refusal)) => field_errors(form, &refusal),
            Err(AccessError::Refused(why)) => {
                Outcome::error(ids::REASON, capital(&why.to_string()))
            }
            Err(AccessError::Directory(fault)) => {
                tracing::warn!(error = %fault, "a request could not be decided");
                let words = "AWS does not answer, and this depends on where the account is. Try again in a minute.";
                Outcome::error(ids::REASON, words)
            }
            Err(error) => Outcome::error(ids::REASON, self.trouble("asking", &error)),
        }
    }

    async fn deny(&self, form: &Form, known: &Known) -> Outcome {
        let Ok(id) = form.metadata.parse::<RequestId>() else {
            return Outcome::Says("Not possible", "There is no such request.".to_owned());
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
            Ok(_) => Outcome::Close,
            Err(error) => {
                let words = self.refusal(id, ids::DENY, &error, Some(known)).await;
                Outcome::Says("Not possible", words)
            }
        }
    }
}

/// Says in the log that a window did not come to be; whoever wanted it presses again.
pub(crate) fn opened(outcome: Result<(), crate::SlackError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %error, "a window could not be shown");
    }
}

/// The reason and the duration of a form; what is plainly wrong never becomes a request.
fn reason_and_duration(form: &Form) -> Result<(String, Span), BTreeMap<&'static str, String>> {
    let reason = form
        .value(ids::REASON, ids::REASON_ACTION)
        .unwrap_or_default();
    let duration = form
        .value(ids::DURATION, ids::DURATION_ACTION)
        .and_then(seconds);
    let mut errors = BTreeMap::new();
    let length = reason.trim().chars().count();
    if length == 0 {
        errors.insert(ids::REASON, "Say in a few words why.".to_owned());
    } else if length > REASON_MAX {
        let words = format!("At most 1,000 characters; this has {}.", thousands(length));
        errors.insert(ids::REASON, words);
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

fn seconds(text: &str) -> Option<Span> {
    text.parse().ok().map(Span::seconds)
}

fn thousands(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

/// One form sent twice with the same content is one call; a corrected one is another.
fn idempotency(form: &Form, content: &str) -> Idempotency {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    let fingerprint = hex::encode(digest.as_ref());
    let short: String = fingerprint.chars().take(16).collect();
    Idempotency {
        key: format!("slack:{}:{short}", form.id),
        fingerprint,
    }
}

/// A refusal on the field it is about; each field error must stand on a block of the form.
fn field_errors(form: &Form, refusal: &Refusal) -> Outcome {
    let target = match form.callback.as_str() {
        ids::FORM_ACCESS => ids::SET,
        ids::FORM_GROUP => ids::GROUP,
        _ => ids::DURATION,
    };
    if refusal.fields.is_empty() {
        return Outcome::error(target, refusal.message.clone());
    }
    let is_extension = form.callback == ids::FORM_EXTEND;
    let mut errors: BTreeMap<&'static str, String> = BTreeMap::new();
    for FieldProblem { field, message, .. } in &refusal.fields {
        let block = match field.as_str() {
            "account" if !is_extension => ids::ACCOUNT,
            "duration_seconds" => ids::DURATION,
            "reason" | "ticket" => ids::REASON,
            _ => target,
        };
        let all = errors.entry(block).or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(message);
    }
    Outcome::Errors(errors)
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), escape(letters.as_str())),
        None => String::new(),
    }
}
