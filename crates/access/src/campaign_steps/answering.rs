//! Answers and reassigns lines.

use hallpass_audit::{Draft, Event};
use hallpass_base::text::says_something;
use hallpass_rules::{Directory, Rules};

use crate::records::{Doer, StepContext};
use crate::{
    Acceptance, Actor, AnswerKind, Campaign, CampaignLine, CampaignRefused, Change, LineAnswer,
    Person, RequestVerdict, Write, preview, target,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewAnswer {
    pub(crate) answer: AnswerKind,
    pub(crate) reason: String,
}

pub(crate) struct AnsweredBy<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) person: &'a Person,
    pub(crate) rules: &'a Rules,
    /// With delegations as stored now.
    pub(crate) directory: &'a Directory,
}

/// Answers all lines or none.
pub(crate) fn answer(
    campaign: &Campaign,
    lines: &[CampaignLine],
    new: &NewAnswer,
    by: &AnsweredBy<'_>,
    step: StepContext<'_>,
) -> Result<Change, CampaignRefused> {
    ensure_open(campaign)?;
    let mut change = Change::default();
    for line in lines {
        let rules = allowed(line, new, by, step)?;
        let answer = LineAnswer {
            answer: new.answer,
            reason: new.reason.trim().to_owned(),
            rules,
            by: by.person.clone(),
            at: step.now,
        };
        change.audit.push(record(line, &answer, by.actor, step));
        change.campaign_lines.push(Write::Update(CampaignLine {
            answer: Some(answer),
            ..line.clone()
        }));
    }
    Ok(change)
}

fn ensure_open(campaign: &Campaign) -> Result<(), CampaignRefused> {
    if campaign.is_open() {
        return Ok(());
    }
    Err(CampaignRefused::NotOpen {
        state: campaign.state.name(),
    })
}

/// Returns the rules that let the holder request the access, with [`AnswerKind::OnRequest`].
fn allowed(
    line: &CampaignLine,
    new: &NewAnswer,
    by: &AnsweredBy<'_>,
    step: StepContext<'_>,
) -> Result<Vec<String>, CampaignRefused> {
    let number = line.number;
    if by.person.user == line.key.user {
        return Err(CampaignRefused::OwnAccess { line: number });
    }
    let mut delegators = by.directory.delegators_of(&by.person.user);
    if by.person.user != line.reviewer.user && !delegators.any(|it| *it == line.reviewer.user) {
        return Err(CampaignRefused::NotReviewer {
            line: number,
            reviewer: line.reviewer.email.to_string(),
        });
    }
    if let Some(Acceptance::Pattern { pattern }) = &line.accepted
        && new.answer.removes()
    {
        return Err(CampaignRefused::AcceptedByPattern {
            line: number,
            pattern: pattern.clone(),
        });
    }
    match new.answer {
        AnswerKind::Keep if !says_something(&new.reason) => {
            Err(CampaignRefused::ReasonMissing { line: number })
        }
        AnswerKind::Keep | AnswerKind::Remove => Ok(Vec::new()),
        AnswerKind::OnRequest => {
            requestable(line, by, step).ok_or(CampaignRefused::NotRequestable { line: number })
        }
    }
}

fn requestable(
    line: &CampaignLine,
    by: &AnsweredBy<'_>,
    step: StepContext<'_>,
) -> Option<Vec<String>> {
    let holder = line.holder.as_ref()?;
    let question = target::question(&line.key.target, &line.names)?;
    let decision = (by.rules).decide(holder.principal(), &question, by.directory, step.now);
    let verdict = preview::by_rules(&decision).ok()?;
    (verdict != RequestVerdict::BreakGlassOnly)
        .then(|| decision.based_on.iter().map(ToString::to_string).collect())
}

fn record(line: &CampaignLine, answer: &LineAnswer, actor: &Actor, step: StepContext<'_>) -> Draft {
    let by = Doer::Person(actor);
    let mut why = format!("line {}: {}", line.number, answer.answer.name());
    if !answer.rules.is_empty() {
        why = format!("{why}, by {}", answer.rules.join(", "));
    }
    if answer.by.user != line.reviewer.user {
        why = format!("{why}, as delegate of {}", line.reviewer.email);
    }
    step.of_campaign(Event::CampaignAnswered, by, line.campaign)
        .campaign_line(line.number, answer.answer.name())
        .standing(&line.key, &line.names)
        .reason(&answer.reason)
        .why(&why)
}

/// Gives lines to another reviewer; their answers stay. The actor is their reviewer or an
/// administrator.
pub(crate) fn reassign(
    campaign: &Campaign,
    lines: &[CampaignLine],
    to: &Person,
    actor: &Actor,
    step: StepContext<'_>,
) -> Result<Change, CampaignRefused> {
    ensure_open(campaign)?;
    let mut change = Change::default();
    for line in lines.iter().filter(|it| it.reviewer.user != to.user) {
        if to.user == line.key.user {
            return Err(CampaignRefused::ReviewerIsHolder { line: line.number });
        }
        change.campaign_lines.push(Write::Update(CampaignLine {
            reviewer: to.clone(),
            reviewer_by: None,
            ..line.clone()
        }));
    }
    if change.campaign_lines.is_empty() {
        return Ok(change);
    }
    let count = change.campaign_lines.len();
    let record = step
        .of_campaign(Event::CampaignReassigned, Doer::Person(actor), campaign.id)
        .person(&to.user, &to.email)
        .why(&format!("{count} lines"));
    change.audit.push(record);
    Ok(change)
}
