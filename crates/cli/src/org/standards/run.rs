use std::path::{Path, PathBuf};

use hallpass_app::chores::plans::Settled;
use hallpass_app::chores::plans::chore::{Chore, Compared, Drafted, Opened, WishStanding};
use hallpass_app::chores::plans::run_failed;
use hallpass_app::host::selection_args::TargetSelectionArgs;
use hallpass_base::Timestamp;
use hallpass_enforcement::standards_visits::AppliedFile;
use hallpass_org::ReadCalls;
use hallpass_org::standards::{
    CentralHome, StandardsChoices, StandardsFacts, StandardsFile, StandardsScope, compare, draft,
    draft_central, draft_configuration, gather_hubs, gather_organization,
};
use hallpass_plans::{Plan, PlanDraft, PlanReport, PlanStep, RunError, StepProbe};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output;

use super::central::{self, Mode};
use super::render::{StandardsView, shown, shown_policies};
use super::{check_names, day, read_file, unread};

/// Options for self-managed accounts.
#[derive(Debug, Default, clap::Args)]
pub(super) struct OwnHubArgs {
    /// Turn Security Hub on where it is off
    #[arg(long)]
    pub(super) enable_hub: bool,
    /// Also write a reason if only it differs
    #[arg(long)]
    pub(super) update_reasons: bool,
    /// Turn on disabled controls that the file does not name
    #[arg(long)]
    pub(super) enable_unnamed: bool,
}

/// File and mode.
#[derive(Debug, clap::Args)]
pub(super) struct WantedArgs {
    /// Which standards and controls are on or off: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    /// Who decides which standards are on
    #[arg(long, value_enum, value_name = "MODE", default_value = "auto")]
    pub(super) mode: Mode,
}

impl WantedArgs {
    pub(super) fn chore<'a>(
        &'a self,
        enable_central: bool,
        own: &'a OwnHubArgs,
    ) -> Result<StandardsChore<'a>, Failure> {
        Ok(StandardsChore {
            path: &self.file,
            file: read_file(&self.file)?,
            selection: &self.selection,
            mode: self.mode,
            enable_central,
            own,
        })
    }
}

pub(super) struct StandardsChore<'a> {
    pub(super) path: &'a Path,
    pub(super) file: StandardsFile,
    pub(super) selection: &'a TargetSelectionArgs,
    pub(super) mode: Mode,
    /// Lets policies configure the organization, if they do not yet.
    pub(super) enable_central: bool,
    pub(super) own: &'a OwnHubArgs,
}

pub(super) struct StandardsFound {
    facts: StandardsFacts,
    scope: StandardsScope,
    now: Timestamp,
    /// The policies' home, if it must be set first.
    home: Option<CentralHome>,
}

impl StandardsChore<'_> {
    fn is_for_policies(&self) -> Result<(), Failure> {
        if self.own.enable_hub || self.own.update_reasons || self.own.enable_unnamed {
            let text = "`--enable-hub`, `--update-reasons` and `--enable-unnamed` are for accounts that look after themselves";
            return Err(Failure::bad_input(text).help("`--mode local`"));
        }
        central::can_say(&self.file)
    }

    fn compare(&self, found: &StandardsFound) -> Result<(PlanDraft, StandardsView), Failure> {
        let StandardsFound {
            facts, scope, now, ..
        } = found;
        if let Some(central) = central::central(self.mode, facts)? {
            self.is_for_policies()?;
            let rows = central::rows(&self.file, facts, central, scope, *now);
            let draft = draft_central(&rows, facts, central);
            return Ok((draft, shown_policies(&rows, &central.home)));
        }
        check_names(self.path, &self.file, facts)?;
        let choices = StandardsChoices {
            enable_hub: self.own.enable_hub,
            update_reasons: self.own.update_reasons,
            enable_unnamed: self.own.enable_unnamed,
            ..StandardsChoices::default()
        };
        let rows = compare(&self.file, facts, choices, day(*now));
        Ok((draft(&rows, facts), shown(&rows)))
    }
}

impl Chore for StandardsChore<'_> {
    type Facts = StandardsFound;
    type Shown = StandardsView;

    async fn gather(&self, at: &Opened<'_>) -> Result<StandardsFound, Failure> {
        let calls: &dyn ReadCalls = at.context.calls.as_ref();
        let scope = self.selection.scope(calls).await?;
        let facts = gather_organization(calls, Some(&self.file), &scope).await;
        let mut facts = facts.map_err(|why| unread(why, Some(self.path)))?;
        let mut home = None;
        if self.enable_central && facts.central.is_none() {
            self.is_for_policies()?;
            central::not_governed(&facts)?;
            home = Some(central::home(calls).await?);
        } else if central::central(self.mode, &facts)?.is_none() {
            gather_hubs(calls, Some(&self.file), &scope, &mut facts).await;
        }
        Ok(StandardsFound {
            facts,
            scope,
            now: at.context.clock.now(),
            home,
        })
    }

    fn draft(&self, found: StandardsFound) -> Result<Drafted<StandardsView>, Failure> {
        if let Some(home) = &found.home {
            central::warn();
            return Ok(Drafted::plan(
                draft_configuration(&found.facts.organization, home),
                format!(
                    "Let policies of account {} in {} configure Security Hub of the organization?",
                    home.account, home.region
                ),
                StandardsView::Configuration,
            ));
        }
        let (draft, shown) = self.compare(&found)?;
        let question = "Change standards and controls in these accounts?";
        let nothing = "nothing is to be changed";
        Ok(Drafted::plan_or(draft, question, shown, nothing))
    }

    /// Records that a person applied this file to the whole organization. A server applies only
    /// such a file to new accounts (`organization.md` S-8).
    async fn done(
        &self,
        at: &Opened<'_>,
        shown: &StandardsView,
        settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        if let StandardsView::Configuration = shown {
            if settled.is_some_and(|it| it.exit == Exit::Ok) {
                output::say("the same command now plans the policies of the file");
            }
            return Ok(());
        }
        if self.selection.is_part() {
            return Ok(());
        }
        let applied = AppliedFile {
            hash: self.file.hash().to_owned(),
            at: at.context.clock.now(),
            by: at.context.aws.about().arn.clone(),
        };
        // CRASH: if unrecorded, the server keeps alerting; rerunning the command records it
        let kept = at.context.visits.file_applied(&applied).await;
        kept.map_err(|fault| Failure::failed(fault.to_string()))
    }
}

impl Compared for StandardsChore<'_> {
    async fn differences(
        &self,
        at: &Opened<'_>,
        found: StandardsFound,
    ) -> Result<(StandardsView, WishStanding), Failure> {
        let (draft, mut shown) = self.compare(&found)?;
        let is_central = central::central(self.mode, &found.facts)?.is_some();
        if is_central && !draft.is_empty() {
            let looked = at.context.runner.preview(draft).await.map_err(run_failed)?;
            if let Some(unseen) = unseen(&looked.plan) {
                return Err(run_failed(unseen));
            }
            shown.take_in(&PlanReport::planned(&looked.plan));
        }
        let standing = WishStanding::of(shown.differs());
        Ok((shown, standing))
    }
}

/// Returns an error for an unreadable policy: its difference is unknown.
fn unseen(plan: &Plan) -> Option<RunError> {
    let of = |step: &PlanStep| match plan.expected.get(&step.id) {
        Some(StepProbe::Unseen { reason }) => Some(RunError::Unseen {
            target: step.target.to_string(),
            why: reason.clone(),
        }),
        _ => None,
    };
    plan.steps.iter().find_map(of)
}
