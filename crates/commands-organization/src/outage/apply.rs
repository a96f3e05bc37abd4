//! `hallpass org outage apply`: puts a drill's policy in place, once everything that speaks against it was
//! looked at.

use hallpass_chores::plans::chore_failed;
use std::fs;
use std::path::PathBuf;

use hallpass_org::Drill;
use hallpass_org::outage::{ApplyDrill, BreakGlass, DrillFile, plan_apply, probes};
use serde_json::{Value, json};

use hallpass_chores::plans::{self, PlanArgs, Settled};
use hallpass_host::runtime::runtime;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

/// Attach a drill's policy to a unit or an account
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Attach a drill's policy to a unit or an account\n\nRefused (exit 4) at the root, in \
                  the management account, where an account is in production (tag hallpass:prod=true), \
                  where five policies are attached already, and where no break-glass role is seen. \
                  Without --apply the plan is only shown and saved.",
    after_help = "Examples:
  hallpass org outage apply drill.json --target ou-ab12-11111111
  hallpass org outage apply drill.json --target 222233334444 --apply"
)]
pub(super) struct Args {
    /// The policy, as `org outage generate` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The unit (`ou-…`) or account it is attached to
    #[arg(long, value_name = "ID")]
    target: String,
    /// Go on though no break-glass role can be seen in every account
    #[arg(long)]
    without_break_glass: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.plan.format();
    let done = carry_out(args)?;
    let (settled, whole) = done;
    plans::finish(settled, Some(&whole), format)
}

fn carry_out(args: &Args) -> Result<(Settled, Value), Failure> {
    let text = fs::read_to_string(&args.file)
        .map_err(|error| Failure::unreadable(args.file.display(), &error))?;
    let file = DrillFile::read(&text)?;
    let loaded = args.plan.load()?;
    let wanted = ApplyDrill {
        file,
        target: args.target.clone(),
        prod: loaded.config.outage.prod_accounts.clone(),
        break_glass: if args.without_break_glass {
            BreakGlass::Waived
        } else {
            BreakGlass::Needed
        },
    };
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let (draft, drill) = plan_apply(context.organization.as_ref(), &wanted).await.map_err(chore_failed)?;
        let question = format!(
            "Deny calls in {} accounts below {} until {}?",
            drill.accounts.len(),
            drill.target,
            drill.ends_at
        );
        let settled = plans::settle(&context, draft, &args.plan, &question).await?;
        let kept = context.kept.drill(&drill.id).await;
        let kept = kept.map_err(|fault| Failure::failed(fault.to_string()))?;
        let drill = kept.unwrap_or(drill);
        if args.plan.is_applying() && settled.refused.is_none() {
            output::say(&format!(
                "drill {} ends by itself at {}; `hallpass org outage remove {} --apply` ends it sooner",
                drill.id, drill.ends_at, drill.id
            ));
        }
        let whole = whole(&wanted.file, &drill, &settled)?;
        Ok((settled, whole))
    })
}

/// The report of a drill (`policies.md` §8.3), with the plan's beside it.
fn whole(file: &DrillFile, drill: &Drill, settled: &Settled) -> Result<Value, Failure> {
    let statement: Value = serde_json::from_str(&drill.statement).map_err(Failure::bug)?;
    let rows = probes(file).map_err(Failure::bug)?;
    Ok(json!({
        "id": drill.id,
        "target": drill.target,
        "accounts": drill.accounts,
        "statement": statement.get("Statement"),
        "starts_at": drill.starts_at,
        "ends_at": drill.ends_at,
        "applied_at": drill.applied_at,
        "removed_at": drill.removed_at,
        "probes": rows,
        "plan": settled.report,
    }))
}
