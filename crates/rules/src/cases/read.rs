//! Reads one case: its keys, and all that is wrong with them.

use std::str::FromStr;

use hallpass_model::{Email, Span, Timestamp};

use crate::{
    diagnostic::{Code, Diagnostic, nearest, shorten},
    engine::Rules,
    read,
    syntax::{Entry, Node, Value},
};

/// The keys of a case.
const KEYS: [&str; 12] = [
    "id",
    "requester",
    "account",
    "permission_set",
    "group",
    "click",
    "statements",
    "group_statements",
    "at",
    "for",
    "reason",
    "ticket",
];

/// Keys that say something to people and nothing to us.
const REMARKS: [&str; 6] = ["note", "why", "comment", "expect", "title", "description"];

/// A case as it was read. Targets are kept as written: one that cannot exist is invalid, not an
/// error.
pub(super) struct Case {
    pub(super) requester: Email,
    pub(super) target: Wanted,
    pub(super) click: Option<Email>,
    pub(super) at: Option<Timestamp>,
    pub(super) duration: Option<Span>,
    pub(super) reason: Option<String>,
    pub(super) ticket: Option<String>,
    has_rules: bool,
}

pub(super) enum Wanted {
    Account {
        account: String,
        permission_set: String,
    },
    Group(String),
}

/// Reads a case; on errors also looks at the lists it brings, so that all are reported at once.
pub(super) fn read(root: &Node) -> Result<Case, Vec<Diagnostic>> {
    let Value::Map(entries) = &root.value else {
        let message = format!("a case is an object, not {}", root.kind());
        return Err(vec![Diagnostic::error(
            Code::BadType,
            root.position,
            message,
        )]);
    };
    let mut reader = Reader {
        root,
        errors: entries.iter().filter_map(unknown).collect(),
    };
    let target = reader.target();
    let requester = reader.parsed("requester", Code::BadEmail, "an e-mail address");
    if requester.is_none() {
        reader.missing("requester");
    }
    let click = reader.parsed("click", Code::BadEmail, "an e-mail address");
    let at = reader.parsed(
        "at",
        Code::BadCase,
        "an instant like `2026-03-02T10:05:00Z`",
    );
    let duration = reader.parsed("for", Code::BadDuration, "a duration like `2h` or `02:00`");
    let (reason, ticket) = (reader.text("reason"), reader.text("ticket"));
    let has_rules = ["statements", "group_statements"]
        .iter()
        .any(|key| root.get(key).is_some());
    let mut errors = reader.errors;
    match (requester, target) {
        (Some(requester), Some(target)) if errors.is_empty() => Ok(Case {
            requester,
            target,
            click,
            at,
            duration,
            reason,
            ticket,
            has_rules,
        }),
        _ => {
            errors.extend(read::load_lists(root, "").err().into_iter().flatten());
            Err(errors)
        }
    }
}

impl Case {
    /// The rules that the case brings along, if it does.
    pub(super) fn own_rules(
        &self,
        root: &Node,
        line: &str,
    ) -> Result<Option<Rules>, Vec<Diagnostic>> {
        if !self.has_rules {
            return Ok(None);
        }
        read::load_lists(root, line).map(Some)
    }
}

struct Reader<'a> {
    root: &'a Node,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The text of a key; null is the same as absent.
    fn text(&mut self, key: &str) -> Option<String> {
        let node = self.root.get(key)?;
        match &node.value {
            Value::Null => None,
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                let message = format!("{} where a string is due", node.kind());
                let error = Diagnostic::error(Code::BadType, node.position, message);
                self.errors.push(error.field(key).value(&node.shown()));
                None
            }
        }
    }

    fn parsed<T: FromStr>(&mut self, key: &str, code: Code, due: &str) -> Option<T> {
        let text = self.text(key)?;
        let value = text.parse().ok();
        if value.is_none() {
            let position = self
                .root
                .get(key)
                .map_or(self.root.position, |node| node.position);
            let message = format!("`{}` is not {due}", shorten(&text));
            self.errors.push(
                Diagnostic::error(code, position, message)
                    .field(key)
                    .value(&text),
            );
        }
        value
    }

    fn target(&mut self) -> Option<Wanted> {
        let [account, set, group] = ["account", "permission_set", "group"].map(|k| self.text(k));
        match (account, set, group) {
            (Some(account), Some(permission_set), None) => Some(Wanted::Account {
                account,
                permission_set,
            }),
            (None, None, Some(group)) => Some(Wanted::Group(group)),
            (_, _, Some(_)) => {
                let message =
                    "a case asks for a permission set in an account or for a group, not both";
                self.errors.push(Diagnostic::error(
                    Code::BadCase,
                    self.root.position,
                    message,
                ));
                None
            }
            (None, _, None) => {
                self.missing("account");
                None
            }
            (Some(_), None, None) => {
                self.missing("permission_set");
                None
            }
        }
    }

    /// Notes that a key is missing, unless something else is wrong with it.
    fn missing(&mut self, key: &str) {
        if self
            .errors
            .iter()
            .any(|error| error.field.as_deref() == Some(key))
        {
            return;
        }
        let help = "a case is {\"id\", \"requester\", \"account\", \"permission_set\"} or \
                    {\"id\", \"requester\", \"group\"}";
        let message = format!("`{key}` is missing");
        let error = Diagnostic::error(Code::MissingField, self.root.position, message);
        self.errors.push(error.field(key).help(help));
    }
}

fn unknown(entry: &Entry) -> Option<Diagnostic> {
    let key = entry.key.as_str();
    if KEYS.contains(&key) || REMARKS.contains(&key) {
        return None;
    }
    let help = match nearest(key, KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", KEYS.join(", ")),
    };
    let message = format!("`{}` is not a known key", shorten(key));
    let error = Diagnostic::error(Code::UnknownField, entry.position, message);
    Some(error.field(key).value(&entry.value.shown()).help(help))
}
