use std::fs;

use hallpass_app::chores::account_factory::can_launch;
use hallpass_app::chores::plans::chore::{ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::{PlanContext, earlier_unread};
use hallpass_org::control_tower::factory_obstacles;
use hallpass_org::enrolment::{
    ChosenBackend, EnrolmentBackend, EnrolmentCheck, EnrolmentFacts, EnrolmentPlan,
    EnrolmentRefused, EnrolmentRequest, EnrolmentUnread, SelectedAccounts, checks, choose_for,
    draft, draft_config, gather, select, unfinished_enrolment,
};
use hallpass_plans::{CheckOutcome, CheckStrictness, Plan, PlanDraft, PlanId, junit};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, plain};

use super::super::check_output::print_checks;
use super::Args;
use super::render::{EnrolmentView, check_rows, named, named_checks};

const TITLE: &str = "Enrolment in Control Tower";

pub(super) struct Looked {
    facts: EnrolmentFacts,
    selected: SelectedAccounts,
    chosen: ChosenBackend,
    found: Vec<EnrolmentCheck>,
}

async fn look(
    context: &PlanContext,
    wish: &EnrolmentRequest,
    args: &Args,
) -> Result<Looked, Failure> {
    let facts = gather(&context.enrolment, wish).await.map_err(unread)?;
    let selected = select(wish, &facts).map_err(refused)?;
    let chosen = choose_for(wish, &selected, &facts).map_err(refused)?;
    let found = checks(wish, &selected, chosen.backend, &facts);
    if let Some(path) = &args.checking.junit {
        let rows: Vec<_> = found.iter().map(|it| it.result.clone()).collect();
        fs::write(path, junit(TITLE, &rows))
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
    }
    output::say(&format!("by {}: {}", chosen.backend.name(), chosen.reason));
    Ok(Looked {
        facts,
        selected,
        chosen,
        found,
    })
}

impl Looked {
    fn refusal(&self) -> Result<(), Failure> {
        let mut whole = self.found.iter().filter(|it| it.account.is_none());
        let Some(check) = whole.find(|it| it.stops()) else {
            return Ok(());
        };
        let (CheckOutcome::Fail(why) | CheckOutcome::Unknown { reason: why, .. }) =
            &check.result.outcome
        else {
            return Err(Failure::bug("a check that passed stops an enrolment"));
        };
        let message = format!("`{}`: {why}; nothing was changed", check.result.id);
        Err(Failure::refused(message).help(check.result.remedy.clone()))
    }
}

pub(super) struct EnrolmentChore<'a> {
    pub(super) args: &'a Args,
    pub(super) wish: EnrolmentRequest,
}

pub(super) enum EnrolmentGround {
    /// A plan of the same request is unfinished.
    Begun(PlanId),
    Found(Box<Looked>),
}

impl Chore for EnrolmentChore<'_> {
    type Facts = EnrolmentGround;
    type Shown = EnrolmentView;

    async fn gather(&self, at: &Opened<'_>) -> Result<EnrolmentGround, Failure> {
        let context = at.context;
        let unfinished = unfinished_enrolment(context.plans.as_ref(), &self.wish).await;
        if let Some(plan) = unfinished.map_err(|it| earlier_unread(&it))? {
            return Ok(EnrolmentGround::Begun(plan));
        }
        let looked = look(context, &self.wish, self.args).await?;
        looked.refusal()?;
        let by_factory = looked.chosen.backend == EnrolmentBackend::AccountFactory;
        if let Some(zone) = looked.facts.zone.as_ref().filter(|_| by_factory) {
            let home = context.enrolment.home.as_ref();
            can_launch(&factory_obstacles(home, zone, &looked.facts.caller).await)?;
        }
        Ok(EnrolmentGround::Found(Box::new(looked)))
    }

    fn draft(&self, ground: EnrolmentGround) -> Result<Drafted<EnrolmentView>, Failure> {
        let Looked {
            facts,
            selected,
            chosen,
            found,
        } = match ground {
            EnrolmentGround::Begun(plan) => return Ok(Drafted::Begun(plan)),
            EnrolmentGround::Found(looked) => *looked,
        };
        let enrolment = EnrolmentPlan::new(&self.wish, &selected, chosen.backend, &found, &facts);
        let draft = draft(&self.wish, &enrolment, &selected, &facts);
        let all = enrolment.accounts.values();
        let free = all.filter(|it| it.left_out.is_none()).count();
        let shown = EnrolmentView {
            enrolment,
            checks: found,
            reason: chosen.reason,
            facts: Some(facts),
            begun: None,
        };
        shown.say_failed();
        let question = format!("Bring {free} accounts under Control Tower?");
        let nothing = "no account can be enrolled";
        Ok(Drafted::plan_or(draft, question, shown, nothing))
    }

    fn begun(&self, plan: &Plan) -> Result<EnrolmentView, Failure> {
        let enrolment = EnrolmentPlan::of(plan)
            .ok_or_else(|| Failure::bug("a plan of an enrolment that keeps none"))?;
        Ok(EnrolmentView {
            enrolment,
            checks: Vec::new(),
            reason: "as when the plan was made".to_owned(),
            facts: None,
            begun: None,
        })
    }
}

/// Removes blocking Config resources; the next command enrols.
pub(super) struct ConfigChore<'a>(pub(super) EnrolmentChore<'a>);

impl Chore for ConfigChore<'_> {
    type Facts = PlanDraft;
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<PlanDraft, Failure> {
        let EnrolmentChore { args, wish } = &self.0;
        let looked = look(at.context, wish, args).await?;
        Ok(draft_config(wish, &looked.selected, &looked.facts))
    }

    fn draft(&self, draft: PlanDraft) -> Result<Drafted<ByReport>, Failure> {
        let question = "Stop and delete these recorders and delivery channels?";
        let nothing = "there is no recorder and no delivery channel to take away";
        Ok(Drafted::plan_or(draft, question, ByReport, nothing))
    }
}

pub(super) async fn check_only(
    context: &PlanContext,
    EnrolmentChore { args, wish }: &EnrolmentChore<'_>,
) -> Outcome {
    let Looked {
        facts,
        selected,
        found,
        ..
    } = &look(context, wish, args).await?;
    let strict = args.checking.strict;
    let is_stopped = found.iter().any(EnrolmentCheck::stops);
    for skipped in &selected.skipped {
        output::say(&format!(
            "{} is left out: {}",
            plain(&named(&skipped.account, facts)),
            skipped.reason
        ));
    }
    let verdict = if is_stopped {
        "PRECHECK FAILED"
    } else {
        "PRECHECK SUCCEEDED"
    };
    let rows = check_rows(found, Some(facts));
    print_checks(args.plan.format(), &rows, &named_checks(found, facts))?;
    output::say(verdict);
    let is_strict_failure = strict
        && found
            .iter()
            .any(|it| it.result.is_failed(CheckStrictness::Everything));
    Ok(if is_stopped || is_strict_failure {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

#[expect(clippy::needless_pass_by_value, reason = "used in `map_err`")]
fn refused(why: EnrolmentRefused) -> Failure {
    let message = why.to_string();
    match why {
        EnrolmentRefused::Unusable(_) => Failure::bad_input(message),
        EnrolmentRefused::TooMany { .. } => Failure::refused(message)
            .help("move accounts into other units first: AWS does not raise the quota"),
        EnrolmentRefused::NotManagement { .. } => {
            Failure::refused(message).help("use credentials of the management account")
        }
    }
}

fn unread(why: EnrolmentUnread) -> Failure {
    match why {
        EnrolmentUnread::Refused(why) => refused(why),
        EnrolmentUnread::Unread(_) => Failure::failed(why.to_string())
            .help("docs/how-to/enroll-accounts.md lists the permissions that are needed"),
    }
}
