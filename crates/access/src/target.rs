//! Resolves a target in the directory: existence, reach, and the question for rules.

use hallpass_base::{AccountId, GroupId, Target, TargetNames, UserId};
use hallpass_rules::directory::{Account, Group, PermissionSet};
use hallpass_rules::{Ask, Directory};

use crate::{FieldProblem, Grant, Request, Settings, Wanted};

/// The reason that the management account is unavailable (`access.md` §13.2).
pub(crate) const MANAGEMENT_ACCOUNT: &str = "This is the management account, which a delegated \
     administrator cannot change. Request a group that has the access there instead.";

#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) target: Target,
    pub(crate) names: TargetNames,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum LookedFor<'a> {
    Named(&'a Wanted),
    /// The target of a request or grant, by id: its names may belong to something else now.
    Known(&'a Target),
}

impl<'a> LookedFor<'a> {
    pub(crate) fn by_asking(wanted: &'a Wanted, extends: Option<&'a Grant>) -> Self {
        extends.map_or(Self::Named(wanted), |grant| Self::Known(&grant.key.target))
    }

    pub(crate) fn find(self, directory: &Directory) -> Result<Resolved, Vec<FieldProblem>> {
        match self {
            Self::Named(wanted) => resolve(wanted, directory),
            Self::Known(target) => find_known(target, directory),
        }
    }
}

/// Resolves ids first, then unique names.
pub(crate) fn resolve(
    wanted: &Wanted,
    directory: &Directory,
) -> Result<Resolved, Vec<FieldProblem>> {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => both(
            find_account(account, directory),
            directory
                .permission_set_by_name(permission_set)
                .ok_or_else(|| no_set(permission_set)),
        ),
        Wanted::Group { group } => {
            let by_id = GroupId::new(group.as_str())
                .ok()
                .and_then(|id| directory.group(&id));
            let found = by_id.or_else(|| directory.group_by_name(group));
            found.map(of_group).ok_or_else(|| vec![no_group(group)])
        }
    }
}

fn find_known(target: &Target, directory: &Directory) -> Result<Resolved, Vec<FieldProblem>> {
    match target {
        Target::Account {
            account,
            permission_set,
        } => {
            let found = directory.account(account);
            let mut sets = directory.permission_sets().iter();
            both(
                found
                    .ok_or_else(|| no_account(account.as_str()))
                    .and_then(in_use),
                sets.find(|set| set.arn == *permission_set)
                    .ok_or_else(|| no_set(permission_set.as_str())),
            )
        }
        Target::Group { group } => {
            let found = directory.group(group).map(of_group);
            found.ok_or_else(|| vec![no_group(group.as_str())])
        }
    }
}

fn both(
    account: Result<&Account, FieldProblem>,
    set: Result<&PermissionSet, FieldProblem>,
) -> Result<Resolved, Vec<FieldProblem>> {
    match (account, set) {
        (Ok(account), Ok(set)) => Ok(Resolved {
            target: Target::Account {
                account: account.id.clone(),
                permission_set: set.arn.clone(),
            },
            names: TargetNames::Account {
                account: account.name.clone(),
                permission_set: set.name.clone(),
            },
        }),
        (account, set) => Err(account.err().into_iter().chain(set.err()).collect()),
    }
}

fn of_group(group: &Group) -> Resolved {
    Resolved {
        target: Target::Group {
            group: group.id.clone(),
        },
        names: TargetNames::Group {
            group: group.name.clone(),
        },
    }
}

fn find_account<'a>(text: &str, directory: &'a Directory) -> Result<&'a Account, FieldProblem> {
    let by_id = AccountId::new(text)
        .ok()
        .and_then(|id| directory.account(&id));
    let mut named = directory.accounts_by_name(text);
    match (by_id, named.next(), named.next()) {
        (Some(account), _, _) | (None, Some(account), None) => in_use(account),
        (None, Some(_), Some(_)) => Err(FieldProblem::new(
            "account",
            "ambiguous-account",
            format!("Several accounts are named `{text}`. Use the id."),
        )),
        (None, None, _) => Err(no_account(text)),
    }
}

/// Refuses suspended accounts.
fn in_use(account: &Account) -> Result<&Account, FieldProblem> {
    if account.active {
        Ok(account)
    } else {
        let message = "This account is suspended.";
        Err(FieldProblem::new("account", "suspended-account", message))
    }
}

fn no_account(account: &str) -> FieldProblem {
    let message = format!("There is no account `{account}` in the organization.");
    FieldProblem::new("account", "unknown-account", message)
}

fn no_set(set: &str) -> FieldProblem {
    let message = format!("There is no permission set `{set}`.");
    FieldProblem::new("permission_set", "unknown-permission-set", message)
}

fn no_group(group: &str) -> FieldProblem {
    let message = format!("There is no group `{group}`.");
    FieldProblem::new("group", "unknown-group", message)
}

/// `None` if the names are of another kind.
pub fn question<'a>(target: &'a Target, names: &'a TargetNames) -> Option<Ask<'a>> {
    match (target, names) {
        (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) => {
            Some(Ask::Account {
                account,
                permission_set,
            })
        }
        (Target::Group { group }, _) => Some(Ask::Group { group }),
        (Target::Account { .. }, TargetNames::Group { .. }) => None,
    }
}

impl Request {
    /// `None` if the target never existed.
    pub fn question(&self) -> Option<Ask<'_>> {
        question(&self.key.as_ref()?.target, &self.names)
    }

    /// The address of the ticket for people, by the service that the rules asked.
    pub fn ticket_url(&self) -> Option<&str> {
        let mut found = self
            .decided
            .tickets
            .iter()
            .filter_map(|it| it.found.as_ref());
        found.find_map(|it| it.url.as_deref())
    }

    /// Uses the typed target only if it never existed.
    pub(crate) fn looked_for(&self) -> LookedFor<'_> {
        let known = self.key.as_ref();
        known.map_or(LookedFor::Named(&self.wanted), |key| {
            LookedFor::Known(&key.target)
        })
    }
}

pub(crate) fn is_enabled(user: Option<&UserId>, directory: &Directory) -> bool {
    let known = user.and_then(|user| directory.person(user));
    known.is_some_and(|person| person.enabled)
}

/// Reports an account that a delegated administrator cannot change.
pub(crate) fn check_reach(
    resolved: Option<&Resolved>,
    settings: &Settings,
    problems: &mut Vec<FieldProblem>,
) {
    if let Some(Target::Account { account, .. }) = resolved.map(|found| &found.target)
        && settings.out_of_reach.as_ref() == Some(account)
    {
        let code = "management-account";
        problems.push(FieldProblem::new("account", code, MANAGEMENT_ACCOUNT));
    }
}
