//! The outside world's randomness, tokens and the cached directory behind their ports.

use async_trait::async_trait;
use hallpass_access::{Directory, Owner};
use hallpass_audit::{Draft, Event, Origin};
use hallpass_model::{AuditId, Email, IdSource, Span, Timestamp, TokenId, UserId};
use hallpass_rules::directory::Snapshot;
use hallpass_server::{
    Bound, Identifier, NewToken, Scope, Session, SessionFault, SessionStore, TokenFacts,
    TokenFault, TokenStore,
};
use hallpass_store::{SessionRow, SignInRow, SqliteStore, TokenRow};
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
            owner: row.user_id.map(|user| Owner {
                user,
                email: row.user,
                secondary_domain: row.secondary_domain,
            }),
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
        let words = format!("{} for {ttl}", scopes.join(" "));
        let owner = &token.owner;
        let record = by_its_owner(Event::TokenCreated, &owner.email, now)
            .actor_user(&owner.user)
            .unresolved(owner.email.as_str(), &words)
            .user(&owner.user);
        let row = TokenRow {
            id: TokenId::new(RandomIds.next(now)),
            hash: token.hash.clone(),
            user: token.owner.email.clone(),
            user_id: Some(token.owner.user.clone()),
            secondary_domain: token.owner.secondary_domain,
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
        let mut record = by_its_owner(Event::TokenRevoked, &row.user, now).why(&row.id.to_string());
        if let Some(user) = &row.user_id {
            record = record.actor_user(user).user(user);
        }
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
    let user = session.user_id.clone();
    Ok(SessionRow {
        user_id: user.ok_or_else(|| session_fault("a session is nobody's"))?,
        at: session.seen_at,
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

    async fn bind(
        &self,
        sign_in: &Identifier,
        owner: &Owner,
        people: &Directory,
        now: Timestamp,
    ) -> Result<Bound, SessionFault> {
        let user = &owner.user;
        let near = self
            .0
            .sign_ins_near(&sign_in.issuer, &sign_in.subject, user);
        let near = near.await.map_err(session_fault)?;
        let is_this = |row: &&SignInRow| row.subject == sign_in.subject;
        let known = near.iter().find(is_this);
        if known.is_some_and(|row| row.user == *user) {
            return Ok(Bound::Theirs);
        }
        let is_free = known.is_none_or(|row| people.person(&row.user).is_none());
        let refused = if !is_free {
            Some(Bound::Anothers)
        } else if near.iter().any(|row| !is_this(&row)) {
            Some(Bound::TheyHaveAnother)
        } else {
            None
        };
        let about = |event| {
            let id = AuditId::new(RandomIds.next(now));
            let words = format!("{} at {}", sign_in.subject, sign_in.issuer);
            Draft::new(id, event, now, owner.email.as_str(), Origin::Web)
                .person(user, &owner.email)
                .why(&words)
        };
        if let Some(refused) = refused {
            let error = match refused {
                Bound::Anothers => "it belongs to another user of the directory",
                Bound::TheyHaveAnother => "this user of the directory belongs to another sign-in",
                Bound::Theirs => "",
            };
            let record = about(Event::SignInRefused).error(error);
            self.0.append_record(record).await.map_err(session_fault)?;
            return Ok(refused);
        }
        let row = SignInRow {
            issuer: sign_in.issuer.clone(),
            subject: sign_in.subject.clone(),
            user: user.clone(),
            bound_at: now,
        };
        let record = about(Event::SignInBound).actor_user(user);
        let kept = self.0.sign_in_bind(&row, known, record).await;
        if kept.map_err(session_fault)? {
            Ok(Bound::Theirs)
        } else {
            // two sign-ins at the same moment: the next try is told which of them it is
            Err(session_fault("another sign-in came first"))
        }
    }

    async fn end_all(&self, user: &UserId) -> Result<u64, SessionFault> {
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

    fn ana() -> UserId {
        "00000001-0000-4000-8000-000000000000".parse().unwrap()
    }

    fn session(hash: &str, subject: &str) -> Session {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        Session {
            hash: hash.to_owned(),
            user: Email::new("Ana@corp.example").unwrap(),
            user_id: Some(ana()),
            secondary_domain: false,
            signed_in: hallpass_server::SignedIn::Oidc {
                issuer: "https://id".to_owned(),
                subject: subject.to_owned(),
                sid: None,
                id_token: Some("a.b.c".to_owned()),
                auth_time: None,
                acr: None,
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
        assert_eq!(store.end_all(&ana()).await.unwrap(), 1);
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
