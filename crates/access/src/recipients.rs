//! Where news goes: to people, by the addresses they have today. An address that somebody had when
//! they asked may be somebody else's by now, who must not hear of it.

use hallpass_rules::Directory;

use crate::NoticeContext;

impl NoticeContext {
    /// The same, to the address its requester has today, and to nobody in place of one who left or is
    /// disabled. A directory that knows nobody changes nothing.
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
