//! The app: verifies calls, answers immediately and works afterwards.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wording::{escape, lists};
use hallpass_access::identity::Identity;
use hallpass_access::{Access, AccessError, AccessStore, CommitError, Grant, Request};
use hallpass_base::{Clock, RequestId, TimeSpan, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};
use tracing::Instrument as _;

use crate::slack::client::Client;
use crate::slack::fault::LimitedSpan;
use crate::slack::ids;
use crate::slack::inbound::{self, Inbound, NotUnderstood, SlackActor};
use crate::slack::memory::{Remembered, SlackMemory};
use crate::slack::modal::Asks;
use crate::slack::person::{KnownPerson, People, Unknown};
use crate::slack::setup::Setup;
use crate::slack::signature::{self, SKEW_SECONDS_MAX, Signed};

/// Maximum time to answer a form. Slack requires three seconds, users expect half a second; longer
/// work continues behind a status page.
pub(crate) const FORM_PATIENCE: Duration = Duration::from_millis(400);
/// Maximum time for choices: Slack shows an error after three seconds.
const CHOICES_PATIENCE: Duration = Duration::from_millis(2_500);
/// Maximum concurrent tasks; more are queued.
const WORK_MAX: usize = 256;
/// Maximum remembered signatures. Beyond it the oldest are dropped first; the journey's guards
/// still apply.
const SEEN_MAX: usize = 50_000;

pub struct Ports {
    pub access: Arc<Access>,
    /// Read only.
    pub store: Arc<dyn AccessStore>,
    pub identity: Arc<Identity>,
    pub memory: Arc<dyn SlackMemory>,
    pub clock: Arc<dyn Clock>,
    pub client: Client,
    /// Slack's signing key; without it every call is refused.
    pub signing_secret: Option<SecretString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlackReply {
    pub status: u16,
    /// JSON; empty = no body.
    pub body: String,
}

impl SlackReply {
    pub fn fine() -> Self {
        Self {
            status: 200,
            body: String::new(),
        }
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            body: value.to_string(),
        }
    }

    fn status(status: u16) -> Self {
        Self {
            status,
            body: String::new(),
        }
    }
}

/// The Slack app. Cheap to clone.
#[derive(Clone)]
pub struct Slack {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) access: Arc<Access>,
    pub(crate) store: Arc<dyn AccessStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    pub(crate) setup: Setup,
    pub(crate) people: People,
    pub(crate) remembered: Arc<Remembered>,
    /// Current rate limiting; cleared by a delivery.
    pub(crate) limited: Mutex<Option<LimitedSpan>>,
    /// Last notice to administrators of refusals, by channel and Slack's error.
    pub(crate) refusals_told: Mutex<BTreeMap<(String, String), Timestamp>>,
    signing_secret: Option<SecretString>,
    seen: Mutex<AnsweredCalls>,
    work: Arc<Semaphore>,
    references: AtomicU32,
}

/// Recent signatures with their answers.
#[derive(Default)]
struct AnsweredCalls {
    answers: HashMap<String, (Timestamp, Arc<OnceCell<SlackReply>>)>,
}

impl AnsweredCalls {
    fn cell(&mut self, signature: &str, now: Timestamp) -> Arc<OnceCell<SlackReply>> {
        if self.answers.len() >= SEEN_MAX {
            let window = TimeSpan::seconds(2 * SKEW_SECONDS_MAX);
            self.answers.retain(|_, (at, _)| window.covers(*at, now));
        }
        if self.answers.len() >= SEEN_MAX {
            let mut times: Vec<Timestamp> = self.answers.values().map(|(at, _)| *at).collect();
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied().unwrap_or(now);
            self.answers.retain(|_, (at, _)| *at > middle);
        }
        let entry = self.answers.entry(signature.to_owned());
        Arc::clone(&entry.or_insert_with(|| (now, Arc::default())).1)
    }
}

impl Slack {
    pub fn new(ports: Ports, setup: Setup) -> Self {
        let remembered = Arc::new(Remembered::new(ports.memory));
        let people = People::new(
            ports.client.clone(),
            Arc::clone(&ports.access),
            ports.identity,
            Arc::clone(&ports.clock),
            Arc::clone(&remembered),
        );
        Self {
            inner: Arc::new(Inner {
                access: ports.access,
                store: ports.store,
                clock: ports.clock,
                client: ports.client,
                setup,
                people,
                remembered,
                limited: Mutex::default(),
                refusals_told: Mutex::default(),
                signing_secret: ports.signing_secret,
                seen: Mutex::default(),
                work: Arc::new(Semaphore::new(WORK_MAX)),
                references: AtomicU32::new(0),
            }),
        }
    }

    /// Returns whether HTTP calls can be authenticated.
    pub fn knows_calls(&self) -> bool {
        self.inner.signing_secret.is_some()
    }

    /// Answers a signed call from Slack; a duplicate is executed once and gets the same answer.
    pub async fn call(&self, signed: &Signed<'_>, body: &[u8]) -> SlackReply {
        if inbound::is_check(body) {
            return SlackReply::fine();
        }
        // signatures use Slack's time
        let now = self.inner.clock.elsewhere();
        let secret = self.inner.signing_secret.as_ref();
        if secret.is_none_or(|it| signature::verify(it, signed, body, now).is_err()) {
            return SlackReply::status(401);
        }
        let name = signed.signature.unwrap_or_default().to_ascii_lowercase();
        self.once(&name, async {
            match inbound::parse(body) {
                Ok(inbound) => self.handle(inbound).await,
                Err(NotUnderstood) => SlackReply::status(400),
            }
        })
        .await
    }

    /// Executes work once per key; duplicates get the same answer.
    pub(crate) async fn once(
        &self,
        name: &str,
        work: impl Future<Output = SlackReply>,
    ) -> SlackReply {
        let cell = {
            let mut seen = self
                .inner
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            seen.cell(name, self.inner.clock.elsewhere())
        };
        cell.get_or_init(|| work).await.clone()
    }

    /// Answers an authenticated call.
    pub async fn handle(&self, inbound: Inbound) -> SlackReply {
        match inbound {
            Inbound::Check | Inbound::Other => {}
            Inbound::Shortcut {
                callback,
                by,
                trigger,
            } => match callback.as_str() {
                ids::SHORTCUT_ACCESS => self.form_later(Asks::Access, by, trigger),
                ids::SHORTCUT_GROUP => self.form_later(Asks::Group, by, trigger),
                ids::SHORTCUT_DONE | ids::SHORTCUT_MINE => self.mine_later(by, trigger),
                _ => tracing::warn!(callback, "an unknown shortcut"),
            },
            Inbound::Command {
                command,
                text,
                by,
                trigger,
            } => match (command.as_str(), text.trim().to_lowercase().as_str()) {
                ("/group-access", _) | (_, "group") => self.form_later(Asks::Group, by, trigger),
                ("/my-access" | "/done", _) | (_, "mine" | "done") => self.mine_later(by, trigger),
                (_, "") => self.form_later(Asks::Access, by, trigger),
                _ => return SlackReply::json(&json!({"response_type": "ephemeral", "text": HELP})),
            },
            Inbound::Press(press) => {
                let app = self.clone();
                self.later(async move { app.press(&press).await });
            }
            Inbound::Chosen { action, form, by } => {
                let app = self.clone();
                self.later(async move { app.chosen(&action, &form, &by).await });
            }
            Inbound::Suggest {
                action,
                typed,
                form,
                by,
            } => {
                let suggested = self.suggest(&action, &typed, &form, &by);
                let suggested = tokio::time::timeout(CHOICES_PATIENCE, suggested).await;
                return suggested.unwrap_or_else(|_| SlackReply::json(&json!({"options": []})));
            }
            Inbound::Submit { form, by } => return self.submit(form, by).await,
        }
        SlackReply::fine()
    }

    fn form_later(&self, asks: Asks, by: SlackActor, trigger: String) {
        let app = self.clone();
        self.later(async move { app.open_form(asks, &by, &trigger).await });
    }

    fn mine_later(&self, by: SlackActor, trigger: String) {
        let app = self.clone();
        self.later(async move { app.open_mine(&by, &trigger).await });
    }

    /// Queues work to run after the answer.
    pub(crate) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        let room = Arc::clone(&self.inner.work);
        let work = async move {
            let _room = room.acquire_owned().await;
            work.await;
        };
        tokio::spawn(work.in_current_span());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Returns a stored request with its result: for rendering, not for decisions.
    pub(crate) async fn stored(
        &self,
        id: RequestId,
    ) -> Result<Option<(Request, Option<Grant>)>, hallpass_access::ReadError> {
        let Some(request) = self.inner.store.request(id).await? else {
            return Ok(None);
        };
        let request = Box::pin(self.inner.access.as_counted(request)).await?;
        let grant = match request.grant {
            Some(id) => self.inner.store.grant(id).await?,
            None => None,
        };
        let grant = match grant {
            Some(grant) => Some(self.inner.access.as_told(grant).await?),
            None => None,
        };
        Ok(Some((request, grant)))
    }

    /// Logs an internal error under a short name that the user sees.
    pub(crate) fn trouble(
        &self,
        what: &'static str,
        error: &(dyn std::error::Error + 'static),
    ) -> String {
        let reference = self.reference();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(reference, what, error = %error, cause, "a call from Slack failed");
        if let Some(AccessError::Commit(CommitError::Unavailable(_))) = error.downcast_ref() {
            return format!(
                "It is not known whether that worked: the store did not confirm it. Check My access or the page \
                 before trying again. Reference {reference}."
            );
        }
        format!("That didn't work; nothing changed. Reference {reference}.")
    }

    fn reference(&self) -> String {
        const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        let count = self.inner.references.fetch_add(1, Ordering::Relaxed);
        let seconds = u32::try_from(self.now().as_second() & 0xfffff).unwrap_or(0);
        let mut number = seconds.wrapping_mul(2_654_435_761).wrapping_add(count);
        let mut name = String::new();
        for _ in 0..4 {
            let place = usize::try_from(number % 32).unwrap_or(0);
            name.push(char::from(LETTERS.get(place).copied().unwrap_or(b'2')));
            number /= 32;
        }
        name
    }

    /// Explains why a Slack user is unknown. `can_decide` names other approvers.
    pub(crate) fn unknown(&self, unknown: &Unknown, can_decide: &[String]) -> String {
        match unknown {
            Unknown::Foreign => {
                let others = match can_decide {
                    [] => String::new(),
                    names => format!(" {} can decide.", escape(&lists::any_of(names))),
                };
                format!(
                    "Your Slack account belongs to another workspace, so I can't match you.{others}"
                )
            }
            Unknown::Nobody => format!(
                "No person in Identity Center has your e-mail. Ask {}.",
                self.inner.setup.contact
            ),
            Unknown::Ambiguous => {
                "Your e-mail matches more than one person. An admin must fix that first.".to_owned()
            }
            Unknown::Slack(error) => self.trouble("asking Slack about a user", error),
        }
    }

    pub(crate) fn zone_of(&self, known: &KnownPerson) -> jiff::tz::TimeZone {
        let named = known.slack.tz.as_deref();
        named
            .and_then(|name| jiff::tz::TimeZone::get(name).ok())
            .unwrap_or_else(|| self.inner.setup.zone.clone())
    }
}

const HELP: &str = "`/access` requests access, `/access group` a group. `/access mine` shows your access, `/access \
    done` ends it early.";
