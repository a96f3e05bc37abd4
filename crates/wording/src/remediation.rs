//! What a finding led to, in words: the same on pages, in Slack and in alerts.

use hallpass_access::RemediationApprovers;
use hallpass_remediation::{ActionKind, Remediation, RemediationPhase};

use crate::lists::any_of;
use crate::style::ChannelStyle;

/// What an action does, as one that is to come: "block public access to the bucket".
pub const fn action(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Suppress => "suppress the finding; no account is touched",
        ActionKind::SgRevokePublic => "revoke rules of the security group that let everybody in",
        ActionKind::SgDefaultClose => "revoke all rules of the default security group",
        ActionKind::S3AccountBlock => "block public access to all buckets of the account",
        ActionKind::S3BucketBlock => "block public access to the bucket",
        ActionKind::IamKeyDeactivate => "make access keys of the user inactive",
        ActionKind::IamPasswordPolicy => "raise the account's password policy",
        ActionKind::EbsDefaultEncrypt => "encrypt new volumes by default",
        ActionKind::KmsRotate => "switch on rotation of the key",
        ActionKind::TrailValidation => "switch on validation of the trail's log files",
    }
}

/// What somebody is asked to approve.
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

/// Who may say yes.
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
        RemediationApprovers::Nobody => "nobody: its account is not in the organization".to_owned(),
    }
}

/// Why it is as it is; empty where its state says all.
pub fn why(it: &Remediation, style: &impl ChannelStyle) -> String {
    match &it.phase {
        RemediationPhase::Waiting { why, .. } => style.quoted(why),
        RemediationPhase::Manual { reason } => style.quoted(reason),
        RemediationPhase::Undone { by, .. } => format!("{} took it back", style.name(by)),
        RemediationPhase::Pending { failed: 0, .. }
        | RemediationPhase::Observed
        | RemediationPhase::Finished { .. } => String::new(),
        RemediationPhase::Pending { failed: 1, .. } => "it failed once".to_owned(),
        RemediationPhase::Pending { failed, .. } => format!("it failed {failed} times"),
    }
}
