//! Sends the mails of account lists (`organization.md` V-11) while their plan runs. The plan's
//! journal records sent mails: a crash resends at most one, with the same `Message-ID`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Loaded;
use async_trait::async_trait;
use hallpass_base::{Clock, Email, IdSource, TimeSpan, Timestamp};
use hallpass_channels::notify::{Mail, PostError};
use hallpass_channels::wording::notice::mail::Letter;
use hallpass_channels::wording::vending::{RowEnd, ToldRow, list_letter, row_letter};
use hallpass_org::vending::{
    AccountAdmin, DueMail, MailTopic, PLAN_KIND, RowStatus, VendingPlan, due_mails, results,
};
use hallpass_plans::{
    JournalAddition, JournalEntry, LaneClaim, LeaseAnswer, PlanId, PlanState, PlanStore, fold,
};
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

const LOOK_EVERY: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;
const LEASE: TimeSpan = TimeSpan::minutes(1);

#[async_trait]
trait ListPost: Send + Sync {
    async fn post(&self, to: &Email, letter: &Letter, about: (&str, &str))
    -> Result<(), PostError>;
}

#[async_trait]
impl ListPost for Mail {
    async fn post(
        &self,
        to: &Email,
        letter: &Letter,
        (about, page): (&str, &str),
    ) -> Result<(), PostError> {
        Self::post(self, to, letter, (0, about, page)).await
    }
}

pub struct VendingMailer {
    mail: Box<dyn ListPost>,
    readers: Vec<Email>,
    plans: Arc<dyn PlanStore>,
    accounts: Arc<dyn AccountAdmin>,
    clock: Arc<dyn Clock>,
    holder: String,
}

struct ListNews {
    vending: VendingPlan,
    due: Vec<DueMail>,
}

impl VendingMailer {
    /// `None` where no mail is configured.
    ///
    /// # Errors
    /// Exit 2 for an invalid configuration.
    pub fn of(
        loaded: &Loaded,
        plans: &Arc<dyn PlanStore>,
        accounts: &Arc<dyn AccountAdmin>,
        (clock, ids): (&Arc<dyn Clock>, &dyn IdSource),
    ) -> Result<Option<Self>, Failure> {
        let readers = loaded.vending_mail()?;
        if readers.is_empty() {
            return Ok(None);
        }
        let mail = loaded.mail(clock)?;
        Ok(mail.map(|mail| Self {
            mail: Box::new(mail),
            readers,
            plans: Arc::clone(plans),
            accounts: Arc::clone(accounts),
            clock: Arc::clone(clock),
            holder: holder(ids, clock.now()),
        }))
    }

    /// Sends due mails until the run ends; never aborts within a mail, which would send it twice.
    async fn follow(&self, plan: &PlanId, mut is_over: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = is_over.wait_for(|over| *over) => return,
            }
            if let Err(why) = self.send_due(plan, false).await {
                tracing::warn!(%plan, why, "a mail of a list is not sent yet");
            }
        }
    }

    /// Sends the remaining mails of an ended run.
    ///
    /// # Errors
    /// Unsent mails; `plan resume` retries.
    pub async fn finish(&self, plan: &PlanId, state: PlanState) -> Result<(), String> {
        let is_over = match state {
            PlanState::Partial | PlanState::Aborted | PlanState::Done => true,
            PlanState::Planned | PlanState::Running | PlanState::Paused => false,
        };
        let mut tried = 1;
        loop {
            match self.send_due(plan, is_over).await {
                Err(_) if tried < TRIES => tokio::time::sleep(LOOK_EVERY * tried).await,
                ended => return ended,
            }
            tried += 1;
        }
    }

    async fn send_due(&self, plan: &PlanId, is_over: bool) -> Result<(), String> {
        if self.news(plan, is_over).await?.is_none() {
            return Ok(());
        }
        let lane = format!("mails:{plan}");
        self.hold(&lane).await?;
        let sent = self.send_all(plan, &lane, is_over).await;
        let unleased = self.plans.unlease(&lane, &self.holder).await;
        unleased.map_err(|fault| fault.to_string())?;
        sent
    }

    /// Takes or renews the lane: two senders would send everything twice.
    async fn hold(&self, lane: &str) -> Result<(), String> {
        let now = self.clock.now();
        let claim = LaneClaim {
            holder: &self.holder,
            now,
            until: LEASE.after(now),
        };
        match self.plans.lease(lane, claim).await {
            Ok(LeaseAnswer::Ours) => Ok(()),
            Ok(LeaseAnswer::Held { by, .. }) => Err(format!("{by} sends them")),
            Err(fault) => Err(fault.to_string()),
        }
    }

    async fn send_all(&self, plan: &PlanId, lane: &str, is_over: bool) -> Result<(), String> {
        // another process may have sent some before the lane was free
        let Some(news) = self.news(plan, is_over).await? else {
            return Ok(());
        };
        let accounts = self.accounts.accounts().await;
        let accounts = accounts.map_err(|fault| fault.to_string())?;
        for mail in &news.due {
            let letter = letter(plan, &mail.about, &news.vending, |email| {
                let mut all = accounts.iter();
                let found = all.find(|it| it.email.eq_ignore_ascii_case(email));
                found.map(|it| it.id.as_str())
            });
            let about = format!("vend-{plan}-{}", mail.about.name());
            let page = format!("/plans/{plan}");
            // many mails take longer than the lease
            self.hold(lane).await?;
            // CRASH: sent again with the same `Message-ID`
            match self.mail.post(&mail.to, &letter, (&about, &page)).await {
                Ok(()) => {}
                Err(PostError::ForGood(why)) => {
                    tracing::warn!(to = %mail.to, about, why, "a mail is not accepted and not tried again");
                }
                Err(PostError::ForNow(why)) => return Err(why),
            }
            let entry = JournalEntry::Told { what: mail.told() };
            let added = JournalAddition {
                at: self.clock.now(),
                entry: &entry,
                change: None,
            };
            let noted = self.plans.append(plan, added).await;
            noted.map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }

    async fn news(&self, plan: &PlanId, is_over: bool) -> Result<Option<ListNews>, String> {
        let saved = self.plans.plan(plan).await;
        let saved = saved.map_err(|fault| fault.to_string())?;
        let Some(saved) = saved.filter(|it| it.plan.kind == PLAN_KIND) else {
            return Ok(None);
        };
        let stored = self.plans.journal(plan).await;
        let stored = stored.map_err(|fault| fault.to_string())?;
        let folded = fold(&stored).map_err(|error| error.to_string())?;
        let Some(vending) = VendingPlan::of(&saved.plan).filter(|_| folded.began.is_some()) else {
            return Ok(None);
        };
        let results = results(&vending, &saved.plan, &folded, &BTreeMap::new());
        let (file, readers) = (&vending.file, &self.readers);
        let due = due_mails(file, &results, readers, &folded.told, is_over);
        Ok(Some(ListNews { vending, due }).filter(|news| !news.due.is_empty()))
    }
}

/// Runs work that may apply a list, and sends its mails during and after it; `state` returns how it
/// ended.
pub async fn with_mails<T>(
    mailer: Option<&VendingMailer>,
    plan: &PlanId,
    run: impl Future<Output = Result<T, Failure>>,
    state: impl FnOnce(&T) -> PlanState,
) -> Result<T, Failure> {
    // runs are large, and this function stores several copies
    let run = Box::pin(run);
    let Some(mailer) = mailer else {
        return run.await;
    };
    let (over, is_over) = watch::channel(false);
    let run = async {
        let ended = run.await;
        over.send_replace(true);
        ended
    };
    let (ended, ()) = tokio::join!(run, mailer.follow(plan, is_over));
    let ended = ended?;
    if let Err(why) = mailer.finish(plan, state(&ended)).await {
        hallpass_terminal::output::say(&format!(
            "warning: not all mails of plan {plan} are sent: {why}; `hallpass org plan resume {plan}` sends the others"
        ));
    }
    Ok(ended)
}

/// Unique per process: in containers process ids are equal.
fn holder(ids: &dyn IdSource, now: Timestamp) -> String {
    let id = ids.next(now);
    format!("mails of process {} ({})", std::process::id(), id.simple())
}

fn letter<'a>(
    plan: &PlanId,
    about: &MailTopic,
    vending: &VendingPlan,
    account_of: impl Fn(&str) -> Option<&'a str>,
) -> Letter {
    let (number, result) = match about {
        MailTopic::Summary(counts) => {
            let counts: Vec<_> = counts.iter().map(|(name, count)| (*name, *count)).collect();
            return list_letter(plan.as_str(), &counts);
        }
        MailTopic::Row(number, result) => (*number, result),
    };
    let cell = |column: &str| {
        let mut rows = vending.file.rows();
        rows.find(|it| it.number == number)
            .map_or("", |it| it.cell(column))
    };
    let end = end_of(result.status);
    let stands = matches!(end, RowEnd::Made | RowEnd::TakenOn | RowEnd::WithoutAccess);
    row_letter(&ToldRow {
        plan: plan.as_str(),
        number,
        name: cell("AccountName"),
        email: cell("AccountEmail"),
        unit: cell("OrgUnit"),
        account: account_of(cell("AccountEmail"))
            .filter(|_| stands)
            .unwrap_or_default(),
        end,
        reason: &result.error,
    })
}

const fn end_of(status: RowStatus) -> RowEnd {
    match status {
        RowStatus::Succeeded => RowEnd::Made,
        RowStatus::Exists => RowEnd::TakenOn,
        RowStatus::Invalid => RowEnd::Unusable,
        RowStatus::AssignFailed => RowEnd::WithoutAccess,
        RowStatus::NotProvisioned
        | RowStatus::Valid
        | RowStatus::Launching
        | RowStatus::UnderChange
        | RowStatus::Assigning => RowEnd::NotBegun,
        RowStatus::Failed => RowEnd::Failed,
    }
}

#[cfg(test)]
mod tests;
