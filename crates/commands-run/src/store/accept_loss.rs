//! `hallpass server store accept-loss`: an operator decides to go on without records that are missing, or to begin a new log
//! where the database was lost with all of them.

use std::sync::Arc;

use hallpass_audit::{AuditStore as _, Draft, Event, Origin};
use hallpass_config::{Loaded, Secrets};
use hallpass_host::file_lock::only_server;
use hallpass_host::machine_name;
use hallpass_host::random_ids::RandomIds;
use hallpass_host::server_store::{ServerStore, StoreAddress};
use hallpass_model::{AuditId, Email, IdSource};
use hallpass_setup::earlier_log;
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

/// Accepts what is missing of what this machine's node, or any other, has seen; all of it, where the database has no
/// log.
pub(super) async fn run(args: &Args) -> Outcome {
    let loaded = args
        .config
        .load_listening(args.listen.as_deref(), Secrets::Left)?;
    let address = loaded.store()?;
    if let StoreAddress::File(path) = &address {
        args.config.ensure_meant(&address)?;
        let _alone = only_server(path)?;
        let is_made = earlier_log::would_be_made(&address)?;
        if is_made {
            ensure_moved(&loaded).await?;
        }
        let store = open_store(address.clone()).await?;
        if is_made || has_no_log(&store).await? {
            return begin_again(args, &loaded, &store).await;
        }
        let words = format!("`{}` has an audit log, and lacks nothing", path.display());
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
        if has_no_log(&store).await? {
            return begin_again(args, &loaded, &store).await;
        }
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

async fn has_no_log(store: &ServerStore) -> Result<bool, Failure> {
    let head = store.head().await;
    let head = head.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(head.is_none())
}

/// Two logs in one place would be a fork.
async fn ensure_moved(loaded: &Loaded) -> Result<(), Failure> {
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    match earlier_log::exported(loaded, &ids).await? {
        None => Ok(()),
        Some(place) => Err(
            Failure::refused(format!("{place} holds the log before")).help(
                "move it aside and keep it; in a bucket give `audit.export.target` a new prefix",
            ),
        ),
    }
}

/// Begins a new log where the one before is lost with its database.
async fn begin_again(args: &Args, loaded: &Loaded, store: &ServerStore) -> Outcome {
    ensure_moved(loaded).await?;
    let now = hallpass_clock::now();
    let id = AuditId::new(RandomIds.next(now));
    let draft = Draft::new(
        id,
        Event::LogLossAccepted,
        now,
        args.by.as_str(),
        Origin::Cli,
    )
    .reason(&args.reason)
    .why("the database had no records: the log before is lost with it");
    let appended = store.append_record(draft).await;
    appended.map_err(|error| Failure::failed(error.to_string()))?;
    output::say("a new audit log begins; record 1 says so");
    output::say(THEN);
    Ok(Exit::Ok)
}
