mod press;
mod rules;
mod show;
mod undo;

use hallpass_app::host::server_store::ServerStore;
use hallpass_findings::remediation::{Remediation, RemediationId, RemediationStore as _};
use hallpass_terminal::exit::{Failure, Outcome};

/// Run automatic remediation of findings: rules, approvals, undo
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org remediate rules check remediation.yaml --event finding.json
  hallpass org remediate backlog
  hallpass org remediate approve rm-3f0c9a5b7d1e2f46
  hallpass org remediate undo rm-3f0c9a5b7d1e2f46 --apply
  hallpass org remediate pause")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Rules(RulesArgs),
    List(show::ListArgs),
    Backlog(show::BacklogArgs),
    Show(show::ShowArgs),
    Approve(press::ApproveArgs),
    Retry(press::RetryArgs),
    Undo(undo::UndoArgs),
    Pause(press::PauseArgs),
    Resume(press::ResumeArgs),
    Replay(rules::ReplayArgs),
}

/// Check the file of rules
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org remediate rules check remediation.yaml --event finding.json"
)]
struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, clap::Subcommand)]
enum RulesCommand {
    Check(rules::CheckArgs),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Rules(RulesArgs {
            command: RulesCommand::Check(args),
        }) => rules::run_check(args),
        Command::List(args) => show::run_list(args),
        Command::Backlog(args) => show::run_backlog(args),
        Command::Show(args) => show::run_show(args),
        Command::Approve(args) => press::run_approve(args),
        Command::Retry(args) => press::run_retry(args),
        Command::Undo(args) => undo::run(args),
        Command::Pause(args) => press::run_pause(args),
        Command::Resume(args) => press::run_resume(args),
        Command::Replay(args) => rules::run_replay(args),
    }
}

async fn found(store: &ServerStore, id: &str) -> Result<Remediation, Failure> {
    let missing = || {
        let failure = Failure::bad_input(format!("there is no remediation `{id}`"));
        failure.help("`hallpass org remediate list` shows them")
    };
    let id = RemediationId::read(id).ok_or_else(missing)?;
    let found = store.remediation(&id).await;
    let found = found.map_err(|fault| Failure::failed(fault.to_string()))?;
    found.ok_or_else(missing)
}
