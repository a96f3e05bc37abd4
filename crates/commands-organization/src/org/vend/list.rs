//! `hallpass org vend FILE`: checks a list, and with `--apply` makes its accounts.

use hallpass_chores::plans::run_failed;
use std::path::{Path, PathBuf};

use hallpass_model::TimeSpan;
use hallpass_org::control_tower::ACCOUNTS_AT_ONCE_MAX;
use hallpass_org::vending::{AccountsFile, Adoption, VendingPlan};
use hallpass_runner::{PlanId, PlanReport};
use serde_json::{Value, json};

use super::shown::{ShownList, follow, write};
use super::told::{tell_faults, tell_strangers, within_limit};
use hallpass_chores::plans::{self, PlanArgs, PlanContext, Settled};
use hallpass_chores::vending_lists::{JudgedList, ListChoice, ROW_TIMEOUT, VendVia, judge};
use hallpass_chores::vending_mail::with_mails;
use hallpass_client::follow::Progress;
use hallpass_config::{ConfiguredAccess, ConfiguredPrincipal, Loaded};
use hallpass_host::runtime::runtime;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 8 << 20;

const ACCOUNTS_AT_ONCE: i64 = ACCOUNTS_AT_ONCE_MAX as i64;

/// What is wanted of a list.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The CSV
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// A group that gets a permission set in every account, in place of `vending.assign`; rows that name a group go by
    /// that
    #[arg(long, value_name = "GROUP=PERMISSION_SET")]
    assign: Vec<String>,
    /// Make people of the list who are not in Identity Center (by Organizations; Account Factory does it itself)
    #[arg(long)]
    create_users: bool,
    /// Accounts that Account Factory makes at once: 1 to 5
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=ACCOUNTS_AT_ONCE))]
    concurrency: u32,
    /// Take on accounts that are there with the name and address of a row
    #[arg(long)]
    adopt: bool,
    /// Who makes them: Account Factory where there is a landing zone, or Organizations
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto")]
    via: VendVia,
    /// How long the making of one account may take [default: 90m]
    #[arg(long, value_name = "SPAN")]
    row_timeout: Option<TimeSpan>,
    /// Where the filled CSV goes [default: PLAN.csv in this folder]
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(path: &Path, args: &ListArgs) -> Outcome {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file =
        AccountsFile::read(text.as_bytes()).map_err(|bad| Failure::from(bad).within(path))?;
    let loaded = args.plan.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let file = file.with_defaults(loaded.vending_defaults()?);
        within_limit(context.plans.as_ref(), &file, &args.plan).await?;
        carry_out(&loaded, &context, (path, &file), args).await
    })
}

async fn carry_out(
    loaded: &Loaded,
    context: &PlanContext,
    (path, file): (&Path, &AccountsFile),
    args: &ListArgs,
) -> Outcome {
    let choice = ListChoice {
        assign: wanted_access(loaded, args)?,
        tags: loaded.vending_tags()?,
        create_users: args.create_users,
        at_once: args.concurrency,
        adoption: if args.adopt {
            Adoption::SameNameAndAddress
        } else {
            Adoption::Never
        },
        via: args.via,
    };
    let mut progress = Progress::new();
    progress.show("reading the organization");
    let judged = judge(context, file, &choice).await?;
    drop(progress);
    let judged = match judged {
        JudgedList::GoesOn(plan) => return go_on(context, &plan, args).await,
        JudgedList::Judged(judged) => judged,
    };
    tell_faults(path, file, &judged.verdicts);
    tell_strangers(path, file, &judged);
    let vending = &judged.vending;
    let wanted = judged.wanted();
    if wanted == 0 {
        let shown = ShownList::of_check(vending);
        shown.print(None, &Value::Null, args.plan.format())?;
        output::say("no row of the list is to be made");
        return Ok(if shown.has_bad() {
            Exit::Failed
        } else {
            Exit::Ok
        });
    }
    let limit = args.row_timeout.unwrap_or(ROW_TIMEOUT);
    let draft = judged.draft(context, limit);
    let id = context.runner.upcoming(&draft).await.map_err(run_failed)?;
    let question = format!("Make {wanted} accounts?");
    let run = async {
        tokio::select! {
            settled = plans::settle(context, draft, &args.plan, &question) => settled,
            never = follow(context, &id) => match never {},
        }
    };
    let mailer = context.mailer.as_ref().filter(|_| args.plan.is_applying());
    let state = |settled: &Settled| settled.report.state;
    let settled = with_mails(mailer, &id, run, state).await?;
    show(context, vending, settled, args).await
}

/// Prints what a plan came to, and writes the list.
async fn show(
    context: &PlanContext,
    vending: &VendingPlan,
    settled: Settled,
    args: &ListArgs,
) -> Outcome {
    let format = args.plan.format();
    let report = json!(settled.report);
    let id = settled.report.plan;
    if let Some(refused) = settled.refused {
        ShownList::of_check(vending).print(None, &report, format)?;
        return Err(refused);
    }
    if !args.plan.is_applying() {
        let shown = ShownList::of_check(vending);
        shown.print(Some(&id), &report, format)?;
        return Ok(if shown.has_bad() {
            Exit::Failed
        } else {
            settled.exit
        });
    }
    let (plan, folded) = context.runner.load(&id).await.map_err(run_failed)?;
    let shown = ShownList::of_run(context, vending, &plan, &folded).await?;
    shown.print(Some(&id), &report, format)?;
    let path = args
        .to
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{id}.csv")));
    write(&path, &shown.csv())?;
    output::say(&format!("the list is written to {}", path.display()));
    Ok(if settled.exit == Exit::Ok {
        shown.exit()
    } else {
        settled.exit
    })
}

/// Goes on with the plan of this list.
async fn go_on(context: &PlanContext, id: &PlanId, args: &ListArgs) -> Outcome {
    let (plan, _) = context.runner.load(id).await.map_err(run_failed)?;
    let vending = VendingPlan::of(&plan)
        .ok_or_else(|| Failure::bug("a plan of a list that keeps no list"))?;
    if !args.plan.is_applying() {
        output::say(&format!(
            "plan {id} was begun and is not over; `--apply` goes on with it"
        ));
        let (plan, folded) = context.runner.load(id).await.map_err(run_failed)?;
        let shown = ShownList::of_plan(context, &vending, &plan, &folded).await?;
        let report = json!(context.runner.report(id).await.map_err(run_failed)?);
        shown.print(Some(id), &report, args.plan.format())?;
        let changes = args.plan.has_detailed_exitcode();
        return Ok(if changes { Exit::Findings } else { Exit::Ok });
    }
    output::say(&format!(
        "plan {id} was begun before and is not over: going on"
    ));
    args.plan.consent_to_go_on(&plan)?;
    let applying = args.plan.running().applying();
    let run = async {
        tokio::select! {
            report = context.runner.apply(id, &applying) => Ok(report.map_err(run_failed)?),
            never = follow(context, id) => match never {},
        }
    };
    let state = |report: &PlanReport| report.state;
    let report = with_mails(context.mailer.as_ref(), id, run, state).await?;
    let settled = Settled {
        exit: plans::exit_of(&report),
        report,
        refused: None,
    };
    show(context, &vending, settled, args).await
}

/// Who gets access where a row says nothing of its own: as the flags say, else as the configuration does.
fn wanted_access(loaded: &Loaded, args: &ListArgs) -> Result<Vec<ConfiguredAccess>, Failure> {
    if args.assign.is_empty() {
        return loaded.vending_access();
    }
    let read = |text: &String| {
        let (group, set) = text.rsplit_once('=').ok_or_else(|| {
            Failure::bad_input(format!("`{text}` is not GROUP=PERMISSION_SET")).at("--assign")
        })?;
        Ok(ConfiguredAccess {
            who: ConfiguredPrincipal::Group(group.to_owned()),
            permission_set: set.to_owned(),
            place: "--assign",
        })
    };
    args.assign.iter().map(read).collect()
}
