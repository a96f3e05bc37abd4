//! Rows and rules as they come together, from whichever tool.

use std::collections::BTreeMap;

use hallpass_model::text;

use crate::draft::{Approval, RuleDraft, span};
use crate::names::LookUp;
use crate::report::{ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse};
use crate::rule_text::{NAME_MAX, RuleText};

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
}

/// The rules of all rows, and their report. Nothing is written of a row that cannot be said.
pub(crate) fn imported(
    source: &'static str,
    comment: &[&str],
    mut rows: Vec<ImportRow>,
    look: LookUp<'_>,
) -> Imported {
    for row in &mut rows {
        if !row.can_be_said() {
            row.drafts.clear();
        }
    }
    tell_stricter(&mut rows);
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
                Err(why) => {
                    let why = text::line(&why, 4 * NAME_MAX);
                    let what = format!("no rule can say it ({why}); write it by hand");
                    row.notes.push(RowNote::NotSaid(what.into()));
                }
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

/// Marks the rows whose people have less by another row: of all rules about a request the shortest time counts,
/// and every step of an approval, so that nobody gets the time of one with the approval of another.
fn tell_stricter(rows: &mut [ImportRow]) {
    let asking: Vec<(usize, RuleDraft)> = { rows.iter().enumerate() }
        .flat_map(|(place, row)| row.drafts.iter().map(move |draft| (place, draft.clone())))
        .filter(|(_, draft)| draft.seconds.is_some())
        .collect();
    for (place, row) in rows.iter_mut().enumerate() {
        let mut shortest = None;
        for own in &row.drafts {
            let others = asking.iter().filter(|(other, draft)| {
                *other != place && draft.seconds < own.seconds && may_meet(own, draft)
            });
            let least = others.filter_map(|(_, draft)| draft.seconds).min();
            shortest = [shortest, least].into_iter().flatten().min();
        }
        let stepwise = |draft: &RuleDraft| matches!(draft.approval, Approval::Stages(_));
        let mut others = asking.iter().filter(|(other, _)| *other != place);
        let both = |(_, other): &(usize, RuleDraft)| {
            let own = row.drafts.iter();
            let mut own = own.filter(|own| stepwise(own) || stepwise(other));
            own.any(|own| may_meet(own, other))
        };
        if others.any(both) {
            let what = "people of another row for the same need the approvals of both";
            row.notes.push(RowNote::Narrower(what.into()));
        }
        if let Some(seconds) = shortest {
            let what = format!(
                "people of another row for the same get the shorter of both times: {}",
                span(seconds)
            );
            row.notes.push(RowNote::Narrower(what.into()));
        }
    }
}

/// Whether both may be about one request.
fn may_meet(one: &RuleDraft, other: &RuleDraft) -> bool {
    let sets = match (&one.sets, &other.sets) {
        (Some(one), Some(other)) => !one.is_disjoint(other),
        (None, _) | (_, None) => true,
    };
    sets && one.area.may_meet(&other.area)
}
