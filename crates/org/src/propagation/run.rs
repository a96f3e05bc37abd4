//! Runs a measurement, from its checks to the cleanup.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::{
    NewPolicy, Organization, OrganizationFault, Refusal, SCPS_PER_TARGET, of_management,
    of_surroundings, surroundings,
};
use hallpass_plans::Sleeper;
use serde_json::json;

use super::removal::{Made, Removal};
use super::statement::{is_ours, policy_name, text};
use super::watch::{Watch, WatchState};
use super::{ProbeRole, ROUNDS, ReadOutcome, Settling};
use crate::reading::{Operation, ReadCalls, ReadPlace};

const TAG: &str = "hallpass:propagation";
const TRY_PAUSE: Duration = Duration::from_millis(500);
/// Longest time until a change is effective.
const SETTLE_MAX: Duration = Duration::from_mins(5);
/// How long initial reads may be refused: an earlier run's removed policy may still be effective.
const START_MAX: Duration = Duration::from_mins(1);
/// Offset of an end without effect.
const FAR: TimeSpan = TimeSpan::hours(10 * 365 * 24);
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// Retry limit of a throttled write.
const WRITE_MAX: TimeSpan = TimeSpan::minutes(1);
const DENIED: [&str; 2] = ["AccessDenied", "AccessDeniedException"];
/// The tested read: harmless, read-only, and deniable, unlike `sts:GetCallerIdentity`.
const READ: Operation = ("iam", "ListAccountAliases");

pub struct PropagationProbe {
    pub organization: Arc<dyn Organization>,
    /// Calls as the role, assumed by a place's account.
    pub calls: Arc<dyn ReadCalls>,
    pub clock: Arc<dyn Clock>,
    pub sleeper: Arc<dyn Sleeper>,
    pub role: ProbeRole,
    /// Requests an early end, with cleanup.
    pub stop: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Until the role was denied.
    pub to_now: Settling,
    /// Until it was allowed again; `None` after an early end.
    pub away: Option<Settling>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropagationReport {
    /// The first may include the attachment's delay; [`ROUNDS`] more follow.
    pub rounds: Vec<Round>,
    pub halted: Option<Halt>,
    /// Why a policy may remain at AWS.
    pub left_behind: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Not permitted or impossible, with advice.
    #[error("{why}")]
    Refused { why: String, help: String },
    /// A change was not effective in time.
    #[error("{}, and was not stable after {} seconds; last answer: {heard}", waited_for(*.wanted), .seconds)]
    NotSettled {
        wanted: ReadOutcome,
        seconds: u64,
        heard: String,
    },
    #[error("{what}: {why}")]
    Failed { what: &'static str, why: String },
    #[error("the measurement was stopped")]
    Stopped,
}

const fn waited_for(wanted: ReadOutcome) -> &'static str {
    match wanted {
        ReadOutcome::Allowed => "the role was to be allowed its read",
        ReadOutcome::Refused => "the role was to be refused its read",
    }
}

fn refused(why: String, help: &str) -> Halt {
    Halt::Refused {
        why,
        help: help.to_owned(),
    }
}

/// Checks if a retry may help. A call without an answer may have been applied.
const fn passes(fault: &OrganizationFault) -> bool {
    matches!(
        fault,
        OrganizationFault::Throttled { .. }
            | OrganizationFault::Conflict { .. }
            | OrganizationFault::Unreachable { .. }
    )
}

impl PropagationProbe {
    pub async fn run(&self) -> PropagationReport {
        let mut report = PropagationReport::default();
        let mut made = Made::Nothing;
        // CRASH: the next run removes the remainder; it denies only the probe role
        let outcome = self.measure(&mut report.rounds, &mut made).await;
        report.halted = outcome.err();
        if made != Made::Nothing {
            report.left_behind = self.removal().run(&made).await.err();
        }
        report
    }

    async fn measure(&self, rounds: &mut Vec<Round>, made: &mut Made) -> Result<(), Halt> {
        self.check_place().await?;
        self.check_session().await?;
        let removed = self.removal().run(&Made::Nothing).await;
        removed.map_err(|why| Halt::Failed {
            what: "the rest of an earlier measurement was not removed",
            why,
        })?;
        self.check_room().await?;
        let now = self.clock.now();
        let read = self.settle(ReadOutcome::Allowed, now, START_MAX).await;
        read.map_err(|halt| match halt {
            Halt::NotSettled { heard, .. } => refused(
                format!("the role may not read even before Hallpass denies it: {heard}"),
                "allow the role `iam:ListAccountAliases`, and let no policy deny it",
            ),
            halt => halt,
        })?;
        let id = self.create(made).await?;
        let attach = || self.organization.attach(&id, self.role.account().as_str());
        self.written("attaching the policy", attach).await?;
        // a slot may have been taken meanwhile
        self.check_room().await?;
        let now = self.clock.now();
        self.settle(ReadOutcome::Allowed, now, SETTLE_MAX).await?;
        for _ in 0..=ROUNDS {
            // a second ago: excludes the wait for the next whole second
            let to_now = TimeSpan::seconds(1).before(self.clock.now());
            let since = self.move_to(&id, to_now).await?;
            let to_now = self.settle(ReadOutcome::Refused, since, SETTLE_MAX).await?;
            let mut round = Round { to_now, away: None };
            let away = match self.move_to(&id, FAR.after(self.clock.now())).await {
                Ok(since) => self.settle(ReadOutcome::Allowed, since, SETTLE_MAX).await,
                Err(halt) => Err(halt),
            };
            round.away = away.as_ref().ok().copied();
            rounds.push(round);
            away?;
        }
        Ok(())
    }

    fn removal(&self) -> Removal<'_> {
        Removal {
            organization: self.organization.as_ref(),
            clock: self.clock.as_ref(),
            sleeper: self.sleeper.as_ref(),
            account: self.role.account(),
        }
    }

    fn heed_stop(&self) -> Result<(), Halt> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Halt::Stopped);
        }
        Ok(())
    }

    /// Checks that a policy there has an effect.
    async fn check_place(&self) -> Result<(), Halt> {
        let account = self.role.account().as_str();
        let around = surroundings(self.organization.as_ref()).await;
        let around = around.map_err(|error| Halt::Failed {
            what: "the organization cannot be read",
            why: error.to_string(),
        })?;
        let mut found = of_surroundings(&around);
        found.extend(of_management(&around, account));
        match found.into_iter().next() {
            Some(Refusal { message, help, .. }) => Err(refused(message, &help)),
            None => Ok(()),
        }
    }

    /// Checks that calls run as the role. Needs no permission except assuming it.
    async fn check_session(&self) -> Result<(), Halt> {
        let found = self.call(("sts", "GetCallerIdentity")).await;
        let answer = found.map_err(|(code, why)| {
            refused(
                format!("`{}` cannot be assumed: {code}: {why}", self.role),
                "let the role trust the server, and allow the server `sts:AssumeRole` on it (`hallpass server doctor --iam-policy`)",
            )
        })?;
        let caller = answer.get("Arn").and_then(serde_json::Value::as_str);
        let caller = caller.unwrap_or_default();
        if self.role.is_session(caller) {
            return Ok(());
        }
        Err(refused(
            format!(
                "calls in account {} are made as `{caller}`, which is not the role",
                self.role.account()
            ),
            "make the role in a member account other than that of the server",
        ))
    }

    async fn call(&self, operation: Operation) -> Result<serde_json::Value, (String, String)> {
        let place = ReadPlace {
            account: Some(self.role.account().clone()),
            region: None,
        };
        let nothing = json!({});
        match self.calls.call(&place, operation, &nothing).await {
            Ok((answer, _)) => Ok(answer),
            Err(failed) => Err((failed.code, failed.message)),
        }
    }

    /// Returns AWS's message if the answer is unrelated to the policy.
    async fn try_read(&self) -> Result<ReadOutcome, String> {
        match self.call(READ).await {
            Ok(_) => Ok(ReadOutcome::Allowed),
            Err((code, _)) if DENIED.contains(&code.as_str()) => Ok(ReadOutcome::Refused),
            Err((code, why)) => Err(format!("{code}: {why}")),
        }
    }

    async fn settle(
        &self,
        wanted: ReadOutcome,
        since: Timestamp,
        patience: Duration,
    ) -> Result<Settling, Halt> {
        let mut watch = Watch::new(wanted, since, patience);
        loop {
            self.heed_stop()?;
            let answer = self.try_read().await;
            match watch.note(answer.as_ref().ok().copied(), self.clock.now()) {
                WatchState::Settled(settling) => return Ok(settling),
                WatchState::GivenUp => {
                    let heard = match answer {
                        Ok(ReadOutcome::Allowed) => "the read was allowed".to_owned(),
                        Ok(ReadOutcome::Refused) => "the read was refused".to_owned(),
                        Err(why) => why,
                    };
                    return Err(Halt::NotSettled {
                        wanted,
                        seconds: patience.as_secs(),
                        heard,
                    });
                }
                WatchState::Open => self.sleeper.sleep(TRY_PAUSE).await,
            }
        }
    }

    /// Leaves one slot for a policy of enforced expiries or of another user.
    async fn check_room(&self) -> Result<(), Halt> {
        let account = self.role.account();
        let attached = self.organization.policies_of(account.as_str()).await;
        let attached = attached.map_err(|fault| Halt::Failed {
            what: "the policies of the account cannot be listed",
            why: fault.to_string(),
        })?;
        let own = policy_name(account);
        let taken = attached.iter().filter(|row| row.name != own).count();
        if taken + 2 <= SCPS_PER_TARGET {
            return Ok(());
        }
        Err(refused(
            format!(
                "account {account} has {taken} policies of {SCPS_PER_TARGET}, and the measurement takes no account's last place"
            ),
            "detach a service control policy there, or make the role in another account",
        ))
    }

    /// Retries until AWS accepts the write; returns its earliest effective time.
    async fn written<W: Future<Output = Result<(), OrganizationFault>>>(
        &self,
        what: &'static str,
        write: impl Fn() -> W,
    ) -> Result<Timestamp, Halt> {
        let failed = |fault: OrganizationFault| Halt::Failed {
            what,
            why: fault.to_string(),
        };
        let until = WRITE_MAX.after(self.clock.now());
        let mut since = None;
        loop {
            self.heed_stop()?;
            let sent_at = self.clock.now();
            match write().await {
                Ok(()) | Err(OrganizationFault::AlreadyThere { .. }) => {
                    return Ok(since.unwrap_or(sent_at));
                }
                Err(fault) if passes(&fault) && self.clock.now() < until => {
                    if matches!(fault, OrganizationFault::Unreachable { .. }) {
                        since.get_or_insert(sent_at);
                    }
                }
                Err(fault) => return Err(failed(fault)),
            }
            self.sleeper.sleep(WRITE_PAUSE).await;
        }
    }

    async fn move_to(&self, id: &str, until: Timestamp) -> Result<Timestamp, Halt> {
        const WHAT: &str = "moving the end";
        let content = self.text(WHAT, until)?;
        let update = || self.organization.update_policy(id, &content);
        self.written(WHAT, update).await
    }

    fn text(&self, what: &'static str, until: Timestamp) -> Result<String, Halt> {
        // AWS parses dates in whole seconds
        let until = Timestamp::from_second(until.as_second()).ok();
        let content = until.and_then(|until| text(&self.role, until));
        content.ok_or_else(|| Halt::Failed {
            what,
            why: "the policy cannot be written".to_owned(),
        })
    }

    async fn create(&self, made: &mut Made) -> Result<String, Halt> {
        const WHAT: &str = "making the policy";
        let account = self.role.account();
        let policy = NewPolicy {
            name: policy_name(account),
            description: "Hallpass measures how soon AWS applies a policy; it denies one role"
                .to_owned(),
            content: self.text(WHAT, FAR.after(self.clock.now()))?,
            tags: BTreeMap::from([(TAG.to_owned(), account.to_string())]),
        };
        let until = WRITE_MAX.after(self.clock.now());
        loop {
            self.heed_stop()?;
            let was_lost = matches!(made, Made::Unknown);
            *made = Made::Unknown;
            let fault = match self.organization.create_policy(&policy).await {
                Ok(id) => {
                    *made = Made::Policy(id.clone());
                    return Ok(id);
                }
                Err(fault) => fault,
            };
            let is_lost = was_lost || matches!(fault, OrganizationFault::Unreachable { .. });
            if !is_lost {
                *made = Made::Nothing;
            }
            let may_be_there = is_lost || matches!(fault, OrganizationFault::AlreadyThere { .. });
            if may_be_there && let Some(id) = self.find().await? {
                *made = Made::Policy(id.clone());
                return Ok(id);
            }
            if !(may_be_there || passes(&fault)) || self.clock.now() >= until {
                return Err(Halt::Failed {
                    what: WHAT,
                    why: fault.to_string(),
                });
            }
            self.sleeper.sleep(WRITE_PAUSE).await;
        }
    }

    /// Finds a policy whose creation had no answer.
    async fn find(&self) -> Result<Option<String>, Halt> {
        let failed = |fault: OrganizationFault| Halt::Failed {
            what: "the policies cannot be listed",
            why: fault.to_string(),
        };
        let account = self.role.account();
        let own = policy_name(account);
        let rows = self.organization.policies().await.map_err(failed)?;
        let Some(row) = rows.into_iter().find(|row| row.name == own) else {
            return Ok(None);
        };
        let found = self.organization.policy(&row.id).await.map_err(failed)?;
        let found = found.filter(|it| is_ours(&it.content, account));
        Ok(found.map(|it| it.row.id))
    }
}
