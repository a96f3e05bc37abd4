//! Standing access that the configuration accepts (`access.standing`): patterns of
//! `user/account/permission set` or `group/user`, with `*` and `?`.

use std::fmt;
use std::str::FromStr;

use hallpass_model::{Glob, HoldKey, Target};
use hallpass_rules::Directory;

/// Text that is no pattern of standing access.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a pattern of standing access: write `user/account/permission-set` or `group/user`"
)]
pub struct PatternError(String);

/// What the configuration accepts as standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingPattern {
    text: String,
    user: Glob,
    place: TargetPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TargetPattern {
    Account { account: Glob, permission_set: Glob },
    Group(Glob),
}

impl StandingPattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is about this access. People are known by any of their addresses, their user name
    /// or their id; accounts and groups by name or id; who left the directory by id alone.
    pub fn covers(&self, key: &HoldKey, directory: &Directory) -> bool {
        self.covers_user(key, directory)
            && match (&self.place, &key.target) {
                (
                    TargetPattern::Account {
                        account,
                        permission_set,
                    },
                    Target::Account {
                        account: id,
                        permission_set: arn,
                    },
                ) => {
                    let name = directory.account(id).map(|found| found.name.as_str());
                    let set = directory
                        .permission_sets()
                        .iter()
                        .find(|set| set.arn == *arn);
                    (account.matches(id.as_str()) || name.is_some_and(|it| account.matches(it)))
                        && (permission_set.matches(arn.as_str())
                            || set.is_some_and(|set| permission_set.matches(&set.name)))
                }
                (TargetPattern::Group(group), Target::Group { group: id }) => {
                    let name = directory.group(id).map(|found| found.name.as_str());
                    group.matches(id.as_str()) || name.is_some_and(|it| group.matches(it))
                }
                (TargetPattern::Account { .. }, Target::Group { .. })
                | (TargetPattern::Group(_), Target::Account { .. }) => false,
            }
    }

    fn covers_user(&self, key: &HoldKey, directory: &Directory) -> bool {
        let person = directory.person(&key.user);
        self.user.matches(key.user.as_str())
            || person.is_some_and(|person| {
                self.user.matches(&person.user_name)
                    || person
                        .emails
                        .iter()
                        .any(|email| self.user.matches(email.as_str()))
            })
    }
}

impl fmt::Display for StandingPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for StandingPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = || PatternError(text.to_owned());
        let parts: Vec<&str> = text.split('/').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(error());
        }
        let (user, place) = match parts.as_slice() {
            [user, account, permission_set] => (
                user,
                TargetPattern::Account {
                    account: Glob::new(account),
                    permission_set: Glob::new(permission_set),
                },
            ),
            [group, user] => (user, TargetPattern::Group(Glob::new(group))),
            _ => return Err(error()),
        };
        Ok(Self {
            user: Glob::new(user),
            place,
            text: text.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::tests::{account_key, directory, gone_key, group_key};

    /// Pattern; whether it covers ana's `ReadOnly` in payments-prod, her membership of oncall, and the
    /// access of somebody who left.
    #[test]
    fn patterns_name_people_accounts_sets_and_groups() {
        let rows = [
            (
                "ana@corp.example/payments-prod/ReadOnly",
                [true, false, false],
            ),
            ("ANA@corp.example/payments-*/read*", [true, false, false]),
            ("ana/111111111111/*", [true, false, false]),
            ("*/*/*", [true, false, true]),
            ("bo@corp.example/*/*", [false, false, false]),
            ("oncall/ana@corp.example", [false, true, false]),
            ("on*/*", [false, true, false]),
            ("ana@corp.example/oncall", [false, false, false]),
            (
                "00000009-0000-0000-0000-000000000000/*/*",
                [false, false, true],
            ),
            ("*/payments-prod/Admin", [false, false, false]),
        ];
        let directory = directory();
        let keys = [
            account_key(1, "ReadOnly"),
            group_key(1),
            gone_key("ReadOnly"),
        ];
        for (text, wanted) in rows {
            let pattern: StandingPattern = text.parse().unwrap();
            let found = keys.clone().map(|key| pattern.covers(&key, &directory));
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "ana", "a/b/c/d", "ana//ReadOnly", "/x", "x/"] {
            assert!(text.parse::<StandingPattern>().is_err(), "{text}");
        }
    }
}
