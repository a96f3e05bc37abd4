//! What imports of files that people write or export have in common: the files, and what their ids are called
//! at AWS.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallpass_imports::{ImportRefused, Imported, Names, SourceFile};
use hallpass_rules::NamedFacts;
use hallpass_setup::facts::{FactsSource, OrganizationFacts};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;

use super::super::finding;

/// The longest file that is read.
const BYTES_MAX: u64 = 256 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct NamedArgs {
    /// The files, all of them together
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// File of names: what the ids of the other tool are called at AWS
    #[arg(long, value_name = "FILE")]
    pub(super) names: Option<PathBuf>,
    /// Organization file, or `live` for the organization as AWS has it, for the names of permission sets and what else is looked up
    #[arg(long, value_name = "ORGANIZATION")]
    pub(super) facts: Option<FactsSource>,
    /// The rule file to write; never one that is there
    #[arg(long, value_name = "FILE", default_value = "rules.toml")]
    pub(super) to: PathBuf,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Imports the files, and tells what became of what.
///
/// # Errors
/// When a file cannot be read, is not whole, or is there already.
pub(super) fn run(
    args: &NamedArgs,
    import: impl FnOnce(
        &[SourceFile],
        &Names,
        Option<&OrganizationFacts>,
    ) -> Result<Result<Imported, ImportRefused>, Failure>,
) -> Outcome {
    super::ensure_native(&args.to)?;
    let names = args.names.as_deref().map(source).transpose()?;
    let files = args.files.iter().map(|path| source(path));
    let files: Vec<SourceFile> = files.collect::<Result<_, _>>()?;
    let all = || files.iter().chain(&names);
    let known = match &names {
        Some(file) => Names::read(file).map_err(|why| refused(&why, all()))?,
        None => Names::default(),
    };
    // last: reading AWS takes longer than finding out that a file is not there
    let facts = args.facts.as_ref();
    let facts = facts.map(|source| source.read(NamedFacts::default(), None));
    let imported = import(&files, &known, facts.transpose()?.as_ref())?;
    let imported = imported.map_err(|why| refused(&why, all()))?;
    super::finish(&imported, &args.to, args.output.format())
}

fn source(path: &Path) -> Result<SourceFile, Failure> {
    let unreadable = |error| Failure::unreadable(path.display(), &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(SourceFile {
        name: path.display().to_string(),
        bytes,
    })
}

fn refused<'a>(why: &ImportRefused, files: impl Iterator<Item = &'a SourceFile>) -> Failure {
    let files: Vec<&SourceFile> = files.collect();
    let failure = Failure::bad_input("nothing is imported");
    why.0.iter().fold(failure, |failure, problem| {
        let file = files.iter().find(|file| file.name == problem.file);
        let text = file.map_or_else(Default::default, |it| String::from_utf8_lossy(&it.bytes));
        finding::detailed(failure, problem, &text)
    })
}
