//! Reads single values and collects all their errors.

use hallpass_rules::syntax::{MapEntry, Node, Value};
use hallpass_rules::{Diagnostic, Position, nearest};

use super::PolicyFileReader;
use crate::file::Term;
use crate::finding::{FileFinding, Place};

pub(super) struct FileReader<'a> {
    file: &'a str,
    pub(super) policy_file: PolicyFileReader<'a>,
    findings: Vec<FileFinding>,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(file: &'a str, policy_file: PolicyFileReader<'a>) -> Self {
        Self {
            file,
            policy_file,
            findings: Vec::new(),
        }
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn place(&self, position: Position) -> Place {
        Place {
            file: self.file.to_owned(),
            position,
        }
    }

    pub(super) fn push(&mut self, finding: FileFinding) {
        self.findings.push(finding);
    }

    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.push(FileFinding::error(place, message));
    }

    pub(super) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        self.push(FileFinding::warning(place, message));
    }

    pub(super) fn take_over(&mut self, found: Vec<Diagnostic>) {
        let file = self.file;
        let own = found.into_iter().map(|it| FileFinding::of_syntax(file, it));
        self.findings.extend(own);
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(FileFinding::is_error)
    }

    pub(super) fn finish(mut self) -> Vec<FileFinding> {
        self.findings.sort_by_key(|finding| finding.place.position);
        self.findings
    }

    pub(super) fn known_keys(&mut self, entries: &[MapEntry], known: &[&str]) {
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let help = nearest_of(&entry.key, known.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            let message = format!("`{}` is not a known key", entry.key);
            let finding = FileFinding::error(&self.place(entry.position), message);
            self.push(finding.help(help));
        }
    }

    fn wrong_kind(&mut self, key: &str, node: &Node, due: &str) {
        let mut message = format!("`{key}` is {due}, not {}", node.kind());
        if matches!(node.value, Value::Number(_)) && due == "a string" {
            message.push_str("; ids stand in quotes");
        }
        self.error(&self.place(node.position), message);
    }

    pub(super) fn map<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n [MapEntry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        self.wrong_kind(key, node, "an object");
        None
    }

    pub(super) fn object<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        known: &[&str],
    ) -> Option<&'n [MapEntry]> {
        let entries = self.map(node, key)?;
        self.known_keys(entries, known);
        Some(entries)
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        if let Value::List(items) = &node.value {
            return items;
        }
        self.wrong_kind(key, node, "a list");
        &[]
    }

    pub(super) fn text(&mut self, key: &str, node: &Node) -> Option<String> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        self.wrong_kind(key, node, "a string");
        None
    }

    pub(super) fn flag(&mut self, key: &str, node: &Node) -> bool {
        if let Value::Bool(flag) = node.value {
            return flag;
        }
        self.wrong_kind(key, node, "true or false");
        false
    }

    pub(super) fn term(&mut self, key: &str, node: &Node) -> Option<Term> {
        let text = self.text(key, node)?;
        let place = self.place(node.position);
        if text.trim().is_empty() {
            self.error(&place, format!("an entry of `{key}` is empty"));
            return None;
        }
        Some(Term { text, place })
    }

    pub(super) fn terms(&mut self, key: &str, node: &Node) -> Vec<Term> {
        let items = self.list(node, key);
        items.iter().filter_map(|it| self.term(key, it)).collect()
    }
}

/// Suggests the known name nearest to `written`.
pub(super) fn nearest_of<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(written, known).map(|near| format!("did you mean `{near}`?"))
}
