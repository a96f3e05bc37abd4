//! `hallpass server store accept-loss`: somebody decides to go on without records that are missing.

use std::sync::Arc;

use hallpass_audit::{Draft, Event, Origin};
use hallpass_config::Secrets;
use hallpass_host::machine_name;
use hallpass_host::random_ids::RandomIds;
use hallpass_host::server_store::StoreAddress;
use hallpass_model::{AuditId, Email, IdSource as _};
use hallpass_setup::opening::{ConfigArgs, open_store};
use hallpass_store::LogMemory;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// What is said afterwards: the database cannot say what it does not know.
const THEN: &str = "next: `hallpass server sweep run` finds what AWS has and the database does not know; move the audit export aside, \
                    and let guards and witnesses accept the log as it is (docs/operations/runbooks/log-went-back.md)";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who decides, by address
    #[arg(long, value_name = "EMAIL")]
    by: Email,
    /// Why records are missing
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Address that the server listens on, where it was started with `--listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Accepts what is missing of what this machine's node, or any other, has seen.
pub(super) async fn run(args: &Args) -> Outcome {
    let loaded = args
        .config
        .load_listening(args.listen.as_deref(), Secrets::Left)?;
    let address = loaded.store()?;
    if let StoreAddress::File(path) = &address {
        let words = format!(
            "`{}` is a file, which goes back under nobody",
            path.display()
        );
        return Err(Failure::bad_input(words)
            .help("after a restore of a file: docs/operations/backup-and-restore.md"));
    }
    let file = loaded.seen_log();
    let memory = LogMemory::in_file(&file, &machine_name::host());
    let memory = memory.map_err(|error| Failure::unreadable(file.display(), &error))?;
    let memory = Arc::new(memory);
    let store = open_store(address).await?;
    let (by, reason, now) = (args.by.clone(), args.reason.clone(), hallpass_clock::now());
    let accepted = store.accept_lost_records(&memory, move |lost| {
        let what = format!(
            "records {} to {} are missing, the last of them with the hash {}; `{}` has seen them",
            lost.kept + 1,
            lost.newest.seq,
            lost.newest.hash,
            lost.node
        );
        let id = AuditId::new(RandomIds.next(now));
        Draft::new(id, Event::LogLossAccepted, now, by.as_str(), Origin::Cli)
            .reason(&reason)
            .why(&what)
    });
    let accepted = accepted.await;
    let accepted = accepted.map_err(|error| Failure::failed(error.to_string()))?;
    let Some((lost, seq)) = accepted else {
        output::say("the database lacks nothing that its nodes have seen");
        return Ok(Exit::Ok);
    };
    output::say(&format!(
        "records {} to {} are accepted as lost; record {seq} says so",
        lost.kept + 1,
        lost.newest.seq
    ));
    output::say(THEN);
    Ok(Exit::Ok)
}
