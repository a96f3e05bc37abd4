use std::path::{Path, PathBuf};

use hallpass_app::chores::delegation_files::{differences, read_file, refused, unread};
use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::plans::chore::{self, Chore, Compared, Drafted, Opened, WishStanding};
use hallpass_app::host::suggestions::check_regions;
use hallpass_base::AccountId;
use hallpass_org::ReadCalls;
use hallpass_org::delegation::{
    DelegationFacts, DelegationFile, DelegationRow, Replacing, compare, draft, gather,
};
use hallpass_plans::PlanReport;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

use super::render::{DelegationView, shown};

/// Options.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// Administrators per service: YAML
    #[arg(value_name = "FILE", conflicts_with_all = ["service", "account", "regions"])]
    file: Option<PathBuf>,
    /// A single service instead of a file
    #[arg(long, value_name = "NAME", requires = "account")]
    service: Option<String>,
    /// The administrator account
    #[arg(long, value_name = "ID", requires = "service")]
    account: Option<AccountId>,
    /// Regions, for services with an administrator in each; `enabled`: those enabled in the account
    #[arg(long, value_name = "REGION,...")]
    #[arg(value_delimiter = ',', requires = "service")]
    regions: Option<Vec<String>>,
    /// Replace another administrator
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
    let wish = DelegationChore {
        file: args.wishes()?,
        path: args.file.as_deref(),
        replacing: if args.replace {
            Replacing::Whoever
        } else {
            Replacing::Never
        },
    };
    chore::run(&wish, &args.plan)
}

pub(super) struct DelegationChore<'a> {
    pub(super) file: DelegationFile,
    pub(super) path: Option<&'a Path>,
    pub(super) replacing: Replacing,
}

impl DelegationChore<'_> {
    fn compare(&self, facts: &DelegationFacts) -> Result<Vec<DelegationRow>, Failure> {
        let rows = compare(&self.file, facts, self.replacing);
        let rows = rows.map_err(|why| refused(why, self.path))?;
        warn(&self.file);
        Ok(rows)
    }
}

impl Chore for DelegationChore<'_> {
    type Facts = DelegationFacts;
    type Shown = DelegationView;

    async fn gather(&self, at: &Opened<'_>) -> Result<DelegationFacts, Failure> {
        let calls: &dyn ReadCalls = at.context.calls.as_ref();
        gather(calls, &self.file).await.map_err(unread)
    }

    fn draft(&self, facts: DelegationFacts) -> Result<Drafted<DelegationView>, Failure> {
        let rows = self.compare(&facts)?;
        Ok(Drafted::plan_or(
            draft(&rows, &facts),
            "Change who administers these services?",
            shown(&rows),
            "nothing of it can be done",
        ))
    }
}

impl Compared for DelegationChore<'_> {
    async fn differences(
        &self,
        at: &Opened<'_>,
        facts: DelegationFacts,
    ) -> Result<(DelegationView, WishStanding), Failure> {
        let mut rows = self.compare(&facts)?;
        let reports = differences(at.context, &mut rows, &facts).await;
        let mut shown = shown(&rows);
        for report in &reports {
            shown.take_in(report);
        }
        let differs = reports.iter().any(PlanReport::has_changes);
        Ok((shown, WishStanding::of(differs)))
    }
}

/// Prints non-blocking problems as warnings.
fn warn(file: &DelegationFile) {
    for warning in file.apart() {
        output::say(&format!("warning: {warning}"));
    }
    if !file.notifications.is_empty() {
        output::say("`notifications` is for `hallpass org insights channels`, and ignored here");
    }
}
