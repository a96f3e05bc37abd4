//! Compares state with files on a schedule and sends alerts: one when a difference starts, one when
//! it ends. Read-only. The next comparison time comes from stored state, so a restart neither
//! repeats nor misses one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::chores::comparisons::{Compared, ComparedRule, Comparison};
use crate::chores::plans::UnaskedPlans;
use crate::chores::standards_follow::StandardsFollowing;
use crate::config::CompareSchedule;
use crate::reports::alerts::{AlertRunner, RuleFileOfAlerts};
use crate::setup::waiting::rest;
use hallpass_alerts::{
    AlertQuestion, AlertRule, AlertRuleId, AlertSeverity, RunAnswer, RunRows, is_due,
};
use hallpass_base::{Clock, Look, TimeSpan, Timestamp};
use hallpass_channels::wording::alert::alert_text;
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

use crate::loops::pci::PciWatching;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Retry delay; doubles per failure, up to the regular interval.
const TRY_AGAIN: TimeSpan = TimeSpan::minutes(1);
const DOUBLED_MAX: u32 = 8;
const TOLD_MAX: usize = 50;

#[derive(Clone)]
pub struct Comparing {
    pub comparison: Arc<dyn Comparison>,
    pub schedule: CompareSchedule,
    pub runner: AlertRunner,
}

#[derive(Clone, Default)]
pub struct Watches {
    /// Password and activity checks, if configured.
    pub pci: Option<PciWatching>,
    /// Account standards, if configured.
    pub standards: Option<StandardsFollowing>,
    pub compared: Vec<Comparing>,
    pub unasked: Option<UnaskedPlans>,
}

/// Closes alerts of a removed configuration, without a message (`inventory.md` R-4).
///
/// # Errors
/// The store does not respond.
pub async fn retire(
    rule: &ComparedRule,
    runner: &AlertRunner,
    now: Timestamp,
) -> Result<(), Failure> {
    let none = RuleFileOfAlerts {
        name: rule.file.to_owned(),
        rules: Vec::new(),
    };
    let (states, nothing) = (runner.states().await?, BTreeMap::new());
    let retired = runner.store_steps(&none, &states, &nothing, now).await?;
    if !retired.is_empty() {
        tracing::info!(
            rule = rule.id,
            "files are no longer compared; their differences are closed"
        );
    }
    Ok(())
}

type FailedLooks = Option<(Timestamp, u32)>;

pub async fn watch(
    (comparing, clock): (Comparing, Arc<dyn Clock>),
    mut stop: watch::Receiver<bool>,
) {
    let mut failed = None;
    loop {
        let looked = tokio::select! {
            looked = comparing.look(&mut failed, clock.as_ref()) => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Err(failure) = looked {
            let (error, rule) = (failure.words(), comparing.comparison.rule().id);
            tracing::error!(
                rule,
                error,
                "differences cannot be stored; it is tried again"
            );
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

impl Comparing {
    async fn look(&self, failed: &mut FailedLooks, clock: &dyn Clock) -> Result<(), Failure> {
        let Look {
            now, disagreement, ..
        } = clock.look();
        if disagreement.is_some() {
            return Ok(());
        }
        let compared = self.comparison.rule();
        let rules = rules(compared, &self.schedule)?;
        let Some(rule) = rules.first() else {
            return Ok(());
        };
        let states = self.runner.states().await?;
        let state = states.iter().find(|it| it.rule == rule.id);
        let is_due = match *failed {
            Some(looks) => again(looks, self.schedule.every) <= now,
            None => is_due(rule, state, now),
        };
        if !is_due {
            return Ok(());
        }
        let found = self.comparison.differing().await;
        let outcome = match &found {
            Ok(it) if it.unread.is_empty() => "ok",
            Ok(_) => "partial",
            Err(_) => "failed",
        };
        metrics::counter!(compared.metric, "outcome" => outcome).increment(1);
        *failed = match &found {
            Ok(_) => None,
            Err(why) => {
                let (error, rule) = (why.words(), compared.id);
                tracing::error!(rule, error, "differences are not known; it is tried again");
                Some((now, failed.map_or(0, |it| it.1).saturating_add(1)))
            }
        };
        let answers = answers(compared, &rules, found);
        self.tell(rules, answers, now).await
    }

    async fn tell(
        &self,
        rules: Vec<AlertRule>,
        answers: BTreeMap<AlertRuleId, RunAnswer>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let states = self.runner.states().await?;
        let rules = RuleFileOfAlerts {
            name: self.comparison.rule().file.to_owned(),
            rules,
        };
        // CRASH: before a step is stored the comparison is repeated; after it the message is
        // delivered
        for ran in self
            .runner
            .store_steps(&rules, &states, &answers, now)
            .await?
        {
            let (name, items) = (ran.state.rule.as_str(), ran.state.active());
            tracing::info!(rule = name, items, "the live state was compared with files");
            if let Some(message) = &ran.message {
                let text = alert_text(message);
                tracing::info!(rule = name, text, "differences are reported");
            }
        }
        Ok(())
    }
}

/// Retry time, never later than the regular one.
fn again((at, times): (Timestamp, u32), every: TimeSpan) -> Timestamp {
    let doubled = 1_u64 << times.saturating_sub(1).min(DOUBLED_MAX);
    let pause = TimeSpan::seconds(doubled * TRY_AGAIN.as_seconds());
    pause.min(every).after(at)
}

fn rules(compared: &ComparedRule, schedule: &CompareSchedule) -> Result<Vec<AlertRule>, Failure> {
    let differing = ReportedRule {
        id: compared.id,
        key: compared.columns,
        message: compared.message,
        severity: AlertSeverity::High,
    };
    let unread = compared.unread.as_ref().map(|it| ReportedRule {
        id: it.id,
        key: it.key,
        message: it.message,
        severity: AlertSeverity::Medium,
    });
    let all = std::iter::once(differing).chain(unread);
    all.map(|it| it.on(schedule)).collect()
}

struct ReportedRule {
    id: &'static str,
    key: &'static [&'static str],
    message: &'static str,
    severity: AlertSeverity,
}

impl ReportedRule {
    fn on(&self, schedule: &CompareSchedule) -> Result<AlertRule, Failure> {
        let id: AlertRuleId = self.id.parse().map_err(Failure::bug)?;
        Ok(AlertRule {
            question: AlertQuestion::Shipped(self.id.to_owned()),
            id,
            parameters: BTreeMap::new(),
            every: schedule.every,
            severity: self.severity,
            key: owned(self.key),
            message: Some(self.message.to_owned()),
            snapshots_needed: schedule.looks,
            notify: schedule.notify.clone(),
            recover: true,
            remind: Some(schedule.remind).filter(|it| !it.is_zero()),
            max_new: TOLD_MAX,
            enabled: true,
        })
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

/// Results by rule. Unknown items do not count as recovered (`inventory.md` R-1); unread ones stay
/// unread.
fn answers(
    compared: &ComparedRule,
    rules: &[AlertRule],
    found: Result<Compared, Failure>,
) -> BTreeMap<AlertRuleId, RunAnswer> {
    let mut results = Vec::new();
    match found {
        Ok(found) => {
            let columns = owned(compared.columns);
            let (unread, rows): (Vec<_>, Vec<_>) = found
                .unread
                .into_iter()
                .map(|it| (it.place, it.row))
                .unzip();
            results.push(RunRows::Partly {
                columns,
                rows: found.differing,
                unread,
            });
            results.extend(compared.unread.as_ref().map(|it| RunRows::Rows {
                columns: owned(it.columns),
                rows,
            }));
        }
        Err(failure) => results.push(RunRows::Failed {
            message: failure.words(),
        }),
    }
    let ids = rules.iter().map(|rule| rule.id.clone());
    ids.zip(results.into_iter().map(answer)).collect()
}

fn answer(result: RunRows) -> RunAnswer {
    RunAnswer {
        snapshot: None,
        tables: Vec::new(),
        members: None,
        result,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::chores::comparisons::{ACCESS_RULE, DELEGATION_RULE, UnreadRow};

    #[test]
    fn a_comparison_that_failed_is_made_again_soon_and_never_later_than_another() {
        let at: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (times, every, minutes) in [(1, 60, 1), (3, 60, 4), (9, 60, 60), (u32::MAX, 600, 256)] {
            let found = again((at, times), TimeSpan::minutes(every));
            assert_eq!(found, TimeSpan::minutes(minutes).after(at), "{times}");
        }
    }

    #[test]
    fn rules_have_names_of_their_own_and_tell_their_columns() {
        let schedule = CompareSchedule {
            every: TimeSpan::hours(1),
            looks: 2,
            remind: TimeSpan::ZERO,
            notify: Vec::new(),
        };
        let all = [&ACCESS_RULE, &DELEGATION_RULE];
        for compared in all {
            let rules = rules(compared, &schedule).unwrap();
            let columns = [
                Some(compared.columns),
                compared.unread.as_ref().map(|it| it.columns),
            ];
            for (rule, columns) in rules.iter().zip(columns.into_iter().flatten()) {
                assert_eq!((rule.snapshots_needed, rule.remind), (2, None));
                let message = rule.message.clone().unwrap();
                for name in columns {
                    let place = format!("{{{name}}}");
                    assert!(message.contains(&place), "{message}: {name}");
                }
                assert!(rule.key.iter().all(|it| columns.contains(&it.as_str())));
            }
        }
        let names = |of: fn(&ComparedRule) -> &'static str| {
            all.map(of)
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        };
        assert_eq!(
            (
                names(|it| it.id),
                names(|it| it.file),
                names(|it| it.metric)
            ),
            (2, 2, 2)
        );
    }

    #[test]
    fn what_is_not_read_is_told_by_a_rule_of_its_own_and_closes_nothing() {
        let schedule = CompareSchedule {
            every: TimeSpan::hours(1),
            looks: 1,
            remind: TimeSpan::ZERO,
            notify: Vec::new(),
        };
        let rules = rules(&DELEGATION_RULE, &schedule).unwrap();
        let (drift, unread) = (&rules[0].id, &rules[1].id);
        let map = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let found = Compared {
            differing: Vec::new(),
            unread: vec![UnreadRow {
                place: map(r#"{"service": "detective", "region": "eu-west-1"}"#),
                row: map(
                    r#"{"service": "detective", "region": "eu-west-1", "account": "1", "reason": "no"}"#,
                ),
            }],
        };
        let told = answers(&DELEGATION_RULE, &rules, Ok(found));
        assert!(
            matches!(&told[drift].result, RunRows::Partly { unread, rows, .. } if unread.len() == 1 && rows.is_empty())
        );
        assert!(matches!(&told[unread].result, RunRows::Rows { rows, .. } if rows.len() == 1));
        let told = answers(&DELEGATION_RULE, &rules, Err(Failure::failed("no")));
        assert!(matches!(&told[drift].result, RunRows::Failed { .. }));
        assert_eq!(told.get(unread), None, "what was not read before stays");
    }
}
