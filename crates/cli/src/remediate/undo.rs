use std::iter::once;
use std::sync::Arc;

use hallpass_app::chores::plans::chore::{self, ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::{PlanArgs, Settled};
use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::opening::{aws_settings, open_store_to_act};
use hallpass_aws::FindingClient;
use hallpass_base::Clock;
use hallpass_base::clock::SystemClock;
use hallpass_findings::remediation::{
    PressRefusal, Remediation, RemediationStore as _, is_labelled_by_us, may_undo, siblings_of,
    undone,
};
use hallpass_findings::{StandingFinding, read_standing};
use hallpass_plans::{PlanDraft, PlanId};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::found;

/// Undo the changes of a remediation
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Undo the changes of a remediation\n\nExactly the changed part is restored, and \
                  the finding is NEW again. The same rule leaves the resource to people for a \
                  day; write an exception if it is to stay as it is.",
    after_help = "Example:\n  hallpass org remediate undo rm-3f0c9a5b7d1e2f46 --apply"
)]
pub(super) struct UndoArgs {
    /// Remediation id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &UndoArgs) -> Outcome {
    let loaded = args.plan.load()?;
    let address = args.plan.running().config.existing_store()?;
    runtime()?.block_on(async {
        let store = open_store_to_act(address).await?;
        let it = found(&store, &args.id).await?;
        may_undo(&it).map_err(|refusal| Failure::bad_input(refusal.to_string()))?;
        let Some(plan) = &it.plan else {
            check_label(&loaded, &it, &store).await?;
            if !args.plan.is_applying() {
                output::say("nothing was done; `--apply` sets the finding to NEW again");
                return Ok(Exit::Ok);
            }
            let question = format!("Set the finding of {} to NEW again?", it.id);
            args.plan.running().consent(&question)?;
            let next = undone(it, "an operator", hallpass_base::clock::now());
            return kept(&store, &next).await.map(|()| Exit::Ok);
        };
        if !it.earlier.is_empty() && !args.plan.is_applying() {
            output::say("each try has a separate plan; the newest is undone first");
        }
        let newest_first = once(plan).chain(it.earlier.iter().rev());
        let mut exit = Exit::Ok;
        for (at, plan) in newest_first.enumerate() {
            let wish = UndoChore {
                plan,
                is_last: at == it.earlier.len(),
                it: &it,
                store: &store,
            };
            let came = chore::carry_out(&wish, &loaded, &args.plan).await?;
            if exit == Exit::Ok {
                exit = came;
            }
            // an earlier attempt's change lies under this one
            if args.plan.is_applying() && exit != Exit::Ok {
                break;
            }
        }
        Ok(exit)
    })
}

struct UndoChore<'a> {
    plan: &'a PlanId,
    /// Whether this was the first attempt.
    is_last: bool,
    it: &'a Remediation,
    store: &'a ServerStore,
}

impl Chore for UndoChore<'_> {
    type Facts = PlanDraft;
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<PlanDraft, Failure> {
        chore::way_back(at.context, self.plan).await
    }

    fn draft(&self, draft: PlanDraft) -> Result<Drafted<ByReport>, Failure> {
        let question = format!("Take back what {} changed?", self.it.id);
        Ok(Drafted::plan(draft, question, ByReport))
    }

    async fn done(
        &self,
        at: &Opened<'_>,
        _shown: &ByReport,
        settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        if !self.is_last || settled.is_none_or(|it| it.exit != Exit::Ok) {
            return Ok(());
        }
        // CRASH: before this a repeated undo finds the plan done
        let by = &at.context.aws.about().arn;
        kept(
            self.store,
            &undone(self.it.clone(), by, hallpass_base::clock::now()),
        )
        .await
    }
}

/// Checks that the finding still has our label; a later label takes precedence.
async fn check_label(
    loaded: &Loaded,
    it: &Remediation,
    store: &ServerStore,
) -> Result<(), Failure> {
    let Some(key) = it.deviation.finding.clone() else {
        return Ok(());
    };
    let siblings = siblings_of(store, it).await;
    let siblings = siblings.map_err(|fault| Failure::failed(fault.to_string()))?;
    let own = loaded.enrich_settings()?.updated_by;
    let is_ours = |standing: &StandingFinding| {
        let mut all = once(it).chain(&siblings);
        all.any(|it| is_labelled_by_us(it, standing, &own))
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = FindingClient::new(aws_settings(loaded), fastrand::u64(..), clock).await;
    let client = client.map_err(Failure::failed)?;
    let mut read = read_standing(&client, [key.clone()]).await;
    let why = match read.remove(&key) {
        _ if it.write_back.is_some() => return Ok(()),
        Some(Ok(Some(standing))) if is_ours(&standing) => return Ok(()),
        Some(Ok(Some(standing))) => format!(
            "another user has changed the finding since: its workflow status is {}",
            standing.workflow()
        ),
        Some(Err(refusal)) => return Err(Failure::failed(refusal.to_string())),
        Some(Ok(None)) | None => "Security Hub does not have the finding".to_owned(),
    };
    let refusal = PressRefusal::Drifted(it.id.to_string(), why);
    Err(Failure::failed(refusal.to_string()))
}

async fn kept(store: &ServerStore, next: &Remediation) -> Result<(), Failure> {
    let done = store.change_remediation(next).await;
    done.map_err(|fault| {
        Failure::failed(fault.to_string()).help("run it again: restored parts stay")
    })
}
