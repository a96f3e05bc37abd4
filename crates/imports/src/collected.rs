//! Rows and rules as they come together, from whichever tool.

use std::collections::BTreeMap;

use hallpass_model::text;

use crate::draft::RuleDraft;
use crate::names::LookUp;
use crate::report::{ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse};
use crate::rule_text::{NAME_MAX, RuleText};
use crate::stricter::stricter_by_others;

/// What a row is called, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct RowHead {
    pub(crate) table: &'static str,
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl RowHead {
    /// A row of a table, with its id.
    pub(crate) fn of(table: &'static str, file: &str, line: Option<u32>, id: &str) -> Self {
        Self {
            table,
            file: file.to_owned(),
            line,
            id: id.to_owned(),
            name: String::new(),
        }
    }
}

/// A row that becomes rules.
pub(crate) struct ImportRow {
    pub(crate) head: RowHead,
    pub(crate) drafts: Vec<RuleDraft>,
    pub(crate) notes: Vec<RowNote>,
    /// What other rows know it by, which are part of its rules.
    pub(crate) key: Option<String>,
    /// The row of whose rules it is part.
    pub(crate) part_of: Option<String>,
}

impl ImportRow {
    /// A row without rules.
    pub(crate) fn told(head: RowHead, notes: Vec<RowNote>) -> Self {
        Self {
            head,
            drafts: Vec::new(),
            notes,
            key: None,
            part_of: None,
        }
    }

    /// Whether no note says that it cannot be said.
    fn can_be_said(&self) -> bool {
        self.notes
            .iter()
            .all(|note| note.outcome() != RowOutcome::CannotBeSaid)
    }

    /// Why no server would load one of its rules. What a rule permits and what another asks for may be one row: written
    /// without each other, they would say more than it.
    fn refusal(&self) -> Option<RowNote> {
        let why = self.drafts.iter().find_map(RuleDraft::refusal)?;
        Some(not_loaded(&why))
    }
}

fn not_loaded(why: &str) -> RowNote {
    let why = text::line(why, 4 * NAME_MAX);
    RowNote::NotSaid(format!("no rule can say it ({why}); write it by hand").into())
}

/// The rules of all rows, and their report. Nothing is written of a row that cannot be said.
pub(crate) fn imported(
    source: &'static str,
    comment: &[&str],
    mut rows: Vec<ImportRow>,
    look: LookUp<'_>,
) -> Imported {
    for row in &mut rows {
        if row.can_be_said() {
            let refusal = row.refusal();
            row.notes.extend(refusal);
        }
        if !row.can_be_said() {
            row.drafts.clear();
        }
    }
    let drafts: Vec<Vec<RuleDraft>> = rows.iter().map(|row| row.drafts.clone()).collect();
    for (row, notes) in rows.iter_mut().zip(stricter_by_others(&drafts)) {
        row.notes.extend(notes);
    }
    let mut text = RuleText::new(comment);
    let mut items = BTreeMap::new();
    let mut report = Vec::new();
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mut row in rows {
        let item = items
            .entry((row.head.file.clone(), row.head.table))
            .or_insert(0);
        *item += 1;
        let mut rules = Vec::new();
        for draft in &row.drafts {
            match draft.write(&mut text) {
                Ok(id) => rules.push(id),
                // tried above: only its id is another here
                Err(why) => row.notes.push(not_loaded(&why)),
            }
        }
        if let Some(key) = row.key {
            written.insert(key, rules.clone());
        }
        if let Some(of_another) = row.part_of.map(|key| written.get(&key)) {
            rules.extend(of_another.into_iter().flatten().cloned());
            if rules.is_empty() {
                row.notes.push(RowNote::NotSaid(
                    "the row it is part of has no rules".into(),
                ));
            }
        }
        let outcomes = row.notes.iter().map(RowNote::outcome);
        report.push(ReportRow {
            table: row.head.table,
            file: row.head.file,
            item: *item,
            line: row.head.line,
            id: text::line(&row.head.id, NAME_MAX),
            name: text::line(&row.head.name, NAME_MAX),
            outcome: outcomes.fold(RowOutcome::Moved, worse),
            rules,
            notes: row.notes,
        });
    }
    let mut report = ImportReport::new(source, text.count(), report, Vec::new());
    report.unnamed = look.unnamed();
    Imported {
        text: text.finish(),
        report,
    }
}
