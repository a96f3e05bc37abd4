//! `[vending]`: defaults for all account lists.

use std::collections::BTreeMap;

use hallpass_aws::BucketPlace;
use hallpass_base::Email;
use hallpass_org::vending::tag_fault;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

const ASSIGN: &str = "vending.assign";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VendingTable {
    assign: Vec<AssignEntry>,
    mail_to: Vec<String>,
    tags: BTreeMap<String, String>,
    org_unit: Option<String>,
    sso_user: Option<SsoUserEntry>,
    bucket: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SsoUserEntry {
    email: String,
    first_name: String,
    last_name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignEntry {
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    user: Option<String>,
    permission_set: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfiguredPrincipal {
    /// By name or id.
    Group(String),
    /// By name or address.
    User(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredAccess {
    pub who: ConfiguredPrincipal,
    /// By name or ARN.
    pub permission_set: String,
    pub place: &'static str,
}

impl Loaded {
    /// Default access if rows and flags set none.
    ///
    /// # Errors
    /// Exit 2 for an entry without a principal, or with two.
    pub fn vending_access(&self) -> Result<Vec<ConfiguredAccess>, Failure> {
        let read = |entry: &AssignEntry| {
            let who = match (&entry.group, &entry.user) {
                (Some(group), None) => ConfiguredPrincipal::Group(group.clone()),
                (None, Some(user)) => ConfiguredPrincipal::User(user.clone()),
                (None, None) | (Some(_), Some(_)) => {
                    let text = "an entry names either a `group` or a `user`";
                    let help =
                        "assign = [{ group = \"Developers\", permission_set = \"ReadOnly\" }]";
                    return Err(Failure::bad_input(text).at(ASSIGN).help(help));
                }
            };
            Ok(ConfiguredAccess {
                who,
                permission_set: entry.permission_set.clone(),
                place: ASSIGN,
            })
        };
        self.config.vending.assign.iter().map(read).collect()
    }

    pub fn vending_tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let tags = &self.config.vending.tags;
        for (key, value) in tags {
            if let Some(fault) = tag_fault(key, value) {
                return Err(Failure::bad_input(fault).at("vending.tags"));
            }
        }
        Ok(tags.clone())
    }

    /// Defaults of empty cells, by column.
    pub fn vending_defaults(&self) -> Result<BTreeMap<String, String>, Failure> {
        let table = &self.config.vending;
        let mut defaults = BTreeMap::new();
        if let Some(unit) = &table.org_unit {
            defaults.insert("OrgUnit", ("vending.org_unit", unit));
        }
        if let Some(user) = &table.sso_user {
            let key = "vending.sso_user.email";
            Email::new(&user.email)
                .map_err(|error| Failure::bad_input(error.to_string()).at(key))?;
            defaults.insert("SSOUserEmail", (key, &user.email));
            let key = "vending.sso_user.first_name";
            defaults.insert("SSOUserFirstName", (key, &user.first_name));
            let key = "vending.sso_user.last_name";
            defaults.insert("SSOUserLastName", (key, &user.last_name));
        }
        let read = |(column, (key, value)): (&str, (&str, &String))| {
            if value.trim().is_empty() {
                let text = "it is empty: leave it out, or say what empty cells mean";
                return Err(Failure::bad_input(text).at(key));
            }
            Ok((column.to_owned(), value.clone()))
        };
        defaults.into_iter().map(read).collect()
    }

    /// Drop location of lists, if configured.
    ///
    /// # Errors
    /// Exit 2 for an invalid place, or without an event queue.
    pub fn vending_bucket(&self) -> Result<Option<BucketPlace>, Failure> {
        let Some(text) = &self.config.vending.bucket else {
            return Ok(None);
        };
        let key = "vending.bucket";
        let unusable = |what: String| {
            Failure::bad_input(what)
                .at(key)
                .help("bucket = \"s3://lists/new\"")
        };
        let place = BucketPlace::parse(text).map_err(unusable)?;
        let place = place.ok_or_else(|| unusable(format!("`{text}` is no place in a bucket")))?;
        if self.event_queue()?.is_none() {
            let text = "`vending.bucket` is given, and no queue brings its events";
            return Err(Failure::bad_input(text).at(key).help(
                "name the queue in `events.queue`, and send `Object Created` of the bucket there",
            ));
        }
        Ok(Some(place))
    }

    /// Extra mail recipients of lists, next to the people in rows; empty: no mails.
    pub fn vending_mail(&self) -> Result<Vec<Email>, Failure> {
        let read = |text: &String| {
            let key = "vending.mail_to";
            Email::new(text).map_err(|error| Failure::bad_input(error.to_string()).at(key))
        };
        let readers: Vec<Email> = self
            .config
            .vending
            .mail_to
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        if !readers.is_empty() && self.config.mail.url.is_none() {
            let text = "`vending.mail_to` is given, and `mail.url` is not";
            return Err(Failure::bad_input(text).help("docs/reference/notifications.md"));
        }
        Ok(readers)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    fn loaded(text: &str) -> Loaded {
        Loaded {
            config: parse(&format!("[vending]\n{text}"), "h.toml").unwrap(),
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn access_names_a_group_or_a_person() {
        assert_eq!(loaded("").vending_access().unwrap(), []);
        let text = "assign = [{ group = \"Dev\", permission_set = \"Read\" }, { user = \"ana\", permission_set = \"Write\" }]\n";
        let found = loaded(text).vending_access().unwrap();
        assert_eq!(found[0].who, ConfiguredPrincipal::Group("Dev".to_owned()));
        assert_eq!(found[1].who, ConfiguredPrincipal::User("ana".to_owned()));
        for names in ["", "group = \"a\", user = \"b\", "] {
            let refused = loaded(&format!(
                "assign = [{{ {names}permission_set = \"Read\" }}]\n"
            ));
            let words = refused.vending_access().unwrap_err().words();
            assert!(words.contains("either a `group` or a `user`"), "{words}");
        }
    }

    #[test]
    fn tags_and_defaults_are_what_aws_takes() {
        assert!(loaded("").vending_tags().unwrap().is_empty());
        assert!(loaded("").vending_defaults().unwrap().is_empty());
        let tags = |text: &str| loaded(&format!("tags = {{ {text} }}\n")).vending_tags();
        assert_eq!(tags("team = \"shop\"").unwrap()["team"], "shop");
        let words = tags("\"AWS:x\" = \"1\"").unwrap_err().words();
        assert!(words.contains("for AWS alone"), "{words}");
        let user = "sso_user = { email = \"ops@acme.example\", first_name = \"Ops\", last_name = \"Team\" }\n";
        let found = loaded(&format!("org_unit = \"Sandbox\"\n{user}"));
        let found = found.vending_defaults().unwrap();
        assert_eq!((found["OrgUnit"].as_str(), found.len()), ("Sandbox", 4));
        for text in [
            "org_unit = \" \"\n",
            &user.replace("ops@acme.example", "ops"),
        ] {
            assert!(loaded(text).vending_defaults().is_err(), "{text}");
        }
    }

    #[test]
    fn mails_need_a_server_and_addresses() {
        assert_eq!(loaded("").vending_mail().unwrap(), []);
        let words = |text: &str| loaded(text).vending_mail().unwrap_err().words();
        assert!(words("mail_to = [\"ops@acme.example\"]\n").contains("mail.url"));
        let server = "[mail]\nurl = \"smtp://127.0.0.1:25\"\n";
        assert!(words(&format!("mail_to = [\"ops\"]\n{server}")).contains("ops"));
        let good = loaded(&format!("mail_to = [\"ops@acme.example\"]\n{server}"));
        assert_eq!(good.vending_mail().unwrap().len(), 1);
    }
}
