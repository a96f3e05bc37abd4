//! Which accounts of a listing are asked (`inventory.md` F-3).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Glob};

/// An account as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name; empty where nobody said.
    pub name: String,
    /// Its state is `ACTIVE`.
    pub is_active: bool,
    /// How it is entered.
    pub entry: Entry,
    /// Its tags, where the selection asks for them.
    pub tags: BTreeMap<String, String>,
}

/// How an account is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A role is assumed.
    Role,
    /// It is the account of the credentials that we began with: they are used.
    Base,
    /// The same, and it is the management account.
    OwnManagement,
    /// It is the management account, where no role is put for us: one is tried all the same.
    OtherManagement,
}

impl Entry {
    /// Whether the credentials that we began with are used.
    pub(crate) fn is_base(self) -> bool {
        matches!(self, Self::Base | Self::OwnManagement)
    }
}

/// Whether the management account is asked, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Management {
    /// It is left out.
    #[default]
    Skipped,
    /// It is asked.
    Included,
}

/// When calls into accounts begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListingOrder {
    /// With the first page of the listing.
    #[default]
    Overlaps,
    /// With its end, since an account that was named may be missing in it.
    First,
}

/// Which accounts are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these; all where empty.
    pub accounts: BTreeSet<AccountId>,
    /// Not these.
    pub exclude: BTreeSet<AccountId>,
    /// Only with a name like one of these (`*` and `?`); any where empty.
    pub names: Vec<String>,
    /// Only with all of these tags; any value where none is said.
    pub tags: Vec<(String, Option<String>)>,
    /// The management account, too.
    pub management: Management,
}

/// What a selection says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is asked.
    Asked,
    /// It was meant, and is not asked.
    Skipped(&'static str),
    /// It was not meant.
    Other,
}

impl Selection {
    /// When calls may begin.
    pub fn listing(&self) -> ListingOrder {
        if self.accounts.is_empty() && self.exclude.is_empty() {
            ListingOrder::Overlaps
        } else {
            ListingOrder::First
        }
    }

    /// Judges one account.
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

    /// Accounts that were named and that the whole listing does not have.
    pub fn unknown(&self, listed: &BTreeSet<AccountId>) -> Vec<AccountId> {
        let named = self.accounts.iter().chain(&self.exclude);
        named.filter(|id| !listed.contains(*id)).cloned().collect()
    }
}
