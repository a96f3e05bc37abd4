//! Converts a simulator organization file to the directory for rules.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use hallpass_aws_model::facts;
use hallpass_aws_sim::Problem;
use hallpass_aws_sim::organization::{self, OrganizationFile, Ou, User};
use hallpass_base::{AccountId, Email, GroupId, PermissionSetArn, Timestamp, UserId};
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use hallpass_rules::{Directory, PersonAttribute, PersonAttributes};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};
use jiff::Unit;
use serde_json::Value;

const PROBLEMS_SHOWN: usize = 20;
const SESSION_DEFAULT: u64 = facts::PERMISSION_SET_SESSION_SECONDS.value as u64;

/// Reads an organization file (`simulator.md` §5).
pub fn read_organization(path: &Path) -> Result<OrganizationFile, Failure> {
    let shown = path.display();
    let text = read_text(path, TEXT_BYTES_MAX)?;
    organization::parse(&text).map_err(|problems| {
        not_an_organization(&format!("`{shown}` is not an organization file"), &problems)
    })
}

/// Ids written in an organization file; the simulator's generated ids are not AWS facts.
#[derive(Debug)]
pub struct StatedIds(Value);

impl StatedIds {
    /// Rereads the raw file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = read_text(path, TEXT_BYTES_MAX)?;
        let value = serde_json::from_str(&text).map_err(|error| {
            Failure::bad_input(format!("`{shown}` is not an organization file: {error}"))
        })?;
        Ok(Self(value))
    }

    pub fn id(&self, pointer: &str) -> Option<String> {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    pub fn ensure_all(&self, pointer: &str, member: &str, why: &str) -> Result<(), Failure> {
        let rows = self.0.pointer(pointer).and_then(Value::as_array);
        let mut rows = rows.into_iter().flatten();
        let Some(row) = rows.find(|row| !row.get(member).is_some_and(Value::is_string)) else {
            return Ok(());
        };
        let name = row.get("name").and_then(Value::as_str).unwrap_or("?");
        Err(Failure::bad_input(format!(
            "`{name}` of `{pointer}` has no `{member}` in the organization file, and {why}"
        ))
        .at("--facts")
        .help("give a file that has the ids of your organization, or leave `--facts` away"))
    }
}

pub fn not_an_organization(message: &str, problems: &[Problem]) -> Failure {
    let mut failure = Failure::bad_input(message);
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        failure = failure.detail(problem.to_string());
    }
    match problems.len().checked_sub(PROBLEMS_SHOWN) {
        Some(more) if more > 0 => failure.detail(format!("and {more} more")),
        _ => failure,
    }
}

pub fn read_directory(path: &Path) -> Result<Directory, Failure> {
    let file = read_organization(path)?;
    directory(&file).map_err(|why| {
        Failure::bad_input(format!("`{}` cannot be decided by: {why}", path.display()))
    })
}

pub fn snapshot(file: &OrganizationFile, now: Timestamp) -> Result<Snapshot, Failure> {
    let known = directory(file).map_err(Failure::bug)?;
    Ok(Snapshot {
        taken_at: Some(now),
        ..Snapshot::from(known)
    })
}

fn directory(file: &OrganizationFile) -> Result<Directory, String> {
    let units = Units::of(&file.ous);
    let center = &file.identity_center;
    let people = center.users.iter().map(person).collect::<Result<_, _>>()?;
    let ids: HashMap<String, UserId> = center
        .users
        .iter()
        .map(|user| Ok((user.user_name.to_lowercase(), user_id(user)?)))
        .collect::<Result<_, String>>()?;
    Ok(Directory::new(Snapshot {
        root_id: file.organization.root.clone(),
        accounts: file
            .accounts
            .iter()
            .map(|account| self::account(account, &units))
            .collect::<Result<_, _>>()?,
        ous: units.paths,
        permission_sets: center
            .permission_sets
            .iter()
            .map(permission_set)
            .collect::<Result<_, _>>()?,
        people,
        groups: center
            .groups
            .iter()
            .map(|group| self::group(group, &ids))
            .collect::<Result<_, _>>()?,
        taken_at: None,
    }))
}

fn account(account: &organization::Account, units: &Units) -> Result<Account, String> {
    Ok(Account {
        id: AccountId::new(account.id.as_str()).map_err(|error| error.to_string())?,
        name: account.name.clone(),
        email: account.email.clone(),
        active: account
            .state
            .as_deref()
            .is_none_or(|state| state == "ACTIVE"),
        ous: account
            .ou
            .as_deref()
            .map(|ou| units.path(ou))
            .unwrap_or_default(),
        tags: account.tags.clone().into(),
    })
}

fn permission_set(set: &organization::PermissionSet) -> Result<PermissionSet, String> {
    let session = match &set.session_duration {
        None => SESSION_DEFAULT,
        Some(text) => seconds(text)
            .ok_or_else(|| format!("`{text}` is not a session duration like `PT8H`"))?,
    };
    Ok(PermissionSet {
        name: set.name.clone(),
        arn: PermissionSetArn::new(set.arn.as_str()).map_err(|error| error.to_string())?,
        session_duration: session,
        description: set.description.clone().unwrap_or_default(),
    })
}

/// An ISO 8601 duration in whole seconds.
fn seconds(text: &str) -> Option<u64> {
    let span: jiff::Span = text.parse().ok()?;
    let whole = span.round(Unit::Second).ok()?.total(Unit::Second).ok()?;
    format!("{whole:.0}").parse().ok()
}

fn user_id(user: &User) -> Result<UserId, String> {
    UserId::new(user.id.as_str()).map_err(|error| error.to_string())
}

fn person(user: &User) -> Result<Person, String> {
    let names = [&user.given_name, &user.family_name];
    let full: Vec<&str> = names.iter().filter_map(|name| name.as_deref()).collect();
    // invalid addresses in the identity store match no one
    let further = user
        .attributes
        .get("Emails")
        .and_then(|emails| emails.as_array());
    let further = further
        .into_iter()
        .flatten()
        .filter_map(|email| email.get("Value").and_then(|value| value.as_str()));
    Ok(Person {
        user_id: user_id(user)?,
        user_name: user.user_name.clone(),
        display_name: user.display_name.clone().unwrap_or_else(|| full.join(" ")),
        emails: user
            .email
            .as_deref()
            .into_iter()
            .chain(further)
            .filter_map(|text| Email::new(text).ok())
            .collect(),
        enabled: user
            .status
            .as_deref()
            .is_none_or(|status| status == "ENABLED"),
        attributes: attributes(user),
    })
}

/// All attributes: the file is complete.
fn attributes(user: &User) -> PersonAttributes {
    let text = |name: &str| user.attributes.get(name).and_then(|value| value.as_str());
    let enterprise = user.attributes.get("Extensions");
    let enterprise = enterprise.and_then(|all| all.get("aws:identitystore:enterprise"));
    let mut read = PersonAttributes::default();
    for attribute in PersonAttribute::ALL {
        let value = match (attribute.of_enterprise(), attribute) {
            (Some(member), _) => enterprise.and_then(|it| it.get(member)).and_then(|value| {
                let inner = value.get("value").unwrap_or(value);
                inner.as_str()
            }),
            (None, PersonAttribute::Title) => user.title.as_deref().or_else(|| text("Title")),
            (None, _) => text("UserType"),
        };
        read.read(attribute, value);
    }
    read
}

fn group(group: &organization::Group, ids: &HashMap<String, UserId>) -> Result<Group, String> {
    let members: BTreeSet<UserId> = group
        .members
        .iter()
        .filter_map(|name| ids.get(&name.to_lowercase()).cloned())
        .collect();
    Ok(Group {
        id: GroupId::new(group.id.as_str()).map_err(|error| error.to_string())?,
        name: group.name.clone(),
        members: Some(members),
    })
}

/// Units by reference: a unique name, else a path `A/B`.
struct Units {
    paths: Vec<Vec<OuRef>>,
    by_name: HashMap<String, usize>,
}

impl Units {
    /// Each pass places children of placed units; in a valid file all get placed.
    fn of(ous: &[Ou]) -> Self {
        let mut units = Self {
            paths: Vec::new(),
            by_name: HashMap::new(),
        };
        let named = |name: &str| ous.iter().filter(|ou| ou.name == name).count();
        let mut waiting: Vec<&Ou> = ous.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|ou| {
                let above = match &ou.parent {
                    None => Vec::new(),
                    Some(parent) => match units.by_name.get(parent) {
                        Some(place) => units.paths.get(*place).cloned().unwrap_or_default(),
                        None => return true,
                    },
                };
                units.place(ou, above, named(&ou.name) == 1);
                false
            });
            if waiting.len() == before {
                return units;
            }
        }
    }

    fn place(&mut self, ou: &Ou, above: Vec<OuRef>, is_unique: bool) {
        let mut path = above;
        path.push(OuRef {
            id: ou.id.clone(),
            name: ou.name.clone(),
        });
        let names: Vec<&str> = path.iter().map(|unit| unit.name.as_str()).collect();
        let place = self.paths.len();
        self.by_name.insert(names.join("/"), place);
        if is_unique {
            self.by_name.insert(ou.name.clone(), place);
        }
        self.paths.push(path);
    }

    fn path(&self, name: &str) -> Vec<OuRef> {
        self.by_name
            .get(name)
            .and_then(|place| self.paths.get(*place))
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"version":1,"seed":7,
        "organization":{"management_account":"111122223333"},
        "ous":[{"name":"Prod","parent":"Workloads"},{"name":"Workloads"},
               {"name":"Prod","parent":"Sandbox"},{"name":"Sandbox"}],
        "accounts":[
          {"id":"111122223333","name":"acme-management","ou":null},
          {"id":"222233334444","name":"payments-prod","ou":"Workloads/Prod","tags":{"env":"prod"}},
          {"id":"333344445555","name":"old","ou":"Sandbox/Prod","state":"SUSPENDED"}],
        "identity_center":{
          "users":[{"user_name":"ana@acme.example","given_name":"Ana","family_name":"Lindqvist",
                    "email":"Ana@Acme.example"},
                   {"user_name":"bo","status":"DISABLED"}],
          "groups":[{"name":"platform","members":["ANA@acme.example"]}],
          "permission_sets":[{"name":"ReadOnly","session_duration":"PT8H30M"},{"name":"Admin"}],
          "assignments":[]}}"#;

    fn sample() -> Directory {
        directory(&organization::parse(FILE).unwrap()).unwrap()
    }

    #[test]
    fn accounts_stand_where_the_file_puts_them() {
        let facts = sample();
        let ous = |id: &str| -> Vec<String> {
            let account = facts.account(&AccountId::new(id).unwrap()).unwrap();
            account.ous.iter().map(|ou| ou.name.clone()).collect()
        };
        assert!(ous("111122223333").is_empty());
        assert_eq!(ous("222233334444"), ["Workloads", "Prod"]);
        assert_eq!(ous("333344445555"), ["Sandbox", "Prod"]);
        let suspended = AccountId::new("333344445555").unwrap();
        assert!(!facts.account(&suspended).unwrap().active);
        assert_eq!(facts.organizational_units().len(), 4);
    }

    #[test]
    fn people_and_groups_have_the_ids_of_the_simulator() {
        let facts = sample();
        let file = organization::parse(FILE).unwrap();
        let ana = Email::new("ana@acme.example").unwrap();
        let person = facts.person_by_email(&ana).unwrap();
        assert_eq!(
            person.user_id.as_str(),
            file.identity_center.users[0].id.as_str()
        );
        assert_eq!(person.display_name, "Ana Lindqvist");
        let group = facts.group_by_name("Platform").unwrap();
        assert!(group.members.as_ref().unwrap().contains(&person.user_id));
        assert!(facts.people().iter().any(|person| !person.enabled));
    }

    #[test]
    fn session_lengths_are_seconds() {
        let facts = sample();
        let session = |name| facts.permission_set_by_name(name).unwrap().session_duration;
        assert_eq!(session("ReadOnly"), 30_600);
        assert_eq!(session("Admin"), 3600);
    }
}
