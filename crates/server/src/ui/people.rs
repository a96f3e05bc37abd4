use hallpass_access::{Directory, Grant};
use hallpass_base::{AccountId, Email, Target, TargetNames, UserId};
pub(crate) use hallpass_channels::wording::lists::number as counted;

use super::shell::url_encoded;
use super::words::{initials, plain};

const TONES: u8 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) tone: u8,
}

impl Face {
    /// The color is stable per user.
    pub(crate) fn new(name: &str, email: &str) -> Self {
        let sum = email.bytes().fold(0_u8, u8::wrapping_add);
        Self {
            name: plain(name),
            email: email.to_owned(),
            initials: initials(name),
            tone: sum % TONES + 1,
        }
    }
}

pub(crate) fn person_address(user: &UserId) -> String {
    format!("/people/{user}")
}

/// The page of every path of a user into accounts.
pub(crate) fn paths_of(user: &str) -> String {
    format!("/access/paths?person={}", url_encoded(user))
}

pub(crate) fn name_of(directory: &Directory, email: &str) -> String {
    let known = Email::new(email)
        .ok()
        .and_then(|email| directory.person_by_email(&email).ok());
    known
        .map(|person| plain(&person.display_name))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| plain(email))
}

pub(crate) fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GrantPlace {
    pub(crate) is_group: bool,
    pub(crate) name: String,
    /// Twelve digits; empty for groups.
    pub(crate) id: String,
    pub(crate) folder: String,
}

impl GrantPlace {
    /// Whether the folder name indicates production.
    pub(crate) fn is_prod(&self) -> bool {
        hallpass_access::is_production(&self.folder)
    }
}

/// Uses current names if the directory has them.
pub(crate) fn place(directory: &Directory, target: &Target, names: &TargetNames) -> GrantPlace {
    match (target, names) {
        (Target::Account { account, .. }, names) => {
            let stored = match names {
                TargetNames::Account { account, .. } => account,
                TargetNames::Group { .. } => account.as_str(),
            };
            account_place(directory, account, stored)
        }
        (Target::Group { .. }, names) => GrantPlace {
            is_group: true,
            name: match names {
                TargetNames::Group { group } => plain(group),
                TargetNames::Account { account, .. } => plain(account),
            },
            ..GrantPlace::default()
        },
    }
}

/// Uses the current name if the directory has it.
pub(crate) fn account_place(
    directory: &Directory,
    account: &AccountId,
    stored: &str,
) -> GrantPlace {
    let known = directory.account(account);
    GrantPlace {
        is_group: false,
        name: plain(known.map_or(stored, |known| &known.name)),
        id: account.to_string(),
        folder: folder(directory, account),
    }
}

fn folder(directory: &Directory, account: &AccountId) -> String {
    let Some(known) = directory.account(account) else {
        return String::new();
    };
    let names: Vec<String> = known
        .ous
        .iter()
        .filter(|ou| ou.id != directory.root_id())
        .map(|ou| plain(&ou.name))
        .collect();
    names.join(" / ")
}

pub(crate) fn held(names: &TargetNames) -> String {
    match names {
        TargetNames::Account { permission_set, .. } => plain(permission_set),
        TargetNames::Group { .. } => "Membership".to_owned(),
    }
}

pub(crate) fn target(directory: &Directory, grant: &Grant) -> String {
    target_of(directory, &grant.key.target, &grant.names)
}

pub(crate) fn target_of(directory: &Directory, target: &Target, names: &TargetNames) -> String {
    let place = place(directory, target, names);
    if place.is_group {
        format!("group {}", place.name)
    } else {
        format!("{} / {}", place.name, held(names))
    }
}

pub(crate) type CodedPiece = (bool, String);

pub(crate) fn coded(text: &str) -> Vec<CodedPiece> {
    text.split('`')
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(place, piece)| (place % 2 == 1, piece.to_owned()))
        .collect()
}

pub(crate) fn count_of(number: usize, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", counted(number as u64))
}

pub(crate) fn shown_of(shown: usize, all: usize, (one, many): (&str, &str)) -> Option<String> {
    (all > 0).then(|| format!("{} of {}.", counted(shown as u64), count_of(all, one, many)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_cannot_turn_the_text() {
        let face = Face::new("Ana\u{202e}<b>", "ana@corp.example");
        assert_eq!(face.name, "Ana␦<b>");
    }
}
