//! Session tags of an assertion, and their later changes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::assertion::Assertion;
use super::map::{AttributeMap, check_arn, check_duration, check_key, same_key};
use super::{
    ACCESS_CONTROL, PRINCIPAL_TAG, SAML, SOURCE_CLAIM, TAGS_CLAIM, TAGS_MAX, VALUE_MAX, is_tag_char,
};
use crate::input::BadInput;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SessionTags {
    pub tags: BTreeMap<String, String>,
    pub transitive: Vec<String>,
    /// `aws:SourceIdentity`
    pub source_identity: Option<String>,
    /// `aws:userid` ends in it.
    pub role_session_name: Option<String>,
    pub session_duration: Option<u64>,
    pub roles: Vec<String>,
    /// Legal but suspicious input.
    pub warnings: Vec<String>,
}

impl SessionTags {
    /// `aws:PrincipalTag`: session tags override role tags.
    pub fn principal_tags(&self, role: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = |key: &String| self.tags.keys().any(|it| same_key(it, key));
        let mut tags: BTreeMap<String, String> = role
            .iter()
            .filter(|(key, _)| !own(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        tags.extend(self.tags.clone());
        tags
    }

    /// Tags after role chaining: transitive ones stay and cannot be overridden; the others are
    /// removed.
    ///
    /// # Errors
    /// `E_DUP_TAG` for overriding a transitive tag, as in STS.
    pub fn chained(&self, next: &BTreeMap<String, String>) -> Result<Self, BadInput> {
        let stays = |key: &str| self.transitive.iter().any(|it| same_key(it, key));
        if let Some(key) = next.keys().find(|key| stays(key)) {
            let message = format!("`{key}` is transitive: the next session cannot set it");
            return Err(BadInput::new("E_DUP_TAG", message, ""));
        }
        let mut tags: BTreeMap<String, String> = self
            .tags
            .iter()
            .filter(|(key, _)| stays(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        tags.extend(next.clone());
        Ok(Self {
            tags,
            transitive: self.transitive.clone(),
            source_identity: self.source_identity.clone(),
            ..Self::default()
        })
    }
}

/// Tags from an assertion, and in Identity Center from the identity store: `store` is path → value,
/// as in `enterprise.department`.
///
/// # Errors
/// `E_MULTI` for an attribute with two values, `E_DUP_TAG` for one key in two spellings, `E_TAG`
/// and `E_LIMIT` for STS refusals, `E_DURATION`, `E_ARN`.
pub fn session_tags(
    map: &AttributeMap,
    assertion: &Assertion,
    store: &BTreeMap<String, String>,
) -> Result<SessionTags, BadInput> {
    let mut session = SessionTags::default();
    match assertion {
        Assertion::Saml(attributes) => {
            let begins = |prefix: &str| attributes.iter().any(|(name, _)| name.starts_with(prefix));
            let offers_roles = attributes
                .iter()
                .any(|(name, _)| *name == format!("{SAML}Role"));
            let is_center = begins(ACCESS_CONTROL) || !(begins(PRINCIPAL_TAG) || offers_roles);
            if is_center {
                from_store(&mut session, map, store)?;
            }
            let prefix = if is_center {
                ACCESS_CONTROL
            } else {
                PRINCIPAL_TAG
            };
            let mut sent = Vec::new();
            for (name, values) in attributes {
                match name.strip_prefix(prefix) {
                    Some(key) => sent.push((key, values, name.as_str())),
                    None => session.aside(name, values, is_center)?,
                }
            }
            session.take(&sent)?;
            session.warn_of(map, &sent, is_center);
        }
        Assertion::Oidc {
            tags,
            transitive,
            source_identity,
        } => {
            let sent: Vec<_> = tags
                .iter()
                .map(|(key, values)| (key.as_str(), values, TAGS_CLAIM))
                .collect();
            session.take(&sent)?;
            session.warn_of(map, &sent, false);
            session.transitive.clone_from(transitive);
            session.source_identity.clone_from(source_identity);
            if map.source_identity.is_some() && source_identity.is_none() {
                session
                    .warnings
                    .push(format!("the claim {SOURCE_CLAIM} is missing"));
            }
        }
    }
    session.finish(map)?;
    Ok(session)
}

fn from_store(
    session: &mut SessionTags,
    map: &AttributeMap,
    store: &BTreeMap<String, String>,
) -> Result<(), BadInput> {
    for tag in &map.tags {
        let value = tag.path.as_ref().and_then(|path| store.get(path));
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            check_value(&tag.key, value, "the identity store")?;
            session.tags.insert(tag.key.clone(), value.clone());
        }
    }
    Ok(())
}

type SentTag<'a> = (&'a str, &'a Vec<String>, &'a str);

impl SessionTags {
    /// Assertion tags override the identity store.
    fn take(&mut self, sent: &[SentTag<'_>]) -> Result<(), BadInput> {
        for (number, (key, values, name)) in sent.iter().enumerate() {
            check_key(key, name)?;
            let earlier = sent.iter().take(number);
            let twin = earlier.map(|(key, ..)| key).find(|it| same_key(it, key));
            if let Some(twin) = twin {
                let message = format!("`{twin}` and `{key}` are one key: send it once");
                return Err(BadInput::new("E_DUP_TAG", message, *name));
            }
            let value = match values.as_slice() {
                [] => "",
                [one] => one.as_str(),
                many => {
                    let count = many.len();
                    let message = format!("`{key}` has {count} values: a tag has one");
                    return Err(BadInput::new("E_MULTI", message, *name));
                }
            };
            self.tags.retain(|it, _| !same_key(it, key));
            if value.trim().is_empty() {
                self.warnings
                    .push(format!("`{key}` is empty: there will be no tag"));
                continue;
            }
            check_value(key, value, name)?;
            self.tags.insert((*key).to_owned(), value.to_owned());
        }
        Ok(())
    }

    fn aside(&mut self, name: &str, values: &[String], is_center: bool) -> Result<(), BadInput> {
        let Some(rest) = name.strip_prefix(SAML) else {
            return Ok(());
        };
        let first = values.first().map(String::as_str).unwrap_or_default();
        match rest {
            _ if is_center => {
                let message = format!("`{rest}` does nothing in Identity Center");
                self.warnings.push(message);
            }
            "TransitiveTagKeys" => self.transitive = values.to_vec(),
            "SourceIdentity" => self.source_identity = Some(first.to_owned()),
            "RoleSessionName" => self.role_session_name = Some(first.to_owned()),
            "SessionDuration" => {
                let seconds = first.trim().parse().map_err(|_| {
                    let message = format!("`{first}` is no number of seconds");
                    BadInput::new("E_DURATION", message, name)
                })?;
                check_duration(seconds, name)?;
                self.session_duration = Some(seconds);
            }
            "Role" => {
                for value in values {
                    // AWS accepts either order
                    let (one, other) = value.split_once(',').unwrap_or((value, ""));
                    let (one, other) = (one.trim(), other.trim());
                    let is_role = one.contains(":role/");
                    let (role, provider) = if is_role { (one, other) } else { (other, one) };
                    check_arn(role, "role/", name)?;
                    check_arn(provider, "saml-provider/", name)?;
                    self.roles.push(format!("{role},{provider}"));
                }
            }
            _ => self
                .warnings
                .push(format!("`{rest}` is no attribute that AWS reads")),
        }
        Ok(())
    }

    fn warn_of(&mut self, map: &AttributeMap, sent: &[SentTag<'_>], is_center: bool) {
        for (key, ..) in sent {
            if map.tag(key).is_none() {
                let place = if is_center {
                    "Identity Center's attributes"
                } else {
                    "the map"
                };
                self.warnings.push(format!(
                    "`{key}` is not in {place}: the tag is set all the same"
                ));
            }
        }
        for tag in &map.tags {
            if !self.tags.keys().any(|key| same_key(key, &tag.key)) {
                self.warnings.push(format!(
                    "there is no tag `{}`: equality with it fails closed, and every negated \
                     condition on it holds",
                    tag.key
                ));
            }
        }
    }

    fn finish(&mut self, map: &AttributeMap) -> Result<(), BadInput> {
        if self.tags.len() > TAGS_MAX {
            let message = format!("{} tags are more than {TAGS_MAX}", self.tags.len());
            return Err(BadInput::new("E_LIMIT", message, ""));
        }
        let known = |key: &String| self.tags.keys().any(|it| same_key(it, key));
        let (kept, lost): (Vec<String>, Vec<String>) = std::mem::take(&mut self.transitive)
            .into_iter()
            .partition(known);
        self.transitive = kept;
        for key in lost {
            let message = format!("`{key}` is to be transitive and is no tag of the session");
            self.warnings.push(message);
        }
        for tag in map.tags.iter().filter(|tag| tag.transitive) {
            let is_set = self.tags.keys().any(|key| same_key(key, &tag.key));
            if is_set && !self.transitive.iter().any(|key| same_key(key, &tag.key)) {
                let message = format!(
                    "`{}` is not transitive: it is lost at role chaining",
                    tag.key
                );
                self.warnings.push(message);
            }
        }
        Ok(())
    }
}

fn check_value(key: &str, value: &str, place: &str) -> Result<(), BadInput> {
    let length = value.chars().count();
    let why = if length > VALUE_MAX {
        format!("has {length} characters, at most {VALUE_MAX} are taken")
    } else if let Some(c) = value.chars().find(|c| !is_tag_char(*c)) {
        format!("holds {c:?}: letters, digits, space and _ . : / = + - @ are taken")
    } else {
        return Ok(());
    };
    let message = format!("the value of `{key}` {why}");
    Err(BadInput::new("E_TAG", message, place))
}
