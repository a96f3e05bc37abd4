//! Past requests held against other rules: what a change of the rules would have changed.

use std::{collections::BTreeSet, fmt};

use hallpass_model::{Email, TimeSpan, Timestamp};

use crate::{
    decision_kind::DecisionKind,
    directory::Directory,
    engine::{Ask, Decision, Principal, Rules},
};

/// A request as it was made.
#[derive(Debug, Clone, Copy)]
pub struct PastRequest<'a> {
    /// Who asked.
    pub requester: Principal<'a>,
    /// For what.
    pub ask: &'a Ask<'a>,
    /// For how long.
    pub duration: TimeSpan,
    /// Why.
    pub reason: &'a str,
    /// The ticket, where one was named.
    pub ticket: Option<&'a str>,
    /// When.
    pub asked_at: Timestamp,
    /// From when, where that was later.
    pub starts_at: Option<Timestamp>,
}

/// What some rules and others say to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What the first rules say.
    pub was: Decision,
    /// What the others say.
    pub would_be: Decision,
    /// In what they differ, as far as people would notice.
    pub changes: Vec<DecisionChange>,
}

/// What a request is held against beside who may ask and who approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestLimit {
    /// The longest duration.
    Duration,
    /// The pattern of reasons.
    Reason,
    /// The pattern of tickets.
    Ticket,
    /// How far ahead it may start.
    Start,
}

impl RequestLimit {
    const ALL: [Self; 4] = [Self::Duration, Self::Reason, Self::Ticket, Self::Start];

    /// The limit in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Reason => "reason",
            Self::Ticket => "ticket",
            Self::Start => "start",
        }
    }

    fn refuses(self, decision: &Decision, request: &PastRequest<'_>) -> bool {
        match self {
            Self::Duration => decision
                .max_duration
                .is_some_and(|max| request.duration > max),
            Self::Reason => decision.reason_refused(request.reason).is_some(),
            Self::Ticket => {
                let ticket = request.ticket.unwrap_or(request.reason);
                decision.ticket_refused(ticket).is_some()
            }
            Self::Start => decision.max_lead_time.is_some_and(|lead| {
                let latest = lead.after(request.asked_at);
                request.starts_at.is_some_and(|at| at > latest)
            }),
        }
    }
}

/// In what two decisions about a request differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionChange {
    /// The decision itself.
    Decision {
        /// What it was.
        was: DecisionKind,
        /// What it would be.
        would_be: DecisionKind,
    },
    /// A limit would refuse it.
    Refused(RequestLimit),
    /// A limit that refuses it would not any more.
    Accepted(RequestLimit),
    /// Who may approve it.
    Approvers {
        /// Who would come to them.
        added: BTreeSet<Email>,
        /// Who would not be one any more.
        removed: BTreeSet<Email>,
    },
    /// How many approvals it needs.
    Approvals {
        /// How many it needs.
        was: u32,
        /// How many it would need.
        would_be: u32,
    },
    /// Whether its requester may break the glass.
    BreakGlass {
        /// Whether they would.
        would_be: bool,
    },
}

impl DecisionChange {
    /// The name of the kind of change, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Decision { .. } => "decision",
            Self::Refused(_) => "refused",
            Self::Accepted(_) => "accepted",
            Self::Approvers { .. } => "approvers",
            Self::Approvals { .. } => "approvals_needed",
            Self::BreakGlass { .. } => "break_glass",
        }
    }
}

impl fmt::Display for DecisionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision { was, would_be } => write!(f, "{was} → {would_be}"),
            Self::Refused(limit) => write!(f, "its {} would be refused", limit.name()),
            Self::Accepted(limit) => write!(f, "its {} would be accepted", limit.name()),
            Self::Approvers { added, removed } => {
                let signed = |sign: char, people: &BTreeSet<Email>| -> Vec<String> {
                    people
                        .iter()
                        .map(|email| format!("{sign}{email}"))
                        .collect()
                };
                let all = [signed('+', added), signed('-', removed)].concat();
                write!(f, "approvers {}", all.join(" "))
            }
            Self::Approvals { was, would_be } => write!(f, "approvals needed {was} → {would_be}"),
            Self::BreakGlass { would_be: true } => f.write_str("may break the glass"),
            Self::BreakGlass { would_be: false } => f.write_str("may not break the glass any more"),
        }
    }
}

impl Rules {
    /// What other rules would have said to a past request, beside what these say; both by the same
    /// directory, and by the hour of then.
    pub fn compare_with(
        &self,
        others: &Self,
        request: &PastRequest<'_>,
        facts: &Directory,
    ) -> Compared {
        let at = request
            .starts_at
            .map_or(request.asked_at, |at| at.max(request.asked_at));
        let decide = |rules: &Self| rules.decide(request.requester, request.ask, facts, at);
        let (was, would_be) = (decide(self), decide(others));
        let changes = changes(&was, &would_be, request);
        Compared {
            was,
            would_be,
            changes,
        }
    }
}

fn changes(was: &Decision, would_be: &Decision, request: &PastRequest<'_>) -> Vec<DecisionChange> {
    let mut changes = Vec::new();
    if was.kind != would_be.kind {
        changes.push(DecisionChange::Decision {
            was: was.kind,
            would_be: would_be.kind,
        });
    }
    // what is refused anyhow is not refused for its length
    let refuses = |limit: RequestLimit, decision: &Decision| {
        (decision.kind.is_granted() || decision.kind == DecisionKind::RequiresApproval)
            && limit.refuses(decision, request)
    };
    for limit in RequestLimit::ALL {
        match (refuses(limit, was), refuses(limit, would_be)) {
            (false, true) => changes.push(DecisionChange::Refused(limit)),
            (true, false) if was.kind == would_be.kind => {
                changes.push(DecisionChange::Accepted(limit));
            }
            (true, _) | (false, false) => {}
        }
    }
    if was.kind == would_be.kind && was.approvers != would_be.approvers {
        changes.push(DecisionChange::Approvers {
            added: would_be
                .approvers
                .difference(&was.approvers)
                .cloned()
                .collect(),
            removed: was
                .approvers
                .difference(&would_be.approvers)
                .cloned()
                .collect(),
        });
    }
    if was.kind == would_be.kind && was.approvals_needed != would_be.approvals_needed {
        changes.push(DecisionChange::Approvals {
            was: was.approvals_needed,
            would_be: would_be.approvals_needed,
        });
    }
    if was.break_glass != would_be.break_glass {
        changes.push(DecisionChange::BreakGlass {
            would_be: would_be.break_glass,
        });
    }
    changes
}
