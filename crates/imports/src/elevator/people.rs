//! Checks addresses in statements that match no user of Identity Center. sso-elevator uses the
//! Slack address of the person who clicks; Hallpass requires a user of the directory (`access.md`
//! §11.5).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Email;
use hallpass_rules::Directory;
use hallpass_rules::directory::NotOnePerson;
use serde_json::Value;

use super::values::spelled_out;
use crate::report::{ReportRow, RowNote, RowOutcome};
use crate::terraform::Setting;

/// sso-elevator's variable for alternative domains.
pub(super) const FALLBACK: &str = "secondary_fallback_email_domains";
pub(super) const FALLBACK_ASKS_ONLY: &str = "users found by one of these domains only may request and \
    approve nothing, in Slack and on the web. Name people in `Approvers` and `AllowedUsers` by their \
    addresses in Identity Center, and let approvers approve on the web, signed in with these, or give Slack \
    the same addresses";
const UNCHECKED: &str = "an approver must be an enabled user of Identity Center, and in Slack use an address \
    of that user; sso-elevator uses the address in Slack only, and its approvers may be no users. `--facts \
    live` shows which are not";
const CHECKED: &str = "an approver must be an enabled user of Identity Center, and in Slack use an address \
    of that user; sso-elevator uses the address in Slack only. The notes of the statements name the others";

/// People in statements, compared with the directory if available.
pub(super) struct NamedPeople<'a> {
    directory: Option<&'a Directory>,
    fallback: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
enum NamedFor {
    Approving,
    Asking,
}

impl NamedFor {
    const ALL: [Self; 2] = [Self::Approving, Self::Asking];

    const fn key(self) -> &'static str {
        match self {
            Self::Approving => "Approvers",
            Self::Asking => "AllowedUsers",
        }
    }

    const fn consequence(self) -> &'static str {
        match self {
            Self::Approving => "can approve nothing",
            Self::Asking => "can request nothing by this statement",
        }
    }
}

impl<'a> NamedPeople<'a> {
    /// Without users in the directory, no one is reported as missing.
    pub(super) fn new(
        directory: Option<&'a Directory>,
        settings: &BTreeMap<String, Setting>,
    ) -> Self {
        let fallback = match settings.get(FALLBACK) {
            Some(Setting::Is(value)) => texts(&spelled_out(value)),
            _ => Vec::new(),
        };
        Self {
            directory: directory.filter(|it| !it.people().is_empty()),
            fallback,
        }
    }

    pub(super) fn notes(&self, statement: &Value) -> Vec<RowNote> {
        let Some(directory) = self.directory else {
            return Vec::new();
        };
        let of = |named: NamedFor| {
            let all = addresses(statement, named);
            let strangers = all.iter().filter(|it| !is_user(directory, it));
            let told: Vec<String> = strangers.map(|it| self.told(directory, it)).collect();
            let note = format!(
                "`{}`: {} {} in Hallpass: name people by the addresses of enabled users",
                named.key(),
                told.join(", "),
                named.consequence()
            );
            (!told.is_empty()).then(|| RowNote::Narrower(note.into()))
        };
        NamedFor::ALL.into_iter().filter_map(of).collect()
    }

    /// An address with its problem, and the correct address if known.
    fn told(&self, directory: &Directory, address: &Email) -> String {
        match directory.person_by_email(address) {
            Ok(_) => format!("`{address}` (a disabled user)"),
            Err(NotOnePerson::Ambiguous) => format!("`{address}` (several users have it)"),
            Err(NotOnePerson::None) => match self.by_fallback(directory, address) {
                Some(own) => format!("`{address}` (write `{own}`, which Identity Center has)"),
                None => format!("`{address}` (no user has it)"),
            },
        }
    }

    /// The address of the only user found through an alternative domain.
    fn by_fallback(&self, directory: &Directory, address: &Email) -> Option<Email> {
        let others = self.fallback.iter().filter_map(|domain| {
            let domain = domain.trim_start_matches('@');
            Email::new(&format!("{}@{domain}", address.local_part())).ok()
        });
        { others }.find(|other| is_user(directory, other))
    }

    /// A row for the whole import; `None` if every approver is a known user.
    pub(super) fn row(&self, file: &str, statements: &[&Value]) -> Option<ReportRow> {
        let approving = statements
            .iter()
            .flat_map(|it| addresses(it, NamedFor::Approving));
        let approving: BTreeSet<Email> = approving.collect();
        let is_known = |address: &Email| {
            self.directory
                .is_some_and(|directory| is_user(directory, address))
        };
        if approving.iter().all(is_known) {
            return None;
        }
        let note = match self.directory {
            Some(_) => CHECKED,
            None => UNCHECKED,
        };
        Some(ReportRow {
            table: "people",
            file: file.to_owned(),
            item: 1,
            line: None,
            id: NamedFor::Approving.key().to_owned(),
            name: String::new(),
            outcome: RowOutcome::Differs,
            rules: Vec::new(),
            notes: vec![RowNote::Narrower(note.into())],
        })
    }
}

fn is_user(directory: &Directory, address: &Email) -> bool {
    let person = directory.person_by_email(address);
    person.is_ok_and(|person| person.enabled)
}

fn addresses(statement: &Value, named: NamedFor) -> BTreeSet<Email> {
    let value = statement.get(named.key()).unwrap_or(&Value::Null);
    let address = |text: &String| {
        let text = text.trim();
        let inner = text.strip_suffix('>').and_then(|it| it.split_once('<'));
        Email::new(inner.map_or(text, |(_, address)| address.trim())).ok()
    };
    texts(value).iter().filter_map(address).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
