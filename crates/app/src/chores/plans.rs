//! Common flags of commands that change an organization, and the path from a draft to a report.
//! Commands show a plan; `--apply` applies it.

mod access_needs;
mod account_listing;
mod auto_resume;
pub mod chore;
mod command_line;
mod context;
mod every_step;
mod rows;
mod saved;
mod settle;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::config::Loaded;
use crate::setup::opening::ConfigArgs;
use hallpass_channels::wording::plan;
use hallpass_org::{ChoreError, EarlierUnread};
use hallpass_plans::{
    Applying, Exit as PlanExit, LANE_LEASE, Plan, PlanId, PlanLimits, PlanReport, RunError,
    StepEnd as Ended, StepReport, StepTarget,
};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use hallpass_terminal::prompt::{YesArgs, confirm_act, show_whole};
use serde_json::Value;

pub use self::auto_resume::{UnaskedPlans, tell_unfinished};
pub use self::command_line::quoted;
pub use self::context::{
    MEMBER_ROLE, PlanContext, PlanMeans, assemble, listed, member_calls, open,
};
pub use self::rows::{ShownRow, ShownRows};
pub use self::saved::SavedPlanArgs;
pub use self::settle::{save_unapplied, settle};

/// Columns of a report's targets as CSV.
pub const FIELDS: &[&str] = &[
    "account",
    "region",
    "key",
    "outcome",
    "reason",
    "seconds",
    "account_name",
];

/// Arguments of every command with a plan.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Apply the plan; without it, the plan is only shown and saved
    #[arg(long)]
    apply: bool,
    /// With `--apply`: apply exactly this saved plan, or nothing if the wanted changes differ by
    /// now
    #[arg(long = "plan", value_name = "PLAN,...")]
    #[arg(value_delimiter = ',', requires = "apply")]
    reviewed: Vec<String>,
    #[command(flatten)]
    running: RunningArgs,
    /// Refuse a plan with more changes than this
    #[arg(long, value_name = "N")]
    max_changes: Option<usize>,
    /// Begin no new target once more than this many failed
    #[arg(long, value_name = "N")]
    max_failures: Option<usize>,
    /// Exit with 3 when the plan has changes, and was not applied
    #[arg(long)]
    detailed_exitcode: bool,
}

/// How a plan is run.
#[derive(Clone, Debug, clap::Args)]
pub struct RunningArgs {
    #[command(flatten)]
    yes: YesArgs,
    /// Apply the plan even if AWS changed since the plan was saved
    #[arg(long)]
    accept_drift: bool,
    /// Only the first N targets, then pause; `org plan resume` continues
    #[arg(long, value_name = "N")]
    canary: Option<usize>,
    /// Exit with 5 immediately when another process has the lane, instead of waiting for a dead one
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RunningArgs {
    /// Returns the output format.
    pub fn format(&self) -> Format {
        self.output.format()
    }

    pub fn applying(&self) -> Applying {
        let patience = if self.no_wait {
            Duration::ZERO
        } else {
            // a dead process does not renew its lease
            Duration::from_secs(LANE_LEASE.as_seconds() + 5)
        };
        Applying {
            accept_drift: self.accept_drift,
            canary: self.canary,
            retry_failed: false,
            patience,
        }
    }

    /// Requests confirmation before an organization is changed.
    ///
    /// # Errors
    /// Exit 4 when denied, and without `--yes` where there is no terminal.
    pub fn consent(&self, question: &str) -> Result<(), Failure> {
        if !self.has_yes() && !io::stdin().is_terminal() {
            let message = "this changes the organization, and there is no terminal to ask on";
            return Err(Failure::refused(message)
                .help("`--yes` skips the question, `--apply --plan PLAN` applies the saved plan"));
        }
        confirm_act(
            "this changes the organization",
            question,
            self.yes.consent(),
        )
    }

    /// Confirms a begun plan named by its id: without a terminal, the id counts as consent.
    ///
    /// # Errors
    /// Exit 4 when denied.
    pub fn consent_to_named(&self, question: &str) -> Result<(), Failure> {
        if io::stdin().is_terminal() {
            self.consent(question)
        } else {
            Ok(())
        }
    }

    /// Confirms after listing a plan's changes.
    pub fn consent_to(&self, plan: &Plan, question: &str) -> Result<(), Failure> {
        if !self.has_yes() && io::stdin().is_terminal() {
            show_whole(&settle::changes_text(plan))?;
        }
        self.consent(question)
    }

    pub fn has_yes(&self) -> bool {
        self.yes.consent() == hallpass_terminal::prompt::Consent::Given
    }
}

impl PlanArgs {
    pub const fn carrying_out(running: RunningArgs, max_changes: Option<usize>) -> Self {
        Self {
            apply: true,
            reviewed: Vec::new(),
            running,
            max_changes,
            max_failures: None,
            detailed_exitcode: false,
        }
    }

    pub fn looking(config: ConfigArgs, output: OutputArgs, max_changes: Option<usize>) -> Self {
        let running = RunningArgs {
            yes: YesArgs::default(),
            accept_drift: false,
            canary: None,
            no_wait: false,
            config,
            output,
        };
        Self {
            apply: false,
            ..Self::carrying_out(running, max_changes)
        }
    }

    pub fn load(&self) -> Result<Loaded, Failure> {
        self.running.config.load()
    }

    pub fn format(&self) -> Format {
        self.running.format()
    }

    pub fn running(&self) -> &RunningArgs {
        &self.running
    }

    pub fn has_detailed_exitcode(&self) -> bool {
        self.detailed_exitcode
    }

    pub fn changes_max(&self, limits: PlanLimits) -> usize {
        self.max_changes.unwrap_or(limits.changes_max)
    }

    /// Confirms that a begun plan continues, unless it was named.
    pub fn consent_to_go_on(&self, plan: &Plan) -> Result<(), Failure> {
        if self.reviewed.iter().any(|it| *it == plan.id.as_str()) {
            return Ok(());
        }
        let question = format!("Go on with plan {}?", plan.id);
        self.running.consent_to(plan, &question)
    }

    pub fn is_applying(&self) -> bool {
        self.apply
    }
}

/// The result of a command's plan.
pub struct Settled {
    /// Of the run, or of the plan that was only shown.
    pub report: PlanReport,
    pub exit: Exit,
    /// Why it is refused; then nothing was done or saved.
    pub refused: Option<Failure>,
}

pub fn exit_of(report: &PlanReport) -> Exit {
    match report.exit() {
        PlanExit::Ok => Exit::Ok,
        PlanExit::Failed => {
            // a guard that denies during apply is a refusal, too
            let guarded = report.targets.iter().any(|row| {
                let guard =
                    |step: &StepReport| step.kind == "guard" && step.outcome == Ended::Blocked;
                row.steps.iter().any(guard)
            });
            if guarded && report.totals.changed == 0 {
                Exit::Refused
            } else {
                Exit::Failed
            }
        }
    }
}

pub fn exit_of_shown(planned: &PlanReport, changes: Option<Exit>) -> Exit {
    if planned.totals.failed > 0 {
        Exit::Failed
    } else {
        changes.unwrap_or(Exit::Ok)
    }
}

/// Prints a report, or `whole`, a larger JSON document.
pub fn print(report: &PlanReport, whole: Option<&Value>, format: Format) -> Result<(), Failure> {
    match (format, whole) {
        (Format::Json | Format::Jsonl, Some(whole)) => output::one(format, whole, &[], String::new),
        (Format::Json | Format::Jsonl, None) => output::one(format, report, &[], String::new),
        (Format::Table | Format::Csv, _) => {
            output::list(format, &report.targets, FIELDS, || table(report))
        }
    }
}

fn table(report: &PlanReport) -> Table {
    let mut table = Table::new(&["what", "where", "outcome", "from → to, and why"]);
    for row in &report.targets {
        let outcome = plan::outcome_cell(row.outcome, report.is_planned()).to_owned();
        let moved = |step: &&StepReport| {
            step.outcome == Ended::Changed || !(step.old.is_null() && step.new.is_null())
        };
        let changes = row.steps.iter().filter(moved).flat_map(plan::change_lines);
        let why = Some(row.reason.clone()).filter(|it| !it.is_empty());
        let lines: Vec<String> = changes.chain(why).collect();
        let at = place(&row.target, &row.account_name);
        table.row_of_lines([row.target.key.clone(), at, outcome, lines.join("\n")]);
    }
    table
}

fn place(target: &StepTarget, account_name: &str) -> String {
    let account = plan::account(account_name, &target.account);
    match target.region.as_str() {
        "global" => account,
        region => format!("{account} {region}"),
    }
}

pub fn plan_id(text: &str) -> Result<PlanId, Failure> {
    let is_id = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id {
        return Ok(PlanId::named(text));
    }
    Err(Failure::bad_input(format!("`{text}` is no plan's id"))
        .help("`hallpass org plan list` shows them"))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err`, which hands over the error"
)]
pub fn run_failed(error: RunError) -> Failure {
    let text = error.to_string();
    match error {
        RunError::Unknown(_) => {
            Failure::bad_input(text).help("`hallpass org plan list` shows them")
        }
        RunError::Held { .. } => {
            Failure::new(Exit::Held, text).help("wait until the other run is over, or abort it")
        }
        RunError::TooManyChanges { .. } => {
            Failure::refused(text).help("`--max-changes` raises the limit")
        }
        RunError::Store(_) => Failure::failed(text).help(
            "the plan can be resumed: `hallpass org plan list`, `hallpass org plan resume ID`",
        ),
        RunError::Journal(_) => Failure::failed(text)
            .help("make a new plan; `hallpass server store check` reads everything"),
        RunError::Unseen { .. } => {
            Failure::failed(text).help("`hallpass server doctor` says which permission is missing")
        }
    }
}

pub fn earlier_unread(unread: &EarlierUnread) -> Failure {
    let failure = Failure::failed(unread.to_string());
    match unread.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

pub fn chore_failed(error: ChoreError) -> Failure {
    match error {
        ChoreError::Unusable(bad) => bad.into(),
        ChoreError::Unread(_) => Failure::failed(error.to_string())
            .help("`hallpass server doctor` says which permission is missing"),
        ChoreError::Store(_) => Failure::failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Timestamp;

    use super::*;

    #[test]
    fn ids_of_plans_have_sixteen_digits() {
        assert!(plan_id("0123456789abcdef").is_ok());
        for bad in ["", "0123", "0123456789abcdeg", "0123456789abcdef0"] {
            assert_eq!(plan_id(bad).unwrap_err().exit(), Exit::BadInput, "{bad}");
        }
    }

    #[test]
    fn a_plan_that_is_shown_says_first_what_could_not_be_looked_at() {
        let planned = |failed| PlanReport {
            plan: PlanId::named("x"),
            kind: "k".to_owned(),
            state: hallpass_plans::PlanState::Planned,
            started: None,
            ended: None,
            totals: hallpass_plans::Totals {
                failed,
                ..hallpass_plans::Totals::default()
            },
            targets: Vec::new(),
        };
        for (failed, changes, exit) in [
            (0, None, Exit::Ok),
            (0, Some(Exit::Findings), Exit::Findings),
            (1, None, Exit::Failed),
            (1, Some(Exit::Findings), Exit::Failed),
        ] {
            let found = exit_of_shown(&planned(failed), changes);
            assert_eq!(found, exit, "{failed} {changes:?}");
        }
    }

    #[test]
    fn each_way_a_run_can_end_has_its_exit_code() {
        let table = [
            (RunError::Unknown(PlanId::named("x")), Exit::BadInput),
            (
                RunError::TooManyChanges {
                    changes: 2,
                    allowed: 1,
                },
                Exit::Refused,
            ),
            (
                RunError::Held {
                    lane: "l".into(),
                    by: "b".into(),
                    until: Timestamp::UNIX_EPOCH,
                },
                Exit::Held,
            ),
            (
                RunError::Store(hallpass_plans::StoreFault("x".into())),
                Exit::Failed,
            ),
        ];
        for (error, exit) in table {
            let text = error.to_string();
            assert_eq!(run_failed(error).exit(), exit, "{text}");
        }
    }
}
