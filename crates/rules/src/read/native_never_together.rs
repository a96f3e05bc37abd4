//! `[[never_together]]` of the native form.

use super::{
    fields::RuleReader, native_keys::TARGET_KEYS, native_targets::targets, native_tests::instant,
};
use crate::{
    diagnostic::{Diagnostic, FindingCode},
    never_together::{ExceptionTerms, HoldingException, NeverTogether},
    rule::{Denials, PeopleLeftOut, Rule, RuleId, Terms},
    syntax::{MapEntry, Node, Value},
};

const KEYS: [&str; 4] = ["id", "description", "sides", "except"];
const EXCEPT_KEYS: [&str; 4] = ["users", "approved_by", "reason", "until"];
const SIDES_MAX: usize = 10;

pub(super) fn never_together(
    reader: &mut RuleReader,
    item: &Node,
    entries: &[MapEntry],
    index: usize,
) -> Option<NeverTogether> {
    reader.known_keys(entries, &KEYS);
    let id = item.get("id").and_then(|node| reader.id("id", node));
    if item.get("id").is_none() {
        reader.missing(item.position, "id", "refusals and reports name it");
    }
    let mut sides = Vec::new();
    for side in list(reader, item, "sides") {
        if let Some(entries) = reader.map(side, "a side") {
            reader.known_keys(entries, &TARGET_KEYS);
            sides.push((side.position, targets(reader, side)));
        }
    }
    if !(2..=SIDES_MAX).contains(&sides.len()) {
        let message = format!(
            "a constraint has 2 to {SIDES_MAX} `sides`, not {}",
            sides.len()
        );
        let help = "each is a table like the targets of a rule: `{ groups = [\"auditors\"] }`";
        let bad = Diagnostic::error(FindingCode::MissingField, item.position, message);
        reader.push(bad.field("sides").help(help));
    }
    let mut except = Vec::new();
    for node in list(reader, item, "except") {
        if let Some(entries) = reader.map(node, "an exception") {
            reader.known_keys(entries, &EXCEPT_KEYS);
            except.extend(exception(reader, node));
        }
    }
    let (id, written) = (RuleId::new(&id?), reader.take_written());
    let side = |(position, targets)| Rule {
        id: id.clone(),
        list: "never_together",
        index,
        position,
        terms: Terms::new(targets, Denials::Always),
        written: written.clone(),
    };
    Some(NeverTogether {
        sides: sides.into_iter().map(side).collect(),
        id,
        except,
    })
}

fn list<'a>(reader: &mut RuleReader, item: &'a Node, key: &str) -> &'a [Node] {
    match item.get(key) {
        None => &[],
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(node) => {
            reader.bad_type(key, node, "a list of tables");
            &[]
        }
    }
}

fn exception(reader: &mut RuleReader, item: &Node) -> Option<HoldingException> {
    for key in EXCEPT_KEYS {
        if item.get(key).is_none() {
            let help = "an exception says for whom, who approved it, why, and until when";
            reader.missing(item.position, key, help);
        }
    }
    let (emails, user_ids) = reader.people("users", item.get("users")?);
    let approver = reader.emails("approved_by", item.get("approved_by")?);
    let reason = reader
        .text("reason", item.get("reason")?)?
        .trim()
        .to_owned();
    if reason.is_empty() {
        let help = "say why this person may hold both";
        let node = item.get("reason")?;
        reader.bad(
            FindingCode::BadText,
            "reason",
            node,
            "an empty reason",
            help,
        );
    }
    let until = instant(reader, "until", item.get("until")?);
    Some(HoldingException {
        people: PeopleLeftOut {
            emails,
            user_ids,
            ..PeopleLeftOut::default()
        },
        terms: ExceptionTerms {
            approved_by: approver.into_iter().next()?,
            reason,
            until: until?,
        },
    })
}
