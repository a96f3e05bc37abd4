//! Rows of the tables (AWS TEAM, `schema.graphql`: `Eligibility`, `Approvers`, `Settings`).

use std::collections::BTreeSet;

use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId, text};
use hallpass_rules::Directory;
use serde_json::{Map, Value};

use super::tables::{ADDED, NO_REQUESTS, TeamTable};
use crate::dynamodb::{ExportProblem, ExportRefused, Item, SourceFile, read_export};
use crate::report::{RowNote, RowOutcome};
use crate::rule_text::{Entry, NAME_MAX};

#[derive(Debug, Clone)]
pub(super) struct TableRow {
    pub(super) file: String,
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) notes: Vec<RowNote>,
}

/// # Errors
/// The export is incomplete, or of another table.
pub(super) fn read_rows(
    table: TeamTable,
    name: &str,
    files: &[SourceFile],
) -> Result<Vec<TableRow>, ExportRefused> {
    let export = read_export(name, files)?;
    let wrong = |found: String, file: &str, item: Option<usize>| ExportRefused {
        file: file.to_owned(),
        item,
        problem: ExportProblem::WrongTable {
            found,
            wanted: table.name(),
        },
    };
    // Amplify names tables `Eligibility-<API>-<environment>`
    if let Some((kind, _)) = export.table.as_deref().and_then(|it| it.split_once('-'))
        && let Some(other) = table.other(kind)
    {
        return Err(wrong(other, name, None));
    }
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for item in export.items {
        if let Some(kind) = item.attributes.get("__typename").and_then(Value::as_str)
            && let Some(other) = table.other(kind)
        {
            return Err(wrong(other, &item.file, Some(item.number)));
        }
        if !table.may_have(&item.attributes) {
            let found = NO_REQUESTS.to_owned();
            return Err(wrong(found, &item.file, Some(item.number)));
        }
        let row = row(table, item)?;
        if !seen.insert(row.id.clone()) {
            return Err(ExportRefused {
                file: row.file,
                item: Some(row.number),
                problem: ExportProblem::RepeatedId(text::line(&row.id, NAME_MAX)),
            });
        }
        rows.push(row);
    }
    Ok(rows)
}

fn row(table: TeamTable, item: Item) -> Result<TableRow, ExportRefused> {
    let told = |key: &str| {
        item.attributes
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let Some(id) = told("id").filter(|id| !id.is_empty()) else {
        return Err(ExportRefused {
            file: item.file,
            item: Some(item.number),
            problem: ExportProblem::NoId,
        });
    };
    let known = |key: &str| ADDED.contains(&key) || table.attributes().contains(&key);
    let unknown = item.attributes.iter();
    let unknown = unknown.filter(|(key, value)| !known(key) && !value.is_null());
    let unknown = unknown.map(|(key, _)| RowNote::UnknownAttribute(text::line(key, NAME_MAX)));
    Ok(TableRow {
        name: told("name").unwrap_or_default(),
        notes: unknown.collect(),
        id,
        file: item.file,
        number: item.number,
        attributes: item.attributes,
    })
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    User(UserId),
    Group(GroupId),
}

impl Holder {
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::User(_) => "allowed_users",
            Self::Group(_) => "allowed_groups",
        }
    }

    pub(super) fn id(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Group(id) => id.to_string(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Eligibility {
    pub(super) holder: Holder,
    pub(super) offer: Offer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) accounts: Vec<(AccountId, String)>,
    pub(super) units: Vec<(String, String)>,
    pub(super) sets: BTreeSet<PermissionSetName>,
    pub(super) approval_required: bool,
    pub(super) hours: u32,
}

impl Offer {
    /// Checks if both may cover the same permission set in the same account. Accounts may move
    /// between units.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let shares = |one: &[(String, String)], two: &[(String, String)]| {
            one.iter().any(|(id, _)| two.iter().any(|(it, _)| it == id))
        };
        let set = !self.sets.is_disjoint(&other.sets);
        let unit = (!self.units.is_empty() && !other.accounts.is_empty())
            || (!other.units.is_empty() && !self.accounts.is_empty())
            || shares(&self.units, &other.units);
        let accounts = self.accounts.iter();
        let account = { accounts }.any(|(id, _)| other.accounts.iter().any(|(it, _)| it == id));
        set && (unit || account)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApproverPlace {
    Account(AccountId),
    Unit(String),
    Policies,
}

#[derive(Debug, Clone)]
pub(super) struct Approvers {
    pub(super) place: ApproverPlace,
    pub(super) groups: Vec<(GroupId, String)>,
}

/// Global settings; missing values use AWS TEAM's defaults.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) hours: u32,
    pub(super) expiry_hours: u32,
    pub(super) ticket: bool,
    pub(super) approval: bool,
    pub(super) notes: Vec<RowNote>,
}

const HOURS_MAX: u32 = 8000;

const HOURS_DUE: &str = "a whole number of hours from 1 to 8000";
const FLAG_DUE: &str = "true or false";

impl TableRow {
    /// Checks if a problem prevents rules for the row.
    pub(super) fn says_too_much(&self) -> bool {
        let mut notes = self.notes.iter();
        notes.any(|note| note.outcome() == RowOutcome::CannotBeSaid)
    }

    pub(super) fn unreadable(&mut self, attribute: &'static str, due: &'static str) {
        self.notes.push(RowNote::Unreadable { attribute, due });
    }

    pub(super) fn left_out(&mut self, what: &'static str, id: &str, why: &'static str) {
        self.notes.push(RowNote::LeftOut {
            what,
            id: text::line(id, NAME_MAX),
            why,
        });
    }

    /// Hours as text or number; `missing` is the default.
    pub(super) fn hours(&mut self, attribute: &'static str, missing: Option<u32>) -> Option<u32> {
        let hours = match self.attributes.get(attribute) {
            None | Some(Value::Null) => missing,
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_u64().and_then(|it| u32::try_from(it).ok()),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let hours = hours.filter(|hours| (1..=HOURS_MAX).contains(hours));
        if hours.is_none() {
            self.unreadable(attribute, HOURS_DUE);
        }
        hours
    }

    pub(super) fn flag(&mut self, attribute: &'static str, missing: Option<bool>) -> Option<bool> {
        let flag = match self.attributes.get(attribute) {
            None | Some(Value::Null) => missing,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        if flag.is_none() {
            self.unreadable(attribute, FLAG_DUE);
        }
        flag
    }

    pub(super) fn named(&mut self, attribute: &'static str) -> Option<Vec<(String, String)>> {
        let items = match self.attributes.get(attribute) {
            None | Some(Value::Null) => return Some(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.unreadable(attribute, "a list of ids with names");
                return None;
            }
        };
        let entries: Option<Vec<_>> = items.iter().map(named_entry).collect();
        if entries.is_none() {
            self.unreadable(attribute, "a list of ids with names");
        }
        entries
    }

    pub(super) fn texts(&mut self, attribute: &'static str) -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = match self.attributes.get(attribute) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|it| it.as_str().map(str::to_owned))
                .collect(),
            Some(_) => None,
        };
        if texts.is_none() {
            self.unreadable(attribute, "a list of texts");
        }
        texts
    }

    fn kind(&self) -> &str {
        self.attributes
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn holder(&mut self) -> Option<Holder> {
        let holder = match self.kind() {
            "User" => UserId::new(self.id.as_str()).ok().map(Holder::User),
            "Group" => GroupId::new(self.id.as_str()).ok().map(Holder::Group),
            _ => {
                self.unreadable("type", "`User` or `Group`");
                return None;
            }
        };
        if holder.is_none() {
            self.unreadable("id", "the id of a user or a group of the identity store");
        }
        holder
    }

    /// The holder and limiting hours of an entry, even if its rest does not convert; the fewest
    /// hours if unreadable.
    pub(super) fn limit(&self) -> Option<(Holder, u32)> {
        let mut row = self.clone();
        let holder = row.holder()?;
        Some((holder, row.hours("duration", None).unwrap_or(1)))
    }

    pub(super) fn eligibility(&mut self, facts: Option<&Directory>) -> Option<Eligibility> {
        let holder = self.holder();
        let offer = self.offer(facts);
        Some(Eligibility {
            holder: holder?,
            offer: offer?,
        })
    }

    pub(super) fn offer(&mut self, facts: Option<&Directory>) -> Option<Offer> {
        let accounts = self.accounts();
        let units = self.units();
        let sets = self.sets(facts);
        let approval_required = self.flag("approvalRequired", None);
        let hours = self.hours("duration", None);
        Some(Offer {
            accounts: accounts?,
            units: units?,
            sets: sets?,
            approval_required: approval_required?,
            hours: hours?,
        })
    }

    fn accounts(&mut self) -> Option<Vec<(AccountId, String)>> {
        let mut accounts = Vec::new();
        for (id, name) in self.named("accounts")? {
            match AccountId::new(id.as_str()) {
                Ok(id) => accounts.push((id, name)),
                Err(_) => self.left_out("account", &id, "this is no id of 12 digits"),
            }
        }
        Some(accounts)
    }

    fn units(&mut self) -> Option<Vec<(String, String)>> {
        let mut units = Vec::new();
        for (id, name) in self.named("ous")? {
            if is_unit(&id) {
                units.push((id, name));
            } else {
                self.left_out("organizational unit", &id, "this is no id of a unit");
            }
        }
        Some(units)
    }

    /// AWS TEAM uses permission set ARNs, rules use names; the facts map them.
    fn sets(&mut self, facts: Option<&Directory>) -> Option<BTreeSet<PermissionSetName>> {
        let mut sets = BTreeSet::new();
        for (arn, name) in self.named("permissions")? {
            let known = match facts {
                Some(facts) => {
                    let mut known = facts.permission_sets().iter();
                    known.find(|it| it.arn.as_str() == arn).map(|it| &it.name)
                }
                None => Some(&name),
            };
            let Some(known) = known else {
                let why = "no permission set has its ARN any more; one of its name is another, and AWS TEAM does not give it";
                self.left_out("permission set", &name, why);
                continue;
            };
            if let Ok(name) = PermissionSetName::new(known.as_str()) {
                sets.insert(name);
            } else {
                let why = "its name is not valid in AWS, and rules use the name";
                self.left_out("permission set", &name, why);
            }
        }
        Some(sets)
    }

    pub(super) fn approvers(&mut self) -> Option<Approvers> {
        let place = match self.kind() {
            "Account" => AccountId::new(self.id.as_str())
                .ok()
                .map(ApproverPlace::Account),
            "OU" => is_unit(&self.id).then(|| ApproverPlace::Unit(self.id.clone())),
            "Group" => Some(ApproverPlace::Policies),
            _ => {
                self.unreadable("type", "`Account`, `OU` or `Group`");
                return None;
            }
        };
        if place.is_none() {
            self.unreadable("id", "the id of an account or of an organizational unit");
        }
        let (ids, names) = (self.texts("groupIds"), self.texts("approvers"));
        let mut groups = Vec::new();
        let names = names.unwrap_or_default();
        for (at, id) in ids?.into_iter().enumerate() {
            match GroupId::new(id.as_str()) {
                Ok(id) => groups.push((id, names.get(at).cloned().unwrap_or_default())),
                Err(_) => self.left_out("group", &id, "this is no id of the identity store"),
            }
        }
        Some(Approvers {
            place: place?,
            groups,
        })
    }

    /// An unreadable setting becomes a note and takes the strictest value.
    pub(super) fn settings(&mut self) -> Settings {
        let hours = self.hours("duration", Some(HOURS_UNSET));
        if hours.is_none() {
            let what = "requests are for an hour at most until `duration` can be read";
            self.notes.push(RowNote::Narrower(what.into()));
        }
        let expiry_hours = self.hours("expiry", Some(EXPIRY_UNSET));
        let ticket = self.flag("ticketNo", Some(true));
        let approval = self.flag("approval", Some(true));
        let comments = self.flag("comments", Some(true));
        Settings {
            hours: hours.unwrap_or(1),
            expiry_hours: expiry_hours.unwrap_or(1),
            ticket: ticket.unwrap_or(true),
            approval: approval.unwrap_or(true),
            notes: self.set_up_anew(comments),
        }
    }

    fn set_up_anew(&self, comments: Option<bool>) -> Vec<RowNote> {
        let mut notes = vec![RowNote::Configuration(
            "durations and the expiry of requests stand in `hallpass.toml`, see `configuration`",
        )];
        if comments == Some(true) {
            notes.push(RowNote::Otherwise(
                "a reason is always required; approvers must write a comment there, and may here"
                    .into(),
            ));
        }
        let is_on = |key: &&str| self.attributes.get(*key) == Some(&Value::Bool(true));
        if NOTIFYING.iter().any(is_on) {
            notes.push(RowNote::Configuration(
                "set up notifications again: `slack`, `mail` and `webhooks` in `hallpass.toml`",
            ));
        }
        let is_there = |key: &&str| {
            let value = self.attributes.get(*key).and_then(Value::as_str);
            value.is_some_and(|value| !value.is_empty())
        };
        if self.attributes.contains_key("allowLegacyEligibility") {
            notes.push(RowNote::Configuration(
                "`allowLegacyEligibility` says whether its pages offer entries without policies: those that are \
                 there count either way",
            ));
        }
        let are_there = |value: &Value| value.as_array().is_some_and(|it| !it.is_empty());
        if self
            .attributes
            .get("supportContacts")
            .is_some_and(are_there)
        {
            notes.push(RowNote::Configuration(
                "contacts for support are shown nowhere: put them into the descriptions of rules",
            ));
        }
        if ["teamAdminGroup", "teamAuditorGroup"].iter().any(is_there) {
            notes.push(RowNote::Configuration(
                "set up administrators and auditors again: `identity.admins` and `identity.auditors` in \
                 `hallpass.toml`",
            ));
        }
        notes
    }
}

const NOTIFYING: [&str; 3] = [
    "sesNotificationsEnabled",
    "snsNotificationsEnabled",
    "slackNotificationsEnabled",
];

const HOURS_UNSET: u32 = 9;
const EXPIRY_UNSET: u32 = 3;

impl Settings {
    pub(super) const fn unset() -> Self {
        Self {
            hours: HOURS_UNSET,
            expiry_hours: EXPIRY_UNSET,
            ticket: true,
            approval: true,
            notes: Vec::new(),
        }
    }
}

fn named_entry(value: &Value) -> Option<(String, String)> {
    let entry = value.as_object()?;
    let id = entry.get("id")?.as_str()?;
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some((id.to_owned(), name.to_owned()))
}

/// Checks for the id of an organizational unit or root (AWS Organizations API Reference,
/// `OrganizationalUnit`, `Root`).
fn is_unit(id: &str) -> bool {
    let part = |part: &str, least: usize| {
        (least..=32).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    match id.strip_prefix("ou-") {
        Some(rest) => rest
            .split_once('-')
            .is_some_and(|(root, own)| part(root, 4) && part(own, 8)),
        None => id.strip_prefix("r-").is_some_and(|root| part(root, 4)),
    }
}

pub(super) fn entries<T: ToString>(named: &[(T, String)]) -> Vec<Entry> {
    let entry = |(id, name): &(T, String)| Entry {
        value: id.to_string(),
        name: name.clone(),
    };
    named.iter().map(entry).collect()
}
