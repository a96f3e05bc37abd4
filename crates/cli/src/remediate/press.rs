use std::sync::Arc;

use hallpass_access::{RemediationPresses as _, about_remediation};
use hallpass_api::ApproveRemediation;
use hallpass_app::chores::remediations;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::opening::{ConfigArgs, open_store, open_store_to_act};
use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::clock::SystemClock;
use hallpass_base::{AuditId, Clock, IdSource as _, Timestamp};
use hallpass_client::client::{ServerArgs, block_on};
use hallpass_findings::remediation::{
    PressRefusal, Remediation, RemediationPhase, RemediationStore as _, RemediationStoreFault,
    Standing, Standings, approved,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::prompt::{YesArgs, confirm_act};

use super::found;

const TRIES: usize = 8;

/// Approve a remediation that waits for approval
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Approve a remediation that waits for approval\n\nThe server checks whether you \
                  may, as on the page and in Slack: the approvers in the rules of remediations, \
                  or administrators.",
    after_help = "Example:\n  hallpass org remediate approve rm-3f0c9a5b7d1e2f46"
)]
pub(super) struct ApproveArgs {
    /// Remediation ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// A comment for the record
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Retry a remediation that needs manual handling
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org remediate retry rm-3f0c9a5b7d1e2f46 --by ana@acme.example"
)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    press: PressArgs,
}

#[derive(Debug, clap::Args)]
struct ByArgs {
    /// User name for the audit log
    #[arg(
        long,
        value_name = "WHO",
        env = "USER",
        hide_env_values = true,
        default_value = "an operator"
    )]
    by: String,
}

#[derive(Debug, clap::Args)]
struct PressArgs {
    /// Remediation ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Pause all writes immediately; findings are still received and stored
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate pause --by ana@acme.example")]
pub(super) struct PauseArgs {
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Resume paused writes
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate resume")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The record's author is self-declared.
fn record(event: Event, now: Timestamp, by: &str) -> Draft {
    let id = AuditId::new(RandomIds.next(now));
    Draft::new(id, event, now, by, Origin::Cli)
}

fn failed(fault: &RemediationStoreFault) -> Failure {
    Failure::failed(fault.to_string())
}

pub(super) fn run_approve(args: &ApproveArgs) -> Outcome {
    let client = args.server.client()?;
    block_on(async {
        for id in &args.ids {
            let it: hallpass_api::Remediation = client.get(&["remediations", id], &[]).await?;
            let (action, resource) = (output::plain(&it.action), output::plain(&it.resource));
            let question = format!("{action} of `{resource}` in account {}?", it.account);
            confirm_act(ACT, &question, args.yes.consent())?;
            let body = ApproveRemediation {
                comment: args.comment.clone().unwrap_or_default(),
            };
            let path = ["remediations", id, "approve"];
            let _: hallpass_api::Remediation = client.post(&path, &body).await?;
            output::say(&format!("{id}: the server does it next"));
        }
        Ok(Exit::Ok)
    })
}

const ACT: &str = "this changes an account";

async fn press(
    (store, standings): (&ServerStore, &dyn Standings),
    id: &str,
    by: &str,
) -> Result<Remediation, Failure> {
    for _ in 0..TRIES {
        let it = found(store, id).await?;
        if !matches!(it.phase, RemediationPhase::Manual { .. }) {
            let words = format!("`{id}` is {}", it.phase.name());
            return Err(
                Failure::bad_input(words).help("`hallpass org remediate backlog` shows what waits")
            );
        }
        // on a failed read, the server checks before it acts
        if let Ok(Standing::Over(why)) = standings.standing(&it.deviation).await {
            let refusal = PressRefusal::Drifted(id.to_owned(), why.clone());
            let noted = store.change_remediation(&it.drifted(why)).await;
            return match noted {
                Ok(()) => Err(Failure::failed(refusal.to_string())),
                Err(RemediationStoreFault::Raced(_)) => continue,
                Err(fault @ RemediationStoreFault::Unavailable(_)) => Err(failed(&fault)),
            };
        }
        let now = hallpass_base::clock::now();
        let next = approved(it, by, now);
        let next = next.map_err(|refusal| Failure::bad_input(refusal.to_string()))?;
        let record = about_remediation(record(Event::RemediationApproved, now, by), &next, "");
        match store.press_remediation(&next, record.into()).await {
            Ok(()) => return Ok(next),
            Err(RemediationStoreFault::Raced(_)) => {}
            Err(fault @ RemediationStoreFault::Unavailable(_)) => return Err(failed(&fault)),
        }
    }
    Err(Failure::failed(format!("`{id}` changes all the time")))
}

pub(super) fn run_retry(args: &RetryArgs) -> Outcome {
    let args = &args.press;
    let (loaded, address) = (args.config.load()?, args.config.existing_store()?);
    runtime()?.block_on(async {
        let store = open_store_to_act(address).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (_, standings) = remediations::standings(&loaded, &clock).await?;
        for id in &args.ids {
            let it = found(&store, id).await?;
            let question = format!(
                "{} of `{}` in account {}?",
                it.action, it.deviation.resource, it.deviation.account
            );
            confirm_act(ACT, &question, args.yes.consent())?;
            press((&store, standings.as_ref()), id, &args.by.by).await?;
            output::say(&format!("{id}: the server does it next"));
        }
        Ok(Exit::Ok)
    })
}

pub(super) fn run_pause(args: &PauseArgs) -> Outcome {
    // allowed before the first start: an installation may begin paused
    let address = args.config.load()?.store()?;
    args.config.ensure_meant(&address)?;
    runtime()?.block_on(async {
        let store = open_store(address).await?;
        let now = hallpass_base::clock::now();
        let record = record(Event::RemediationsPaused, now, &args.by.by);
        let paused = Some((args.by.by.clone(), now));
        let done = store.pause_remediations(paused, record).await;
        done.map_err(|fault| failed(&fault))?;
        output::say("all writes of remediations are paused; running writes end normally");
        Ok(Exit::Ok)
    })
}

pub(super) fn run_resume(args: &ResumeArgs) -> Outcome {
    let address = args.config.existing_store()?;
    runtime()?.block_on(async {
        let store = open_store_to_act(address).await?;
        let record = record(
            Event::RemediationsResumed,
            hallpass_base::clock::now(),
            &args.by.by,
        );
        let done = store.pause_remediations(None, record).await;
        done.map_err(|fault| failed(&fault))?;
        output::say("remediations go on");
        Ok(Exit::Ok)
    })
}
