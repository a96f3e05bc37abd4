//! Sessions of one process: for tests, and where no session should outlive it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_access::Origin;
use hallpass_access::identity::{
    Bound, FoundIn, Identifier, Owner, SessionFault, SessionStore, SignInClaim, WebSession,
    WhichSessions,
};
use hallpass_base::{Timestamp, UserId};

#[derive(Debug, Default)]
pub struct MemorySessions(
    Mutex<HashMap<String, WebSession>>,
    Mutex<HashMap<(String, String), UserId>>,
);

impl MemorySessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, WebSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn begin(&self, session: &WebSession) -> Result<(), SessionFault> {
        self.all().insert(session.hash.clone(), session.clone());
        Ok(())
    }

    async fn by_hash(&self, hash: &str) -> Result<Option<WebSession>, SessionFault> {
        Ok(self.all().get(hash).cloned())
    }

    async fn replace(&self, was: &WebSession, session: &WebSession) -> Result<bool, SessionFault> {
        let mut all = self.all();
        let same = all.get(&was.hash) == Some(was);
        if same {
            all.insert(session.hash.clone(), session.clone());
        }
        Ok(same)
    }

    async fn renew(
        &self,
        was: &WebSession,
        old: &WebSession,
        new: &WebSession,
    ) -> Result<bool, SessionFault> {
        let mut all = self.all();
        let same = all.get(&was.hash) == Some(was);
        if same {
            all.insert(old.hash.clone(), old.clone());
            all.insert(new.hash.clone(), new.clone());
        }
        Ok(same)
    }

    async fn end(&self, session: &WebSession) -> Result<(), SessionFault> {
        let id = session.id();
        self.all()
            .retain(|hash, kept| *hash != session.hash && kept.id() != id);
        Ok(())
    }

    async fn bind(
        &self,
        sign_in: &Identifier,
        owner: &Owner,
        found: FoundIn<'_>,
        _: Timestamp,
    ) -> Result<Bound, SessionFault> {
        let mut all = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let Identifier { issuer, subject } = sign_in;
        let near = all.iter().filter(|((other, known), user)| {
            other == issuer && (known == subject || **user == owner.user)
        });
        let near: Vec<_> = near
            .map(|((_, known), user)| (known.as_str(), user))
            .collect();
        match SignInClaim::of(&owner.user, subject, &near, found.people) {
            SignInClaim::Theirs => Ok(Bound::Theirs),
            SignInClaim::Free if !found.is_asked => Ok(Bound::NotAsked),
            SignInClaim::Free => {
                all.insert((issuer.clone(), subject.clone()), owner.user.clone());
                Ok(Bound::Theirs)
            }
            SignInClaim::Anothers => Ok(Bound::Anothers),
            SignInClaim::TheyHaveAnother => Ok(Bound::TheyHaveAnother),
        }
    }

    async fn of_user(&self, user: &UserId) -> Result<Vec<WebSession>, SessionFault> {
        let all = self.all();
        let theirs = all
            .values()
            .filter(|session| session.user_id.as_ref() == Some(user));
        Ok(theirs.cloned().collect())
    }

    async fn end_own(
        &self,
        owner: &Owner,
        which: WhichSessions,
        _: Origin,
        _: Timestamp,
    ) -> Result<u64, SessionFault> {
        let mut all = self.all();
        let before = all.len();
        all.retain(|_, session| {
            session.user_id.as_ref() != Some(&owner.user) || !which.means(session)
        });
        Ok(u64::try_from(before - all.len()).unwrap_or(u64::MAX))
    }

    async fn end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        _: Timestamp,
    ) -> Result<u64, SessionFault> {
        let mut all = self.all();
        let before = all.len();
        all.retain(|_, session| !session.signed_in.is_meant(issuer, subject, sid));
        Ok(u64::try_from(before - all.len()).unwrap_or(u64::MAX))
    }

    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault> {
        self.all().retain(|_, session| now <= session.ends_at);
        Ok(())
    }
}
