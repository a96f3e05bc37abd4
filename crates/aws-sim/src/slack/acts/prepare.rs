//! Parses an act, applies Slack's built-in effects and makes the app's request.

use crate::base::{Millis, Refusal};
use serde_json::{Map, Value, json};

use super::{
    Address, AwaitedAnswer, Delivery, Prepared, conflict,
    find::{Container, Element, container, element, view},
    inputs::{incomplete, value},
    not_found,
    payload::{action, base, place},
    text,
};
use crate::slack::{
    methods::shown,
    text::is_suspicious,
    workspace::{Shown, Workspace},
};

const KINDS: &[&str] = &[
    "click", "shortcut", "command", "type", "choose", "submit", "close",
];
const BESIDE: &[&str] = &["user", "text", "channel", "deliver", "settle_ms"];

struct PreparedAct<'a> {
    space: &'a mut Workspace,
    user: String,
    body: &'a Value,
    host: &'a str,
    now: Millis,
}

/// Parses an act.
///
/// # Errors
/// Unknown person, invisible element, unknown keys.
pub(crate) fn prepare(
    space: &mut Workspace,
    body: &Value,
    host: &str,
    now: Millis,
) -> Result<Prepared, Refusal> {
    let fields = body
        .as_object()
        .ok_or_else(|| Refusal::bad("", "expected an object"))?;
    let known = |key: &String| KINDS.contains(&key.as_str()) || BESIDE.contains(&key.as_str());
    if let Some(key) = fields.keys().find(|key| !known(key)) {
        return Err(Refusal::bad(key, "unknown key"));
    }
    let kinds: Vec<&str> = KINDS
        .iter()
        .copied()
        .filter(|kind| fields.contains_key(*kind))
        .collect();
    let [kind] = kinds.as_slice() else {
        return Err(Refusal::bad(
            "",
            &format!("give one of {}", KINDS.join(", ")),
        ));
    };
    let who = text(body, "user").ok_or_else(|| Refusal::bad("user", "is missing"))?;
    let person = space.person(who).filter(|person| !person.deleted);
    let person = person.ok_or_else(|| not_found(&format!("no user on Slack is `{who}`")))?;
    let mut act = PreparedAct {
        user: person.id.clone(),
        space,
        body,
        host,
        now,
    };
    match *kind {
        "click" => act.click(),
        "shortcut" => act.shortcut(),
        "command" => act.command(),
        "type" => act.type_in(),
        "choose" => act.choose(),
        "submit" => act.submit(),
        _ => act.close(),
    }
}

impl PreparedAct<'_> {
    fn part(&self, kind: &str) -> Value {
        self.body.get(kind).cloned().unwrap_or_default()
    }

    fn done(&self, delivery: Option<Delivery>, after: AwaitedAnswer) -> Prepared {
        Prepared {
            user: self.user.clone(),
            delivery,
            after,
            told: Map::new(),
        }
    }

    fn interaction(&self, payload: Map<String, Value>, after: AwaitedAnswer) -> Prepared {
        let delivery = Delivery {
            address: Address::Interactions,
            payload: Value::Object(payload),
        };
        self.done(Some(delivery), after)
    }

    fn click(&mut self) -> Result<Prepared, Refusal> {
        let body = self.part("click");
        let at = container(self.space, &self.user, &body)?;
        let found = element(&at, &body)?;
        if !["button", "overflow"].contains(&found.kind()) {
            let text = format!("a `{}` is not pressed: use choose", found.kind());
            return Err(Refusal::bad("click.action_id", &text));
        }
        if let Some(confirm) = found.element.get("confirm")
            && body.get("confirm") == Some(&Value::Bool(false))
        {
            let mut prepared = self.done(None, AwaitedAnswer::Acknowledged);
            prepared.told.insert("declined".to_owned(), confirm.clone());
            return Ok(prepared);
        }
        let chosen = match found.kind() {
            "overflow" => {
                let given = body.get("value").cloned().unwrap_or_default();
                value(self.space, &at, &found, &given)?
            }
            _ => Value::Null,
        };
        let mut prepared = self.fire(&at, &found, chosen);
        if let Some(url) = found.element.get("url") {
            prepared.told.insert("opens".to_owned(), url.clone());
        }
        Ok(prepared)
    }

    fn fire(&mut self, at: &Container, found: &Element, chosen: Value) -> Prepared {
        let ts = self.space.ts(self.now);
        let mut body = base(self.space, "block_actions", &self.user);
        let from = match at {
            Container::View(view) => Some(view.id.clone()),
            Container::Message(_) => None,
        };
        let trigger = self.space.trigger(&self.user, from, self.now);
        place(self.space, at, &mut body);
        body.insert("trigger_id".to_owned(), trigger.into());
        if let Container::Message(message) = at {
            let original = Some(message.ts.clone());
            let hook = self
                .space
                .hook(&self.user, &message.channel, original, self.now);
            body.insert("response_url".to_owned(), self.hook_url(&hook).into());
        }
        body.insert("actions".to_owned(), json!([action(found, chosen, &ts)]));
        self.interaction(body, AwaitedAnswer::Acknowledged)
    }

    fn hook_url(&self, hook: &str) -> String {
        format!("http://{}/_slack/response/{hook}", self.host)
    }

    fn shortcut(&mut self) -> Result<Prepared, Refusal> {
        let id = text(self.body, "shortcut")
            .ok_or_else(|| Refusal::bad("shortcut", "expected its callback id"))?;
        let mut body = base(self.space, "shortcut", &self.user);
        let (ts, trigger) = (
            self.space.ts(self.now),
            self.space.trigger(&self.user, None, self.now),
        );
        body.insert("callback_id".to_owned(), id.into());
        body.insert("trigger_id".to_owned(), trigger.into());
        body.insert("action_ts".to_owned(), ts.into());
        Ok(self.interaction(body, AwaitedAnswer::Acknowledged))
    }

    fn command(&mut self) -> Result<Prepared, Refusal> {
        let name = text(self.body, "command").filter(|name| name.starts_with('/'));
        let name = name.ok_or_else(|| Refusal::bad("command", "expected a name with a slash"))?;
        let typed = text(self.body, "text").unwrap_or_default();
        if is_suspicious(typed) {
            self.space.typed.insert(typed.to_owned());
        }
        let channel = self.place_of_command()?;
        let trigger = self.space.trigger(&self.user, None, self.now);
        let hook = self.space.hook(&self.user, &channel, None, self.now);
        let base = base(self.space, "command", &self.user);
        let settings = &self.space.settings;
        let room = self.space.channel(&channel);
        let room = room.map(|room| room.name.clone()).unwrap_or_default();
        let user_name = base.get("user").and_then(|user| user.get("name")).cloned();
        // Slack escapes the text of commands, unlike that of modals
        let escaped = typed
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let payload = json!({
            "token": base.get("token"),
            "team_id": settings.team,
            "team_domain": settings.team_name.to_lowercase(),
            "channel_id": channel,
            "channel_name": room,
            "user_id": self.user,
            "user_name": user_name,
            "command": name,
            "text": escaped,
            "api_app_id": settings.app_id,
            "is_enterprise_install": "false",
            "response_url": self.hook_url(&hook),
            "trigger_id": trigger,
        });
        let delivery = Delivery {
            address: Address::Commands,
            payload,
        };
        let after = AwaitedAnswer::Command {
            name: name.to_owned(),
            channel,
        };
        Ok(self.done(Some(delivery), after))
    }

    fn place_of_command(&mut self) -> Result<String, Refusal> {
        let Some(wanted) = text(self.body, "channel") else {
            let channels = self.space.channels.iter();
            let first = channels
                .filter(|one| one.with.is_none())
                .find(|one| one.is_seen_by(&self.user));
            let first = first.map(|channel| channel.id.clone());
            return Ok(first.unwrap_or_else(|| self.space.direct(&self.user)));
        };
        if wanted == "dm" {
            return Ok(self.space.direct(&self.user));
        }
        let wanted = wanted.trim_start_matches('#');
        let named =
            |one: &&crate::slack::workspace::Channel| one.id == wanted || one.name == wanted;
        let found = self
            .space
            .channels
            .iter()
            .filter(named)
            .find(|one| one.is_seen_by(&self.user));
        found
            .map(|channel| channel.id.clone())
            .ok_or_else(|| not_found("this person is in no such channel"))
    }

    fn type_in(&mut self) -> Result<Prepared, Refusal> {
        let body = self.part("type");
        let at = container(self.space, &self.user, &body)?;
        let found = element(&at, &body)?;
        let query = text(&body, "query")
            .or_else(|| text(&body, "text"))
            .unwrap_or_default();
        match found.kind() {
            "plain_text_input" => {
                let held = value(self.space, &at, &found, &Value::String(query.to_owned()))?;
                let at = self.keep(&at, &found, held);
                let on = found.element.get("dispatch_action_config");
                let on = on.and_then(|config| config.get("trigger_actions_on")?.as_array());
                let wanted = if body.get("enter") == Some(&Value::Bool(true)) {
                    "on_enter_pressed"
                } else {
                    "on_character_entered"
                };
                let listens = on.map_or(wanted == "on_enter_pressed", |on| {
                    on.iter().any(|one| one.as_str() == Some(wanted))
                });
                if found.dispatches() && listens {
                    return Ok(self.fire(&at, &found, json!({ "value": query })));
                }
                Ok(self.done(None, AwaitedAnswer::Acknowledged))
            }
            "external_select" | "multi_external_select" => Ok(self.suggest(&at, &found, query)),
            other => {
                let text = format!("nothing can be typed into a `{other}`");
                Err(Refusal::bad("type.action_id", &text))
            }
        }
    }

    fn suggest(&mut self, at: &Container, found: &Element, query: &str) -> Prepared {
        let least = found
            .element
            .get("min_query_length")
            .and_then(Value::as_u64)
            .unwrap_or(3);
        let typed = u64::try_from(query.chars().count()).unwrap_or(u64::MAX);
        if typed < least {
            let mut prepared = self.done(None, AwaitedAnswer::Acknowledged);
            prepared.told.insert("options".to_owned(), json!([]));
            prepared
                .told
                .insert("min_query_length".to_owned(), least.into());
            return prepared;
        }
        let mut body = base(self.space, "block_suggestion", &self.user);
        place(self.space, at, &mut body);
        body.shift_remove("state");
        body.insert("action_id".to_owned(), found.action_id().into());
        body.insert("block_id".to_owned(), found.block_id().into());
        body.insert("value".to_owned(), query.into());
        let place = (
            at.id().to_owned(),
            found.block_id().to_owned(),
            found.action_id().to_owned(),
        );
        self.interaction(body, AwaitedAnswer::Offered { place })
    }

    fn keep(&mut self, at: &Container, found: &Element, held: Value) -> Container {
        let Container::View(view) = at else {
            return at.clone();
        };
        self.space.revision += 1;
        let Some(view) = self.space.views.get_mut(&view.id) else {
            return at.clone();
        };
        let actions = view.values.entry(found.block_id().to_owned()).or_default();
        actions.insert(found.action_id().to_owned(), held);
        Container::View(Box::new(view.clone()))
    }

    fn choose(&mut self) -> Result<Prepared, Refusal> {
        let body = self.part("choose");
        let at = container(self.space, &self.user, &body)?;
        let found = element(&at, &body)?;
        if ["button", "plain_text_input", "overflow"].contains(&found.kind()) {
            let text = format!("nothing is chosen in a `{}`", found.kind());
            return Err(Refusal::bad("choose.action_id", &text));
        }
        let given = body.get("value").or_else(|| body.get("values"));
        let given = given.cloned().unwrap_or_default();
        let mut held = value(self.space, &at, &found, &given)?;
        let at = self.keep(&at, &found, held.clone());
        if !found.dispatches() {
            return Ok(self.done(None, AwaitedAnswer::Acknowledged));
        }
        if let Some(held) = held.as_object_mut() {
            held.shift_remove("type");
        }
        Ok(self.fire(&at, &found, held))
    }

    fn submit(&mut self) -> Result<Prepared, Refusal> {
        let body = self.part("submit");
        let id =
            text(&body, "view_id").ok_or_else(|| Refusal::bad("submit.view_id", "is missing"))?;
        let mut at = Container::View(Box::new(view(self.space, &self.user, id)?));
        let values = body.get("values").cloned().unwrap_or_else(|| json!({}));
        let values = values
            .as_object()
            .ok_or_else(|| Refusal::bad("submit.values", "expected an object"))?;
        for (block, actions) in values {
            let actions = actions.as_object().ok_or_else(|| {
                Refusal::bad(&format!("submit.values.{block}"), "expected an object")
            })?;
            for (action, given) in actions {
                let found = at.element(Some(block), action);
                let found = found.ok_or_else(|| {
                    not_found(&format!("the view has no input `{block}` / `{action}`"))
                })?;
                let held = value(self.space, &at, &found, given)?;
                at = self.keep(&at, &found, held);
            }
        }
        self.submission(id)
    }

    fn submission(&mut self, id: &str) -> Result<Prepared, Refusal> {
        let view = self
            .space
            .views
            .get_mut(id)
            .ok_or_else(|| not_found("no such view"))?;
        if !view.content.contains_key("submit") {
            return Err(conflict("no_submit", "the view has no button to submit it"));
        }
        view.errors = incomplete(view);
        self.space.revision += 1;
        let view = self
            .space
            .views
            .get(id)
            .cloned()
            .ok_or_else(|| not_found("no such view"))?;
        let after = AwaitedAnswer::Submitted {
            view: id.to_owned(),
        };
        if !view.errors.is_empty() {
            let mut prepared = self.done(None, after);
            prepared
                .told
                .insert("errors".to_owned(), json!(view.errors));
            return Ok(prepared);
        }
        let mut body = base(self.space, "view_submission", &self.user);
        let trigger = self
            .space
            .trigger(&self.user, Some(id.to_owned()), self.now);
        body.insert("trigger_id".to_owned(), trigger.into());
        body.insert("view".to_owned(), shown(self.space, &view));
        body.insert("response_urls".to_owned(), json!([]));
        Ok(self.interaction(body, after))
    }

    fn close(&mut self) -> Result<Prepared, Refusal> {
        let body = self.part("close");
        let id =
            text(&body, "view_id").ok_or_else(|| Refusal::bad("close.view_id", "is missing"))?;
        let closed = view(self.space, &self.user, id)?;
        let all = body.get("all") == Some(&Value::Bool(true));
        let on = |name: &str| closed.content.get(name) == Some(&Value::Bool(true));
        let cleared = all || on("clear_on_close");
        if cleared {
            self.space.close_all(&self.user);
        } else {
            self.space.drop_view(id, Shown::Closed);
        }
        if !on("notify_on_close") {
            return Ok(self.done(None, AwaitedAnswer::Acknowledged));
        }
        let mut body = base(self.space, "view_closed", &self.user);
        body.insert("view".to_owned(), shown(self.space, &closed));
        body.insert("is_cleared".to_owned(), cleared.into());
        Ok(self.interaction(body, AwaitedAnswer::Acknowledged))
    }
}
