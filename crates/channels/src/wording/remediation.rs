//! Texts of remediations for pages, Slack and alerts.

use hallpass_access::RemediationApprovers;
use hallpass_alerts::{AlertMessage, AlertNews};
use hallpass_findings::remediation::{ActionKind, Remediation, RemediationId, RemediationPhase};

use crate::wording::lists::any_of;
use crate::wording::style::ChannelStyle;

pub const WAITING_ALERT: &str = "remediate/waiting";
pub const ALERT_COLUMN: &str = "remediation";

/// Returns an alert's remediation; `None` without exactly one.
pub fn asked_for(alert: &AlertMessage) -> Option<RemediationId> {
    if alert.alert.as_str() != WAITING_ALERT {
        return None;
    }
    let AlertNews::Rows(news) = &alert.news else {
        return None;
    };
    let [row] = news.new.rows.as_slice() else {
        return None;
    };
    RemediationId::read(row.values.get(ALERT_COLUMN)?.as_str()?)
}

/// Names a future action: "block public access to the bucket".
pub const fn action(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Suppress => "suppress the finding; no account is touched",
        ActionKind::SgRevokePublic => "revoke rules of the security group that let everyone in",
        ActionKind::SgDefaultClose => "revoke all rules of the default security group",
        ActionKind::S3AccountBlock => "block public access to all buckets of the account",
        ActionKind::S3BucketBlock => "block public access to the bucket",
        ActionKind::IamKeyDeactivate => "make access keys of the user inactive",
        ActionKind::IamPasswordPolicy => "raise the account's password policy",
        ActionKind::EbsDefaultEncrypt => "encrypt new volumes by default",
        ActionKind::KmsRotate => "switch on rotation of the key",
        ActionKind::TrailValidation => "switch on validation of the trail's log files",
        ActionKind::FlowLogs => "log what flows in the VPC",
        ActionKind::RdsPrivate => {
            "take the database off the internet; clients outside lose their connections"
        }
        ActionKind::Webhook | ActionKind::Lambda => "call your own code",
        ActionKind::Notify => "tell people; no account is touched",
    }
}

pub fn question(it: &Remediation, style: &impl ChannelStyle) -> String {
    let at = &it.deviation;
    format!(
        "{} in account {} ({}): {}.",
        style.quoted(&at.resource),
        at.account,
        at.region,
        action(it.action)
    )
}

pub fn approvers(may: &RemediationApprovers, style: &impl ChannelStyle) -> String {
    match may {
        RemediationApprovers::Administrators => {
            "administrators: no entry of `approvers` in the rules is for it".to_owned()
        }
        RemediationApprovers::Named(entries) => {
            let shown: Vec<String> = entries
                .iter()
                .map(|entry| match entry.strip_prefix("group:") {
                    Some(group) => format!("members of {}", style.name(group)),
                    None => style.name(entry),
                })
                .collect();
            any_of(&shown)
        }
        RemediationApprovers::Nobody => "no one: its account is not in the organization".to_owned(),
    }
}

/// Explains the state; empty if it needs no explanation.
pub fn why(it: &Remediation, style: &impl ChannelStyle) -> String {
    match &it.phase {
        RemediationPhase::Waiting { why, .. } => style.quoted(why),
        RemediationPhase::Manual { reason } => style.quoted(reason),
        RemediationPhase::Drifted { reason } => {
            format!("nothing was done: {}", style.quoted(reason))
        }
        RemediationPhase::Undone { by, .. } => format!("{} undid it", style.name(by)),
        RemediationPhase::Finished { .. } => {
            let answer = it.answer.as_deref().unwrap_or_default();
            if answer.is_empty() {
                String::new()
            } else {
                format!("it answered: {}", style.quoted(answer))
            }
        }
        RemediationPhase::Pending { failed: 0, .. } | RemediationPhase::Observed => String::new(),
        RemediationPhase::Pending { failed: 1, .. } => "it failed once".to_owned(),
        RemediationPhase::Pending { failed, .. } => format!("it failed {failed} times"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn alert(name: &str, ids: &[&str]) -> AlertMessage {
        let row = |id: &&str| json!({"key": id, "values": {"remediation": id}, "since": "2026-01-01T00:00:00Z", "flap_count": 0});
        let rows: Vec<Value> = ids.iter().map(row).collect();
        let none = json!({"count": 0, "rows": []});
        let new = json!({"count": rows.len(), "rows": rows});
        let rows = json!({"new": new, "recovered": none, "still": none, "file": null, "blocked_since": null});
        serde_json::from_value(json!({
            "alert": name, "severity": "medium", "at": "2026-01-01T00:00:00Z", "snapshot": null, "template": null,
            "news": { "rows": rows }, "notify": [],
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_is_asked_for_one_remediation_that_waits() {
        const ID: &str = "rm-3f0c9a5b7d1e2f46";
        let asked = |name, ids: &[&str]| asked_for(&alert(name, ids)).map(|it| it.to_string());
        assert_eq!(asked(WAITING_ALERT, &[ID]).as_deref(), Some(ID));
        for (name, ids) in [
            ("remediate/manual", &[ID][..]),
            (WAITING_ALERT, &[ID, ID]),
            (WAITING_ALERT, &[]),
            (WAITING_ALERT, &["rm-1"]),
        ] {
            assert_eq!(asked(name, ids), None, "{name} {ids:?}");
        }
    }
}
