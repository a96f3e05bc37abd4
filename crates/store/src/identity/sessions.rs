//! Sessions and sign-ins of the server.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::Origin;
use hallpass_access::identity::{
    Bound, FoundIn, Identifier, Owner, SessionFault, SessionStore, SignInClaim, SignedIn,
    WebSession, WhichSessions,
};
use hallpass_base::{IdSource, Timestamp, UserId};

use super::next_record;
use crate::{SignInRow, SqlStore};

pub struct StoredSessions {
    store: SqlStore,
    ids: Arc<dyn IdSource>,
}

impl StoredSessions {
    pub fn new(store: SqlStore, ids: Arc<dyn IdSource>) -> Self {
        Self { store, ids }
    }
}

fn session_fault(error: impl std::fmt::Display) -> SessionFault {
    SessionFault(error.to_string())
}

#[async_trait]
impl SessionStore for StoredSessions {
    async fn begin(&self, session: &WebSession) -> Result<(), SessionFault> {
        let by_link = session
            .owner()
            .filter(|_| session.signed_in == SignedIn::Link);
        let record =
            by_link.map(|owner| next_record(&self.ids, session.began_at).signed_in_by_link(&owner));
        let begun = self.store.session_insert(session, record).await;
        begun.map_err(session_fault)
    }

    async fn by_hash(&self, hash: &str) -> Result<Option<WebSession>, SessionFault> {
        self.store
            .session_by_hash(hash)
            .await
            .map_err(session_fault)
    }

    async fn replace(&self, was: &WebSession, session: &WebSession) -> Result<bool, SessionFault> {
        let stored = self.store.session_replace(was, session, None).await;
        stored.map_err(session_fault)
    }

    async fn renew(
        &self,
        was: &WebSession,
        old: &WebSession,
        new: &WebSession,
    ) -> Result<bool, SessionFault> {
        let stored = self.store.session_replace(was, old, Some(new)).await;
        stored.map_err(session_fault)
    }

    async fn end(&self, session: &WebSession) -> Result<(), SessionFault> {
        self.store.session_end(session).await.map_err(session_fault)
    }

    async fn bind(
        &self,
        sign_in: &Identifier,
        owner: &Owner,
        found: FoundIn<'_>,
        now: Timestamp,
    ) -> Result<Bound, SessionFault> {
        let user = &owner.user;
        let near = self
            .store
            .sign_ins_near(&sign_in.issuer, &sign_in.subject, user);
        let near = near.await.map_err(session_fault)?;
        let known = near.iter().find(|row| row.subject == sign_in.subject);
        let pairs = near.iter().map(|row| (row.subject.as_str(), &row.user));
        let pairs: Vec<_> = pairs.collect();
        let Identifier { issuer, subject } = sign_in;
        let (refused, error) = match SignInClaim::of(user, subject, &pairs, found.people) {
            SignInClaim::Theirs => return Ok(Bound::Theirs),
            SignInClaim::Free if !found.is_asked => return Ok(Bound::NotAsked),
            SignInClaim::Free => {
                let row = SignInRow {
                    issuer: issuer.clone(),
                    subject: subject.clone(),
                    user: user.clone(),
                    bound_at: now,
                };
                let record = next_record(&self.ids, now).sign_in_bound(owner, subject, issuer);
                let kept = self.store.sign_in_bind(&row, known, record).await;
                return if kept.map_err(session_fault)? {
                    Ok(Bound::Theirs)
                } else {
                    // concurrent sign-ins: the retry learns which one it is
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
        let record = next_record(&self.ids, now).sign_in_refused(owner, subject, issuer, error);
        self.store
            .append_record(record)
            .await
            .map_err(session_fault)?;
        Ok(refused)
    }

    async fn of_user(&self, user: &UserId) -> Result<Vec<WebSession>, SessionFault> {
        self.store.sessions_of(user).await.map_err(session_fault)
    }

    async fn end_own(
        &self,
        owner: &Owner,
        which: WhichSessions,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, SessionFault> {
        let record = next_record(&self.ids, now).own_sessions_ended(owner, origin, &which.words());
        let ended = self.store.sessions_end(&owner.user, which, record).await;
        ended.map_err(session_fault)
    }

    async fn end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, SessionFault> {
        let (ids, at) = (Arc::clone(&self.ids), issuer.to_owned());
        let record =
            move |user: &UserId| next_record(&ids, now).sessions_ended_by_provider(user, &at);
        let ended = self
            .store
            .sessions_end_at_provider(issuer, subject, sid, record);
        ended.await.map_err(session_fault)
    }

    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault> {
        self.store.sessions_prune(now).await.map_err(session_fault)
    }
}
