mod check;
mod decide;
mod explain;
mod finding;
mod fmt;
mod import;
mod replay;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hallpass_channels::wording::lists;
use hallpass_rules::{Diagnostic, Loaded, RuleFile, SOURCE_BYTES_MAX, load};
use hallpass_terminal::exit::{Failure, Outcome};

/// Check, format and import rule files, explain and make decisions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass rules check rules.toml")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
    Decide(decide::Args),
    Fmt(fmt::Args),
    Import(import::Args),
    Replay(replay::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Decide(args) => decide::run(args),
        Command::Fmt(args) => fmt::run(args),
        Command::Import(args) => import::run(args),
        Command::Replay(args) => replay::run(args),
    }
}

/// A rule file's text, and its rules or errors.
struct Read {
    text: String,
    outcome: Result<Loaded, Vec<Diagnostic>>,
}

fn read(path: &Path) -> Result<Read, Failure> {
    let name = path.display().to_string();
    let unreadable = |error| Failure::unreadable(&name, &error);
    let mut bytes = Vec::new();
    // one byte over the limit, to refuse a longer file instead of truncating it
    let limit = SOURCE_BYTES_MAX as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let outcome = if bytes.len() > SOURCE_BYTES_MAX {
        load(&RuleFile::new(&name, &text))
    } else {
        RuleFile::from_bytes(&name, &bytes).and_then(|source| load(&source))
    };
    Ok(Read { text, outcome })
}

fn read_good(path: &Path) -> Result<Loaded, Failure> {
    let read = read(path)?;
    read.outcome.map_err(|errors| {
        for error in &errors {
            hallpass_terminal::output::say(&finding::shown(error, &read.text));
        }
        let path = path.display();
        Failure::bad_input(format!("`{path}` is not loaded: {}", errors_of(&errors)))
    })
}

fn errors_of(errors: &[Diagnostic]) -> String {
    lists::count(errors.len(), "error")
}
