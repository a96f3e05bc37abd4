//! From rows to rules.

use std::collections::BTreeSet;

use hallpass_model::{AccountId, text};
use hallpass_rules::Directory;

use super::known::{gone_of_approvers, gone_of_eligibility};
use super::rows::{
    ApproverPlace, Approvers, Eligibility, Holder, Settings, TableRow, TeamTable, entries,
    read_rows,
};
use crate::dynamodb::{ExportRefused, SourceFile};
use crate::report::{
    ConfigurationLine, ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse,
};
use crate::rule_text::{Entry, NAME_MAX, RuleText};

/// Which release of AWS TEAM wrote the tables; they do not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// Since June 2024.
    #[default]
    Current,
    /// Before: approvers of a unit count only where the account has none of its own, and one entry
    /// that needs an approval is enough to need one.
    BeforeJune2024,
}

/// Where a table was found, and what is in it.
#[derive(Debug, Clone)]
pub struct TeamExport {
    /// The file or folder, as people named it.
    pub name: String,
    /// The file, or the files below the folder.
    pub files: Vec<SourceFile>,
}

/// Why nothing was imported.
type Refused = ExportRefused;

/// Rules that say what the tables say. `facts` tells what they name that is gone.
///
/// # Errors
/// When a table is not whole, or another one.
pub fn import(
    eligibility: &TeamExport,
    approvers: &TeamExport,
    settings: &TeamExport,
    release: Release,
    facts: Option<&Directory>,
) -> Result<Imported, Refused> {
    let read = |table, export: &TeamExport| read_rows(table, &export.name, &export.files);
    let eligibility = read(TeamTable::Eligibility, eligibility)?;
    let approvers = read(TeamTable::Approvers, approvers)?;
    let settings = read(TeamTable::Settings, settings)?;
    let mut import = Import {
        text: RuleText::new(&HEAD),
        report: Vec::new(),
        configuration: Vec::new(),
        release,
        facts,
    };
    let settings = import.settings(settings);
    import.eligibility(eligibility, &settings);
    import.approvers(approvers);
    Ok(import.finish())
}

const HEAD: [&str; 3] = [
    "Rules imported from AWS TEAM by `hallpass rules import team`.",
    "Each entry of eligibility is a rule, or two where it names accounts and organizational units; approvers and",
    "settings are rules that permit no requests and add to those.",
];

struct Import<'a> {
    text: RuleText,
    report: Vec<ReportRow>,
    configuration: Vec<ConfigurationLine>,
    release: Release,
    facts: Option<&'a Directory>,
}

impl Import<'_> {
    fn finish(self) -> Imported {
        let rules = self.text.count();
        let text = self.text.finish();
        Imported {
            report: ImportReport::new("team", rules, self.report, self.configuration),
            text,
        }
    }

    fn reported(&mut self, table: TeamTable, row: TableRow, rules: Vec<String>) {
        let outcomes = row.notes.iter().map(RowNote::outcome);
        let outcome = outcomes.fold(RowOutcome::Moved, worse);
        self.report.push(ReportRow {
            table: table.name(),
            file: row.file,
            item: row.number,
            line: None,
            id: text::line(&row.id, NAME_MAX),
            name: text::line(&row.name, NAME_MAX),
            outcome,
            rules,
            notes: row.notes,
        });
    }

    /// The settings, which are one row. Rows that are not the one of that name mean nothing.
    fn settings(&mut self, rows: Vec<TableRow>) -> Settings {
        let mut found = None;
        for mut row in rows {
            if row.id != "settings" {
                row.notes.push(RowNote::SaysNothing(
                    "AWS TEAM reads the row `settings` alone",
                ));
                self.reported(TeamTable::Settings, row, Vec::new());
                continue;
            }
            // what is not known there changes nothing of what is
            let unknown = |note: &RowNote| matches!(note, RowNote::UnknownAttribute(_));
            row.notes.retain(|note| !unknown(note));
            let settings = row.settings().unwrap_or_else(Settings::unset);
            let rules = vec![self.settings_rule(&settings)];
            row.notes.extend(settings.notes.iter().cloned());
            self.reported(TeamTable::Settings, row, rules);
            found = Some(settings);
        }
        let settings = found.unwrap_or_else(|| {
            let settings = Settings::unset();
            self.settings_rule(&settings);
            settings
        });
        self.configuration.extend(configuration(&settings));
        settings
    }

    fn settings_rule(&mut self, settings: &Settings) -> String {
        let description = "AWS TEAM: settings, for whatever other rules let people ask for";
        let id = self.text.rule("team-settings", "", description);
        self.text.text("accounts", "*");
        self.text.text("permission_sets", "*");
        self.text.flag("permits_requests", false);
        self.text
            .text("max_duration", &format!("{}h", settings.hours));
        self.text.text("reason_pattern", r"^[\p{L}\p{N}]");
        self.text
            .text("reason_hint", "begins with a letter or a digit");
        if settings.ticket {
            self.text.text("ticket_pattern", "^[A-Za-z0-9]");
            self.text.text(
                "ticket_hint",
                "a ticket that begins with a letter or a digit",
            );
        }
        id
    }

    fn eligibility(&mut self, rows: Vec<TableRow>, settings: &Settings) {
        let read: Vec<(TableRow, Option<Eligibility>)> = rows
            .into_iter()
            .map(|mut row| {
                let entry = row.eligibility().filter(|_| is_known(&row));
                (row, entry)
            })
            .collect();
        let entries = || read.iter().filter_map(|(_, entry)| entry.as_ref());
        let longest = entries().map(|entry| entry.hours).max().unwrap_or(0);
        let longest = longest.min(settings.hours);
        let without_approval: Vec<Eligibility> = entries()
            .filter(|entry| !entry.approval_required)
            .cloned()
            .collect();
        for (mut row, entry) in read {
            let mut rules = Vec::new();
            if let Some(entry) = &entry {
                if entry.hours < longest {
                    let own = entry.hours;
                    row.notes.push(RowNote::LongestOfAll { own, longest });
                }
                let shared = |other: &Eligibility| may_meet(entry, other);
                if self.release == Release::BeforeJune2024
                    && settings.approval
                    && entry.approval_required
                    && without_approval.iter().any(shared)
                {
                    row.notes.push(RowNote::ApprovalOfAnyEntry);
                }
                if let Some(facts) = self.facts {
                    row.notes.extend(gone_of_eligibility(entry, facts));
                }
                rules = self.eligibility_rules(&mut row, entry, settings);
            }
            self.reported(TeamTable::Eligibility, row, rules);
        }
    }

    fn eligibility_rules(
        &mut self,
        row: &mut TableRow,
        entry: &Eligibility,
        settings: &Settings,
    ) -> Vec<String> {
        if entry.sets.is_empty() {
            row.notes
                .push(RowNote::SaysNothing("it names no permission set"));
            return Vec::new();
        }
        if entry.accounts.is_empty() && entry.units.is_empty() {
            row.notes
                .push(RowNote::SaysNothing("it names no account and no unit"));
            return Vec::new();
        }
        let places = [
            ("accounts", entries(&entry.accounts)),
            ("parent_ous", entries(&entry.units)),
        ];
        let places = places
            .into_iter()
            .filter(|(_, entries)| !entries.is_empty());
        let rules = places.map(|(key, places)| {
            let who = match &entry.holder {
                Holder::User(_) => "user",
                Holder::Group(_) => "group",
            };
            let description = format!("AWS TEAM: eligibility of {who} {}", row.name);
            let id = self.text.rule("team-eligible", &row.name, &description);
            self.text.list(key, &places);
            self.text.list("permission_sets", &entries_of_sets(entry));
            let (key, value) = match &entry.holder {
                Holder::User(id) => ("allowed_users", id.to_string()),
                Holder::Group(id) => ("allowed_groups", id.to_string()),
            };
            let name = row.name.clone();
            self.text.list(key, &[Entry { value, name }]);
            self.text.text("max_duration", &format!("{}h", entry.hours));
            self.text.flag("prefer_longest_duration", true);
            if !(entry.approval_required && settings.approval) {
                self.text.flag("approval_is_not_required", true);
            }
            id
        });
        rules.collect()
    }

    fn approvers(&mut self, rows: Vec<TableRow>) {
        let read: Vec<(TableRow, Option<Approvers>)> = rows
            .into_iter()
            .map(|mut row| {
                let approvers = row.approvers().filter(|_| is_known(&row));
                (row, approvers)
            })
            .collect();
        // an account whose own row cannot be said has approvers all the same: nobody stands in for them
        let of_their_own: BTreeSet<AccountId> = read
            .iter()
            .filter(|(_, found)| found.as_ref().is_none_or(|it| !it.groups.is_empty()))
            .filter_map(|(row, _)| AccountId::new(row.id.as_str()).ok())
            .collect();
        for (mut row, approvers) in read {
            let mut rules = Vec::new();
            if let Some(approvers) = &approvers {
                if let Some(facts) = self.facts {
                    row.notes.extend(gone_of_approvers(approvers, facts));
                }
                if approvers.groups.is_empty() {
                    row.notes.push(RowNote::SaysNothing("it names no group"));
                } else {
                    rules.push(self.approver_rule(&row, approvers, &of_their_own));
                }
            }
            self.reported(TeamTable::Approvers, row, rules);
        }
    }

    fn approver_rule(
        &mut self,
        row: &TableRow,
        approvers: &Approvers,
        of_their_own: &BTreeSet<AccountId>,
    ) -> String {
        let (what, key, value) = match &approvers.place {
            ApproverPlace::Account(id) => ("account", "accounts", id.to_string()),
            ApproverPlace::Unit(id) => ("accounts directly in", "parent_ous", id.clone()),
        };
        let description = format!("AWS TEAM: approvers of {what} {}", row.name);
        let id = self.text.rule("team-approve", &row.name, &description);
        let name = row.name.clone();
        self.text.list(key, &[Entry { value, name }]);
        let is_unit = matches!(approvers.place, ApproverPlace::Unit(_));
        if self.release == Release::BeforeJune2024 && is_unit && !of_their_own.is_empty() {
            let except = of_their_own.iter().map(|id| Entry {
                value: id.to_string(),
                name: String::new(),
            });
            self.text
                .list("except_accounts", &except.collect::<Vec<_>>());
        }
        self.text.text("permission_sets", "*");
        self.text.flag("permits_requests", false);
        self.text
            .list("approver_groups", &entries(&approvers.groups));
        id
    }
}

/// Whether every attribute of a row is known.
fn is_known(row: &TableRow) -> bool {
    row.notes
        .iter()
        .all(|note| note.outcome() != RowOutcome::CannotBeSaid)
}

/// Whether two entries may be about the same permission set in the same account. Which account is in which
/// unit may change.
fn may_meet(one: &Eligibility, other: &Eligibility) -> bool {
    let set = one
        .sets
        .iter()
        .any(|(name, _)| other.sets.iter().any(|(it, _)| it == name));
    let unit = (!one.units.is_empty() && !other.accounts.is_empty())
        || (!other.units.is_empty() && !one.accounts.is_empty())
        || one
            .units
            .iter()
            .any(|(id, _)| other.units.iter().any(|(it, _)| it == id));
    let account = one
        .accounts
        .iter()
        .any(|(id, _)| other.accounts.iter().any(|(it, _)| it == id));
    set && (unit || account)
}

fn entries_of_sets(entry: &Eligibility) -> Vec<Entry> {
    let sets = entry.sets.iter().map(|(name, _)| Entry {
        value: name.as_str().to_owned(),
        name: String::new(),
    });
    sets.collect()
}

fn configuration(settings: &Settings) -> [ConfigurationLine; 2] {
    [
        ConfigurationLine {
            key: "access.request_expiry",
            value: format!("\"{}h\"", settings.expiry_hours),
            about: "request expiry timeout",
        },
        ConfigurationLine {
            key: "access.duration.max",
            value: format!("\"{}h\"", settings.hours),
            about: "maximum request duration",
        },
    ]
}
