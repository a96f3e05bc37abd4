//! The one shape of commands that plan. A chore reads what is wanted (that is how it is made), gathers what stands there,
//! compares and refuses, and drafts a plan; then its plan is settled, and what came of it is shown and told. Each chore
//! brings those parts with types of its own. The way through them is here once, with every flag, question, hint and exit
//! code: no command can leave one out.

use crate::config::Loaded;
use crate::host::runtime::runtime;
use crate::setup::opening::ConfigArgs;
use hallpass_plans::{Plan, PlanDraft, PlanId, PlanReport, undo};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};
use serde_json::Value;

use super::{PlanArgs, PlanContext, Settled, exit_of, open, print, settle};
use crate::chores::plans::run_failed;

/// What a chore works with.
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
    /// What stands there, as far as the wish is about it.
    type Facts;
    /// How the wish, and what came of it, is printed.
    type Shown: Shown;

    /// Reads what stands there; nothing is changed.
    ///
    /// # Errors
    /// When it cannot be read, or speaks against the wish as a whole.
    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure>;

    /// Holds the wish against it: refuses what cannot be, and drafts the rest. What stops nothing is said.
    ///
    /// # Errors
    /// Exit 2 for a wish that means nothing there, 4 for one that is refused.
    fn draft(&self, facts: Self::Facts) -> Result<Drafted<Self::Shown>, Failure>;

    /// How a plan of this very wish is shown that was begun and is not over: see [`Drafted::Begun`].
    ///
    /// # Errors
    /// When the plan is none of this chore's.
    fn begun(&self, plan: &Plan) -> Result<Self::Shown, Failure> {
        Err(Failure::bug(format!("plan {} is gone on with", plan.id)))
    }

    /// From its draft to a report, as the flags say; a chore that is confirmed in a way of its own says so here.
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

    /// Runs its plan with whatever is done beside it.
    ///
    /// # Errors
    /// Those of the run.
    async fn beside(
        &self,
        _at: &Opened<'_>,
        _plan: &PlanId,
        run: impl Future<Output = Result<Settled, Failure>>,
    ) -> Result<Settled, Failure> {
        run.await
    }

    /// With `--apply`, what is kept or said behind a plan that was not refused; without a plan where there was nothing to do.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn done(
        &self,
        _at: &Opened<'_>,
        _shown: &Self::Shown,
        _settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

/// What a wish comes to.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made in a run, and taken apart at once"
)]
pub enum Drafted<S> {
    /// A plan, what is asked before it is carried out, and how it is shown.
    Plan {
        draft: PlanDraft,
        question: String,
        shown: S,
        /// What is said in place of a plan without steps; where nothing is, it is settled as any other.
        nothing: Option<String>,
    },
    /// A plan of this very wish was begun, and is not over.
    Begun(PlanId),
}

impl<S> Drafted<S> {
    /// A plan, also one without steps.
    pub fn plan(draft: PlanDraft, question: impl Into<String>, shown: S) -> Self {
        Self::Plan {
            draft,
            question: question.into(),
            shown,
            nothing: None,
        }
    }

    /// The same, with what is said in place of a plan without steps.
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
    /// Reads what its rows are named by, once the wish is held against what stands there.
    async fn name(&mut self, _at: &Opened<'_>) {}

    /// Takes in what a plan would do, or did; its report says which.
    ///
    /// # Errors
    /// When what it made cannot be read.
    async fn tell(&mut self, _at: &Opened<'_>, _settled: &Settled) -> Result<(), Failure> {
        Ok(())
    }

    /// Prints it; without a plan where there was nothing to do.
    ///
    /// # Errors
    /// When stdout does not take it.
    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure>;

    /// The exit code, where the plan by itself leads to `otherwise`.
    fn exit(&self, otherwise: Exit) -> Exit {
        otherwise
    }
}

/// A chore that is shown by its plan's report alone.
pub struct ByReport;

impl Shown for ByReport {
    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        match settled {
            Some(settled) => print(&settled.report, None, format),
            None => Ok(()),
        }
    }
}

/// A report that stands in a document of the chore's own where JSON is wanted.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait ReportWithin {
    /// Reads what the document says besides.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn look_up(&mut self, _at: &Opened<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// The document.
    ///
    /// # Errors
    /// When we wrote what cannot be read.
    fn whole(&self, settled: &Settled) -> Result<Value, Failure>;
}

/// A chore that is shown by its plan's report, within such a document.
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

/// The way back from what a plan changed; what has none is said.
///
/// # Errors
/// When there is no such plan.
pub async fn way_back(context: &PlanContext, plan: &PlanId) -> Result<PlanDraft, Failure> {
    let (plan, folded) = context.runner.load(plan).await.map_err(run_failed)?;
    let undoing = undo(&plan, &folded, context.hands.as_ref());
    for (target, why) in &undoing.not_undoable {
        output::say(&format!("not undoable: {target}: {why}"));
    }
    Ok(undoing.draft)
}

/// Carries a chore out as its flags say.
///
/// # Errors
/// What speaks against it; exit 4 for what is refused.
pub fn run<C: Chore>(chore: &C, args: &PlanArgs) -> Outcome {
    let loaded = args.load()?;
    runtime()?.block_on(carry_out(chore, &loaded, args))
}

/// The same in a command that has begun to work.
///
/// # Errors
/// As [`run`].
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

/// How far a chore came.
pub struct Carried<S> {
    /// How it is printed.
    pub shown: S,
    /// What its plan came to; none where there was nothing to do.
    pub settled: Option<Settled>,
    /// What is said where there was nothing to do.
    pub nothing: Option<String>,
    /// The exit code, unless it is refused.
    pub exit: Exit,
}

/// The way through a chore up to what is printed, for a command with several of them.
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

/// Goes on with a plan of this very wish.
async fn go_on<C: Chore>(
    chore: &C,
    at: &Opened<'_>,
    id: &PlanId,
    args: &PlanArgs,
) -> Result<Carried<C::Shown>, Failure> {
    let (plan, _) = at.context.runner.load(id).await.map_err(run_failed)?;
    let mut shown = chore.begun(&plan)?;
    if !args.is_applying() {
        output::say(&format!(
            "plan {id} was begun and is not over; `--apply` goes on with it"
        ));
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

/// Takes in what came of it, and lets the chore keep what it keeps.
async fn told<C: Chore>(
    chore: &C,
    at: &Opened<'_>,
    (mut shown, settled): (C::Shown, Settled),
    args: &PlanArgs,
) -> Result<Carried<C::Shown>, Failure> {
    shown.tell(at, &settled).await?;
    if args.is_applying() && settled.refused.is_none() {
        // CRASH: not kept; the same command finds its plan done, and keeps it
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
    /// Of a run.
    pub fn of(report: PlanReport) -> Self {
        Self {
            exit: exit_of(&report),
            report,
            refused: None,
        }
    }

    /// Whether it was begun: neither refused nor only looked at.
    pub fn was_begun(&self) -> bool {
        self.refused.is_none() && !self.report.is_planned()
    }
}

/// What every command takes that compares and changes nothing.
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

/// Whether what stands there is as it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WishStanding {
    /// It is.
    Same,
    /// Something differs.
    Differs,
}

impl WishStanding {
    /// By whether something differs.
    pub const fn of(differs: bool) -> Self {
        if differs { Self::Differs } else { Self::Same }
    }
}

/// A chore whose wish can be compared by itself.
#[expect(
    async_fn_in_trait,
    reason = "the driver awaits each on the task that it runs on: nothing has to be `Send`"
)]
pub trait Compared: Chore {
    /// Compares, and says what differs; nothing is changed or saved.
    ///
    /// # Errors
    /// As [`Chore::draft`].
    async fn differences(
        &self,
        at: &Opened<'_>,
        facts: Self::Facts,
    ) -> Result<(Self::Shown, WishStanding), Failure>;
}

/// Compares a chore's wish with what stands there.
///
/// # Errors
/// What speaks against it.
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
