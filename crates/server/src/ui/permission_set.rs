//! Permission set page: what it allows, and its risks.

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use hallpass_api::{
    AccessLevel, FindingSeverity, PolicyEffect, PolicyFinding, PolicyLine, PolicyRisk, SetPolicy,
    SetPolicyKind,
};
use hallpass_base::TimeSpan;
use hallpass_iam::residual::after_assignment_removed;

use super::people::count_of;
use super::presenter::{Coded, Presenter};
use super::shell::{Nav, PageResult, Shell, Viewer, page};
use super::words::{Badge, number, plain, sentence};
use crate::{App, body::Path, permission_set_policies};

#[derive(Template)]
#[template(path = "permission_set.html")]
struct SetPage {
    shell: Shell,
    name: String,
    says: String,
    arn: String,
    session: TimeSpan,
    after_loss: String,
    after_end: String,
    read: String,
    fault: String,
    risks: Vec<RiskRow>,
    unread: usize,
    is_unsure: bool,
    policies: Vec<PolicyCard>,
    findings: String,
}

struct RiskRow {
    look: &'static str,
    title: String,
    why: String,
    actions: Vec<String>,
    more: usize,
    note: &'static str,
    policy: String,
}

struct PolicyCard {
    id: usize,
    name: String,
    kind: &'static str,
    place: String,
    not_read: String,
    lines: Vec<LineRow>,
    more_lines: usize,
    counts: String,
    unknown: Coded,
    is_whole: bool,
    findings: Vec<FindingRow>,
    more_findings: usize,
    is_read: bool,
    /// Only the set's own policies are linted: AWS managed ones cannot be changed here.
    is_linted: bool,
    document: String,
}

struct LineRow {
    badge: Badge,
    words: Coded,
    actions: Vec<String>,
}

struct FindingRow {
    badge: Badge,
    code: String,
    place: String,
    message: Coded,
    help: Coded,
    is_fixable: bool,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/permission-sets/{name}", get(show))
}

async fn show(State(app): State<App>, viewer: Viewer, Path(name): Path<String>) -> PageResult {
    let seen = permission_set_policies::find(&app, &viewer.actor, &name).await?;
    let view = Presenter::new(&app, &viewer);
    let mut built = SetPage {
        shell: viewer.shell(&app, Nav::Rules, plain(&seen.name)).await,
        name: plain(&seen.name),
        says: plain(&seen.says),
        arn: plain(&seen.arn),
        session: seen.session,
        after_loss: after_loss(&view, seen.session),
        after_end: permission_set_policies::after_end(seen.session),
        read: String::new(),
        fault: String::new(),
        risks: Vec::new(),
        unread: 0,
        is_unsure: false,
        policies: Vec::new(),
        findings: String::new(),
    };
    match &seen.policies {
        Ok(Some(read)) => {
            let found =
                permission_set_policies::in_words(&seen, Arc::clone(read), view.now).await?;
            built.session = TimeSpan::seconds(found.session_seconds);
            built.after_end = permission_set_policies::after_end(built.session);
            built.after_loss = after_loss(&view, built.session);
            built.read = format!("Read from AWS at {}.", view.words(found.read_at));
            built.fill(&found.policies);
        }
        Ok(None) => {
            "AWS has no such permission set any more. No one can get it."
                .clone_into(&mut built.fault);
        }
        Err(fault) => {
            built.fault = format!(
                "What this set allows could not be read from AWS: {} Nothing is shown in part. If AWS \
                 refuses, hallpass server doctor --iam-policy lists the actions that are needed.",
                sentence(&plain(&fault.to_string()))
            );
        }
    }
    Ok(page(&built))
}

/// The longest remaining access after an end now.
fn after_loss(view: &Presenter, session: TimeSpan) -> String {
    let until = after_assignment_removed(view.now, session).until;
    format!(
        "After removal now, a session taken just before works until {} at the latest, and an hour longer for each \
         role assumed from it.",
        view.words(until)
    )
}

impl SetPage {
    fn fill(&mut self, policies: &[SetPolicy]) {
        let has_several = policies.len() > 1;
        for policy in policies {
            let named = if has_several {
                plain(&policy.name)
            } else {
                String::new()
            };
            let risks = policy.risks.iter();
            self.risks.extend(risks.map(|risk| risk_row(risk, &named)));
        }
        self.risks.sort_by_key(|risk| !risk.note.is_empty());
        self.unread = policies
            .iter()
            .filter(|it| it.document.is_none() && it.lines.is_empty() && !it.is_boundary)
            .count();
        self.is_unsure = policies.iter().any(|it| !it.is_whole && !it.is_boundary);
        self.findings = findings_words(policies);
        self.policies = policies.iter().enumerate().map(card).collect();
    }
}

fn findings_words(policies: &[SetPolicy]) -> String {
    let of = |severity: FindingSeverity| {
        let all = policies.iter().flat_map(|it| &it.findings);
        all.filter(|it| it.severity == severity).count()
    };
    let some = [
        (of(FindingSeverity::Error), "error", "errors"),
        (of(FindingSeverity::Warning), "warning", "warnings"),
        (of(FindingSeverity::Info), "hint", "hints"),
    ];
    let words: Vec<String> = some
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| count_of(*count, one, many))
        .collect();
    if words.is_empty() {
        return if policies.iter().any(|it| it.document.is_some()) {
            "none".to_owned()
        } else {
            "nothing was read".to_owned()
        };
    }
    words.join(", ")
}

fn risk_row(risk: &PolicyRisk, policy: &str) -> RiskRow {
    RiskRow {
        look: if risk.limited {
            "note-wait"
        } else {
            "note-bad"
        },
        title: risk.title.clone(),
        why: risk.why.clone(),
        actions: risk.actions.iter().map(|it| plain(it)).collect(),
        more: risk.more,
        note: if risk.limited {
            "only on some resources or under conditions"
        } else {
            ""
        },
        policy: policy.to_owned(),
    }
}

fn card((id, policy): (usize, &SetPolicy)) -> PolicyCard {
    let kind = match (policy.is_boundary, policy.kind) {
        (true, _) => "Permissions boundary: nothing beyond it is allowed",
        (false, SetPolicyKind::Inline) => "Written into the set",
        (false, SetPolicyKind::AwsManaged) => "Kept by AWS",
        (false, SetPolicyKind::CustomerManaged) => "Kept by each account",
    };
    let counts: Vec<String> = policy
        .counts
        .iter()
        .map(|count| format!("{} {}", number(count.actions as u64), level(count.level)))
        .collect();
    PolicyCard {
        id,
        name: plain(&policy.name),
        kind,
        place: policy.place.as_deref().map(plain).unwrap_or_default(),
        not_read: policy.not_read.as_deref().map(plain).unwrap_or_default(),
        lines: policy.lines.iter().map(line).collect(),
        more_lines: policy.more_lines,
        counts: counts.join(" · "),
        unknown: Coded(plain(&policy.unknown.join(", "))),
        is_whole: policy.is_whole,
        findings: policy.findings.iter().map(finding).collect(),
        more_findings: policy.more_findings,
        is_read: policy.document.is_some(),
        is_linted: policy.document.is_some() && policy.kind == SetPolicyKind::Inline,
        document: policy.document.as_deref().map(shown).unwrap_or_default(),
    }
}

fn shown(text: &str) -> String {
    let read: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let pretty = match read {
        Some(value) if !text.trim().contains('\n') => serde_json::to_string_pretty(&value).ok(),
        _ => None,
    };
    plain(&pretty.unwrap_or_else(|| text.to_owned()))
}

const fn level(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::List => "that list",
        AccessLevel::Read => "that read",
        AccessLevel::Tagging => "that tag",
        AccessLevel::Write => "that change",
        AccessLevel::Permissions => "that change permissions",
    }
}

fn line(line: &PolicyLine) -> LineRow {
    LineRow {
        badge: match line.effect {
            PolicyEffect::Deny => Badge {
                word: "Denies",
                look: "denied",
            },
            PolicyEffect::Allow => Badge {
                word: "Allows",
                look: "active",
            },
        },
        words: Coded(plain(&sentence(&line.words))),
        actions: line.actions.iter().map(|it| plain(it)).collect(),
    }
}

fn said(message: &str) -> String {
    let first = message.split([' ', ',']).next().unwrap_or_default();
    if first.contains([':', '*', '_', '/']) {
        format!("{}.", message.trim_end_matches('.'))
    } else {
        sentence(message)
    }
}

fn finding(finding: &PolicyFinding) -> FindingRow {
    let badge = match finding.severity {
        FindingSeverity::Error => Badge {
            word: "Error",
            look: "failed",
        },
        FindingSeverity::Warning => Badge {
            word: "Warning",
            look: "pending",
        },
        FindingSeverity::Info => Badge {
            word: "Hint",
            look: "ended",
        },
    };
    let place = match (&finding.sid, finding.pointer.as_str()) {
        (Some(sid), pointer) => format!("{sid} ({pointer})"),
        (None, "") => "the whole policy".to_owned(),
        (None, pointer) => pointer.to_owned(),
    };
    FindingRow {
        badge,
        code: finding.code.clone(),
        place: plain(&place),
        message: Coded(plain(&said(&finding.message))),
        help: Coded(plain(&sentence(&finding.help))),
        is_fixable: finding.is_fixable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case() {
        for (message, words) in [
            ("ecs:RunTask can be limited", "ecs:RunTask can be limited."),
            ("any role can be passed", "Any role can be passed."),
            ("", "."),
        ] {
            assert_eq!(said(message), words);
        }
    }

    #[test]
    fn a_policy_on_one_line_is_shown_on_many() {
        assert_eq!(shown("{\"a\":[1]}"), "{\n  \"a\": [\n    1\n  ]\n}");
        assert_eq!(shown("{\"a\":\n1}"), "{\"a\":\n1}");
        assert_eq!(shown("{not json"), "{not json");
    }
}
