//! Differences in a newer service model: added, removed or changed operations, exceptions, members,
//! values, limits and pages. One entry each, under a stable name.
#![expect(
    clippy::indexing_slicing,
    reason = "a `Value` indexed by name gives null where there is nothing"
)]

use std::collections::BTreeSet;

use serde_json::Value;

/// Phrases of retirements: often announced only in descriptions.
const RETIRING: &[&str] = &[
    "will be retired",
    "is being retired",
    "has been retired",
    "is deprecated",
    "has been deprecated",
    "been discontinued",
    "will be discontinued",
    "will be removed",
    "no longer supported",
    "no longer available",
    "end of support",
];

/// Maximum nesting of lists.
const LISTS_MAX: usize = 4;

/// A published service: operations, shapes, pagination.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published {
    /// The content of `service-2.json`.
    pub(crate) model: Value,
    /// The content of `paginators-1.json`; null where a service has none.
    pub(crate) pages: Value,
}

impl Published {
    pub(crate) fn without_operations(&self) -> Self {
        let mut empty = self.clone();
        empty.model["operations"] = Value::Null;
        empty
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) service: String,
    /// `Operation`, `Operation.Exception`, `Shape`, `Shape.Member` or `Shape=VALUE`; empty for the
    /// service.
    subject: String,
    kind: &'static str,
    pub(crate) detail: String,
}

impl Difference {
    pub(crate) fn of_service(service: &str, kind: &'static str) -> Self {
        Self {
            service: service.to_owned(),
            subject: String::new(),
            kind,
            detail: String::new(),
        }
    }

    /// The name of the entry: `service:Subject kind`.
    pub(crate) fn id(&self) -> String {
        if self.subject.is_empty() {
            return format!("{} {}", self.service, self.kind);
        }
        format!("{}:{} {}", self.service, self.subject, self.kind)
    }

    /// Returns the word by which a source shows knowledge: operation, exception, member, value or
    /// service.
    pub(crate) fn word(&self) -> &str {
        let last = self.subject.rsplit(['.', '=']).next().unwrap_or_default();
        if last.is_empty() { &self.service } else { last }
    }
}

/// Compares two models of a service by name, in the `wanted` operations or all. New operations are
/// always entries.
pub(crate) fn compare(
    service: &str,
    old: &Published,
    new: &Published,
    wanted: Option<&BTreeSet<String>>,
) -> Vec<Difference> {
    let mut found = FoundDifferences {
        service,
        entries: BTreeSet::new(),
    };
    let protocol = |it: &Published| it.model["metadata"]["protocol"].clone();
    if protocol(old) != protocol(new) {
        let detail = format!("{} → {}", protocol(old), protocol(new));
        found.add(String::new(), "other protocol", detail);
    }
    let mut both = Vec::new();
    for (name, operation) in entries(&new.model["operations"]) {
        match old.model["operations"].get(name) {
            None => found.add(name.clone(), "new operation", String::new()),
            Some(before) if wanted.is_none_or(|it| it.contains(name)) => {
                both.push(name.as_str());
                found.operation(name, before, operation);
                found.pages(name, old, new);
            }
            Some(_) => {}
        }
    }
    for (name, _) in entries(&old.model["operations"]) {
        let is_wanted = wanted.is_none_or(|it| it.contains(name));
        if is_wanted && new.model["operations"].get(name).is_none() {
            found.add(name.clone(), "removed operation", String::new());
        }
    }
    // one-sided shapes are reported by the member or operation that uses them
    for name in reached(&new.model, &both) {
        if let Some(before) = old.model["shapes"].get(name) {
            found.shape(name, before, &new.model["shapes"][name]);
            found.members(
                name,
                (&old.model, before),
                (&new.model, &new.model["shapes"][name]),
            );
        }
    }
    found.entries.into_iter().collect()
}

fn reached<'a>(model: &'a Value, operations: &[&str]) -> BTreeSet<&'a str> {
    let mut open: Vec<&str> = Vec::new();
    for name in operations {
        let operation = &model["operations"][*name];
        let ends = [&operation["input"], &operation["output"]];
        let errors = operation["errors"].as_array().into_iter().flatten();
        let ends = ends.into_iter().chain(errors);
        open.extend(ends.filter_map(|it| it["shape"].as_str()));
    }
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            let shape = &model["shapes"][name];
            open.extend(entries(&shape["members"]).filter_map(|(_, it)| it["shape"].as_str()));
            let parts = ["member", "key", "value"].iter();
            open.extend(parts.filter_map(|part| shape[*part]["shape"].as_str()));
        }
    }
    found
}

fn entries(map: &Value) -> impl Iterator<Item = (&String, &Value)> {
    map.as_object().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

struct FoundDifferences<'a> {
    service: &'a str,
    entries: BTreeSet<Difference>,
}

impl FoundDifferences<'_> {
    fn add(&mut self, subject: String, kind: &'static str, detail: String) {
        self.entries.insert(Difference {
            service: self.service.to_owned(),
            subject,
            kind,
            detail,
        });
    }

    fn operation(&mut self, name: &str, old: &Value, new: &Value) {
        self.going(name, "deprecated operation", old, new);
        let address = |it: &Value| {
            let http = &it["http"];
            let text = |part: &str| http[part].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("method"), text("requestUri"))
        };
        let (before, after) = (address(old), address(new));
        if before != after {
            self.add(
                name.to_owned(),
                "other address",
                format!("{before} → {after}"),
            );
        }
        let errors = |it: &Value| -> BTreeSet<String> {
            let all = it["errors"].as_array().into_iter().flatten();
            all.filter_map(|it| it["shape"].as_str().map(str::to_owned))
                .collect()
        };
        let (before, after) = (errors(old), errors(new));
        for error in after.difference(&before) {
            self.add(format!("{name}.{error}"), "new exception", String::new());
        }
        for error in before.difference(&after) {
            self.add(
                format!("{name}.{error}"),
                "removed exception",
                String::new(),
            );
        }
    }

    fn going(&mut self, subject: &str, deprecated: &'static str, old: &Value, new: &Value) {
        let is_marked = |it: &Value| it["deprecated"] == Value::Bool(true);
        if is_marked(new) {
            if !is_marked(old) {
                let detail = new["deprecatedMessage"].as_str().unwrap_or_default();
                self.add(subject.to_owned(), deprecated, detail.to_owned());
            }
        } else if let Some(said) = retiring(new).filter(|_| retiring(old).is_none()) {
            self.add(subject.to_owned(), "retired", said);
        }
    }

    fn pages(&mut self, name: &str, old: &Published, new: &Published) {
        let of = |it: &Published| it.pages["pagination"][name].clone();
        let (before, after) = (of(old), of(new));
        if before != after {
            self.add(
                name.to_owned(),
                "other pages",
                format!("{before} → {after}"),
            );
        }
    }

    fn shape(&mut self, name: &str, old: &Value, new: &Value) {
        let values =
            |it: &Value| -> BTreeSet<String> { texts(&it["enum"]).map(str::to_owned).collect() };
        let (before, after) = (values(old), values(new));
        for value in after.difference(&before) {
            self.add(format!("{name}={value}"), "new value", String::new());
        }
        for value in before.difference(&after) {
            self.add(format!("{name}={value}"), "removed value", String::new());
        }
        let mut changes = Vec::new();
        for limit in ["type", "min", "max", "pattern"] {
            let (before, after) = (bound(limit, &old[limit]), bound(limit, &new[limit]));
            if before != after {
                changes.push(format!("{limit} {before} → {after}"));
            }
        }
        if !changes.is_empty() {
            self.add(name.to_owned(), "other limits", changes.join("; "));
        }
    }

    /// Compares members of a common structure; each side comes with its model.
    fn members(&mut self, name: &str, old: (&Value, &Value), new: (&Value, &Value)) {
        let required =
            |shape: &Value, member: &str| texts(&shape["required"]).any(|it| it == member);
        for (member, after) in entries(&new.1["members"]) {
            let subject = format!("{name}.{member}");
            let now = required(new.1, member);
            let Some(before) = old.1["members"].get(member) else {
                let detail = if now { "required" } else { "" };
                self.add(subject, "new member", detail.to_owned());
                continue;
            };
            self.going(&subject, "deprecated member", before, after);
            match (required(old.1, member), now) {
                (false, true) => self.add(subject.clone(), "now required", String::new()),
                (true, false) => self.add(subject.clone(), "no longer required", String::new()),
                _ => {}
            }
            let (before, after) = (type_of(old.0, before), type_of(new.0, after));
            if before != after {
                self.add(subject, "other type", format!("{before} → {after}"));
            }
        }
        for (member, _) in entries(&old.1["members"]) {
            if new.1["members"].get(member).is_none() {
                self.add(format!("{name}.{member}"), "removed member", String::new());
            }
        }
    }
}

/// Returns the description's sentence about a retirement.
fn retiring(it: &Value) -> Option<String> {
    let text = plain(it["documentation"].as_str()?);
    let mut sentences = text.split_inclusive(". ");
    let found = sentences.find(|sentence| {
        let sentence = sentence.to_ascii_lowercase();
        RETIRING.iter().any(|words| sentence.contains(words))
    })?;
    Some(found.trim().to_owned())
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Formats a limit, ignoring equivalent forms: models changed pattern anchors and minimum length 0
/// without a change in meaning.
fn bound(limit: &str, value: &Value) -> String {
    match value {
        Value::Null if limit == "min" => "0".to_owned(),
        Value::Null => "none".to_owned(),
        Value::String(text) => {
            let text = text.strip_prefix('^').unwrap_or(text);
            text.strip_suffix('$').unwrap_or(text).to_owned()
        }
        other => other.to_string(),
    }
}

/// Returns a member's kind: a structure's name, else the type, because other names mean nothing.
fn type_of(model: &Value, member: &Value) -> String {
    let mut member = member;
    let mut out = String::new();
    for _ in 0..LISTS_MAX {
        let name = member["shape"].as_str().unwrap_or_default();
        let shape = &model["shapes"][name];
        match shape["type"].as_str().unwrap_or_default() {
            "list" => {
                out.push_str("list of ");
                member = &shape["member"];
            }
            "structure" => return out + name,
            other => return out + other,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published(operations: &Value, shapes: &Value) -> Published {
        let model =
            json!({"metadata": {"protocol": "json"}, "operations": operations, "shapes": shapes});
        let pages = json!({"pagination": {}});
        Published { model, pages }
    }

    fn one(shapes: &Value) -> Published {
        published(
            &json!({"Do": {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"},
                "output": {"shape": "Out"}, "errors": [{"shape": "Gone"}]}}),
            shapes,
        )
    }

    fn ids(old: &Published, new: &Published) -> Vec<String> {
        let found = compare("demo", old, new, None);
        found.iter().map(Difference::id).collect()
    }

    fn structure(members: &Value) -> Value {
        json!({"In": {"type": "structure", "members": members},
            "S": {"type": "string"}, "N": {"type": "integer"}})
    }

    fn changed(old: &Value, new: &Value) -> Vec<String> {
        ids(&one(old), &one(new))
    }

    #[test]
    fn each_difference_of_a_member_is_one_entry() {
        let member = |facts: &str| -> Value {
            let facts: Value = serde_json::from_str(facts).unwrap();
            structure(&json!({"A": facts}))
        };
        let string = || member(r#"{"shape": "S"}"#);
        let none = || structure(&json!({}));
        let required = || {
            let mut shapes = string();
            shapes["In"]["required"] = json!(["A"]);
            shapes
        };
        let list = |element: &str| {
            let mut shapes = member(r#"{"shape": "L"}"#);
            shapes["L"] = json!({"type": "list", "member": {"shape": element}});
            shapes
        };
        let behind = || {
            let mut shapes = structure(&json!({"B": {"shape": "T"}}));
            shapes["T"] = json!({"type": "structure", "members": {"C": {"shape": "S"}}});
            shapes
        };
        let marked = member(r#"{"shape": "S", "deprecated": true}"#);
        let said = "<p>It is here. <b>A</b> will\nbe retired in May.</p>";
        let said = structure(&json!({"A": {"shape": "S", "documentation": said}}));
        let rows = [
            (string(), string(), ""),
            (none(), string(), "demo:In.A new member"),
            (string(), none(), "demo:In.A removed member"),
            (string(), marked, "demo:In.A deprecated member"),
            (string(), said, "demo:In.A retired"),
            (
                string(),
                member(r#"{"shape": "N"}"#),
                "demo:In.A other type",
            ),
            (list("S"), list("N"), "demo:In.A other type"),
            (string(), required(), "demo:In.A now required"),
            (required(), string(), "demo:In.A no longer required"),
            // a new member's inner shapes are not reported
            (none(), behind(), "demo:In.B new member"),
        ];
        for (old, new, expected) in rows {
            assert_eq!(changed(&old, &new).join(", "), expected, "{new}");
        }
    }

    #[test]
    fn each_difference_of_values_and_limits_is_one_entry() {
        let rows = [
            (
                r#"{"enum": ["X"]}"#,
                r#"{"enum": ["X", "Y"]}"#,
                "demo:In=Y new value",
            ),
            (
                r#"{"enum": ["X", "Y"]}"#,
                r#"{"enum": ["X"]}"#,
                "demo:In=Y removed value",
            ),
            (
                r#"{"max": 3}"#,
                r#"{"max": 4, "pattern": "a"}"#,
                "demo:In other limits",
            ),
            (r#"{"pattern": "^a$"}"#, r#"{"pattern": "a", "min": 0}"#, ""),
        ];
        let shapes = |facts: &str| -> Value {
            let facts: Value = serde_json::from_str(facts).unwrap();
            json!({"In": facts})
        };
        for (old, new, expected) in rows {
            let found = changed(&shapes(old), &shapes(new));
            assert_eq!(found.join(", "), expected, "{new}");
        }
    }

    #[test]
    fn operations_come_and_go_with_their_exceptions_pages_and_addresses() {
        let operation = |facts: Value| published(&json!({"Do": facts}), &json!({}));
        let plain = || operation(json!({}));
        let none = || published(&json!({}), &json!({}));
        let rows = [
            (none(), plain(), "demo:Do new operation"),
            (plain(), none(), "demo:Do removed operation"),
            (
                plain(),
                operation(json!({"deprecated": true})),
                "demo:Do deprecated operation",
            ),
            (
                plain(),
                operation(json!({"documentation": "This is no longer available."})),
                "demo:Do retired",
            ),
            (
                plain(),
                operation(json!({"errors": [{"shape": "E"}]})),
                "demo:Do.E new exception",
            ),
            (
                operation(json!({"errors": [{"shape": "E"}]})),
                plain(),
                "demo:Do.E removed exception",
            ),
            (
                plain(),
                operation(json!({"http": {"method": "GET", "requestUri": "/a"}})),
                "demo:Do other address",
            ),
            (
                plain(),
                Published {
                    pages: json!({"pagination": {"Do": {"input_token": "T"}}}),
                    ..plain()
                },
                "demo:Do other pages",
            ),
        ];
        for (old, new, expected) in rows {
            assert_eq!(ids(&old, &new), [expected]);
        }
        let mut cbor = plain();
        cbor.model["metadata"]["protocol"] = json!("smithy-rpc-v2-cbor");
        assert_eq!(ids(&plain(), &cbor), ["demo other protocol"]);
    }

    #[test]
    fn what_was_deprecated_before_is_no_news() {
        let old = structure(&json!({"A": {"shape": "S", "documentation": "It is deprecated."}}));
        let new = structure(&json!({"A": {"shape": "S", "documentation": "It will be removed."}}));
        assert_eq!(changed(&old, &new), [""; 0]);
    }

    #[test]
    fn shapes_of_operations_that_nobody_wants_are_left_out_and_their_new_ones_are_not() {
        let operations = |more: bool| {
            let mut all =
                json!({"Do": {"input": {"shape": "In"}}, "Other": {"input": {"shape": "Out"}}});
            if more {
                all["Third"] = json!({});
            }
            all
        };
        let old = published(
            &operations(false),
            &json!({"In": {"members": {}}, "Out": {"members": {}}}),
        );
        let new = published(
            &operations(true),
            &json!({"In": {"members": {"A": {}}}, "Out": {"members": {"B": {}}}}),
        );
        let wanted = BTreeSet::from(["Do".to_owned()]);
        let found = compare("demo", &old, &new, Some(&wanted));
        let found: Vec<_> = found.iter().map(Difference::id).collect();
        assert_eq!(found, ["demo:In.A new member", "demo:Third new operation"]);
    }

    #[test]
    fn an_entry_says_what_a_source_would_name() {
        let entry = |subject: &str| Difference {
            subject: subject.to_owned(),
            ..Difference::of_service("demo", "new")
        };
        let rows = [
            ("", "demo"),
            ("Do", "Do"),
            ("In.A", "A"),
            ("P=SOME_VALUE", "SOME_VALUE"),
        ];
        for (subject, word) in rows {
            assert_eq!(entry(subject).word(), word);
        }
    }
}
