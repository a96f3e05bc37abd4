use std::sync::Arc;

use serde::Serialize;

use super::arns::ArnPattern;
use super::globals;
use super::keys::{Key, find_key, key_matches};
use crate::arn::split_arn;

#[derive(Debug)]
pub struct ServiceFacts {
    pub prefix: &'static str,
    pub supports_rcp: bool,
    pub(super) actions: Vec<ActionFacts>,
    pub(super) resource_types: Vec<ResourceType>,
    pub(super) keys: Vec<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Access {
    List,
    Read,
    Write,
    Permissions,
    Tagging,
}

#[derive(Debug, Serialize)]
pub struct ActionFacts {
    pub service: &'static str,
    /// AWS's spelling: `GetObject`.
    pub name: &'static str,
    pub access: Access,
    /// Empty: only `*` matches.
    pub resource_types: Vec<TypeUse>,
    pub condition_keys: Arc<[&'static str]>,
}

#[derive(Debug, Serialize)]
pub struct TypeUse {
    pub name: &'static str,
    /// Every call has one; otherwise an alternative, or optional.
    pub required: bool,
    /// Only for this action and type.
    pub condition_keys: Arc<[&'static str]>,
}

#[derive(Debug, Serialize)]
pub struct ResourceType {
    /// AWS's spelling; may have spaces: `function alias`.
    pub name: &'static str,
    /// AWS may list several.
    pub arns: Vec<ArnPattern>,
    /// Present for every resource of this type.
    pub condition_keys: Arc<[&'static str]>,
}

impl ServiceFacts {
    /// Case-insensitive: `GetObject`.
    pub fn action(&self, name: &str) -> Option<&ActionFacts> {
        let at = self
            .actions
            .binary_search_by(|action| compare(action.name, name));
        self.actions.get(at.ok()?)
    }

    pub fn actions(&self) -> &[ActionFacts] {
        &self.actions
    }

    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        let mut types = self.resource_types.iter();
        types.find(|it| it.name.eq_ignore_ascii_case(name))
    }

    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// The most specific type.
    pub fn resource_type_of(&self, arn: &str) -> Option<&ResourceType> {
        best(self.resource_types.iter(), arn)
    }

    /// Case-insensitive; includes the tag keys of `aws:` for services with tags.
    pub fn condition_key(&self, name: &str) -> Option<&Key> {
        find_key(&self.keys, name)
    }

    pub fn condition_keys(&self) -> &[Key] {
        &self.keys
    }
}

impl ActionFacts {
    /// `service:Name`.
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.service, self.name)
    }

    pub fn resource_type(&self, name: &str) -> Option<&TypeUse> {
        let mut types = self.resource_types.iter();
        types.find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Whether some request for this action may have the key.
    ///
    /// Global keys may always be present, except tag keys (`aws:ResourceTag/…`, `aws:RequestTag/…`,
    /// `aws:TagKeys`): only if the action lists them. Identity provider keys stay in the session,
    /// so apply to every action.
    pub fn may_carry(&self, key: &str) -> bool {
        globals::is_everywhere(key)
            || lists(&self.condition_keys, key)
            || self
                .resource_types
                .iter()
                .any(|it| self.comes_with(it, key))
    }

    pub fn comes_with(&self, used: &TypeUse, key: &str) -> bool {
        let kind = super::service(self.service).and_then(|it| it.resource_type(used.name));
        // many types list request tags, which only some actions accept
        let of_type =
            |kind: &ResourceType| !globals::is_of_request(key) && lists(&kind.condition_keys, key);
        lists(&used.condition_keys, key) || kind.is_some_and(of_type)
    }
}

impl ResourceType {
    /// Treats `*` literally.
    pub fn matches(&self, arn: &str) -> bool {
        self.arns.iter().any(|pattern| pattern.matches(arn))
    }

    /// Whether a policy's `Resource` (with `*`, `?`, `${…}`) matches some resource of this type.
    pub fn overlaps(&self, resource: &str) -> bool {
        self.arns.iter().any(|pattern| pattern.overlaps(resource))
    }
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Permissions => "Permissions",
            Self::Tagging => "Tagging",
        }
    }
}

pub(super) fn compare(one: &str, other: &str) -> std::cmp::Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

fn lists(keys: &[&str], name: &str) -> bool {
    keys.iter().any(|key| key_matches(key, name))
}

/// The most specific match; the first of equals.
pub(super) fn best<'a>(
    types: impl Iterator<Item = &'a ResourceType>,
    arn: &str,
) -> Option<&'a ResourceType> {
    let parts = split_arn(arn)?;
    let mut found: Option<(usize, &ResourceType)> = None;
    for kind in types {
        let matching = kind.arns.iter().filter(|it| it.is(&parts));
        let weight = matching.map(ArnPattern::weight).max();
        if let Some(weight) = weight
            && found.is_none_or(|(most, _)| weight > most)
        {
            found = Some((weight, kind));
        }
    }
    found.map(|(_, kind)| kind)
}
