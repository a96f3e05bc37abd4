//! People of the report, with their password data from Okta.

use std::collections::BTreeMap;
use std::path::Path;

use hallpass_activity::{PasswordSource, PeopleList};
use hallpass_base::Timestamp;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use serde::Deserialize;

const LIST_BYTES_MAX: u64 = 256 << 20;

pub(super) fn read_people(path: &Path) -> Result<PeopleList, Failure> {
    let text = read_text(path, LIST_BYTES_MAX)?;
    PeopleList::read(&text).map_err(|error| {
        let failure = Failure::bad_input(format!("`{}`: {error}", path.display()));
        failure.help("`aws identitystore list-users --identity-store-id ID` prints it")
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OktaUser {
    #[serde(default)]
    password_changed: Option<Timestamp>,
    profile: OktaProfile,
}

#[derive(Deserialize)]
struct OktaProfile {
    #[serde(default)]
    login: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// Returns the source of external password dates: none, or a saved list of Okta users.
pub(super) fn password_source(
    given: Option<&str>,
    people: &PeopleList,
) -> Result<PasswordSource, Failure> {
    let Some(given) = given else {
        return Ok(PasswordSource::Directory);
    };
    let Some(file) = given.strip_prefix("okta:").filter(|it| !it.is_empty()) else {
        let failure = Failure::bad_input(format!("`--password-from {given}` has no data"));
        return Err(failure.help(
            "save the answers of Okta's `GET /api/v1/users` as one list, and write `okta:` and its file",
        ));
    };
    let text = read_text(Path::new(file), LIST_BYTES_MAX)?;
    let users: Vec<OktaUser> = serde_json::from_str(&text).map_err(|error| {
        Failure::bad_input(format!("`{file}` is no list of Okta's users: {error}"))
    })?;
    let mut by_address: BTreeMap<String, Option<Timestamp>> = BTreeMap::new();
    for user in users {
        let names = [user.profile.email, user.profile.login];
        for name in names.into_iter().flatten() {
            let changed = by_address.entry(name.to_lowercase()).or_default();
            // two users share an address: take the later change, to accuse no one wrongly
            *changed = (*changed).max(user.password_changed);
        }
    }
    let found = people.people.iter().filter_map(|person| {
        let mut names = person.emails.iter().chain([&person.user_name]);
        let changed = names.find_map(|it| *by_address.get(&it.to_lowercase())?)?;
        Some((person.user_id.clone(), changed))
    });
    Ok(PasswordSource::Okta(found.collect()))
}
