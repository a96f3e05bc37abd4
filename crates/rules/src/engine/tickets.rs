//! What services say about the ticket of a decision.

use std::collections::BTreeSet;

use hallpass_base::Email;

use super::ticket_requirement::{TicketProblem, TicketRequirement};
use super::{Ready, decide::Evaluation};
use crate::ticket::{Assignee, TicketFact, TicketFacts, TicketFound, TicketRead, TicketTerms};

impl Evaluation<'_> {
    pub(super) fn ticket_requirements(&self) -> Vec<TicketRequirement> {
        let requirement = |ready: &Ready| {
            Some(TicketRequirement {
                rule: ready.rule.id.clone(),
                terms: ready.terms().ticket.clone()?,
            })
        };
        self.limited().filter_map(requirement).collect()
    }

    /// Whether the rule's right to immediate access is lost for want of its ticket.
    pub(super) fn needs_approval_without_ticket(&self, ready: &Ready) -> bool {
        let Some(terms) = &ready.terms().ticket else {
            return false;
        };
        match self.facts.ticket() {
            _ if !terms.else_approval => false,
            // No ticket is known: as without one.
            None => true,
            facts @ Some(_) => terms.problem(facts, |it| self.is_requesters(it)).is_some(),
        }
    }

    pub(super) fn ticket_problem(&self) -> Option<TicketProblem> {
        let problem = |ready: &Ready| {
            let terms: &TicketTerms = ready.terms().ticket.as_ref()?;
            if terms.else_approval {
                return None;
            }
            let why = terms.problem(self.facts.ticket(), |it| self.is_requesters(it))?;
            let rule = ready.rule.id.clone();
            Some(TicketProblem { rule, why })
        };
        self.limited().find_map(problem)
    }

    pub(super) fn ticket_facts(&self) -> BTreeSet<TicketFact> {
        let Some(TicketFacts::Read { by_source, .. }) = self.facts.ticket() else {
            return BTreeSet::new();
        };
        let terms = self.limited().filter_map(|it| it.terms().ticket.as_ref());
        let fact = |terms: &TicketTerms| {
            let source = terms.source.clone();
            let (read_at, found) = match by_source.get(&source)? {
                TicketRead::Found { at, ticket } => (*at, Some(ticket)),
                TicketRead::Missing { at } => (*at, None),
                TicketRead::Unread { .. } => return None,
            };
            let found = found.map(|ticket| TicketFound {
                key: ticket.key.clone(),
                state: ticket.state.clone(),
                project: ticket.project.clone(),
                assigned_to_requester: match &ticket.assignee {
                    Assignee::Person(address) => self.is_requesters(address),
                    Assignee::Nobody | Assignee::WithoutAddress => false,
                },
                url: ticket.url.clone(),
            });
            Some(TicketFact {
                source,
                read_at,
                found,
            })
        };
        terms.filter_map(fact).collect()
    }

    /// Whether the address is that of one user, the requester.
    fn is_requesters(&self, address: &Email) -> bool {
        let found = self.facts.person_by_email(address);
        found.is_ok_and(|person| self.requester.is_user(&person.user_id))
    }
}
