//! Begins and answers access review campaigns (`access.md` §28).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{CampaignId, Email, HoldKey, UserId};

use super::locking::person_of;
use super::{Access, AccessError, RACES_MAX};
use crate::campaign_steps::{self, AnsweredBy, CampaignFacts, NewAnswer};
use crate::records::Doer;
use crate::{
    ActionRefused, Actor, AnswerKind, Campaign, CampaignForm, CampaignLine, CampaignRefused,
    Change, CommitError, LINES_MAX, LineCount, LineFilter, LocksSeen, Person, TextField,
};

/// Lines that one call answers or reassigns.
pub const LINES_A_CALL_MAX: usize = 500;
const CAMPAIGNS_MAX: u32 = 500;

/// A campaign as the viewer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignView {
    pub campaign: Campaign,
    /// Of the lines that the viewer sees.
    pub counts: Vec<LineCount>,
    /// The viewer, and those who are away and made the viewer their delegate.
    pub answers_as: Vec<UserId>,
    /// Whether the viewer sees all lines.
    pub sees_all: bool,
}

impl CampaignView {
    /// Lines that wait for the viewer; none once the campaign is over.
    pub fn waiting(&self) -> u32 {
        if !self.campaign.is_open() {
            return 0;
        }
        let theirs = self.counts.iter().filter(|it| it.answer.is_none());
        let theirs = theirs.filter(|it| self.answers_as.contains(&it.reviewer));
        theirs.map(|it| it.lines).sum()
    }
}

impl Access {
    /// # Errors
    /// If the actor is no administrator, the form is refused, or no recent sweep has listed standing
    /// access.
    pub async fn begin_campaign(
        &self,
        actor: &Actor,
        form: CampaignForm,
    ) -> Result<Campaign, AccessError> {
        self.ensure_admin(actor).await?;
        let owner = person_of(actor).ok_or(ActionRefused::NotInDirectory)?;
        self.begin_stored_campaign(form, &owner, None, Doer::Person(actor))
            .await
    }

    /// Begins the next campaign of each series whose time has come.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn begin_due_campaigns(&self) -> Result<(), AccessError> {
        let all = self.campaign_store().campaigns(CAMPAIGNS_MAX).await?;
        let continued: BTreeSet<CampaignId> = all.iter().filter_map(|it| it.previous).collect();
        let now = self.now();
        let is_due = |it: &&Campaign| {
            let next = it.repeat_every.map(|every| every.after(it.begun_at));
            it.signature().is_some() && next.is_some_and(|at| at <= now)
        };
        let due = all.iter().filter(is_due);
        for before in due.filter(|it| !continued.contains(&it.id)) {
            let form = campaign_steps::next_form(before, now);
            let begun = self
                .begin_stored_campaign(form, &before.owner, Some(before), Doer::Hallpass)
                .await;
            match begun {
                Ok(_) => {}
                Err(AccessError::Refused(why)) => {
                    tracing::warn!(campaign = %before.id, why = %why, "the next campaign did not begin");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn begin_stored_campaign(
        &self,
        form: CampaignForm,
        owner: &Person,
        previous: Option<&Campaign>,
        by: Doer<'_>,
    ) -> Result<Campaign, AccessError> {
        let sweeps = &self.ports.sweeps;
        let listing = sweeps.newest_listing().await?;
        let items = match &listing {
            Some(sweep) => sweeps.sweep_items(sweep.id).await?,
            None => Vec::new(),
        };
        let name = form.name.trim();
        let open = self.open_campaigns().await?;
        if open.iter().any(|it| it.name == name) {
            let name = name.to_owned();
            return Err(ActionRefused::from(CampaignRefused::NameTaken { name }).into());
        }
        let directory = self.directory();
        let groups = sweeps.group_assignments().await?;
        let groups = crate::NamedGroupAssignment::all(groups, &directory);
        let previous = match previous {
            Some(before) => Some((before.id, self.outcomes(before).await?)),
            None => None,
        };
        let facts = CampaignFacts {
            id: self.step().campaign_id(),
            owner,
            listing: listing.as_ref().map(|it| (it, items.as_slice())),
            group_assignments: &groups,
            previous,
            directory: &directory,
        };
        let listed = campaign_steps::listed(form, &facts, self.now());
        let (campaign, mut lines) = listed.map_err(ActionRefused::from)?;
        self.read_uses(&mut lines, &groups).await;
        let change = campaign_steps::begin(campaign.clone(), lines, by, self.step());
        self.store_change(change).await?;
        Ok(campaign)
    }

    async fn outcomes(
        &self,
        campaign: &Campaign,
    ) -> Result<BTreeMap<HoldKey, AnswerKind>, AccessError> {
        let lines = self.all_lines(campaign.id).await?.into_iter();
        let outcomes = lines.map(|line| (line.key.clone(), line.outcome(campaign.unanswered)));
        Ok(outcomes.collect())
    }

    pub(super) async fn open_campaigns(&self) -> Result<Vec<Campaign>, AccessError> {
        let mut all = self.campaign_store().campaigns(CAMPAIGNS_MAX).await?;
        all.retain(Campaign::is_open);
        Ok(all)
    }

    pub(super) async fn all_lines(&self, id: CampaignId) -> Result<Vec<CampaignLine>, AccessError> {
        let most = u32::try_from(LINES_MAX).unwrap_or(u32::MAX);
        let filter = LineFilter::default();
        Ok(self
            .campaign_store()
            .campaign_lines(id, &filter, most)
            .await?)
    }

    pub(super) fn campaign_store(&self) -> &dyn crate::CampaignStore {
        self.ports.campaigns.as_ref()
    }

    /// Campaigns with lines that the actor sees, newest first: all for administrators and auditors,
    /// else those with lines to review.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn campaigns(&self, actor: &Actor) -> Result<Vec<CampaignView>, AccessError> {
        let mut views = Vec::new();
        for campaign in self.campaign_store().campaigns(CAMPAIGNS_MAX).await? {
            let view = self.view_of(actor, campaign).await?;
            if view.sees_all || !view.counts.is_empty() {
                views.push(view);
            }
        }
        Ok(views)
    }

    /// # Errors
    /// If it does not exist, or the actor sees none of its lines.
    pub async fn campaign(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<CampaignView, AccessError> {
        let found = self.campaign_store().campaign(id).await?;
        let campaign = found.ok_or(AccessError::NotFound("campaign"))?;
        let view = self.view_of(actor, campaign).await?;
        if view.sees_all || !view.counts.is_empty() {
            return Ok(view);
        }
        Err(AccessError::NotFound("campaign"))
    }

    async fn view_of(
        &self,
        actor: &Actor,
        campaign: Campaign,
    ) -> Result<CampaignView, AccessError> {
        let answers_as = self.answers_as(actor);
        let sees_all = actor.reads_all() || campaign.owner.is(actor);
        let store = self.campaign_store();
        let mut counts = store.campaign_line_counts(campaign.id).await?;
        counts.retain(|it| sees_all || answers_as.contains(&it.reviewer));
        Ok(CampaignView {
            campaign,
            counts,
            answers_as,
            sees_all,
        })
    }

    fn answers_as(&self, actor: &Actor) -> Vec<UserId> {
        let Some(user) = &actor.user else {
            return Vec::new();
        };
        let directory = self.directory();
        let delegators = directory.delegators_of(user).cloned();
        [user.clone()].into_iter().chain(delegators).collect()
    }

    /// Lines that the actor sees, by number.
    ///
    /// # Errors
    /// As [`Access::campaign`].
    pub async fn campaign_lines(
        &self,
        actor: &Actor,
        id: CampaignId,
        filter: &LineFilter,
        limit: u32,
    ) -> Result<Vec<CampaignLine>, AccessError> {
        let view = self.campaign(actor, id).await?;
        let mut filter = filter.clone();
        if !view.sees_all {
            let is_wanted =
                |it: &UserId| filter.reviewers.is_empty() || filter.reviewers.contains(it);
            filter.reviewers = view.answers_as.into_iter().filter(is_wanted).collect();
            if filter.reviewers.is_empty() {
                return Ok(Vec::new());
            }
        }
        Ok(self
            .campaign_store()
            .campaign_lines(id, &filter, limit)
            .await?)
    }

    /// Answers these lines, all or none; a later answer replaces an earlier one.
    ///
    /// # Errors
    /// If the campaign is over, or the actor may not answer one of them this way.
    pub async fn answer_lines(
        &self,
        actor: &Actor,
        id: CampaignId,
        numbers: &[u32],
        answer: AnswerKind,
        reason: &str,
    ) -> Result<(), AccessError> {
        TextField::Reason.ensure(reason)?;
        let person = self.ensure_reviewer(actor).await?;
        let new = NewAnswer {
            answer,
            reason: reason.to_owned(),
        };
        let mut races = 0;
        loop {
            let (campaign, lines) = self.lines_named(actor, id, numbers).await?;
            let mut locks = self.own_lock(&person).await?;
            let directory = self.with_actor(actor, self.directory()).await?;
            let directory = self.with_delegations(directory, &mut locks).await?;
            let rules = self.rules();
            let by = AnsweredBy {
                actor,
                person: &person,
                rules: &rules,
                directory: &directory,
            };
            let change = campaign_steps::answer(&campaign, &lines, &new, &by, self.step());
            let change = Change {
                locks_seen: locks,
                ..change.map_err(ActionRefused::from)?
            };
            match self.store_change(change).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives these lines to another reviewer: the actor's own, or any as administrator.
    ///
    /// # Errors
    /// If the campaign is over, the actor may not, or the new reviewer is the holder or not enabled.
    pub async fn reassign_lines(
        &self,
        actor: &Actor,
        id: CampaignId,
        numbers: &[u32],
        to: &Email,
    ) -> Result<(), AccessError> {
        let person = self.ensure_reviewer(actor).await?;
        let is_admin = actor.is(crate::Role::Admin);
        if is_admin {
            self.ensure_admin(actor).await?;
        }
        let directory = self.with_actor(actor, self.directory()).await?;
        let found = directory.person_by_email(to).ok().filter(|it| it.enabled);
        let unknown = || crate::ReviewerError::NoPerson(to.clone());
        let to = found.and_then(Person::of).ok_or_else(unknown);
        let to = to.map_err(|why| ActionRefused::from(CampaignRefused::from(why)))?;
        let mut races = 0;
        loop {
            let (campaign, lines) = self.lines_named(actor, id, numbers).await?;
            let locks = self.own_lock(&person).await?;
            let others = lines.iter().find(|it| it.reviewer.user != person.user);
            if let Some(line) = others.filter(|_| !is_admin) {
                let why = CampaignRefused::NotReviewer {
                    line: line.number,
                    reviewer: line.reviewer.email.to_string(),
                };
                return Err(ActionRefused::from(why).into());
            }
            let change = campaign_steps::reassign(&campaign, &lines, &to, actor, self.step());
            let change = Change {
                locks_seen: locks,
                ..change.map_err(ActionRefused::from)?
            };
            if change.is_empty() {
                return Ok(());
            }
            match self.store_change(change).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn ensure_reviewer(&self, actor: &Actor) -> Result<Person, AccessError> {
        if actor.secondary_domain {
            return Err(ActionRefused::SecondaryDomain.into());
        }
        self.ensure_unlocked(actor).await?;
        person_of(actor).ok_or_else(|| ActionRefused::NotInDirectory.into())
    }

    async fn own_lock(&self, person: &Person) -> Result<LocksSeen, AccessError> {
        let users = [person.user.clone()];
        let found = self.ports.store.locks_of(&users).await?;
        let seen = LocksSeen::of(&users, found);
        match seen.in_force(&person.user, self.now()) {
            Some(lock) => Err(ActionRefused::Locked { since: lock.since }.into()),
            None => Ok(seen),
        }
    }

    async fn lines_named(
        &self,
        actor: &Actor,
        id: CampaignId,
        numbers: &[u32],
    ) -> Result<(Campaign, Vec<CampaignLine>), AccessError> {
        let wanted: BTreeSet<u32> = numbers.iter().copied().collect();
        if wanted.is_empty() || wanted.len() > LINES_A_CALL_MAX {
            let (lines, most) = (wanted.len(), LINES_A_CALL_MAX);
            return Err(CampaignRefused::LineCount { lines, most }.into());
        }
        let campaign = self.campaign(actor, id).await?.campaign;
        let filter = LineFilter {
            numbers: wanted.iter().copied().collect(),
            ..LineFilter::default()
        };
        let most = u32::try_from(LINES_A_CALL_MAX).unwrap_or(u32::MAX);
        let lines = self.campaign_lines(actor, id, &filter, most).await?;
        if lines.len() != wanted.len() {
            return Err(AccessError::NotFound("line of the campaign"));
        }
        Ok((campaign, lines))
    }

    /// Open campaigns with lines that wait for the actor.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn lines_waiting(&self, actor: &Actor) -> Result<Vec<CampaignView>, AccessError> {
        let mut views = Vec::new();
        for campaign in self.open_campaigns().await? {
            let view = self.view_of(actor, campaign).await?;
            if view.waiting() > 0 {
                views.push(view);
            }
        }
        Ok(views)
    }
}

impl From<CampaignRefused> for AccessError {
    fn from(why: CampaignRefused) -> Self {
        Self::Refused(why.into())
    }
}
