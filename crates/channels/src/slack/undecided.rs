//! Removes the buttons of decided remediations and names the decider (`organization.md` R-3).

use std::time::Duration;

use crate::wording::{PlainStyle, remediation, shown};
use hallpass_base::TimeSpan;
use hallpass_findings::remediation::{Remediation, RemediationId, RemediationPhase};
use tokio::sync::watch;

use crate::slack::app::Slack;
use crate::slack::blocks::{context, plain_section, section};
use crate::slack::inbound::MessagePlace;
use crate::slack::judging::{LONG_PAUSE, REFUSED_FOR};
use crate::slack::memory::{AskingMessage, MemoryFault, RefusedSpan};

const LOOK_EVERY: Duration = Duration::from_secs(3);
const BY_MAX: usize = 200;
/// Maximum reason; fits a section with the question.
const REASON_MAX: usize = 1_500;
const QUESTION_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DrawnDecided {
    /// Final.
    Done,
    Refused,
    NotNow,
}

impl Slack {
    pub(crate) async fn now_asks(&self, id: RemediationId, ts: String) -> Result<(), MemoryFault> {
        let remembered = &self.inner.remembered;
        let _one_hand = remembered.asking.lock().await;
        let mut all = remembered.asking_messages().await?;
        let channel = self.inner.setup.channel.clone();
        let message = AskingMessage {
            channel,
            ts,
            refused: None,
        };
        all.insert(id, message);
        remembered.keep_asking_messages(&all).await
    }

    pub async fn follow_remediations(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.show_what_was_decided().await {
                tracing::warn!(error = %error, "messages about remediations could not be read");
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Redraws every message about a decided remediation.
    ///
    /// # Errors
    /// When the state cannot be read or stored; the next call retries.
    pub async fn show_what_was_decided(&self) -> Result<(), MemoryFault> {
        let asking = self.inner.remembered.asking_messages().await?;
        let now = self.now();
        for (id, message) in asking {
            let refused = message.refused;
            if refused.is_some_and(|it| now < LONG_PAUSE.after(it.last)) {
                continue;
            }
            let found = self.inner.access.stored_remediation(&id).await;
            let place = MessagePlace {
                channel: message.channel,
                ts: message.ts,
            };
            match found {
                Ok(Some(it)) if matches!(it.phase, RemediationPhase::Waiting { .. }) => {}
                Ok(Some(it)) => {
                    match self.draw_decided(&place, &it, true).await? {
                        // a refused message blocks no other
                        DrawnDecided::Done | DrawnDecided::Refused => {}
                        DrawnDecided::NotNow => return Ok(()),
                    }
                }
                Ok(None) => self.asks_no_more(&id).await?,
                Err(error) => {
                    tracing::debug!(remediation = %id, error = %error, "it is checked again");
                }
            }
        }
        Ok(())
    }

    async fn asks_no_more(&self, id: &RemediationId) -> Result<(), MemoryFault> {
        let remembered = &self.inner.remembered;
        let _one_hand = remembered.asking.lock().await;
        self.forget_asking(id).await
    }

    /// The caller holds the lock.
    async fn forget_asking(&self, id: &RemediationId) -> Result<(), MemoryFault> {
        let remembered = &self.inner.remembered;
        let mut all = remembered.asking_messages().await?;
        match all.remove(id) {
            Some(_) => remembered.keep_asking_messages(&all).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn show_decided(&self, place: Option<&MessagePlace>, it: &Remediation) {
        let Some(place) = place.filter(|it| !it.channel.is_empty() && !it.ts.is_empty()) else {
            return;
        };
        if let Err(error) = self.draw_decided(place, it, false).await {
            tracing::warn!(remediation = %it.id, error = %error, "it is drawn again");
        }
    }

    /// Shows the decision and removes the buttons. `unless_drawn` skips messages already redrawn.
    async fn draw_decided(
        &self,
        place: &MessagePlace,
        it: &Remediation,
        unless_drawn: bool,
    ) -> Result<DrawnDecided, MemoryFault> {
        let remembered = &self.inner.remembered;
        let _one_hand = remembered.asking.lock().await;
        if unless_drawn && !remembered.asking_messages().await?.contains_key(&it.id) {
            return Ok(DrawnDecided::Done);
        }
        let (answer, about) = (self.answer_text(it), remediation::question(it, &PlainStyle));
        let text = format!("{answer}\n{}", shown(&about, QUESTION_MAX));
        let blocks = [
            section("sweep", answer),
            plain_section("about", &about),
            context("link", self.remediation_link(&it.id)),
        ];
        let client = &self.inner.client;
        let updated = client
            .update(&place.channel, &place.ts, &text, &blocks)
            .await;
        // CRASH: a redrawn message still stored is redrawn once more, unchanged
        match updated {
            Err(error) if error.is_passing() || error.is_workspace_wide() => {
                tracing::warn!(remediation = %it.id, error = %error, "the message of a remediation is changed later");
                return Ok(DrawnDecided::NotNow);
            }
            Err(error) if !error.is_gone() && !error.is_fixed() && !error.is_ours() => {
                tracing::warn!(remediation = %it.id, error = %error, "Slack refuses to change the message of a remediation");
                return self.refused_again(&it.id).await;
            }
            Err(error) => {
                tracing::warn!(remediation = %it.id, error = %error, "the message of a remediation cannot be changed");
            }
            Ok(()) => {}
        }
        self.forget_asking(&it.id).await?;
        Ok(DrawnDecided::Done)
    }

    /// Handles a refused change of one message: retried later and dropped after eight hours. The
    /// buttons then stay, and pressers get an explanation. The caller holds the lock.
    async fn refused_again(&self, id: &RemediationId) -> Result<DrawnDecided, MemoryFault> {
        let (remembered, now) = (&self.inner.remembered, self.now());
        let mut all = remembered.asking_messages().await?;
        let Some(message) = all.get_mut(id) else {
            return Ok(DrawnDecided::Refused);
        };
        let since = message.refused.map_or(now, |it| it.since);
        if TimeSpan::between(since, now) >= REFUSED_FOR {
            tracing::warn!(remediation = %id, "the message of a remediation no longer changes");
            self.forget_asking(id).await?;
            return Ok(DrawnDecided::Done);
        }
        message.refused = Some(RefusedSpan { since, last: now });
        remembered.keep_asking_messages(&all).await?;
        Ok(DrawnDecided::Refused)
    }

    fn answer_text(&self, it: &Remediation) -> String {
        let marks = &self.inner.setup.marks;
        match (&it.approved_by, &it.phase) {
            (_, RemediationPhase::Manual { reason }) => {
                format!(
                    "{} Needs manual work: {}",
                    marks.bad,
                    shown(reason, REASON_MAX)
                )
            }
            (_, RemediationPhase::Drifted { reason }) => {
                let reason = shown(reason, REASON_MAX);
                format!("{} Nothing is done: {reason}", marks.discarded)
            }
            (Some(by), _) => format!("{} Approved by {}.", marks.good, shown(by, BY_MAX)),
            (None, _) => format!("{} It no longer waits.", marks.discarded),
        }
    }
}
