//! Resolves the names of files in this organization (`inventory.md` A-1).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId};
use hallpass_rules::directory::{Account, OuRef};
use hallpass_rules::{Directory, Glob, nearest};

use crate::file::{AccessFile, AssignmentBlock, MANAGEMENT, ManagedScope, Term};
use crate::finding::FileFinding;
use crate::state::{AccountAssignment, PermissionSetContent, PrincipalRef};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedSet {
    pub content: PermissionSetContent,
    /// Whether it is guarded (`inventory.md` A-10).
    pub protect: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignoring(Vec<(Option<Glob>, Option<AccountId>)>);

impl Ignoring {
    pub fn has_set(&self, set: &PermissionSetName) -> bool {
        let names = |glob: &Option<Glob>| glob.as_ref().is_some_and(|it| it.matches(set.as_str()));
        self.0
            .iter()
            .any(|(glob, account)| account.is_none() && names(glob))
    }

    pub fn has(&self, set: &PermissionSetName, account: &AccountId) -> bool {
        self.0.iter().any(|(glob, only)| {
            let names = glob.as_ref().is_none_or(|it| it.matches(set.as_str()));
            names && only.as_ref().is_none_or(|it| it == account)
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedAccess {
    pub scope: ManagedScope,
    pub max_destroy: usize,
    pub ignoring: Ignoring,
    pub sets: BTreeMap<PermissionSetName, WantedSet>,
    pub assignments: BTreeSet<AccountAssignment>,
}

impl WantedAccess {
    pub fn manages(&self, set: &PermissionSetName) -> bool {
        match self.scope {
            ManagedScope::Declared => self.sets.contains_key(set),
            ManagedScope::All => !self.ignoring.has_set(set),
        }
    }
}

pub fn select(
    file: &AccessFile,
    directory: &Directory,
    management: Option<&AccountId>,
) -> Result<WantedAccess, Vec<FileFinding>> {
    let mut selector = Selector {
        directory,
        management,
        findings: Vec::new(),
    };
    if management.is_none() {
        selector.management_is_unknown(file);
    }
    let ignoring = selector.ignoring(file);
    let mut assignments = BTreeSet::new();
    for block in &file.assignments {
        let accounts = selector.accounts(block);
        let principals = selector.principals(block);
        for (set, place) in &block.permission_sets {
            for account in &accounts {
                if ignoring.has(set, account) {
                    let message = format!(
                        "`settings.ignore` leaves permission set `{set}` in account {account} alone"
                    );
                    let finding = FileFinding::error(place, message);
                    let help = "exclude the account, or take it out of `ignore`";
                    selector.findings.push(finding.help(help));
                }
                assignments.extend(principals.iter().map(|principal| AccountAssignment {
                    permission_set: set.clone(),
                    account: account.clone(),
                    principal: principal.clone(),
                }));
            }
        }
    }
    if !selector.findings.is_empty() {
        return Err(selector.findings);
    }
    let sets = file.sets.iter().map(|(name, set)| {
        let (content, protect) = (set.content.clone(), set.protect);
        (name.clone(), WantedSet { content, protect })
    });
    Ok(WantedAccess {
        scope: file.settings.manage,
        max_destroy: file.settings.max_destroy,
        ignoring,
        sets: sets.collect(),
        assignments,
    })
}

struct Selector<'a> {
    directory: &'a Directory,
    management: Option<&'a AccountId>,
    findings: Vec<FileFinding>,
}

impl Selector<'_> {
    fn error(&mut self, term: &Term, message: String) {
        self.findings.push(FileFinding::error(&term.place, message));
    }

    fn unknown<'n>(&mut self, term: &Term, what: &str, known: impl Iterator<Item = &'n str>) {
        let message = format!("there is no {what} `{}`", term.text);
        let finding = FileFinding::error(&term.place, message);
        self.findings.push(match nearest(&term.text, known) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }

    // INVARIANT: an unknown management account excludes nothing: units and tags would select it,
    // and its access would be deleted.
    fn management_is_unknown(&mut self, file: &AccessFile) {
        for (what, place) in file.about_management() {
            let message =
                format!("`{what}` needs the management account, and which that is cannot be seen");
            let finding = FileFinding::error(place, message);
            let help = "it takes `organizations:DescribeOrganization`";
            self.findings.push(finding.help(help));
        }
    }

    fn ignoring(&mut self, file: &AccessFile) -> Ignoring {
        let rows = file.settings.ignore.iter().filter_map(|it| {
            let account = match &it.account {
                None => None,
                Some(term) if term.text == MANAGEMENT => Some(self.management?.clone()),
                Some(term) => Some(self.account(term)?),
            };
            Some((it.permission_set.clone(), account))
        });
        Ignoring(rows.collect())
    }

    fn account(&mut self, term: &Term) -> Option<AccountId> {
        if let Ok(id) = AccountId::new(&*term.text)
            && self.directory.account(&id).is_some()
        {
            return Some(id);
        }
        let directory = self.directory;
        let named: Vec<&Account> = directory
            .accounts()
            .iter()
            .filter(|it| it.name == term.text)
            .collect();
        match named.as_slice() {
            [one] => Some(one.id.clone()),
            [] => {
                let known = directory.accounts().iter().map(|it| it.name.as_str());
                self.unknown(term, "account", known);
                None
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|it| it.id.as_str()).collect();
                let message = format!(
                    "account `{}` is {}: write the id",
                    term.text,
                    ids.join(", ")
                );
                self.error(term, message);
                None
            }
        }
    }

    fn accounts(&mut self, block: &AssignmentBlock) -> BTreeSet<AccountId> {
        let mut found = BTreeSet::new();
        for term in &block.accounts {
            found.extend(self.account(term));
        }
        for term in &block.ous {
            if let Some(below) = self.below(term) {
                self.not_empty(term, &below, block);
                found.extend(below);
            }
        }
        found.extend(self.tagged(block));
        for term in &block.exclude {
            if let Some(account) = self.account(term) {
                found.remove(&account);
            }
        }
        found
    }

    fn not_empty(&mut self, term: &Term, found: &BTreeSet<AccountId>, block: &AssignmentBlock) {
        if found.is_empty() && !block.allow_empty {
            let message = format!("`{}` selects no account", term.text);
            let finding = FileFinding::error(&term.place, message);
            let help = "`allow_empty: true` in the block allows this";
            self.findings.push(finding.help(help));
        }
    }

    /// Whether an OU or a tag may select an account. The management account must be named
    /// explicitly.
    fn is_selectable(&self, account: &Account) -> bool {
        account.active && self.management != Some(&account.id)
    }

    /// Returns the accounts below a unit, by path or id; `None` if there is no such unit.
    fn below(&mut self, term: &Term) -> Option<BTreeSet<AccountId>> {
        let path: Vec<&str> = term.text.split('/').filter(|it| !it.is_empty()).collect();
        let by_path = term.text.starts_with('/');
        let directory = self.directory;
        let fits = |above: &[OuRef]| {
            if by_path {
                above.len() >= path.len()
                    && above.iter().zip(&path).all(|(ou, name)| ou.name == *name)
            } else {
                above.iter().any(|ou| ou.id == term.text)
            }
        };
        let is_root = (by_path && path.is_empty()) || term.text == directory.root_id();
        let units = directory.organizational_units();
        if !is_root && !units.iter().any(|above| fits(above)) {
            let paths: Vec<String> = units.iter().map(|above| path_of(above)).collect();
            self.unknown(
                term,
                "organizational unit",
                paths.iter().map(String::as_str),
            );
            return None;
        }
        let accounts = directory.accounts().iter();
        let inside = accounts.filter(|it| self.is_selectable(it) && (is_root || fits(&it.ous)));
        Some(inside.map(|it| it.id.clone()).collect())
    }

    fn tagged(&mut self, block: &AssignmentBlock) -> BTreeSet<AccountId> {
        let Some((first, _)) = block.tags.first() else {
            return BTreeSet::new();
        };
        let has_all = |account: &&Account| {
            let mut tags = block.tags.iter();
            let known = account.tags.known();
            tags.all(|(key, value)| known.and_then(|known| known.get(&key.text)) == Some(value))
        };
        let accounts = self.directory.accounts().iter();
        let found: BTreeSet<AccountId> = accounts
            .filter(|it| self.is_selectable(it))
            .filter(has_all)
            .map(|it| it.id.clone())
            .collect();
        let words: Vec<String> = block
            .tags
            .iter()
            .map(|(key, value)| format!("{}: {value}", key.text))
            .collect();
        let term = Term {
            text: words.join(", "),
            place: first.place.clone(),
        };
        self.not_empty(&term, &found, block);
        found
    }

    fn principals(&mut self, block: &AssignmentBlock) -> BTreeSet<PrincipalRef> {
        let mut found = BTreeSet::new();
        for term in &block.groups {
            found.extend(self.group(term).map(PrincipalRef::Group));
        }
        for term in &block.users {
            found.extend(self.user(term).map(PrincipalRef::User));
        }
        found
    }

    fn group(&mut self, term: &Term) -> Option<GroupId> {
        let directory = self.directory;
        if let Some(id) = term.text.strip_prefix("id:") {
            return self.id(term, GroupId::new(id));
        }
        let groups = directory.groups().iter();
        let named = groups.filter(|it| it.name == term.text);
        let ids: Vec<GroupId> = named.map(|it| it.id.clone()).collect();
        let known = directory.groups().iter().map(|it| it.name.as_str());
        self.only(term, "group", &ids, known)
    }

    fn user(&mut self, term: &Term) -> Option<UserId> {
        let directory = self.directory;
        if let Some(id) = term.text.strip_prefix("id:") {
            return self.id(term, UserId::new(id));
        }
        let people = directory.snapshot().people.iter();
        let named = people.filter(|it| it.user_name == term.text);
        let ids: Vec<UserId> = named.map(|it| it.user_id.clone()).collect();
        let known = directory
            .snapshot()
            .people
            .iter()
            .map(|it| it.user_name.as_str());
        self.only(term, "user", &ids, known)
    }

    fn id<T, E: std::fmt::Display>(&mut self, term: &Term, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(id) => Some(id),
            Err(error) => {
                self.error(term, error.to_string());
                None
            }
        }
    }

    fn only<'n, T: std::borrow::Borrow<str> + Clone>(
        &mut self,
        term: &Term,
        what: &str,
        ids: &[T],
        names: impl Iterator<Item = &'n str>,
    ) -> Option<T> {
        match ids {
            [one] => Some(one.clone()),
            [] => {
                self.unknown(term, what, names);
                None
            }
            several => {
                let ids: Vec<&str> = several.iter().map(std::borrow::Borrow::borrow).collect();
                let message = format!(
                    "{what} `{}` is {}: write `id:` and the id",
                    term.text,
                    ids.join(", ")
                );
                self.error(term, message);
                None
            }
        }
    }
}

fn path_of(above: &[OuRef]) -> String {
    let names: Vec<&str> = above.iter().map(|ou| ou.name.as_str()).collect();
    format!("/{}", names.join("/"))
}
