//! `hallpass server store`: the server's database.

mod accept_loss;

use std::path::{Path, PathBuf};

use hallpass_host::file_lock::{OnlyServer, only_server};
use hallpass_host::ownership;
use hallpass_host::runtime::runtime;
use hallpass_host::server_store::{ServerStore, StoreAddress};
use hallpass_setup::opening::{ConfigArgs, open_store, open_store_for};
use hallpass_store::{BackupError, Copied, CopyError, Existing, SchemaUse, write_private};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// How a database of PostgreSQL is copied.
const DUMP: &str = "use `pg_dump --format=custom`, which copies one instant while people work; the key that \
                    signs is `hallpass.key` beside the configuration or in `store.seen_folder`";
/// How it is put back.
const RESTORE: &str = "use `pg_restore` into an empty database, then `hallpass server store accept-loss` and \
                       `hallpass server store check`";

/// Look after the server's database
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server store check
  hallpass server store backup backup.db
  hallpass server store copy postgres://hallpass@db.example.com/hallpass
  hallpass server store restore backup.db --config other/hallpass.toml")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Bring the schema up to date (the server does it when it starts)
    #[command(after_help = "Example:\n  hallpass server store migrate --config hallpass.toml")]
    Migrate {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Read everything: structure, rows, the audit chain to its head
    #[command(after_help = "Example:\n  hallpass server store check")]
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Copy the database to a new file, while the server runs
    #[command(
        after_help = "Example:\n  hallpass server store backup /backup/hallpass-$(date +%F).db"
    )]
    Backup {
        /// The file to make
        to: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Copy the database into another, empty one: from SQLite to PostgreSQL, and back
    #[command(
        long_about = "Copy the database into another, empty one: from SQLite to PostgreSQL, and back.\n\nNo server may \
                      work on either. All of it is there or nothing: rows as they are, in one transaction, read again and \
                      compared. The audit log is the same log, with the same head. The key that signs goes along; where \
                      another is, nothing is copied.\n\nThe configuration stays as it is: name the new place in `store.url` then.",
        after_help = "Examples:
  hallpass server store copy 'postgres://hallpass@db.example.com/hallpass?sslrootcert=/etc/hallpass/db-ca.pem'
  hallpass server store copy sqlite:hallpass.db --config on-postgres.toml"
    )]
    Copy {
        /// Where to, as in `store.url`: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`
        to: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Go on over a database that lacks records which were seen
    #[command(
        long_about = "Go on over a database that lacks records which were seen\n\nThe nodes have seen records of the \
                      audit log which the database of PostgreSQL does not have: it failed over to a replica without them, or a backup was put back.\n\nUntil then nodes only end access. What is \
                      accepted is on record, with the numbers of the missing records, who decided and why. What AWS has \
                      and the database does not know is found by a sweep.",
        after_help = "Example:
  hallpass server store accept-loss --by ana@example.com --reason 'failover to zone b, replication was behind'"
    )]
    AcceptLoss(accept_loss::Args),
    /// Put a backup in place of a database that does not exist
    #[command(
        after_help = "Example:\n  hallpass server store restore /backup/hallpass-2026-03-02.db"
    )]
    Restore {
        /// The backup
        from: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub fn run(args: &Args) -> Outcome {
    let runtime = runtime()?;
    match &args.command {
        Command::Migrate { config } => {
            let address = config.load_without_secrets()?.store()?;
            config.ensure_meant(&address)?;
            let _alone = alone(&address)?;
            let version = runtime.block_on(async {
                let store = open_store_for(address.clone(), SchemaUse::BroughtUpToDate).await?;
                store
                    .schema_version()
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            give_to_server(&address)?;
            output::say(&format!("`{address}` has schema version {version}"));
            Ok(Exit::Ok)
        }
        Command::Check { config } => check(&runtime, &config.existing_store()?),
        Command::Backup { to, config } => {
            let address = config.existing_store()?;
            address.file("`hallpass server store backup`", DUMP)?;
            runtime.block_on(async {
                let store = open_store_for(address, SchemaUse::AsItIs).await?;
                store
                    .backup(to)
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            output::say(&format!("copied to `{}`", to.display()));
            Ok(Exit::Ok)
        }
        Command::Copy { to, config } => copy(&runtime, config, to),
        Command::AcceptLoss(args) => runtime.block_on(accept_loss::run(args)),
        // also without a configuration: whoever names a backup wants its database here, as in a rehearsal
        Command::Restore { from, config } => {
            let address = config.load_without_secrets()?.store()?;
            let to = address.file("`hallpass server store restore`", RESTORE)?;
            if !from.exists() {
                let text = format!("there is no backup `{}`", from.display());
                return Err(Failure::bad_input(text)
                    .help("name the file that `hallpass server store backup` made"));
            }
            ServerStore::restore(from, to).map_err(|error| unmade(&error))?;
            output::say(&format!("`{}` is in place", to.display()));
            // a copy may be brought up to date: the backup is as it was
            let _alone = alone(&address)?;
            let migrated = runtime.block_on(async {
                let migrated = open_store_for(address.clone(), SchemaUse::BroughtUpToDate);
                migrated.await.map(drop)
            });
            let checked = migrated.and_then(|()| check(&runtime, &address));
            // it is in place, also where something of it is not sound
            give_to_server(&address)?;
            checked
        }
    }
}

/// Copies the configured database to another place, and its key.
fn copy(runtime: &tokio::runtime::Runtime, config: &ConfigArgs, to: &str) -> Outcome {
    let loaded = config.load_without_secrets()?;
    let from = config.existing_store()?;
    let to = loaded.store_at(to, "the address")?;
    if let StoreAddress::File(path) = &to {
        ServerStore::refuse_taken(path).map_err(|error| unmade(&error))?;
    }
    // a server on one of them would go on writing to what is left behind
    let _from = alone(&from)?;
    let _to = alone(&to)?;
    let copied = copy_rows(runtime, &from, &to, || {
        copy_key(&loaded.key_of(&from), &loaded.key_of(&to))
    });
    let (copied, key) = copied.inspect_err(|_| forget(&to))?;
    let head = copied.head.as_ref().map_or_else(
        || "a log without records".to_owned(),
        |head| format!("record {} with the hash {}", head.seq, head.hash),
    );
    output::say(&format!(
        "copied {} rows of {} tables to `{to}`; the audit log ends with {head} in both",
        copied.rows, copied.tables
    ));
    if let Some((key, _)) = key {
        output::say(&format!("the key that signs is in `{}` too", key.display()));
    }
    let checked = check(runtime, &to);
    give_to_server(&to)?;
    checked
}

/// Copies the rows, and before them the key: a copy whose key were missing would be believed by no guard and
/// no witness. Without the rows the key is not there either, unless it was before.
fn copy_rows(
    runtime: &tokio::runtime::Runtime,
    from: &StoreAddress,
    to: &StoreAddress,
    copy_key: impl FnOnce() -> Result<CopiedKey, Failure>,
) -> Result<(Copied, CopiedKey), Failure> {
    let key = copy_key()?;
    let copied = runtime.block_on(async {
        let source = open_store(from.clone()).await?;
        let target = open_store(to.clone()).await?;
        let copied = source.copy_into(&target).await;
        copied.map_err(|error| uncopied(&error))
    });
    match copied {
        Ok(copied) => Ok((copied, key)),
        Err(failure) => {
            if let Some((made, IsNew(true))) = key {
                // one that stays is the same key, which another try finds
                drop(std::fs::remove_file(made));
            }
            Err(failure)
        }
    }
}

/// Whether a file was made by this command.
struct IsNew(bool);

/// Where the key is now, if there is one.
type CopiedKey = Option<(PathBuf, IsNew)>;

/// Copies the key that signs to where a server with the copy looks for it. Where root copies, it stays whose it was.
///
/// # Errors
/// When another key is there: the log would go on with heads that nobody believes.
fn copy_key(from: &Path, to: &Path) -> Result<CopiedKey, Failure> {
    if !from.exists() || from == to {
        return Ok(None);
    }
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| Failure::unreadable(path.display(), &error))
    };
    let key = read(from)?;
    if to.exists() {
        if read(to)? == key {
            return Ok(Some((to.to_owned(), IsNew(false))));
        }
        let words = format!(
            "`{}` is another key than `{}`",
            to.display(),
            from.display()
        );
        return Err(
            Failure::refused(words).help("move it away: the log goes on with the key that it has")
        );
    }
    write_private(to, &key, Existing::Kept).map_err(|error| {
        Failure::unwritable(to.display(), &error).help(
            "name a folder that the server may write to in `store.seen_folder`: the key is copied there",
        )
    })?;
    ownership::give(to, from)?;
    Ok(Some((to.to_owned(), IsNew(true))))
}

/// What root made in a file is for the server, whose folder it lies in.
fn give_to_server(address: &StoreAddress) -> Result<(), Failure> {
    match address {
        StoreAddress::File(path) => ownership::database_as_of_folder(path),
        StoreAddress::Postgres(_) => Ok(()),
    }
}

/// Keeps servers from a file, for as long as the value lives.
fn alone(address: &StoreAddress) -> Result<Option<OnlyServer>, Failure> {
    match address {
        StoreAddress::File(path) => only_server(path).map(Some),
        StoreAddress::Postgres(_) => Ok(None),
    }
}

/// Removes a file that was made for a copy which did not come about: another try is not refused for it.
fn forget(made: &StoreAddress) {
    if let StoreAddress::File(path) = made {
        for end in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            // one that is not there is as good as gone
            drop(std::fs::remove_file(PathBuf::from(name)));
        }
    }
}

/// A file that was not made.
fn unmade(error: &BackupError) -> Failure {
    let failure = match error {
        BackupError::Exists(_) | BackupError::LeftOver(_) => Failure::refused(error.to_string()),
        BackupError::Foreign(_)
        | BackupError::Copy { .. }
        | BackupError::Place { .. }
        | BackupError::Interrupted(_) => Failure::failed(error.to_string()),
    };
    let source = std::error::Error::source(error).map(ToString::to_string);
    let failure = match source {
        Some(source) => failure.detail(source),
        None => failure,
    };
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn uncopied(error: &CopyError) -> Failure {
    let failure = Failure::failed(format!("nothing was copied: {error}"));
    match error {
        CopyError::NotEmpty { .. } => {
            failure.help("make another database: rows of two are never mixed")
        }
        CopyError::InUse { .. } => failure.help("stop every node of it, and copy then"),
        CopyError::Different { .. } | CopyError::Store(_) => failure,
    }
}

fn check(runtime: &tokio::runtime::Runtime, address: &StoreAddress) -> Outcome {
    let found = runtime.block_on(async {
        let store = open_store(address.clone()).await?;
        store
            .check()
            .await
            .map_err(|error| Failure::failed(error.to_string()))
    })?;
    if found.problems.is_empty() {
        output::say(&format!("`{address}` is sound"));
        return Ok(Exit::Ok);
    }
    let mut failure = Failure::failed(format!("`{address}` has {} problems", found.problems.len()));
    for problem in &found.problems {
        failure = failure.detail(problem.clone());
    }
    Err(failure.help("restore a backup: `hallpass server store restore`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_along_and_stays_whose_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (from, to) = (at("hallpass.db.key"), at("node/hallpass.key"));
        assert!(copy_key(&from, &to).unwrap().is_none(), "there is none");
        std::fs::write(&from, "a key").unwrap();
        #[cfg(unix)]
        let is_theirs = std::os::unix::fs::chown(&from, Some(1), Some(1)).is_ok();
        let copied = copy_key(&from, &to).unwrap().unwrap();
        assert!(matches!(&copied, (path, IsNew(true)) if *path == to));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "a key");
        #[cfg(unix)]
        if is_theirs {
            use std::os::unix::fs::MetadataExt as _;
            let made = std::fs::metadata(&to).unwrap();
            assert_eq!((made.uid(), made.gid()), (1, 1), "root copied it");
        }
        let again = copy_key(&from, &to).unwrap().unwrap();
        assert!(matches!(again, (_, IsNew(false))));
        let nowhere = copy_key(&from, &from.join("hallpass.key")).err().unwrap();
        assert!(
            nowhere
                .remedy()
                .is_some_and(|it| it.contains("`store.seen_folder`")),
            "{nowhere:?}"
        );
        std::fs::write(&to, "another").unwrap();
        assert_eq!(copy_key(&from, &to).err().unwrap().exit(), Exit::Refused);
    }
}
