use std::collections::BTreeMap;

use hallpass_base::Timestamp;

use super::file::PlaceMatch;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsAccount {
    pub id: String,
    pub active: bool,
    pub units: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub joined: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitTree {
    pub root: String,
    /// `/Workloads/Production`; `/` for the root.
    pub paths: BTreeMap<String, String>,
    pub accounts: BTreeMap<String, StandardsAccount>,
}

impl UnitTree {
    /// Finds a unit by id or path.
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

    pub(super) fn is_below(&self, account: &StandardsAccount, named: &str) -> bool {
        let unit = self.unit(named);
        unit.is_some_and(|unit| account.units.iter().any(|it| it == unit))
    }

    pub(super) fn is_directly_in(&self, account: &StandardsAccount, named: &str) -> bool {
        self.unit(named)
            .is_some_and(|unit| account.units.last().map(String::as_str) == Some(unit))
    }

    /// Matches a place of the file; without a Region, any.
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

/// Matches `KEY=VALUE`, or `KEY` with any value.
pub(super) fn has_tag(tags: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => tags.get(key).is_some_and(|it| it == value),
        None => tags.contains_key(wanted),
    }
}
