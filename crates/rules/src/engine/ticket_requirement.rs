use serde::Serialize;

use crate::{
    rule::RuleId,
    ticket::{TicketProblemKind, TicketTerms},
};

/// The requirement of an applicable rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketRequirement {
    pub rule: RuleId,
    #[serde(flatten)]
    pub terms: TicketTerms,
}

/// Why a request's ticket does not meet a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketProblem {
    pub rule: RuleId,
    pub why: TicketProblemKind,
}

impl TicketProblem {
    pub const fn code(&self) -> &'static str {
        match self.why {
            TicketProblemKind::Absent { .. } => "ticket-absent",
            TicketProblemKind::Unread { .. } => "ticket-unread",
            TicketProblemKind::Unknown { .. } => "ticket-unknown",
            TicketProblemKind::State { .. } => "ticket-state",
            TicketProblemKind::Project { .. } => "ticket-project",
            TicketProblemKind::NotAssigned { .. }
            | TicketProblemKind::AssigneeWithoutAddress { .. } => "ticket-assignee",
        }
    }

    pub const fn is_unread(&self) -> bool {
        matches!(self.why, TicketProblemKind::Unread { .. })
    }

    pub fn words(&self) -> String {
        let rule = &self.rule;
        match &self.why {
            TicketProblemKind::Absent { wanted } => format!("Rule `{rule}` requires {wanted}."),
            TicketProblemKind::Unread { source, why } => format!(
                "The ticket could not be read in `{source}`: {why}. Try again, or ask an administrator."
            ),
            TicketProblemKind::Unknown { source, text } => {
                format!("`{source}` has no ticket `{text}`.")
            }
            TicketProblemKind::State { key, state, wanted } => {
                format!("Ticket {key} is `{state}`; rule `{rule}` requires {wanted}.")
            }
            TicketProblemKind::Project {
                key,
                project,
                wanted,
            } => {
                format!("Ticket {key} belongs to `{project}`; rule `{rule}` requires {wanted}.")
            }
            TicketProblemKind::NotAssigned { key } => {
                format!("Ticket {key} is not assigned to the requester, as rule `{rule}` requires.")
            }
            TicketProblemKind::AssigneeWithoutAddress { key } => format!(
                "Ticket {key} has an assignee whose address the service does not show, so it cannot be compared with the requester."
            ),
        }
    }
}

impl TicketRequirement {
    /// For requesters.
    pub fn words(&self) -> String {
        let (rule, ticket) = (&self.rule, self.terms.words());
        match (self.terms.else_approval, self.terms.required) {
            (true, _) => format!("Without approval (rule `{rule}`) only with {ticket}."),
            (false, true) => format!("Rule `{rule}` requires {ticket}."),
            (false, false) => format!("Optional; rule `{rule}` accepts {ticket}."),
        }
    }
}
