//! Mails: one per person, so that nobody learns from a `To` line who else was told.

mod form;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, NoticeContext, NoticeKind,
};
use hallpass_model::{Clock, Email, TimeSpan, text::line};
use hallpass_wording::alarm::alarm_letter;
use hallpass_wording::alert::alert_letter;
use hallpass_wording::notice::ReaderRole;
use hallpass_wording::notice::mail::{Letter, is_overtaken, letter};
use hallpass_wording::sweeps::digest_letter;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::SecretString;
use tokio::time::timeout;

use form::Envelope;

pub(crate) use server::is_loopback;

/// The longest a connection may take to be made, and the conversation about one mail to end. A
/// notice has a minute (the delivery loop's), and others may wait for the same mail server.
const CONVERSATION_MAX: Duration = Duration::from_secs(20);
/// Notices of which it is remembered who has their mail; older ones are forgotten first.
const REMEMBERED: usize = 1_000;
/// Answers that speak of the recipient and not of the day (RFC 5321 §4.2.3): no such mailbox, not
/// local, name not allowed, a domain without mail (RFC 7504).
const NO_SUCH_MAILBOX: [u16; 4] = [550, 551, 553, 556];

/// The table `[mail]`.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// `smtp://user:password@host:587?tls=required`, or `smtps://` for TLS from the first byte.
    pub url: SecretString,
    /// The sender: an address, or `Name <address>`.
    pub from: String,
    /// Whether requesters are told.
    pub to_requesters: bool,
    /// Whether approvers are told.
    pub to_approvers: bool,
    /// Who is told when AWS refuses to remove access, and what sweeps find and do.
    pub alerts: Vec<String>,
    /// How people reach the server, for links.
    pub public_url: String,
}

/// Settings that cannot work. Says nothing of the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`mail.{key}`: {message}")]
pub struct MailSettingsError {
    /// Which key.
    pub key: &'static str,
    /// What is wrong with its value.
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

/// News by e-mail.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Host and port, for the log.
    server: String,
    from: Mailbox,
    to_requesters: bool,
    to_approvers: bool,
    alerts: Vec<Email>,
    public_url: String,
    clock: Arc<dyn Clock>,
    /// Who has the mail of a notice that has to be tried again for others.
    sent: Mutex<BTreeMap<u64, BTreeSet<Email>>>,
}

impl Mail {
    /// A channel with these settings. Nothing is connected to yet.
    ///
    /// # Errors
    /// The first setting that cannot work.
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
            sent: Mutex::default(),
        })
    }

    /// Greets the server and signs in, as `hallpass server doctor` does; the server's host and port.
    ///
    /// # Errors
    /// What the server, or the way to it, answered.
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

    /// Who gets a mail about it, and in which capacity.
    fn readers(&self, told: &NoticeContext) -> Vec<(Email, ReaderRole)> {
        if matches!(
            told.notice.kind(),
            NoticeKind::Stuck | NoticeKind::SessionsLive | NoticeKind::GuardActed
        ) {
            let operator = |email: &Email| (email.clone(), ReaderRole::Operator);
            return self.alerts.iter().map(operator).collect();
        }
        let requester = &told.request.requester.email;
        // who discards knows
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

    fn has_mail(&self, number: u64, email: &Email) -> bool {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.get(&number).is_some_and(|all| all.contains(email))
    }

    fn remember(&self, number: u64, email: Email) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.entry(number).or_default().insert(email);
        while sent.len() > REMEMBERED {
            sent.pop_first();
        }
    }

    fn forget(&self, number: u64) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.remove(&number);
    }

    /// A mail to each person who has none yet.
    async fn send_all(&self, about: &MailSubject, letters: Vec<(Email, Letter)>) -> Delivery {
        let all = letters.len();
        let mut refused = Vec::new();
        let mut later = None;
        for (to, letter) in letters {
            if self.has_mail(about.number, &to) {
                continue;
            }
            match self.send(about, &to, &letter).await {
                Ok(()) => self.remember(about.number, to),
                Err(MailFailure::ForGood(why)) => {
                    tracing::warn!(to = %to, about = about.id, why, "a mail is not accepted and not tried again");
                    refused.push(why);
                    // so that it is not tried again for the sake of others either
                    self.remember(about.number, to);
                }
                // a full mailbox keeps nobody else's mail back
                Err(MailFailure::OneForNow(why)) => later = Some(why),
                // the others would fail alike, and each would cost a connection
                Err(MailFailure::ForNow(why)) => {
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

    /// One mail to one person.
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
        // the transport itself bounds only how long connecting takes
        match timeout(CONVERSATION_MAX, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(MailFailure::ForNow(self.too_slow())),
            Ok(Err(error)) => {
                let why = format!("{}: {}", self.server, reason(&error));
                Err(match error.status().map(u16::from) {
                    Some(code) if NO_SUCH_MAILBOX.contains(&code) => MailFailure::ForGood(why),
                    // x5z is about where a mail goes to; the rest is about the server, or about us
                    Some(code) if code / 10 % 10 == 5 => MailFailure::OneForNow(why),
                    _ => MailFailure::ForNow(why),
                })
            }
        }
    }
}

impl Mail {
    /// One mail to one person, about something that no notice is about. The same `number` and `about` have the same
    /// `Message-ID`, which readers take for the same mail.
    ///
    /// # Errors
    /// Why it was not taken, for now or for good.
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

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It may be taken later.
    #[error("{0}")]
    ForNow(String),
    /// This person gets no mail.
    #[error("{0}")]
    ForGood(String),
}

/// What mails are about.
struct MailSubject {
    /// The notice's number.
    number: u64,
    /// The id of the request, or of the sweep.
    id: String,
    /// Its page.
    link: String,
}

/// Why a mail was not sent.
enum MailFailure {
    /// The server takes none.
    ForNow(String),
    /// It takes none for this person.
    OneForNow(String),
    ForGood(String),
}

/// An error with what caused it. SMTP answers speak of addresses and of the server, never of the
/// text of a mail.
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
            // its beginning and its end are one thread
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
        // addresses of a file, which was read with them
        let others = told.alert.mail_to.iter();
        readers.extend(others.filter_map(|it| Email::new(it).ok()));
        let letters = readers.into_iter().map(|to| (to, letter.clone()));
        let about = MailSubject {
            number: told.number,
            // all of a rule is one thread
            id: format!("alert-{}", told.alert.alert.as_str().replace('/', "-")),
            link: format!("{}/alerts", self.public_url),
        };
        self.send_all(&about, letters.collect()).await
    }
}

#[cfg(test)]
mod tests;
