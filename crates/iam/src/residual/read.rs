//! Reads the files of the residual calculator: held sessions and the role chaining graph.
//!
//! ```json
//! {"sessions": [
//!   {"kind": "portal", "id": "laptop", "start": "2026-03-02T08:00:00Z"},
//!   {"kind": "role", "role": "arn:aws:iam::222233334444:role/Admin", "start": "2026-03-02T08:10:00Z", "duration": "4h"},
//!   {"kind": "app", "id": "Grafana", "start": "2026-03-02T08:20:00Z"}]}
//! ```
//! ```json
//! {"Admin": ["Deploy"], "Deploy": []}
//! {"management_account": "111122223333", "entrances": ["Admin"],
//!  "roles": {"Admin": {"account": "222233334444", "assumes": ["Deploy"]}, "Deploy": {"assumes": []}}}
//! ```

use hallpass_base::{TimeSpan, Timestamp, time};

use super::LONGEST_SESSION;
use super::chain::{ChainRole, Graph};
use crate::input::BadInput;
use crate::language::json::{self, Node, Value};

const ENTRIES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    Portal,
    Role,
    App,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSession {
    pub kind: SessionKind,
    pub id: String,
    pub role: Option<String>,
    /// From the file, else from the role's ARN.
    pub account: Option<String>,
    pub start: Timestamp,
    pub duration: Option<TimeSpan>,
    /// Takes precedence over the duration.
    pub end: Option<Timestamp>,
    pub pointer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sessions {
    pub sessions: Vec<HeldSession>,
    pub management_account: Option<String>,
}

/// Reads an RFC 3339 instant with its zone.
///
/// # Errors
/// `E_TIME`, also if the zone is missing.
pub fn instant(text: &str, pointer: &str) -> Result<Timestamp, BadInput> {
    time::instant(text).map_err(|_| {
        let message = format!(
            "`{text}` is no instant: write date, time and zone, as in 2026-03-02T09:00:00Z"
        );
        BadInput::new("E_TIME", message, pointer)
    })
}

/// Reads a duration: `8h`, `90m`, `90d`.
///
/// # Errors
/// `E_DURATION`.
pub fn span(text: &str, pointer: &str) -> Result<TimeSpan, BadInput> {
    let parsed = text.parse();
    parsed.map_err(|error: hallpass_base::SpanError| {
        BadInput::new("E_DURATION", error.to_string(), pointer)
    })
}

impl Sessions {
    /// Reads an object with `sessions`, or the list alone.
    ///
    /// # Errors
    /// `E_JSON`, `E_FIELD`, `E_TIME`, `E_DURATION`, `E_LIMIT`.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let tree = tree(text)?;
        let mut read = Self::default();
        let (list, at) = if tree.items().is_some() {
            (Some(&tree), "")
        } else {
            keys(&tree, "", &["sessions", "management_account"])?;
            read.management_account = optional(&tree, "", "management_account")?;
            (tree.get("sessions"), "/sessions")
        };
        let Some(list) = list.and_then(Node::items) else {
            let message = "the file needs `sessions`, a list of objects";
            return Err(BadInput::new("E_FIELD", message, at));
        };
        limit(list.len(), at)?;
        for (number, node) in list.iter().enumerate() {
            read.sessions
                .push(session(node, format!("{at}/{number}"), number)?);
        }
        read.check()?;
        Ok(read)
    }

    /// # Errors
    /// `E_TIME` for a session that ends before it starts, `E_DURATION` for a role session duration
    /// that AWS does not issue.
    pub(super) fn check(&self) -> Result<(), BadInput> {
        for it in &self.sessions {
            let at = |key: &str| format!("{}/{key}", it.pointer);
            if let Some(end) = it.end
                && end < it.start
            {
                let message = format!("`{}` ends before it begins", it.id);
                return Err(BadInput::new("E_TIME", message, at("end")));
            }
            let (length, key) = match (it.end, it.duration) {
                (Some(end), _) => (Some(TimeSpan::between(it.start, end)), "end"),
                (None, length) => (length, "duration"),
            };
            let Some(length) = length else { continue };
            let (least, most) = match (it.kind, key) {
                (SessionKind::App, _) => continue,
                (SessionKind::Role, "end") => (TimeSpan::ZERO, LONGEST_SESSION),
                (SessionKind::Role, _) => (TimeSpan::hours(1), LONGEST_SESSION),
                (SessionKind::Portal, "end") => (TimeSpan::ZERO, TimeSpan::hours(24 * 90)),
                (SessionKind::Portal, _) => (TimeSpan::minutes(15), TimeSpan::hours(24 * 90)),
            };
            if !(least..=most).contains(&length) {
                let message = format!("`{}` cannot last {length}: {least} to {most}", it.id);
                return Err(BadInput::new("E_DURATION", message, at(key)));
            }
        }
        Ok(())
    }
}

fn session(node: &Node<'_>, pointer: String, number: usize) -> Result<HeldSession, BadInput> {
    let known = ["kind", "id", "role", "account", "start", "duration", "end"];
    keys(node, &pointer, &known)?;
    let kind = match required(node, &pointer, "kind")?.as_str() {
        "portal" => SessionKind::Portal,
        "role" => SessionKind::Role,
        "app" => SessionKind::App,
        other => {
            let message = format!("`{other}` is no kind: write portal, role or app");
            return Err(BadInput::new("E_FIELD", message, format!("{pointer}/kind")));
        }
    };
    let role = optional(node, &pointer, "role")?;
    let account = optional(node, &pointer, "account")?;
    let id = optional(node, &pointer, "id")?;
    let at = |key: &str| format!("{pointer}/{key}");
    let start = instant(&required(node, &pointer, "start")?, &at("start"))?;
    let end = optional(node, &pointer, "end")?
        .map(|text| instant(&text, &at("end")))
        .transpose()?;
    let duration = optional(node, &pointer, "duration")?
        .map(|text| span(&text, &at("duration")))
        .transpose()?;
    Ok(HeldSession {
        kind,
        id: id
            .or_else(|| role.clone())
            .unwrap_or_else(|| format!("session {}", number + 1)),
        account: account.or_else(|| role.as_deref().and_then(account_of)),
        role,
        start,
        duration,
        end,
        pointer,
    })
}

impl Graph {
    /// Reads `{"role": ["role", …], …}`, or the longer form with accounts.
    ///
    /// # Errors
    /// `E_JSON`, `E_FIELD`, `E_LIMIT`; `E_GRAPH` if a named role has no entry.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let tree = tree(text)?;
        let long = tree
            .get("roles")
            .is_some_and(|node| node.members().is_some());
        let mut graph = Self::default();
        let (roles, at) = if long {
            keys(&tree, "", &["roles", "management_account", "entrances"])?;
            graph.management_account = optional(&tree, "", "management_account")?;
            (tree.get("roles"), "/roles")
        } else {
            (Some(&tree), "")
        };
        let Some(members) = roles.and_then(Node::members) else {
            let message = "the graph is an object: role → list of the roles it can assume";
            return Err(BadInput::new("E_FIELD", message, at));
        };
        limit(members.len(), at)?;
        for member in members {
            let pointer = format!("{at}/{}", json::escaped(&member.key));
            let role = role(&member.node, &member.key, &pointer)?;
            graph.roles.insert(member.key.to_string(), role);
        }
        if long && let Some(node) = tree.get("entrances") {
            graph.entrances = names(node, "/entrances")?.into_iter().collect();
        }
        graph.check(at)?;
        Ok(graph)
    }

    fn check(&self, at: &str) -> Result<(), BadInput> {
        let unknown = |name: &str, place: String| {
            let message =
                format!("`{name}` has no entry: add \"{name}\": [] if it can assume nothing");
            BadInput::new("E_GRAPH", message, place)
        };
        for (from, role) in &self.roles {
            let missing = role.assumes.iter();
            let missing = missing
                .enumerate()
                .find(|(_, to)| !self.roles.contains_key(*to));
            if let Some((number, to)) = missing {
                let list = if at.is_empty() { "" } else { "/assumes" };
                let from = json::escaped(from);
                return Err(unknown(to, format!("{at}/{from}{list}/{number}")));
            }
        }
        let lost = self
            .entrances
            .iter()
            .find(|it| !self.roles.contains_key(*it));
        lost.map_or(Ok(()), |name| Err(unknown(name, "/entrances".to_owned())))
    }
}

fn role(node: &Node<'_>, name: &str, pointer: &str) -> Result<ChainRole, BadInput> {
    if node.members().is_none() {
        return Ok(ChainRole {
            assumes: names(node, pointer)?,
            account: account_of(name),
        });
    }
    keys(node, pointer, &["assumes", "account"])?;
    let assumes = match node.get("assumes") {
        Some(list) => names(list, &format!("{pointer}/assumes"))?,
        None => Vec::new(),
    };
    let account = optional(node, pointer, "account")?;
    Ok(ChainRole {
        assumes,
        account: account.or_else(|| account_of(name)),
    })
}

fn account_of(role: &str) -> Option<String> {
    let mut parts = role.strip_prefix("arn:")?.split(':');
    let account = parts.nth(3)?;
    (!account.is_empty()).then(|| account.to_owned())
}

fn tree(text: &str) -> Result<Node<'_>, BadInput> {
    let place = |offset| {
        let (line, column) = json::line_and_column(text, offset);
        format!("{line}:{column}")
    };
    match json::read(text, DEPTH_MAX) {
        Ok(tree) => match tree.repeated.first() {
            Some(span) => {
                let message = "the same key stands twice in one object";
                Err(BadInput::new("E_DUP_KEY", message, place(span.start)))
            }
            None => Ok(tree.root),
        },
        Err(json::JsonError::Syntax(what, offset)) => Err(BadInput::new(
            "E_JSON",
            format!("not JSON: {what}"),
            place(offset),
        )),
        Err(json::JsonError::Depth(offset)) => Err(BadInput::new(
            "E_LIMIT",
            format!("nested deeper than {DEPTH_MAX} levels"),
            place(offset),
        )),
    }
}

fn limit(count: usize, pointer: &str) -> Result<(), BadInput> {
    if count <= ENTRIES_MAX {
        return Ok(());
    }
    let message = format!("{count} entries are more than {ENTRIES_MAX}");
    Err(BadInput::new("E_LIMIT", message, pointer))
}

fn keys(node: &Node<'_>, pointer: &str, known: &[&str]) -> Result<(), BadInput> {
    let Some(members) = node.members() else {
        return Err(BadInput::new("E_FIELD", "an object is needed", pointer));
    };
    let odd = members.iter().find(|member| !known.contains(&&*member.key));
    odd.map_or(Ok(()), |member| {
        let message = format!("`{}` is no key here: {}", member.key, known.join(", "));
        let pointer = format!("{pointer}/{}", json::escaped(&member.key));
        Err(BadInput::new("E_FIELD", message, pointer))
    })
}

fn optional(node: &Node<'_>, pointer: &str, key: &str) -> Result<Option<String>, BadInput> {
    match node.get(key) {
        None => Ok(None),
        Some(node) if node.value == Value::Null => Ok(None),
        Some(node) => match node.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
            _ => {
                let message = format!("`{key}` is a text that is not empty");
                Err(BadInput::new(
                    "E_FIELD",
                    message,
                    format!("{pointer}/{key}"),
                ))
            }
        },
    }
}

fn required(node: &Node<'_>, pointer: &str, key: &str) -> Result<String, BadInput> {
    optional(node, pointer, key)?
        .ok_or_else(|| BadInput::new("E_FIELD", format!("`{key}` is missing"), pointer))
}

fn names(node: &Node<'_>, pointer: &str) -> Result<Vec<String>, BadInput> {
    let bad = |pointer: String| BadInput::new("E_FIELD", "a list of role names is needed", pointer);
    let items = node.items().ok_or_else(|| bad(pointer.to_owned()))?;
    limit(items.len(), pointer)?;
    let name = |(number, item): (usize, &Node<'_>)| {
        let name = item.as_str().filter(|name| !name.is_empty());
        name.map(str::to_owned)
            .ok_or_else(|| bad(format!("{pointer}/{number}")))
    };
    items.iter().enumerate().map(name).collect()
}
