//! Signs off a campaign, and applies its answers (`access.md` §28).

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_audit::Event;
use hallpass_base::{CampaignId, HoldKey};

use super::locking::person_of;
use super::{Access, AccessError, RACES_MAX};
use crate::campaign_steps::{self, LinesPlanned};
use crate::records::Doer;
use crate::{
    ActionRefused, Actor, Campaign, CampaignRefused, CampaignState, Change, CommitError, Person,
    Signature, StandingScope, Sweep, Write, evidence, evidence_sha256,
};

impl Access {
    /// Ends the answers, and stores the hash of all lines under the actor's name. Lines without an
    /// answer follow the campaign's default; before it is due there may be none. May be repeated.
    ///
    /// # Errors
    /// If the actor is no administrator, or lines have no answer yet.
    pub async fn sign_off_campaign(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<Campaign, AccessError> {
        self.ensure_admin(actor).await?;
        let by = person_of(actor).ok_or(ActionRefused::NotInDirectory)?;
        let mut races = 0;
        loop {
            let campaign = self.campaign(actor, id).await?.campaign;
            let change = match &campaign.state {
                CampaignState::SignedOff { .. } => return Ok(campaign),
                CampaignState::Open => self.closed(actor, &campaign).await?,
                CampaignState::Closed { .. } => self.signed(actor, &by, &campaign).await?,
            };
            match self.store_change(change).await {
                Ok(_) => {}
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// From then on the lines do not change, so that their hash is of what the store keeps.
    async fn closed(&self, actor: &Actor, campaign: &Campaign) -> Result<Change, AccessError> {
        let counts = self
            .campaign_store()
            .campaign_line_counts(campaign.id)
            .await?;
        let open: u32 = (counts.iter().filter(|it| it.answer.is_none()))
            .map(|it| it.lines)
            .sum();
        let step = self.step();
        if open > 0 && !campaign.is_due(step.now) {
            let why = CampaignRefused::Unanswered {
                lines: open,
                due: campaign.due_at,
            };
            return Err(ActionRefused::from(why).into());
        }
        let record = step
            .of_campaign(Event::CampaignClosed, Doer::Person(actor), campaign.id)
            .why(&format!(
                "{open} lines without an answer: {}",
                campaign.unanswered.name()
            ));
        Ok(Change {
            campaigns: vec![Write::Update(Campaign {
                state: CampaignState::Closed { at: step.now },
                ..campaign.clone()
            })],
            audit: vec![record],
            ..Change::default()
        })
    }

    async fn signed(
        &self,
        actor: &Actor,
        by: &Person,
        campaign: &Campaign,
    ) -> Result<Change, AccessError> {
        let lines = self.all_lines(campaign.id).await?;
        let rows = evidence(campaign, &lines);
        let rows = rows.map_err(|error| crate::ReadError(error.to_string()))?;
        let sha256 = evidence_sha256(rows.iter().map(String::as_str));
        let removed = lines
            .iter()
            .filter(|it| it.outcome(campaign.unanswered).removes());
        let removed = removed.count();
        let step = self.step();
        let record = step
            .of_campaign(Event::CampaignSignedOff, Doer::Person(actor), campaign.id)
            .lines_hash(&sha256)
            .why(&format!(
                "{}: {} lines, {removed} to remove",
                campaign.name,
                lines.len()
            ));
        let signature = Signature {
            by: by.clone(),
            at: step.now,
            sha256,
        };
        Ok(Change {
            campaigns: vec![Write::Update(Campaign {
                state: CampaignState::SignedOff {
                    signature,
                    plan: None,
                },
                ..campaign.clone()
            })],
            audit: vec![record],
            ..Change::default()
        })
    }

    /// The rows that the signature covers.
    ///
    /// # Errors
    /// If the actor does not see all lines, or the campaign is not signed off.
    pub async fn campaign_evidence(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<(Campaign, Vec<String>), AccessError> {
        let view = self.campaign(actor, id).await?;
        if !view.sees_all {
            return Err(AccessError::NotFound("campaign"));
        }
        let campaign = view.campaign;
        if campaign.signature().is_none() {
            let state = campaign.state.name();
            return Err(ActionRefused::from(CampaignRefused::NotSignedOff { state }).into());
        }
        let lines = self.all_lines(id).await?;
        let rows = evidence(&campaign, &lines);
        let rows = rows.map_err(|error| crate::ReadError(error.to_string()))?;
        Ok((campaign, rows))
    }

    /// Applies the signed answers: accepts what is kept, and plans what is removed, as a sweep that
    /// an administrator confirms. A new plan replaces one that waits.
    ///
    /// # Errors
    /// If the actor is no administrator, the campaign is not signed off, nothing is left to apply,
    /// or AWS does not answer.
    pub async fn plan_campaign(&self, actor: &Actor, id: CampaignId) -> Result<Sweep, AccessError> {
        self.ensure_admin(actor).await?;
        let mut races = 0;
        loop {
            let campaign = self.campaign(actor, id).await?.campaign;
            let (change, sweep) = self.planned(actor, &campaign).await?;
            match self.store_change(change).await {
                Ok(_) => return Ok(sweep),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn planned(
        &self,
        actor: &Actor,
        campaign: &Campaign,
    ) -> Result<(Change, Sweep), AccessError> {
        let lines = self.all_lines(campaign.id).await?;
        let directory: Arc<_> = self.directory_for_sweep().await?;
        let removed = lines
            .iter()
            .filter(|it| it.outcome(campaign.unanswered).removes());
        let scope = StandingScope::of_targets(removed.map(|it| &it.key.target), &directory);
        let places = self.read_places(&scope).await?;
        let in_hand = self.ports.sweeps.open_sweep_items().await?.into_iter();
        let in_hand: BTreeSet<HoldKey> = in_hand.map(|it| it.key).collect();
        let earlier = match campaign.plan() {
            Some(id) => self.ports.sweeps.sweep(id).await?,
            None => None,
        };
        let fresh = places.fresh(&directory, &self.settings.sweep);
        let facts = LinesPlanned {
            campaign,
            lines: &lines,
            sweep: self.next_sweep_id().await?,
            replaced: earlier.filter(|it| it.state.is_waiting()),
            in_hand: &in_hand,
            fresh: &fresh,
        };
        let planned = campaign_steps::plan(&facts, actor, self.step());
        Ok(planned.map_err(ActionRefused::from)?)
    }
}
