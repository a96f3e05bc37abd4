//! The common shape of planning commands: parse what is wanted, gather the current state, draft a
//! plan or refuse, settle it, show the result. Flags, questions, hints and exit codes are here
//! once, so that no command can omit one.

use crate::config::Loaded;
use crate::host::runtime::runtime;
use crate::setup::opening::ConfigArgs;
use hallpass_plans::{Plan, PlanDraft, PlanId, PlanReport, undo};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};
use serde_json::Value;

use super::{PlanArgs, PlanContext, Settled, exit_of, open, print, settle};
use crate::chores::plans::run_failed;

/// Opened resources of a chore.
pub struct Opened<'a> {
    pub loaded: &'a Loaded,
    pub context: &'a PlanContext,
}

/// A command that plans.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait Chore {
    /// The current state relevant to the request.
    type Facts;
    /// How the request and its result are printed.
    type Shown: Shown;

    /// Reads the current state; changes nothing.
    ///
    /// # Errors
    /// When it is unreadable or contradicts the request as a whole.
    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure>;

    /// Compares the request with the state: refuses the impossible, drafts the rest, warns about
    /// non-blocking problems.
    ///
    /// # Errors
    /// Exit 2 for an invalid request, 4 for a refused one.
    fn draft(&self, facts: Self::Facts) -> Result<Drafted<Self::Shown>, Failure>;

    /// How to print an unfinished plan of the same request: see [`Drafted::Begun`].
    ///
    /// # Errors
    /// When the plan belongs to another chore.
    fn begun(&self, plan: &Plan) -> Result<Self::Shown, Failure> {
        Err(Failure::bug(format!("plan {} is resumed", plan.id)))
    }

    /// From draft to report, by the flags; overridden by chores with their own confirmation.
    ///
    /// # Errors
    /// As [`settle`].
    async fn settle(
        &self,
        at: &Opened<'_>,
        _shown: &Self::Shown,
        (draft, question): (PlanDraft, &str),
        args: &PlanArgs,
    ) -> Result<Settled, Failure> {
        settle(at.context, draft, args, question).await
    }

    /// Runs its plan with parallel work.
    async fn beside(
        &self,
        _at: &Opened<'_>,
        _plan: &PlanId,
        run: impl Future<Output = Result<Settled, Failure>>,
    ) -> Result<Settled, Failure> {
        run.await
    }

    /// With `--apply`, stores or prints follow-up data of a plan that was not refused; no plan if
    /// nothing was to do.
    async fn done(
        &self,
        _at: &Opened<'_>,
        _shown: &Self::Shown,
        _settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

/// The result of a draft.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made per run, and destructured directly"
)]
pub enum Drafted<S> {
    /// A plan, its confirmation question, and its printer.
    Plan {
        draft: PlanDraft,
        question: String,
        shown: S,
        /// Message for a plan without steps; if absent, it is settled as any other.
        nothing: Option<String>,
    },
    /// An unfinished plan of the same request exists.
    Begun(PlanId),
}

impl<S> Drafted<S> {
    /// A plan, possibly without steps.
    pub fn plan(draft: PlanDraft, question: impl Into<String>, shown: S) -> Self {
        Self::Plan {
            draft,
            question: question.into(),
            shown,
            nothing: None,
        }
    }

    /// A plan, with a message for one without steps.
    pub fn plan_or(
        draft: PlanDraft,
        question: impl Into<String>,
        shown: S,
        nothing: impl Into<String>,
    ) -> Self {
        Self::Plan {
            draft,
            question: question.into(),
            shown,
            nothing: Some(nothing.into()),
        }
    }
}

/// How a chore is printed.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait Shown {
    /// Reads names for its rows after drafting.
    async fn name(&mut self, _at: &Opened<'_>) {}

    /// Takes in the planned or actual changes; the report states which.
    async fn tell(&mut self, _at: &Opened<'_>, _settled: &Settled) -> Result<(), Failure> {
        Ok(())
    }

    /// Prints it; no plan if nothing was to do.
    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure>;

    fn exit(&self, otherwise: Exit) -> Exit {
        otherwise
    }
}

/// Printed by its plan's report alone.
pub struct ByReport;

impl Shown for ByReport {
    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        match settled {
            Some(settled) => print(&settled.report, None, format),
            None => Ok(()),
        }
    }
}

/// A report within the chore's own JSON document.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait ReportWithin {
    /// Reads further data for the document.
    async fn look_up(&mut self, _at: &Opened<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// The JSON document.
    fn whole(&self, settled: &Settled) -> Result<Value, Failure>;
}

/// Printed by its plan's report, within such a document.
pub struct Within<T>(pub T);

impl<T: ReportWithin> Shown for Within<T> {
    async fn tell(&mut self, at: &Opened<'_>, _settled: &Settled) -> Result<(), Failure> {
        self.0.look_up(at).await
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        let Some(settled) = settled else {
            return Ok(());
        };
        let whole = self.0.whole(settled)?;
        print(&settled.report, Some(&whole), format)
    }
}

/// Drafts the undo of a plan; reports changes without one.
pub async fn way_back(context: &PlanContext, plan: &PlanId) -> Result<PlanDraft, Failure> {
    let (plan, folded) = context.runner.load(plan).await.map_err(run_failed)?;
    let undoing = undo(&plan, &folded, context.hands.as_ref());
    for (target, why) in &undoing.not_undoable {
        output::say(&format!("not undoable: {target}: {why}"));
    }
    Ok(undoing.draft)
}

/// Runs a chore by its flags.
///
/// # Errors
/// Exit 4 for a refusal.
pub fn run<C: Chore>(chore: &C, args: &PlanArgs) -> Outcome {
    let loaded = args.load()?;
    runtime()?.block_on(carry_out(chore, &loaded, args))
}

/// Runs a chore with a loaded configuration.
pub async fn carry_out<C: Chore>(chore: &C, loaded: &Loaded, args: &PlanArgs) -> Outcome {
    let context = &open(loaded).await?;
    let carried = carry(chore, &Opened { loaded, context }, args).await?;
    let settled = carried.settled.as_ref();
    carried.shown.print(settled, args.format())?;
    if let Some(nothing) = &carried.nothing {
        output::say(nothing);
    }
    match carried.settled.and_then(|it| it.refused) {
        Some(refused) => Err(refused),
        None => Ok(carried.exit),
    }
}

pub struct Carried<S> {
    pub shown: S,
    /// Absent if nothing was to do.
    pub settled: Option<Settled>,
    /// Message if nothing was to do.
    pub nothing: Option<String>,
    /// The exit code, unless it is refused.
    pub exit: Exit,
}

/// Runs a chore up to the output, for a command with several of them.
///
/// # Errors
/// As [`run`]; a refused plan is in [`Carried::settled`].
pub async fn carry<C: Chore>(
    chore: &C,
    at: &Opened<'_>,
    args: &PlanArgs,
) -> Result<Carried<C::Shown>, Failure> {
    let facts = chore.gather(at).await?;
    let (draft, question, mut shown, nothing) = match chore.draft(facts)? {
        Drafted::Begun(plan) => return go_on(chore, at, &plan, args).await,
        Drafted::Plan {
            draft,
            question,
            shown,
            nothing,
        } => (draft, question, shown, nothing),
    };
    shown.name(at).await;
    if let Some(nothing) = nothing.filter(|_| draft.is_empty()) {
        if args.is_applying() {
            chore.done(at, &shown, None).await?;
        }
        return Ok(Carried {
            exit: shown.exit(Exit::Ok),
            settled: None,
            nothing: Some(nothing),
            shown,
        });
    }
    let runner = &at.context.runner;
    let plan = runner.upcoming(&draft).await.map_err(run_failed)?;
    let run = chore.settle(at, &shown, (draft, &question), args);
    let settled = chore.beside(at, &plan, run).await?;
    told(chore, at, (shown, settled), args).await
}

async fn go_on<C: Chore>(
    chore: &C,
    at: &Opened<'_>,
    id: &PlanId,
    args: &PlanArgs,
) -> Result<Carried<C::Shown>, Failure> {
    let (plan, _) = at.context.runner.load(id).await.map_err(run_failed)?;
    let mut shown = chore.begun(&plan)?;
    if !args.is_applying() {
        output::say(&format!("plan {id} is unfinished; `--apply` resumes it"));
        let settled = Settled::of(at.context.runner.report(id).await.map_err(run_failed)?);
        shown.tell(at, &settled).await?;
        let changes = args.has_detailed_exitcode();
        return Ok(Carried {
            shown,
            settled: Some(settled),
            nothing: None,
            exit: if changes { Exit::Findings } else { Exit::Ok },
        });
    }
    output::say(&format!(
        "plan {id} was begun before and is not over: going on"
    ));
    args.consent_to_go_on(&plan)?;
    let applying = args.running().applying();
    let run = async {
        let report = at.context.runner.apply(id, &applying).await;
        Ok(Settled::of(report.map_err(run_failed)?))
    };
    let settled = chore.beside(at, id, run).await?;
    told(chore, at, (shown, settled), args).await
}

async fn told<C: Chore>(
    chore: &C,
    at: &Opened<'_>,
    (mut shown, settled): (C::Shown, Settled),
    args: &PlanArgs,
) -> Result<Carried<C::Shown>, Failure> {
    shown.tell(at, &settled).await?;
    if args.is_applying() && settled.refused.is_none() {
        // CRASH: not stored; the same command finds its plan done, and stores it
        chore.done(at, &shown, Some(&settled)).await?;
    }
    Ok(Carried {
        exit: shown.exit(settled.exit),
        settled: Some(settled),
        nothing: None,
        shown,
    })
}

impl Settled {
    pub fn of(report: PlanReport) -> Self {
        Self {
            exit: exit_of(&report),
            report,
            refused: None,
        }
    }

    /// Whether it was begun: neither refused nor only shown.
    pub fn was_begun(&self) -> bool {
        self.refused.is_none() && !self.report.is_planned()
    }
}

/// Arguments of every command that only compares.
#[derive(Debug, clap::Args)]
pub struct ComparingArgs {
    /// Exit with 3 where something differs
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Whether the current state is as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WishStanding {
    Same,
    Differs,
}

impl WishStanding {
    pub const fn of(differs: bool) -> Self {
        if differs { Self::Differs } else { Self::Same }
    }
}

/// A chore whose request can be compared separately.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait Compared: Chore {
    /// Compares and prints differences; neither changes nor saves.
    async fn differences(
        &self,
        at: &Opened<'_>,
        facts: Self::Facts,
    ) -> Result<(Self::Shown, WishStanding), Failure>;
}

/// Compares a chore's request with the current state.
pub fn check<C: Compared>(chore: &C, args: &ComparingArgs) -> Outcome {
    let loaded = &args.config.load()?;
    runtime()?.block_on(async {
        let context = &open(loaded).await?;
        let at = Opened { loaded, context };
        let facts = chore.gather(&at).await?;
        let (mut shown, standing) = chore.differences(&at, facts).await?;
        shown.name(&at).await;
        shown.print(None, args.output.format())?;
        Ok(shown.exit(match standing {
            WishStanding::Differs if args.fail_on_findings => Exit::Findings,
            WishStanding::Differs | WishStanding::Same => Exit::Ok,
        }))
    })
}
