//! Addresses notices by users' current addresses: an old one may belong to another user, who must
//! not receive them.

use hallpass_rules::Directory;

use crate::NoticeContext;

impl NoticeContext {
    /// Uses the requester's current address, and no recipient if they left or are disabled. An
    /// empty directory changes nothing.
    #[must_use]
    pub fn addressed(mut self, directory: &Directory) -> Self {
        if directory.people().is_empty() {
            return self;
        }
        let requester = &mut self.request.requester;
        let person = directory.person(&requester.user);
        let person = person.filter(|person| person.enabled);
        if person.is_some_and(|person| person.emails.contains(&requester.email)) {
            return self;
        }
        self.notice.to.retain(|email| *email != requester.email);
        if let Some(today) = person.and_then(|person| person.emails.first()) {
            self.notice.to.push(today.clone());
            requester.email = today.clone();
            if let Some(grant) = &mut self.grant {
                grant.holder.email = today.clone();
            }
        }
        self
    }
}
