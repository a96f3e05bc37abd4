//! Makes the lines of a campaign from the findings of the newest sweep.

use std::collections::BTreeMap;

use hallpass_audit::Event;
use hallpass_base::{CampaignId, GroupId, HoldKey, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_rules::Directory;

use crate::campaign::reviewer;
use crate::records::{Doer, StepContext};
use crate::{
    AnswerKind, Campaign, CampaignForm, CampaignLine, CampaignRefused, CampaignState, Change,
    ItemSight, LINES_MAX, LineChange, LineUse, NamedGroupAssignment, Person, ReviewerSource,
    StandingPattern, Sweep, SweepItem, Write, is_production,
};

const NAME_CHARACTERS_MAX: usize = 100;
const REVIEWERS_MAX: usize = 20;
const PATTERNS_MAX: usize = 100;
const DUE_LEAST: TimeSpan = TimeSpan::hours(1);
const DUE_MOST: TimeSpan = TimeSpan::hours(180 * 24);
const REPEAT_LEAST: TimeSpan = TimeSpan::hours(7 * 24);
const REPEAT_MOST: TimeSpan = TimeSpan::hours(400 * 24);
/// The oldest listing that a campaign begins with.
const LISTING_MAX_AGE: TimeSpan = TimeSpan::hours(36);
/// Assignments of a group that a line names.
const GIVES_MAX: usize = 20;

pub(crate) struct CampaignFacts<'a> {
    pub(crate) id: CampaignId,
    pub(crate) owner: &'a Person,
    /// The newest completed listing, with its items.
    pub(crate) listing: Option<(&'a Sweep, &'a [SweepItem])>,
    pub(crate) group_assignments: &'a [NamedGroupAssignment],
    /// The previous campaign of the series, signed off, with its lines' outcomes.
    pub(crate) previous: Option<(CampaignId, BTreeMap<HoldKey, AnswerKind>)>,
    pub(crate) directory: &'a Directory,
}

/// The form of the next campaign of a series.
pub(crate) fn next_form(before: &Campaign, now: Timestamp) -> CampaignForm {
    let lasted = TimeSpan::between(before.begun_at, before.due_at);
    CampaignForm {
        name: before.name.clone(),
        scope: before.scope.clone(),
        reviewers: before.reviewers.clone(),
        unanswered: before.unanswered,
        due_at: lasted.after(now),
        repeat_every: before.repeat_every,
    }
}

/// The campaign and its lines, without their use.
pub(crate) fn listed(
    form: CampaignForm,
    facts: &CampaignFacts<'_>,
    now: Timestamp,
) -> Result<(Campaign, Vec<CampaignLine>), CampaignRefused> {
    let patterns = checked(&form, facts.directory, now)?;
    let (sweep, items) = facts.listing.ok_or(CampaignRefused::NoSweep)?;
    let report = sweep.report.as_ref().ok_or(CampaignRefused::NoSweep)?;
    if LISTING_MAX_AGE.after(report.began) < now {
        return Err(CampaignRefused::OldSweep {
            at: report.began,
            most: LISTING_MAX_AGE,
        });
    }
    let covered = |item: &&SweepItem| {
        let mut patterns = patterns.iter();
        item.sight == ItemSight::Seen
            && (form.scope.is_empty() || patterns.any(|it| it.covers(&item.key, facts.directory)))
    };
    let gives = assignments_by_group(facts.group_assignments);
    let mut lines: Vec<CampaignLine> = items
        .iter()
        .filter(covered)
        .map(|item| line(item, &form.reviewers, facts, &gives))
        .collect();
    match lines.len() {
        0 => return Err(CampaignRefused::NoLines),
        count if count > LINES_MAX => return Err(CampaignRefused::TooManyLines { lines: count }),
        _ => {}
    }
    lines.sort_by(|a, b| order(a).cmp(&order(b)));
    for (number, line) in (1..).zip(&mut lines) {
        line.number = number;
    }
    let campaign = Campaign {
        id: facts.id,
        name: form.name.trim().to_owned(),
        owner: facts.owner.clone(),
        scope: form.scope,
        reviewers: form.reviewers,
        unanswered: form.unanswered,
        begun_at: now,
        due_at: form.due_at,
        repeat_every: form.repeat_every,
        previous: facts.previous.as_ref().map(|(id, _)| *id),
        sweep: sweep.id,
        listed_at: report.began,
        unread: report.unread,
        lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        state: CampaignState::Open,
        version: 0,
    };
    Ok((campaign, lines))
}

pub(crate) fn begin(
    campaign: Campaign,
    lines: Vec<CampaignLine>,
    by: Doer<'_>,
    step: StepContext<'_>,
) -> Change {
    let record = step
        .of_campaign(Event::CampaignBegun, by, campaign.id)
        .ends_at(campaign.due_at)
        .why(&format!(
            "{}: {} lines, unanswered: {}",
            campaign.name,
            campaign.lines,
            campaign.unanswered.name()
        ));
    Change {
        campaigns: vec![Write::Insert(campaign)],
        campaign_lines: lines.into_iter().map(Write::Insert).collect(),
        audit: vec![record],
        ..Change::default()
    }
}

fn checked(
    form: &CampaignForm,
    directory: &Directory,
    now: Timestamp,
) -> Result<Vec<StandingPattern>, CampaignRefused> {
    let length = form.name.trim().chars().count();
    if length == 0 || length > NAME_CHARACTERS_MAX {
        return Err(CampaignRefused::BadName);
    }
    if form.due_at < DUE_LEAST.after(now) || DUE_MOST.after(now) < form.due_at {
        return Err(CampaignRefused::BadDue {
            least: DUE_LEAST,
            most: DUE_MOST,
        });
    }
    if let Some(every) = form.repeat_every
        && (every < REPEAT_LEAST || REPEAT_MOST < every || every.after(now) < form.due_at)
    {
        return Err(CampaignRefused::BadRepeat {
            least: REPEAT_LEAST,
            most: REPEAT_MOST,
        });
    }
    if form.reviewers.len() > REVIEWERS_MAX || form.scope.len() > PATTERNS_MAX {
        return Err(CampaignRefused::LongForm {
            reviewers: REVIEWERS_MAX,
            patterns: PATTERNS_MAX,
        });
    }
    for source in &form.reviewers {
        source.ensure_known(directory)?;
    }
    let mut patterns = Vec::new();
    for text in &form.scope {
        let pattern: StandingPattern = text.parse()?;
        if let Some(dead) = pattern.dead(directory) {
            return Err(dead.into());
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

fn assignments_by_group(all: &[NamedGroupAssignment]) -> BTreeMap<&GroupId, Vec<&TargetNames>> {
    let mut by_group: BTreeMap<&GroupId, Vec<&TargetNames>> = BTreeMap::new();
    for it in all {
        by_group
            .entry(&it.row.key.group)
            .or_default()
            .push(&it.names);
    }
    by_group
}

fn line(
    item: &SweepItem,
    sources: &[ReviewerSource],
    facts: &CampaignFacts<'_>,
    gives: &BTreeMap<&GroupId, Vec<&TargetNames>>,
) -> CampaignLine {
    let found = reviewer(sources, &item.key, facts.directory);
    let (reviewer, by) = found.unzip();
    let theirs: &[&TargetNames] = match &item.key.target {
        Target::Group { group } => gives.get(group).map_or(&[], Vec::as_slice),
        Target::Account { .. } => &[],
    };
    let is_open_to = |names: &TargetNames| match names {
        TargetNames::Account { account, .. } => is_production(account),
        TargetNames::Group { .. } => false,
    };
    let before = facts.previous.as_ref().map(|(_, lines)| lines);
    let change = match before.and_then(|lines| lines.get(&item.key)) {
        None => LineChange::New,
        Some(outcome) if outcome.removes() => LineChange::StillThere,
        Some(_) => LineChange::Kept,
    };
    CampaignLine {
        campaign: facts.id,
        number: 0,
        key: item.key.clone(),
        names: item.names.clone(),
        holder: item.holder.clone(),
        first_seen: item.first_seen,
        accepted: item.kind.acceptance().cloned(),
        production: is_open_to(&item.names) || theirs.iter().any(|it| is_open_to(it)),
        gives: theirs
            .iter()
            .take(GIVES_MAX)
            .map(|it| (*it).clone())
            .collect(),
        used: LineUse::Unknown,
        change,
        reviewer: reviewer.unwrap_or_else(|| facts.owner.clone()),
        reviewer_by: by,
        answer: None,
        version: 0,
    }
}

/// What changed first, then production, then by place and holder.
fn order(line: &CampaignLine) -> (LineChange, bool, String, &str) {
    let place = line.names.to_string();
    (line.change, !line.production, place, line.holder_name())
}
