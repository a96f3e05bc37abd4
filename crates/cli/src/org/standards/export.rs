use hallpass_app::chores::plans::{self, PlanContext};
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::selection_args::TargetSelectionArgs;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_org::ReadCalls;
use hallpass_org::standards::{HubLook, HubState, export, gather_hubs, gather_organization};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

use super::unread;

/// Print the file for the current state
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org standards export --ou /Workloads > org-standards.yaml"
)]
pub(super) struct Args {
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        carry_out(&context, args).await
    })
}

async fn carry_out(context: &PlanContext, args: &Args) -> Outcome {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let scope = args.selection.scope(calls).await?;
    let facts = gather_organization(calls, None, &scope).await;
    let mut facts = facts.map_err(|why| unread(why, None))?;
    gather_hubs(calls, None, &scope, &mut facts).await;
    let mut is_whole = true;
    for ((account, region), look) in &facts.hubs {
        let why = match look {
            HubLook::Seen(hub) if hub.state != HubState::Off => continue,
            HubLook::Seen(_) => "Security Hub is not enabled",
            HubLook::Skipped(why) => why,
            HubLook::Blocked(why) | HubLook::Unread(why) => {
                is_whole = false;
                why
            }
        };
        output::say(&format!("not in the file: {account} {region}: {why}"));
    }
    output::print(&export(&facts))?;
    Ok(if is_whole { Exit::Ok } else { Exit::Failed })
}
