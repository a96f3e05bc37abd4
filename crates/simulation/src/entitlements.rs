//! Simulated account access manager as the journey sees it: entitlements to roles.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_access::{
    DirectoryFault, EntitledPrincipal, Entitlement, EntitlementListing, EntitlementSource,
    PersonEntitlements, Unread, UnreadPlace,
};
use hallpass_base::{AccountId, GroupId, UserId};

#[derive(Debug, Default)]
struct State {
    stands: BTreeSet<Entitlement>,
    groups: BTreeSet<(UserId, GroupId)>,
    unreadable: BTreeSet<AccountId>,
    refuses: Option<String>,
}

#[derive(Debug, Default)]
pub struct Entitlements {
    state: Mutex<State>,
    is_slow: AtomicBool,
}

impl Entitlements {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, user: &UserId) -> PersonEntitlements {
        let state = self.state();
        let is_in = |group: &GroupId| state.groups.contains(&(user.clone(), group.clone()));
        let mut held = PersonEntitlements::default();
        for it in &state.stands {
            match &it.principal {
                EntitledPrincipal::User(of) if of == user => held.own.push(it.clone()),
                EntitledPrincipal::Group(of) if is_in(of) => held.by_group.push(it.clone()),
                EntitledPrincipal::User(_) | EntitledPrincipal::Group(_) => {}
            }
        }
        held
    }

    pub fn give(&self, entitlement: Entitlement) {
        self.state().stands.insert(entitlement);
    }

    pub fn join(&self, user: &UserId, group: &GroupId) {
        self.state().groups.insert((user.clone(), group.clone()));
    }

    pub fn hide(&self, account: &AccountId) {
        self.state().unreadable.insert(account.clone());
    }

    pub fn refuse(&self, why: Option<&str>) {
        self.state().refuses = why.map(str::to_owned);
    }

    /// Delays answers about a person: they are read now and returned when this is called with
    /// `false`.
    pub fn hold_answers(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::SeqCst);
    }

    pub fn stands(&self) -> BTreeSet<Entitlement> {
        self.state().stands.clone()
    }
}

#[async_trait]
impl EntitlementSource for Entitlements {
    async fn of_person(&self, user: &UserId) -> Result<PersonEntitlements, DirectoryFault> {
        let held = self.held(user);
        while self.is_slow.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        Ok(held)
    }

    async fn in_accounts(&self, accounts: &[&AccountId]) -> EntitlementListing {
        let state = self.state();
        let (hidden, read): (Vec<&AccountId>, Vec<&AccountId>) =
            { accounts.iter() }.partition(|account| state.unreadable.contains(**account));
        let unread = |account: &AccountId| Unread {
            what: UnreadPlace::Entitlements {
                account: Some(account.clone()),
            },
            error: "AccessDenied".to_owned(),
        };
        let seen = state.stands.iter().filter(|it| read.contains(&&it.account));
        EntitlementListing {
            seen: seen.cloned().collect(),
            unread: hidden.into_iter().map(unread).collect(),
        }
    }

    async fn delete(&self, entitlement: &Entitlement) -> Result<(), DirectoryFault> {
        let mut state = self.state();
        if let Some(why) = &state.refuses {
            return Err(DirectoryFault {
                what: "DeleteEntitlement".to_owned(),
                message: why.clone(),
            });
        }
        state.stands.remove(entitlement);
        Ok(())
    }
}
