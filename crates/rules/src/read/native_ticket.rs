//! The requirement of a ticket in a rule.

use std::collections::BTreeSet;

use super::fields::RuleReader;
use crate::{
    diagnostic::FindingCode,
    syntax::{MapEntry, Node},
    ticket::TicketTerms,
};

const TICKET_KEYS: [&str; 6] = [
    "source",
    "required",
    "states",
    "project",
    "assigned_to_requester",
    "fallback",
];

pub(super) fn ticket(reader: &mut RuleReader, key: &str, node: &Node) -> Option<TicketTerms> {
    let entries = reader.map(node, "`ticket`")?;
    reader.known_keys(entries, &TICKET_KEYS);
    let mut terms = TicketTerms {
        source: String::new(),
        required: true,
        states: BTreeSet::new(),
        projects: BTreeSet::new(),
        assigned_to_requester: false,
        else_approval: false,
    };
    for MapEntry { key, value, .. } in entries {
        match key.as_str() {
            "source" => reader
                .text(key, value)
                .unwrap_or_default()
                .trim()
                .clone_into(&mut terms.source),
            "required" => terms.required = reader.flag(key, value).unwrap_or(true),
            "states" => terms.states = reader.words(key, value),
            "project" => terms.projects = reader.words(key, value),
            "assigned_to_requester" => {
                terms.assigned_to_requester = reader.flag(key, value).unwrap_or(false);
            }
            "fallback" => terms.else_approval = fallback(reader, key, value),
            _ => {}
        }
    }
    if terms.source.is_empty() {
        let help = "name one of `[[tickets]]` of the configuration";
        reader.missing(node.position, "source", help);
        return None;
    }
    if terms.else_approval && !terms.required {
        let message = "`fallback` without a required ticket";
        let help = "drop `required = false`: without a ticket, approval is required";
        reader.bad(FindingCode::BadFlag, key, node, message, help);
    }
    Some(terms)
}

fn fallback(reader: &mut RuleReader, key: &str, node: &Node) -> bool {
    let text = reader.text(key, node);
    if let Some(text) = text.filter(|it| *it != "approval") {
        let message = format!("`{text}` is not `approval`");
        let help = "leave the key out to refuse requests without such a ticket";
        reader.bad(FindingCode::BadType, key, node, &message, help);
    }
    text == Some("approval")
}
