//! Access keys, their principals and secrets (`simulator.md` AU-1 to AU-3).

use crate::{
    auth::auth_errors::Mistake,
    core::{
        caller::AwsCaller,
        iam,
        issue::{caller_of, default_key, derive_secret},
        portal, roles,
        state::SimState,
    },
};

pub(crate) struct KeyRing<'a> {
    pub state: &'a SimState,
    pub secret: Option<&'a str>,
}

pub(crate) fn principal_of(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/sim-admin")
}

impl KeyRing<'_> {
    pub(crate) fn find(
        &self,
        id: &str,
        token: Option<&str>,
    ) -> Result<(AwsCaller, String), Mistake> {
        let found = self.known(id, token)?;
        let account = self.state.account(&found.0.account);
        if account.is_some_and(|account| account.status() == "SUSPENDED") {
            return Err(Mistake::UnknownKey);
        }
        Ok(found)
    }

    fn known(&self, id: &str, token: Option<&str>) -> Result<(AwsCaller, String), Mistake> {
        let seed = self.state.seed;
        if id.starts_with("ASIA") {
            let caller = token.and_then(|token| caller_of(seed, token));
            let caller = caller
                .filter(|caller| caller.access_key_id == id)
                .filter(|caller| !portal::is_killed(self.state, &caller.account, &caller.arn))
                .ok_or(Mistake::UnknownKey)?;
            return Ok((caller, derive_secret(seed, id)));
        }
        if token.is_some() {
            return Err(Mistake::UnknownKey);
        }
        self.long_lived(id).ok_or(Mistake::UnknownKey)
    }

    fn long_lived(&self, id: &str) -> Option<(AwsCaller, String)> {
        let seed = self.state.seed;
        if let Some(key) = self
            .state
            .credentials
            .iter()
            .find(|key| key.access_key_id == id)
        {
            let caller = roles::principal(seed, &key.principal, id)?;
            return Some((caller, key.secret_access_key.clone()));
        }
        if let Some(account) = id.strip_prefix("AKIA0000")
            && self.state.account(account).is_some()
        {
            let caller = roles::principal(seed, &principal_of(account), id)?;
            return Some((caller, self.default_secret(account)));
        }
        let account = iam::account_of_key(self.state, id)?;
        let iam = self.state.iam_seen(&account, self.state.latest);
        let (owner, key) = iam::holder(&iam, &account, id)?;
        let active = key.status.as_deref() != Some("Inactive");
        let caller = roles::principal(seed, &owner, id).filter(|_| active)?;
        Some((caller, derive_secret(seed, id)))
    }

    pub(crate) fn default_secret(&self, account: &str) -> String {
        let derived = || derive_secret(self.state.seed, &default_key(account));
        self.secret.map_or_else(derived, str::to_owned)
    }
}
