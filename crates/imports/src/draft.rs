//! A rule in the making, from whichever tool; it is written when a server would load it.

use std::collections::BTreeSet;

use hallpass_model::text::is_plain;

use crate::names::{People, entries};
use crate::rule_text::RuleText;

/// Who may ask by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Askers {
    /// These.
    These(People),
    /// Nobody: the rule adds to what others permit.
    Nobody,
    /// Nobody: the rule adds to what others permit these.
    AddsTo(People),
}

/// A stage of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StageDraft {
    pub(crate) name: String,
    pub(crate) people: People,
    pub(crate) quorum: u32,
}

/// How a request by a rule is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approval {
    /// It is granted at once.
    Never,
    /// One of these approves.
    By(People),
    /// Each stage has so many of its people, and nobody counts in two.
    Stages(Vec<StageDraft>),
    /// Other rules say who approves.
    Elsewhere,
}

/// Accounts: every part that is there narrows the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Area {
    /// Ids of accounts; every account where it is absent.
    pub(crate) accounts: Option<BTreeSet<String>>,
    /// Ids of units with everything below them.
    pub(crate) ous: Option<BTreeSet<String>>,
    /// Ids of units, for the accounts directly in them.
    pub(crate) parent_ous: Option<BTreeSet<String>>,
    /// Ids of accounts that are left out.
    pub(crate) except_accounts: BTreeSet<String>,
    /// Ids of units that are left out with everything below.
    pub(crate) except_ous: BTreeSet<String>,
}

impl Area {
    /// The accounts that both have; `None` where no rule can say it.
    pub(crate) fn and(&self, other: &Self) -> Option<Self> {
        let accounts = match (&self.accounts, &other.accounts) {
            (None, it) | (it, None) => it.clone(),
            (Some(one), Some(two)) => Some(one.intersection(two).cloned().collect()),
        };
        let both =
            |one: &BTreeSet<String>, two: &BTreeSet<String>| one.union(two).cloned().collect();
        Some(Self {
            accounts,
            ous: same(self.ous.as_ref(), other.ous.as_ref())?.0,
            parent_ous: same(self.parent_ous.as_ref(), other.parent_ous.as_ref())?.0,
            except_accounts: both(&self.except_accounts, &other.except_accounts),
            except_ous: both(&self.except_ous, &other.except_ous),
        })
        .filter(|area| area.ous.is_none() || area.parent_ous.is_none())
    }

    /// Whether no account can be in it.
    pub(crate) fn is_nowhere(&self) -> bool {
        [&self.accounts, &self.ous, &self.parent_ous]
            .into_iter()
            .flatten()
            .any(BTreeSet::is_empty)
    }

    /// Whether an account may be in both; units are not looked into.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        match (&self.accounts, &other.accounts) {
            (Some(one), Some(two)) => !one.is_disjoint(two),
            (None, _) | (_, None) => true,
        }
    }

    fn write(&self, text: &mut RuleText) {
        let lists = [
            ("accounts", &self.accounts),
            ("ous", &self.ous),
            ("parent_ous", &self.parent_ous),
        ];
        if lists.iter().all(|(_, list)| list.is_none()) {
            text.text("accounts", "*");
        }
        for (key, list) in lists {
            if let Some(list) = list {
                text.list(key, &entries(list));
            }
        }
        let lists = [
            ("except_accounts", &self.except_accounts),
            ("except_ous", &self.except_ous),
        ];
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            text.list(key, &entries(list));
        }
    }
}

/// A list that both have, where one says nothing or both say the same.
struct Both(Option<BTreeSet<String>>);

fn same(one: Option<&BTreeSet<String>>, two: Option<&BTreeSet<String>>) -> Option<Both> {
    match (one, two) {
        (None, it) | (it, None) => Some(Both(it.cloned())),
        (Some(one), Some(two)) => (one == two).then(|| Both(Some(one.clone()))),
    }
}

/// A rule in the making.
#[derive(Debug, Clone)]
pub(crate) struct RuleDraft {
    pub(crate) prefix: &'static str,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) area: Area,
    /// Names of permission sets; every one where it is absent.
    pub(crate) sets: Option<BTreeSet<String>>,
    /// Names of permission sets that are left out.
    pub(crate) except_sets: BTreeSet<String>,
    pub(crate) askers: Askers,
    /// Who may not ask, whatever else.
    pub(crate) except_askers: People,
    pub(crate) approval: Approval,
    /// Who may not approve, whatever else.
    pub(crate) except_approvers: People,
    /// The longest time, in seconds.
    pub(crate) seconds: Option<u64>,
    pub(crate) reason: Option<(String, String)>,
    pub(crate) ticket: bool,
}

impl RuleDraft {
    /// A rule about accounts without limits.
    pub(crate) fn new(prefix: &'static str, name: &str, description: String, area: Area) -> Self {
        Self {
            prefix,
            name: name.to_owned(),
            description,
            area,
            sets: None,
            except_sets: BTreeSet::new(),
            askers: Askers::Nobody,
            except_askers: People::default(),
            approval: Approval::Elsewhere,
            except_approvers: People::default(),
            seconds: None,
            reason: None,
            ticket: false,
        }
    }

    /// Whether it lets anybody ask.
    pub(crate) fn lets_ask(&self) -> bool {
        match &self.askers {
            Askers::These(_) => true,
            Askers::Nobody | Askers::AddsTo(_) => false,
        }
    }

    /// Writes it, where a server would load it.
    ///
    /// # Errors
    /// What a server would say against it.
    pub(crate) fn write(&self, text: &mut RuleText) -> Result<String, String> {
        let is_odd = |word: &&String| !is_plain(word) || word.chars().any(char::is_control);
        if let Some(word) = self.words().find(is_odd) {
            let word = hallpass_model::text::line(word, crate::rule_text::NAME_MAX);
            return Err(format!("`{word}` has characters that are not shown"));
        }
        text.checked(|text| self.write_unchecked(text))
    }

    /// What a server would say against it.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.write(&mut RuleText::default()).err()
    }

    /// Whether a server would load it.
    pub(crate) fn loads(&self) -> bool {
        self.refusal().is_none()
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        let people = match &self.approval {
            Approval::By(people) => vec![people],
            Approval::Stages(stages) => stages.iter().map(|it| &it.people).collect(),
            Approval::Never | Approval::Elsewhere => Vec::new(),
        };
        let askers = match &self.askers {
            Askers::These(people) | Askers::AddsTo(people) => Some(people),
            Askers::Nobody => None,
        };
        let except = [&self.except_askers, &self.except_approvers];
        let people = people.into_iter().chain(askers).chain(except);
        let people = people.flat_map(|it| it.users.iter().chain(&it.groups));
        let area = [&self.area.accounts, &self.area.ous, &self.area.parent_ous];
        let area = area.into_iter().flatten().flatten();
        let except = self
            .area
            .except_accounts
            .iter()
            .chain(&self.area.except_ous);
        let sets = self.sets.iter().flatten().chain(&self.except_sets);
        let reason = self
            .reason
            .iter()
            .flat_map(|(pattern, hint)| [pattern, hint]);
        people.chain(area).chain(except).chain(sets).chain(reason)
    }

    fn write_unchecked(&self, text: &mut RuleText) -> String {
        let id = text.rule(self.prefix, &self.name, &self.description);
        self.area.write(text);
        match &self.sets {
            Some(sets) => text.list("permission_sets", &entries(sets)),
            None => text.text("permission_sets", "*"),
        }
        if !self.except_sets.is_empty() {
            text.list("except_permission_sets", &entries(&self.except_sets));
        }
        if !self.lets_ask() {
            text.flag("permits_requests", false);
        }
        match &self.askers {
            Askers::Nobody => {}
            Askers::These(people) | Askers::AddsTo(people) => {
                // an empty list of either is nobody
                if people.groups.is_empty() || !people.users.is_empty() {
                    text.list("allowed_users", &entries(&people.users));
                }
                if !people.groups.is_empty() {
                    text.list("allowed_groups", &entries(&people.groups));
                }
            }
        }
        let except = &self.except_askers;
        write_people(
            text,
            ["except_requesters", "except_requester_groups"],
            except,
        );
        match &self.approval {
            Approval::Never => text.flag("approval_is_not_required", true),
            Approval::Elsewhere => {}
            Approval::By(people) => {
                write_people(text, ["approvers", "approver_groups"], people);
                if people.manager {
                    text.flag("manager_approves", true);
                }
            }
            Approval::Stages(stages) => {
                text.open_list("stages");
                for it in stages {
                    let People {
                        users,
                        groups,
                        manager,
                    } = &it.people;
                    text.stage(&it.name, (users, groups), *manager, it.quorum);
                }
                text.close_list();
            }
        }
        let except = &self.except_approvers;
        write_people(text, ["except_approvers", "except_approver_groups"], except);
        if let Some(seconds) = self.seconds {
            text.text("max_duration", &span(seconds));
        }
        if let Some((pattern, hint)) = &self.reason {
            text.text("reason_pattern", pattern);
            text.text("reason_hint", hint);
        }
        if self.ticket {
            text.text("ticket_pattern", r"\S");
            text.text("ticket_hint", "a ticket");
        }
        id
    }
}

fn write_people(text: &mut RuleText, [users, groups]: [&str; 2], people: &People) {
    if !people.users.is_empty() {
        text.list(users, &entries(&people.users));
    }
    if !people.groups.is_empty() {
        text.list(groups, &entries(&people.groups));
    }
}

/// Whole minutes, as rules have them.
pub(crate) fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}
