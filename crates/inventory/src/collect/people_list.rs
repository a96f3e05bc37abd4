//! Users of other directories from exported lists: API answers, or CSV (`inventory.md` K-7).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::collect::csv::csv;
use crate::collect::documents::text;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeopleForm {
    /// SCIM 2.0 (RFC 7643 §4.1): users, or the `Resources` of a listing.
    Scim,
    /// Google Workspace (Directory API, `users.list`).
    Google,
    /// Microsoft Entra ID (Microsoft Graph, "List users").
    Entra,
}

impl PeopleForm {
    const ALL: [Self; 3] = [Self::Scim, Self::Google, Self::Entra];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Google => "google",
            Self::Entra => "entra",
        }
    }

    pub const fn table(self) -> &'static str {
        match self {
            Self::Scim => "scim_users",
            Self::Google => "google_users",
            Self::Entra => "entra_users",
        }
    }

    const fn list(self) -> &'static str {
        match self {
            Self::Scim => "Resources",
            Self::Google => "users",
            Self::Entra => "value",
        }
    }

    fn status(self, person: &Value) -> &'static str {
        let is = |name: &str, value: bool| person.get(name) == Some(&Value::Bool(value));
        match self {
            Self::Google if person.get("deletionTime").is_some() => "DEPROVISIONED",
            Self::Scim if is("active", false) => "SUSPENDED",
            Self::Google if is("suspended", true) || is("archived", true) => "SUSPENDED",
            Self::Entra if is("accountEnabled", false) => "SUSPENDED",
            _ => "ACTIVE",
        }
    }

    fn email(self, person: &Value) -> Option<&str> {
        match self {
            Self::Google => text(person, "primaryEmail"),
            Self::Entra => text(person, "mail").or_else(|| text(person, "userPrincipalName")),
            Self::Scim => {
                let all = person.get("emails").and_then(Value::as_array);
                let all = all.map_or(&[][..], Vec::as_slice);
                let is_primary = |it: &&Value| it.get("primary") == Some(&Value::Bool(true));
                let chosen = all.iter().find(is_primary).or(all.first());
                chosen.and_then(|it| text(it, "value"))
            }
        }
    }
}

impl fmt::Display for PeopleForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PeopleForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| "one of scim, google, entra".to_owned())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleList {
    form: PeopleForm,
    rows: Vec<Value>,
}

impl PeopleList {
    /// Parses a page of the directory's API, an array of pages or of users, or CSV with the columns
    /// `id`, `email`, optional `status` (default active) and any others.
    pub fn read(form: PeopleForm, content: &str) -> Result<Self, String> {
        let content = content.trim_start_matches('\u{feff}');
        let is_json = content.trim_start().starts_with(['{', '[']);
        let rows = if is_json {
            let document: Value =
                serde_json::from_str(content).map_err(|error| error.to_string())?;
            of_json(form, &document)?
        } else {
            of_csv(content)?
        };
        let mut ids = BTreeSet::new();
        for row in &rows {
            let id = text(row, "id").unwrap_or_default();
            if !ids.insert(id) {
                return Err(format!("`{id}` is there twice"));
            }
        }
        Ok(Self { form, rows })
    }

    pub const fn form(&self) -> PeopleForm {
        self.form
    }

    pub fn rows(&self) -> &[Value] {
        &self.rows
    }
}

fn of_json(form: PeopleForm, document: &Value) -> Result<Vec<Value>, String> {
    let pages = match document {
        Value::Array(pages) => pages.as_slice(),
        page => std::slice::from_ref(page),
    };
    let mut rows = Vec::new();
    for page in pages {
        let people = match page.get(form.list()) {
            Some(Value::Array(people)) => people.as_slice(),
            Some(_) => return Err(format!("`{}` is no list", form.list())),
            // a single user; an empty page may omit the list
            None if page.get("id").is_some() => std::slice::from_ref(page),
            None if document.is_object() => {
                return Err(format!("there is no `{}` in it", form.list()));
            }
            None => return Err(format!("person {}: there is no `id`", rows.len() + 1)),
        };
        for person in people {
            let place = rows.len() + 1;
            let none = || format!("person {place}: there is no `id`");
            let id = text(person, "id").ok_or_else(none)?;
            let members = person.as_object().cloned().unwrap_or_default();
            rows.push(row(id, form.status(person), form.email(person), members));
        }
    }
    Ok(rows)
}

fn of_csv(content: &str) -> Result<Vec<Value>, String> {
    let mut lines = csv(content).into_iter();
    let head = lines.next().unwrap_or_default();
    for needed in ["id", "email"] {
        if !head.iter().any(|it| it == needed) {
            return Err(format!(
                "it is not JSON and not CSV with a column `{needed}`"
            ));
        }
    }
    let mut rows = Vec::new();
    for (number, line) in lines.enumerate() {
        if line.len() != head.len() {
            let (found, wanted) = (line.len(), head.len());
            return Err(format!(
                "row {}: {found} cells, and the head has {wanted}",
                number + 1
            ));
        }
        let cells = head.iter().cloned().zip(line.into_iter().map(Value::from));
        let members: Map<String, Value> = cells.collect();
        let of = |name: &str| {
            members
                .get(name)
                .and_then(Value::as_str)
                .filter(|it| !it.is_empty())
        };
        let id = of("id").ok_or_else(|| format!("row {}: there is no `id`", number + 1))?;
        let status = of("status").unwrap_or("ACTIVE").to_uppercase();
        rows.push(row(id, &status, of("email"), members.clone()));
    }
    Ok(rows)
}

fn row(id: &str, status: &str, email: Option<&str>, mut profile: Map<String, Value>) -> Value {
    profile.insert("email".to_owned(), email.map_or(Value::Null, Value::from));
    json!({ "id": id, "status": status, "profile": profile })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: PeopleForm, content: &str) -> Result<Vec<(String, String, Value)>, String> {
        let list = PeopleList::read(form, content)?;
        let of = |row: &Value, name: &str| text(row, name).unwrap_or_default().to_owned();
        let rows = list.rows().iter().map(|it| {
            let email = it.pointer("/profile/email").cloned().unwrap_or_default();
            (of(it, "id"), of(it, "status"), email)
        });
        Ok(rows.collect())
    }

    fn person(id: &str, status: &str, email: Value) -> (String, String, Value) {
        (id.to_owned(), status.to_owned(), email)
    }

    #[test]
    fn each_directory_is_read_in_its_own_words() {
        let scim = r#"[{"Resources": [{"id": "1", "active": true, "emails": [{"value": "old@x.test"}, {"value": "a@x.test", "primary": true}]}]},
            {"Resources": [{"id": "2", "active": false}]}]"#;
        assert_eq!(
            read(PeopleForm::Scim, scim),
            Ok(vec![
                person("1", "ACTIVE", json!("a@x.test")),
                person("2", "SUSPENDED", Value::Null)
            ])
        );
        let google = r#"{"users": [{"id": "1", "primaryEmail": "a@x.test", "suspended": false},
            {"id": "2", "primaryEmail": "b@x.test", "suspended": true}, {"id": "3", "archived": true},
            {"id": "4", "deletionTime": "2026-01-01T00:00:00Z", "suspended": true}]}"#;
        assert_eq!(
            read(PeopleForm::Google, google),
            Ok(vec![
                person("1", "ACTIVE", json!("a@x.test")),
                person("2", "SUSPENDED", json!("b@x.test")),
                person("3", "SUSPENDED", Value::Null),
                person("4", "DEPROVISIONED", Value::Null),
            ])
        );
        let entra = r#"[{"id": "1", "accountEnabled": true, "mail": null, "userPrincipalName": "a@x.test"},
            {"id": "2", "accountEnabled": false, "mail": "b@x.test", "userPrincipalName": "b@y.test"}]"#;
        assert_eq!(
            read(PeopleForm::Entra, entra),
            Ok(vec![
                person("1", "ACTIVE", json!("a@x.test")),
                person("2", "SUSPENDED", json!("b@x.test"))
            ])
        );
        let list = PeopleList::read(PeopleForm::Google, google).unwrap();
        assert_eq!(list.rows()[0]["profile"]["primaryEmail"], "a@x.test");
    }

    #[test]
    fn csv_of_any_directory_is_read() {
        let content = "\u{feff}id,email,status,team\r\n1,a@x.test,active,\"ops, EU\"\r\n2,,Deprovisioned,\r\n3,c@x.test,,x\r\n";
        assert_eq!(
            read(PeopleForm::Scim, content),
            Ok(vec![
                person("1", "ACTIVE", json!("a@x.test")),
                person("2", "DEPROVISIONED", Value::Null),
                person("3", "ACTIVE", json!("c@x.test")),
            ])
        );
        let list = PeopleList::read(PeopleForm::Entra, content).unwrap();
        assert_eq!(list.rows()[0]["profile"]["team"], "ops, EU");
    }

    #[test]
    fn what_is_no_list_of_people_is_refused_with_its_place() {
        for (form, content, why) in [
            (PeopleForm::Scim, "{}", "there is no `Resources` in it"),
            (
                PeopleForm::Scim,
                r#"{"Resources": 1}"#,
                "`Resources` is no list",
            ),
            (
                PeopleForm::Entra,
                r#"{"value": [{"id": "1"}, {"mail": "x"}]}"#,
                "person 2: there is no `id`",
            ),
            (
                PeopleForm::Google,
                r#"[{"id": "1"}, {"primaryEmail": "x"}]"#,
                "person 2: there is no `id`",
            ),
            (
                PeopleForm::Google,
                r#"[{"id": "1"}, {"id": "1"}]"#,
                "`1` is there twice",
            ),
            (
                PeopleForm::Scim,
                "",
                "it is not JSON and not CSV with a column `id`",
            ),
            (
                PeopleForm::Scim,
                "id,name\n1,a",
                "it is not JSON and not CSV with a column `email`",
            ),
            (
                PeopleForm::Scim,
                "id,email\n1",
                "row 1: 1 cells, and the head has 2",
            ),
            (
                PeopleForm::Scim,
                "id,email\n,a@x.test",
                "row 1: there is no `id`",
            ),
        ] {
            assert_eq!(read(form, content), Err(why.to_owned()), "{content}");
        }
        assert!(read(PeopleForm::Scim, "[{").is_err());
        assert_eq!(
            read(PeopleForm::Scim, r#"{"Resources": []}"#),
            Ok(Vec::new())
        );
    }
}
