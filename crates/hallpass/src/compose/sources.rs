//! The outside world's randomness, tokens and the cached directory behind their ports.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_access::{Directory, IdentityRecord, Origin, Owner, SignInClaim, TokenSource};
use hallpass_model::{AuditId, IdSource, TimeSpan, Timestamp, TokenId, UserId};
use hallpass_rules::directory::Snapshot;
use hallpass_server::{
    Bound, Identifier, NewToken, OwnToken, SessionFault, SessionStore, TokenFacts, TokenFault,
    TokenScope, TokenStore, WebSession, WhichSessions,
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
            scopes: scopes_of(&row.scopes),
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
        let record = next_record(now).token_made(&token.owner, &scopes, ttl);
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
            source: TokenSource::SignIn,
            used_at: None,
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
        let record = next_record(now).token_given_back(&row.user, row.user_id.as_ref(), row.id);
        let revoked = self.0.token_revoke(row.id, now, record).await;
        revoked.map(|_| ()).map_err(|error| fault(&error))
    }

    async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnToken>, TokenFault> {
        let rows = self.0.tokens_of(user).await;
        let rows = rows.map_err(|error| TokenFault(error.to_string()))?;
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
        let fault = |error: &dyn std::fmt::Display| TokenFault(error.to_string());
        let rows = self.0.tokens_of(&owner.user).await;
        // INVARIANT: whose a token is never changes, so that it is theirs still when it is revoked
        if !rows
            .map_err(|error| fault(&error))?
            .iter()
            .any(|row| row.id == id)
        {
            return Ok(false);
        }
        let record = next_record(now).own_token_revoked(owner, origin, id);
        let revoked = self.0.token_revoke(id, now, record).await;
        revoked
            .map(|row| row.is_some())
            .map_err(|error| fault(&error))
    }

    async fn used(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        let noted = self.0.token_used(hash, now).await;
        noted.map_err(|error| TokenFault(error.to_string()))
    }
}

/// Scopes by name. One that this version does not know allows nothing.
fn scopes_of(names: &[String]) -> BTreeSet<TokenScope> {
    names
        .iter()
        .filter_map(|name| TokenScope::parse(name))
        .collect()
}

/// The next record about somebody's tokens, sessions or sign-ins.
pub(crate) fn next_record(now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(RandomIds.next(now)),
        at: now,
    }
}

/// Sessions of the store, as the server asks for them.
pub(crate) struct StoredSessions(pub(crate) SqliteStore);

fn session_fault(error: impl std::fmt::Display) -> SessionFault {
    SessionFault(error.to_string())
}

fn session_row(session: &WebSession) -> Result<SessionRow, SessionFault> {
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
    async fn begin(&self, session: &WebSession) -> Result<(), SessionFault> {
        let row = session_row(session)?;
        self.0.session_insert(&row).await.map_err(session_fault)
    }

    async fn by_hash(&self, hash: &str) -> Result<Option<WebSession>, SessionFault> {
        let found = self.0.session_by_hash(hash).await.map_err(session_fault)?;
        found
            .map(|text| serde_json::from_str(&text).map_err(session_fault))
            .transpose()
    }

    async fn replace(&self, was: &WebSession, session: &WebSession) -> Result<bool, SessionFault> {
        let (was, row) = (session_row(was)?, session_row(session)?);
        let stored = self.0.session_replace(&was.body, &row, None).await;
        stored.map_err(session_fault)
    }

    async fn renew(
        &self,
        was: &WebSession,
        old: &WebSession,
        new: &WebSession,
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
        let known = near.iter().find(|row| row.subject == sign_in.subject);
        let pairs = near.iter().map(|row| (row.subject.as_str(), &row.user));
        let pairs: Vec<_> = pairs.collect();
        let Identifier { issuer, subject } = sign_in;
        let (refused, error) = match SignInClaim::of(user, subject, &pairs, people) {
            SignInClaim::Theirs => return Ok(Bound::Theirs),
            SignInClaim::Free => {
                let row = SignInRow {
                    issuer: issuer.clone(),
                    subject: subject.clone(),
                    user: user.clone(),
                    bound_at: now,
                };
                let record = next_record(now).sign_in_bound(owner, subject, issuer);
                let kept = self.0.sign_in_bind(&row, known, record).await;
                return if kept.map_err(session_fault)? {
                    Ok(Bound::Theirs)
                } else {
                    // two sign-ins at the same moment: the next try is told which of them it is
                    Err(session_fault("another sign-in came first"))
                };
            }
            SignInClaim::Anothers => (
                Bound::Anothers,
                "it belongs to another user of the directory",
            ),
            SignInClaim::TheyHaveAnother => (
                Bound::TheyHaveAnother,
                "this user of the directory belongs to another sign-in",
            ),
        };
        let record = next_record(now).sign_in_refused(owner, subject, issuer, error);
        self.0.append_record(record).await.map_err(session_fault)?;
        Ok(refused)
    }

    async fn of_user(&self, user: &UserId) -> Result<Vec<WebSession>, SessionFault> {
        let bodies = self.0.sessions_of(user).await.map_err(session_fault)?;
        let read = bodies.iter().map(|body| serde_json::from_str(body));
        read.collect::<Result<_, _>>().map_err(session_fault)
    }

    async fn end_own(
        &self,
        owner: &Owner,
        which: WhichSessions,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, SessionFault> {
        let record = next_record(now).own_sessions_ended(owner, origin, &which.words());
        let is_meant = move |body: &str| {
            // what cannot be read is no session that is to stay
            serde_json::from_str::<WebSession>(body).map_or(true, |session| which.means(&session))
        };
        let ended = self.0.sessions_end(&owner.user, is_meant, record).await;
        ended.map_err(session_fault)
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
            let session: WebSession = serde_json::from_str(&body).map_err(session_fault)?;
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
    use hallpass_model::Email;
    use hallpass_server::Browsing;

    use super::*;

    fn ana() -> UserId {
        "00000001-0000-4000-8000-000000000000".parse().unwrap()
    }

    fn session(hash: &str, subject: &str) -> WebSession {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        WebSession {
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
            browsing: Browsing::default(),
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
        let seen = WebSession {
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
            .prune(TimeSpan::hours(1).after(first.began_at))
            .await
            .unwrap();
        assert!(store.by_hash("6").await.unwrap().is_some(), "ends now");
        store
            .prune(TimeSpan::hours(2).after(first.began_at))
            .await
            .unwrap();
        assert_eq!(store.by_hash("6").await.unwrap(), None);
    }

    fn owner() -> Owner {
        Owner {
            user: ana(),
            email: Email::new("ana@corp.example").unwrap(),
            secondary_domain: false,
        }
    }

    /// A person's own sessions: seen whole, and ended by name under each secret, nobody else's.
    async fn ends_ones_own(store: &dyn SessionStore) {
        let named = |hash: &str, csrf: &str| WebSession {
            csrf: csrf.to_owned(),
            ..session(hash, "u1")
        };
        let (first, second) = (named("11", "one"), named("12", "two"));
        let beside = WebSession {
            hash: "13".to_owned(),
            ..second.clone()
        };
        let others = WebSession {
            user_id: Some("00000002-0000-4000-8000-000000000000".parse().unwrap()),
            ..named("14", "two")
        };
        let now = first.began_at;
        for session in [&first, &second, &beside, &others] {
            store.begin(session).await.unwrap();
        }
        assert_eq!(store.of_user(&ana()).await.unwrap().len(), 3);
        let end = async |which| {
            store
                .end_own(&owner(), which, Origin::Web, now)
                .await
                .unwrap()
        };
        assert_eq!(end(WhichSessions::One(others.id())).await, 0, "another's");
        assert_eq!(end(WhichSessions::One("ses_0".to_owned())).await, 0);
        assert_eq!(
            end(WhichSessions::AllBut(first.id())).await,
            2,
            "each secret"
        );
        let left = store.of_user(&ana()).await.unwrap();
        assert_eq!(left, std::slice::from_ref(&first));
        assert_eq!(end(WhichSessions::One(first.id())).await, 1);
        assert_eq!(end(WhichSessions::All).await, 0);
        assert!(store.by_hash("14").await.unwrap().is_some());
    }

    #[test]
    fn what_somebody_ends_of_their_own_is_on_record_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("hallpass.db")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            ends_ones_own(&hallpass_server::MemorySessions::default()).await;
            ends_ones_own(&StoredSessions(store.clone())).await;
            let (tokens, now) = (StoredTokens(store.clone()), session("1", "u1").began_at);
            let token = NewToken {
                hash: "ab".repeat(32),
                owner: owner(),
                scopes: BTreeSet::from(TokenScope::ALL),
                created_at: now,
                expires_at: TimeSpan::hours(1).after(now),
                name: "a script".to_owned(),
            };
            tokens.keep(&token).await.unwrap();
            let id = tokens.of_user(&ana(), now).await.unwrap()[0].id;
            let stranger = Owner {
                user: "00000002-0000-4000-8000-000000000000".parse().unwrap(),
                ..owner()
            };
            for (whose, done) in [(&stranger, false), (&owner(), true), (&owner(), true)] {
                let revoked = tokens.revoke_own(whose, id, Origin::Web, now).await;
                assert_eq!(revoked.unwrap(), done);
            }
            assert_eq!(tokens.of_user(&ana(), now).await.unwrap(), []);
            let records = hallpass_audit::AuditStore::records_from(&store, 1, 100)
                .await
                .unwrap();
            let events: Vec<String> = records
                .iter()
                .map(|record| record.event().to_owned())
                .collect();
            assert_eq!(
                events,
                [
                    "session.revoked",
                    "session.revoked",
                    "token.created",
                    "token.revoked"
                ]
            );
        });
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
