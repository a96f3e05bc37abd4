//! Finds elements, limited to those the person can see.

use crate::base::Refusal;
use serde_json::{Map, Value};

use super::{conflict, not_found, text};
use crate::slack::workspace::{Message, ModalView, Shown, Workspace};

#[derive(Debug, Clone)]
pub(super) struct Element {
    pub block: Map<String, Value>,
    pub element: Map<String, Value>,
}

impl Element {
    pub(super) fn kind(&self) -> &str {
        self.element
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn block_id(&self) -> &str {
        self.block
            .get("block_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn action_id(&self) -> &str {
        self.element
            .get("action_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn is_input(&self) -> bool {
        self.block.get("type").and_then(Value::as_str) == Some("input")
    }

    pub(super) fn dispatches(&self) -> bool {
        !self.is_input() || self.block.get("dispatch_action") == Some(&Value::Bool(true))
    }
}

#[derive(Debug, Clone)]
pub(super) enum Container {
    Message(Box<Message>),
    View(Box<ModalView>),
}

impl Container {
    /// Message timestamp or view id.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message(message) => &message.ts,
            Self::View(view) => &view.id,
        }
    }

    fn blocks(&self) -> Option<&Value> {
        match self {
            Self::Message(message) => message.latest().map(|latest| &latest.blocks),
            Self::View(view) => view.content.get("blocks"),
        }
    }

    pub(super) fn element(&self, block: Option<&str>, action: &str) -> Option<Element> {
        let blocks = self.blocks()?.as_array()?;
        for fields in blocks.iter().filter_map(Value::as_object) {
            let id = fields.get("block_id").and_then(Value::as_str);
            if block.is_some() && block != id {
                continue;
            }
            let single = ["element", "accessory"]
                .iter()
                .filter_map(|name| fields.get(*name));
            let many = fields.get("elements").and_then(Value::as_array);
            let found = single
                .chain(many.into_iter().flatten())
                .filter_map(Value::as_object)
                .find(|element| element.get("action_id").and_then(Value::as_str) == Some(action));
            if let Some(element) = found {
                return Some(Element {
                    block: fields.clone(),
                    element: element.clone(),
                });
            }
        }
        None
    }
}

pub(super) fn view(space: &Workspace, user: &str, id: &str) -> Result<ModalView, Refusal> {
    let found = space.views.get(id).filter(|view| view.user == user);
    let view = found.ok_or_else(|| not_found("this person has no such view"))?;
    if view.shown != Shown::Open {
        return Err(conflict("not_open", "the view is closed"));
    }
    if space.top(user).is_none_or(|top| top.id != id) {
        return Err(conflict("not_on_top", "another view stands on top of it"));
    }
    Ok(view.clone())
}

pub(super) fn container(space: &Workspace, user: &str, body: &Value) -> Result<Container, Refusal> {
    if let Some(id) = text(body, "view_id") {
        return view(space, user, id).map(|view| Container::View(Box::new(view)));
    }
    let ts = text(body, "message_ts")
        .ok_or_else(|| Refusal::bad("message_ts", "name a message_ts or a view_id"))?;
    let channel = text(body, "channel");
    let sees = |message: &&Message| {
        let own = message.only_for.as_deref().is_none_or(|only| only == user);
        let at = space.channel(&message.channel);
        own && at.is_some_and(|channel| channel.is_seen_by(user))
    };
    let found = space
        .messages
        .iter()
        .rev()
        .filter(|message| message.ts == ts && channel.is_none_or(|id| id == message.channel))
        .find(sees);
    match found {
        Some(message) if message.deleted => Err(conflict("deleted", "the message is gone")),
        Some(message) => Ok(Container::Message(Box::new(message.clone()))),
        None => Err(not_found("this person sees no such message")),
    }
}

pub(super) fn element(container: &Container, body: &Value) -> Result<Element, Refusal> {
    let action = text(body, "action_id")
        .ok_or_else(|| Refusal::bad("action_id", "expected the id of an element"))?;
    container
        .element(text(body, "block_id"), action)
        .ok_or_else(|| not_found(&format!("there is no element `{action}` to be seen")))
}
