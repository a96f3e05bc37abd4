//! Resolves names in the directory: groups, permission sets, accounts and organizational units.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, GroupId, PermissionSetName, fold};
use hallpass_rules::directory::{Account, Group, OuRef};
use hallpass_rules::{Directory, GroupRef};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::output::plain;

use super::toml_text::Entry;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChosenGroup {
    pub(super) id: GroupId,
    pub(super) name: String,
    /// Rule reference: the name if plain and unique, else the id.
    pub(super) entry: Entry,
}

impl ChosenGroup {
    fn new(group: &Group, directory: &Directory) -> Self {
        let is_its = directory.group_by_name(&group.name).map(|it| &it.id) == Some(&group.id);
        let is_plain = is_its && is_word(&group.name) && GroupId::new(group.name.as_str()).is_err();
        Self {
            id: group.id.clone(),
            name: group.name.clone(),
            entry: if is_plain {
                Entry::plain(group.name.clone())
            } else {
                Entry::named(group.id.to_string(), group.name.clone())
            },
        }
    }

    pub(super) fn reference(&self) -> GroupRef {
        GroupRef::Id(self.id.clone())
    }
}

/// Places where access always needs an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sensitive {
    Everything,
    Places {
        units: Vec<ChosenUnit>,
        accounts: Vec<ChosenAccount>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChosenUnit {
    pub(super) id: String,
    pub(super) path: String,
}

impl ChosenUnit {
    fn new(path: &[OuRef]) -> Self {
        Self {
            id: path.last().map(|it| it.id.clone()).unwrap_or_default(),
            path: path_of(path),
        }
    }

    /// By id: renaming a unit must not make it insensitive.
    pub(super) fn entry(&self) -> Entry {
        Entry::named(self.id.clone(), self.path.clone())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChosenAccount {
    pub(super) id: AccountId,
    pub(super) name: String,
}

impl ChosenAccount {
    fn new(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
        }
    }

    /// By id: people who may rename accounts choose names.
    pub(super) fn entry(&self) -> Entry {
        Entry::named(self.id.to_string(), self.name.clone())
    }
}

fn is_word(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
    !name.is_empty() && name.trim() == name && name.chars().all(usual)
}

fn unknown(kind: &str, text: &str, known: &BTreeSet<String>) -> Failure {
    let message = format!("there is no {kind} `{}`", plain(text));
    let failure = Failure::bad_input(message);
    match nearest(text, known) {
        Some(name) => failure.help(format!("did you mean `{}`?", plain(name))),
        None => failure.help("give its name as AWS has it, or its id"),
    }
}

fn several(kind: &str, text: &str, ids: &[String]) -> Failure {
    let message = format!(
        "there are several {kind}s named `{}`: {}",
        plain(text),
        ids.join(", ")
    );
    Failure::bad_input(message).help("give the id of one of them")
}

pub(super) fn group(text: &str, directory: &Directory) -> Result<ChosenGroup, Failure> {
    let id = GroupId::new(text).ok();
    let found = id
        .and_then(|id| directory.group(&id))
        .or_else(|| directory.group_by_name(text));
    if let Some(found) = found {
        return Ok(ChosenGroup::new(found, directory));
    }
    let named = directory
        .groups()
        .iter()
        .filter(|it| fold::is_same(&it.name, text));
    let ids: Vec<String> = named.map(|it| it.id.to_string()).collect();
    if ids.is_empty() {
        let known = directory
            .groups()
            .iter()
            .map(|it| it.name.clone())
            .collect();
        return Err(unknown("group", text, &known));
    }
    Err(several("group", text, &ids))
}

/// A group with a role, which the configuration references only by name.
pub(super) fn role_group(text: &str, directory: &Directory) -> Result<ChosenGroup, Failure> {
    let found = group(text, directory)?;
    if directory.group_by_name(&found.name).is_some() {
        return Ok(found);
    }
    let message = format!("another group is named `{}`, too", plain(&found.name));
    Err(Failure::bad_input(message)
        .help("roles use a group's name: choose a group with a unique name, or rename one"))
}

/// `*` matches all existing ones.
pub(super) fn permission_sets(
    texts: &[String],
    directory: &Directory,
) -> Result<Vec<PermissionSetName>, Failure> {
    let known: BTreeSet<String> = directory
        .permission_sets()
        .iter()
        .map(|it| it.name.clone())
        .collect();
    let mut names = BTreeSet::new();
    for text in texts {
        match text.as_str() {
            "*" => names.extend(known.iter().cloned()),
            name if known.contains(name) => {
                names.insert(name.to_owned());
            }
            name => return Err(unknown("permission set", name, &known)),
        }
    }
    if names.is_empty() {
        let message = "no permission set is named";
        return Err(Failure::bad_input(message).help("name those that may be requested, or `*`"));
    }
    names
        .iter()
        .map(|name| {
            PermissionSetName::new(name.as_str())
                .map_err(|error| Failure::bad_input(error.to_string()))
        })
        .collect()
}

/// By id, path or name; `*` or the root matches every account.
pub(super) fn sensitive(
    texts: &[String],
    management: Option<&AccountId>,
    directory: &Directory,
) -> Result<Sensitive, Failure> {
    let is_all = |text: &String| {
        text == "*" || text.eq_ignore_ascii_case("root") || text == directory.root_id()
    };
    if texts.iter().any(is_all) {
        return Ok(Sensitive::Everything);
    }
    let (mut units, mut accounts) = (Vec::new(), Vec::new());
    for text in texts {
        match place(text, directory)? {
            NamedPlace::Unit(unit) if units.contains(&unit) => {}
            NamedPlace::Unit(unit) => units.push(unit),
            NamedPlace::Account(account) if Some(&account.id) == management => {
                let message = format!(
                    "`{}` is the management account, which no rule will cover",
                    plain(text)
                );
                return Err(Failure::bad_input(message).help("leave it out of `sensitive`"));
            }
            NamedPlace::Account(account) if accounts.contains(&account) => {}
            NamedPlace::Account(account) => accounts.push(account),
        }
    }
    if units.is_empty() && accounts.is_empty() {
        let message = "no sensitive account or organizational unit is named";
        return Err(
            Failure::bad_input(message).help("give `*` where every access is to be approved")
        );
    }
    Ok(Sensitive::Places { units, accounts })
}

enum NamedPlace {
    Unit(ChosenUnit),
    Account(ChosenAccount),
}

/// Matches exactly, then case-insensitively.
fn place(text: &str, directory: &Directory) -> Result<NamedPlace, Failure> {
    let paths = directory.organizational_units();
    let wanted = text.strip_prefix("Root/").unwrap_or(text);
    let found = |is: fn(&str, &str) -> bool| {
        let units = paths.iter().copied();
        let units = units.filter(|path| is_unit(path, text) || is(&path_of(path), wanted));
        let accounts = directory.accounts().iter();
        let accounts = accounts.filter(|it| it.id.as_str() == text || is(&it.name, text));
        let found: (Vec<&[OuRef]>, Vec<&Account>) = (units.collect(), accounts.collect());
        found
    };
    let (units, accounts) = match found(|name, wanted| name == wanted) {
        (units, accounts) if units.is_empty() && accounts.is_empty() => found(fold::is_same),
        exact => exact,
    };
    match (units.as_slice(), accounts.as_slice()) {
        ([path], []) => Ok(NamedPlace::Unit(ChosenUnit::new(path))),
        ([], [account]) => Ok(NamedPlace::Account(ChosenAccount::new(account))),
        ([], []) => {
            let names = directory.accounts().iter().map(|it| it.name.clone());
            let known = names.chain(paths.iter().map(|it| path_of(it))).collect();
            Err(unknown("account or organizational unit", text, &known))
        }
        (units, accounts) => {
            let units = units.iter().filter_map(|path| path.last());
            let mut ids: Vec<String> = units.map(|it| it.id.clone()).collect();
            ids.extend(accounts.iter().map(|it| it.id.to_string()));
            Err(several("place", text, &ids))
        }
    }
}

/// Unambiguous answers for all units: path, else id.
pub(super) fn unit_answers(directory: &Directory) -> Vec<String> {
    let answer = |path: &[OuRef]| {
        let written = path_of(path);
        let is_its = matches!(place(&written, directory), Ok(NamedPlace::Unit(unit)) if is_unit(path, &unit.id));
        // commas separate answers
        if is_its && !written.contains(',') && written.trim() == written {
            return Some(written);
        }
        path.last().map(|it| it.id.clone())
    };
    let paths = directory.organizational_units().into_iter();
    paths.filter_map(answer).collect()
}

fn is_unit(path: &[OuRef], id: &str) -> bool {
    path.last().is_some_and(|it| it.id == id)
}

pub(super) fn path_of(path: &[OuRef]) -> String {
    path.iter()
        .map(|it| it.name.as_str())
        .collect::<Vec<_>>()
        .join("/")
}
