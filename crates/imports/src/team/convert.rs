use std::collections::BTreeSet;

use hallpass_base::{AccountId, text};
use hallpass_rules::Directory;

use super::earlier::EarlierEntries;
use super::entry::{EntryOf, says_nothing};
use super::known::{gone_holder, gone_of_approvers, gone_of_offer};
use super::policies::{CHOSEN, Policy, PolicyApproval, PolicyTable, TeamChoice};
use super::rows::{
    ApproverPlace, Approvers, Eligibility, Holder, Offer, Settings, TableRow, entries, read_rows,
};
use super::tables::TeamTable;
use crate::dynamodb::{ExportRefused, SourceFile};
use crate::report::{
    ConfigurationLine, ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse,
};
use crate::rule_text::{Entry, NAME_MAX, RuleText};

/// The AWS TEAM release of the tables, which do not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    #[default]
    Current,
    /// Approvers of a unit count only if the account has none, one entry with approval requires it,
    /// and the hours of a person's first entry limit all.
    BeforeJune2024,
}

#[derive(Debug, Clone)]
pub struct TeamExport {
    pub name: String,
    pub files: Vec<SourceFile>,
}

type Refused = ExportRefused;

#[derive(Debug, Clone, Copy)]
pub struct TeamExports<'a> {
    pub eligibility: &'a TeamExport,
    pub approvers: &'a TeamExport,
    pub settings: &'a TeamExport,
    pub policies: Option<&'a TeamExport>,
}

/// Converts the tables to rules. `facts` identifies names missing in the organization.
///
/// # Errors
/// A table is incomplete, or of another kind.
pub fn import(
    tables: &TeamExports<'_>,
    release: Release,
    facts: Option<&Directory>,
) -> Result<Imported, Refused> {
    let read = |table, export: &TeamExport| read_rows(table, &export.name, &export.files);
    let eligibility = read(TeamTable::Eligibility, tables.eligibility)?;
    let approvers = read(TeamTable::Approvers, tables.approvers)?;
    let settings = read(TeamTable::Settings, tables.settings)?;
    let policies = tables.policies.map(|it| read(TeamTable::Policies, it));
    let mut import = Import {
        text: RuleText::new(&HEAD),
        report: Vec::new(),
        configuration: Vec::new(),
        release,
        facts,
    };
    let settings = import.settings(settings);
    let approvers = said(approvers, TableRow::approvers);
    let mut policies = PolicyTable::read(policies.transpose()?, &approvers, facts);
    import.eligibility(eligibility, &mut policies, &settings);
    import.policies(policies);
    import.approvers(approvers);
    Ok(import.finish())
}

fn said<T>(
    rows: Vec<TableRow>,
    read: impl Fn(&mut TableRow) -> Option<T>,
) -> Vec<(TableRow, Option<T>)> {
    let read = |mut row: TableRow| {
        let said = read(&mut row).filter(|_| !row.says_too_much());
        (row, said)
    };
    rows.into_iter().map(read).collect()
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

    /// Rows other than the one settings row are ignored.
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
            let unknown = Self::unknown_settings(&mut row);
            let settings = row.settings();
            let rules = vec![self.settings_rule(&settings)];
            row.notes.extend(settings.notes.iter().cloned());
            self.reported(TeamTable::Settings, row, rules);
            self.report.extend(unknown);
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

    /// Unknown settings, one row each; the others are unaffected.
    fn unknown_settings(row: &mut TableRow) -> Vec<ReportRow> {
        let is_unknown = |note: &RowNote| matches!(note, RowNote::UnknownAttribute(_));
        let (unknown, known) = std::mem::take(&mut row.notes)
            .into_iter()
            .partition::<Vec<_>, _>(is_unknown);
        row.notes = known;
        let told = |note: RowNote| {
            let RowNote::UnknownAttribute(name) = note else {
                return None;
            };
            let what = "it is a setting of no known release, and is not imported: look up its effect in AWS \
                        TEAM";
            Some(ReportRow {
                table: TeamTable::Settings.name(),
                file: row.file.clone(),
                item: row.number,
                line: None,
                id: text::line(&row.id, NAME_MAX),
                name,
                outcome: RowOutcome::CannotBeSaid,
                rules: Vec::new(),
                notes: vec![RowNote::NotSaid(what.into())],
            })
        };
        unknown.into_iter().filter_map(told).collect()
    }

    fn settings_rule(&mut self, settings: &Settings) -> String {
        let description = "AWS TEAM: settings, for all access that other rules allow";
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

    fn eligibility(
        &mut self,
        rows: Vec<TableRow>,
        policies: &mut PolicyTable,
        settings: &Settings,
    ) {
        let facts = self.facts;
        let read = said(rows, |row| EntryOf::read(row, facts));
        let own = read.iter().filter_map(|(_, entry)| entry.as_ref()?.own());
        let longest = own.map(|entry| entry.offer.hours).max().unwrap_or(0);
        let longest = longest.min(settings.hours);
        let earlier = match self.release {
            Release::BeforeJune2024 => Some(EarlierEntries::of(&read, settings.hours)),
            Release::Current => None,
        };
        let choices = read.iter().filter_map(|(_, entry)| entry.as_ref());
        let choices: Vec<TeamChoice> = choices.flat_map(|entry| entry.choices(policies)).collect();
        self.rules_of_policies(&read, policies, settings);
        for (mut row, entry) in read {
            let limit = earlier.as_ref().and_then(|_| self.limit_rule(&row));
            let Some(entry) = entry else {
                self.reported(TeamTable::Eligibility, row, limit.into_iter().collect());
                continue;
            };
            let is_chosen = entry.choices(policies).iter().any(|one| {
                let mut others = choices.iter();
                others.any(|other| one.is_chosen_beside(other))
            });
            if let Some(facts) = self.facts {
                row.notes.extend(gone_holder(entry.holder(), facts));
            }
            let mut rules = match &entry {
                EntryOf::Own(entry) => {
                    row.notes.extend(match &earlier {
                        Some(others) => others.notes(entry, settings.hours, settings.approval),
                        None => longest_of_all(entry.offer.hours, longest),
                    });
                    if let Some(facts) = self.facts {
                        row.notes.extend(gone_of_offer(&entry.offer, facts));
                    }
                    self.eligibility_rules(&mut row, entry, settings, earlier.as_ref())
                }
                EntryOf::Policies { ids, .. } => policies.said_of(&mut row, ids),
            };
            rules.extend(limit);
            if is_chosen {
                row.notes.push(CHOSEN);
            }
            self.reported(TeamTable::Eligibility, row, rules);
        }
    }

    /// Earlier releases: the hours of an entry limit its holders for every target.
    fn limit_rule(&mut self, row: &TableRow) -> Option<String> {
        let (holder, hours) = row.limit()?;
        let who = holder.word();
        let description = format!("AWS TEAM: the most hours of {who} {}", row.name);
        let id = self.text.rule("team-limit", &row.name, &description);
        self.text.text("accounts", "*");
        self.text.text("permission_sets", "*");
        self.text.flag("permits_requests", false);
        let (value, name) = (holder.id(), row.name.clone());
        self.text.list(holder.key(), &[Entry { value, name }]);
        self.text.text("max_duration", &format!("{hours}h"));
        Some(id)
    }

    fn eligibility_rules(
        &mut self,
        row: &mut TableRow,
        entry: &Eligibility,
        settings: &Settings,
        earlier: Option<&EarlierEntries>,
    ) -> Vec<String> {
        if let Some(nothing) = says_nothing(&entry.offer) {
            row.notes.push(nothing);
            return Vec::new();
        }
        row.notes.extend(self.by_name());
        let who = entry.holder.word();
        let head = RuleHead {
            prefix: "team-eligible",
            name: &row.name,
            description: format!("AWS TEAM: eligibility of {who} {}", row.name),
        };
        let holder = [(&entry.holder, row.name.as_str())];
        let of_another = earlier.is_some_and(|others| others.want_approval(entry));
        let is_needed = entry.offer.approval_required || of_another;
        self.offer_rules(&head, &holder, &entry.offer, |text, _| {
            if earlier.is_none() {
                text.flag("prefer_longest_duration", true);
            }
            if !(is_needed && settings.approval) {
                text.flag("approval_is_not_required", true);
            }
        })
    }

    /// One set of rules per policy for all entries that name it: two rules would require both
    /// approvals. The requester chooses one policy; another policy never lengthens its duration.
    fn rules_of_policies(
        &mut self,
        entries: &[(TableRow, Option<EntryOf>)],
        policies: &mut PolicyTable,
        settings: &Settings,
    ) {
        let PolicyTable { rows, rules, .. } = policies;
        for (row, policy) in rows.iter() {
            let named = entries.iter().filter_map(|(entry, what)| match what {
                Some(EntryOf::Policies { holder, ids }) if ids.contains(&row.id) => {
                    Some((holder, entry.name.as_str()))
                }
                Some(EntryOf::Policies { .. } | EntryOf::Own(_)) | None => None,
            });
            let holders: Vec<_> = named.collect();
            if let Some(policy) = policy.as_ref().filter(|_| !holders.is_empty()) {
                let made = self.policy_rules(&row.id, &holders, policy, settings);
                rules.insert(row.id.clone(), made);
            }
        }
    }

    fn policy_rules(
        &mut self,
        id: &str,
        holders: &[(&Holder, &str)],
        policy: &Policy,
        settings: &Settings,
    ) -> Vec<String> {
        if says_nothing(&policy.offer).is_some() {
            return Vec::new();
        }
        let head = RuleHead {
            prefix: "team-policy",
            name: id,
            description: format!("AWS TEAM: policy {id}"),
        };
        let is_needed = policy.offer.approval_required && settings.approval;
        self.offer_rules(&head, holders, &policy.offer, |text, place| {
            if place == "parent_ous" && !policy.offer.accounts.is_empty() {
                text.list("except_accounts", &entries(&policy.offer.accounts));
            }
            if !is_needed {
                text.flag("approval_is_not_required", true);
            } else if let PolicyApproval::Of(groups) = &policy.approval {
                let groups = groups.iter().map(ToString::to_string).collect();
                text.open_list("stages");
                text.stage(id, (&BTreeSet::new(), &groups), false, 1);
                text.close_list();
            }
        })
    }

    fn by_name(&self) -> Option<RowNote> {
        self.facts.is_none().then_some(RowNote::ByName)
    }

    fn offer_rules(
        &mut self,
        head: &RuleHead<'_>,
        holders: &[(&Holder, &str)],
        offer: &Offer,
        terms: impl Fn(&mut RuleText, &str),
    ) -> Vec<String> {
        let places = [
            ("accounts", entries(&offer.accounts)),
            ("parent_ous", entries(&offer.units)),
        ];
        let places = places
            .into_iter()
            .filter(|(_, entries)| !entries.is_empty());
        let rules = places.map(|(key, places)| {
            let id = self.text.rule(head.prefix, head.name, &head.description);
            self.text.list(key, &places);
            self.text.list("permission_sets", &entries_of_sets(offer));
            for key in ["allowed_users", "allowed_groups"] {
                let of_key = holders.iter().filter(|(holder, _)| holder.key() == key);
                let listed = of_key.map(|(holder, name)| Entry {
                    value: holder.id(),
                    name: (*name).to_owned(),
                });
                let listed: Vec<Entry> = listed.collect();
                if !listed.is_empty() {
                    self.text.list(key, &listed);
                }
            }
            self.text.text("max_duration", &format!("{}h", offer.hours));
            terms(&mut self.text, key);
            id
        });
        rules.collect()
    }

    fn policies(&mut self, policies: PolicyTable) {
        let PolicyTable {
            rows, mut rules, ..
        } = policies;
        for (mut row, policy) in rows {
            let rules = rules.remove(&row.id).unwrap_or_default();
            if let Some(policy) = &policy {
                if let Some(facts) = self.facts {
                    row.notes.extend(gone_of_offer(&policy.offer, facts));
                }
                let unnamed = rules.is_empty().then_some(UNNAMED);
                row.notes.extend(says_nothing(&policy.offer).or(unnamed));
            }
            if !rules.is_empty() {
                row.notes.extend(self.by_name());
            }
            self.reported(TeamTable::Policies, row, rules);
        }
    }

    fn approvers(&mut self, read: Vec<(TableRow, Option<Approvers>)>) {
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
                    let rule = self.approver_rule(&row, approvers, &of_their_own);
                    row.notes.extend(rule.is_none().then_some(IN_POLICIES));
                    rules.extend(rule);
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
    ) -> Option<String> {
        let (what, key, value) = match &approvers.place {
            ApproverPlace::Account(id) => ("account", "accounts", id.to_string()),
            ApproverPlace::Unit(id) => ("accounts directly in", "parent_ous", id.clone()),
            ApproverPlace::Policies => return None,
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
        Some(id)
    }
}

struct RuleHead<'a> {
    prefix: &'static str,
    name: &'a str,
    description: String,
}

const UNNAMED: RowNote = RowNote::SaysNothing("no converted entry of eligibility names it");
const IN_POLICIES: RowNote =
    RowNote::Configuration("its groups are in the rules of the policies that name it");

fn entries_of_sets(entry: &Offer) -> Vec<Entry> {
    let sets = entry.sets.iter().map(|name| Entry {
        value: name.as_str().to_owned(),
        name: String::new(),
    });
    sets.collect()
}

fn longest_of_all(own: u32, longest: u32) -> Vec<RowNote> {
    let is_shorter = own < longest;
    let note = is_shorter.then_some(RowNote::LongestOfAll { own, longest });
    note.into_iter().collect()
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
