//! Services of tickets: one file each. What people type never changes the called path: a text that
//! cannot be a key of the service is no ticket, without a call.

mod comments;
#[cfg(test)]
mod edited_tests;
mod github;
mod jira;
mod json;
mod linear;
mod service_now;
#[cfg(test)]
mod simulated_tests;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_access::{TicketComment, TicketFault, TicketSource};
use hallpass_base::Email;
use hallpass_rules::Assignee;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

pub use self::comments::TicketComments;
pub use crate::outside_service::OutsideSettingsError;
use crate::outside_service::{OutsideService, ServiceAnswer, ServiceFault, is_safe, wrong};

/// Characters of a text that may be a key.
const TEXT_MAX: usize = 100;
/// Characters of a key, state or project that a service answers.
const NAME_MAX: usize = 200;
const LINK_MAX: usize = 500;
const COMMENT_TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketKind {
    Jira,
    ServiceNow,
    Github,
    Linear,
    Json,
}

/// A service, as configured.
#[derive(Clone, Debug)]
pub struct TicketSettings {
    pub kind: TicketKind,
    pub url: Option<String>,
    pub user: Option<String>,
    pub token: Option<SecretString>,
    /// The repository, or the table of `ServiceNow`.
    pub project: Option<String>,
}

/// Makes a source without a call.
///
/// # Errors
/// The first invalid setting.
pub fn source(settings: &TicketSettings) -> Result<Arc<dyn TicketSource>, OutsideSettingsError> {
    let kind = settings.kind;
    if settings.user.is_some() && !matches!(kind, TicketKind::Jira | TicketKind::ServiceNow) {
        return Err(wrong(
            "user",
            "is only possible with `kind = \"jira\"` and `kind = \"service_now\"`",
        ));
    }
    if settings.project.is_some() && !matches!(kind, TicketKind::Github | TicketKind::ServiceNow) {
        return Err(wrong(
            "project",
            "is only possible with `kind = \"github\"` and `kind = \"service_now\"`",
        ));
    }
    Ok(match kind {
        TicketKind::Jira => Arc::new(jira::Jira::new(settings)?),
        TicketKind::ServiceNow => Arc::new(service_now::ServiceNow::new(settings)?),
        TicketKind::Github => Arc::new(github::GithubIssues::new(settings)?),
        TicketKind::Linear => Arc::new(linear::Linear::new(settings)?),
        TicketKind::Json => Arc::new(json::JsonTickets::new(settings)?),
    })
}

/// `scheme` is written before the token, with its space.
fn service(
    settings: &TicketSettings,
    default: Option<&str>,
    scheme: &str,
) -> Result<OutsideService, OutsideSettingsError> {
    let url = settings.url.as_deref().or(default);
    OutsideService::new(url)?.with_token(scheme, settings.token.as_ref())
}

/// A user with a password or token, or a token alone.
fn service_of_user(settings: &TicketSettings) -> Result<OutsideService, OutsideSettingsError> {
    let service = service(settings, None, "Bearer ")?.needing_token()?;
    let (Some(user), Some(token)) = (&settings.user, &settings.token) else {
        return Ok(service);
    };
    if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
        return Err(wrong("user", "is no user name"));
    }
    let pair = STANDARD.encode(format!("{user}:{}", token.expose_secret()));
    service.authorized(&format!("Basic {pair}"))
}

impl From<ServiceFault> for TicketFault {
    fn from(fault: ServiceFault) -> Self {
        Self(fault.words())
    }
}

fn fault(why: &str) -> TicketFault {
    TicketFault(why.to_owned())
}

fn unknown_form(what: &str) -> TicketFault {
    TicketFault(format!(
        "the answer has no `{what}`, as its documented form has"
    ))
}

/// `None` if the service has no such thing. The caller bounds the time.
async fn read(call: RequestBuilder) -> Result<Option<Value>, TicketFault> {
    let found = ServiceAnswer::to(call).await?.found()?;
    Ok(found.map(|answer| answer.json()).transpose()?)
}

/// What is gone by now takes no comment, which is no fault.
async fn write(call: RequestBuilder) -> Result<(), TicketFault> {
    ServiceAnswer::to(call).await?.found()?;
    Ok(())
}

async fn in_time(
    comment: impl Future<Output = Result<(), TicketFault>> + Send,
) -> Result<(), TicketFault> {
    let said = tokio::time::timeout(COMMENT_TIME, comment).await;
    said.unwrap_or_else(|_| Err(fault("no answer in time")))
}

fn list<'a>(answer: &'a Value, pointer: &str) -> Result<&'a [Value], TicketFault> {
    let list = answer.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| match pointer {
        "" => fault("the answer is no list"),
        _ => unknown_form(&dotted(pointer)),
    })
}

/// A name that people read and rules compare.
fn name_at(answer: &Value, pointer: &str) -> Result<String, TicketFault> {
    let name = answer.pointer(pointer).and_then(Value::as_str);
    let name = name.filter(|name| {
        !name.trim().is_empty()
            && name.chars().count() <= NAME_MAX
            && !name.chars().any(char::is_control)
    });
    name.map(|name| name.trim().to_owned())
        .ok_or_else(|| unknown_form(&dotted(pointer)))
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// Services hide addresses by the settings of their users.
fn person(address: Option<&Value>) -> Assignee {
    let address = address.and_then(Value::as_str);
    match address.map(Email::new) {
        Some(Ok(address)) => Assignee::Person(address),
        Some(Err(_)) | None => Assignee::WithoutAddress,
    }
}

/// A link that people may be offered.
fn link(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(is_safe)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let url = String::from(url);
    (is_plain && url.len() <= LINK_MAX).then_some(url)
}

/// A key of Jira and of Linear, in capital letters: `OPS-12`.
fn project_key(text: &str) -> Option<String> {
    let (project, number) = text.split_once('-')?;
    let mut letters = project.chars();
    let is_project = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && project.len() <= 31;
    (is_project && is_number(number, 10)).then(|| text.to_ascii_uppercase())
}

fn is_number(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

fn written(comment: &TicketComment) -> String {
    format!("{}\n\n({})", comment.words, comment.marker)
}

/// Whether a comment with this marker is there.
fn is_there(
    comments: &[Value],
    member: &str,
    comment: &TicketComment,
) -> Result<bool, TicketFault> {
    // services that store rich text answer it with other escapes
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let marker = plain(&comment.marker);
    for there in comments {
        let text = there.get(member).and_then(Value::as_str);
        let text = text.ok_or_else(|| unknown_form(member))?;
        if plain(text).contains(&marker) {
            return Ok(true);
        }
    }
    Ok(false)
}
