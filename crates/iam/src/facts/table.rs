//! The typed form of the facts about one service.

use std::sync::Arc;

use serde::Serialize;

use super::arns::ArnPattern;
use super::globals;
use super::keys::{Key, find_key, key_matches};
use crate::arn::split_arn;

/// What AWS publishes about one service prefix.
#[derive(Debug)]
pub struct ServiceFacts {
    /// As in actions and ARNs: `s3`.
    pub prefix: &'static str,
    /// Whether resource control policies reach it.
    pub supports_rcp: bool,
    /// Sorted by name without regard to case.
    pub(super) actions: Vec<ActionFacts>,
    pub(super) resource_types: Vec<ResourceType>,
    pub(super) keys: Vec<Key>,
}

/// How AWS classes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Access {
    /// Shows what there is.
    List,
    /// Shows what is inside.
    Read,
    /// Changes something.
    Write,
    /// Changes who may do what.
    Permissions,
    /// Changes tags only.
    Tagging,
}

/// One action.
#[derive(Debug, Serialize)]
pub struct ActionFacts {
    /// Prefix of its service.
    pub service: &'static str,
    /// As AWS spells it: `GetObject`.
    pub name: &'static str,
    /// Its class.
    pub access: Access,
    /// The resource types it takes; none means that only `*` matches.
    pub resource_types: Vec<TypeUse>,
    /// Keys of the action itself, whatever the resource.
    pub condition_keys: Arc<[&'static str]>,
}

/// A resource type as one action takes it.
#[derive(Debug, Serialize)]
pub struct TypeUse {
    /// Name of the resource type.
    pub name: &'static str,
    /// A call always has one; without the mark it is one of several, or may be left out.
    pub required: bool,
    /// Keys that come with a resource of this type in this action only.
    pub condition_keys: Arc<[&'static str]>,
}

/// One type of resource.
#[derive(Debug, Serialize)]
pub struct ResourceType {
    /// As AWS spells it; may hold blanks: `function alias`.
    pub name: &'static str,
    /// How its ARNs are built; several where AWS knows several.
    pub arns: Vec<ArnPattern>,
    /// Keys that come with every resource of this type.
    pub condition_keys: Arc<[&'static str]>,
}

impl ServiceFacts {
    /// The action of that name (`GetObject`), in any case.
    pub fn action(&self, name: &str) -> Option<&ActionFacts> {
        let at = self
            .actions
            .binary_search_by(|action| compare(action.name, name));
        self.actions.get(at.ok()?)
    }

    /// Every action, by name.
    pub fn actions(&self) -> &[ActionFacts] {
        &self.actions
    }

    /// The resource type of that name, in any case.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        let mut types = self.resource_types.iter();
        types.find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Every resource type.
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// The type of the resource: the one that says most about it.
    pub fn resource_type_of(&self, arn: &str) -> Option<&ResourceType> {
        best(self.resource_types.iter(), arn)
    }

    /// The key of that name among those the service lists, in any case; the tag keys of `aws:` are
    /// among them where the service has tags.
    pub fn condition_key(&self, name: &str) -> Option<&Key> {
        find_key(&self.keys, name)
    }

    /// Every key the service lists.
    pub fn condition_keys(&self) -> &[Key] {
        &self.keys
    }
}

impl ActionFacts {
    /// `service:Name`.
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.service, self.name)
    }

    /// The use of that resource type, in any case.
    pub fn resource_type(&self, name: &str) -> Option<&TypeUse> {
        let mut types = self.resource_types.iter();
        types.find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Whether a request for this action can carry the key at all, on some resource.
    ///
    /// Global keys can be in every request, but not the tag keys (`aws:ResourceTag/…`,
    /// `aws:RequestTag/…`, `aws:TagKeys`): those only where the action lists them. Keys of identity
    /// providers stay in the session and so come with every action.
    pub fn may_carry(&self, key: &str) -> bool {
        globals::is_everywhere(key)
            || lists(&self.condition_keys, key)
            || self
                .resource_types
                .iter()
                .any(|it| self.comes_with(it, key))
    }

    /// Whether the key comes with resources of this type in this action.
    pub fn comes_with(&self, used: &TypeUse, key: &str) -> bool {
        let kind = super::service(self.service).and_then(|it| it.resource_type(used.name));
        // many types list the tags of requests, which only some of their actions take
        let of_type =
            |kind: &ResourceType| !globals::is_of_request(key) && lists(&kind.condition_keys, key);
        lists(&used.condition_keys, key) || kind.is_some_and(of_type)
    }
}

impl ResourceType {
    /// Whether the ARN names a resource of this type. No wildcards: `*` is a character.
    pub fn matches(&self, arn: &str) -> bool {
        self.arns.iter().any(|pattern| pattern.matches(arn))
    }

    /// Whether a `Resource` of a policy (with `*`, `?`, `${…}`) fits some resource of this type.
    pub fn overlaps(&self, resource: &str) -> bool {
        self.arns.iter().any(|pattern| pattern.overlaps(resource))
    }
}

impl Access {
    /// The word for it.
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

/// Orders names without regard to case.
pub(super) fn compare(one: &str, other: &str) -> std::cmp::Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

fn lists(keys: &[&str], name: &str) -> bool {
    keys.iter().any(|key| key_matches(key, name))
}

/// The type whose pattern matches and says most; the first of equals.
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
