use serde_json::{Map, Value};

pub(super) const PLAIN: &[&str] = &["plain_text"];
pub(super) const ANY: &[&str] = &["plain_text", "mrkdwn"];

#[derive(Debug, Default)]
pub(super) struct BlockErrors {
    pub messages: Vec<String>,
}

impl BlockErrors {
    pub(super) fn add(&mut self, path: &str, message: &str) {
        self.messages
            .push(format!("[ERROR] {message} [json-pointer:{path}]"));
    }

    pub(super) fn missing(&mut self, path: &str, field: &str) {
        self.add(path, &format!("missing required field: {field}"));
    }

    /// Allows 1 to `most` characters.
    pub(super) fn length(&mut self, path: &str, text: &str, most: usize) {
        let length = text.chars().count();
        if length == 0 {
            self.add(path, "must be more than 0 characters");
        } else if length > most {
            self.add(path, &format!("must be less than {} characters", most + 1));
        }
    }

    pub(super) fn string(
        &mut self,
        path: &str,
        fields: &Map<String, Value>,
        name: &str,
        most: usize,
    ) {
        match fields.get(name) {
            Some(Value::String(text)) if text.chars().count() > most => {
                self.length(&format!("{path}/{name}"), text, most);
            }
            None | Some(Value::String(_)) => {}
            Some(_) => self.add(&format!("{path}/{name}"), "must be a string"),
        }
    }

    pub(super) fn text_object(
        &mut self,
        path: &str,
        value: Option<&Value>,
        kinds: &[&str],
        most: usize,
    ) {
        let Some(fields) = value.and_then(Value::as_object) else {
            self.add(path, "must provide an object");
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => self.add(
                &format!("{path}/type"),
                &format!("must be one of {}, not {kind}", kinds.join(", ")),
            ),
            None => self.missing(path, "type"),
        }
        match fields.get("text") {
            Some(Value::String(text)) => self.length(&format!("{path}/text"), text, most),
            Some(_) => self.add(&format!("{path}/text"), "must be a string"),
            None => self.missing(path, "text"),
        }
    }

    pub(super) fn list<'a>(
        &mut self,
        path: &str,
        value: Option<&'a Value>,
        most: usize,
    ) -> &'a [Value] {
        let Some(items) = value.and_then(Value::as_array) else {
            self.add(path, "must provide an array");
            return &[];
        };
        if items.is_empty() {
            self.add(path, "no less than 1 items required");
        } else if items.len() > most {
            self.add(path, &format!("no more than {most} items allowed"));
        }
        items
    }
}
