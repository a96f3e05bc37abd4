//! Applies the app's answer; shows an error to the person without one.

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{AppReply, AwaitedAnswer, Prepared};
use crate::slack::{
    blocks::{inputs, offered},
    methods::{Draft, fit},
    workspace::{ElementPlace, Shown, Workspace},
};

const TROUBLE: &str = "We had some trouble connecting. Try again?";

#[derive(Debug, Default)]
pub(crate) struct ActOutcome {
    pub seen: Option<String>,
    pub told: Map<String, Value>,
}

impl ActOutcome {
    fn seen(sentence: impl Into<String>) -> Self {
        Self {
            seen: Some(sentence.into()),
            told: Map::new(),
        }
    }

    /// The first sentence is for the person, the second for the tester.
    fn wrong(sentence: &str, why: &str) -> Self {
        let mut outcome = Self::seen(sentence);
        outcome.told.insert("wrong_answer".to_owned(), why.into());
        outcome
    }
}

pub(crate) fn conclude(
    space: &mut Workspace,
    prepared: &Prepared,
    reply: &AppReply,
    now: Millis,
) -> ActOutcome {
    match &prepared.after {
        AwaitedAnswer::Acknowledged if reply.is_good() => ActOutcome::default(),
        AwaitedAnswer::Acknowledged => {
            let app = &space.settings.app_name;
            ActOutcome::seen(format!("{app} did not respond. Try again."))
        }
        AwaitedAnswer::Command { name, channel } => {
            command(space, &prepared.user, name, channel, reply, now)
        }
        AwaitedAnswer::Submitted { view } => submitted(space, &prepared.user, view, reply, now),
        AwaitedAnswer::Offered { place } => offer(space, place, reply),
    }
}

fn command(
    space: &mut Workspace,
    user: &str,
    name: &str,
    channel: &str,
    reply: &AppReply,
    now: Millis,
) -> ActOutcome {
    if !reply.is_good() {
        let error = match (reply.late, reply.status) {
            (true, _) => "operation_timeout".to_owned(),
            (false, Some(status)) => format!("dispatch_failed (http {status})"),
            (false, None) => "dispatch_failed".to_owned(),
        };
        return ActOutcome::seen(format!("{name} failed with the error “{error}”"));
    }
    let body = reply.body.trim();
    if body.is_empty() {
        return ActOutcome::default();
    }
    let said: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({ "text": body }));
    let text = said.get("text").and_then(Value::as_str).map(str::to_owned);
    let blocks = said.get("blocks").cloned();
    if text.is_none() && blocks.is_none() {
        return ActOutcome::default();
    }
    let draft = match Draft::check(text, blocks) {
        Ok(draft) => draft,
        Err(refused) => {
            let why = format!("{}: {}", refused.error, refused.messages.join("; "));
            let sentence = format!("{name} failed with the error “{}”", refused.error);
            return ActOutcome::wrong(&sentence, &why);
        }
    };
    let mut message = space.app_message(channel);
    if said.get("response_type").and_then(Value::as_str) != Some("in_channel") {
        message.only_for = Some(user.to_owned());
    }
    space.say(message, draft, now);
    ActOutcome::default()
}

fn submitted(
    space: &mut Workspace,
    user: &str,
    id: &str,
    reply: &AppReply,
    now: Millis,
) -> ActOutcome {
    if !reply.is_good() {
        return ActOutcome::seen(TROUBLE);
    }
    let body = reply.body.trim();
    let said: Value = if body.is_empty() {
        json!({})
    } else {
        match serde_json::from_str(body) {
            Ok(said @ Value::Object(_)) => said,
            _ => return ActOutcome::wrong(TROUBLE, "the answer is not a JSON object"),
        }
    };
    let view = said.get("view").cloned().unwrap_or_default();
    match said.get("response_action").and_then(Value::as_str) {
        None => {
            space.drop_view(id, Shown::Submitted);
            ActOutcome::default()
        }
        Some("clear") => {
            space.drop_view(id, Shown::Submitted);
            space.close_all(user);
            ActOutcome::default()
        }
        Some("errors") => errors(space, id, &said),
        Some("update") => match fit(&view) {
            Ok(content) => {
                space.replace_view(id, content, now);
                ActOutcome::default()
            }
            Err(refused) => ActOutcome::wrong(TROUBLE, &refused.messages.join("; ")),
        },
        Some("push") => {
            let pushed = fit(&view).and_then(|view| space.show_view(user, view, Some(id), now));
            match pushed {
                Ok(_) => ActOutcome::default(),
                Err(refused) => {
                    let why = format!("{}: {}", refused.error, refused.messages.join("; "));
                    ActOutcome::wrong(TROUBLE, &why)
                }
            }
        }
        Some(other) => ActOutcome::wrong(TROUBLE, &format!("unknown response_action `{other}`")),
    }
}

fn errors(space: &mut Workspace, id: &str, said: &Value) -> ActOutcome {
    let Some(view) = space.views.get_mut(id) else {
        return ActOutcome::default();
    };
    let Some(found) = said.get("errors").and_then(Value::as_object) else {
        return ActOutcome::wrong(TROUBLE, "`errors` is not an object");
    };
    let known = inputs(&view.content);
    if let Some(other) = found.keys().find(|key| !known.contains(&key.as_str())) {
        let why = format!("`errors` names `{other}`, which is no input block");
        return ActOutcome::wrong(TROUBLE, &why);
    }
    let sentences = found
        .iter()
        .filter_map(|(block, sentence)| Some((block.clone(), sentence.as_str()?.to_owned())));
    view.errors = sentences.collect();
    let mut outcome = ActOutcome::default();
    outcome.told.insert("errors".to_owned(), json!(view.errors));
    space.revision += 1;
    outcome
}

fn offer(space: &mut Workspace, place: &ElementPlace, reply: &AppReply) -> ActOutcome {
    let nothing = "No results. The app did not answer in time.";
    let mut outcome = if reply.is_good() {
        let said = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
        match offered(&said) {
            Ok(options) => {
                let mut outcome = ActOutcome::default();
                outcome.told.insert("options".to_owned(), json!(options));
                if let Some(groups) = said.get("option_groups") {
                    outcome
                        .told
                        .insert("option_groups".to_owned(), groups.clone());
                }
                space.offered.insert(place.clone(), options);
                outcome
            }
            Err(messages) => ActOutcome::wrong("No results.", &messages.join("; ")),
        }
    } else {
        ActOutcome::seen(nothing)
    };
    outcome.told.entry("options").or_insert_with(|| json!([]));
    outcome
}
