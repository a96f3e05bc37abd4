//! Entries for people in configuration and files: a group by name, or one person by address.

use hallpass_base::Email;

const GROUP: &str = "group:";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is neither `group:NAME` nor an e-mail address")]
pub struct BadPeopleEntry {
    entry: String,
    meant: Option<String>,
}

impl BadPeopleEntry {
    pub fn help(&self) -> String {
        match &self.meant {
            Some(meant) => format!("write \"{meant}\""),
            None => "write \"group:NAME\" or \"user@example.com\", or remove the entry".to_owned(),
        }
    }
}

/// Validates an entry of a list of people: `group:NAME`, or an e-mail address.
///
/// # Errors
/// It is neither; such an entry would match no user.
pub fn check_people_entry(entry: &str) -> Result<(), BadPeopleEntry> {
    let is_good = match entry.strip_prefix(GROUP) {
        Some(name) => !name.trim().is_empty(),
        None => Email::new(entry).is_ok(),
    };
    if is_good {
        return Ok(());
    }
    Err(BadPeopleEntry {
        entry: entry.to_owned(),
        meant: meant(entry),
    })
}

fn meant(entry: &str) -> Option<String> {
    let address = entry
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    if let Some((address, _)) = address {
        return Email::new(address).ok().map(|email| email.to_string());
    }
    let name = match entry.split_once(':') {
        Some((_, name)) => name,
        None if entry.contains('@') => return None,
        None => entry,
    };
    let name = name.trim();
    (!name.is_empty()).then(|| format!("{GROUP}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_group_or_an_address() {
        for good in [
            "group:admins",
            "group:Platform Admins",
            "group: blanks ",
            "user@example.com",
        ] {
            assert_eq!(check_people_entry(good), Ok(()), "{good}");
        }
        let both = "write \"group:NAME\" or \"user@example.com\", or remove the entry";
        for (bad, help) in [
            ("admins", "write \"group:admins\""),
            ("groups:admins", "write \"group:admins\""),
            ("Group:admins", "write \"group:admins\""),
            ("Name <a@b>", "write \"a@b\""),
            ("<a@b>", "write \"a@b\""),
            ("group:", both),
            ("group: ", both),
            ("", both),
            (" ", both),
            ("a@b, c@d", both),
            ("a@", both),
            ("Name <a>", both),
        ] {
            let refused = check_people_entry(bad).unwrap_err();
            assert_eq!(refused.help(), help, "{bad}");
        }
    }
}
