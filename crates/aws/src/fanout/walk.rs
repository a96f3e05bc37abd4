//! Finds accounts call by call: the whole organization, units, or a given list without any call.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hallpass_aws_model::{page_rows, says_not_there};
use hallpass_base::{AccountId, AccountPath, account_state};
use hallpass_plans::fanout::{AccountsPage, CallFault, Entry, FaultKind, FoundAccount};
use serde_json::{Value, json};

use super::any_service::AnyService;
use super::fault::{denied_here, undecodable};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrganizationUnits {
    #[default]
    AllBelow,
    Named,
}

#[derive(Clone, Debug, Default)]
pub struct AccountsToFind {
    /// Uses these without a call.
    pub given: Option<Vec<AccountId>>,
    /// Only below these units: ids, or paths as `/Workloads/Production`. Empty: all.
    pub units: Vec<String>,
    pub depth: OrganizationUnits,
    /// Excludes these units and all below: ids, or paths.
    pub without: Vec<String>,
    /// Also reads tags: a call for each account.
    pub with_tags: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnitUse {
    Asked,
    PassedBy,
}

#[derive(Clone, Debug)]
enum WalkStep {
    Identity,
    Organization,
    All(Option<String>),
    Root(Vec<String>, UnitUse, Option<String>),
    Find(String, Vec<String>, UnitUse, Option<String>),
    Known(String),
    Units(String, Option<String>),
    Accounts(String, Option<String>),
    Tags(FoundAccount, Option<String>),
}

#[derive(Debug)]
pub(super) struct AccountWalk {
    wanted: AccountsToFind,
    open: VecDeque<WalkStep>,
    passed_by: BTreeSet<String>,
    listed: BTreeSet<String>,
    told: BTreeSet<AccountId>,
    own: Option<AccountId>,
    management: Option<AccountId>,
}

impl AccountWalk {
    pub(super) fn new(wanted: AccountsToFind) -> Self {
        let mut open = VecDeque::from([WalkStep::Identity]);
        if wanted.given.is_none() {
            open.push_back(WalkStep::Organization);
            // resolved before anything is listed
            for unit in &wanted.without {
                open.push_back(match path_of(unit) {
                    Some(path) => WalkStep::Root(path, UnitUse::PassedBy, None),
                    None => WalkStep::Known(unit.clone()),
                });
            }
            for unit in &wanted.units {
                match path_of(unit) {
                    Some(path) => open.push_back(WalkStep::Root(path, UnitUse::Asked, None)),
                    None => open.extend(inside(unit, wanted.depth)),
                }
            }
            // accounts of excluded units are detected by their paths
            if wanted.units.is_empty() {
                open.push_back(WalkStep::All(None));
            }
        }
        Self {
            wanted,
            open,
            passed_by: BTreeSet::new(),
            listed: BTreeSet::new(),
            told: BTreeSet::new(),
            own: None,
            management: None,
        }
    }

    pub(super) fn is_own(&self, account: &AccountId) -> bool {
        self.own.as_ref() == Some(account)
    }

    /// Makes the next call; repeats it after a fault.
    pub(super) async fn step(
        &mut self,
        aws: &AnyService,
        home: &str,
    ) -> Result<AccountsPage, CallFault> {
        let Some(step) = self.open.front().cloned() else {
            return Ok(AccountsPage::default());
        };
        if let WalkStep::Accounts(unit, _) | WalkStep::Units(unit, _) = &step
            && self.passed_by.contains(unit)
        {
            self.open.pop_front();
            return Ok(AccountsPage {
                accounts: Vec::new(),
                more: !self.open.is_empty(),
            });
        }
        let (service, operation, input) = asked(&step);
        let answer = aws.named(service, operation, &input, (home, None)).await;
        let mut accounts = self.learn(step, answer)?;
        self.open.pop_front();
        if let Some(given) = self.wanted.given.take() {
            accounts = given
                .into_iter()
                .map(|id| self.found(id, "", true))
                .collect();
        }
        Ok(AccountsPage {
            accounts,
            more: !self.open.is_empty(),
        })
    }

    fn learn(
        &mut self,
        step: WalkStep,
        answer: Result<Value, CallFault>,
    ) -> Result<Vec<FoundAccount>, CallFault> {
        // a member account may not describe its organization, and perhaps not list it
        let answer = match (&step, answer) {
            (WalkStep::Organization, Err(fault))
                if matches!(fault.kind, FaultKind::Denied | FaultKind::Final) =>
            {
                return Ok(Vec::new());
            }
            (step, Err(fault)) if self.is_gone(step, &fault) => return Ok(Vec::new()),
            (_, answer) => answer?,
        };
        let next = text(&answer, "NextToken").map(str::to_owned);
        match step {
            WalkStep::Identity => {
                self.own = text(&answer, "Account").and_then(|it| AccountId::new(it).ok());
            }
            WalkStep::Organization => {
                let id = answer.pointer("/Organization/MasterAccountId");
                let id = id
                    .and_then(Value::as_str)
                    .and_then(|it| AccountId::new(it).ok());
                self.management = id;
            }
            WalkStep::All(_) if self.needs_walk(&answer)? => {
                // without paths only a walk from the root shows units
                self.again(Some(WalkStep::Root(Vec::new(), UnitUse::Asked, None)));
            }
            WalkStep::All(_) | WalkStep::Accounts(..) => {
                let again = next.map(|token| match step {
                    WalkStep::Accounts(parent, _) => WalkStep::Accounts(parent, Some(token)),
                    _ => WalkStep::All(Some(token)),
                });
                self.again(again);
                return self.accounts(&answer);
            }
            WalkStep::Root(path, unit_use, _) => {
                let root = rows(&answer, "Roots")?.first();
                match (root.and_then(|it| text(it, "Id")), next) {
                    (Some(root), _) => self.go_on(root.to_owned(), path, unit_use),
                    (None, Some(token)) => {
                        self.again(Some(WalkStep::Root(path, unit_use, Some(token))));
                    }
                    (None, None) => return Err(undecodable("no root in it")),
                }
            }
            WalkStep::Find(parent, path, unit_use, _) => {
                self.look_for(&answer, (parent, path, unit_use), next)?;
            }
            WalkStep::Known(id) => {
                self.passed_by.insert(id);
            }
            WalkStep::Units(parent, _) => {
                for unit in rows(&answer, "OrganizationalUnits")? {
                    if let Some(id) = text(unit, "Id") {
                        self.listed.insert(id.to_owned());
                        self.open.push_back(WalkStep::Accounts(id.to_owned(), None));
                        self.open.push_back(WalkStep::Units(id.to_owned(), None));
                    }
                }
                self.again(next.map(|token| WalkStep::Units(parent, Some(token))));
            }
            WalkStep::Tags(account, _) => return self.tagged(&answer, account, next),
        }
        Ok(Vec::new())
    }

    /// Whether a unit or account was deleted after it was listed; a missing unit named by the
    /// caller is an error.
    fn is_gone(&self, step: &WalkStep, fault: &CallFault) -> bool {
        let was_listed = match step {
            WalkStep::Accounts(unit, _) | WalkStep::Units(unit, _) => self.listed.contains(unit),
            WalkStep::Tags(..) => true,
            _ => false,
        };
        was_listed && says_not_there(&fault.code)
    }

    fn look_for(
        &mut self,
        answer: &Value,
        (parent, path, unit_use): (String, Vec<String>, UnitUse),
        next: Option<String>,
    ) -> Result<(), CallFault> {
        let wanted = path.first().cloned().unwrap_or_default();
        let mut units = rows(answer, "OrganizationalUnits")?.iter();
        let found = units.find(|it| text(it, "Name") == Some(&wanted));
        match (found.and_then(|it| text(it, "Id")), next) {
            (Some(id), _) => {
                let rest = path.into_iter().skip(1).collect();
                self.go_on(id.to_owned(), rest, unit_use);
            }
            (None, Some(token)) => {
                self.again(Some(WalkStep::Find(parent, path, unit_use, Some(token))));
            }
            (None, None) => {
                let message = format!("there is no organizational unit `{wanted}`");
                return Err(denied_here("OrganizationalUnitNotFoundException", &message));
            }
        }
        Ok(())
    }

    fn tagged(
        &mut self,
        answer: &Value,
        mut account: FoundAccount,
        next: Option<String>,
    ) -> Result<Vec<FoundAccount>, CallFault> {
        for tag in rows(answer, "Tags")? {
            if let Some(key) = text(tag, "Key") {
                let value = text(tag, "Value").unwrap_or_default();
                account.tags.insert(key.to_owned(), value.to_owned());
            }
        }
        match next {
            Some(token) => {
                self.again(Some(WalkStep::Tags(account, Some(token))));
                Ok(Vec::new())
            }
            None => Ok(vec![account]),
        }
    }

    fn again(&mut self, step: Option<WalkStep>) {
        if let Some(step) = step {
            self.open.insert(1, step);
        }
    }

    fn go_on(&mut self, id: String, rest: Vec<String>, unit_use: UnitUse) {
        if !rest.is_empty() {
            self.again(Some(WalkStep::Find(id, rest, unit_use, None)));
            return;
        }
        match unit_use {
            UnitUse::PassedBy => {
                self.passed_by.insert(id);
            }
            UnitUse::Asked => {
                // last in, first out
                let steps: Vec<WalkStep> = inside(&id, self.wanted.depth).collect();
                for step in steps.into_iter().rev() {
                    self.again(Some(step));
                }
            }
        }
    }

    fn needs_walk(&self, answer: &Value) -> Result<bool, CallFault> {
        let is_silent = |row: &Value| path_in(row).is_none();
        Ok(!self.passed_by.is_empty() && rows(answer, "Accounts")?.iter().any(is_silent))
    }

    fn accounts(&mut self, answer: &Value) -> Result<Vec<FoundAccount>, CallFault> {
        let mut found = Vec::new();
        for row in rows(answer, "Accounts")? {
            let id = text(row, "Id").and_then(|it| AccountId::new(it).ok());
            let id = id.ok_or_else(|| undecodable("an account without an id"))?;
            let is_passed_by = |it: AccountPath<'_>| {
                let mut above = it.above().iter();
                above.any(|unit| self.passed_by.contains(*unit))
            };
            // a late walk returns earlier accounts again
            if path_in(row).is_some_and(is_passed_by) || !self.told.insert(id.clone()) {
                continue;
            }
            let state = account_state(|it| text(row, it));
            let account = self.found(
                id,
                text(row, "Name").unwrap_or_default(),
                state == Some("ACTIVE"),
            );
            if self.wanted.with_tags {
                self.open.push_back(WalkStep::Tags(account, None));
            } else {
                found.push(account);
            }
        }
        Ok(found)
    }

    fn found(&self, id: AccountId, name: &str, is_active: bool) -> FoundAccount {
        let entry = match (self.is_own(&id), self.management.as_ref() == Some(&id)) {
            (true, true) => Entry::OwnManagement,
            (true, false) => Entry::Base,
            (false, true) => Entry::OtherManagement,
            (false, false) => Entry::Role,
        };
        FoundAccount {
            id,
            name: name.to_owned(),
            is_active,
            entry,
            tags: BTreeMap::new(),
        }
    }
}

/// The units above an account, if its row has them.
fn path_in(row: &Value) -> Option<AccountPath<'_>> {
    let paths = row.get("Paths")?.as_array()?;
    AccountPath::of(text(row, "Id")?, paths.iter().filter_map(Value::as_str))
}

/// The names of a path as `/Workloads/Production`; `None` for an id.
fn path_of(unit: &str) -> Option<Vec<String>> {
    let path = unit.strip_prefix('/')?.split('/');
    Some(
        path.filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn inside(unit: &str, depth: OrganizationUnits) -> impl Iterator<Item = WalkStep> {
    let units = WalkStep::Units(unit.to_owned(), None);
    let units = (depth == OrganizationUnits::AllBelow).then_some(units);
    std::iter::once(WalkStep::Accounts(unit.to_owned(), None)).chain(units)
}

fn asked(step: &WalkStep) -> (&'static str, &'static str, Value) {
    let service = "organizations";
    let (operation, mut input, token) = match step {
        WalkStep::Identity => return ("sts", "GetCallerIdentity", json!({})),
        WalkStep::Organization => return (service, "DescribeOrganization", json!({})),
        WalkStep::All(token) => ("ListAccounts", json!({}), token),
        WalkStep::Root(_, _, token) => ("ListRoots", json!({}), token),
        WalkStep::Known(unit) => {
            let input = json!({"OrganizationalUnitId": unit});
            return (service, "DescribeOrganizationalUnit", input);
        }
        WalkStep::Find(parent, _, _, token) | WalkStep::Units(parent, token) => {
            let input = json!({"ParentId": parent});
            ("ListOrganizationalUnitsForParent", input, token)
        }
        WalkStep::Accounts(parent, token) => {
            ("ListAccountsForParent", json!({"ParentId": parent}), token)
        }
        WalkStep::Tags(account, token) => {
            let input = json!({"ResourceId": account.id});
            ("ListTagsForResource", input, token)
        }
    };
    if let (Some(members), Some(token)) = (input.as_object_mut(), token) {
        members.insert("NextToken".to_owned(), token.as_str().into());
    }
    (service, operation, input)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    let text = value.get(name).and_then(Value::as_str);
    text.filter(|it| !it.is_empty())
}

fn rows<'a>(answer: &'a Value, name: &str) -> Result<&'a [Value], CallFault> {
    page_rows(answer, name).ok_or_else(|| undecodable(&format!("`{name}` is no list")))
}
