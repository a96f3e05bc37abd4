use hallpass_access::Directory;
use hallpass_audit::Record;
use hallpass_base::{AccountId, Email, GroupId, UserId};
use serde_json::Value;

use super::people::name_of;
use super::words::plain;

pub(crate) struct EventGroup {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) events: &'static [&'static str],
}

pub(crate) const GROUPS: [EventGroup; 14] = [
    EventGroup {
        name: "access",
        words: "Grants and ends",
        events: &[
            "grant.requested",
            "grant.succeeded",
            "grant.failed",
            "end.started",
            "end.succeeded",
            "end.failed",
            "end.stuck",
            "end.repeated",
            "end.armed",
            "end.rearmed",
            "end.disarmed",
            "end.arm_failed",
            "end.denied",
            "extend",
            "drift.missing",
            "drift.principal_left",
            "drift.rule_changed",
            "drift.guard",
        ],
    },
    EventGroup {
        name: "decisions",
        words: "Decisions",
        events: &[
            "request.created",
            "request.reviewed",
            "request.approved",
            "request.denied",
            "request.discarded",
            "request.expired",
        ],
    },
    EventGroup {
        name: "refusals",
        words: "Refusals",
        events: &[
            "request.rejected",
            "request.denied",
            "press.refused",
            "grant.failed",
            "end.failed",
            "end.stuck",
        ],
    },
    EventGroup {
        name: "break-glass",
        words: "Break-glass",
        events: &["review.opened", "review.closed"],
    },
    EventGroup {
        name: "rules",
        words: "Rules",
        events: &["config.loaded", "drift.rule_changed"],
    },
    EventGroup {
        name: "tokens",
        words: "Tokens and sessions",
        events: &[
            "token.created",
            "token.revoked",
            "session.revoked",
            "credentials.ended",
            "sign_in.bound",
            "sign_in.link",
            "sign_in.refused",
            "sign_in.forgotten",
            "person.locked",
            "person.unlocked",
            "absence.set",
            "absence.ended",
        ],
    },
    EventGroup {
        name: "sweeps",
        words: "Sweeps and standing access",
        events: &[
            "entitlement.ending",
            "entitlement.ended",
            "entitlement.end_failed",
            "sweep.looked",
            "sweep.found",
            "sweep.planned",
            "sweep.stopped",
            "sweep.confirmed",
            "sweep.failed",
            "sweep.removing",
            "sweep.removed",
            "sweep.stuck",
            "sweep.left_alone",
            "standing.accepted",
            "standing.withdrawn",
            "standing.adopted",
            "campaign.begun",
            "campaign.answered",
            "campaign.reassigned",
            "campaign.closed",
            "campaign.signed_off",
            "campaign.planned",
        ],
    },
    EventGroup {
        name: "memberships",
        words: "Group membership by attributes",
        events: &[
            "memberships.looked",
            "memberships.stopped",
            "memberships.failed",
            "membership.adding",
            "membership.added",
            "membership.removing",
            "membership.removed",
            "membership.refused",
            "membership.left_alone",
        ],
    },
    EventGroup {
        name: "plans",
        words: "Changes by plans",
        events: &["plan.changed"],
    },
    EventGroup {
        name: "aws-sessions",
        words: "Sessions at AWS",
        events: &["sessions.cut", "sessions.cut_failed", "sessions.restored"],
    },
    EventGroup {
        name: "clock",
        words: "Clocks",
        events: &["clock.disagreed", "clock.agreed"],
    },
    EventGroup {
        name: "alerts",
        words: "Alerts",
        events: &["alert.muted", "alert.unmuted"],
    },
    EventGroup {
        name: "remediations",
        words: "Remediations",
        events: &[
            "remediation.approved",
            "remediation.declined",
            "remediations.paused",
            "remediations.resumed",
        ],
    },
    EventGroup {
        name: "history",
        words: "History of other tools",
        events: &["history.imported"],
    },
];

fn of_campaign(name: &str) -> Option<&'static str> {
    Some(match name {
        "campaign.begun" => "Access review begun",
        "campaign.answered" => "Access reviewed",
        "campaign.reassigned" => "Reviewer changed",
        "campaign.closed" => "Access review closed",
        "campaign.signed_off" => "Access review signed off",
        "campaign.planned" => "Removals planned",
        _ => return None,
    })
}

pub(crate) fn event(name: &str) -> String {
    let words = match name {
        "request.created" => "Requested",
        "request.reviewed" => "Approved, more needed",
        "request.rejected" => "Not possible",
        "request.approved" => "Approved",
        "request.denied" => "Denied",
        "request.discarded" => "Discarded",
        "request.expired" => "Expired",
        "review.opened" => "Review opened",
        "review.closed" => "Review closed",
        "press.refused" => "Press refused",
        "grant.requested" => "Setting up",
        "grant.succeeded" => "Active",
        "grant.failed" => "Failed",
        "end.started" => "End started",
        "end.succeeded" => "Ended",
        "end.failed" | "sweep.stuck" => "Removal refused",
        "end.stuck" => "End stuck",
        "end.repeated" => "Removed again",
        "extend" => "Extended",
        "drift.missing" => "Access vanished",
        "drift.principal_left" => "Person left",
        "drift.rule_changed" => "Rules would refuse",
        "drift.guard" => "Removed too early",
        "config.loaded" => "Rules loaded",
        "token.created" => "Token made",
        "token.revoked" => "Token revoked",
        "credentials.ended" => "Tokens and sessions ended",
        "sign_in.bound" => "First sign-in",
        "sign_in.link" => "Sign-in by link",
        "sign_in.refused" => "Sign-in refused",
        "sign_in.forgotten" => "Sign-in forgotten",
        "person.locked" => "Person locked",
        "person.unlocked" => "Person unlocked",
        "absence.set" => "Out of office",
        "absence.ended" => "Absence ended",
        "session.revoked" => "Sessions ended",
        "plan.changed" => "Plan changed",
        "sessions.cut" => "AWS sessions ended",
        "sessions.cut_failed" => "AWS sessions continue",
        "sessions.restored" => "AWS sessions over",
        "clock.disagreed" => "Clocks disagree",
        "clock.agreed" => "Clocks agree",
        "alert.muted" => "Row muted",
        "alert.unmuted" => "Row unmuted",
        "remediation.approved" => "Remediation approved",
        "remediation.declined" => "Remediation declined",
        "remediations.paused" => "Remediations paused",
        "remediations.resumed" => "Remediations resumed",
        "history.imported" => "Imported from another tool",
        "standing.accepted" => "Standing accepted",
        "standing.withdrawn" => "Acceptance withdrawn",
        "standing.adopted" => "Given an end",
        "entitlement.ending" => "Entitlement ends",
        "entitlement.ended" => "Entitlement ended",
        "entitlement.end_failed" => "Entitlement not ended",
        "sweep.looked" => "Sweep looked",
        "sweep.found" => "Unmanaged access found",
        "sweep.planned" => "Sweep planned",
        "sweep.stopped" => "Sweep stopped",
        "sweep.confirmed" => "Sweep confirmed",
        "sweep.failed" => "Sweep failed",
        "sweep.removing" | "membership.removing" => "Removal sent",
        "sweep.removed" => "Removed by sweep",
        "sweep.left_alone" | "membership.left_alone" => "Left alone",
        other => return of_campaign(other).map_or_else(|| membership(other), str::to_owned),
    };
    words.to_owned()
}

fn membership(name: &str) -> String {
    let words = match name {
        "memberships.looked" => "Memberships compared",
        "memberships.stopped" => "Removals stopped",
        "memberships.failed" => "Memberships not read",
        "membership.adding" => "Adding sent",
        "membership.added" => "Added to group",
        "membership.removed" => "Removed from group",
        "membership.refused" => "Change refused",
        other => return armed(other),
    };
    words.to_owned()
}

fn armed(name: &str) -> String {
    let words = match name {
        "end.armed" => "Expiry enforced by AWS",
        "end.rearmed" => "Enforced expiry moved",
        "end.disarmed" => "Enforced expiry lifted",
        "end.arm_failed" => "Expiry not enforced",
        "end.denied" => "Denied at AWS",
        "log.loss_accepted" => "Lost records accepted",
        other => return plain(other),
    };
    words.to_owned()
}

pub(crate) fn by(directory: &Directory, record: &Record) -> String {
    match record.text("actor") {
        Some("hallpass") => {
            let occasion = match (record.event(), record.text("reason")) {
                ("end.started" | "end.succeeded", Some("scheduled_revocation")) => "deadline",
                ("end.succeeded", Some("released")) => "ended early",
                ("end.succeeded", Some(reason)) if reason.starts_with("revoked_by") => "revoked",
                ("drift.missing", _) => "drift",
                ("drift.guard", _) | ("end.started" | "end.succeeded", Some("guard")) => "guard",
                (_, Some("principal_left")) => "person left",
                ("request.expired", _) => "expiry",
                ("config.loaded", _) => "rules",
                _ => return "Hallpass".to_owned(),
            };
            format!("Hallpass, {occasion}")
        }
        Some(actor) => name_of(directory, actor),
        None => "–".to_owned(),
    }
}

pub(crate) fn about(directory: &Directory, record: &Record) -> String {
    let who = record
        .text("requester_email")
        .map(|email| name_of(directory, email));
    let mut parts: Vec<String> = who.into_iter().collect();
    parts.extend(target(directory, record));
    match record.event() {
        "grant.failed"
        | "end.failed"
        | "end.stuck"
        | "sessions.cut_failed"
        | "sweep.failed"
        | "sweep.stuck"
        | "memberships.failed"
        | "membership.refused" => {
            parts.extend(record.text("error").map(plain));
        }
        "end.succeeded" => match record.fields().get("removed") {
            Some(Value::Bool(false)) => {
                parts.extend(record.text("why").map(|why| plain(&why.replace('_', " "))));
            }
            _ => parts.push("removed".to_owned()),
        },
        "request.created" => {
            let seconds = record
                .text("permission_duration")
                .and_then(|seconds| seconds.parse::<u64>().ok());
            parts.extend(
                seconds.map(|seconds| hallpass_base::TimeSpan::seconds(seconds).to_string()),
            );
        }
        "press.refused"
        | "config.loaded"
        | "token.created"
        | "token.revoked"
        | "clock.disagreed"
        | "clock.agreed"
        | "sweep.looked"
        | "sweep.planned"
        | "sweep.stopped"
        | "sweep.confirmed"
        | "sweep.left_alone"
        | "standing.withdrawn"
        | "alert.muted"
        | "alert.unmuted"
        | "remediation.approved"
        | "remediation.declined" => {
            parts.extend(record.text("why").map(plain));
        }
        "plan.changed" => {
            let fields = ["plan_kind", "step_kind", "target"];
            parts.extend(
                fields
                    .iter()
                    .filter_map(|field| record.text(field))
                    .map(plain),
            );
        }
        "request.rejected" if parts.len() < 2 => parts.extend(record.text("why").map(plain)),
        _ => {}
    }
    if parts.is_empty() {
        "–".to_owned()
    } else {
        parts.join(" · ")
    }
}

/// Returns the name that the directory has today for the id or address of a field.
pub(crate) fn known_as(directory: &Directory, field: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let person = |user: &UserId| Some(directory.person(user)?.display_name.as_str());
    let name = match field {
        "actor" | "requester_email" | "approver_email" => {
            let known = directory.person_by_email(&Email::new(text).ok()?).ok()?;
            known.display_name.as_str()
        }
        "sso_user_principal_id" | "actor_user_id" | "approver_user_id" => {
            person(&UserId::new(text).ok()?)?
        }
        "account_id" => &directory.account(&AccountId::new(text).ok()?)?.name,
        "group_id" => &directory.group(&GroupId::new(text).ok()?)?.name,
        "permission_set" => {
            let mut sets = directory.permission_sets().iter();
            &sets.find(|set| set.arn.as_str() == text)?.name
        }
        _ => return None,
    };
    Some(plain(name)).filter(|name| !name.is_empty() && name != text)
}

fn target(directory: &Directory, record: &Record) -> Option<String> {
    if let Some(group) = record.text("group_name") {
        return Some(format!("group {}", plain(group)));
    }
    let id = record.text("account_id")?;
    let name = AccountId::new(id)
        .ok()
        .and_then(|id| directory.account(&id).map(|account| plain(&account.name)))
        .unwrap_or_else(|| plain(id));
    Some(match record.text("role_name") {
        Some(set) => format!("{name} / {}", plain(set)),
        None => name,
    })
}

pub(crate) fn rules(record: &Record) -> Vec<String> {
    let rules = record.fields().get("based_on").and_then(Value::as_array);
    rules
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(plain)
        .collect()
}

#[cfg(test)]
mod tests {
    use hallpass_audit::Event;

    use super::event;

    #[test]
    fn every_event_of_the_log_is_said_in_words() {
        for name in Event::ALL.map(Event::name) {
            if !name.starts_with("guard.") {
                assert_ne!(event(name), name);
            }
        }
    }
}
