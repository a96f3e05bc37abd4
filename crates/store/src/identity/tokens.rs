//! API tokens of the server.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::Origin;
use hallpass_access::identity::{
    NewToken, OwnToken, Owner, TokenFacts, TokenFault, TokenScope, TokenSource, TokenStore,
};
use hallpass_base::{IdSource, TimeSpan, Timestamp, TokenId, UserId};

use super::next_record;
use crate::{SqlStore, TokenRow};

pub struct StoredTokens {
    store: SqlStore,
    ids: Arc<dyn IdSource>,
}

impl StoredTokens {
    pub fn new(store: SqlStore, ids: Arc<dyn IdSource>) -> Self {
        Self { store, ids }
    }
}

fn token_fault(error: impl std::fmt::Display) -> TokenFault {
    TokenFault(error.to_string())
}

#[async_trait]
impl TokenStore for StoredTokens {
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault> {
        let row = self.store.token_by_hash(hash).await.map_err(token_fault)?;
        Ok(row.map(|row| TokenFacts {
            owner: row.user_id.map(|user| Owner {
                user,
                email: row.user,
                secondary_domain: row.secondary_domain,
            }),
            scopes: scopes_of(&row.scopes),
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            source: row.source,
            used_at: row.used_at,
        }))
    }

    async fn keep(&self, token: &NewToken) -> Result<(), TokenFault> {
        let now = token.created_at;
        let scopes: Vec<String> = token.scopes.iter().map(|it| it.name().to_owned()).collect();
        let ttl = TimeSpan::between(now, token.expires_at);
        let record = next_record(&self.ids, now).token_made(&token.owner, &scopes, ttl);
        let row = TokenRow {
            id: TokenId::new(self.ids.next(now)),
            hash: token.hash.clone(),
            user: token.owner.email.clone(),
            user_id: Some(token.owner.user.clone()),
            secondary_domain: token.owner.secondary_domain,
            scopes,
            created_at: now,
            expires_at: token.expires_at,
            revoked_at: None,
            name: token.name.clone(),
            source: TokenSource::SignIn,
            used_at: None,
        };
        let stored = self.store.token_insert(&row, record).await;
        stored.map_err(token_fault)
    }

    async fn revoke(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        let found = self.store.token_by_hash(hash).await;
        let Some(row) = found.map_err(token_fault)? else {
            return Ok(());
        };
        let record =
            next_record(&self.ids, now).token_given_back(&row.user, row.user_id.as_ref(), row.id);
        let revoked = self.store.token_revoke(row.id, now, record).await;
        revoked.map(|_| ()).map_err(token_fault)
    }

    async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnToken>, TokenFault> {
        let rows = self.store.tokens_of(user).await;
        let rows = rows.map_err(token_fault)?;
        let counts = |row: &TokenRow| row.revoked_at.is_none() && now < row.expires_at;
        let shown = |row: TokenRow| OwnToken {
            id: row.id,
            hash: row.hash,
            name: row.name,
            scopes: scopes_of(&row.scopes),
            source: row.source,
            created_at: row.created_at,
            used_at: row.used_at,
            expires_at: row.expires_at,
        };
        Ok(rows.into_iter().filter(counts).map(shown).collect())
    }

    async fn revoke_own(
        &self,
        owner: &Owner,
        id: TokenId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, TokenFault> {
        let rows = self.store.tokens_of(&owner.user).await;
        // INVARIANT: a token's owner never changes, so the check still applies at the revocation
        if !rows.map_err(token_fault)?.iter().any(|row| row.id == id) {
            return Ok(false);
        }
        let record = next_record(&self.ids, now).own_token_revoked(owner, origin, id);
        let revoked = self.store.token_revoke(id, now, record).await;
        revoked.map(|row| row.is_some()).map_err(token_fault)
    }

    async fn used(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        let noted = self.store.token_used(hash, now).await;
        noted.map_err(token_fault)
    }
}

/// Parses scopes. An unknown one allows nothing.
fn scopes_of(names: &[String]) -> BTreeSet<TokenScope> {
    names
        .iter()
        .filter_map(|name| TokenScope::parse(name))
        .collect()
}
