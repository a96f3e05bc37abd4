//! IAM of each account: from the organization file, else generated from the seed, plus writes.
//! Accounts without writes store nothing.

mod generate;

use std::borrow::Cow;

use crate::base::Millis;

use super::{
    entities::{Account, Id},
    inventory_facts::KeyUse,
    issue::{account_of, default_key},
    roles::ACCESS_ROLE,
    state::SimState,
};
use crate::organization::{Iam, IamKey, IamManagedPolicy, IamPolicies, IamRole, IamUser};

/// The user with every account's default key (`simulator.md` AU-2).
pub(crate) const DEFAULT_USER: &str = "sim-admin";
/// Policy of that user and of the management account's role.
const EVERYTHING: &str = "AdministratorAccess";
/// Last uses have minute precision.
const MINUTE: Millis = 60_000;

impl SimState {
    pub(crate) fn iam_seen(&self, account: &str, at: Millis) -> Cow<'_, Iam> {
        let written = self.iam_written.seen(&Id::from(account), at);
        written.map_or_else(|| Cow::Owned(self.iam_before(account)), Cow::Borrowed)
    }

    pub(crate) fn iam_now(&self, account: &str) -> Cow<'_, Iam> {
        let written = self.iam_written.latest(&Id::from(account));
        written.map_or_else(|| Cow::Owned(self.iam_before(account)), Cow::Borrowed)
    }

    /// IAM before any write: stated or generated, plus the defaults.
    fn iam_before(&self, account: &str) -> Iam {
        let row = self.account(account);
        let stated = self.iam.get(account).cloned();
        let mut iam = stated
            .or_else(|| Some(generate::iam(self, row?)))
            .unwrap_or_default();
        if iam.users.iter().all(|user| user.name != DEFAULT_USER) {
            iam.users.push(default_user(account));
        }
        if let Some(row) = row.filter(|row| self.made_by_the_organization(row)) {
            let name = row.access_role.as_deref().unwrap_or(ACCESS_ROLE);
            if iam.roles.iter().all(|role| role.name != name) {
                iam.roles.push(self.access_role(name));
            }
        }
        iam
    }

    fn made_by_the_organization(&self, account: &Account) -> bool {
        account.joined_method == "CREATED" && *account.id != *self.head.management
    }

    fn access_role(&self, name: &str) -> IamRole {
        IamRole {
            name: name.to_owned(),
            trust: vec![format!("arn:aws:iam::{}:root", self.head.management)],
            permissions: everything(),
            ..IamRole::default()
        }
    }

    pub(crate) fn put_iam(&mut self, account: &str, iam: Iam, seen: Millis, now: Millis) {
        self.iam_written.put(account.into(), iam, seen, now);
    }

    pub(crate) fn note_use(&mut self, key: &str, service: &str, region: &str, now: Millis) {
        if !key.starts_with("AKIA") {
            return;
        }
        let at = now - now.rem_euclid(MINUTE);
        let (service, region) = (service.to_owned(), region.to_owned());
        let row = KeyUse {
            at,
            service,
            region,
        };
        self.key_uses.insert(key.to_owned(), row);
    }

    pub(crate) fn joined(&self, account: &str) -> Millis {
        let row = self.account(account);
        row.map_or(self.center.created, |row| row.joined)
    }
}

fn default_user(account: &str) -> IamUser {
    let key = IamKey {
        id: default_key(account),
        ..IamKey::default()
    };
    IamUser {
        name: DEFAULT_USER.to_owned(),
        keys: vec![key],
        permissions: everything(),
        ..IamUser::default()
    }
}

fn everything() -> IamPolicies {
    IamPolicies {
        policies: vec![EVERYTHING.to_owned()],
        ..IamPolicies::default()
    }
}

/// The account with an access key, including a deleted key that readers still see.
pub(crate) fn account_of_key(state: &SimState, id: &str) -> Option<String> {
    let holds = |account: &str| {
        let seen = || state.iam_seen(account, state.latest);
        holder(&state.iam_now(account), account, id).is_some()
            || holder(&seen(), account, id).is_some()
    };
    if let Some(account) = account_of(id)
        && state.account(&account).is_some()
        && holds(&account)
    {
        return Some(account);
    }
    // a file may use any key ids
    state.iam.keys().find(|account| holds(account)).cloned()
}

pub(crate) fn holder<'a>(iam: &'a Iam, account: &str, id: &str) -> Option<(String, &'a IamKey)> {
    let of = |keys: &'a [IamKey]| keys.iter().find(|key| key.id == id);
    let root = iam.root.as_ref().and_then(|root| of(&root.keys));
    if let Some(key) = root {
        return Some((format!("arn:aws:iam::{account}:root"), key));
    }
    let mut users = iam.users.iter();
    users.find_map(|user| Some((user_arn(account, user), of(&user.keys)?)))
}

pub(crate) fn user_arn(account: &str, user: &IamUser) -> String {
    let path = user.path.as_deref().unwrap_or("/");
    format!("arn:aws:iam::{account}:user{path}{}", user.name)
}

pub(crate) fn managed<'a>(iam: &'a Iam, arn: &str) -> Option<&'a IamManagedPolicy> {
    let (head, path) = arn.split_once(":policy")?;
    let own = !head.ends_with(":aws");
    let mut rows = iam.managed.iter().filter(|_| own);
    rows.find(|row| path == format!("{}{}", row.path.as_deref().unwrap_or("/"), row.name))
}

pub(crate) fn inline_name(index: usize) -> String {
    format!("inline-{index}")
}
