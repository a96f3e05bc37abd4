//! Parses Slack's calls once into a few meanings. Buttons and messages name things and permit
//! nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackActor {
    pub user: String,
    pub team: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePlace {
    pub channel: String,
    /// The timestamp, which is the message id.
    pub ts: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SubmittedForm {
    pub id: String,
    pub callback: String,
    /// Metadata set by the app.
    pub metadata: String,
    /// block → action → value. Empty input has no entry.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Multiple choices: block → values.
    pub several: BTreeMap<String, Vec<String>>,
}

impl SubmittedForm {
    pub fn several(&self, block: &str) -> &[String] {
        self.several.get(block).map_or(&[], Vec::as_slice)
    }

    pub fn value(&self, block: &str, action: &str) -> Option<&str> {
        self.values.get(block)?.get(action).map(String::as_str)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Press {
    pub action: String,
    /// The request's id.
    pub value: String,
    /// Time of the press by Slack's clock; distinguishes presses.
    pub action_ts: String,
    pub by: SlackActor,
    /// Opens one window, valid for three seconds.
    pub trigger: String,
    /// The button's message; none on a page.
    pub place: Option<MessagePlace>,
    /// The message's blocks, to restore foreign ones without buttons; never parsed.
    pub blocks: Value,
    pub response_url: Option<String>,
    pub view: Option<SubmittedForm>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// Slack's availability check.
    Check,
    Shortcut {
        /// The id from the manifest.
        callback: String,
        by: SlackActor,
        trigger: String,
    },
    Command {
        /// With the slash.
        command: String,
        text: String,
        by: SlackActor,
        trigger: String,
    },
    Press(Box<Press>),
    Chosen {
        action: String,
        form: SubmittedForm,
        by: SlackActor,
    },
    Suggest {
        action: String,
        typed: String,
        form: SubmittedForm,
        by: SlackActor,
    },
    Submit {
        form: SubmittedForm,
        by: SlackActor,
    },
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not understood")]
pub struct NotUnderstood;

/// Returns whether a body is Slack's availability check, which has no effect and needs no
/// signature.
pub(crate) fn is_check(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "ssl_check" && value == "1")
}

/// Parses a form-encoded body.
///
/// # Errors
/// When it is neither an interaction nor a command.
pub(crate) fn parse(body: &[u8]) -> Result<Inbound, NotUnderstood> {
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    if let Some(payload) = fields.get("payload") {
        return interaction(payload);
    }
    if fields.contains_key("command") {
        let fields = serde_json::to_value(&fields).map_err(|_| NotUnderstood)?;
        return command(&fields);
    }
    Err(NotUnderstood)
}

/// Parses an interaction's payload.
///
/// # Errors
/// When it is no JSON object of Slack's.
pub(crate) fn interaction(payload: &str) -> Result<Inbound, NotUnderstood> {
    let raw: RawPayload = serde_json::from_str(payload).map_err(|_| NotUnderstood)?;
    raw.read()
}

/// Parses a slash command's fields.
///
/// # Errors
/// When there is no user.
pub(crate) fn command(fields: &Value) -> Result<Inbound, NotUnderstood> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Inbound::Command {
        command: text("command").unwrap_or_default(),
        text: text("text").unwrap_or_default(),
        by: SlackActor {
            user: text("user_id").ok_or(NotUnderstood)?,
            team: text("team_id"),
        },
        trigger: text("trigger_id").unwrap_or_default(),
    })
}

#[derive(Deserialize)]
struct RawPayload {
    #[serde(rename = "type")]
    kind: String,
    user: RawUser,
    team: Option<RawId>,
    #[serde(default)]
    trigger_id: Option<String>,
    callback_id: Option<String>,
    channel: Option<RawId>,
    container: Option<RawContainer>,
    message: Option<Value>,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<RawAction>,
    view: Option<RawView>,
    action_id: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct RawUser {
    id: String,
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct RawId {
    id: String,
}

#[derive(Deserialize)]
struct RawContainer {
    message_ts: Option<String>,
    channel_id: Option<String>,
}

#[derive(Deserialize)]
struct RawAction {
    action_id: String,
    value: Option<String>,
    selected_option: Option<RawOption>,
    action_ts: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct RawOption {
    value: String,
}

#[derive(Deserialize)]
struct RawView {
    id: String,
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: Option<String>,
    #[serde(default)]
    state: Option<RawState>,
}

#[derive(Deserialize)]
struct RawState {
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, RawField>>,
}

#[derive(Deserialize)]
struct RawField {
    value: Option<String>,
    selected_option: Option<RawOption>,
    selected_options: Option<Vec<RawOption>>,
    /// Seconds since 1970 in UTC.
    selected_date_time: Option<i64>,
}

impl RawPayload {
    fn read(self) -> Result<Inbound, NotUnderstood> {
        let by = SlackActor {
            user: self.user.id,
            team: self.user.team_id.or(self.team.map(|team| team.id)),
        };
        let trigger = self.trigger_id.unwrap_or_default();
        let form = self.view.map(RawView::read);
        match (self.kind.as_str(), form) {
            ("shortcut" | "message_action", _) => Ok(Inbound::Shortcut {
                callback: self.callback_id.ok_or(NotUnderstood)?,
                by,
                trigger,
            }),
            ("view_submission", Some(form)) => Ok(Inbound::Submit { form, by }),
            ("block_suggestion", Some(form)) => Ok(Inbound::Suggest {
                action: self.action_id.ok_or(NotUnderstood)?,
                typed: self.value.unwrap_or_default(),
                form,
                by,
            }),
            ("block_actions", view) => {
                let action = self.actions.into_iter().next().ok_or(NotUnderstood)?;
                let is_button = action.kind.as_deref().is_none_or(|kind| kind == "button")
                    && action.selected_option.is_none();
                if let (false, Some(form)) = (is_button, &view) {
                    return Ok(Inbound::Chosen {
                        action: action.action_id,
                        form: form.clone(),
                        by,
                    });
                }
                let container = self.container;
                let channel = container
                    .as_ref()
                    .and_then(|container| container.channel_id.clone())
                    .or(self.channel.map(|channel| channel.id));
                let ts = container.and_then(|container| container.message_ts);
                Ok(Inbound::Press(Box::new(Press {
                    action: action.action_id,
                    value: action.value.unwrap_or_default(),
                    action_ts: action.action_ts.unwrap_or_default(),
                    by,
                    trigger,
                    place: channel
                        .zip(ts)
                        .map(|(channel, ts)| MessagePlace { channel, ts }),
                    blocks: self
                        .message
                        .and_then(|mut message| message.get_mut("blocks").map(Value::take))
                        .unwrap_or_default(),
                    response_url: self.response_url,
                    view,
                })))
            }
            _ => Ok(Inbound::Other),
        }
    }
}

fn several(
    (block, fields): (&String, &BTreeMap<String, RawField>),
) -> Option<(String, Vec<String>)> {
    let chosen = fields
        .values()
        .find_map(|field| field.selected_options.as_ref())?;
    let chosen = chosen.iter().map(|option| option.value.clone());
    Some((block.clone(), chosen.collect()))
}

impl RawView {
    fn read(self) -> SubmittedForm {
        let values = self.state.map(|state| state.values).unwrap_or_default();
        SubmittedForm {
            id: self.id,
            callback: self.callback_id,
            metadata: self.private_metadata.unwrap_or_default(),
            several: values.iter().filter_map(several).collect(),
            values: values
                .into_iter()
                .map(|(block, fields)| {
                    let fields = fields.into_iter().filter_map(|(action, field)| {
                        let chosen = field.selected_option.map(|option| option.value);
                        let instant = field.selected_date_time.map(|at| at.to_string());
                        Some((action, chosen.or(instant).or(field.value)?))
                    });
                    (block, fields.collect())
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(payload: &Value) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes()
    }

    #[test]
    fn forms_come_with_what_was_typed_byte_for_byte() {
        let payload = json!({"type": "view_submission", "user": {"id": "U1", "team_id": "T1"},
        "view": {"id": "V1", "callback_id": "x", "private_metadata": "m", "state": {"values": {
            "provide_reason": {"provided_reason": {"type": "plain_text_input", "value": "a: b & <c>+%\n"}},
            "select_account": {"selected_account": {"type": "external_select",
                "selected_option": {"text": {}, "value": "111111111111"}}},
            "select_group": {"selected_group": {"type": "external_select", "selected_option": null}},
        }}}});
        let Ok(Inbound::Submit { form, by }) = parse(&body(&payload)) else {
            panic!("not a submission")
        };
        assert_eq!((by.user.as_str(), by.team.as_deref()), ("U1", Some("T1")));
        assert_eq!(
            form.value("provide_reason", "provided_reason"),
            Some("a: b & <c>+%\n")
        );
        assert_eq!(
            form.value("select_account", "selected_account"),
            Some("111111111111")
        );
        assert_eq!(form.value("select_group", "selected_group"), None);
    }

    #[test]
    fn presses_and_choices_are_told_apart() {
        let press = json!({"type": "block_actions", "user": {"id": "U1"}, "trigger_id": "t",
            "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
            "message": {"blocks": [{"type": "divider"}]}, "response_url": "https://r",
            "actions": [{"action_id": "approve", "block_id": "buttons", "type": "button", "value": "req_1", "action_ts": "9.9"}]});
        let Ok(Inbound::Press(press)) = parse(&body(&press)) else {
            panic!("not a press")
        };
        assert_eq!(
            (press.action.as_str(), press.value.as_str()),
            ("approve", "req_1")
        );
        assert_eq!(press.place.unwrap().ts, "1.2");
        let choice = json!({"type": "block_actions", "user": {"id": "U1"}, "view": {"id": "V1"},
            "actions": [{"action_id": "selected_account", "type": "external_select", "selected_option": {"value": "1"}}]});
        assert!(matches!(parse(&body(&choice)), Ok(Inbound::Chosen { .. })));
    }

    #[test]
    fn what_slack_does_not_send_is_not_understood() {
        for bad in [
            "",
            "a=b",
            "payload=",
            "payload=%7B",
            "payload=%5B%5D",
            "command=%2Faccess",
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(NotUnderstood), "{bad}");
        }
        let unknown = json!({"type": "view_closed", "user": {"id": "U1"}, "view": {"id": "V1"}});
        assert_eq!(parse(&body(&unknown)), Ok(Inbound::Other));
        assert!(is_check(b"ssl_check=1&token=x") && !is_check(b"ssl_check=0"));
    }
}
