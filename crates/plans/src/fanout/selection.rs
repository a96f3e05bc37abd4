//! Account selection (`inventory.md` F-3).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Glob};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    pub id: AccountId,
    pub name: String,
    pub is_active: bool,
    pub entry: Entry,
    /// Only if the selection needs them.
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Role,
    /// The base credentials' account.
    Base,
    /// Base and management account.
    OwnManagement,
    /// The management account, which lacks a role by default; still tries one.
    OtherManagement,
}

impl Entry {
    pub(crate) fn is_base(self) -> bool {
        matches!(self, Self::Base | Self::OwnManagement)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Management {
    #[default]
    Skipped,
    Included,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListingOrder {
    /// With the first page of the listing.
    #[default]
    Overlaps,
    /// After the listing, as a named account may be missing.
    First,
}

#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// All if empty.
    pub accounts: BTreeSet<AccountId>,
    pub exclude: BTreeSet<AccountId>,
    /// Name patterns (`*` and `?`); any if empty.
    pub names: Vec<String>,
    /// All of these tags; `None` matches any value.
    pub tags: Vec<(String, Option<String>)>,
    pub management: Management,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Asked,
    /// Selected, but excluded.
    Skipped(&'static str),
    /// Not selected.
    Other,
}

impl Selection {
    pub fn listing(&self) -> ListingOrder {
        if self.accounts.is_empty() && self.exclude.is_empty() {
            ListingOrder::Overlaps
        } else {
            ListingOrder::First
        }
    }

    pub fn judge(&self, account: &FoundAccount) -> Verdict {
        let named = self.accounts.is_empty() || self.accounts.contains(&account.id);
        let like = self.names.is_empty()
            || self
                .names
                .iter()
                .any(|it| Glob::new(it).matches(&account.name));
        let tagged = self.tags.iter().all(|(key, value)| {
            let own = account.tags.get(key);
            own.is_some_and(|own| value.as_ref().is_none_or(|value| value == own))
        });
        if !named || !like || !tagged || self.exclude.contains(&account.id) {
            return Verdict::Other;
        }
        match (account.is_active, account.entry, self.management) {
            (false, _, _) => Verdict::Skipped("suspended"),
            (true, Entry::OwnManagement | Entry::OtherManagement, Management::Skipped) => {
                Verdict::Skipped("management account")
            }
            (true, _, _) => Verdict::Asked,
        }
    }

    /// Named accounts missing in the listing.
    pub fn unknown(&self, listed: &BTreeSet<AccountId>) -> Vec<AccountId> {
        let named = self.accounts.iter().chain(&self.exclude);
        named.filter(|id| !listed.contains(*id)).cloned().collect()
    }
}
