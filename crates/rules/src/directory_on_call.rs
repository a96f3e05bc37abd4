//! The directory with on-call lists.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp, UserId};

use crate::{
    directory::Directory,
    on_call::{OnCallFact, OnCallList, OnCallLists},
    rule::GroupRef,
};

impl Directory {
    /// The same directory with other on-call lists. Cheap: shares the rest.
    #[must_use]
    pub fn with_on_call(&self, lists: OnCallLists) -> Self {
        let mut with = self.clone();
        with.set_on_call(lists);
        with
    }

    /// The same directory with the on-call lists of another.
    #[must_use]
    pub fn with_on_call_of(&self, other: &Self) -> Self {
        match other.on_call() {
            Some(lists) => self.with_on_call(lists.clone()),
            None => self.clone(),
        }
    }

    /// The same directory, with what the lists said about one user at another time.
    #[must_use]
    pub fn with_on_call_facts<'a>(
        &self,
        user: &UserId,
        facts: impl IntoIterator<Item = &'a OnCallFact>,
    ) -> Self {
        let mut facts = facts.into_iter().peekable();
        if facts.peek().is_none() {
            return self.clone();
        }
        let mut lists = self.on_call().cloned().unwrap_or_default();
        for fact in facts {
            let known = lists.get(&fact.list).and_then(OnCallList::people);
            let mut people = known.cloned().unwrap_or_default();
            if fact.on_call {
                people.insert(user.clone());
            } else {
                people.remove(user);
            }
            let at = fact.read_at;
            lists.insert(fact.list.clone(), OnCallList::Read { at, people });
        }
        self.with_on_call(lists)
    }

    /// Whether some list was read more than `age` ago, in the future, or could not be read.
    pub fn has_on_call_older_than(&self, age: TimeSpan, now: Timestamp) -> bool {
        let mut lists = self.on_call().into_iter().flat_map(BTreeMap::values);
        lists.any(|list| match list {
            OnCallList::Read { at, .. } => age.after(*at) < now || *at > now,
            OnCallList::Unread { .. } => true,
        })
    }

    /// The members of a group, or who is on call. `None` if unknown or unread.
    pub fn members_named(&self, group: &GroupRef) -> Option<&BTreeSet<UserId>> {
        match group {
            GroupRef::OnCall(list) => self.on_call()?.get(list)?.people(),
            GroupRef::Id(_) | GroupRef::Name(_) => self.resolve_group(group)?.members.as_ref(),
        }
    }

    /// Whether unread members are a fault: of lists without any answer, as in the checks of a command
    /// line, nothing is known.
    pub(crate) fn may_read(&self, group: &GroupRef) -> bool {
        !matches!(group, GroupRef::OnCall(_)) || self.on_call().is_some()
    }

    /// Whether the group exists, or the list is configured. Without any lists, as in the checks of
    /// a command line, every list counts as configured.
    pub(crate) fn knows_group(&self, group: &GroupRef) -> bool {
        match group {
            GroupRef::OnCall(list) => self.on_call().is_none_or(|it| it.contains_key(list)),
            GroupRef::Id(_) | GroupRef::Name(_) => self.resolve_group(group).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unread_or_old_list_is_older_than_any_age() {
        let now: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
        let age = TimeSpan::seconds(5);
        let read = |at: &str| OnCallList::Read {
            at: at.parse().unwrap(),
            people: BTreeSet::new(),
        };
        let unread = OnCallList::Unread { why: String::new() };
        for (list, is_older) in [
            (read("2026-12-01T09:59:55Z"), false),
            (read("2026-12-01T09:59:54Z"), true),
            (read("2026-12-01T10:00:01Z"), true),
            (unread, true),
        ] {
            let lists = BTreeMap::from([("on-call:x".to_owned(), list.clone())]);
            let directory = Directory::default().with_on_call(lists);
            assert_eq!(
                directory.has_on_call_older_than(age, now),
                is_older,
                "{list:?}"
            );
        }
        assert!(!Directory::default().has_on_call_older_than(age, now));
    }
}
