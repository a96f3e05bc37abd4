//! Reads one case and reports all its problems.

use std::str::FromStr;

use hallpass_base::{Email, TimeSpan, Timestamp};

use crate::{
    diagnostic::{Diagnostic, FindingCode, nearest, shorten},
    engine::Rules,
    read,
    syntax::{MapEntry, Node, Value},
};

const KEYS: [&str; 14] = [
    "id",
    "requester",
    "account",
    "permission_set",
    "group",
    "click",
    "statements",
    "group_statements",
    "at",
    "duration",
    "duration_seconds",
    "for",
    "reason",
    "ticket",
];

const REMARKS: [&str; 6] = ["note", "why", "comment", "expect", "title", "description"];

/// A parsed case. Targets stay text: an impossible target is invalid, not an error.
pub(super) struct RuleCase {
    pub(super) requester: Email,
    pub(super) target: CaseTargetText,
    pub(super) click: Option<Email>,
    pub(super) at: Option<Timestamp>,
    pub(super) duration: Option<RequestedDuration>,
    pub(super) reason: Option<String>,
    pub(super) ticket: Option<String>,
    has_rules: bool,
}

pub(super) struct RequestedDuration {
    pub(super) key: &'static str,
    pub(super) span: TimeSpan,
}

pub(super) enum CaseTargetText {
    Account {
        account: String,
        permission_set: String,
    },
    Group(String),
}

/// Reads a case; on errors also checks its lists, to report all problems together.
pub(super) fn read(root: &Node) -> Result<RuleCase, Vec<Diagnostic>> {
    let Value::Map(entries) = &root.value else {
        let message = format!("a case is an object, not {}", root.kind());
        return Err(vec![Diagnostic::error(
            FindingCode::BadType,
            root.position,
            message,
        )]);
    };
    let mut reader = CaseFields {
        root,
        errors: entries.iter().filter_map(unknown).collect(),
    };
    let target = reader.target();
    let requester = reader.parsed("requester", FindingCode::BadEmail, "an e-mail address");
    if requester.is_none() {
        reader.missing("requester");
    }
    let click = reader.parsed("click", FindingCode::BadEmail, "an e-mail address");
    let at = reader.parsed(
        "at",
        FindingCode::BadCase,
        "an instant like `2026-03-02T10:05:00Z`",
    );
    let duration = reader.duration();
    let (reason, ticket) = (reader.text("reason"), reader.text("ticket"));
    let has_rules = ["statements", "group_statements"]
        .iter()
        .any(|key| root.get(key).is_some());
    let mut errors = reader.errors;
    match (requester, target) {
        (Some(requester), Some(target)) if errors.is_empty() => Ok(RuleCase {
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

impl RuleCase {
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

struct CaseFields<'a> {
    root: &'a Node,
    errors: Vec<Diagnostic>,
}

impl CaseFields<'_> {
    fn text(&mut self, key: &str) -> Option<String> {
        let node = self.root.get(key)?;
        match &node.value {
            Value::Null => None,
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                let message = format!("{} where a string is due", node.kind());
                let error = Diagnostic::error(FindingCode::BadType, node.position, message);
                self.errors.push(error.field(key).value(&node.shown()));
                None
            }
        }
    }

    fn parsed<T: FromStr>(&mut self, key: &str, code: FindingCode, due: &str) -> Option<T> {
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

    fn duration(&mut self) -> Option<RequestedDuration> {
        const TEXTS: [&str; 2] = ["duration", "for"];
        const SECONDS: &str = "duration_seconds";
        let given: Vec<(&str, &Node)> = [TEXTS[0], TEXTS[1], SECONDS]
            .into_iter()
            .filter_map(|key| Some((key, self.root.get(key)?)))
            .filter(|(_, node)| node.value != Value::Null)
            .collect();
        if let [_, (key, second), ..] = given.as_slice() {
            let message = "a case asks for one duration";
            let error = Diagnostic::error(FindingCode::BadCase, second.position, message);
            self.errors.push(error.field(key));
            return None;
        }
        for key in TEXTS {
            let due = "a duration like `90m`, `1h30m` or `01:30`";
            if let Some(span) = self.parsed(key, FindingCode::BadDuration, due) {
                return Some(RequestedDuration { key, span });
            }
        }
        let node = self.root.get(SECONDS).filter(|n| n.value != Value::Null)?;
        let seconds = match &node.value {
            Value::Number(number) => number.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        };
        if seconds.is_none() {
            let message = format!(
                "`{}` is not a whole number of seconds",
                shorten(&node.shown())
            );
            let error = Diagnostic::error(FindingCode::BadDuration, node.position, message);
            let help = "write `\"duration\": \"90m\"` for the other forms";
            self.errors
                .push(error.field(SECONDS).value(&node.shown()).help(help));
        }
        Some(RequestedDuration {
            key: SECONDS,
            span: TimeSpan::seconds(seconds?),
        })
    }

    fn target(&mut self) -> Option<CaseTargetText> {
        let [account, set, group] = ["account", "permission_set", "group"].map(|k| self.text(k));
        match (account, set, group) {
            (Some(account), Some(permission_set), None) => Some(CaseTargetText::Account {
                account,
                permission_set,
            }),
            (None, None, Some(group)) => Some(CaseTargetText::Group(group)),
            (_, _, Some(_)) => {
                let message =
                    "a case asks for a permission set in an account or for a group, not both";
                self.errors.push(Diagnostic::error(
                    FindingCode::BadCase,
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
        let error = Diagnostic::error(FindingCode::MissingField, self.root.position, message);
        self.errors.push(error.field(key).help(help));
    }
}

fn unknown(entry: &MapEntry) -> Option<Diagnostic> {
    let key = entry.key.as_str();
    if KEYS.contains(&key) || REMARKS.contains(&key) {
        return None;
    }
    let help = match nearest(key, KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", KEYS.join(", ")),
    };
    let message = format!("`{}` is not a known key", shorten(key));
    let error = Diagnostic::error(FindingCode::UnknownField, entry.position, message);
    Some(error.field(key).value(&entry.value.shown()).help(help))
}
