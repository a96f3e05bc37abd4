use hallpass_access::{Directory, Explained, Wanted};
use hallpass_base::Email;
use hallpass_channels::wording::group_sync;
use hallpass_rules::{DecisionKind, DecisionQuestion, DecisionStep, RuleNames};

use super::people::{CodedPiece, coded, first_name, name_of};
use super::presenter;
use super::words::{plain, sentence};
use crate::{App, permission_set_policies};

const NAMED: usize = 6;

#[derive(Clone, Debug, Default)]
pub(crate) struct TypedCase {
    pub(crate) user: String,
    pub(crate) place: String,
    pub(crate) set: String,
}

pub(crate) struct ExplainLine {
    pub(crate) look: &'static str,
    pub(crate) title: String,
    pub(crate) rules: Vec<String>,
    pub(crate) why: Vec<CodedPiece>,
}

pub(crate) struct ExplainAnswer {
    pub(crate) look: &'static str,
    pub(crate) verdict: Vec<CodedPiece>,
    pub(crate) details: Vec<Vec<CodedPiece>>,
    pub(crate) lines: Vec<ExplainLine>,
    pub(crate) nearest: Option<(String, String)>,
    pub(crate) memberships: Vec<String>,
    pub(crate) command: String,
    pub(crate) set: Option<(String, String)>,
}

fn wanted(case: &TypedCase) -> Wanted {
    let place = case.place.trim();
    match case.set.trim() {
        "" => Wanted::Group {
            group: place.strip_prefix("group ").unwrap_or(place).to_owned(),
        },
        set => Wanted::Account {
            account: place.to_owned(),
            permission_set: set.to_owned(),
        },
    }
}

/// Explains a case.
///
/// # Errors
/// The unknown parts, in sentences.
pub(crate) fn answer(app: &App, case: &TypedCase) -> Result<ExplainAnswer, Vec<String>> {
    let user = Email::new(case.user.trim())
        .map_err(|_| vec![format!("“{}” is not an e-mail address.", plain(&case.user))])?;
    let wanted = wanted(case);
    let explained = app.access.explain(&user, &wanted).map_err(|problems| {
        let mut words: Vec<String> = problems
            .iter()
            .map(|problem| sentence(&plain(&problem.message)))
            .collect();
        if words.is_empty() {
            words.push("There is no such account, set or group.".to_owned());
        }
        if matches!(wanted, Wanted::Group { .. }) {
            words.push("For an account, choose a permission set too.".to_owned());
        }
        words
    })?;
    let directory = app.access.directory();
    let name = name_of(&directory, user.as_str());
    let first = first_name(&name).to_owned();
    let total = explained
        .explanation
        .get("rules")
        .and_then(serde_json::Value::as_array)
        .map_or(0, Vec::len);
    let target = match &wanted {
        Wanted::Account { .. } => format!("{} / {}", case.place.trim(), case.set.trim()),
        Wanted::Group { group } => format!("group {group}"),
    };
    let (look, verdict) = verdict(&directory, &explained, &first, &plain(&target));
    Ok(ExplainAnswer {
        look,
        verdict: coded(&verdict),
        details: details(app, &explained)
            .iter()
            .map(|detail| coded(detail))
            .collect(),
        lines: explained
            .steps
            .iter()
            .map(|step| line(step, &explained, &first, &plain(&target), total))
            .collect(),
        nearest: explained.nearest.clone(),
        memberships: explained
            .memberships
            .iter()
            .map(|it| plain(&group_sync::membership(&it.group, &it.because)))
            .collect(),
        command: command(&user, &wanted),
        set: about_set(&directory, &wanted),
    })
}

fn about_set(directory: &Directory, wanted: &Wanted) -> Option<(String, String)> {
    let Wanted::Account { permission_set, .. } = wanted else {
        return None;
    };
    let words = permission_set_policies::after_end_of(directory, permission_set)?;
    Some((presenter::set_address(permission_set), words))
}

fn listed(directory: &Directory, people: impl ExactSizeIterator<Item = String>) -> String {
    let all = people.len();
    let mut names: Vec<String> = people
        .take(NAMED)
        .map(|email| name_of(directory, &email))
        .collect();
    if all > NAMED {
        names.push(format!("{} more", all - NAMED));
    }
    names.join(", ")
}

fn verdict(
    directory: &Directory,
    explained: &Explained,
    first: &str,
    target: &str,
) -> (&'static str, String) {
    let decision = &explained.decision;
    let rules = RuleNames::of(&decision.based_on);
    let by = rules.within();
    match decision.kind {
        DecisionKind::ApprovalNotRequired => (
            "note-ok",
            format!("Granted immediately: no approval needed, by {by}."),
        ),
        DecisionKind::SelfApproval => (
            "note-ok",
            format!("Granted immediately: {first} may approve this alone, by {by}."),
        ),
        DecisionKind::RequiresApproval => {
            let people = decision.approvers.iter().map(ToString::to_string);
            let people: Vec<String> = people.collect();
            let words = format!(
                "Needs approval: {} of {}.",
                decision.approvals_needed,
                listed(directory, people.into_iter())
            );
            ("note-wait", words)
        }
        DecisionKind::NoApprovers => (
            "note-bad",
            format!(
                "No one can approve this for {first}: {by} {} too few others.",
                rules.verb("lists", "list")
            ),
        ),
        DecisionKind::NoStatements => (
            "note-bad",
            format!("No rule covers {target}. An administrator can add one."),
        ),
        DecisionKind::RequesterNotAllowed => {
            let why = explained.steps.last().and_then(|step| step.why.clone());
            let why = why
                .unwrap_or_else(|| format!("{by} {} the requesters", rules.verb("names", "name")));
            (
                "note-bad",
                format!("{first} may not request it: {why}; {first} is not among them."),
            )
        }
    }
}

fn details(app: &App, explained: &Explained) -> Vec<String> {
    let decision = &explained.decision;
    let mut details = Vec::new();
    let asks = matches!(
        decision.kind,
        DecisionKind::ApprovalNotRequired
            | DecisionKind::SelfApproval
            | DecisionKind::RequiresApproval
    );
    if asks {
        let longest = app.access.settings().longest_by(decision);
        details.push(format!("At most {longest}."));
        for need in &decision.ticket_patterns {
            let pattern = plain(need.pattern.as_str());
            details.push(format!("With a ticket that matches `{pattern}`."));
        }
        for required in &decision.tickets {
            details.push(plain(&required.words()));
        }
        for need in &decision.reason_patterns {
            let pattern = plain(need.pattern.as_str());
            details.push(format!("The reason must match `{pattern}`."));
        }
        for warning in &decision.warnings {
            let (rule, text) = (plain(warning.rule.as_str()), plain(&warning.text));
            details.push(format!(
                "Requesters and approvers confirm, by `{rule}`: “{text}”"
            ));
        }
        for stage in &decision.stages {
            details.push(format!(
                "Stage {}: {} needed.",
                plain(&stage.name),
                stage.quorum
            ));
        }
    }
    if decision.break_glass {
        details.push("Breaking the glass is allowed.".to_owned());
    }
    details.extend(decision.unread.iter().map(|text| sentence(&plain(text))));
    details
}

fn line(
    step: &DecisionStep,
    explained: &Explained,
    first: &str,
    target: &str,
    total: usize,
) -> ExplainLine {
    let covering = step.rules.len();
    let kind = if target.starts_with("group ") {
        "group"
    } else {
        "account"
    };
    let title = match (step.question, step.yes) {
        (DecisionQuestion::Covered, true) => {
            let verb = if covering == 1 { "covers" } else { "cover" };
            format!("{covering} of {total} {kind} rules {verb} {target}")
        }
        (DecisionQuestion::Covered, false) => {
            format!("None of {total} {kind} rules covers {target}")
        }
        (DecisionQuestion::MayAsk, true) => format!("{first} may request it"),
        (DecisionQuestion::MayAsk, false) => format!("May {first} request it? No"),
        (DecisionQuestion::WithoutApproval, true) => "Without approval? Yes".to_owned(),
        (DecisionQuestion::WithoutApproval, false) => "Without approval? No".to_owned(),
        (DecisionQuestion::ByThemselves, true) => format!("By {first} alone? Yes"),
        (DecisionQuestion::ByThemselves, false) => format!("By {first} alone? No"),
        (DecisionQuestion::ByOthers, true) => {
            let decision = &explained.decision;
            let people = decision.approvers.len();
            format!("By others? Yes: {} of {people}", decision.approvals_needed)
        }
        (DecisionQuestion::ByOthers, false) => "By others? No: too few are listed".to_owned(),
    };
    let is_last = explained.steps.last() == Some(step);
    ExplainLine {
        look: match (step.yes, is_last) {
            (true, true) => "now",
            (true, false) => "good",
            (false, _) => "",
        },
        title,
        rules: step.rules.iter().map(|rule| plain(rule.as_str())).collect(),
        why: step
            .why
            .as_deref()
            .map(|why| coded(&sentence(&plain(why))))
            .unwrap_or_default(),
    }
}

fn command(user: &Email, wanted: &Wanted) -> String {
    let target = match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => format!(
            "--account {} --permission-set {}",
            quoted(account),
            quoted(permission_set)
        ),
        Wanted::Group { group } => format!("--group {}", quoted(group)),
    };
    format!(
        "hallpass rules explain --user {} {target}",
        quoted(user.as_str())
    )
}

fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_copied_safely() {
        for (text, word) in [
            ("payments-prod", "payments-prod"),
            ("a b", "'a b'"),
            ("", "''"),
            ("x'; rm -rf /", "'x'\\''; rm -rf /'"),
            ("$(id)", "'$(id)'"),
            ("a\nb", "'ab'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
