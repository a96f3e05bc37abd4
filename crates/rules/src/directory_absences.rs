//! The directory with absences, and with how long a request has waited.

use hallpass_base::{TimeSpan, UserId};

use crate::{absence::Absences, directory::Directory};

impl Directory {
    /// The same directory, with the people who are out of office now. Cheap: shares the rest.
    #[must_use]
    pub fn with_absences(&self, absences: Absences) -> Self {
        let mut with = self.clone();
        with.set_absences(absences);
        with
    }

    /// The same directory, to decide a request that has waited this long. Cheap: shares the rest.
    #[must_use]
    pub fn with_waited(&self, waited: TimeSpan) -> Self {
        let mut with = self.clone();
        with.set_waited(waited);
        with
    }

    pub fn is_away(&self, user: &UserId) -> bool {
        self.absences().is_some_and(|all| all.contains_key(user))
    }

    /// Each person who is out of office, with their delegate.
    pub fn delegations(&self) -> impl Iterator<Item = (&UserId, &UserId)> {
        let all = self.absences().into_iter().flatten();
        all.filter_map(|(user, away)| Some((user, away.delegate.as_ref()?)))
    }

    /// The people in whose place this user approves.
    pub fn delegators_of<'a>(&'a self, user: &UserId) -> impl Iterator<Item = &'a UserId> {
        let theirs = self.delegations();
        theirs.filter_map(move |(from, delegate)| (delegate == user).then_some(from))
    }
}
