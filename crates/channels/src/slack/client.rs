//! Slack's Web API client with three kinds of failure. Never logs the token; error texts contain no
//! secret addresses.

use std::time::Duration;

use hallpass_base::TimeSpan;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use crate::slack::blocks::{Block, SlackView, one_text};
use crate::slack::fault::SlackError;

/// Call timeout. Slack normally answers within a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a 429 that names none.
const PAUSE: TimeSpan = TimeSpan::seconds(30);
const PAGE: u32 = 1000;
/// Maximum pages of a listing.
const PAGES_MAX: u32 = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackUser {
    pub id: String,
    pub team: Option<String>,
    /// Missing for strangers and without `users:read.email`.
    pub email: Option<String>,
    pub tz: Option<String>,
    /// Deleted, or a bot.
    pub is_nobody: bool,
    pub is_stranger: bool,
    /// The user's workspaces in the same organization.
    pub teams: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Myself {
    pub team: String,
    pub team_name: String,
    pub user: String,
    pub scopes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outgoing<'a> {
    pub channel: &'a str,
    pub text: &'a str,
    #[serde(skip_serializing_if = "<[Block]>::is_empty")]
    pub blocks: &'a [Block],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<&'a str>,
    /// Identifies the message for a later search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    pub unfurl_links: bool,
}

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: SecretString,
}

impl Client {
    /// Makes a client for `base` (`https://slack.com/api`) with a bot token.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(base: &str, token: SecretString) -> Result<Self, SlackError> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unanswered("setting up", error))?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Returns the client with another token, such as the app's.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        Self {
            token,
            ..self.clone()
        }
    }

    pub async fn myself(&self) -> Result<Myself, SlackError> {
        let (answer, headers) = self
            .send("auth.test", self.post("auth.test", &json!({})))
            .await?;
        let scopes = headers
            .get("x-oauth-scopes")
            .and_then(|value| value.to_str().ok());
        Ok(Myself {
            team: text(&answer, "team_id"),
            team_name: text(&answer, "team"),
            user: text(&answer, "user_id"),
            scopes: scopes
                .map(|list| {
                    list.split(',')
                        .map(|scope| scope.trim().to_owned())
                        .collect()
                })
                .unwrap_or_default(),
        })
    }

    /// Posts a message; returns its timestamp.
    pub async fn post_message(&self, message: &Outgoing<'_>) -> Result<String, SlackError> {
        let answer = self.write("chat.postMessage", message).await?;
        Ok(text(&answer, "ts"))
    }

    pub async fn update(
        &self,
        channel: &str,
        ts: &str,
        words: &str,
        blocks: &impl Serialize,
    ) -> Result<(), SlackError> {
        let body = json!({"channel": channel, "ts": ts, "text": words, "blocks": blocks});
        self.write("chat.update", &body).await.map(drop)
    }

    /// Sends an ephemeral message.
    pub async fn whisper(&self, channel: &str, user: &str, words: &str) -> Result<(), SlackError> {
        self.whisper_with(channel, user, words, &one_text(words))
            .await
    }

    /// Sends an ephemeral message with blocks.
    ///
    /// # Errors
    /// `user_not_in_channel` when the user would not see it.
    pub async fn whisper_with(
        &self,
        channel: &str,
        user: &str,
        words: &str,
        blocks: &[Block],
    ) -> Result<(), SlackError> {
        let mut body = json!({"channel": channel, "user": user, "text": words});
        if !blocks.is_empty()
            && let Some(fields) = body.as_object_mut()
        {
            fields.insert("blocks".to_owned(), json!(blocks));
        }
        self.write("chat.postEphemeral", &body).await.map(drop)
    }

    /// Answers at a response address; needs no scope.
    pub async fn respond(&self, url: &str, words: &str) -> Result<(), SlackError> {
        let body = json!({"response_type": "ephemeral", "replace_original": false, "text": words,
            "blocks": one_text(words)});
        let sent = self.http.post(url).json(&body).send().await;
        let answer = sent.map_err(|error| unanswered("response_url", error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(SlackError::Refused {
            method: "response_url",
            code: answer.status().as_u16().to_string(),
            detail: String::new(),
        })
    }

    /// Opens a window; returns its id.
    ///
    /// # Errors
    /// `expired_trigger_id` three seconds after the press.
    pub async fn open_view(&self, trigger: &str, view: &SlackView) -> Result<String, SlackError> {
        let body = json!({"trigger_id": trigger, "view": view});
        let answer = self.write("views.open", &body).await?;
        Ok(answer
            .get("view")
            .map(|view| text(view, "id"))
            .unwrap_or_default())
    }

    pub async fn update_view(&self, id: &str, view: &SlackView) -> Result<(), SlackError> {
        let body = json!({"view_id": id, "view": view});
        self.write("views.update", &body).await.map(drop)
    }

    pub async fn user(&self, id: &str) -> Result<SlackUser, SlackError> {
        let answer = self.read("users.info", &[("user", id)]).await?;
        Ok(slack_user(answer.get("user").unwrap_or(&Value::Null)))
    }

    pub async fn user_by_email(&self, email: &str) -> Result<Option<SlackUser>, SlackError> {
        match self.read("users.lookupByEmail", &[("email", email)]).await {
            Ok(answer) => Ok(answer.get("user").map(slack_user)),
            Err(error) if error.code() == Some("users_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn direct(&self, user: &str) -> Result<String, SlackError> {
        let answer = self
            .write("conversations.open", &json!({"users": user}))
            .await?;
        Ok(answer
            .get("channel")
            .map(|channel| text(channel, "id"))
            .unwrap_or_default())
    }

    /// Returns all members of a channel, reading every page.
    pub async fn members(&self, channel: &str) -> Result<Vec<String>, SlackError> {
        let (mut members, mut cursor, limit) = (Vec::new(), String::new(), PAGE.to_string());
        for _ in 0..PAGES_MAX {
            let query = [("channel", channel), ("limit", &limit), ("cursor", &cursor)];
            let answer = self.read("conversations.members", &query).await?;
            let page = answer.get("members").and_then(Value::as_array);
            members.extend(
                page.into_iter()
                    .flatten()
                    .filter_map(|id| Some(id.as_str()?.to_owned())),
            );
            cursor = next_cursor(&answer);
            if cursor.is_empty() {
                return Ok(members);
            }
        }
        Ok(members)
    }

    /// The ids of the users of a user group; none while it is disabled.
    ///
    /// # Errors
    /// `missing_scope` without `usergroups:read`; `no_such_subteam`.
    pub async fn user_group(&self, group: &str) -> Result<Vec<String>, SlackError> {
        let query = [("usergroup", group)];
        let answer = self.read("usergroups.users.list", &query).await?;
        let users = answer.get("users").and_then(Value::as_array);
        let id = |id: &Value| id.as_str().map(str::to_owned);
        let users = users.and_then(|users| users.iter().map(id).collect());
        users.ok_or_else(|| unanswered_because("usergroups.users.list", "no `users`"))
    }

    pub async fn channel(&self, channel: &str) -> Result<Value, SlackError> {
        let answer = self
            .read("conversations.info", &[("channel", channel)])
            .await?;
        Ok(answer.get("channel").cloned().unwrap_or_default())
    }

    /// Finds the app's message of a kind about an id, posted after `oldest` (seconds).
    ///
    /// # Errors
    /// `missing_scope` where history may not be read.
    pub async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        oldest: i64,
        metadata: &Value,
    ) -> Result<Option<String>, SlackError> {
        let (method, oldest) = match thread {
            None => ("conversations.history", oldest.to_string()),
            Some(_) => ("conversations.replies", oldest.to_string()),
        };
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                ("channel", channel),
                ("oldest", &oldest),
                ("limit", "200"),
                ("include_all_metadata", "true"),
                ("cursor", &cursor),
            ];
            query.extend(thread.map(|ts| ("ts", ts)));
            let answer = self.read(method, &query).await?;
            let messages = answer.get("messages").and_then(Value::as_array);
            let found = messages.into_iter().flatten().find(|message| {
                let theirs = message.get("metadata").unwrap_or(&Value::Null);
                theirs.get("event_type") == metadata.get("event_type")
                    && theirs.get("event_payload") == metadata.get("event_payload")
            });
            if let Some(message) = found {
                return Ok(Some(text(message, "ts")));
            }
            cursor = next_cursor(&answer);
            if cursor.is_empty() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Returns the Socket Mode address, for an app token.
    pub async fn socket(&self) -> Result<String, SlackError> {
        let answer = self.write("apps.connections.open", &json!({})).await?;
        Ok(text(&answer, "url"))
    }

    async fn write(
        &self,
        method: &'static str,
        body: &impl Serialize,
    ) -> Result<Value, SlackError> {
        self.send(method, self.post(method, body))
            .await
            .map(|(answer, _)| answer)
    }

    /// Slack takes JSON for writes, but only forms for most reads.
    async fn read(
        &self,
        method: &'static str,
        query: &[(&str, &str)],
    ) -> Result<Value, SlackError> {
        let given: Vec<&(&str, &str)> = query
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let request = self
            .http
            .get(format!("{}/{method}", self.base))
            .query(&given);
        self.send(method, request).await.map(|(answer, _)| answer)
    }

    fn post(&self, method: &str, body: &impl Serialize) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/{method}", self.base))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .json(body)
    }

    async fn send(
        &self,
        method: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<(Value, header::HeaderMap), SlackError> {
        let mut bearer =
            header::HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret()))
                .map_err(|_| unanswered_because(method, "the token cannot be sent in a header"))?;
        bearer.set_sensitive(true);
        let sent = request.header(header::AUTHORIZATION, bearer).send().await;
        let answer = sent.map_err(|error| unanswered(method, error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status == StatusCode::TOO_MANY_REQUESTS {
            let after = headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            let after = after
                .and_then(|text| text.trim().parse().ok())
                .map(TimeSpan::seconds);
            return Err(SlackError::Limited {
                method,
                after: after.unwrap_or(PAUSE),
            });
        }
        if !status.is_success() {
            return Err(unanswered_because(
                method,
                &format!("HTTP {}", status.as_u16()),
            ));
        }
        let bytes = answer
            .bytes()
            .await
            .map_err(|error| unanswered(method, error))?;
        let answer: Value = serde_json::from_slice(&bytes)
            .map_err(|_| unanswered_because(method, "the answer is no JSON"))?;
        if answer.get("ok").and_then(Value::as_bool) == Some(true) {
            return Ok((answer, headers));
        }
        let code = text(&answer, "error");
        if code == "ratelimited" {
            return Err(SlackError::Limited {
                method,
                after: PAUSE,
            });
        }
        Err(SlackError::Refused {
            method,
            code,
            detail: detail(&answer),
        })
    }
}

/// Returns error details: the missing scope, the invalid member.
fn detail(answer: &Value) -> String {
    if let Some(needed) = answer.get("needed").and_then(Value::as_str) {
        return format!(" (needs {needed})");
    }
    let messages = answer
        .pointer("/response_metadata/messages")
        .and_then(Value::as_array);
    match messages.into_iter().flatten().find_map(Value::as_str) {
        // INVARIANT: these name members of the request; they do not repeat typed text
        Some(message) => format!(" ({})", message.chars().take(200).collect::<String>()),
        None => String::new(),
    }
}

fn slack_user(user: &Value) -> SlackUser {
    let flag = |name: &str| user.get(name).and_then(Value::as_bool).unwrap_or(false);
    let given = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let teams = user
        .pointer("/enterprise_user/teams")
        .and_then(Value::as_array);
    SlackUser {
        id: text(user, "id"),
        team: given(user.get("team_id")),
        email: given(user.pointer("/profile/email")),
        tz: given(user.get("tz")),
        is_nobody: flag("deleted") || flag("is_bot"),
        is_stranger: flag("is_stranger"),
        teams: teams
            .into_iter()
            .flatten()
            .filter_map(|team| Some(team.as_str()?.to_owned()))
            .collect(),
    }
}

fn next_cursor(answer: &Value) -> String {
    answer
        .pointer("/response_metadata/next_cursor")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn unanswered(method: &'static str, error: reqwest::Error) -> SlackError {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let why = if timed_out {
        "no answer in time".to_owned()
    } else {
        error.to_string()
    };
    SlackError::Unanswered { method, why }
}

fn unanswered_because(method: &'static str, why: &str) -> SlackError {
    SlackError::Unanswered {
        method,
        why: why.to_owned(),
    }
}
