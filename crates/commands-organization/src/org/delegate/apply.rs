//! `hallpass org delegate FILE`.

use std::path::PathBuf;

use hallpass_model::AccountId;
use hallpass_org::ReadCalls;
use hallpass_org::delegation::{DelegationFile, Replacing, compare, draft, gather};

use super::shown::ShownDelegation;
use hallpass_chores::delegation_files::{read_file, refused, unread};
use hallpass_chores::plans::{self, PlanArgs, PlanContext};
use hallpass_host::bad_names::check_regions;
use hallpass_host::runtime::runtime;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// What is wanted.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// Who administers what: YAML
    #[arg(value_name = "FILE", conflicts_with_all = ["service", "account", "regions"])]
    file: Option<PathBuf>,
    /// A single service instead of a file
    #[arg(long, value_name = "NAME", requires = "account")]
    service: Option<String>,
    /// Who administers it
    #[arg(long, value_name = "ID", requires = "service")]
    account: Option<AccountId>,
    /// Where, for services with an administrator in each Region; `enabled`: wherever the account is enabled
    #[arg(
        long,
        value_name = "REGION,...",
        value_delimiter = ',',
        requires = "service"
    )]
    regions: Option<Vec<String>>,
    /// Take the place of another administrator
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

impl ApplyArgs {
    fn wishes(&self) -> Result<DelegationFile, Failure> {
        match (&self.file, &self.service, &self.account) {
            (Some(path), _, _) => read_file(path),
            (None, Some(service), Some(account)) => {
                let regions = self.regions.clone();
                let named: Vec<String> = regions.iter().flatten().cloned().collect();
                if named != ["enabled"] {
                    check_regions("--regions", &named)?;
                }
                DelegationFile::of_one(service, account.clone(), regions)
                    .map_err(Failure::bad_input)
            }
            (None, _, _) => Err(Failure::bad_input("which services?")
                .help("`hallpass org delegate org-delegate.yaml`, or `--service` and `--account`")),
        }
    }
}

pub(super) fn run(args: &ApplyArgs) -> Outcome {
    let file = args.wishes()?;
    let loaded = args.plan.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        carry_out(&context, &file, args).await
    })
}

async fn carry_out(context: &PlanContext, file: &DelegationFile, args: &ApplyArgs) -> Outcome {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let facts = gather(calls, file).await.map_err(unread)?;
    let replacing = if args.replace {
        Replacing::Whoever
    } else {
        Replacing::Never
    };
    let rows =
        compare(file, &facts, replacing).map_err(|why| refused(why, args.file.as_deref()))?;
    warn(file);
    let draft = draft(&rows, &facts);
    let mut shown = ShownDelegation::of(&rows, &context.account_names().await);
    if draft.is_empty() {
        shown.print(None, args.plan.format())?;
        output::say("nothing of it can be done");
        return Ok(shown.exit(Exit::Ok));
    }
    let question = "Change who administers these services?";
    let settled = plans::settle(context, draft, &args.plan, question).await?;
    shown.tell(&settled.report);
    shown.print(Some(&settled.report), args.plan.format())?;
    match settled.refused {
        Some(refused) => Err(refused),
        None => Ok(shown.exit(settled.exit)),
    }
}

/// What is said of a file, and stops nothing.
pub(super) fn warn(file: &DelegationFile) {
    for warning in file.apart() {
        output::say(&format!("warning: {warning}"));
    }
    if !file.notifications.is_empty() {
        output::say(
            "`notifications` is for `hallpass org insights channels`, and not carried out here",
        );
    }
}
