//! What Slack sends, as one of few things it can mean. Parsed once, here; nothing behind this
//! looks at the raw form. What a button or a message says names things and permits nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Who did something, in Slack's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackActor {
    /// The user's id.
    pub user: String,
    /// The workspace the user belongs to.
    pub team: Option<String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePlace {
    /// Its channel.
    pub channel: String,
    /// Its timestamp, which is its id.
    pub ts: String,
}

/// A form as it is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SubmittedForm {
    /// The view's id.
    pub id: String,
    /// Which form it is.
    pub callback: String,
    /// What we gave it.
    pub metadata: String,
    /// What was typed or chosen: block → action → value. Nothing typed is no entry.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// What was chosen where several can be: block → values.
    pub several: BTreeMap<String, Vec<String>>,
}

impl SubmittedForm {
    /// What was chosen in a block where several can be.
    pub fn several(&self, block: &str) -> &[String] {
        self.several.get(block).map_or(&[], Vec::as_slice)
    }

    /// What was typed or chosen in a field.
    pub fn value(&self, block: &str, action: &str) -> Option<&str> {
        self.values.get(block)?.get(action).map(String::as_str)
    }
}

/// A pressed button of a message or a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Press {
    /// Which button.
    pub action: String,
    /// What it carries: a request's id.
    pub value: String,
    /// When it was pressed, by Slack's clock; tells presses apart.
    pub action_ts: String,
    /// Whose press.
    pub by: SlackActor,
    /// Lets one window be opened, for three seconds.
    pub trigger: String,
    /// The message the button is on; none on a page.
    pub place: Option<MessagePlace>,
    /// The message's blocks, to be put back without buttons when it is not ours; never read.
    pub blocks: Value,
    /// Where to answer the presser.
    pub response_url: Option<String>,
    /// The page the button is on.
    pub view: Option<SubmittedForm>,
}

/// What Slack sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// Slack looks whether we are there.
    Check,
    /// A global shortcut.
    Shortcut {
        /// The id of the shortcut, as the manifest names it.
        callback: String,
        /// Who used it.
        by: SlackActor,
        /// Lets one window be opened.
        trigger: String,
    },
    /// A slash command.
    Command {
        /// Its name, with the slash.
        command: String,
        /// What stands behind it.
        text: String,
        /// Who typed it.
        by: SlackActor,
        /// Lets one window be opened.
        trigger: String,
    },
    /// A button.
    Press(Box<Press>),
    /// Something was chosen in a form.
    Chosen {
        /// In which field.
        action: String,
        /// The form.
        form: SubmittedForm,
        /// Who chose.
        by: SlackActor,
    },
    /// Choices for what somebody types.
    Suggest {
        /// In which field.
        action: String,
        /// What is typed so far.
        typed: String,
        /// The form.
        form: SubmittedForm,
        /// Who types.
        by: SlackActor,
    },
    /// A form is sent.
    Submit {
        /// The form.
        form: SubmittedForm,
        /// Who sent the form.
        by: SlackActor,
    },
    /// Something that means nothing to us.
    Other,
}

/// What was sent is not what Slack sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not understood")]
pub struct NotUnderstood;

/// Whether a body is Slack looking whether we are there; such calls have no effect and need no
/// signature.
pub(crate) fn is_check(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "ssl_check" && value == "1")
}

/// Reads a form-encoded body.
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

/// Reads the payload of an interaction.
///
/// # Errors
/// When it is no JSON object of Slack's.
pub(crate) fn interaction(payload: &str) -> Result<Inbound, NotUnderstood> {
    let raw: RawPayload = serde_json::from_str(payload).map_err(|_| NotUnderstood)?;
    raw.read()
}

/// Reads the fields of a slash command.
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

/// What was chosen in a block where several can be.
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
