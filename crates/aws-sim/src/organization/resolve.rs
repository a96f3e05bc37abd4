use std::collections::{BTreeMap, HashMap, HashSet};

use super::file::OrganizationFile;

#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    accounts: HashMap<String, Vec<String>>,
    account_ids: HashSet<String>,
    root: String,
    ou_ids: HashSet<String>,
    ous: HashMap<String, Vec<String>>,
    ou_paths: HashMap<String, String>,
    users: HashMap<String, String>,
    groups: HashMap<String, String>,
    sets: HashMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unresolved {
    Unknown,
    Ambiguous,
}

impl NameIndex {
    /// Indexes the names of a file, without OUs that have no path (dangling or circular parent).
    pub(crate) fn of(file: &OrganizationFile) -> Self {
        let mut names = Self {
            root: file.organization.root.clone(),
            ou_ids: file.ous.iter().map(|ou| ou.id.clone()).collect(),
            ..Self::default()
        };
        for account in &file.accounts {
            names.account_ids.insert(account.id.clone());
            names
                .accounts
                .entry(account.name.clone())
                .or_default()
                .push(account.id.clone());
        }
        for (index, path) in ou_paths(file) {
            let Some(ou) = file.ous.get(index) else {
                continue;
            };
            names.ou_paths.insert(path, ou.id.clone());
            names
                .ous
                .entry(ou.name.clone())
                .or_default()
                .push(ou.id.clone());
        }
        let center = &file.identity_center;
        for user in &center.users {
            names
                .users
                .insert(user.user_name.to_lowercase(), user.id.clone());
        }
        for group in &center.groups {
            names.groups.insert(group.name.clone(), group.id.clone());
        }
        for set in &center.permission_sets {
            names.sets.insert(set.name.clone(), set.arn.clone());
        }
        names
    }

    pub(crate) fn account(&self, name: &str) -> Result<&str, Unresolved> {
        if let Some(id) = self.account_ids.get(name) {
            return Ok(id);
        }
        only(self.accounts.get(name))
    }

    /// By id, path or name; a path from the root precedes an equal name further down.
    pub(crate) fn ou(&self, name: &str) -> Result<&str, Unresolved> {
        if let Some(id) = self.ou_ids.get(name).or_else(|| self.ou_paths.get(name)) {
            return Ok(id);
        }
        only(self.ous.get(name))
    }

    /// Resolves a policy target: the root by id or as `Root`, an OU by id, name or path, an account
    /// by id or name.
    pub(crate) fn target(&self, name: &str) -> Result<&str, Unresolved> {
        if name == "Root" || name == self.root {
            return Ok(&self.root);
        }
        match (self.ou(name), self.account(name)) {
            (Ok(_), Ok(_)) => Err(Unresolved::Ambiguous),
            (Ok(id), _) | (_, Ok(id)) => Ok(id),
            (Err(Unresolved::Ambiguous), _) | (_, Err(Unresolved::Ambiguous)) => {
                Err(Unresolved::Ambiguous)
            }
            (Err(_), Err(_)) => Err(Unresolved::Unknown),
        }
    }

    /// Ignores case.
    pub(crate) fn user(&self, name: &str) -> Result<&str, Unresolved> {
        self.users
            .get(&name.to_lowercase())
            .map(String::as_str)
            .ok_or(Unresolved::Unknown)
    }

    pub(crate) fn group(&self, name: &str) -> Result<&str, Unresolved> {
        self.groups
            .get(name)
            .map(String::as_str)
            .ok_or(Unresolved::Unknown)
    }

    pub(crate) fn set(&self, name: &str) -> Result<&str, Unresolved> {
        self.sets
            .get(name)
            .map(String::as_str)
            .ok_or(Unresolved::Unknown)
    }
}

fn only(found: Option<&Vec<String>>) -> Result<&str, Unresolved> {
    match found.map(Vec::as_slice) {
        Some([one]) => Ok(one),
        Some([_, ..]) => Err(Unresolved::Ambiguous),
        _ => Err(Unresolved::Unknown),
    }
}

pub(super) fn ou_paths(file: &OrganizationFile) -> BTreeMap<usize, String> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for (index, ou) in file.ous.iter().enumerate() {
        by_name.entry(&ou.name).or_default().push(index);
        by_id.insert(&ou.id, index);
    }
    let mut paths: BTreeMap<usize, String> = BTreeMap::new();
    let mut by_path: HashMap<String, usize> = HashMap::new();
    loop {
        let before = paths.len();
        for (index, ou) in file.ous.iter().enumerate() {
            if paths.contains_key(&index) {
                continue;
            }
            let path = match ou.parent.as_deref() {
                None => Some(ou.name.clone()),
                Some(parent) => {
                    let unique = by_name.get(parent).filter(|found| found.len() == 1);
                    let found = unique.and_then(|found| found.first()).copied();
                    let known = by_id.get(parent).copied().filter(|_| !parent.is_empty());
                    known
                        .or(found)
                        .or_else(|| by_path.get(parent).copied())
                        .and_then(|parent| paths.get(&parent))
                        .map(|parent| format!("{parent}/{}", ou.name))
                }
            };
            if let Some(path) = path {
                by_path.insert(path.clone(), index);
                paths.insert(index, path);
            }
        }
        if paths.len() == before {
            return paths;
        }
    }
}
