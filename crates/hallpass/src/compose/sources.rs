//! The outside world's randomness, tokens and the cached directory behind their ports.

use async_trait::async_trait;
use hallpass_audit::{Draft, Event, Origin};
use hallpass_model::{AuditId, Email, IdSource, Span, Timestamp, TokenId};
use hallpass_rules::directory::Snapshot;
use hallpass_server::{
    NewToken, Scope, Session, SessionFault, SessionStore, TokenFacts, TokenFault, TokenStore,
};
use hallpass_store::{SessionRow, SqliteStore, TokenRow};
use uuid::Uuid;

/// UUIDs v7 with randomness from the operating system.
pub(crate) struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let mut random = [0_u8; 10];
        if getrandom::fill(&mut random).is_err() {
            // INVARIANT: without randomness ids could repeat, and the store would refuse them all
            tracing::error!("the operating system gives no randomness");
        }
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }
}

/// A fresh secret of 256 bits, printable, with a prefix that secret scanners can find.
pub(crate) fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("hpt_{}", hex::encode(bytes)))
}

/// API tokens of the store, as the server asks for them.
pub(crate) struct StoredTokens(pub(crate) SqliteStore);

#[async_trait]
impl TokenStore for StoredTokens {
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault> {
        let row = self
            .0
            .token_by_hash(hash)
            .await
            .map_err(|error| TokenFault(error.to_string()))?;
        Ok(row.map(|row| TokenFacts {
            user: row.user,
            // a scope this version does not know allows nothing
            scopes: row
                .scopes
                .iter()
                .filter_map(|name| Scope::parse(name))
                .collect(),
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }))
    }

    async fn keep(&self, token: &NewToken) -> Result<(), TokenFault> {
        let now = token.created_at;
        let scopes: Vec<String> = token.scopes.iter().map(|it| it.name().to_owned()).collect();
        let ttl = Span::between(now, token.expires_at);
        let record = by_its_owner(Event::TokenCreated, &token.user, now).unresolved(
            token.user.as_str(),
            &format!("{} for {ttl}", scopes.join(" ")),
        );
        let row = TokenRow {
            id: TokenId::new(RandomIds.next(now)),
            hash: token.hash.clone(),
            user: token.user.clone(),
            scopes,
            created_at: now,
            expires_at: token.expires_at,
            revoked_at: None,
            name: token.name.clone(),
        };
        let stored = self.0.token_insert(&row, record).await;
        stored.map_err(|error| TokenFault(error.to_string()))
    }

    async fn revoke(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        let fault = |error: &dyn std::fmt::Display| TokenFault(error.to_string());
        let found = self.0.token_by_hash(hash).await;
        let Some(row) = found.map_err(|error| fault(&error))? else {
            return Ok(());
        };
        let record = by_its_owner(Event::TokenRevoked, &row.user, now).why(&row.id.to_string());
        let revoked = self.0.token_revoke(row.id, now, record).await;
        revoked.map(|_| ()).map_err(|error| fault(&error))
    }
}

/// A record of what somebody did with their own token, from the command line.
fn by_its_owner(event: Event, user: &Email, now: Timestamp) -> Draft {
    let id = AuditId::new(RandomIds.next(now));
    Draft::new(id, event, now, user.as_str(), Origin::Cli)
}

/// Sessions of the store, as the server asks for them.
pub(crate) struct StoredSessions(pub(crate) SqliteStore);

fn session_fault(error: impl std::fmt::Display) -> SessionFault {
    SessionFault(error.to_string())
}

fn session_row(session: &Session) -> Result<SessionRow, SessionFault> {
    Ok(SessionRow {
        hash: session.hash.clone(),
        user: session.user.clone(),
        ends_at: session.ends_at,
        body: serde_json::to_string(session).map_err(session_fault)?,
    })
}

#[async_trait]
impl SessionStore for StoredSessions {
    async fn begin(&self, session: &Session) -> Result<(), SessionFault> {
        let row = session_row(session)?;
        self.0.session_insert(&row).await.map_err(session_fault)
    }

    async fn by_hash(&self, hash: &str) -> Result<Option<Session>, SessionFault> {
        let found = self.0.session_by_hash(hash).await.map_err(session_fault)?;
        found
            .map(|text| serde_json::from_str(&text).map_err(session_fault))
            .transpose()
    }

    async fn replace(&self, was: &Session, session: &Session) -> Result<bool, SessionFault> {
        let (was, row) = (session_row(was)?, session_row(session)?);
        let stored = self.0.session_replace(&was.body, &row, None).await;
        stored.map_err(session_fault)
    }

    async fn renew(
        &self,
        was: &Session,
        old: &Session,
        new: &Session,
    ) -> Result<bool, SessionFault> {
        let (was, old, new) = (session_row(was)?, session_row(old)?, session_row(new)?);
        let stored = self.0.session_replace(&was.body, &old, Some(&new)).await;
        stored.map_err(session_fault)
    }

    async fn end(&self, hash: &str) -> Result<(), SessionFault> {
        self.0.session_delete(hash).await.map_err(session_fault)
    }

    async fn end_all(&self, user: &Email) -> Result<u64, SessionFault> {
        self.0.sessions_delete(user).await.map_err(session_fault)
    }

    async fn end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
    ) -> Result<u64, SessionFault> {
        let mut ended = 0;
        for (hash, body) in self.0.sessions().await.map_err(session_fault)? {
            let session: Session = serde_json::from_str(&body).map_err(session_fault)?;
            if session.signed_in.is_meant(issuer, subject, sid) {
                self.end(&hash).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault> {
        self.0.sessions_prune(now).await.map_err(session_fault)
    }
}

const SNAPSHOT_KEY: &str = "directory";

/// The organization as it was last read, so that a restart decides at once.
pub(crate) async fn cached_snapshot(store: &SqliteStore) -> Option<Snapshot> {
    let bytes = store.blob_get(SNAPSHOT_KEY).await.ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// Remembers the organization.
pub(crate) async fn cache_snapshot(store: &SqliteStore, snapshot: &Snapshot) {
    let Ok(bytes) = serde_json::to_vec(snapshot) else {
        return;
    };
    if let Err(error) = store.blob_put(SNAPSHOT_KEY, &bytes).await {
        tracing::warn!(error = %error, "the organization could not be remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(hash: &str, subject: &str) -> Session {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        Session {
            hash: hash.to_owned(),
            user: Email::new("Ana@corp.example").unwrap(),
            signed_in: hallpass_server::SignedIn::Oidc {
                issuer: "https://id".to_owned(),
                subject: subject.to_owned(),
                sid: None,
                id_token: Some("a.b.c".to_owned()),
            },
            began_at: at(0),
            seen_at: at(0),
            renewed_at: at(0),
            ends_at: at(3600),
            csrf: "c".to_owned(),
            previous: None,
            next: None,
        }
    }

    /// What the server relies on, whoever keeps its sessions.
    async fn keeps_sessions(store: &dyn SessionStore) {
        let first = session("1", "u1");
        store.begin(&first).await.unwrap();
        assert_eq!(store.by_hash("1").await.unwrap(), Some(first.clone()));
        let seen = Session {
            seen_at: first.ends_at,
            ..first.clone()
        };
        assert!(store.replace(&first, &seen).await.unwrap());
        assert!(
            !store.replace(&first, &first).await.unwrap(),
            "not as it was"
        );
        let (mut old, mut new) = (seen.clone(), session("2", "u1"));
        old.next = Some("2".to_owned());
        new.previous = Some("1".to_owned());
        assert!(!store.renew(&first, &old, &new).await.unwrap());
        assert_eq!(store.by_hash("2").await.unwrap(), None, "both or none");
        assert!(store.renew(&seen, &old, &new).await.unwrap());
        assert!(
            !store.renew(&seen, &old, &session("3", "u1")).await.unwrap(),
            "once"
        );
        assert_eq!(store.by_hash("1").await.unwrap(), Some(old));
        assert_eq!(store.by_hash("2").await.unwrap(), Some(new));
        assert_eq!(store.by_hash("3").await.unwrap(), None);
        store.begin(&session("4", "u2")).await.unwrap();
        let ended = store.end_at_provider("https://id", Some("u1"), None).await;
        assert_eq!(ended.unwrap(), 2);
        assert!(store.by_hash("4").await.unwrap().is_some());
        let email = Email::new("ana@corp.example").unwrap();
        assert_eq!(store.end_all(&email).await.unwrap(), 1);
        store.begin(&session("5", "u2")).await.unwrap();
        store.end("5").await.unwrap();
        store.begin(&session("6", "u2")).await.unwrap();
        store
            .prune(Span::hours(1).after(first.began_at))
            .await
            .unwrap();
        assert!(store.by_hash("6").await.unwrap().is_some(), "ends now");
        store
            .prune(Span::hours(2).after(first.began_at))
            .await
            .unwrap();
        assert_eq!(store.by_hash("6").await.unwrap(), None);
    }

    #[test]
    fn both_keepers_of_sessions_do_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("hallpass.db")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            keeps_sessions(&hallpass_server::MemorySessions::default()).await;
            keeps_sessions(&StoredSessions(store)).await;
        });
    }
}
