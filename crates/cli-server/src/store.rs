mod accept_loss;

use std::path::{Path, PathBuf};

use hallpass_app::host::file_lock::{OnlyServer, only_server};
use hallpass_app::host::keys::KeyOriginal;
use hallpass_app::host::ownership::give_to_folder_owner;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::{ServerStore, StoreAddress};
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_store::{BackupError, Copied, CopyError};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

const DUMP: &str = "use `pg_dump --format=custom`, which copies one instant while people work; the key that \
                    signs is `hallpass.key` beside the configuration or in `store.seen_folder`";
const RESTORE: &str = "use `pg_restore` into an empty database, then `hallpass server store accept-loss` and \
                       `hallpass server store check`";

/// Maintain the server's database
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
    /// Make the database (the server does it when it starts), or check its schema
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
        /// The file to create
        to: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Copy the database into another, empty one: from SQLite to PostgreSQL, and back
    #[command(
        long_about = "Copy the database into another, empty one: from SQLite to PostgreSQL, and back.\n\nNo server may \
                      work on either. All of it is there or nothing: rows as they are, in one transaction, read again and \
                      compared. The audit log is the same log, with the same head. The signing key is copied too; \
                      where another one is, nothing is copied.\n\nThe configuration stays as it is: name the new place in `store.url` then.",
        after_help = "Examples:
  hallpass server store copy \
      'postgres://hallpass@db.example.com/hallpass?sslrootcert=/etc/hallpass/db-ca.pem'
  hallpass server store copy sqlite:hallpass.db --config on-postgres.toml"
    )]
    Copy {
        /// Target, as in `store.url`: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`
        to: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Continue with a database that lacks seen records
    #[command(
        long_about = "Continue with a database that lacks seen records\n\nThe nodes have seen records of the \
                      audit log which the database of PostgreSQL does not have: it failed over to a replica without them, or a backup was put back. Or \
                      the database was lost, of either engine, and an empty one or none is in its place.\n\nUntil then nodes only \
                      end access, and a server does not begin a new log beside the export or the file of ends of the \
                      one before. The \
                      acceptance is recorded, with the numbers of the missing records, who decided and why. A sweep finds access that AWS has and the database does not know.",
        after_help = "Example:
  hallpass server store accept-loss --by ana@example.com \
      --reason 'failover to zone b, replication was behind'
  hallpass server store accept-loss --by ana@example.com --reason 'the disk is lost with its backups'"
    )]
    AcceptLoss(accept_loss::Args),
    /// Restore a backup if no database exists
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
                let store = open_store(address.clone()).await?;
                store
                    .schema_version()
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            output::say(&format!("`{address}` has schema version {version}"));
            Ok(Exit::Ok)
        }
        Command::Check { config } => check(&runtime, &config.existing_store()?),
        Command::Backup { to, config } => {
            let address = config.existing_store()?;
            address.file("`hallpass server store backup`", DUMP)?;
            runtime.block_on(async {
                let store = open_store(address).await?;
                store.backup(to).await.map_err(|error| unmade(&error))
            })?;
            output::say(&format!("copied to `{}`", to.display()));
            Ok(Exit::Ok)
        }
        Command::Copy { to, config } => copy(&runtime, config, to),
        Command::AcceptLoss(args) => runtime.block_on(accept_loss::run(args)),
        // works without a configuration, as in a rehearsal
        Command::Restore { from, config } => {
            let address = config.load_without_secrets()?.store()?;
            let to = address.file("`hallpass server store restore`", RESTORE)?;
            if !from.exists() {
                let text = format!("there is no backup `{}`", from.display());
                return Err(Failure::bad_input(text)
                    .help("name the file that `hallpass server store backup` made"));
            }
            let made = ServerStore::restore(from, to).map_err(|error| unmade(&error))?;
            // also changes the owner of SQLite's side files and the lock
            let given = give_to_folder_owner(&made, to).map_err(|error| ungiven(to, &error));
            drop(made);
            output::say(&format!("`{}` is in place", to.display()));
            let _alone = alone(&address)?;
            let checked = check(&runtime, &address);
            given.and(checked)
        }
    }
}

fn copy(runtime: &tokio::runtime::Runtime, config: &ConfigArgs, to: &str) -> Outcome {
    let loaded = config.load_without_secrets()?;
    let from = config.existing_store()?;
    let to = loaded.store_at(to, "the address")?;
    if let StoreAddress::File(path) = &to {
        ServerStore::refuse_taken(path).map_err(|error| unmade(&error))?;
    }
    // a running server would keep writing to the old database
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
    match key {
        CopiedKey::There(key, _) => {
            output::say(&format!("the key that signs is in `{}` too", key.display()));
        }
        CopiedKey::Missing(key) => output::say(&format!(
            "no key was copied, as none is in `{}`",
            key.display()
        )),
        CopiedKey::Stays => {}
    }
    check(runtime, &to)
}

/// Copies the key, then the rows: guards and witnesses reject a copy without its key. On failure
/// removes a new key.
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
            if let CopiedKey::There(made, IsNew(true)) = key {
                // a leftover is the same key; a retry finds it
                drop(std::fs::remove_file(made));
            }
            Err(failure)
        }
    }
}

/// Whether this command created the file.
struct IsNew(bool);

enum CopiedKey {
    There(PathBuf, IsNew),
    /// Shared: both databases use the same file.
    Stays,
    /// Missing at this path.
    Missing(PathBuf),
}

/// Copies the signing key to the path of the copy's server.
///
/// # Errors
/// If another key exists: its heads would not be trusted.
fn copy_key(from: &Path, to: &Path) -> Result<CopiedKey, Failure> {
    if from == to {
        return Ok(CopiedKey::Stays);
    }
    let Some(key) = KeyOriginal::read(from)? else {
        return Ok(CopiedKey::Missing(from.to_owned()));
    };
    if to.exists() {
        if key.is_in(to)? {
            return Ok(CopiedKey::There(to.to_owned(), IsNew(false)));
        }
        let words = format!(
            "`{}` is another key than `{}`",
            to.display(),
            from.display()
        );
        return Err(
            Failure::refused(words).help("move it away: the log continues with its own key")
        );
    }
    key.copy_to(to).map_err(|error| {
        Failure::unwritable(to.display(), &error).help(
            "name a folder that the server may write to in `store.seen_folder`: the key is copied there",
        )
    })?;
    Ok(CopiedKey::There(to.to_owned(), IsNew(true)))
}

fn ungiven(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "`{}` could not be given to the owner of its folder: {error}",
        path.display()
    ))
    .help("give it to the user that the server runs as: `chown`")
}

fn alone(address: &StoreAddress) -> Result<Option<OnlyServer>, Failure> {
    match address {
        StoreAddress::File(path) => only_server(path).map(Some),
        StoreAddress::Postgres(_) => Ok(None),
    }
}

/// Deletes a partial copy, so that a retry can start.
fn forget(made: &StoreAddress) {
    if let StoreAddress::File(path) = made {
        for end in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            drop(std::fs::remove_file(PathBuf::from(name)));
        }
    }
}

fn unmade(error: &BackupError) -> Failure {
    let failure = match error {
        BackupError::Exists(_) | BackupError::LeftOver(_) => Failure::refused(error.to_string()),
        BackupError::Foreign(_)
        | BackupError::Malformed(_)
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

    #[derive(clap::Parser)]
    struct StoreLine {
        #[command(flatten)]
        args: Args,
    }

    #[cfg(unix)]
    #[test]
    fn what_root_makes_of_a_database_belongs_to_the_owner_of_its_folder() {
        use clap::Parser as _;
        use std::os::unix::fs::{MetadataExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if chown(&data, Some(1), Some(1)).is_err() {
            return;
        }
        let shown = |name: &str| folder.path().join(name).display().to_string();
        let (config, backup) = (shown("hallpass.toml"), shown("backup.db"));
        std::fs::write(&config, "[store]\nurl = \"sqlite:data/hallpass.db\"\n").unwrap();
        let ran = |words: &[&str]| {
            let named = ["--config", config.as_str()];
            let line = ["store"].iter().chain(words).chain(&named);
            run(&StoreLine::parse_from(line).args).unwrap();
        };
        let are_theirs = || {
            for entry in std::fs::read_dir(&data).unwrap() {
                let entry = entry.unwrap();
                let owner = entry.metadata().unwrap().uid();
                assert_eq!(owner, 1, "{:?}", entry.file_name());
            }
        };
        ran(&["migrate"]);
        are_theirs();
        ran(&["backup", &backup]);
        for end in ["", ".lock"] {
            std::fs::remove_file(data.join(format!("hallpass.db{end}"))).unwrap();
        }
        ran(&["restore", &backup]);
        assert!(data.join("hallpass.db").exists());
        are_theirs();
    }

    const KEY: &str =
        "hallpass-signing-key/1 0909090909090909090909090909090909090909090909090909090909090909\n";

    fn copied(from: &Path, to: &Path) -> Result<bool, Failure> {
        match copy_key(from, to)? {
            CopiedKey::There(path, IsNew(is_new)) => {
                assert_eq!(path, to);
                Ok(is_new)
            }
            CopiedKey::Stays | CopiedKey::Missing(_) => panic!("none exists"),
        }
    }

    #[test]
    fn the_key_goes_along_and_stays_whose_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (from, to) = (at("hallpass.db.key"), at("node/hallpass.key"));
        assert!(matches!(
            copy_key(&from, &to).unwrap(),
            CopiedKey::Missing(_)
        ));
        std::fs::write(&from, KEY).unwrap();
        assert!(matches!(copy_key(&from, &from).unwrap(), CopiedKey::Stays));
        #[cfg(unix)]
        let is_theirs = std::os::unix::fs::chown(&from, Some(1), Some(1)).is_ok();
        assert!(copied(&from, &to).unwrap());
        assert_eq!(std::fs::read_to_string(&to).unwrap(), KEY);
        #[cfg(unix)]
        if is_theirs {
            use std::os::unix::fs::MetadataExt as _;
            let made = std::fs::metadata(&to).unwrap();
            assert_eq!((made.uid(), made.gid()), (1, 1), "root copied it");
        }
        assert!(!copied(&from, &to).unwrap());
        let nowhere = copy_key(&from, &from.join("hallpass.key")).err().unwrap();
        assert!(
            nowhere
                .remedy()
                .is_some_and(|it| it.contains("`store.seen_folder`")),
            "{nowhere:?}"
        );
        for another in [KEY.replace('9', "8").as_str(), "another owner's"] {
            std::fs::write(&to, another).unwrap();
            assert_eq!(copy_key(&from, &to).err().unwrap().exit(), Exit::Refused);
        }
    }

    #[test]
    fn only_a_key_is_copied_as_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (from, to) = (at("hallpass.db.key"), at("new.db.key"));
        std::fs::write(&from, "root:$6$...").unwrap();
        assert!(copy_key(&from, &to).is_err());
        #[cfg(unix)]
        {
            std::fs::write(at("a-key-of-roots"), KEY).unwrap();
            std::fs::remove_file(&from).unwrap();
            std::os::unix::fs::symlink(at("a-key-of-roots"), &from).unwrap();
            if std::os::unix::fs::chown(folder.path(), Some(1), Some(1)).is_ok() {
                assert_eq!(copy_key(&from, &to).err().unwrap().exit(), Exit::Refused);
            }
        }
        assert!(!to.exists());
    }
}
