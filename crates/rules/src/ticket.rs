//! Tickets of other services, which rules may require (`access.md` §25).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// As the service writes it.
    pub key: String,
    /// Its status, such as `In Progress`.
    pub state: String,
    /// Jira's project, Linear's team, the repository, or `ServiceNow`'s table.
    pub project: String,
    pub assignee: Assignee,
    /// For people.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    Nobody,
    Person(Email),
    /// The service does not show the address: assigned to no requester.
    WithoutAddress,
}

/// What one service said about a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketRead {
    Found {
        at: Timestamp,
        ticket: Ticket,
    },
    /// The service has no such ticket.
    Missing {
        at: Timestamp,
    },
    Unread {
        why: String,
    },
}

/// About the request that is decided. Without it, no requirement of a ticket is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketFacts {
    /// Access was granted, so its ticket was accepted then.
    Accepted,
    Read {
        /// As the requester wrote it, trimmed; empty without a ticket.
        text: String,
        by_source: BTreeMap<String, TicketRead>,
    },
}

/// A rule's requirement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TicketTerms {
    /// The name of a configured service.
    pub source: String,
    /// Without a ticket the request is refused; otherwise only a given ticket is checked.
    pub required: bool,
    /// Compared without ASCII case; empty for all.
    pub states: BTreeSet<String>,
    /// Compared without ASCII case; empty for all.
    pub projects: BTreeSet<String>,
    pub assigned_to_requester: bool,
    /// Without such a ticket the rule requires approval instead of refusing.
    pub else_approval: bool,
}

/// What a service said about the ticket when a request was decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TicketFact {
    pub source: String,
    pub read_at: Timestamp,
    /// `None` if the service has no such ticket.
    pub found: Option<TicketFound>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TicketFound {
    pub key: String,
    pub state: String,
    pub project: String,
    pub assigned_to_requester: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketProblemKind {
    Absent {
        wanted: String,
    },
    Unread {
        source: String,
        why: String,
    },
    Unknown {
        source: String,
        text: String,
    },
    State {
        key: String,
        state: String,
        wanted: String,
    },
    Project {
        key: String,
        project: String,
        wanted: String,
    },
    NotAssigned {
        key: String,
    },
    AssigneeWithoutAddress {
        key: String,
    },
}

fn one_of(wanted: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = wanted.iter().map(|it| format!("`{it}`")).collect();
    quoted.join(" or ")
}

fn has(wanted: &BTreeSet<String>, text: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| it.eq_ignore_ascii_case(text))
}

impl TicketTerms {
    /// A noun with its conditions: "a `jira` ticket in state `Open`, assigned to the requester".
    pub fn words(&self) -> String {
        let listed = |before: &str, wanted: &BTreeSet<String>| {
            if wanted.is_empty() {
                String::new()
            } else {
                format!(" {before} {}", one_of(wanted))
            }
        };
        let assigned = if self.assigned_to_requester {
            ", assigned to the requester"
        } else {
            ""
        };
        format!(
            "a `{}` ticket{}{}{assigned}",
            self.source,
            listed("of", &self.projects),
            listed("in state", &self.states)
        )
    }

    /// Why the ticket does not meet these terms; `None` if it does, or no ticket is known to judge.
    /// `owns` tells whether an address is the requester's.
    pub(crate) fn problem(
        &self,
        facts: Option<&TicketFacts>,
        owns: impl Fn(&Email) -> bool,
    ) -> Option<TicketProblemKind> {
        let Some(TicketFacts::Read { text, by_source }) = facts else {
            return None;
        };
        if text.is_empty() {
            let wanted = self.words();
            let is_needed = self.required || self.else_approval;
            return is_needed.then_some(TicketProblemKind::Absent { wanted });
        }
        let source = self.source.clone();
        let ticket = match by_source.get(&self.source) {
            Some(TicketRead::Found { ticket, .. }) => ticket,
            Some(TicketRead::Missing { .. }) => {
                let text = text.clone();
                return Some(TicketProblemKind::Unknown { source, text });
            }
            Some(TicketRead::Unread { why }) => {
                let why = why.clone();
                return Some(TicketProblemKind::Unread { source, why });
            }
            None => {
                let why = "it was not asked".to_owned();
                return Some(TicketProblemKind::Unread { source, why });
            }
        };
        let key = ticket.key.clone();
        if !has(&self.projects, &ticket.project) {
            return Some(TicketProblemKind::Project {
                key,
                project: ticket.project.clone(),
                wanted: one_of(&self.projects),
            });
        }
        if !has(&self.states, &ticket.state) {
            return Some(TicketProblemKind::State {
                key,
                state: ticket.state.clone(),
                wanted: one_of(&self.states),
            });
        }
        if !self.assigned_to_requester {
            return None;
        }
        match &ticket.assignee {
            Assignee::Person(address) if owns(address) => None,
            Assignee::Person(_) | Assignee::Nobody => Some(TicketProblemKind::NotAssigned { key }),
            Assignee::WithoutAddress => Some(TicketProblemKind::AssigneeWithoutAddress { key }),
        }
    }
}

impl TicketFact {
    /// As in the audit log.
    pub fn answer(&self) -> String {
        match &self.found {
            Some(found) => {
                let assigned = if found.assigned_to_requester {
                    "assigned to the requester"
                } else {
                    "not assigned to the requester"
                };
                let TicketFound {
                    key,
                    state,
                    project,
                    ..
                } = found;
                format!("{key} of {project}: {state}, {assigned}")
            }
            None => "no such ticket".to_owned(),
        }
    }
}
