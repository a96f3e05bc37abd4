//! Accepted standing access in the configuration (`access.standing`): patterns of
//! `user/account/permission set` or `group/user`, with `*` and `?`.

use std::fmt;
use std::str::FromStr;

use hallpass_base::{Glob, HoldKey, Target, UserId};
use hallpass_rules::Directory;
use hallpass_rules::directory::Person;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a pattern of standing access: write `user/account/permission-set` or `group/user`"
)]
pub struct PatternError(String);

/// A pattern with a part that matches nothing in the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` in `access.standing` accepts nothing: no {what} fits `{part}`")]
pub struct DeadPattern {
    pattern: String,
    what: &'static str,
    part: Glob,
}

impl DeadPattern {
    pub fn help(&self) -> &'static str {
        "correct it or drop it: give accounts and groups by name or id, permission sets by name, people by address, \
         user \
         name or id; in place of a `/` in a name write `?`"
    }
}

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
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Users match by address, user name or id; accounts and groups by name or id; deleted users
    /// only by id.
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
        self.user.matches(key.user.as_str()) || person.is_some_and(|it| self.fits(it))
    }

    fn fits(&self, person: &Person) -> bool {
        let mut emails = person.emails.iter();
        self.user.matches(person.user_id.as_str())
            || self.user.matches(&person.user_name)
            || emails.any(|email| self.user.matches(email.as_str()))
    }

    /// Returns the first part that matches nothing: a typo, or a group name with `/` read as an
    /// account. Ignores user ids, since deleted users have only those.
    pub fn dead(&self, directory: &Directory) -> Option<DeadPattern> {
        let named = |glob: &Glob, id: &str, name: &str| glob.matches(id) || glob.matches(name);
        let place = match &self.place {
            TargetPattern::Account {
                account,
                permission_set,
            } => {
                let mut accounts = directory.accounts().iter();
                let mut sets = directory.permission_sets().iter();
                let known = accounts.any(|it| named(account, it.id.as_str(), &it.name));
                let known_set = sets.any(|it| named(permission_set, it.arn.as_str(), &it.name));
                (!known)
                    .then_some(("account", account))
                    .or_else(|| (!known_set).then_some(("permission set", permission_set)))
            }
            TargetPattern::Group(group) => {
                let mut groups = directory.groups().iter();
                let known = groups.any(|it| named(group, it.id.as_str(), &it.name));
                (!known).then_some(("group", group))
            }
        };
        let is_known = || {
            self.user.as_str().parse::<UserId>().is_ok()
                || directory.people().iter().any(|it| self.fits(it))
        };
        let found = place.or_else(|| (!is_known()).then_some(("user", &self.user)));
        found.map(|(what, part)| DeadPattern {
            pattern: self.text.clone(),
            what,
            part: part.clone(),
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

    /// Pattern; whether it covers ana's `ReadOnly` in payments-prod, her membership of oncall, and
    /// a deleted user's access.
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

    /// Pattern; message about the part without a match.
    #[test]
    fn a_pattern_that_accepts_nothing_says_which_part_fits_nothing() {
        let rows = [
            ("ana@corp.example/payments-prod/ReadOnly", ""),
            ("*/orders-*/*", ""),
            ("*/333333333333/admin", ""),
            ("oncall/bo", ""),
            ("99999999-8888-7777-6666-555555555555/*", ""),
            ("*/*", ""),
            // Deleted users have only an id.
            ("00000009-0000-0000-0000-000000000000/*/*", ""),
            ("on?all/*", ""),
            ("*/payments-dev/ReadOnly", "no account fits `payments-dev`"),
            ("*/payments-prod/Write", "no permission set fits `write`"),
            ("eve@corp.example/*/*", "no user fits `eve@corp.example`"),
            ("off*/*", "no group fits `off*`"),
            ("oncall/eve@corp.example", "no user fits `eve@corp.example`"),
            // A group name with a slash.
            ("team/oncall/ana", "no account fits `oncall`"),
            ("team/oncall/*", "no account fits `oncall`"),
        ];
        let directory = directory();
        for (text, wanted) in rows {
            let pattern: StandingPattern = text.parse().unwrap();
            let said = pattern.dead(&directory).map(|it| it.to_string());
            let wanted = (!wanted.is_empty())
                .then(|| format!("`{text}` in `access.standing` accepts nothing: {wanted}"));
            assert_eq!(said, wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "ana", "a/b/c/d", "ana//ReadOnly", "/x", "x/"] {
            assert!(text.parse::<StandingPattern>().is_err(), "{text}");
        }
    }
}
