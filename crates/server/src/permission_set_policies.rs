//! Permission set contents for page and API: visibility, policies, description, linter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{
    Actor, Boundary, Directory, DirectoryFault, ManagedPolicy, ReferencedPolicy, SetPolicies,
};
use hallpass_api::{
    self as api, LevelCount, PermissionSet, PolicyEffect, PolicyFinding, PolicyLine, PolicyRisk,
    SetPolicy, SetPolicyKind,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::names::{capital, sentence};
use hallpass_iam::facts::Access;
use hallpass_iam::lint::{self, LintFinding, Options, Severity};
use hallpass_iam::residual::after_assignment_removed;
use hallpass_iam::size::AttachmentPoint;
use hallpass_iam::summary::{KnownPolicy, Risk, RiskKind, Summary, known, summarize};
use hallpass_iam::{LoadError, PolicyType};

use crate::{App, problem::ProblemResponse};

const FINDINGS_MAX: usize = 40;
/// Maximum text for description and linter: above the AWS limit for a permission set's policies.
const TEXT_BYTES_MAX: usize = 128 * 1024;

const CARDS_WAIT: Duration = Duration::from_millis(500);
const CARDS_SETS_MAX: usize = 20;

pub(crate) struct VisibleSet {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) says: String,
    pub(crate) session: TimeSpan,
    pub(crate) policies: Result<Option<Arc<SetPolicies>>, DirectoryFault>,
}

/// Returns the set with current policies, if visible to the actor. Missing and invisible are the
/// same error.
pub(crate) async fn find(
    app: &App,
    actor: &Actor,
    name: &str,
) -> Result<VisibleSet, ProblemResponse> {
    let missing = || ProblemResponse::not_found("permission set");
    let directory = app.access.directory();
    let set = directory.permission_set_by_name(name).ok_or_else(missing)?;
    if !app.access.may_see_set(actor, &set.name).await? {
        return Err(missing());
    }
    let policies = app.policies.policies(&set.arn).await;
    if let Err(fault) = &policies {
        tracing::warn!(set = set.name, %fault, "a permission set could not be read");
    }
    Ok(VisibleSet {
        name: set.name.clone(),
        arn: set.arn.to_string(),
        says: set.description.clone(),
        session: TimeSpan::seconds(set.session_duration),
        policies,
    })
}

/// Describes the remaining session after an end of access, for approvers.
pub(crate) fn after_end(session: TimeSpan) -> String {
    format!("Credentials issued just before the end work up to {session} longer.")
}

pub(crate) fn after_end_of(directory: &Directory, set: &str) -> Option<String> {
    let set = directory.permission_set_by_name(set)?;
    Some(after_end(TimeSpan::seconds(set.session_duration)))
}

/// Describes a set's policies. Takes milliseconds of CPU time: not on threads that serve others.
pub(crate) async fn in_words(
    seen: &VisibleSet,
    read: Arc<SetPolicies>,
    now: Timestamp,
) -> Result<PermissionSet, ProblemResponse> {
    let (session, read_at) = (read.session, read.read_at);
    let policies = tokio::task::spawn_blocking(move || policies(&read, now))
        .await
        .map_err(|error| ProblemResponse::unavailable(&error))?;
    Ok(PermissionSet {
        name: seen.name.clone(),
        arn: seen.arn.clone(),
        says: Some(seen.says.clone()).filter(|says| !says.is_empty()),
        session_seconds: session.as_seconds(),
        after_loss: after_assignment_removed(now, session).words,
        read_at,
        policies,
    })
}

/// Returns the risks of sets in one line each, for approvers. A shorter form of the set's page.
/// Sets without known risk are omitted.
pub(crate) async fn risk_lines(
    app: &App,
    names: impl IntoIterator<Item = &str>,
) -> BTreeMap<String, String> {
    let directory = app.access.directory();
    let names: BTreeSet<&str> = names.into_iter().collect();
    let sets = names
        .into_iter()
        .filter_map(|name| directory.permission_set_by_name(name))
        .take(CARDS_SETS_MAX);
    let mut reading = Vec::new();
    for set in sets {
        let (policies, arn) = (Arc::clone(&app.policies), set.arn.clone());
        let line = async move {
            match policies.policies(&arn).await {
                Ok(Some(read)) => tokio::task::spawn_blocking(move || risk_line(&read))
                    .await
                    .ok(),
                Ok(None) | Err(_) => None,
            }
        };
        reading.push((set.name.clone(), tokio::spawn(line)));
    }
    let until = tokio::time::Instant::now() + CARDS_WAIT;
    let mut lines = BTreeMap::new();
    for (name, line) in reading {
        let line = tokio::time::timeout_at(until, line).await;
        let line = line.ok().and_then(Result::ok).flatten();
        let unread = || "Not known: its policies could not be read just now.".to_owned();
        lines.insert(name, line.unwrap_or_else(unread));
    }
    lines
}

/// "Can gain more permissions, can take data out."
fn risk_line(read: &SetPolicies) -> String {
    let mut risks: BTreeMap<RiskKind, bool> = BTreeMap::new();
    let mut is_whole = read.referenced.is_empty();
    let mut note = |kind: RiskKind, limited: bool| {
        let all_limited = risks.entry(kind).or_insert(true);
        *all_limited &= limited;
    };
    let managed = read.managed.iter();
    let managed = managed.map(|policy| (policy.document.as_deref(), Some(policy.arn.as_str())));
    let inline = read.inline.iter().map(|text| (Some(text.as_str()), None));
    for (text, arn) in inline.chain(managed) {
        let text = text.filter(|text| text.len() <= TEXT_BYTES_MAX);
        match (text.map(|text| summarize(text, PolicyType::Identity)), arn) {
            (Some(Ok(summary)), arn) => {
                summary
                    .risks
                    .iter()
                    .for_each(|it| note(it.kind, it.limited));
                match arn.and_then(known).filter(|_| !summary.is_whole) {
                    Some(known) => known.risks.iter().for_each(|(kind, _)| note(*kind, false)),
                    None => is_whole &= summary.is_whole,
                }
            }
            (None, Some(arn)) if let Some(known) = known(arn) => {
                known.risks.iter().for_each(|(kind, _)| note(*kind, false));
            }
            (Some(Err(_)) | None, _) => is_whole = false,
        }
    }
    let named: Vec<String> = risks
        .iter()
        .map(|(kind, limited)| {
            let title = kind.title().to_lowercase();
            format!("{title}{}", if *limited { " within limits" } else { "" })
        })
        .collect();
    let has_none = read.inline.is_none() && read.managed.is_empty() && is_whole;
    match (named.is_empty(), is_whole) {
        (true, true) if has_none => "None: it allows nothing.".to_owned(),
        (true, true) => "None is known.".to_owned(),
        (true, false) => "Not known: not all of its policies were read.".to_owned(),
        (false, true) => sentence(&capital(&named.join(", "))),
        (false, false) => format!(
            "{} Not all of its policies were read.",
            sentence(&capital(&named.join(", ")))
        ),
    }
}

fn policies(read: &SetPolicies, now: Timestamp) -> Vec<SetPolicy> {
    let mut found: Vec<SetPolicy> = Vec::new();
    found.extend(read.inline.iter().map(|text| own(text, now)));
    let managed = read.managed.iter();
    found.extend(managed.map(|policy| of_aws(policy, PolicyType::Identity)));
    found.extend(read.referenced.iter().map(of_account));
    let boundary = match &read.boundary {
        Some(Boundary::Managed(policy)) => Some(of_aws(policy, PolicyType::Boundary)),
        Some(Boundary::Referenced(policy)) => Some(of_account(policy)),
        None => None,
    };
    found.extend(boundary.map(|policy| SetPolicy {
        is_boundary: true,
        // permissions that a boundary allows are no risk alone
        risks: Vec::new(),
        ..policy
    }));
    found
}

fn empty(kind: SetPolicyKind, name: &str) -> SetPolicy {
    SetPolicy {
        kind,
        is_boundary: false,
        name: name.to_owned(),
        place: None,
        document: None,
        not_read: None,
        lines: Vec::new(),
        more_lines: 0,
        counts: Vec::new(),
        unknown: Vec::new(),
        is_whole: true,
        risks: Vec::new(),
        findings: Vec::new(),
        more_findings: 0,
    }
}

fn of_aws(policy: &ManagedPolicy, kind: PolicyType) -> SetPolicy {
    let mut found = empty(SetPolicyKind::AwsManaged, &policy.name);
    found.place = Some(policy.arn.clone());
    if let Some(text) = &policy.document {
        let mut found = with_text(found, text, kind);
        if let Some(known) = known(&policy.arn).filter(|_| !found.is_whole) {
            say_beside(&mut found, known);
        }
        return found;
    }
    found.is_whole = false;
    found.not_read = Some(match known(&policy.arn) {
        Some(known) => {
            say_known(&mut found, known);
            "AWS keeps this policy and may change it. Its text was not read; these are the \
             well-known facts about it."
                .to_owned()
        }
        None => "AWS keeps this policy and may change it. Its text was not read.".to_owned(),
    });
    found
}

fn say_beside(policy: &mut SetPolicy, known: &KnownPolicy) {
    let mut said = empty(policy.kind, &policy.name);
    say_known(&mut said, known);
    if policy.lines.is_empty() {
        policy.lines = said.lines;
    }
    let mut risks = said.risks;
    risks.retain(|it| policy.risks.iter().all(|found| found.kind != it.kind));
    policy.risks.append(&mut risks);
}

fn say_known(policy: &mut SetPolicy, known: &KnownPolicy) {
    let line = |words: &&str| PolicyLine {
        effect: PolicyEffect::Allow,
        words: (*words).to_owned(),
        actions: Vec::new(),
    };
    policy.lines = known.says.iter().map(line).collect();
    let risk = |(kind, why): &(RiskKind, &str)| PolicyRisk {
        kind: risk_kind(*kind),
        title: kind.title().to_owned(),
        why: (*why).to_owned(),
        actions: Vec::new(),
        more: 0,
        limited: false,
    };
    policy.risks = known.risks.iter().map(risk).collect();
}

fn of_account(policy: &ReferencedPolicy) -> SetPolicy {
    SetPolicy {
        place: Some(policy.path.clone()),
        not_read: Some(
            "Each account keeps a policy of this name, and its text may differ from account to \
             account. It was not read."
                .to_owned(),
        ),
        is_whole: false,
        ..empty(SetPolicyKind::CustomerManaged, &policy.name)
    }
}

fn with_text(empty: SetPolicy, text: &str, kind: PolicyType) -> SetPolicy {
    let mut policy = SetPolicy {
        document: Some(text.to_owned()),
        ..empty
    };
    if text.len() > TEXT_BYTES_MAX {
        policy.is_whole = false;
        policy.not_read = Some("This policy is too long to be put in words.".to_owned());
        return policy;
    }
    match summarize(text, kind) {
        Ok(summary) => say(&mut policy, summary),
        Err(error) => not_understood(&mut policy, &error),
    }
    policy
}

/// An inline policy: its findings can be fixed in the set.
fn own(text: &str, now: Timestamp) -> SetPolicy {
    let kind = PolicyType::Identity;
    let mut policy = with_text(empty(SetPolicyKind::Inline, "Inline policy"), text, kind);
    if text.len() > TEXT_BYTES_MAX {
        return policy;
    }
    let options = Options {
        now: Some(now),
        limit: Some(AttachmentPoint::PermissionSet.about().limit),
        ..Options::new(kind)
    };
    let mut found = lint::lint(text, &options);
    found.sort_by_key(|it| std::cmp::Reverse(it.severity));
    policy.more_findings = found.len().saturating_sub(FINDINGS_MAX);
    policy.findings = found.iter().take(FINDINGS_MAX).map(finding).collect();
    policy
}

fn not_understood(policy: &mut SetPolicy, error: &LoadError) {
    policy.is_whole = false;
    policy.not_read = Some(format!(
        "This policy was not understood: {}.",
        error.message
    ));
}

fn say(policy: &mut SetPolicy, summary: Summary) {
    let line = |line: hallpass_iam::summary::SummaryLine| PolicyLine {
        effect: if line.denies {
            PolicyEffect::Deny
        } else {
            PolicyEffect::Allow
        },
        words: line.words,
        actions: line.actions,
    };
    policy.lines = summary.lines.into_iter().map(line).collect();
    policy.more_lines = summary.more_lines;
    policy.counts = summary
        .counts
        .iter()
        .map(|count| LevelCount {
            level: level(count.access),
            actions: count.actions,
        })
        .collect();
    policy.unknown = summary.unknown;
    policy.is_whole = summary.is_whole;
    policy.risks = summary.risks.into_iter().map(risk).collect();
}

const fn level(access: Access) -> api::AccessLevel {
    match access {
        Access::List => api::AccessLevel::List,
        Access::Read => api::AccessLevel::Read,
        Access::Tagging => api::AccessLevel::Tagging,
        Access::Write => api::AccessLevel::Write,
        Access::Permissions => api::AccessLevel::Permissions,
    }
}

const fn risk_kind(kind: RiskKind) -> api::RiskKind {
    match kind {
        RiskKind::Escalation => api::RiskKind::Escalation,
        RiskKind::Credentials => api::RiskKind::Credentials,
        RiskKind::Data => api::RiskKind::Data,
        RiskKind::Exposure => api::RiskKind::Exposure,
    }
}

fn risk(risk: Risk) -> PolicyRisk {
    PolicyRisk {
        kind: risk_kind(risk.kind),
        title: risk.kind.title().to_owned(),
        why: risk.why,
        actions: risk.actions,
        more: risk.more,
        limited: risk.limited,
    }
}

fn finding(finding: &LintFinding) -> PolicyFinding {
    PolicyFinding {
        code: finding.code.as_str().to_owned(),
        severity: match finding.severity {
            Severity::Error => api::FindingSeverity::Error,
            Severity::Warning => api::FindingSeverity::Warning,
            Severity::Info => api::FindingSeverity::Info,
        },
        pointer: finding.pointer.clone(),
        line: finding.region.line,
        sid: finding.sid.clone(),
        message: finding.message.clone(),
        help: finding.code.about().help.to_owned(),
        is_fixable: finding.fix.is_some(),
    }
}
