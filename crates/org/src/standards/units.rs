//! The accounts of an organization and the units they stand in.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;

use super::file::PlaceMatch;

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsAccount {
    /// Its id.
    pub id: String,
    /// Whether it is active.
    pub active: bool,
    /// The units it stands in, the root first: ids.
    pub units: Vec<String>,
    /// Its tags, where somebody asks for them.
    pub tags: BTreeMap<String, String>,
    /// When it joined the organization, as far as that is known.
    pub joined: Option<Timestamp>,
}

/// The units and accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitTree {
    /// The root.
    pub root: String,
    /// The path of each unit: `/Workloads/Production`; of the root `/`.
    pub paths: BTreeMap<String, String>,
    /// The accounts, by id.
    pub accounts: BTreeMap<String, StandardsAccount>,
}

impl UnitTree {
    /// The unit of an id or a path.
    pub(super) fn unit(&self, named: &str) -> Option<&str> {
        let named = if named == "/" {
            named
        } else {
            named.trim_end_matches('/')
        };
        let mut all = self.paths.iter();
        let found = all.find(|(id, path)| *id == named || *path == named);
        found.map(|(id, _)| id.as_str())
    }

    /// Whether an account stands below a unit, however deep.
    pub(super) fn is_below(&self, account: &StandardsAccount, named: &str) -> bool {
        let unit = self.unit(named);
        unit.is_some_and(|unit| account.units.iter().any(|it| it == unit))
    }

    /// Whether an account stands in a unit itself.
    pub(super) fn is_directly_in(&self, account: &StandardsAccount, named: &str) -> bool {
        self.unit(named)
            .is_some_and(|unit| account.units.last().map(String::as_str) == Some(unit))
    }

    /// Whether a place of the file is this account and Region; none of a Region where every Region is meant.
    pub(super) fn is_meant(
        &self,
        place: &PlaceMatch,
        account: &StandardsAccount,
        region: Option<&str>,
    ) -> bool {
        let unit = place.ou.as_ref();
        let tag = place.tag.as_ref();
        unit.is_none_or(|unit| self.is_below(account, unit))
            && place
                .account
                .as_ref()
                .is_none_or(|it| it.as_str() == account.id)
            && tag.is_none_or(|tag| has_tag(&account.tags, tag))
            && place.region.as_deref().is_none_or(|it| Some(it) == region)
    }
}

/// Whether tags have `KEY=VALUE`, or `KEY` with any value.
pub(super) fn has_tag(tags: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => tags.get(key).is_some_and(|it| it == value),
        None => tags.contains_key(wanted),
    }
}
