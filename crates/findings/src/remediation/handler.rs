//! Turns events into stored remediations; changes no account.

use std::sync::Arc;

use crate::events::{EventHandler, HandledEvent, OrganizationEvent};
use async_trait::async_trait;
use hallpass_base::{AccountId, Clock, TimeSpan};

use crate::remediation::decide::{
    AccountStanding, Before, FLAPPING_WITHIN, RemediationDecision, RuleChoice, choose,
    is_about_the_same, settle,
};
use crate::remediation::deviation::{Deviation, read_deviations, takes};
use crate::remediation::item::{
    Remediation, RemediationId, RemediationPhase, RemediationResult, WorkflowStatus,
};
use crate::remediation::ports::{AccountStandings, RemediationStore, RemediationStoreFault};
use crate::remediation::rules::{RemediationRule, RuleFile};
use crate::remediation::standing::{Standing, Standings};

const HOUR: TimeSpan = TimeSpan::hours(1);
/// Approval timeout (`organization.md` R-3).
pub(crate) const APPROVAL: TimeSpan = TimeSpan::hours(24);

#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    Ignored(String),
    Known(RemediationId),
    Kept(Box<Remediation>),
}

pub struct RemediationHandler {
    pub file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
    pub accounts: Arc<dyn AccountStandings>,
    pub standings: Arc<dyn Standings>,
    pub store: Arc<dyn RemediationStore>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for RemediationHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemediationHandler").finish_non_exhaustive()
    }
}

impl RemediationHandler {
    /// Decides on deviations by their current state and stores the remediations. Results keep the
    /// order; an error means retry later.
    pub async fn take_all(&self, rows: Vec<Deviation>) -> Vec<Result<Taken, String>> {
        let file = (self.file)();
        let mut taken: Vec<Option<Result<Taken, String>>> = Vec::with_capacity(rows.len());
        let mut asked = Vec::new();
        for row in rows {
            let ignored = worth_a_look(&file, &row).err();
            if ignored.is_none() {
                asked.push(row);
            }
            taken.push(ignored.map(|why| Ok(Taken::Ignored(why))));
        }
        let mut stand = self.standings.standings(&asked).await.into_iter();
        let mut all = Vec::with_capacity(taken.len());
        for known in taken {
            all.push(match known {
                Some(known) => known,
                None => match stand.next() {
                    Some(Ok(Standing::Open(it))) => self.take_open(&file, *it).await,
                    Some(Ok(Standing::Over(why))) => Ok(Taken::Ignored(why)),
                    Some(Err(why)) => Err(why),
                    None => Err("it has no result (this is a bug)".to_owned()),
                },
            });
        }
        all
    }

    pub async fn take(&self, it: Deviation) -> Result<Taken, String> {
        let mut all = self.take_all(vec![it]).await;
        all.pop()
            .unwrap_or_else(|| Err("it has no result (this is a bug)".to_owned()))
    }

    async fn take_open(&self, file: &RuleFile, it: Deviation) -> Result<Taken, String> {
        if let Err(why) = worth_a_look(file, &it) {
            return Ok(Taken::Ignored(why));
        }
        let standing = self.accounts.standing(&it.account).await?;
        let now = self.clock.now();
        let choice = choose(file, &it, &standing, now);
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
        let mut same = same.await.map_err(told)?;
        same.retain(|kept| is_about_the_same(kept, &it, rule.action));
        let before = Before {
            same_resource: same,
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
        if self.store.begin_remediation(&kept).await.map_err(told)? {
            return Ok(Taken::Kept(Box::new(kept)));
        }
        self.again(kept).await
    }

    /// Restarts a drifted remediation whose deviation is open again unchanged.
    async fn again(&self, new: Remediation) -> Result<Taken, String> {
        let told = |fault: RemediationStoreFault| fault.to_string();
        let known = self.store.remediation(&new.id).await.map_err(told)?;
        let Some(known) = known.filter(|it| matches!(it.phase, RemediationPhase::Drifted { .. }))
        else {
            return Ok(Taken::Known(new.id));
        };
        let again = Remediation {
            generation: known.generation + 1,
            plan: known.plan,
            earlier: known.earlier,
            changed_at: known.changed_at,
            labelled: known.labelled,
            version: known.version,
            ..new
        };
        self.store.change_remediation(&again).await.map_err(told)?;
        Ok(Taken::Kept(Box::new(again)))
    }

    /// Returns the remediation whose own note caused the event (`organization.md` R-6).
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

    /// Returns why an event is ignored: its sender is outside the organization.
    async fn foreign(&self, event: &OrganizationEvent) -> Result<Option<String>, String> {
        if event.account.is_empty() {
            return Ok(None);
        }
        let standing = match AccountId::new(&event.account) {
            Ok(account) => self.accounts.standing(&account).await?,
            Err(_) => AccountStanding::Outside,
        };
        Ok((standing == AccountStanding::Outside).then(|| {
            format!(
                "the event was sent from account {}, which is not the organization's",
                event.account
            )
        }))
    }
}

/// Checks whether a rule may match, from the event alone. A later change sends another event.
fn worth_a_look(file: &RuleFile, it: &Deviation) -> Result<(), String> {
    if let Some(why) = &it.settled {
        return Err(why.clone());
    }
    let may_fit = |rule: &RemediationRule| {
        let mut anywhere = rule.matches.clone();
        anywhere.ou = None;
        anywhere.hold(it, "")
    };
    if file.rules.iter().any(may_fit) {
        Ok(())
    } else {
        Err("no rule is for it".to_owned())
    }
}

fn said(broken: &[String], taken: Vec<Result<Taken, String>>) -> HandledEvent {
    let (mut kept, mut known, mut ignored) = (0, 0, 0);
    for one in taken {
        match one {
            // a repeated event finds the rows stored so far
            Err(why) => return HandledEvent::Again(why),
            Ok(Taken::Kept(_)) => kept += 1,
            Ok(Taken::Known(_)) => known += 1,
            Ok(Taken::Ignored(_)) => ignored += 1,
        }
    }
    if broken.is_empty() {
        HandledEvent::Done(format!(
            "{kept} remediations begun, {known} known, {ignored} resources left as they are"
        ))
    } else {
        HandledEvent::Refused(broken.join("; "))
    }
}

fn begun(
    rule: &RemediationRule,
    it: Deviation,
    decision: RemediationDecision,
    now: hallpass_base::Timestamp,
) -> Remediation {
    let params = rule.params.clone();
    let mut new = Remediation::observed(&rule.id, rule.mode, rule.action, params, it, now);
    match decision {
        RemediationDecision::Observe => new,
        RemediationDecision::Approve(why) => {
            let until = APPROVAL.after(now);
            new.phase = RemediationPhase::Waiting { until, why };
            new
        }
        RemediationDecision::Act if new.action == crate::remediation::ActionKind::Suppress => {
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
            // does not write to a finding about another account: its owner is unknown
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
    /// Marks the finding for suppression. One rule uses one text, so that updates share requests
    /// (`organization.md` R-10).
    pub(crate) fn suppressed(self, now: hallpass_base::Timestamp) -> Self {
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
        let file = (self.file)();
        let mut refused: Vec<Option<HandledEvent>> = Vec::with_capacity(events.len());
        let (mut rows, mut reads) = (Vec::new(), Vec::with_capacity(events.len()));
        for event in events {
            let mut read = read_deviations(event);
            let concerns = read.rows.iter().any(|it| worth_a_look(&file, it).is_ok());
            let foreign = if concerns {
                self.foreign(event).await
            } else {
                Ok(None)
            };
            refused.push(match foreign {
                Ok(None) => None,
                Ok(Some(why)) => Some(HandledEvent::Refused(why)),
                Err(why) => Some(HandledEvent::Again(why)),
            });
            if matches!(refused.last(), Some(Some(_))) {
                read.rows.clear();
            }
            reads.push((read.rows.len(), read.broken));
            rows.append(&mut read.rows);
        }
        // one read for the whole batch
        let mut taken = self.take_all(rows).await.into_iter();
        let handled = refused.into_iter().zip(reads);
        handled
            .map(|(refused, (count, broken))| {
                let own = taken.by_ref().take(count).collect();
                refused.unwrap_or_else(|| said(&broken, own))
            })
            .collect()
    }
}
