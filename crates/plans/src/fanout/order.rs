//! The order in which results leave: by account, Region and page, whatever came first
//! (`inventory.md` F-12).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hallpass_base::AccountId;

use crate::fanout::facts::{Extent, Slice};

/// What an account's slices are, and what came of them.
#[derive(Debug, Default)]
struct AccountSlices {
    /// Slices that are still open; unknown until the Regions are.
    open: Option<BTreeSet<String>>,
    ready: BTreeMap<String, Vec<Extent>>,
}

/// Holds results until everything before them has left.
#[derive(Debug, Default)]
pub struct ResultOrder {
    listed: bool,
    accounts: BTreeMap<AccountId, AccountSlices>,
    leaving: VecDeque<(Slice, Vec<Extent>)>,
}

impl ResultOrder {
    /// An account that is asked; its results stand before those of greater ids.
    pub fn add_account(&mut self, id: AccountId) {
        self.accounts.entry(id).or_default();
    }

    /// There are no more accounts.
    pub fn all_listed(&mut self) {
        self.listed = true;
        self.advance();
    }

    /// The Regions that an account is asked in; none where it cannot be asked at all.
    pub fn set_regions(&mut self, id: &AccountId, regions: impl IntoIterator<Item = String>) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.open = Some(regions.into_iter().collect());
        }
        self.advance();
    }

    /// A slice has ended, with what there is of it.
    pub fn ended(&mut self, slice: &Slice, extents: Vec<Extent>) {
        if let Some(account) = self.accounts.get_mut(&slice.account) {
            if let Some(open) = &mut account.open {
                open.remove(&slice.region);
            }
            if !extents.is_empty() {
                account.ready.insert(slice.region.clone(), extents);
            }
        }
        self.advance();
    }

    /// Nothing more comes of an account: what is open of it ended with nothing.
    pub fn lost(&mut self, id: &AccountId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.open = Some(BTreeSet::new());
        }
        self.advance();
    }

    /// The next results that may leave.
    pub fn pop(&mut self) -> Option<(Slice, Vec<Extent>)> {
        self.leaving.pop_front()
    }

    fn advance(&mut self) {
        while self.listed
            && let Some(mut first) = self.accounts.first_entry()
        {
            let id = first.key().clone();
            let account = first.get_mut();
            let Some(open) = &account.open else { return };
            let before = open.first();
            while let Some(ready) = account.ready.first_entry() {
                if before.is_some_and(|open| open < ready.key()) {
                    return;
                }
                let (region, extents) = ready.remove_entry();
                let account = id.clone();
                self.leaving.push_back((Slice { account, region }, extents));
            }
            if before.is_some() {
                return;
            }
            first.remove();
        }
    }
}
