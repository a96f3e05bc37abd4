//! From events to remediations that are kept; nothing is changed here.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_model::{Clock, TimeSpan};

use crate::decide::{
    AccountStanding, Before, FLAPPING_WITHIN, RemediationDecision, RuleChoice, choose, settle,
};
use crate::deviation::{Deviation, read_deviations, takes};
use crate::ports::{AccountStandings, RemediationStore, RemediationStoreFault};
use crate::remediation::{
    Remediation, RemediationId, RemediationPhase, RemediationResult, WorkflowStatus,
};
use crate::rules::{RemediationRule, RuleFile};

/// An hour, for the limit of rules.
const HOUR: TimeSpan = TimeSpan::hours(1);
/// How long somebody may approve (`organization.md` R-3).
pub(crate) const APPROVAL: TimeSpan = TimeSpan::hours(24);

/// What became of a deviation.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// Nothing is done; why.
    Ignored(String),
    /// It came before.
    Known(RemediationId),
    /// It is kept.
    Kept(Box<Remediation>),
}

/// Decides what is done about events, and keeps it.
pub struct RemediationHandler {
    file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
    standings: Arc<dyn AccountStandings>,
    store: Arc<dyn RemediationStore>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for RemediationHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemediationHandler").finish_non_exhaustive()
    }
}

impl RemediationHandler {
    /// With the rules of the moment.
    pub fn new(
        file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
        standings: Arc<dyn AccountStandings>,
        store: Arc<dyn RemediationStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            file,
            standings,
            store,
            clock,
        }
    }

    async fn standing(&self, file: &RuleFile, it: &Deviation) -> Result<AccountStanding, String> {
        let may_fit = |rule: &RemediationRule| {
            let mut anywhere = rule.matches.clone();
            anywhere.ou = None;
            anywhere.hold(it, "")
        };
        // whose account it is is asked only where some rule may want it
        if it.settled.is_some() || !file.rules.iter().any(may_fit) {
            return Ok(AccountStanding::Outside);
        }
        self.standings.standing(&it.account).await
    }

    /// Decides about a deviation, and keeps what is to be done.
    ///
    /// # Errors
    /// It cannot be decided or kept now.
    pub async fn take(&self, it: Deviation) -> Result<Taken, String> {
        let file = (self.file)();
        let standing = self.standing(&file, &it).await?;
        let now = self.clock.now();
        let choice = choose(&file, &it, &standing, now);
        let rule = match &choice {
            RuleChoice::Ignored(why) => return Ok(Taken::Ignored(why.clone())),
            RuleChoice::Rule(rule)
            | RuleChoice::Excepted(rule, _)
            | RuleChoice::Refused(rule, _) => *rule,
        };
        if let Some(known) = self.own_write_back(&it).await? {
            return Ok(Taken::Known(known));
        }
        let since = FLAPPING_WITHIN.before(now);
        let told = |fault: RemediationStoreFault| fault.to_string();
        let same = self.store.of_resource(&it.account, &it.resource, since);
        let before = Before {
            same_resource: same.await.map_err(told)?,
            rule_this_hour: self
                .store
                .acting_since(&rule.id, HOUR.before(now))
                .await
                .map_err(told)?,
        };
        let Some(decision) = settle(&choice, &before, now) else {
            return Ok(Taken::Ignored("no rule is for it".to_owned()));
        };
        let kept = begun(rule, it, decision, now);
        let is_new = self.store.begin_remediation(&kept).await.map_err(told)?;
        Ok(if is_new {
            Taken::Kept(Box::new(kept))
        } else {
            Taken::Known(kept.id)
        })
    }

    /// The remediation whose own note made Security Hub send the event (`organization.md` R-6).
    async fn own_write_back(&self, it: &Deviation) -> Result<Option<RemediationId>, String> {
        let Some(id) = it.written_by.as_deref().and_then(RemediationId::read) else {
            return Ok(None);
        };
        let found = self.store.remediation(&id).await;
        let found = found.map_err(|fault| fault.to_string())?;
        let is_own = |kept: &Remediation| {
            kept.deviation.resource == it.resource && kept.deviation.updated_at == it.updated_at
        };
        Ok(found.filter(is_own).map(|kept| kept.id))
    }

    async fn handle_one(&self, event: &OrganizationEvent) -> HandledEvent {
        let read = read_deviations(event);
        let (mut kept, mut known, mut ignored) = (0, 0, 0);
        for row in read.rows {
            match self.take(row).await {
                // what was kept before this is known when the event comes again
                Err(why) => return HandledEvent::Again(why),
                Ok(Taken::Kept(_)) => kept += 1,
                Ok(Taken::Known(_)) => known += 1,
                Ok(Taken::Ignored(_)) => ignored += 1,
            }
        }
        if read.broken.is_empty() {
            HandledEvent::Done(format!(
                "{kept} remediations begun, {known} known, {ignored} resources left as they are"
            ))
        } else {
            HandledEvent::Refused(read.broken.join("; "))
        }
    }
}

/// A remediation as it begins.
fn begun(
    rule: &RemediationRule,
    it: Deviation,
    decision: RemediationDecision,
    now: hallpass_model::Timestamp,
) -> Remediation {
    let mut new = Remediation {
        id: RemediationId::of(&it, &rule.id, rule.mode),
        rule: rule.id.clone(),
        action: rule.action,
        params: rule.params.clone(),
        mode: rule.mode,
        deviation: it,
        decided_at: now,
        acts_at: None,
        phase: RemediationPhase::Observed,
        generation: 0,
        plan: None,
        changed_at: None,
        write_back: None,
        approved_by: None,
        version: 0,
    };
    match decision {
        RemediationDecision::Observe => new,
        RemediationDecision::Approve(why) => {
            let until = APPROVAL.after(now);
            new.phase = RemediationPhase::Waiting { until, why };
            new
        }
        RemediationDecision::Act if new.action == crate::ActionKind::Suppress => {
            new.acts_at = Some(now);
            new.suppressed(now)
        }
        RemediationDecision::Act => {
            new.acts_at = Some(now);
            new.phase = RemediationPhase::Pending {
                from: now,
                failed: 0,
            };
            new
        }
        RemediationDecision::Suppress(_) => new.suppressed(now),
        RemediationDecision::Manual(reason) => {
            // a finding that speaks of another account is not written to: nobody knows whose it is
            let other = new.deviation.resource_account();
            let is_own = other.is_none_or(|it| it == new.deviation.account.as_str());
            let mut new = new.told(
                RemediationPhase::Manual { reason },
                WorkflowStatus::Notified,
                now,
            );
            if !is_own {
                new.write_back = None;
            }
            new
        }
    }
}

impl Remediation {
    /// The finding is to be suppressed. All that one rule suppresses is told in the same words, so that updates share
    /// requests (`organization.md` R-10).
    pub(crate) fn suppressed(self, now: hallpass_model::Timestamp) -> Self {
        let result = RemediationResult::Suppressed;
        let rule = self.rule.clone();
        let mut told = self.told(
            RemediationPhase::Finished { result },
            WorkflowStatus::Suppressed,
            now,
        );
        if let Some(write_back) = &mut told.write_back {
            write_back.note = format!("Hallpass rule {rule}: suppressed");
        }
        told
    }
}

#[async_trait]
impl EventHandler for RemediationHandler {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        takes(source, detail_type)
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let mut handled = Vec::with_capacity(events.len());
        for event in events {
            handled.push(self.handle_one(event).await);
        }
        handled
    }
}
