use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallpass_app::config::Loaded;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::timer::Timer;
use hallpass_app::setup::opening::{asked_to_stop, aws_settings, connect};
use hallpass_aws::{ConnectedOrganization, RoleToAssume};
use hallpass_base::clock::{ProcessClock, SystemClock};
use hallpass_org::propagation::{
    Halt, ProbeRole, PropagationProbe, PropagationReport, ROUNDS, ReadOutcome, Settling,
    policy_name,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table, say};
use hallpass_terminal::prompt::{Consent, confirm_act};
use serde::Serialize;

use super::DoctorReport;

const FIELDS: &[&str] = &[
    "round",
    "until",
    "seconds",
    "first_seconds",
    "last_other_seconds",
];

/// Measurement options.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MeasureArgs {
    /// Measure only how soon AWS applies a policy, with the role of `access.armed_ends.probe_role`:
    /// writes a separate policy on the role's account, and removes it
    #[arg(long, conflicts_with_all = ["iam_policy", "cutover"])]
    measure_armed_ends: bool,
    /// Measure without confirmation
    #[arg(long, short = 'y', requires = "measure_armed_ends")]
    yes: bool,
}

impl MeasureArgs {
    pub(super) fn asked(&self) -> Option<Consent> {
        self.measure_armed_ends.then(|| self.yes.into())
    }
}

/// Seconds of one change.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct ChangeRow {
    /// `first`, a round number, or `worst`.
    round: String,
    /// Expected result: `refused` after the end moves to now, `allowed` after it moves away.
    until: &'static str,
    /// Until it became stable.
    seconds: f64,
    /// Until it first appeared.
    first_seconds: f64,
    /// Until the other result last appeared.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_other_seconds: Option<f64>,
}

/// Tenths: attempts are 0.5 s apart.
fn tenths(span: Duration) -> f64 {
    (span.as_secs_f64() * 10.0).ceil() / 10.0
}

const fn word(answer: ReadOutcome) -> &'static str {
    match answer {
        ReadOutcome::Allowed => "allowed",
        ReadOutcome::Refused => "refused",
    }
}

fn row(round: &str, until: ReadOutcome, settling: Settling) -> ChangeRow {
    ChangeRow {
        round: round.to_owned(),
        until: word(until),
        seconds: tenths(settling.settled),
        first_seconds: tenths(settling.first),
        last_other_seconds: settling.last_other.map(tenths),
    }
}

fn worst(until: ReadOutcome, all: &[Settling]) -> Option<ChangeRow> {
    let settling = Settling {
        first: all.iter().map(|it| it.first).max()?,
        last_other: all.iter().filter_map(|it| it.last_other).max(),
        settled: all.iter().map(|it| it.settled).max()?,
    };
    Some(row("worst", until, settling))
}

fn rows(report: &PropagationReport) -> Vec<ChangeRow> {
    let mut rows = Vec::new();
    for (number, round) in report.rounds.iter().enumerate() {
        let name = match number {
            0 => "first".to_owned(),
            number => number.to_string(),
        };
        rows.push(row(&name, ReadOutcome::Refused, round.to_now));
        rows.extend(round.away.map(|it| row(&name, ReadOutcome::Allowed, it)));
    }
    let counted = || report.rounds.iter().skip(1);
    let to_now: Vec<Settling> = counted().map(|it| it.to_now).collect();
    let away: Vec<Settling> = counted().filter_map(|it| it.away).collect();
    rows.extend(worst(ReadOutcome::Refused, &to_now));
    rows.extend(worst(ReadOutcome::Allowed, &away));
    rows
}

fn table(rows: &[ChangeRow]) -> Table {
    let mut table = Table::new(&["round", "until", "seconds", "first", "last otherwise"]);
    for row in rows {
        let last = row.last_other_seconds.map(|it| format!("{it:.1}"));
        table.row([
            row.round.clone(),
            row.until.to_owned(),
            format!("{:.1}", row.seconds),
            format!("{:.1}", row.first_seconds),
            last.unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn check(loaded: &Loaded, about: &ConnectedOrganization, report: &mut DoctorReport) {
    const CHECK: &str = "probe of enforced expiry";
    let Some(role) = &loaded.config.access.armed_ends.probe_role else {
        return;
    };
    if about.management_account.as_deref() == Some(role.account().as_str()) {
        let words = format!("`{role}` is in the management account, where no policy has an effect");
        return report.add(CHECK, Err((words, "make the role in a member account")));
    }
    let words = format!(
        "`hallpass server doctor --measure-armed-ends` tries `{role}` how soon AWS applies a policy"
    );
    report.add(CHECK, Ok(words));
}

/// Explains, confirms and measures.
///
/// # Errors
/// Exit 2 without a role; exit 4 without confirmation or if not allowed; exit 1 for a failure of
/// AWS.
pub(super) fn run(loaded: &Loaded, consent: Consent, format: Format) -> Outcome {
    let Some(role) = &loaded.config.access.armed_ends.probe_role else {
        let said = "`access.armed_ends.probe_role` names no role to measure by";
        return Err(Failure::bad_input(said).help(
            "make a role in a member account that trusts the server and may do `iam:ListAccountAliases`, nothing else, and write its ARN there; docs/how-to/arm-ends-at-aws.md has the commands",
        ));
    };
    let account = role.account();
    say(&format!(
        "attaches the service control policy `{}` to account {account}, which denies `{role}` alone; moves its end to now and away again, {} times; and removes it",
        policy_name(account),
        ROUNDS + 1
    ));
    confirm_act(
        "this writes a service control policy",
        "Measure it?",
        consent,
    )?;
    runtime()?.block_on(measure(loaded, role, format))
}

async fn measure(loaded: &Loaded, role: &ProbeRole, format: Format) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    // from here a signal first lets the policy be removed
    let (asked, flag) = (asked_to_stop(), Arc::clone(&stop));
    let listening = tokio::spawn(async move {
        asked.await;
        flag.store(true, Ordering::Relaxed);
        say("stopping: created resources are removed first");
    });
    let clock = Arc::new(ProcessClock::new(SystemClock, None));
    let aws = connect(loaded, &clock, Arc::new(RandomIds)).await?;
    let entered = RoleToAssume {
        name: role.name().to_owned(),
        session_name: "hallpass-probe".to_owned(),
        ..RoleToAssume::default()
    };
    let calls = NamedCalls::of(aws_settings(loaded), entered, 1).await?;
    let probe = PropagationProbe {
        organization: Arc::new(aws),
        calls: Arc::new(calls),
        clock,
        sleeper: Arc::new(Timer),
        role: role.clone(),
        stop,
    };
    let report = probe.run().await;
    listening.abort();
    tell(&report, role, format)
}

fn tell(report: &PropagationReport, role: &ProbeRole, format: Format) -> Outcome {
    let rows = rows(report);
    if !rows.is_empty() {
        output::list(format, &rows, FIELDS, || table(&rows))?;
    }
    let left = report.left_behind.as_ref().map(|why| {
        let name = policy_name(role.account());
        format!(
            "policy `{name}` may be left on account {}: {why}",
            role.account()
        )
    });
    let failure = match (&report.halted, left) {
        (None, None) => return Ok(Exit::Ok),
        (None, Some(left)) => Failure::failed(left)
            .help("it denies the role alone; measure again, or detach and delete it"),
        (Some(halt), left) => {
            let failure = match halt {
                Halt::Refused { why, help } => Failure::refused(why.clone()).help(help.clone()),
                Halt::NotSettled { .. } | Halt::Failed { .. } | Halt::Stopped => {
                    Failure::failed(halt.to_string())
                }
            };
            match left {
                Some(left) => failure.detail(left),
                None => failure,
            }
        }
    };
    Err(failure)
}

#[cfg(test)]
mod tests {
    use hallpass_org::propagation::Round;

    use super::*;

    fn settling(first: u64, last_other: Option<u64>, settled: u64) -> Settling {
        Settling {
            first: Duration::from_millis(first),
            last_other: last_other.map(Duration::from_millis),
            settled: Duration::from_millis(settled),
        }
    }

    fn said(report: &PropagationReport) -> Vec<String> {
        let cells = |it: &ChangeRow| {
            let last = it.last_other_seconds;
            format!(
                "{} {} {} {} {last:?}",
                it.round, it.until, it.seconds, it.first_seconds
            )
        };
        rows(report).iter().map(cells).collect()
    }

    #[test]
    fn the_worst_are_those_of_the_rounds_after_the_first() {
        let round = |to_now, away| Round { to_now, away };
        let mut report = PropagationReport {
            rounds: vec![
                round(
                    settling(9_000, Some(8_500), 9_000),
                    Some(settling(10, None, 10)),
                ),
                round(
                    settling(1_010, Some(3_000), 3_500),
                    Some(settling(600, Some(90), 600)),
                ),
                round(settling(2_000, Some(1_500), 2_000), None),
            ],
            halted: Some(Halt::Stopped),
            left_behind: None,
        };
        assert_eq!(
            said(&report),
            [
                "first refused 9 9 Some(8.5)",
                "first allowed 0.1 0.1 None",
                "1 refused 3.5 1.1 Some(3.0)",
                "1 allowed 0.6 0.6 Some(0.1)",
                "2 refused 2 2 Some(1.5)",
                "worst refused 3.5 2 Some(3.0)",
                "worst allowed 0.6 0.6 Some(0.1)",
            ]
        );
        report.rounds.truncate(1);
        assert_eq!(said(&report).len(), 2, "nothing to compare");
    }

    #[test]
    fn what_did_not_go_well_is_an_exit_of_its_own() {
        let role: ProbeRole = "arn:aws:iam::222233334444:role/probe".parse().unwrap();
        let of = |halted: Option<Halt>, left_behind: Option<&str>| {
            let report = PropagationReport {
                rounds: Vec::new(),
                halted,
                left_behind: left_behind.map(str::to_owned),
            };
            let told = tell(&report, &role, Format::Json);
            told.map_or_else(
                |failure| (failure.exit(), failure.words()),
                |exit| (exit, String::new()),
            )
        };
        assert_eq!(of(None, None), (Exit::Ok, String::new()));
        let full = Halt::Refused {
            why: "no place".into(),
            help: "detach one".into(),
        };
        let (exit, words) = of(Some(full), None);
        assert_eq!(exit, Exit::Refused);
        assert_eq!(words, "no place");
        let (exit, words) = of(Some(Halt::Stopped), Some("AWS is throttling"));
        assert_eq!(exit, Exit::Failed);
        assert!(
            words.contains("stopped") && words.contains("AWS is throttling"),
            "{words}"
        );
        let (exit, words) = of(None, Some("AWS is throttling"));
        assert_eq!(exit, Exit::Failed);
        assert!(
            words.contains("hallpass-propagation-222233334444"),
            "{words}"
        );
    }
}
