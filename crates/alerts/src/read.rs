//! Parses rules: all or nothing, with all errors, their places and suggestions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::TimeSpan;
use hallpass_rules::syntax::{self, MapEntry, Node, Value};
use hallpass_rules::{Diagnostic, Position, SOURCE_BYTES_MAX, Syntax, nearest};
use serde::Serialize;

use crate::rule::{AlertQuestion, AlertRule, AlertRuleId, AlertSeverity};

const KEYS: [&str; 14] = [
    "id",
    "query",
    "name",
    "parameters",
    "every",
    "severity",
    "key",
    "message",
    "for",
    "notify",
    "recover",
    "remind",
    "max_new",
    "enabled",
];
const EVERY: TimeSpan = TimeSpan::hours(6);
/// The shortest interval.
const EVERY_MIN: TimeSpan = TimeSpan::minutes(1);
/// Rows listed in a message: default and maximum.
const MAX_NEW: usize = 50;
const MAX_NEW_MOST: usize = 200;
const SNAPSHOTS_MOST: u32 = 100;
const RULES_MOST: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertFileFinding {
    pub file: String,
    #[serde(flatten)]
    pub position: Position,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl fmt::Display for AlertFileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.position, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The extension selects the format: `.toml`, `.json`, otherwise YAML.
///
/// # Errors
/// All errors, in text order.
pub fn read(file: &str, text: &str) -> Result<Vec<AlertRule>, Vec<AlertFileFinding>> {
    let mut reader = RuleReader {
        file,
        findings: Vec::new(),
    };
    let rules = reader.file(text);
    if reader.findings.is_empty() {
        Ok(rules)
    } else {
        reader.findings.sort_by_key(|it| it.position);
        Err(reader.findings)
    }
}

fn syntax_of(file: &str) -> Syntax {
    match file
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "toml" => Syntax::Toml,
        "json" => Syntax::Json,
        _ => Syntax::Yaml,
    }
}

struct RuleReader<'a> {
    file: &'a str,
    findings: Vec<AlertFileFinding>,
}

impl RuleReader<'_> {
    fn wrong(&mut self, position: Position, message: impl Into<String>, help: Option<String>) {
        self.findings.push(AlertFileFinding {
            file: self.file.to_owned(),
            position,
            message: message.into(),
            help,
        });
    }

    fn take_over(&mut self, found: Vec<Diagnostic>) {
        for it in found.into_iter().filter(Diagnostic::is_error) {
            self.wrong(it.position, it.message, it.help);
        }
    }

    fn file(&mut self, text: &str) -> Vec<AlertRule> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() <= SOURCE_BYTES_MAX {
            self.take_over(syntax::hidden(text));
        }
        if !self.findings.is_empty() {
            return Vec::new();
        }
        let parsed = syntax::parse(text, syntax_of(self.file));
        self.take_over(parsed.findings);
        let Some(root) = parsed.root.filter(|_| self.findings.is_empty()) else {
            return Vec::new();
        };
        let Some(entries) = self.object(&root, "the file", &["rules"]) else {
            return Vec::new();
        };
        let Some(rules) = entries.iter().find(|it| it.key == "rules") else {
            let help = Some("write `rules:` and a list".to_owned());
            self.wrong(root.position, "`rules` is missing", help);
            return Vec::new();
        };
        let nodes = self.list(&rules.value, "rules").to_vec();
        if nodes.len() > RULES_MOST {
            let message = format!(
                "there are {} rules, and at most {RULES_MOST} are read",
                nodes.len()
            );
            self.wrong(rules.position, message, None);
            return Vec::new();
        }
        let mut ids = BTreeSet::new();
        let mut all = Vec::new();
        for node in &nodes {
            let Some(rule) = self.rule(node) else {
                continue;
            };
            if !ids.insert(rule.id.clone()) {
                let message = format!("two rules are called `{}`", rule.id);
                self.wrong(node.position, message, None);
            }
            all.push(rule);
        }
        all
    }

    fn rule(&mut self, node: &Node) -> Option<AlertRule> {
        let entries = self.object(node, "a rule", &KEYS)?.to_vec();
        let id = self.id(node);
        let question = self.question(node);
        let mut rule = AlertRule {
            id: id?,
            question: question?,
            parameters: BTreeMap::new(),
            every: EVERY,
            severity: AlertSeverity::default(),
            key: Vec::new(),
            message: None,
            snapshots_needed: 1,
            notify: Vec::new(),
            recover: true,
            remind: None,
            max_new: MAX_NEW,
            enabled: true,
        };
        for MapEntry { key, value, .. } in &entries {
            self.field(&mut rule, key, value);
        }
        Some(rule)
    }

    fn field(&mut self, rule: &mut AlertRule, key: &str, value: &Node) {
        match key {
            "parameters" => rule.parameters = self.parameters(value),
            "every" => rule.every = self.span(key, value, EVERY_MIN).unwrap_or(EVERY),
            "remind" => rule.remind = self.span(key, value, EVERY_MIN),
            "severity" => rule.severity = self.severity(value),
            "key" => rule.key = self.texts(key, value),
            "notify" => rule.notify = self.texts(key, value),
            "message" => rule.message = self.text(key, value),
            "for" => {
                let most = u64::from(SNAPSHOTS_MOST);
                let count = self.number(key, value, 1, most).unwrap_or(1);
                rule.snapshots_needed = u32::try_from(count).unwrap_or(SNAPSHOTS_MOST);
            }
            "max_new" => {
                let count = self.number(key, value, 1, MAX_NEW_MOST as u64);
                rule.max_new = count
                    .and_then(|it| usize::try_from(it).ok())
                    .unwrap_or(MAX_NEW);
            }
            "recover" => rule.recover = self.flag(key, value),
            "enabled" => rule.enabled = self.flag(key, value),
            _ => {}
        }
    }

    fn id(&mut self, node: &Node) -> Option<AlertRuleId> {
        let Some(value) = node.get("id") else {
            self.wrong(node.position, "a rule has no `id`", None);
            return None;
        };
        let text = self.text("id", value)?;
        let id: Result<AlertRuleId, _> = text.parse();
        id.map_err(|error| self.wrong(value.position, error.to_string(), None))
            .ok()
    }

    fn question(&mut self, node: &Node) -> Option<AlertQuestion> {
        match (node.get("query"), node.get("name")) {
            (Some(value), None) => self.text("query", value).map(AlertQuestion::Sql),
            (None, Some(value)) => self.text("name", value).map(AlertQuestion::Shipped),
            (Some(_), Some(name)) => {
                let help = Some("keep one: `name` is a shipped query, `query` is SQL".to_owned());
                self.wrong(name.position, "a rule has both `query` and `name`", help);
                None
            }
            (None, None) => {
                let help = "`hallpass query --list` shows the names".to_owned();
                self.wrong(
                    node.position,
                    "a rule has neither `query` nor `name`",
                    Some(help),
                );
                None
            }
        }
    }

    fn parameters(&mut self, node: &Node) -> BTreeMap<String, String> {
        let Value::Map(entries) = &node.value else {
            self.wrong_kind("parameters", node, "an object");
            return BTreeMap::new();
        };
        let entries = entries.clone();
        let value = |it: &MapEntry| Some((it.key.clone(), self.text(&it.key, &it.value)?));
        entries.iter().filter_map(value).collect()
    }

    fn severity(&mut self, node: &Node) -> AlertSeverity {
        let text = node.as_text().unwrap_or_default();
        let found = AlertSeverity::ALL.into_iter().find(|it| it.name() == text);
        found.unwrap_or_else(|| {
            let names = AlertSeverity::ALL.map(AlertSeverity::name);
            let help = nearest_of(text, &names);
            let message = format!("`severity` is one of {}", names.join(", "));
            self.wrong(node.position, message, help);
            AlertSeverity::default()
        })
    }

    fn span(&mut self, key: &str, node: &Node, least: TimeSpan) -> Option<TimeSpan> {
        let text = self.text(key, node)?;
        match text.parse::<TimeSpan>() {
            Ok(span) if span >= least => Some(span),
            Ok(_) => {
                self.wrong(
                    node.position,
                    format!("`{key}` is shorter than {least}"),
                    None,
                );
                None
            }
            Err(error) => {
                self.wrong(node.position, error.to_string(), None);
                None
            }
        }
    }

    fn number(&mut self, key: &str, node: &Node, least: u64, most: u64) -> Option<u64> {
        let number = match &node.value {
            Value::Number(text) => text.parse::<u64>().ok(),
            _ => None,
        };
        let number = number.filter(|it| (least..=most).contains(it));
        if number.is_none() {
            let message = format!("`{key}` is a whole number from {least} to {most}");
            self.wrong(node.position, message, None);
        }
        number
    }

    fn flag(&mut self, key: &str, node: &Node) -> bool {
        if let Value::Bool(flag) = node.value {
            return flag;
        }
        self.wrong_kind(key, node, "true or false");
        false
    }

    fn text(&mut self, key: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::Text(_) => {
                self.wrong(node.position, format!("`{key}` is empty"), None);
                None
            }
            _ => {
                self.wrong_kind(key, node, "a string");
                None
            }
        }
    }

    fn texts(&mut self, key: &str, node: &Node) -> Vec<String> {
        let nodes = self.list(node, key).to_vec();
        nodes.iter().filter_map(|it| self.text(key, it)).collect()
    }

    fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        if let Value::List(items) = &node.value {
            return items;
        }
        self.wrong_kind(key, node, "a list");
        &[]
    }

    fn object<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<&'n [MapEntry]> {
        let Value::Map(entries) = &node.value else {
            let message = format!("{what} is an object, not {}", node.kind());
            self.wrong(node.position, message, None);
            return None;
        };
        for entry in entries
            .iter()
            .filter(|it| !known.contains(&it.key.as_str()))
        {
            let help = nearest_of(&entry.key, known);
            let help = help.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            let message = format!("`{}` is not a known key", entry.key);
            self.wrong(entry.position, message, Some(help));
        }
        Some(entries)
    }

    fn wrong_kind(&mut self, key: &str, node: &Node, due: &str) {
        let message = format!("`{key}` is {due}, not {}", node.kind());
        self.wrong(node.position, message, None);
    }
}

fn nearest_of(written: &str, known: &[&str]) -> Option<String> {
    nearest(written, known.iter().copied()).map(|near| format!("did you mean `{near}`?"))
}
