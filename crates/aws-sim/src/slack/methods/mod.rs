//! The Web API (`simulator.md` K-1): methods, scopes, rates and the dispatch table.

mod chat;
mod conversations;
mod people;
mod rates;
mod views;

use crate::base::Millis;
use serde_json::{Map, Value, json};

pub(crate) use chat::{Draft, card, complete};
pub(crate) use views::{fit, shown, state};

use super::workspace::Workspace;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MethodError {
    pub error: String,
    pub messages: Vec<String>,
    pub extra: Vec<(String, Value)>,
    /// Seconds; with it the answer is a 429.
    pub retry_after: Option<u64>,
}

impl MethodError {
    pub(crate) fn new(error: &str) -> Self {
        Self {
            error: error.to_owned(),
            messages: Vec::new(),
            extra: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn because(mut self, messages: Vec<String>) -> Self {
        self.messages = messages;
        self
    }

    pub(crate) fn ratelimited(seconds: u64) -> Self {
        let mut refused = Self::new("ratelimited");
        refused.retry_after = Some(seconds.max(1));
        refused
    }

    fn missing(name: &str) -> Self {
        let text = format!("[ERROR] missing required field: {name}");
        Self::new("invalid_arguments").because(vec![text])
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("ok".to_owned(), false.into());
        body.insert("error".to_owned(), self.error.clone().into());
        body.extend(self.extra.clone());
        if !self.messages.is_empty() {
            let metadata = json!({ "messages": self.messages });
            body.insert("response_metadata".to_owned(), metadata);
        }
        Value::Object(body)
    }
}

/// A method's answer; the caller adds `ok`.
pub(crate) type MethodResult = Result<Map<String, Value>, MethodError>;

#[derive(Debug)]
pub(crate) struct MethodCall<'a> {
    pub method: &'a str,
    pub token: Option<&'a str>,
    pub arguments: &'a Map<String, Value>,
    pub host: &'a str,
    pub throttle: bool,
    pub now: Millis,
}

type Method = fn(&mut Workspace, &MethodCall<'_>) -> MethodResult;

#[derive(Clone, Copy, PartialEq, Eq)]
enum WantedToken {
    Bot,
    App,
}

const HISTORY: &[&str] = &[
    "channels:history",
    "groups:history",
    "im:history",
    "mpim:history",
];

/// Name, token, any of these scopes (empty: no scope), function.
const METHODS: &[(&str, WantedToken, &[&str], Method)] = &[
    ("api.test", WantedToken::Bot, &[], api_test),
    ("auth.test", WantedToken::Bot, &[], people::auth_test),
    (
        "chat.postMessage",
        WantedToken::Bot,
        &["chat:write"],
        chat::post,
    ),
    (
        "chat.update",
        WantedToken::Bot,
        &["chat:write"],
        chat::update,
    ),
    (
        "chat.postEphemeral",
        WantedToken::Bot,
        &["chat:write"],
        chat::post_ephemeral,
    ),
    (
        "chat.delete",
        WantedToken::Bot,
        &["chat:write"],
        chat::delete,
    ),
    ("chat.getPermalink", WantedToken::Bot, &[], chat::permalink),
    (
        "reactions.add",
        WantedToken::Bot,
        &["reactions:write"],
        chat::react,
    ),
    ("views.open", WantedToken::Bot, &[], views::open),
    ("views.update", WantedToken::Bot, &[], views::update),
    ("views.push", WantedToken::Bot, &[], views::push),
    (
        "usergroups.users.list",
        WantedToken::Bot,
        &["usergroups:read"],
        people::user_group,
    ),
    (
        "users.info",
        WantedToken::Bot,
        &["users:read"],
        people::info,
    ),
    (
        "users.lookupByEmail",
        WantedToken::Bot,
        &["users:read.email"],
        people::lookup,
    ),
    (
        "conversations.members",
        WantedToken::Bot,
        &["channels:read", "groups:read", "im:read", "mpim:read"],
        conversations::members,
    ),
    (
        "conversations.open",
        WantedToken::Bot,
        &["im:write", "mpim:write", "channels:manage", "groups:write"],
        conversations::open,
    ),
    (
        "conversations.info",
        WantedToken::Bot,
        &["channels:read", "groups:read", "im:read", "mpim:read"],
        conversations::info,
    ),
    (
        "conversations.history",
        WantedToken::Bot,
        HISTORY,
        conversations::history,
    ),
    (
        "conversations.replies",
        WantedToken::Bot,
        HISTORY,
        conversations::replies,
    ),
    (
        "apps.connections.open",
        WantedToken::App,
        &[],
        people::connections_open,
    ),
];

fn api_test(_: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    if let Some(error) = text(call, "error") {
        return Err(MethodError::new(error));
    }
    Ok(object(json!({ "args": call.arguments })))
}

pub(crate) fn answer(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let found = METHODS.iter().find(|(name, ..)| *name == call.method);
    let Some((name, kind, scopes, method)) = found else {
        let mut refused = MethodError::new("unknown_method");
        refused
            .extra
            .push(("req_method".to_owned(), call.method.into()));
        return Err(refused);
    };
    if *name != "api.test" {
        check_token(space, call, *kind)?;
        check_scopes(space, scopes)?;
    }
    if call.throttle {
        rates::take(space, call)?;
    }
    method(space, call)
}

fn check_token(
    space: &Workspace,
    call: &MethodCall<'_>,
    kind: WantedToken,
) -> Result<(), MethodError> {
    let Some(token) = call.token.filter(|token| !token.is_empty()) else {
        return Err(MethodError::new("not_authed"));
    };
    let settings = &space.settings;
    let given = if token == settings.bot_token {
        WantedToken::Bot
    } else if token == settings.app_token {
        WantedToken::App
    } else {
        return Err(MethodError::new("invalid_auth"));
    };
    if given == kind {
        Ok(())
    } else {
        Err(MethodError::new("not_allowed_token_type"))
    }
}

fn check_scopes(space: &Workspace, scopes: &[&str]) -> Result<(), MethodError> {
    let held = &space.settings.scopes;
    if scopes.is_empty()
        || scopes
            .iter()
            .any(|scope| held.iter().any(|one| one == scope))
    {
        return Ok(());
    }
    Err(missing_scope(space, scopes))
}

fn missing_scope(space: &Workspace, needed: &[&str]) -> MethodError {
    let mut refused = MethodError::new("missing_scope");
    refused
        .extra
        .push(("needed".to_owned(), needed.join(",").into()));
    let provided = space.settings.scopes.join(",");
    refused.extra.push(("provided".to_owned(), provided.into()));
    refused
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn text<'a>(call: &MethodCall<'a>, name: &str) -> Option<&'a str> {
    let given = call.arguments.get(name)?.as_str()?;
    (!given.is_empty()).then_some(given)
}

fn need<'a>(call: &MethodCall<'a>, name: &str) -> Result<&'a str, MethodError> {
    text(call, name).ok_or_else(|| MethodError::missing(name))
}

/// Returns a whole number; forms send digits.
fn number(call: &MethodCall<'_>, name: &str) -> Result<Option<u64>, MethodError> {
    let wrong = || {
        let text = format!("[ERROR] must be a whole number [json-pointer:/{name}]");
        MethodError::new("invalid_arguments").because(vec![text])
    };
    match call.arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(digits)) if digits.is_empty() => Ok(None),
        Some(Value::String(digits)) => digits.parse().map(Some).map_err(|_| wrong()),
        Some(value) => value.as_u64().map(Some).ok_or_else(wrong),
    }
}

/// Returns a switch; forms send `true` or `1`.
fn flag(call: &MethodCall<'_>, name: &str) -> bool {
    match call.arguments.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => ["true", "1"].contains(&text.as_str()),
        _ => false,
    }
}

/// Returns a structure, also from JSON text.
///
/// # Errors
/// The given error if it is not JSON.
fn structure(call: &MethodCall<'_>, name: &str, error: &str) -> Result<Option<Value>, MethodError> {
    match call.arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| MethodError::new(error)),
        Some(value) => Ok(Some(value.clone())),
    }
}
