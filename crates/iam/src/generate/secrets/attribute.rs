use std::str::FromStr;

use hallpass_aws_model::facts;

use crate::generate::Many;
use crate::input::BadInput;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    key: String,
    values: Vec<String>,
}

/// Characters.
const KEY_MAX: usize = facts::TAG_KEY_CHARACTERS.count();
/// Characters.
const VALUE_MAX: usize = facts::TAG_VALUE_CHARACTERS.count();

impl Attribute {
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// `secretsmanager:ResourceTag/KEY`
    pub(super) fn on_secret(&self) -> String {
        format!("secretsmanager:ResourceTag/{}", self.key)
    }

    /// `aws:RequestTag/KEY`
    pub(super) fn in_request(&self) -> String {
        format!("aws:RequestTag/{}", self.key)
    }

    /// `${aws:PrincipalTag/KEY}`
    pub(super) fn of_principal(&self) -> Many {
        Many::one(format!("${{aws:PrincipalTag/{}}}", self.key))
    }

    pub(super) fn allowed(&self) -> Many {
        Many::list(self.values.iter().map(String::as_str))
    }
}

impl FromStr for Attribute {
    type Err = BadInput;

    /// Parses `KEY=VALUE,VALUE`.
    ///
    /// # Errors
    /// `E_ATTR` without values, `E_TAG` for an invalid tag.
    fn from_str(text: &str) -> Result<Self, BadInput> {
        let wrong = |code, message: String| Err(BadInput::new(code, message, "--attr"));
        let Some((key, list)) = text.split_once('=') else {
            return wrong(
                "E_ATTR",
                format!("`{text}` has no values: write KEY=VALUE,VALUE"),
            );
        };
        let mut values: Vec<String> = Vec::new();
        for value in list.split(',') {
            if value.is_empty() {
                return wrong(
                    "E_ATTR",
                    format!("`{text}` has an empty value: write KEY=VALUE,VALUE"),
                );
            }
            if value.chars().count() > VALUE_MAX || !value.chars().all(is_of_tag) {
                return wrong(
                    "E_TAG",
                    format!(
                        "`{value}` cannot be the value of a tag: at most {VALUE_MAX} letters, digits, \
                     blanks and _ . : / = + - @"
                    ),
                );
            }
            if !values.iter().any(|it| it == value) {
                values.push(value.to_owned());
            }
        }
        if key.is_empty() {
            return wrong(
                "E_ATTR",
                format!("`{text}` has no key: write KEY=VALUE,VALUE"),
            );
        }
        if key.chars().count() > KEY_MAX || !key.chars().all(is_of_tag) {
            return wrong(
                "E_TAG",
                format!(
                    "`{key}` cannot be the key of a tag: at most {KEY_MAX} letters, digits, blanks and \
                 _ . : / = + - @"
                ),
            );
        }
        if key.to_lowercase().starts_with("aws:") {
            return wrong(
                "E_TAG",
                format!("`{key}`: keys that begin with aws: are reserved"),
            );
        }
        Ok(Self {
            key: key.to_owned(),
            values,
        })
    }
}

fn is_of_tag(character: char) -> bool {
    character.is_alphanumeric() || " _.:/=+-@".contains(character)
}
