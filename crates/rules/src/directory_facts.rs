//! The directory with facts for one decision: the ticket of its request, and what its requester holds.

use hallpass_base::Email;

use crate::{
    directory::Directory,
    never_together::{HeldBy, Holding, Holdings},
    subject::Subject,
    ticket::{Assignee, Ticket, TicketFact, TicketFacts, TicketRead},
};

impl Directory {
    /// The same directory, to decide the request with this ticket. Cheap: shares the rest.
    #[must_use]
    pub fn with_ticket(&self, facts: TicketFacts) -> Self {
        let mut with = self.clone();
        with.set_ticket(facts);
        with
    }

    /// The same directory, with what the services said at another time about the ticket of a user
    /// whose address is `requester`.
    #[must_use]
    pub fn with_ticket_facts<'a>(
        &self,
        requester: &Email,
        text: Option<&str>,
        facts: impl IntoIterator<Item = &'a TicketFact>,
    ) -> Self {
        let read = |fact: &TicketFact| {
            let at = fact.read_at;
            let read = match &fact.found {
                Some(found) => TicketRead::Found {
                    at,
                    ticket: Ticket {
                        key: found.key.clone(),
                        state: found.state.clone(),
                        project: found.project.clone(),
                        assignee: if found.assigned_to_requester {
                            Assignee::Person(requester.clone())
                        } else {
                            Assignee::Nobody
                        },
                        url: found.url.clone(),
                    },
                },
                None => TicketRead::Missing { at },
            };
            (fact.source.clone(), read)
        };
        self.with_ticket(TicketFacts::Read {
            text: text.unwrap_or_default().to_owned(),
            by_source: facts.into_iter().map(read).collect(),
        })
    }

    /// The same directory, to decide a request of a person who holds this. Cheap: shares the rest.
    #[must_use]
    pub fn with_holdings(&self, holdings: Holdings) -> Self {
        let mut with = self.clone();
        with.set_holdings(holdings);
        with
    }
}

impl Holding {
    /// "`PowerUser` in `payments-prod` (by a grant)".
    pub fn words(&self, directory: &Directory) -> String {
        let target = match &self.target {
            Subject::Account {
                account,
                permission_set,
            } => {
                let known = directory.account(account);
                let name = known.map_or(account.as_str(), |it| it.name.as_str());
                format!("`{permission_set}` in `{name}`")
            }
            Subject::Group { group } => {
                let known = directory.group(group);
                format!(
                    "group `{}`",
                    known.map_or(group.as_str(), |it| it.name.as_str())
                )
            }
        };
        match &self.by {
            HeldBy::Grant(id) => format!("{target} (grant {id})"),
            HeldBy::Standing => format!("{target} (standing)"),
            HeldBy::SameCall => format!("{target} (requested together with it)"),
            HeldBy::Group(name) => format!("{target} (by group `{name}`)"),
        }
    }
}
