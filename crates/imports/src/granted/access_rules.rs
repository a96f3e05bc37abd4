//! Access rules: who may ask, for what, how long, and who approves.

use std::collections::BTreeSet;

use hallpass_model::AccountId;
use serde_json::{Map, Value};

use super::policies::is_unit;
use crate::collected::{ImportRow, RowHead};
use crate::draft::{Approval, Area, Askers, RuleDraft};
use crate::names::{LookUp, People};
use crate::report::RowNote;

/// An access rule as it was found.
pub(super) struct AccessRule {
    head: RowHead,
    entries: Map<String, Value>,
    /// Whether Terraform computes some of it.
    pub(super) computed: bool,
    /// Whether another one that is in force has its id.
    pub(super) repeated: bool,
}

/// What says nothing of who gets what.
const OF_NO_MATTER: [&str; 10] = [
    "id",
    "version",
    "metadata",
    "createdAt",
    "createdBy",
    "updatedAt",
    "updatedBy",
    "name",
    "description",
    "canRequest",
];
const OF_MATTER: [&str; 11] = [
    "status",
    "isCurrent",
    "current",
    "requiresApproval",
    "groups",
    "approval",
    "target",
    "target_provider_id",
    "timeConstraints",
    "duration",
    "time_constraints",
];

const SUPERSEDED: &str = "it is an earlier version of the rule, and another one counts";
const REPEATED: &str = "another access rule that is in force has its id, and nothing says which of them counts: import the list of access rules \
                        alone, and not that of their versions";
const NO_APPROVERS: &str = "`requiresApproval` is true, and nothing says who approves: export it whole, or write the rule by hand";
const COMPUTED: &str = "only Terraform computes some of it: import the state (`terraform show -json`), or a plan in which all of it is known";
const NO_ACCOUNT: &str =
    "its target is no account of AWS IAM Identity Center (`accountId` and `permissionSetArn`)";
pub(super) const DIRECTLY: &str = "the accounts directly in the unit: where those of units below it were meant too, write `ous` for `parent_ous`";

/// Whether a table may be an access rule.
pub(super) fn is_access_rule(entries: &Map<String, Value>) -> bool {
    entries.contains_key("groups")
        && (entries.contains_key("target") || entries.contains_key("targets"))
}

impl AccessRule {
    pub(super) fn new(mut head: RowHead, entries: Map<String, Value>) -> Self {
        let text = |key: &str| entries.get(key).and_then(Value::as_str);
        text("name").unwrap_or_default().clone_into(&mut head.name);
        if let Some(id) = text("id") {
            id.clone_into(&mut head.id);
        }
        Self {
            head,
            entries,
            computed: false,
            repeated: false,
        }
    }

    /// The id by which the other tool tells access rules that are in force apart.
    pub(super) fn id_in_force(&self) -> Option<&str> {
        let is_over = self.is_archived() || matches!(self.is_superseded(), Ok(true));
        let id = self.entries.get("id").and_then(Value::as_str);
        id.filter(|_| !is_over)
    }

    fn is_archived(&self) -> bool {
        let status = self.entries.get("status").and_then(Value::as_str);
        status.is_some_and(|it| it.eq_ignore_ascii_case("archived"))
    }

    /// Whether it is a version that another one has replaced: what changes a rule makes a new version of it.
    fn is_superseded(&self) -> Result<bool, RowNote> {
        for key in ["isCurrent", "current"] {
            if self.flag(key)? == Some(false) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn flag(&self, key: &'static str) -> Result<Option<bool>, RowNote> {
        match self.entries.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(is)) => Ok(Some(*is)),
            Some(_) => Err(unreadable(key, "`true` or `false`")),
        }
    }

    /// What becomes of it.
    pub(super) fn row(self, look: &mut LookUp<'_>) -> ImportRow {
        let mut row = ImportRow::told(self.head.clone(), Vec::new());
        if let Err(note) = self.read(look, &mut row) {
            row.notes.push(note);
        }
        row
    }

    fn read(&self, look: &mut LookUp<'_>, row: &mut ImportRow) -> Result<(), RowNote> {
        if self.computed {
            return Err(RowNote::NotSaid(COMPUTED.into()));
        }
        if self.is_archived() {
            return Err(RowNote::SaysNothing("it is archived"));
        }
        if self.is_superseded()? {
            return Err(RowNote::SaysNothing(SUPERSEDED));
        }
        if self.repeated {
            return Err(RowNote::NotSaid(REPEATED.into()));
        }
        for key in self.entries.keys() {
            if !OF_NO_MATTER.contains(&key.as_str()) && !OF_MATTER.contains(&key.as_str()) {
                return Err(RowNote::UnknownAttribute(key.clone()));
            }
        }
        let groups = texts(self.entries.get("groups"))
            .ok_or_else(|| unreadable("groups", "a list of groups"))?;
        let people = People {
            groups: named_groups(groups, "group", look, &mut row.notes),
            ..People::default()
        };
        if people.is_nobody() {
            return Err(RowNote::NotSaid("no group may ask by it".into()));
        }
        let seconds = self.seconds()?;
        let approval = self.approval(look, &mut row.notes)?;
        if approval == Approval::Never && self.flag("requiresApproval")? == Some(true) {
            return Err(RowNote::NotSaid(NO_APPROVERS.into()));
        }
        let target = self.target(look, &mut row.notes)?;
        for area in target.areas {
            let description = format!("Common Fate: {}", self.head.name);
            let mut draft = RuleDraft::new("granted", &self.head.name, description, area);
            draft.sets = Some(target.sets.clone());
            draft.askers = Askers::These(people.clone());
            draft.approval = approval.clone();
            draft.seconds = Some(seconds);
            row.drafts.push(draft);
        }
        Ok(())
    }

    fn seconds(&self) -> Result<u64, RowNote> {
        let constraints = ["timeConstraints", "time_constraints"];
        let constraints = constraints.iter().find_map(|key| self.entries.get(*key));
        let nested = constraints.and_then(|it| {
            let keys = ["maxDurationSeconds", "max_duration_seconds"];
            keys.iter().find_map(|key| it.get(*key))
        });
        let due = || {
            unreadable(
                "timeConstraints.maxDurationSeconds",
                "whole seconds, a minute at least",
            )
        };
        let value = nested
            .or_else(|| self.entries.get("duration"))
            .ok_or_else(due)?;
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            _ => value.as_u64(),
        };
        number
            .filter(|it| (60..=SECONDS_MAX).contains(it))
            .ok_or_else(due)
    }

    /// Without `approval`, and where it names nobody at all, none is needed.
    fn approval(
        &self,
        look: &mut LookUp<'_>,
        notes: &mut Vec<RowNote>,
    ) -> Result<Approval, RowNote> {
        let Some(approval) = self.entries.get("approval").filter(|it| !it.is_null()) else {
            return Ok(Approval::Never);
        };
        let due = || unreadable("approval", "a table with `groups` and `users`");
        let table = approval.as_object().ok_or_else(due)?;
        if let Some(key) = table
            .keys()
            .find(|it| !["groups", "users"].contains(&it.as_str()))
        {
            return Err(RowNote::UnknownAttribute(format!("approval.{key}")));
        }
        let list = |key: &str| match table.get(key) {
            None | Some(Value::Null) => Some(Vec::new()),
            found => texts(found),
        };
        let (groups, users) = (
            list("groups").ok_or_else(due)?,
            list("users").ok_or_else(due)?,
        );
        if groups.is_empty() && users.is_empty() {
            return Ok(Approval::Never);
        }
        let mut people = People {
            groups: named_groups(groups, "group of approvers", look, notes),
            ..People::default()
        };
        for user in users {
            let address = if user.contains('@') {
                Some(user.clone())
            } else {
                { Some(&user).filter(|it| !it.is_empty()) }.and_then(|it| look.user(it, ""))
            };
            match address {
                Some(address) => _ = people.users.insert(address),
                None => notes.push(left_out("approver", &user)),
            }
        }
        Ok(Approval::By(people))
    }

    fn target(&self, look: &mut LookUp<'_>, notes: &mut Vec<RowNote>) -> Result<Target, RowNote> {
        let fields = self.fields()?;
        let no_account = || RowNote::NotSaid(NO_ACCOUNT.into());
        let known = |key: &String| ["accountId", "permissionSetArn"].contains(&key.as_str());
        if fields.len() != 2 || !fields.keys().all(known) {
            return Err(no_account());
        }
        let sets = chosen(fields.get("permissionSetArn")).ok_or_else(no_account)?;
        let accounts = chosen(fields.get("accountId")).ok_or_else(no_account)?;
        let mut target = Target::default();
        if !sets.units.is_empty() {
            return Err(RowNote::NotSaid(
                "`permissionSetArn` has `groupings`".into(),
            ));
        }
        for arn in sets.values {
            match look.permission_set(&arn) {
                Some(name) => _ = target.sets.insert(name),
                None => notes.push(left_out("permission set", &arn)),
            }
        }
        let (ids, odd): (Vec<String>, Vec<String>) =
            { accounts.values.into_iter() }.partition(|id| AccountId::new(id.as_str()).is_ok());
        notes.extend(odd.iter().map(|id| left_out("account", id)));
        if !ids.is_empty() {
            target.areas.push(Area {
                accounts: Some(ids.into_iter().collect()),
                ..Area::default()
            });
        }
        if !accounts.units.is_empty() {
            notes.push(RowNote::Narrower(DIRECTLY.into()));
            target.areas.push(Area {
                parent_ous: Some(accounts.units.into_iter().collect()),
                ..Area::default()
            });
        }
        if target.sets.is_empty() || target.areas.is_empty() {
            return Err(RowNote::NotSaid(
                "nothing of its target can be named here".into(),
            ));
        }
        Ok(target)
    }

    /// The fields of the target: `with` of the API, or `field` and `value` of Terraform.
    fn fields(&self) -> Result<Map<String, Value>, RowNote> {
        let due = || unreadable("target", "a provider and the fields of what it gives");
        match self.entries.get("target") {
            Some(Value::Object(target)) => {
                let known =
                    |key: &String| ["provider", "providerId", "with"].contains(&key.as_str());
                if let Some(key) = target.keys().find(|key| !known(key)) {
                    return Err(RowNote::UnknownAttribute(format!("target.{key}")));
                }
                let with = target.get("with").and_then(Value::as_object);
                with.cloned().ok_or_else(due)
            }
            Some(Value::Array(fields)) => {
                let mut found = Map::new();
                for field in fields {
                    let name = field.get("field").and_then(Value::as_str).ok_or_else(due)?;
                    let value = field.get("value").ok_or_else(due)?;
                    if found.insert(name.to_owned(), value.clone()).is_some() {
                        return Err(due());
                    }
                }
                Ok(found)
            }
            _ => Err(due()),
        }
    }
}

/// A hundred days: longer access is no temporary one, and no request of it is known.
const SECONDS_MAX: u64 = 100 * 86_400;

#[derive(Default)]
struct Target {
    sets: BTreeSet<String>,
    areas: Vec<Area>,
}

/// What is chosen for a field: values, and units of the organization.
struct Chosen {
    values: Vec<String>,
    units: Vec<String>,
}

fn chosen(field: Option<&Value>) -> Option<Chosen> {
    let Some(Value::Object(table)) = field else {
        return Some(Chosen {
            values: texts(field)?,
            units: Vec::new(),
        });
    };
    if table
        .keys()
        .any(|key| !["values", "groupings"].contains(&key.as_str()))
    {
        return None;
    }
    let list = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(Vec::new()),
        found => texts(found),
    };
    let units = match table.get("groupings") {
        None | Some(Value::Null) => Vec::new(),
        Some(groupings) => {
            let groupings = groupings.as_object()?;
            if groupings.keys().any(|key| key != "organizationalUnit") {
                return None;
            }
            list(groupings.get("organizationalUnit"))?
        }
    };
    units.iter().all(|id| is_unit(id)).then_some(())?;
    Some(Chosen {
        values: list(table.get("values"))?,
        units,
    })
}

/// A text, or a list of texts; numbers as they are written.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match value? {
        Value::Array(items) => items.iter().map(one).collect(),
        other => Some(vec![one(other)?]),
    }
}

/// The groups that have a name here. Their ids may be those of any provider of identities.
fn named_groups(
    ids: Vec<String>,
    what: &'static str,
    look: &mut LookUp<'_>,
    notes: &mut Vec<RowNote>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for id in ids {
        if look.takes_on_trust(&id) && !notes.contains(&ON_TRUST) {
            notes.push(ON_TRUST);
        }
        match look.own_group(&id) {
            Some(group) => _ = found.insert(group),
            None => notes.push(left_out(what, &id)),
        }
    }
    found
}

const ON_TRUST: RowNote = RowNote::Configuration(
    "its groups have ids as those of IAM Identity Center, which other providers have, too: whether it has them is looked up \
     with `--facts` alone",
);

fn left_out(what: &'static str, id: &str) -> RowNote {
    RowNote::LeftOut {
        what,
        id: hallpass_model::text::line(id, 200),
        why: "it is not named here; add it to the file of names (`--names`)",
    }
}

fn unreadable(attribute: &'static str, due: &'static str) -> RowNote {
    RowNote::Unclear { attribute, due }
}
