//! `hallpass server store`: the server's database.

use std::path::PathBuf;

use hallpass_host::runtime::runtime;
use hallpass_setup::opening::{ConfigArgs, open_store};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Look after the server's database
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server store check
  hallpass server store backup backup.db
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
            let path = config.load()?.sqlite()?;
            let version = runtime.block_on(async {
                let store = open_store(path.clone()).await?;
                store
                    .schema_version()
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            output::say(&format!(
                "`{}` has schema version {version}",
                path.display()
            ));
            Ok(Exit::Ok)
        }
        Command::Check { config } => check(&runtime, &existing(config)?),
        Command::Backup { to, config } => {
            let path = existing(config)?;
            runtime.block_on(async {
                let store = open_store(path).await?;
                store
                    .backup(to)
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            output::say(&format!("copied to `{}`", to.display()));
            Ok(Exit::Ok)
        }
        Command::Restore { from, config } => {
            let to = config.load()?.sqlite()?;
            if to.exists() {
                return Err(Failure::refused(format!("`{}` exists", to.display()))
                    .help("stop the server and move the file away first"));
            }
            // opening one that is not there would make an empty database, here and there
            if !from.exists() {
                let text = format!("there is no backup `{}`", from.display());
                return Err(Failure::bad_input(text)
                    .help("name the file that `hallpass server store backup` made"));
            }
            runtime.block_on(async {
                let backup = open_store(from.clone()).await?;
                backup
                    .backup(&to)
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            output::say(&format!("`{}` is in place", to.display()));
            check(&runtime, &to)
        }
    }
}

/// The configured database, which must be there: looking must not make one.
pub fn existing(config: &ConfigArgs) -> Result<PathBuf, Failure> {
    let path = config.load()?.sqlite()?;
    if path.exists() {
        Ok(path)
    } else {
        Err(
            Failure::failed(format!("there is no database `{}`", path.display()))
                .help("`store.url` in the configuration names it; `hallpass serve` makes it"),
        )
    }
}

fn check(runtime: &tokio::runtime::Runtime, path: &std::path::Path) -> Outcome {
    let found = runtime.block_on(async {
        let store = open_store(path.to_path_buf()).await?;
        store
            .check()
            .await
            .map_err(|error| Failure::failed(error.to_string()))
    })?;
    if found.problems.is_empty() {
        output::say(&format!("`{}` is sound", path.display()));
        return Ok(Exit::Ok);
    }
    let mut failure = Failure::failed(format!(
        "`{}` has {} problems",
        path.display(),
        found.problems.len()
    ));
    for problem in &found.problems {
        failure = failure.detail(problem.clone());
    }
    Err(failure.help("restore a backup: `hallpass server store restore`"))
}
