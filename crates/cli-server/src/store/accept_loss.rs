use std::sync::Arc;

use hallpass_app::config::{Loaded, Secrets};
use hallpass_app::host::file_lock::only_server;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::setup::earlier_log;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_audit::{AuditStore as _, Draft, Event, Origin};
use hallpass_base::{AuditId, Email, IdSource};
use hallpass_store::LogMemory;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::machine_name;
use hallpass_terminal::output;

const THEN: &str = "next: `hallpass server sweep run` finds what AWS has and the database does not know; move the audit export aside, \
                    and let guards and witnesses accept the log as it is (docs/operations/runbooks/log-went-back.md)";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// E-mail of the deciding operator
    #[arg(long, value_name = "EMAIL")]
    by: Email,
    /// Why records are missing
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Listen address of the server, if started with `--listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Accepts records missing compared with any node's view; all of them if the database has no log.
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
    let (by, reason, now) = (
        args.by.clone(),
        args.reason.clone(),
        hallpass_base::clock::now(),
    );
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

/// Two logs in one place would fork.
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

async fn begin_again(args: &Args, loaded: &Loaded, store: &ServerStore) -> Outcome {
    ensure_moved(loaded).await?;
    let now = hallpass_base::clock::now();
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
