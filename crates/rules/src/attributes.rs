//! User attributes for rules, from the identity store and its enterprise extension.

use std::{collections::BTreeMap, collections::BTreeSet, fmt};

use hallpass_base::Glob;
use serde::{Deserialize, Serialize};

/// User attributes other than name and addresses (Identity Store API Reference, "User"; the
/// extension `aws:identitystore:enterprise` has the attributes of RFC 7643, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonAttribute {
    /// Such as `Employee` or `Contractor`.
    UserType,
    Title,
    Department,
    Division,
    Organization,
    CostCenter,
    EmployeeNumber,
    Manager,
}

impl PersonAttribute {
    pub const ALL: [Self; 8] = [
        Self::UserType,
        Self::Title,
        Self::Department,
        Self::Division,
        Self::Organization,
        Self::CostCenter,
        Self::EmployeeNumber,
        Self::Manager,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::UserType => "user_type",
            Self::Title => "title",
            Self::Department => "department",
            Self::Division => "division",
            Self::Organization => "organization",
            Self::CostCenter => "cost_center",
            Self::EmployeeNumber => "employee_number",
            Self::Manager => "manager",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::UserType => "user type",
            Self::Title => "title",
            Self::Department => "department",
            Self::Division => "division",
            Self::Organization => "organization",
            Self::CostCenter => "cost centre",
            Self::EmployeeNumber => "employee number",
            Self::Manager => "manager",
        }
    }

    pub const fn of_enterprise(self) -> Option<&'static str> {
        match self {
            Self::UserType | Self::Title => None,
            Self::Department => Some("department"),
            Self::Division => Some("division"),
            Self::Organization => Some("organization"),
            Self::CostCenter => Some("costCenter"),
            Self::EmployeeNumber => Some("employeeNumber"),
            Self::Manager => Some("manager"),
        }
    }
}

impl fmt::Display for PersonAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The attributes read, which are those that rules use. Absent differs from unread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonAttributes(BTreeMap<PersonAttribute, Option<String>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    Unread,
    Absent,
    Is(&'a str),
}

impl PersonAttributes {
    pub fn read(&mut self, attribute: PersonAttribute, value: Option<&str>) {
        let value = value.map(str::trim).filter(|value| !value.is_empty());
        self.0.insert(attribute, value.map(str::to_owned));
    }

    pub(crate) fn add(&mut self, others: &Self) {
        for (attribute, value) in &others.0 {
            let known = self.0.entry(*attribute);
            known.or_insert_with(|| value.clone());
        }
    }

    pub fn differ_from(&self, known: &Self) -> bool {
        let mut read = self.0.iter();
        read.any(|(attribute, value)| known.0.get(attribute) != Some(value))
    }

    pub fn is_unread(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, attribute: PersonAttribute) -> Known<'_> {
        match self.0.get(&attribute) {
            None => Known::Unread,
            Some(None) => Known::Absent,
            Some(Some(value)) => Known::Is(value),
        }
    }
}

/// A condition: the attribute has one of the values and none of the excluded ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AttributeMatch {
    pub(crate) attribute: PersonAttribute,
    pub(crate) values: BTreeSet<Glob>,
    pub(crate) except: BTreeSet<Glob>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasAttributes {
    Yes,
    No,
    Unread,
}

pub(crate) fn judge(wanted: &BTreeSet<AttributeMatch>, has: &PersonAttributes) -> HasAttributes {
    let mut unread = false;
    for want in wanted {
        match has.get(want.attribute) {
            Known::Is(value) if want.matches(value) => {}
            Known::Is(_) | Known::Absent => return HasAttributes::No,
            Known::Unread => unread = true,
        }
    }
    if unread {
        HasAttributes::Unread
    } else {
        HasAttributes::Yes
    }
}

/// Conditions with the semantics of `requester_attributes`: every attribute, with one of its values
/// and none of the excluded ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeConditions(pub(crate) BTreeSet<AttributeMatch>);

impl AttributeConditions {
    /// Parses attribute names with values: case-insensitive globs, `!` excludes.
    pub fn read<'a>(
        entries: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, String> {
        let mut matches = BTreeSet::new();
        for (name, texts) in entries {
            let mut known = PersonAttribute::ALL.into_iter();
            let Some(attribute) = known.find(|it| it.name() == name) else {
                let names = PersonAttribute::ALL.map(|it| format!("`{}`", it.name()));
                return Err(format!(
                    "`{name}` is no attribute of people; these are: {}",
                    names.join(", ")
                ));
            };
            let (mut values, mut except) = (BTreeSet::new(), BTreeSet::new());
            for text in texts {
                let (list, value) = match text.strip_prefix('!') {
                    Some(rest) => (&mut except, rest.trim()),
                    None => (&mut values, text.trim()),
                };
                if value.is_empty() || value.starts_with('!') {
                    return Err(format!("`{name}` has `{text}`, which is not a value"));
                }
                list.insert(Glob::new(value));
            }
            if values.is_empty() {
                return Err(format!("`{name}` selects nothing: name values"));
            }
            matches.insert(AttributeMatch {
                attribute,
                values,
                except,
            });
        }
        if matches.is_empty() {
            return Err("no attribute is named".to_owned());
        }
        Ok(Self(matches))
    }

    pub fn judge(&self, has: &PersonAttributes) -> HasAttributes {
        judge(&self.0, has)
    }

    pub fn attributes(&self) -> impl Iterator<Item = PersonAttribute> {
        self.0.iter().map(|want| want.attribute)
    }
}

impl AttributeMatch {
    pub(crate) fn matches(&self, value: &str) -> bool {
        let any = |globs: &BTreeSet<Glob>| globs.iter().any(|glob| glob.matches(value));
        any(&self.values) && !any(&self.except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &[&str])]) -> Result<AttributeConditions, String> {
        let owned: Vec<(&str, Vec<String>)> = entries
            .iter()
            .map(|(name, texts)| (*name, texts.iter().map(|it| (*it).to_owned()).collect()))
            .collect();
        AttributeConditions::read(owned.iter().map(|(name, texts)| (*name, texts.as_slice())))
    }

    #[test]
    fn all_of_it_is_wanted_and_what_was_not_read_is_not_no() {
        let wanted = read(&[
            ("department", &["Pay*"]),
            ("user_type", &["*", "!Contractor"]),
        ]);
        let wanted = wanted.unwrap();
        let judge = |read: &[(PersonAttribute, Option<&str>)]| {
            let mut has = PersonAttributes::default();
            for (attribute, value) in read {
                has.read(*attribute, *value);
            }
            wanted.judge(&has)
        };
        let (department, kind) = (PersonAttribute::Department, PersonAttribute::UserType);
        for (read, judged) in [
            (
                vec![(department, Some("payments")), (kind, Some("Employee"))],
                HasAttributes::Yes,
            ),
            (
                vec![(department, Some("PAYMENTS")), (kind, Some("contractor"))],
                HasAttributes::No,
            ),
            (
                vec![(department, Some("payments")), (kind, None)],
                HasAttributes::No,
            ),
            (vec![(department, Some("payments"))], HasAttributes::Unread),
            (vec![(department, Some("legal"))], HasAttributes::No),
            (vec![], HasAttributes::Unread),
        ] {
            assert_eq!(judge(&read), judged, "{read:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (entries, said) in [
            (vec![("team", &["x"][..])], "`team`"),
            (vec![("department", &[][..])], "selects nothing"),
            (vec![("department", &["!legal"][..])], "selects nothing"),
            (vec![("department", &[" "][..])], "not a value"),
            (vec![], "no attribute"),
        ] {
            let told = read(&entries).unwrap_err();
            assert!(told.contains(said), "{told}");
        }
    }
}
