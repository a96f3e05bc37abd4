//! Output order: account, Region, page (`inventory.md` F-12).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hallpass_base::AccountId;

use crate::fanout::facts::{Extent, Slice};

#[derive(Debug, Default)]
struct AccountSlices {
    /// Unknown until the Regions are.
    open: Option<BTreeSet<String>>,
    ready: BTreeMap<String, Vec<Extent>>,
}

/// Buffers results until their predecessors are output.
#[derive(Debug, Default)]
pub struct ResultOrder {
    listed: bool,
    accounts: BTreeMap<AccountId, AccountSlices>,
    leaving: VecDeque<(Slice, Vec<Extent>)>,
}

impl ResultOrder {
    pub fn add_account(&mut self, id: AccountId) {
        self.accounts.entry(id).or_default();
    }

    pub fn all_listed(&mut self) {
        self.listed = true;
        self.advance();
    }

    pub fn set_regions(&mut self, id: &AccountId, regions: impl IntoIterator<Item = String>) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.open = Some(regions.into_iter().collect());
        }
        self.advance();
    }

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

    /// Ends the account's open slices without results.
    pub fn lost(&mut self, id: &AccountId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.open = Some(BTreeSet::new());
        }
        self.advance();
    }

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
