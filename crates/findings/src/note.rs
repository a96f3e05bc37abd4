//! Writes notes (`organization.md` E-5, E-7, E-8).

use hallpass_aws_model::facts;

use crate::account::{AccountTag, SecurityContact};
use crate::finding::FindingNote;
use crate::settings::{EnrichSettings, NotePolicy};
use crate::text::{cut, is_blank, length, one_line};

/// Characters of a note (Security Hub API Reference, `NoteUpdate`).
const NOTE_MAX: usize = facts::FINDING_NOTE_CHARACTERS.count();
/// Author in AWS's sample solution; Hallpass takes over its notes.
const EARLIER: &str = "Security Hub - Enrichment Automation";
const BETWEEN: &str = " || ";
const START: &str = "Account Name: ";
const REMEDIATED: &str = "Hallpass ";

pub(crate) fn own(
    name: &str,
    unit: &str,
    tags: &[AccountTag],
    contact: Option<&SecurityContact>,
) -> String {
    let start = format!("{START}{name} OU Name: {unit}");
    let written = |tags: &[AccountTag], contact: Option<&str>| {
        let mut text = start.clone();
        if !tags.is_empty() {
            let tags: Vec<String> = tags
                .iter()
                .map(|it| format!("{}={}", it.key, it.value))
                .collect();
            text.push_str(" Tags: ");
            text.push_str(&tags.join(", "));
        }
        if let Some(contact) = contact {
            text.push(' ');
            text.push_str(contact);
        }
        one_line(&text)
    };
    let words = contact.map(SecurityContact::words);
    let mut left = tags;
    loop {
        let text = written(left, words.as_deref());
        if length(&text) <= NOTE_MAX {
            return text;
        }
        match left.split_last() {
            Some((_, fewer)) => left = fewer,
            None => break,
        }
    }
    let short = contact.map(SecurityContact::short_words);
    cut(&written(&[], short.as_deref()), NOTE_MAX)
}

pub(crate) fn fitting(text: &str) -> String {
    cut(&one_line(text), NOTE_MAX)
}

/// Returns the note to write; `None` keeps the existing one.
pub(crate) fn merged(
    own: &str,
    existing: Option<&FindingNote>,
    settings: &EnrichSettings,
) -> Option<String> {
    let theirs = existing.and_then(|it| of_others(it, settings));
    match (theirs, settings.notes) {
        (None, _) | (Some(_), NotePolicy::Replace) => Some(own.to_owned()),
        (Some(_), NotePolicy::Keep) => None,
        (Some(theirs), NotePolicy::Append) => {
            let both = format!("{theirs}{BETWEEN}{own}");
            (length(&both) <= NOTE_MAX).then_some(both)
        }
    }
}

/// Extracts the foreign part of a note, including text that we appended to.
fn of_others<'a>(note: &'a FindingNote, settings: &EnrichSettings) -> Option<&'a str> {
    if is_blank(&note.text) {
        return None;
    }
    if note.updated_by != settings.updated_by && note.updated_by != EARLIER {
        return Some(&note.text);
    }
    let ours = [START, REMEDIATED];
    let ends = ours.map(|start| note.text.find(&format!("{BETWEEN}{start}")));
    let end = ends.into_iter().flatten().min()?;
    note.text.get(..end).filter(|it| !is_blank(it))
}
