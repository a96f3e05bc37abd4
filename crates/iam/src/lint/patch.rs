//! Repairs as JSON patches (RFC 6902), applied to the text to keep its formatting.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::language::POLICY_DEPTH_MAX;
use crate::language::json::{self, ByteSpan, Node};

/// Paths are JSON pointers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOperation {
    Add {
        /// The last step is the new key.
        path: String,
        value: Value,
    },
    Remove {
        path: String,
    },
    Replace {
        path: String,
        value: Value,
    },
    /// Moves a value; within one object this renames its key.
    Move {
        from: String,
        path: String,
    },
}

impl PatchOperation {
    pub(super) fn replace(path: String, text: impl Into<String>) -> Self {
        Self::Replace {
            path,
            value: Value::String(text.into()),
        }
    }

    pub(super) fn rename(from: String, key: &str) -> Self {
        let parent = from.rsplit_once('/').map_or("", |(parent, _)| parent);
        let path = format!("{parent}/{}", json::escaped(key));
        Self::Move { from, path }
    }
}

pub fn apply(text: &str, operations: &[PatchOperation]) -> Option<String> {
    let mut text = Cow::Borrowed(text);
    for operation in operations {
        text = Cow::Owned(step(&text, operation)?);
    }
    Some(text.into_owned())
}

fn step(text: &str, operation: &PatchOperation) -> Option<String> {
    match operation {
        PatchOperation::Add { path, value } => add(text, path, &value.to_string()),
        PatchOperation::Remove { path } => remove(text, path),
        PatchOperation::Replace { path, value } => {
            let tree = json::read(text, POLICY_DEPTH_MAX).ok()?;
            let node = at(&tree.root, path)?;
            splice(text, node.span, &value.to_string())
        }
        PatchOperation::Move { from, path } => {
            let tree = json::read(text, POLICY_DEPTH_MAX).ok()?;
            let (parent, key) = path.rsplit_once('/')?;
            let (old_parent, old_key) = from.rsplit_once('/')?;
            if parent == old_parent {
                let members = at(&tree.root, parent)?.members()?;
                let old_key = unescaped(old_key);
                let member = members.iter().find(|it| it.key == old_key)?;
                let name = Value::String(unescaped(key)).to_string();
                return splice(text, member.key_span, &name);
            }
            let span = at(&tree.root, from)?.span;
            let value = text.get(span.start..span.end)?;
            add(&remove(text, from)?, path, value)
        }
    }
}

fn splice(text: &str, span: ByteSpan, new: &str) -> Option<String> {
    Some([text.get(..span.start)?, new, text.get(span.end..)?].concat())
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn at<'t, 'a>(root: &'t Node<'a>, pointer: &str) -> Option<&'t Node<'a>> {
    let mut node = root;
    for step in pointer.split('/').skip(1) {
        node = match node.items() {
            Some(items) => items.get(step.parse::<usize>().ok()?)?,
            None => node.get(&unescaped(step))?,
        };
    }
    Some(node)
}

fn entries(node: &Node<'_>) -> Vec<ByteSpan> {
    match (node.members(), node.items()) {
        (Some(members), _) => members
            .iter()
            .map(|it| ByteSpan {
                start: it.key_span.start,
                end: it.node.span.end,
            })
            .collect(),
        (_, Some(items)) => items.iter().map(|it| it.span).collect(),
        _ => Vec::new(),
    }
}

/// Adds an entry: `Version` first by convention, others last, with matching spacing.
fn add(text: &str, path: &str, value: &str) -> Option<String> {
    let tree = json::read(text, POLICY_DEPTH_MAX).ok()?;
    let (parent, key) = path.rsplit_once('/')?;
    let node = at(&tree.root, parent)?;
    let entry = match node.members() {
        Some(_) => {
            let key = Value::String(unescaped(key)).to_string();
            let colon = if minified(text) { ":" } else { ": " };
            format!("{key}{colon}{value}")
        }
        None => value.to_owned(),
    };
    let places = entries(node);
    let inside = node.span.start + 1;
    let Some((first, last)) = places.first().zip(places.last()) else {
        let empty = ByteSpan {
            start: inside,
            end: node.span.end - 1,
        };
        return splice(text, empty, &entry);
    };
    let lead = text.get(inside..first.start)?;
    let between = match places.as_slice() {
        [a, b, ..] => text.get(a.end..b.start)?.replace(',', ""),
        _ if lead.is_empty() && !minified(text) => " ".to_owned(),
        _ => lead.to_owned(),
    };
    let (at, new) = if key == "Version" {
        (inside, format!("{lead}{entry},"))
    } else {
        (last.end, format!(",{between}{entry}"))
    };
    let mut new = splice(text, ByteSpan { start: at, end: at }, &new)?;
    if key == "Version" && lead.is_empty() && !minified(text) {
        new.insert(inside + entry.len() + 1, ' ');
    }
    Some(new)
}

fn minified(text: &str) -> bool {
    !text.contains("\": ") && !text.contains("\" :")
}

fn remove(text: &str, path: &str) -> Option<String> {
    let tree = json::read(text, POLICY_DEPTH_MAX).ok()?;
    let (parent, key) = path.rsplit_once('/')?;
    let node = at(&tree.root, parent)?;
    let index = match node.members() {
        Some(members) => {
            let key = unescaped(key);
            members.iter().position(|it| it.key == key)?
        }
        None => key.parse().ok()?,
    };
    let places = entries(node);
    let own = *places.get(index)?;
    let before = index.checked_sub(1).and_then(|at| places.get(at));
    let span = match (places.get(index + 1), before) {
        (Some(next), _) => ByteSpan {
            start: own.start,
            end: next.start,
        },
        (None, Some(before)) => ByteSpan {
            start: before.end,
            end: own.end,
        },
        (None, None) => own,
    };
    splice(text, span, "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add_op(path: &str, value: Value) -> PatchOperation {
        PatchOperation::Add {
            path: path.to_owned(),
            value,
        }
    }

    fn remove_op(path: &str) -> PatchOperation {
        PatchOperation::Remove {
            path: path.to_owned(),
        }
    }

    #[test]
    fn texts_keep_their_formatting() {
        let version = || add_op("/Version", json!("2012-10-17"));
        let rows = [
            (
                "{\n  \"a\": 1\n}",
                version(),
                "{\n  \"Version\": \"2012-10-17\",\n  \"a\": 1\n}",
            ),
            (
                "{\"a\": 1}",
                version(),
                "{\"Version\": \"2012-10-17\", \"a\": 1}",
            ),
            (
                "{\"a\":1}",
                version(),
                "{\"Version\":\"2012-10-17\",\"a\":1}",
            ),
            (
                "{\n  \"a\": 1\n}",
                add_op("/b", json!(2)),
                "{\n  \"a\": 1,\n  \"b\": 2\n}",
            ),
            ("[1, 2]", add_op("/-", json!(3)), "[1, 2, 3]"),
            ("{}", add_op("/b", json!(2)), "{\"b\":2}"),
            ("[\n  1,\n  2\n]", remove_op("/0"), "[\n  2\n]"),
            ("[\n  1,\n  2\n]", remove_op("/1"), "[\n  1\n]"),
            ("{\"a\": {\"b\": 1}}", remove_op("/a/b"), "{\"a\": {}}"),
            (
                "{\"a~/b\": [\"x\"]}",
                PatchOperation::replace("/a~0~1b/0".to_owned(), "y\""),
                "{\"a~/b\": [\"y\\\"\"]}",
            ),
            (
                "{\"effect\": \"Allow\", \"b\": 1}",
                PatchOperation::rename("/effect".to_owned(), "Effect"),
                "{\"Effect\": \"Allow\", \"b\": 1}",
            ),
            (
                "{\"a\": {\"x\": [1,  2]}, \"b\": {\"y\": 1}}",
                PatchOperation::Move {
                    from: "/a/x".to_owned(),
                    path: "/b/x".to_owned(),
                },
                "{\"a\": {}, \"b\": {\"y\": 1,\"x\": [1,  2]}}",
            ),
        ];
        for (text, operation, expected) in rows {
            let got = step(text, &operation).unwrap();
            let parsed: Result<Value, _> = serde_json::from_str(&got);
            assert!(parsed.is_ok(), "{got}");
            let blanks = |it: &str| it.replace(",\"x\"", ", \"x\"");
            assert_eq!(blanks(&got), blanks(expected), "{text} {operation:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for operation in [remove_op("/x"), remove_op("/a/7"), add_op("", json!(1))] {
            assert_eq!(step("{\"a\": [1]}", &operation), None, "{operation:?}");
        }
    }

    #[test]
    fn operations_are_written_as_the_rfc_says() {
        let written = serde_json::to_value([
            PatchOperation::rename("/a/b".to_owned(), "c"),
            remove_op("/d"),
        ]);
        let expected = json!([
            {"op": "move", "from": "/a/b", "path": "/a/c"},
            {"op": "remove", "path": "/d"},
        ]);
        assert_eq!(written.unwrap(), expected);
    }
}
