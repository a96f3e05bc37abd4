//! Runs the `[[test]]` entries of a rule file.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Email, GroupId, Timestamp, UserId, fold::folded};
use serde::Serialize;

use crate::{
    attributes::{PersonAttribute, PersonAttributes},
    cancel::CancelFlag,
    diagnostic::Position,
    directory::{Account, Directory, Group, OuRef, Person, Snapshot},
    engine::{Ask, Rules},
    named_facts::{UnreadAs, UnreadFact, WhyUnread},
    on_call::{ON_CALL_PREFIX, OnCallList, OnCallLists},
    rule::GroupRef,
    test_case::{TestCase, TestTarget, TestUnit},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestResult {
    pub name: String,
    #[serde(flatten)]
    pub position: Position,
    pub outcome: RuleTestOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleTestOutcome {
    Passed,
    Failed(Vec<String>),
    /// Needs a directory, and none is given.
    NeedsDirectory(String),
    /// Depends on unread facts; runs once the file is in force.
    #[serde(rename = "needs_directory")]
    NotJudged(String),
}

impl Rules {
    /// Runs the tests. Tests that describe the account's place or group members use only that;
    /// others use `facts`, or ids alone. Tests without a time run at `now`.
    pub fn run_tests(&self, facts: Option<&Directory>, now: Timestamp) -> Vec<TestResult> {
        self.run_tests_until(facts, now, &CancelFlag::default())
    }

    /// Stops when `cancel` is set; the result then lacks tests.
    pub(crate) fn run_tests_until(
        &self,
        facts: Option<&Directory>,
        now: Timestamp,
        cancel: &CancelFlag,
    ) -> Vec<TestResult> {
        self.tested(facts, UnreadAs::Counted, now, cancel)
    }

    /// Runs tests of rules not in force. Skips tests that depend on unread facts, even passing
    /// ones.
    pub(crate) fn run_tests_ahead(
        &self,
        facts: &Directory,
        now: Timestamp,
        cancel: &CancelFlag,
    ) -> Vec<TestResult> {
        let unread = WhyUnread::default();
        self.tested(Some(facts), UnreadAs::Noted(&unread), now, cancel)
    }

    fn tested(
        &self,
        facts: Option<&Directory>,
        unread: UnreadAs<'_>,
        now: Timestamp,
        cancel: &CancelFlag,
    ) -> Vec<TestResult> {
        let run = |test: &TestCase| TestResult {
            name: test.name.clone().unwrap_or_else(|| test.described()),
            position: test.position,
            outcome: test.run(self, facts, unread, now),
        };
        let tests = self.compiled.tests.iter();
        tests
            .take_while(|_| !cancel.is_cancelled())
            .map(run)
            .collect()
    }
}

struct TestComparison {
    differences: Vec<String>,
    unread: Vec<String>,
    not_read: BTreeSet<UnreadFact>,
}

impl TestComparison {
    fn outcome(mut self, unread: UnreadAs<'_>) -> RuleTestOutcome {
        if unread.is_noted() && !self.not_read.is_empty() {
            let facts = self.not_read.iter().map(ToString::to_string);
            let facts = facts.collect::<Vec<_>>().join(", ");
            let came = match self.differences.join("; ") {
                none if none.is_empty() => "it passes".to_owned(),
                differences => differences,
            };
            return RuleTestOutcome::NotJudged(format!(
                "it depends on unread facts: {facts}; without, {came}"
            ));
        }
        if self.differences.is_empty() {
            return RuleTestOutcome::Passed;
        }
        self.differences.extend(self.unread);
        RuleTestOutcome::Failed(self.differences)
    }
}

impl TestCase {
    fn described(&self) -> String {
        match &self.target {
            TestTarget::Account {
                account,
                permission_set,
            } => {
                format!("{} requests {permission_set} in {account}", self.requester)
            }
            TestTarget::Group(group) => format!("{} requests group {group}", self.requester),
        }
    }

    fn run(
        &self,
        rules: &Rules,
        facts: Option<&Directory>,
        unread: UnreadAs<'_>,
        now: Timestamp,
    ) -> RuleTestOutcome {
        let own = self.own_facts(rules);
        let none = Directory::default();
        let facts = own.as_ref().or(facts).unwrap_or(&none);
        let now = self.at.unwrap_or(now);
        let judged = |ask: &Ask<'_>| self.compare(rules, ask, facts, now).outcome(unread);
        match &self.target {
            TestTarget::Account {
                account,
                permission_set,
            } => {
                let id = AccountId::new(account.as_str()).ok().or_else(|| {
                    let mut named = facts.accounts_by_name(account);
                    let first = named.next().map(|account| account.id.clone());
                    first.filter(|_| named.next().is_none())
                });
                match id {
                    Some(account) => {
                        let ask = Ask::Account {
                            account: &account,
                            permission_set,
                        };
                        judged(&ask)
                    }
                    None => RuleTestOutcome::NeedsDirectory(format!(
                        "no one account is named `{account}`"
                    )),
                }
            }
            TestTarget::Group(group) => {
                let id = GroupId::new(group.as_str())
                    .ok()
                    .or_else(|| facts.group_by_name(group).map(|group| group.id.clone()));
                match id {
                    Some(group) => judged(&Ask::Group { group: &group }),
                    None => {
                        RuleTestOutcome::NeedsDirectory(format!("no one group is named `{group}`"))
                    }
                }
            }
        }
    }

    fn compare(
        &self,
        rules: &Rules,
        ask: &Ask<'_>,
        facts: &Directory,
        now: Timestamp,
    ) -> TestComparison {
        let decision = rules.decide(&self.requester, ask, facts, now);
        let mut not_read = decision.not_read;
        let mut differences = Vec::new();
        if decision.kind != self.expect {
            differences.push(format!("expected {}, got {}", self.expect, decision.kind));
        }
        if let Some(expected) = self
            .approvers
            .as_ref()
            .filter(|e| **e != decision.approvers)
        {
            let names = |emails: &BTreeSet<Email>| {
                let names: Vec<&str> = emails.iter().map(Email::as_str).collect();
                format!("[{}]", names.join(", "))
            };
            let (expected, got) = (names(expected), names(&decision.approvers));
            differences.push(format!("expected approvers {expected}, got {got}"));
        }
        if let (Some(presser), Some(permit)) = (&self.click, self.permit) {
            let press = rules.press(presser, &self.requester, ask, facts, now);
            not_read.extend(press.not_read());
            let answer = press.may_approve();
            match (permit, answer) {
                (true, Err(refused)) => {
                    differences.push(format!("expected {presser} to be let approve: {refused}"));
                }
                (false, Ok(_)) => {
                    differences.push(format!("expected {presser} not to be let approve"));
                }
                (true, Ok(_)) | (false, Err(_)) => {}
            }
        }
        TestComparison {
            differences,
            unread: decision.unread,
            not_read,
        }
    }

    /// Builds the organization that the test describes, if any.
    fn own_facts(&self, rules: &Rules) -> Option<Directory> {
        if self.ou.is_none()
            && self.account_tags.is_none()
            && self.members.is_none()
            && self.attributes.is_none()
        {
            return None;
        }
        let mut snapshot = Snapshot::default();
        if let TestTarget::Account { account, .. } = &self.target {
            let id = AccountId::new(account.as_str()).or_else(|_| AccountId::new(NAMED_ACCOUNT));
            snapshot.accounts.extend(id.ok().map(|id| Account {
                id,
                name: account.clone(),
                email: String::new(),
                active: true,
                ous: self.ou.as_ref().map(units).unwrap_or_default(),
                tags: self.account_tags.clone().unwrap_or_default().into(),
            }));
        }
        let on_call = self.add_people(rules, &mut snapshot);
        Some(Directory::new(snapshot).with_on_call(on_call))
    }

    /// Attributes in the test; only the requester has any.
    fn attributes_of(&self, email: &Email) -> PersonAttributes {
        let held = self
            .attributes
            .as_ref()
            .filter(|_| *email == self.requester);
        let mut attributes = PersonAttributes::default();
        for attribute in PersonAttribute::ALL {
            let value = held.and_then(|held| held.get(&attribute));
            attributes.read(attribute, value.map(String::as_str));
        }
        attributes
    }

    /// Adds a user for every address and every group; returns the on-call lists. Those that the test
    /// omits are empty.
    fn add_people(&self, rules: &Rules, snapshot: &mut Snapshot) -> OnCallLists {
        let none = BTreeMap::new();
        let members = self.members.as_ref().unwrap_or(&none);
        let held = self.attributes.as_ref();
        let manager = held.and_then(|held| held.get(&PersonAttribute::Manager));
        let manager = manager.and_then(|text| Email::new(text).ok());
        let mut ids: BTreeMap<&Email, UserId> = BTreeMap::new();
        let named = std::iter::once(&self.requester)
            .chain(&self.click)
            .chain(members.values().flatten())
            .chain(&rules.compiled.people)
            .chain(&manager);
        for email in named {
            let number = ids.len();
            if let (false, Some(id)) = (ids.contains_key(email), made_up(number, UserId::new)) {
                ids.insert(email, id);
            }
        }
        snapshot.people.extend(ids.iter().map(|(email, id)| Person {
            user_id: id.clone(),
            user_name: email.to_string(),
            display_name: String::new(),
            emails: vec![(*email).clone()],
            enabled: true,
            attributes: self.attributes_of(email),
        }));
        let target = match &self.target {
            TestTarget::Group(group) => Some(group.as_str()),
            TestTarget::Account { .. } => None,
        };
        let mut groups: BTreeSet<String> = rules
            .compiled
            .groups
            .iter()
            .map(ToString::to_string)
            .collect();
        groups.extend(rules.compiled.asked_groups().map(ToString::to_string));
        groups.extend(
            members
                .keys()
                .map(String::as_str)
                .chain(target)
                .map(fold_name),
        );
        let mut on_call = OnCallLists::new();
        for (number, name) in groups.iter().enumerate() {
            let id = GroupId::new(name.as_str())
                .ok()
                .or_else(|| made_up(number, GroupId::new));
            let inside = members
                .iter()
                .filter(|(group, _)| fold_name(group) == *name);
            let inside = inside.flat_map(|(_, emails)| emails);
            let people = inside.filter_map(|email| ids.get(email).cloned()).collect();
            if name.starts_with(ON_CALL_PREFIX) {
                let at = Timestamp::UNIX_EPOCH;
                on_call.insert(name.clone(), OnCallList::Read { at, people });
                continue;
            }
            snapshot.groups.extend(id.map(|id| Group {
                id,
                name: name.clone(),
                members: Some(people),
            }));
        }
        on_call
    }
}

/// Id of an account that a test gives only by name.
const NAMED_ACCOUNT: &str = "000000000000";

/// Names fold; ids are exact.
fn fold_name(group: &str) -> String {
    match GroupId::new(group) {
        Ok(id) => GroupRef::Id(id).to_string(),
        Err(_) => folded(group),
    }
}

fn units(unit: &TestUnit) -> Vec<OuRef> {
    let path = match unit {
        TestUnit::Path(path) => path,
        TestUnit::Id(id) => {
            let (id, name) = (id.clone(), id.clone());
            return vec![OuRef { id, name }];
        }
    };
    let path = path.strip_prefix("Root/").unwrap_or(path);
    path.split('/')
        .filter(|name| !name.is_empty())
        .zip(1..)
        .map(|(name, number): (&str, u32)| OuRef {
            id: format!("ou-test-{number:08}"),
            name: name.to_owned(),
        })
        .collect()
}

fn made_up<T, E>(number: usize, wrap: fn(String) -> Result<T, E>) -> Option<T> {
    wrap(format!("00000000-0000-4000-8000-{number:012x}")).ok()
}
