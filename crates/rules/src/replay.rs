//! Compares past requests under other rules, to preview a rule change.

use std::{collections::BTreeSet, fmt};

use hallpass_base::{Email, TimeSpan, Timestamp};

use crate::{
    arming::EndArming,
    decision_kind::DecisionKind,
    directory::Directory,
    engine::{
        ApprovalHours, Ask, Decision, OverLimit, Principal, RuleWarning, Rules, SignInRequirement,
        Stage,
    },
    named_facts::UnreadFact,
};

#[derive(Debug, Clone, Copy)]
pub struct PastRequest<'a> {
    pub requester: Principal<'a>,
    pub ask: &'a Ask<'a>,
    pub duration: TimeSpan,
    pub reason: &'a str,
    pub ticket: Option<&'a str>,
    pub asked_at: Timestamp,
    pub starts_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub was: Decision,
    pub would_be: Decision,
    pub changes: Vec<DecisionChange>,
    /// Unread facts, which may change the comparison.
    pub not_read: BTreeSet<UnreadFact>,
}

impl Compared {
    /// Returns whether the decisions differ, or only the new one depends on unread facts.
    pub fn is_news(&self) -> bool {
        !self.changes.is_empty() || !self.would_be.not_read.is_subset(&self.was.not_read)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestLimit {
    Duration,
    Reason,
    Ticket,
    Start,
}

impl RequestLimit {
    const ALL: [Self; 4] = [Self::Duration, Self::Reason, Self::Ticket, Self::Start];

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
                // as in requests: the reason replaces a missing ticket
                let ticket = request.ticket.unwrap_or_default();
                decision.ticket_refused(ticket).is_some() || decision.ticket_problem.is_some()
            }
            Self::Start => decision.max_lead_time.is_some_and(|lead| {
                let latest = lead.after(request.asked_at);
                request.starts_at.is_some_and(|at| at > latest)
            }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionChange {
    Decision {
        was: DecisionKind,
        would_be: DecisionKind,
    },
    Refused(RequestLimit),
    Accepted(RequestLimit),
    Approvers {
        added: BTreeSet<Email>,
        removed: BTreeSet<Email>,
    },
    Approvals {
        was: u32,
        would_be: u32,
    },
    Stages {
        was: String,
        would_be: String,
    },
    ApprovalHours {
        was: String,
        would_be: String,
    },
    Warnings {
        was: String,
        would_be: String,
    },
    SignIn {
        was: String,
        would_be: String,
    },
    /// Handling of a waiting request over the limit.
    OverLimit {
        would_be: OverLimit,
    },
    ArmedEnds {
        was: Option<EndArming>,
        would_be: Option<EndArming>,
    },
    Notified {
        added: BTreeSet<Email>,
        removed: BTreeSet<Email>,
    },
    SlackChannel {
        was: Option<String>,
        would_be: Option<String>,
    },
    BreakGlass {
        would_be: bool,
    },
}

impl DecisionChange {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Decision { .. } => "decision",
            Self::Refused(_) => "refused",
            Self::Accepted(_) => "accepted",
            Self::Approvers { .. } => "approvers",
            Self::Approvals { .. } => "approvals_needed",
            Self::Stages { .. } => "stages",
            Self::ApprovalHours { .. } => "approval_hours",
            Self::Warnings { .. } => "warnings",
            Self::SignIn { .. } => "sign_in",
            Self::OverLimit { .. } => "over_limit",
            Self::ArmedEnds { .. } => "armed_ends",
            Self::Notified { .. } => "notify",
            Self::SlackChannel { .. } => "slack_channel",
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
                write!(f, "approvers {}", signed(added, removed))
            }
            Self::Approvals { was, would_be } => write!(f, "approvals needed {was} → {would_be}"),
            Self::Stages { was, would_be } => {
                write!(f, "stages {} → {}", or(was, "none"), or(would_be, "none"))
            }
            Self::ApprovalHours { was, would_be } => {
                let (was, would_be) = (or(was, "any time"), or(would_be, "any time"));
                write!(f, "approved at {was} → {would_be}")
            }
            Self::Warnings { was, would_be } => {
                let (was, would_be) = (or(was, "none"), or(would_be, "none"));
                write!(f, "warnings to confirm {was} → {would_be}")
            }
            Self::SignIn { was, would_be } => {
                write!(f, "sign-in {} → {}", or(was, "any"), or(would_be, "any"))
            }
            Self::OverLimit { would_be } => f.write_str(match would_be {
                OverLimit::Refuse => "would be refused where it is too long by its approval",
                OverLimit::Shorten => "would be shortened where it is too long by its approval",
            }),
            Self::ArmedEnds { was, would_be } => {
                let name = |it: &Option<EndArming>| it.map_or("as configured", EndArming::name);
                write!(f, "enforced expiry {} → {}", name(was), name(would_be))
            }
            Self::Notified { added, removed } => {
                write!(f, "mentioned {}", signed(added, removed))
            }
            Self::SlackChannel { was, would_be } => {
                let name = |it: &Option<String>| it.clone().unwrap_or("as configured".to_owned());
                write!(f, "Slack channel {} → {}", name(was), name(would_be))
            }
            Self::BreakGlass { would_be: true } => f.write_str("may break the glass"),
            Self::BreakGlass { would_be: false } => f.write_str("may no longer break the glass"),
        }
    }
}

/// Formats additions and removals: `+ana@example.com -bo@example.com`.
fn signed(added: &BTreeSet<Email>, removed: &BTreeSet<Email>) -> String {
    let added = added.iter().map(|email| format!("+{email}"));
    let removed = removed.iter().map(|email| format!("-{email}"));
    let all: Vec<String> = added.chain(removed).collect();
    all.join(" ")
}

fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

impl Rules {
    /// Compares a past request under these and other rules, with the same directory and original
    /// time.
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
        let not_read = was.not_read.union(&would_be.not_read);
        Compared {
            not_read: not_read.cloned().collect(),
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
    // denied requests are not also refused for length
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
    if was.kind == would_be.kind {
        changes.extend(of_one_kind(was, would_be));
    }
    if was.break_glass != would_be.break_glass {
        changes.push(DecisionChange::BreakGlass {
            would_be: would_be.break_glass,
        });
    }
    changes
}

fn channel_change(was: Option<&String>, would_be: Option<&String>) -> Option<DecisionChange> {
    (was != would_be).then(|| DecisionChange::SlackChannel {
        was: was.cloned(),
        would_be: would_be.cloned(),
    })
}

/// Compares decisions of one kind. Destructures every field, so that a new field does not compile
/// until compared.
fn of_one_kind(was: &Decision, would_be: &Decision) -> impl Iterator<Item = DecisionChange> {
    let Decision {
        kind: _,
        approvers,
        // other rules may have the same effect
        based_on: _,
        max_duration: _,
        max_duration_by: _,
        max_lead_time: _,
        max_lead_time_by: _,
        reason_patterns: _,
        ticket_patterns: _,
        tickets: _,
        ticket_facts: _,
        ticket_problem: _,
        conflicts: _,
        holdings_unread: _,
        approval_hours,
        over_limit,
        sign_in,
        armed_ends,
        warnings,
        approvals_needed,
        stages,
        notify,
        slack_channel,
        break_glass: _,
        manager: _,
        own_later: _,
        not_asking: _,
        // depends on the directory, not on the rules
        delegates: _,
        escalates_after: _,
        on_call: _,
        approvers_on_call: _,
        unread: _,
        not_read: _,
    } = was;
    let differ = |(was, would_be): (String, String)| (was != would_be).then_some((was, would_be));
    let approvers = people(approvers, &would_be.approvers);
    let approvers = approvers.map(|(added, removed)| DecisionChange::Approvers { added, removed });
    let needed = (*approvals_needed != would_be.approvals_needed).then_some({
        DecisionChange::Approvals {
            was: *approvals_needed,
            would_be: would_be.approvals_needed,
        }
    });
    let stages = differ((of_stages(stages), of_stages(&would_be.stages)));
    let stages = stages.map(|(was, would_be)| DecisionChange::Stages { was, would_be });
    let hours = differ((of_hours(approval_hours), of_hours(&would_be.approval_hours)));
    let hours = hours.map(|(was, would_be)| DecisionChange::ApprovalHours { was, would_be });
    let warned = differ((of_warnings(warnings), of_warnings(&would_be.warnings)));
    let warned = warned.map(|(was, would_be)| DecisionChange::Warnings { was, would_be });
    let sign_in = differ((of_sign_in(sign_in), of_sign_in(&would_be.sign_in)));
    let sign_in = sign_in.map(|(was, would_be)| DecisionChange::SignIn { was, would_be });
    let over = (*over_limit != would_be.over_limit).then_some(DecisionChange::OverLimit {
        would_be: would_be.over_limit,
    });
    let armed = (*armed_ends != would_be.armed_ends).then_some(DecisionChange::ArmedEnds {
        was: *armed_ends,
        would_be: would_be.armed_ends,
    });
    let is_own = *notify != was.approvers || would_be.notify != would_be.approvers;
    let notified = people(notify, &would_be.notify).filter(|_| is_own);
    let notified = notified.map(|(added, removed)| DecisionChange::Notified { added, removed });
    let channel = channel_change(slack_channel.as_ref(), would_be.slack_channel.as_ref());
    [
        approvers, needed, stages, hours, warned, sign_in, over, armed, notified, channel,
    ]
    .into_iter()
    .flatten()
}

fn people(
    was: &BTreeSet<Email>,
    would_be: &BTreeSet<Email>,
) -> Option<(BTreeSet<Email>, BTreeSet<Email>)> {
    let without = |one: &BTreeSet<Email>, other| one.difference(other).cloned().collect();
    (was != would_be).then(|| (without(would_be, was), without(was, would_be)))
}

fn of_stages(stages: &[Stage]) -> String {
    let shown = |stage: &Stage| {
        let approvers: Vec<&str> = stage.approvers.iter().map(Email::as_str).collect();
        format!(
            "{} ({} of {})",
            stage.name,
            stage.quorum,
            approvers.join(", ")
        )
    };
    let shown: Vec<String> = stages.iter().map(shown).collect();
    shown.join(" and ")
}

fn of_hours(hours: &[ApprovalHours]) -> String {
    let shown: BTreeSet<String> = hours.iter().map(ToString::to_string).collect();
    shown.into_iter().collect::<Vec<_>>().join(" and ")
}

fn of_warnings(warnings: &[RuleWarning]) -> String {
    let shown: BTreeSet<String> = warnings.iter().map(|it| format!("“{}”", it.text)).collect();
    shown.into_iter().collect::<Vec<_>>().join(" and ")
}

fn of_sign_in(requirements: &[SignInRequirement]) -> String {
    let shown = |it: &SignInRequirement| {
        let age = it.max_age.map(|age| format!("within {age}"));
        let ways = it.acr.iter().cloned().collect::<Vec<_>>().join(" or ");
        let ways = (!ways.is_empty()).then(|| format!("by {ways}"));
        age.into_iter().chain(ways).collect::<Vec<_>>().join(" ")
    };
    let shown: BTreeSet<String> = requirements.iter().map(shown).collect();
    shown.into_iter().collect::<Vec<_>>().join(" and ")
}
