//! Reloads changed rules on every node.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallpass_access::Access;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::rule_files::{owned_twice, rules_and_text, unread_rules};
use hallpass_app::setup::waiting::rest;
use hallpass_aws::Inventory;
use hallpass_base::Clock;
use hallpass_server::ServerStatus;
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

use super::read_again;
use crate::compose::lead::Lead;

const RULES_EVERY: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct Reloader {
    pub(super) access: Arc<Access>,
    pub(super) work: Arc<Access>,
    pub(super) directory: Arc<Inventory>,
    pub(super) store: ServerStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) status: Arc<ServerStatus>,
    pub(super) lead: Arc<Lead>,
    pub(super) path: PathBuf,
}

/// Reloads rules on change or SIGHUP. A file with errors has no effect.
pub(super) async fn reload(engine: Reloader, mut stop: watch::Receiver<bool>) {
    let path = engine.path.clone();
    // unknown: the file may have changed since the start
    let mut known = None;
    #[cfg(unix)]
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
    loop {
        let mut asked = false;
        #[cfg(unix)]
        let hung_up = async {
            match &mut hangup {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        };
        #[cfg(not(unix))]
        let hung_up = std::future::pending::<()>();
        tokio::select! {
            () = hung_up => asked = true,
            going_on = rest(&mut stop, RULES_EVERY) => if !going_on { return },
        }
        let found = stamp(&path);
        if found == known && !asked {
            continue;
        }
        match apply(&engine, &path).await {
            Applied::Done => known = found,
            Applied::Again => {}
        }
    }
}

/// Modification time, and length for changes within one clock tick.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// Whether to retry an unchanged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    Done,
    Again,
}

/// Logs an unreadable file once; it may be readable soon.
fn unread(engine: &Reloader, path: &Path, error: &std::io::Error) -> Applied {
    let failure = unread_rules(path, error);
    let known = engine.status.rules().refused;
    if known.is_none_or(|known| known.errors != failure.lines()) {
        engine
            .status
            .rules_refused(engine.clock.now(), failure.lines());
        tracing::error!(
            file = %path.display(),
            %error,
            "the rules cannot be read; those before stay in force, and it is tried again"
        );
    }
    Applied::Again
}

fn refused(engine: &Reloader, path: &Path, failure: &Failure) -> Applied {
    let desk = &engine.status;
    desk.rules_refused(engine.clock.now(), failure.lines());
    tracing::error!(
        file = %path.display(),
        errors = failure.words(),
        "the rules were refused; those before stay in force"
    );
    Applied::Done
}

async fn apply(engine: &Reloader, path: &Path) -> Applied {
    let access = &engine.access;
    let (desk, file) = (&engine.status, path.display().to_string());
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return unread(engine, path, &error),
    };
    match rules_and_text(path, &bytes) {
        Ok((rules, _)) if rules.hash() == access.rules().hash() => {
            desk.rules_unchanged();
            Applied::Done
        }
        Ok((rules, _)) if !access.groups_owned_twice(&rules).is_empty() => {
            let failure = owned_twice(&file, access.groups_owned_twice(&rules));
            refused(engine, path, &failure)
        }
        Ok((rules, text)) => match access.set_rules(rules, &file).await {
            Ok(()) => {
                desk.rules_loaded(&file, &text, engine.clock.now());
                tracing::info!(file = %path.display(), "new rules are in force");
                if engine.lead.holds() {
                    // new rules may need unread groups
                    read_again(&engine.directory, &engine.store, &engine.work).await;
                }
                Applied::Done
            }
            Err(error) => {
                tracing::error!(error = %error, "new rules could not be recorded");
                Applied::Again
            }
        },
        Err(failure) => refused(engine, path, &failure),
    }
}
