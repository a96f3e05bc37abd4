//! `views.*`, and rendering of views.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    MethodCall, MethodError, MethodResult, chat::bot_id, complete, need, object, structure, text,
};
use crate::slack::{
    blocks::{VIEW_BYTES_MAX, check_view},
    workspace::{ModalView, Shown, TRIGGER_MS, Trigger, Workspace},
};

/// Maximum stacked modals.
const LEVELS: usize = 3;

/// Validates a view.
///
/// # Errors
/// `view_too_large`, `invalid_arguments` with the places.
pub(crate) fn fit(view: &Value) -> Result<Map<String, Value>, MethodError> {
    if view.to_string().len() > VIEW_BYTES_MAX {
        return Err(MethodError::new("view_too_large"));
    }
    let messages = check_view(view);
    if !messages.is_empty() {
        return Err(MethodError::new("invalid_arguments").because(messages));
    }
    Ok(object(view.clone()))
}

fn given(call: &MethodCall<'_>) -> Result<Map<String, Value>, MethodError> {
    let view = structure(call, "view", "invalid_arguments")?;
    fit(&view.ok_or_else(|| MethodError::missing("view"))?)
}

fn spend(space: &mut Workspace, id: &str, now: Millis) -> Result<Trigger, MethodError> {
    let unknown = || MethodError::new("invalid_trigger_id");
    let trigger = space.triggers.get_mut(id).ok_or_else(unknown)?;
    if now - trigger.at > TRIGGER_MS {
        return Err(MethodError::new("expired_trigger_id"));
    }
    if trigger.used {
        return Err(MethodError::new("exchanged_trigger_id"));
    }
    trigger.used = true;
    Ok(trigger.clone())
}

impl Workspace {
    fn external_id_taken(&self, content: &Map<String, Value>, but: Option<&str>) -> bool {
        let wanted = content.get("external_id").and_then(Value::as_str);
        let Some(wanted) = wanted.filter(|id| !id.is_empty()) else {
            return false;
        };
        self.views.values().any(|view| {
            let own = view.content.get("external_id").and_then(Value::as_str);
            view.shown == Shown::Open && own == Some(wanted) && Some(view.id.as_str()) != but
        })
    }

    fn hash(&mut self, now: Millis) -> String {
        format!("{}.{}", now / 1_000, self.token(8))
    }

    fn completed(&mut self, mut content: Map<String, Value>) -> Map<String, Value> {
        if let Some(blocks) = content.get_mut("blocks") {
            complete(self, blocks);
        }
        content
    }

    /// Pushes a view onto a person's stack; returns its id.
    ///
    /// # Errors
    /// `duplicate_external_id`, `push_limit_reached`.
    pub(crate) fn show_view(
        &mut self,
        user: &str,
        content: Map<String, Value>,
        on_top_of: Option<&str>,
        now: Millis,
    ) -> Result<String, MethodError> {
        if self.external_id_taken(&content, None) {
            return Err(MethodError::new("duplicate_external_id"));
        }
        let levels = self.stacks.get(user).map_or(0, Vec::len);
        if on_top_of.is_some() && levels >= LEVELS {
            return Err(MethodError::new("push_limit_reached"));
        }
        let (id, hash) = (self.id("V", 10), self.hash(now));
        let below = on_top_of.and_then(|id| self.views.get(id));
        let root = below.map_or_else(|| id.clone(), |view| view.root.clone());
        let content = self.completed(content);
        if on_top_of.is_none() {
            self.close_all(user);
        }
        let view = ModalView {
            id: id.clone(),
            user: user.to_owned(),
            root,
            previous: on_top_of.map(str::to_owned),
            hash,
            shown: Shown::Open,
            content,
            values: BTreeMap::new(),
            errors: BTreeMap::new(),
            earlier: Vec::new(),
            opened: now,
        };
        self.views.insert(id.clone(), view);
        self.stacks
            .entry(user.to_owned())
            .or_default()
            .push(id.clone());
        self.revision += 1;
        Ok(id)
    }

    /// Replaces a view's content. Input stays where block and action are equal.
    pub(crate) fn replace_view(&mut self, id: &str, content: Map<String, Value>, now: Millis) {
        let content = self.completed(content);
        let hash = self.hash(now);
        if let Some(view) = self.views.get_mut(id) {
            let before = std::mem::replace(&mut view.content, content);
            view.earlier.push(Value::Object(before));
            view.hash = hash;
            view.errors.clear();
            let stays = elements(&view.content);
            view.values.retain(|block, actions| {
                actions.retain(|action, _| {
                    stays.iter().any(|(b, element)| {
                        b == block
                            && element.get("action_id").and_then(Value::as_str) == Some(action)
                    })
                });
                !actions.is_empty()
            });
        }
        self.revision += 1;
    }

    /// Removes a view and all above it.
    pub(crate) fn drop_view(&mut self, id: &str, how: Shown) {
        let Some(user) = self.views.get(id).map(|view| view.user.clone()) else {
            return;
        };
        let stack = self.stacks.entry(user).or_default();
        if let Some(at) = stack.iter().position(|one| one == id) {
            for gone in stack.split_off(at) {
                if let Some(view) = self.views.get_mut(&gone) {
                    view.shown = how;
                }
            }
        }
        self.revision += 1;
    }

    pub(crate) fn close_all(&mut self, user: &str) {
        let bottom = self
            .stacks
            .get(user)
            .and_then(|stack| stack.first())
            .cloned();
        if let Some(bottom) = bottom {
            self.drop_view(&bottom, Shown::Closed);
        }
    }
}

fn elements(content: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    let blocks = content.get("blocks").and_then(Value::as_array);
    for block in blocks.into_iter().flatten() {
        let id = block
            .get("block_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let single = ["element", "accessory"]
            .iter()
            .filter_map(|name| block.get(name));
        let many = block.get("elements").and_then(Value::as_array);
        for element in single.chain(many.into_iter().flatten()) {
            let kind = element
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let holds = !["button", "image", "overflow", "plain_text", "mrkdwn"].contains(&kind);
            if holds && element.get("action_id").is_some() {
                found.push((id, element));
            }
        }
    }
    found
}

/// Returns the member that holds an element's value, and its initial value.
fn untouched(element: &Value) -> Value {
    let kind = element
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let start = |name: &str| element.get(name).cloned().unwrap_or(Value::Null);
    match kind {
        "plain_text_input" => json!({ "type": kind, "value": start("initial_value") }),
        "checkboxes" | "multi_static_select" | "multi_external_select" => {
            let chosen = element.get("initial_options").cloned();
            json!({ "type": kind, "selected_options": chosen.unwrap_or_else(|| json!([])) })
        }
        "datepicker" => json!({ "type": kind, "selected_date": start("initial_date") }),
        "datetimepicker" => {
            json!({ "type": kind, "selected_date_time": start("initial_date_time") })
        }
        "timepicker" => json!({ "type": kind, "selected_time": start("initial_time") }),
        "users_select" => json!({ "type": kind, "selected_user": start("initial_user") }),
        _ => json!({ "type": kind, "selected_option": start("initial_option") }),
    }
}

/// `state.values` of a view.
pub(crate) fn state(view: &ModalView) -> Value {
    let mut values: Map<String, Value> = Map::new();
    for (block, element) in elements(&view.content) {
        let action = element
            .get("action_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let held = view
            .values
            .get(block)
            .and_then(|actions| actions.get(action));
        let value = held.cloned().unwrap_or_else(|| untouched(element));
        let actions = values.entry(block).or_insert_with(|| json!({}));
        if let Some(actions) = actions.as_object_mut() {
            actions.insert(action.to_owned(), value);
        }
    }
    json!({ "values": values })
}

pub(crate) fn shown(space: &Workspace, view: &ModalView) -> Value {
    let mut shown = json!({
        "id": view.id,
        "team_id": space.settings.team,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": false,
        "notify_on_close": false,
        "close": null,
        "submit": null,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(view.content.clone());
        fields.insert("state".to_owned(), state(view));
        let rest = json!({
            "hash": view.hash,
            "previous_view_id": view.previous,
            "root_view_id": view.root,
            "app_id": space.settings.app_id,
            "app_installed_team_id": space.settings.team,
            "bot_id": bot_id(space),
        });
        fields.extend(object(rest));
    }
    shown
}

fn reply(space: &Workspace, id: &str) -> Map<String, Value> {
    let view = space.views.get(id).map(|view| shown(space, view));
    object(json!({ "view": view }))
}

/// `views.open`
pub(super) fn open(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let trigger = need(call, "trigger_id")?;
    let content = given(call)?;
    if space.external_id_taken(&content, None) {
        return Err(MethodError::new("duplicate_external_id"));
    }
    let trigger = spend(space, trigger, call.now)?;
    let id = space.show_view(&trigger.user, content, None, call.now)?;
    Ok(reply(space, &id))
}

/// `views.push`
pub(super) fn push(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let trigger = need(call, "trigger_id")?;
    let content = given(call)?;
    let trigger = spend(space, trigger, call.now)?;
    let below = trigger.view.as_ref().and_then(|_| space.top(&trigger.user));
    let below = below.map(|view| view.id.clone());
    let below = below.ok_or_else(|| MethodError::new("not_found"))?;
    let id = space.show_view(&trigger.user, content, Some(&below), call.now)?;
    Ok(reply(space, &id))
}

/// `views.update`
pub(super) fn update(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let content = given(call)?;
    let wanted = |view: &&ModalView| match (text(call, "view_id"), text(call, "external_id")) {
        (Some(id), _) => view.id == id,
        (None, Some(id)) => view.content.get("external_id").and_then(Value::as_str) == Some(id),
        (None, None) => false,
    };
    if text(call, "view_id").is_none() && text(call, "external_id").is_none() {
        return Err(MethodError::missing("view_id"));
    }
    let found = space
        .views
        .values()
        .filter(|view| view.shown == Shown::Open)
        .find(wanted);
    let (id, hash) = match found {
        Some(view) => (view.id.clone(), view.hash.clone()),
        None => return Err(MethodError::new("not_found")),
    };
    if text(call, "hash").is_some_and(|given| given != hash) {
        return Err(MethodError::new("hash_conflict"));
    }
    if space.external_id_taken(&content, Some(&id)) {
        return Err(MethodError::new("duplicate_external_id"));
    }
    space.replace_view(&id, content, call.now);
    Ok(reply(space, &id))
}
