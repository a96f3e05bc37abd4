//! Sends one mail per person, so that the `To` line reveals no other recipient.

mod form;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wording::alarm::alarm_letter;
use crate::wording::alert::alert_letter;
use crate::wording::notice::ReaderRole;
use crate::wording::notice::mail::{Letter, is_overtaken, letter};
use crate::wording::sweeps::digest_letter;
use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, NoticeContext, NoticeKind,
};
use hallpass_base::{Clock, Email, TimeSpan, text::line};
use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::SecretString;
use tokio::time::timeout;

use form::Envelope;

pub(crate) use server::is_loopback;

/// Limit of connecting, and of sending one mail. A notice has a minute (in the delivery loop), and
/// others may wait for the same server.
const CONVERSATION_MAX: Duration = Duration::from_secs(20);
/// Notices with remembered delivery state; the oldest are dropped first.
const REMEMBERED: usize = 1_000;
/// Permanent answers about the recipient (RFC 5321 §4.2.3): no such mailbox, not local, name not
/// allowed, a domain without mail (RFC 7504).
const NO_SUCH_MAILBOX: [u16; 4] = [550, 551, 553, 556];

#[derive(Clone, Debug)]
pub struct MailSettings {
    /// `smtp://user:password@host:587?tls=required`, or `smtps://` for TLS from the first byte.
    pub url: SecretString,
    /// The sender: an address, or `Name <address>`.
    pub from: String,
    pub to_requesters: bool,
    pub to_approvers: bool,
    /// Recipients of failed removals at AWS and of sweep results.
    pub alerts: Vec<String>,
    pub public_url: String,
}

/// Invalid settings. Never contains the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`mail.{key}`: {message}")]
pub struct MailSettingsError {
    pub key: &'static str,
    pub message: String,
}

impl MailSettingsError {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            key,
            message: message.into(),
        }
    }
}

pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: Mailbox,
    to_requesters: bool,
    to_approvers: bool,
    alerts: Vec<Email>,
    public_url: String,
    clock: Arc<dyn Clock>,
    unfinished: Mutex<BTreeMap<u64, Progress>>,
}

#[derive(Default)]
struct Progress {
    done: BTreeSet<Email>,
    /// The recipient at which the last attempt stopped. It comes last in the next attempt, so that
    /// the others get their mail even if the server hangs up at this one.
    stopped_at: Option<Email>,
}

impl Mail {
    /// Creates a channel without connecting.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn new(settings: &MailSettings, clock: Arc<dyn Clock>) -> Result<Self, MailSettingsError> {
        let from = settings.from.parse().map_err(|_| {
            let message = format!("`{}` is not an address", settings.from);
            MailSettingsError::new("from", message)
        })?;
        let alerts = settings
            .alerts
            .iter()
            .map(|text| Email::new(text))
            .collect::<Result<_, _>>()
            .map_err(|error| MailSettingsError::new("alerts", error.to_string()))?;
        let (transport, server) = server::transport(&settings.url, CONVERSATION_MAX)?;
        Ok(Self {
            transport,
            server,
            from,
            to_requesters: settings.to_requesters,
            to_approvers: settings.to_approvers,
            alerts,
            public_url: settings.public_url.trim_end_matches('/').to_owned(),
            clock,
            unfinished: Mutex::default(),
        })
    }

    /// Greets the server and signs in, as `hallpass server doctor` does; returns host and port.
    ///
    /// # Errors
    /// The server's or network's error.
    pub async fn probe(&self) -> Result<String, String> {
        match timeout(CONVERSATION_MAX, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(self.server.clone()),
            Ok(Ok(false)) => Err(format!("{} hangs up", self.server)),
            Ok(Err(error)) => Err(format!("{}: {}", self.server, reason(&error))),
            Err(_) => Err(self.too_slow()),
        }
    }

    fn too_slow(&self) -> String {
        let seconds = CONVERSATION_MAX.as_secs();
        format!("{}: not done within {seconds} s", self.server)
    }

    fn readers(&self, told: &NoticeContext) -> Vec<(Email, ReaderRole)> {
        if matches!(
            told.notice.kind(),
            NoticeKind::Stuck | NoticeKind::SessionsLive | NoticeKind::GuardActed
        ) {
            let operator = |email: &Email| (email.clone(), ReaderRole::Operator);
            return self.alerts.iter().map(operator).collect();
        }
        let requester = &told.request.requester.email;
        let actor = match &told.request.state {
            hallpass_access::RequestState::Discarded { by, .. } => Some(by),
            _ => None,
        };
        let all: BTreeSet<&Email> = told.notice.to.iter().collect();
        all.into_iter()
            .filter(|email| Some(*email) != actor)
            .map(|email| {
                let own = email == requester;
                let reader = if own {
                    ReaderRole::Requester
                } else {
                    ReaderRole::Approver
                };
                (email.clone(), reader)
            })
            .filter(|(_, reader)| match reader {
                ReaderRole::Requester => self.to_requesters,
                ReaderRole::Approver => self.to_approvers,
                ReaderRole::Operator => true,
            })
            .collect()
    }

    fn unsent(&self, number: u64, mut letters: Vec<(Email, Letter)>) -> Vec<(Email, Letter)> {
        let unfinished = self.unfinished.lock();
        let unfinished = unfinished.unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = unfinished.get(&number) {
            letters.retain(|(to, _)| !progress.done.contains(to));
            letters.sort_by_key(|(to, _)| progress.stopped_at.as_ref() == Some(to));
        }
        letters
    }

    fn note(&self, number: u64, change: impl FnOnce(&mut Progress)) {
        let unfinished = self.unfinished.lock();
        let mut unfinished = unfinished.unwrap_or_else(PoisonError::into_inner);
        change(unfinished.entry(number).or_default());
        while unfinished.len() > REMEMBERED {
            unfinished.pop_first();
        }
    }

    fn forget(&self, number: u64) {
        let unfinished = self.unfinished.lock();
        let mut unfinished = unfinished.unwrap_or_else(PoisonError::into_inner);
        unfinished.remove(&number);
    }

    async fn send_all(&self, about: &MailSubject, letters: Vec<(Email, Letter)>) -> Delivery {
        let all = letters.len();
        let mut refused = Vec::new();
        let mut later = None;
        for (to, letter) in self.unsent(about.number, letters) {
            match self.send(about, &to, &letter).await {
                Ok(()) => self.note(about.number, |it| {
                    it.done.insert(to);
                }),
                Err(MailFailure::ForGood(why)) => {
                    tracing::warn!(to = %to, about = about.id, why, "a mail is not accepted and not tried again");
                    refused.push(why);
                    // no retry for it when others are retried
                    self.note(about.number, |it| {
                        it.done.insert(to);
                    });
                }
                // a full mailbox does not block other recipients
                Err(MailFailure::OneForNow(why)) => later = Some(why),
                // the others would fail too, each with a connection
                Err(MailFailure::ForNow(why)) => {
                    self.note(about.number, |it| it.stopped_at = Some(to));
                    later = Some(why);
                    break;
                }
            }
        }
        if let Some(why) = later {
            return Delivery::Again {
                after: TimeSpan::ZERO,
                why,
            };
        }
        self.forget(about.number);
        match refused.pop() {
            Some(why) if refused.len() + 1 == all => Delivery::GaveUp { why },
            _ => Delivery::Done,
        }
    }

    async fn send(
        &self,
        about: &MailSubject,
        to: &Email,
        letter: &Letter,
    ) -> Result<(), MailFailure> {
        let envelope = Envelope {
            from: &self.from,
            to,
            number: about.number,
            about: &about.id,
            link: &about.link,
        };
        let message = envelope
            .seal(letter)
            .map_err(|error| MailFailure::ForGood(error.to_string()))?;
        match timeout(CONVERSATION_MAX, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(MailFailure::ForNow(self.too_slow())),
            Ok(Err(error)) => Err(self.failure(&error).await),
        }
    }

    /// Classifies an error: permanent for one recipient, temporary, or for all mails.
    async fn failure(&self, error: &SmtpError) -> MailFailure {
        let why = format!("{}: {}", self.server, reason(error));
        // RFC 5321 §4.2.1; second digit: 2 and 3 are connection and sign-in, 5 is the mailbox, 0 is
        // the form of the message
        let code = error.status().map(u16::from);
        match code.map(|code| (code, code / 100, code / 10 % 10)) {
            Some((code, ..)) if NO_SUCH_MAILBOX.contains(&code) => MailFailure::ForGood(why),
            Some((_, _, 5)) => MailFailure::OneForNow(why),
            Some((_, _, 2 | 3)) => MailFailure::ForNow(why),
            Some((_, 5, _)) => self.ends_unless_server_is_down(why).await,
            // lettre's own refusal, such as of an address that needs SMTPUTF8
            None if error.is_client() => self.ends_unless_server_is_down(why).await,
            _ => MailFailure::ForNow(why),
        }
    }

    /// A permanent error concerns only this mail if the server still accepts connections.
    async fn ends_unless_server_is_down(&self, why: String) -> MailFailure {
        match self.probe().await {
            Ok(_) => MailFailure::ForGood(why),
            Err(_) => MailFailure::ForNow(why),
        }
    }
}

impl Mail {
    /// Mails one person without a notice. Equal `number` and `about` give the same `Message-ID`,
    /// which readers treat as the same mail.
    ///
    /// # Errors
    /// Temporary or permanent failure.
    pub async fn post(
        &self,
        to: &Email,
        letter: &Letter,
        (number, about, page): (u64, &str, &str),
    ) -> Result<(), PostError> {
        let about = MailSubject {
            number,
            id: about.to_owned(),
            link: format!("{}{page}", self.public_url),
        };
        self.send(&about, to, letter)
            .await
            .map_err(|failure| match failure {
                MailFailure::ForNow(why) | MailFailure::OneForNow(why) => PostError::ForNow(why),
                MailFailure::ForGood(why) => PostError::ForGood(why),
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    #[error("{0}")]
    ForNow(String),
    #[error("{0}")]
    ForGood(String),
}

struct MailSubject {
    number: u64,
    id: String,
    link: String,
}

enum MailFailure {
    ForNow(String),
    OneForNow(String),
    ForGood(String),
}

/// An error with its causes. SMTP answers contain addresses and server details, never mail text.
fn reason(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    line(&text, 300)
}

#[async_trait]
impl Channel for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        if is_overtaken(told) {
            self.forget(told.number);
            return Delivery::Done;
        }
        let now = self.clock.now();
        let readers = self.readers(told).into_iter();
        let letters = readers.map(|(to, reader)| (to, letter(told, reader, now)));
        let id = told.request.id.to_string();
        let about = MailSubject {
            number: told.number,
            link: format!("{}/requests/{id}", self.public_url),
            id,
        };
        self.send_all(&about, letters.collect()).await
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        let letter = digest_letter(&told.digest);
        let readers = self.alerts.iter().cloned();
        let letters = readers.map(|to| (to, letter.clone()));
        let id = told.sweep.id.to_string();
        let about = MailSubject {
            number: told.number,
            link: format!("{}/sweeps/{id}", self.public_url),
            id,
        };
        self.send_all(&about, letters.collect()).await
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        let letter = alarm_letter(&told.alarm);
        let readers = self.alerts.iter().cloned();
        let letters = readers.map(|to| (to, letter.clone()));
        let about = MailSubject {
            number: told.number,
            id: format!(
                "alarm-{}-{}",
                told.alarm.alarm,
                told.alarm.since.as_second()
            ),
            link: format!("{}/health", self.public_url),
        };
        self.send_all(&about, letters.collect()).await
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        let letter = alert_letter(&told.alert);
        let mut readers: BTreeSet<Email> = self.alerts.iter().cloned().collect();
        let others = told.alert.mail_to.iter();
        readers.extend(others.filter_map(|it| Email::new(it).ok()));
        let letters = readers.into_iter().map(|to| (to, letter.clone()));
        let about = MailSubject {
            number: told.number,
            id: format!("alert-{}", told.alert.alert.as_str().replace('/', "-")),
            link: format!("{}/alerts", self.public_url),
        };
        self.send_all(&about, letters.collect()).await
    }
}

#[cfg(test)]
mod tests;
