//! Resolves an address to a person with current roles, the same for all channels.

use std::collections::BTreeSet;

use hallpass_audit::Origin;
use hallpass_base::{Email, UserId};
use hallpass_rules::directory::{NotOnePerson, Person};
use hallpass_rules::{Directory, RoleGroup};
use serde::{Deserialize, Serialize};

use crate::identity::{Actor, Role};

/// Owner of a token or session. The user id identifies; the address is for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub user: UserId,
    pub email: Email,
    /// Found through a fallback e-mail domain: then they have no role.
    #[serde(default)]
    pub secondary_domain: bool,
}

impl Owner {
    /// `None` if the directory does not know the actor.
    pub fn of(actor: &Actor) -> Option<Self> {
        Some(Self {
            user: actor.user.clone()?,
            email: actor.email.clone(),
            secondary_domain: actor.secondary_domain,
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub admins: Vec<String>,
    pub auditors: Vec<String>,
    pub operators: Vec<String>,
    /// Domains tried, in order, for an unknown address; without the `@`.
    pub fallback_domains: Vec<String>,
    pub portal_url: String,
    pub region: String,
}

impl Identity {
    pub fn role_groups(&self) -> BTreeSet<String> {
        [&self.admins, &self.auditors, &self.operators]
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.strip_prefix("group:"))
            .map(str::to_owned)
            .collect()
    }

    /// Returns the configured groups that a read directory lacks: they give no one a role.
    pub fn missing_groups(&self, directory: &Directory) -> Vec<String> {
        if directory.taken_at().is_none() {
            return Vec::new();
        }
        let names = self.role_groups().into_iter();
        let is_missing = |name: &String| {
            let group = directory.group_by_name(name);
            group.is_none_or(|group| group.members.is_none())
        };
        names.filter(is_missing).collect()
    }

    pub fn groups_with_roles(&self) -> Vec<RoleGroup> {
        let keys = [
            ("identity.admins", &self.admins),
            ("identity.auditors", &self.auditors),
            ("identity.operators", &self.operators),
        ];
        let groups = keys.into_iter().flat_map(|(key, entries)| {
            let names = entries.iter().filter_map(|it| it.strip_prefix("group:"));
            names.map(move |name| RoleGroup::new(key, name))
        });
        groups.collect()
    }

    pub fn administrators(&self, directory: &Directory) -> BTreeSet<UserId> {
        users_of(&self.admins, directory)
    }

    /// Returns the person of an address with current roles (`access.md` §11.5).
    ///
    /// # Errors
    /// The address belongs to several people.
    pub fn actor(
        &self,
        email: &Email,
        origin: Origin,
        directory: &Directory,
    ) -> Result<Actor, NotOnePerson> {
        let (person, secondary_domain) = match directory.person_by_email(email) {
            Ok(person) => (Some(person), false),
            Err(NotOnePerson::Ambiguous) => return Err(NotOnePerson::Ambiguous),
            Err(NotOnePerson::None) => match self.by_fallback(email, directory)? {
                Some(person) => (Some(person), true),
                None => (None, false),
            },
        };
        Ok(match person.filter(|person| person.enabled) {
            Some(person) => self.known(person, email, origin, secondary_domain, directory),
            None => Actor {
                user: None,
                email: email.clone(),
                name: email.to_string(),
                roles: BTreeSet::new(),
                origin,
                secondary_domain,
                authentication: None,
            },
        })
    }

    /// Returns the owner with current roles; `None` unless they are an enabled user of the
    /// directory.
    pub fn owner(&self, owner: &Owner, origin: Origin, directory: &Directory) -> Option<Actor> {
        let person = directory.person(&owner.user);
        let person = person.filter(|person| person.enabled)?;
        let is_secondary = owner.secondary_domain;
        Some(self.known(person, &owner.email, origin, is_secondary, directory))
    }

    fn known(
        &self,
        person: &Person,
        found_by: &Email,
        origin: Origin,
        secondary_domain: bool,
        directory: &Directory,
    ) -> Actor {
        let roles = [
            (Role::Admin, &self.admins),
            (Role::Auditor, &self.auditors),
            (Role::Operator, &self.operators),
        ];
        let email = person.emails.first().unwrap_or(found_by).clone();
        let name = Some(&person.display_name).filter(|name| !name.is_empty());
        Actor {
            user: Some(person.user_id.clone()),
            name: name.cloned().unwrap_or_else(|| email.to_string()),
            email,
            roles: roles
                .into_iter()
                .filter(|_| !secondary_domain)
                .filter(|(_, entries)| holds(person, entries, directory))
                .map(|(role, _)| role)
                .collect(),
            origin,
            secondary_domain,
            authentication: None,
        }
    }

    fn by_fallback<'a>(
        &self,
        email: &Email,
        directory: &'a Directory,
    ) -> Result<Option<&'a Person>, NotOnePerson> {
        for domain in &self.fallback_domains {
            let Ok(other) = Email::new(&format!("{}@{domain}", email.local_part())) else {
                continue;
            };
            match directory.person_by_email(&other) {
                Ok(person) => return Ok(Some(person)),
                Err(NotOnePerson::Ambiguous) => return Err(NotOnePerson::Ambiguous),
                Err(NotOnePerson::None) => {}
            }
        }
        Ok(None)
    }
}

/// Resolves `entries` (`group:NAME` or an e-mail) to addresses, without disabled people. An unknown
/// e-mail is kept: it may be a mailing list.
pub fn people_of(entries: &[String], directory: &Directory) -> BTreeSet<Email> {
    let mut found = BTreeSet::new();
    for entry in entries {
        match entry.strip_prefix("group:") {
            Some(name) => {
                let group = directory.group_by_name(name);
                let members = group.and_then(|group| group.members.as_ref());
                let people = members
                    .into_iter()
                    .flatten()
                    .filter_map(|id| directory.person(id));
                let enabled = people.filter(|person| person.enabled);
                found.extend(enabled.filter_map(|person| person.emails.first().cloned()));
            }
            None => found.extend(Email::new(entry).ok().filter(|email| {
                let known = directory.person_by_email(email);
                known.is_ok_and(|person| person.enabled) || known == Err(NotOnePerson::None)
            })),
        }
    }
    found
}

pub fn users_of(entries: &[String], directory: &Directory) -> BTreeSet<UserId> {
    let people = directory.people().iter();
    people
        .filter(|person| person.enabled && holds(person, entries, directory))
        .map(|person| person.user_id.clone())
        .collect()
}

pub fn is_named(user: &UserId, entries: &[String], directory: &Directory) -> bool {
    let person = directory.person(user).filter(|person| person.enabled);
    person.is_some_and(|person| holds(person, entries, directory))
}

fn holds(person: &Person, entries: &[String], directory: &Directory) -> bool {
    entries
        .iter()
        .any(|entry| match entry.strip_prefix("group:") {
            Some(name) => directory
                .group_by_name(name)
                .and_then(|group| group.members.as_ref())
                .is_some_and(|members| members.contains(&person.user_id)),
            None => Email::new(entry)
                .ok()
                .and_then(|email| directory.person_by_email(&email).ok())
                .is_some_and(|named| named.user_id == person.user_id),
        })
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{Group, Snapshot};

    use super::*;

    fn person(n: u8, emails: &[&str], enabled: bool) -> Person {
        Person {
            user_id: format!("0000000{n}-0000-0000-0000-000000000000")
                .parse()
                .unwrap(),
            user_name: format!("person{n}"),
            display_name: String::new(),
            emails: emails
                .iter()
                .map(|email| Email::new(email).unwrap())
                .collect(),
            enabled,
            attributes: hallpass_rules::PersonAttributes::default(),
        }
    }

    fn directory() -> Directory {
        let people = vec![
            person(1, &["ana@corp.example", "shared@corp.example"], true),
            person(2, &["Shared@Corp.example"], true),
            person(3, &["gone@corp.example"], false),
            person(4, &["shared@other.example", "dee@other.example"], true),
            person(5, &["back@corp.example"], false),
            person(6, &["back@corp.example"], true),
            person(7, &["left@corp.example"], false),
            person(8, &["left@corp.example"], false),
        ];
        let admins = Group {
            id: "99999999-8888-7777-6666-555555555555".parse().unwrap(),
            name: "admins".into(),
            members: people
                .iter()
                .take(1)
                .map(|person| Some(person.user_id.clone()))
                .collect(),
        };
        Directory::new(Snapshot {
            people,
            groups: vec![admins],
            ..Snapshot::default()
        })
    }

    /// `access.md` §11.5 and §16.22: address, person, through a fallback domain or not.
    #[test]
    fn an_address_is_one_person_or_nobody() {
        let identity = Identity {
            admins: vec!["group:admins".into()],
            fallback_domains: vec!["other.example".into()],
            ..Identity::default()
        };
        let rows = [
            ("ANA@corp.example", Ok((Some('1'), false))),
            ("shared@corp.example", Err(NotOnePerson::Ambiguous)),
            ("gone@corp.example", Ok((None, false))),
            ("back@corp.example", Ok((Some('6'), false))),
            ("left@corp.example", Err(NotOnePerson::Ambiguous)),
            ("nobody@corp.example", Ok((None, false))),
            ("dee@corp.example", Ok((Some('4'), true))),
        ];
        for (address, expected) in rows {
            let email = Email::new(address).unwrap();
            let found = identity.actor(&email, Origin::Api, &directory());
            let seen = found.map(|actor| {
                let number = actor.user.and_then(|user| user.as_str().chars().nth(7));
                (number, actor.secondary_domain)
            });
            assert_eq!(seen, expected, "{address}");
        }
        let ana = Email::new("ana@corp.example").unwrap();
        let actor = identity.actor(&ana, Origin::Api, &directory()).unwrap();
        assert!(actor.is(Role::Admin) && !actor.is(Role::Auditor));
    }

    #[test]
    fn groups_that_a_read_directory_lacks_are_missing() {
        let identity = Identity {
            admins: vec!["group:admins".into(), "ana@corp.example".into()],
            auditors: vec!["group:auditers".into()],
            ..Identity::default()
        };
        assert!(identity.missing_groups(&Directory::default()).is_empty());
        let read = Snapshot {
            taken_at: Some(hallpass_base::Timestamp::UNIX_EPOCH),
            ..directory().snapshot().clone()
        };
        let missing = identity.missing_groups(&Directory::new(read));
        assert_eq!(missing, ["auditers"]);
    }
}
