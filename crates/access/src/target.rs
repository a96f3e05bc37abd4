//! What somebody names as a target, found in the directory: whether it exists, whether Hallpass reaches
//! it, and how the rules are asked about it.

use hallpass_model::{AccountId, GroupId, Target, TargetNames, UserId};
use hallpass_rules::{Ask, Directory};

use crate::{FieldProblem, Request, Settings, Wanted};

/// Why nothing in the management account can be had (`access.md` §13.2).
pub(crate) const MANAGEMENT_ACCOUNT: &str = "This is the management account, which a delegated \
     administrator cannot change. Ask for a group that has the access there instead.";

/// A target that exists.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) target: Target,
    pub(crate) names: TargetNames,
}

/// Finds what was named in the directory: ids first, then names that only one thing has.
pub(crate) fn resolve(
    wanted: &Wanted,
    directory: &Directory,
) -> Result<Resolved, Vec<FieldProblem>> {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => {
            let found = find_account(account, directory);
            let set = directory
                .permission_set_by_name(permission_set)
                .ok_or_else(|| {
                    let message = format!("There is no permission set `{permission_set}`.");
                    FieldProblem::new("permission_set", "unknown-permission-set", message)
                });
            match (found, set) {
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
        Wanted::Group { group } => {
            let by_id = GroupId::new(group.as_str())
                .ok()
                .and_then(|id| directory.group(&id));
            let found = by_id
                .or_else(|| directory.group_by_name(group))
                .ok_or_else(|| {
                    vec![FieldProblem::new(
                        "group",
                        "unknown-group",
                        format!("There is no group `{group}`."),
                    )]
                })?;
            Ok(Resolved {
                target: Target::Group {
                    group: found.id.clone(),
                },
                names: TargetNames::Group {
                    group: found.name.clone(),
                },
            })
        }
    }
}

fn find_account<'a>(
    text: &str,
    directory: &'a Directory,
) -> Result<&'a hallpass_rules::directory::Account, FieldProblem> {
    let problem = |code, message: String| Err(FieldProblem::new("account", code, message));
    let by_id = AccountId::new(text)
        .ok()
        .and_then(|id| directory.account(&id));
    let mut named = directory.accounts_by_name(text);
    let found = match (by_id, named.next(), named.next()) {
        (Some(account), _, _) | (None, Some(account), None) => account,
        (None, Some(_), Some(_)) => {
            return problem(
                "ambiguous-account",
                format!("Several accounts are named `{text}`. Use the id."),
            );
        }
        (None, None, _) => {
            return problem(
                "unknown-account",
                format!("There is no account `{text}` in the organization."),
            );
        }
    };
    if found.active {
        Ok(found)
    } else {
        problem("suspended-account", "This account is suspended.".to_owned())
    }
}

/// The question to the rules for a target; `None` when its names are of another kind.
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
    /// What it asked for, as the rules are asked; `None` when that never existed.
    pub fn question(&self) -> Option<Ask<'_>> {
        question(&self.key.as_ref()?.target, &self.names)
    }
}

/// Whether somebody is an enabled user of the directory.
pub(crate) fn is_enabled(user: Option<&UserId>, directory: &Directory) -> bool {
    let known = user.and_then(|user| directory.person(user));
    known.is_some_and(|person| person.enabled)
}

/// Adds the problem of an account that a delegated administrator cannot change.
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
