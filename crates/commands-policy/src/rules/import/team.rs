//! `hallpass rules import team`: the tables of AWS TEAM.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallpass_host::facts::read_directory;
use hallpass_rule_import::team::{Release, TeamExport, import};
use hallpass_rule_import::{ExportRefused, SourceFile};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;

/// Import eligibility, approvers and settings of AWS TEAM
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import eligibility, approvers and settings of AWS TEAM (Temporary Elevated Access \
                  Management for IAM Identity Center)\n\nThe tables are those of its Amplify backend: \
                  `Eligibility-…`, `Approvers-…` and `Settings-…`. Each is a file that `aws dynamodb \
                  scan` printed, a data file of an export to S3 (`.json` or `.json.gz`), or the folder of \
                  such an export with its manifest.\n\nPrints row by row whether it moved, differs and \
                  why, or cannot be said. Exit 2 when a file is cut off or another table, 1 when rules \
                  cannot say some row (the others are written), 4 when the rule file is there already.",
    after_help = "Examples:
  aws dynamodb scan --table-name Eligibility-abcdefghij-main > eligibility.json
  hallpass rules import team --eligibility eligibility.json --approvers approvers.json \\
    --settings settings.json --to rules.toml"
)]
pub(crate) struct Args {
    /// The table of eligibility
    #[arg(long, value_name = "PATH")]
    eligibility: PathBuf,
    /// The table of approvers
    #[arg(long, value_name = "PATH")]
    approvers: PathBuf,
    /// The table of settings
    #[arg(long, value_name = "PATH")]
    settings: PathBuf,
    /// Organization file, to name what is gone
    #[arg(long, value_name = "ORGANIZATION")]
    facts: Option<PathBuf>,
    /// The rule file to write; never one that is there
    #[arg(long, value_name = "FILE", default_value = "rules.toml")]
    to: PathBuf,
    /// The tables are of a release before June 2024, in which approvers of an account stand in for those
    /// of its unit
    #[arg(long)]
    before_june_2024: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    super::refuse_existing(&args.to)?;
    let facts = args.facts.as_deref().map(read_directory).transpose()?;
    let [eligibility, approvers, settings] =
        [&args.eligibility, &args.approvers, &args.settings].map(|path| read(path));
    let release = if args.before_june_2024 {
        Release::BeforeJune2024
    } else {
        Release::Current
    };
    let imported = import(
        &eligibility?,
        &approvers?,
        &settings?,
        release,
        facts.as_ref(),
    );
    super::finish(&imported.map_err(refused)?, &args.to, args.output.format())
}

fn refused(why: ExportRefused) -> Failure {
    let failure = Failure::bad_input(why.to_string())
        .code("E_EXPORT")
        .within(Path::new(&why.file));
    match why.item {
        Some(item) => failure.at(format!("item {item}")),
        None => failure,
    }
}

/// The most files and bytes of an export that are read.
const FILES_MAX: usize = 4096;
const BYTES_MAX: u64 = 512 << 20;

/// A file, or the files of an export's folder.
///
/// # Errors
/// Exit 2 when there is no such thing, or too much of it.
fn read(path: &Path) -> Result<TeamExport, Failure> {
    let name = path.display().to_string();
    let unreadable = |error| Failure::unreadable(&name, &error);
    let mut room = BYTES_MAX;
    let mut files = Vec::new();
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        let mut found = Vec::new();
        below(path, &mut found)?;
        // an export has its data one folder down
        for folder in found
            .iter()
            .filter(|it| it.is_dir())
            .cloned()
            .collect::<Vec<_>>()
        {
            below(&folder, &mut found)?;
        }
        found.sort();
        for file in found.iter().filter(|it| it.is_file()) {
            let inner = file.strip_prefix(path).unwrap_or(file);
            files.push(bytes(file, inner.display().to_string(), &mut room)?);
        }
    } else {
        files.push(bytes(path, name.clone(), &mut room)?);
    }
    Ok(TeamExport { name, files })
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
        if found.len() > FILES_MAX {
            return Err(Failure::bad_input(format!(
                "`{}` holds more than {FILES_MAX} files, and is no export",
                folder.display()
            )));
        }
    }
    Ok(())
}

fn bytes(path: &Path, name: String, room: &mut u64) -> Result<SourceFile, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(*room + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::unreadable(path.display(), &error))?;
    let taken = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    *room = room.checked_sub(taken).ok_or_else(|| {
        let most = BYTES_MAX >> 20;
        Failure::bad_input(format!("`{}`: more than {most} MiB in all", path.display()))
    })?;
    Ok(SourceFile { name, bytes })
}
