//! `hallpass rules import team`: the tables of AWS TEAM.

use std::path::PathBuf;

use hallpass_host::facts::read_directory;
use hallpass_host::team_export::{read_export, refused};
use hallpass_imports::team::{Release, TeamExports, import};
use hallpass_terminal::exit::Outcome;
use hallpass_terminal::output::OutputArgs;

/// Import eligibility, approvers and settings of AWS TEAM
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import eligibility, approvers and settings of AWS TEAM\n\nThat is Temporary Elevated \
                  Access Management for IAM Identity Center. The tables are those of its Amplify backend: \
                  `Eligibility-…`, `Approvers-…`, `Settings-…` and, where there is one, `Policies-…`. Each is a file that `aws dynamodb \
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
    /// The table of policies, where the release has one
    #[arg(long, value_name = "PATH")]
    policies: Option<PathBuf>,
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
        [&args.eligibility, &args.approvers, &args.settings].map(|path| read_export(path));
    let release = if args.before_june_2024 {
        Release::BeforeJune2024
    } else {
        Release::Current
    };
    let policies = args.policies.as_deref().map(read_export).transpose()?;
    let tables = TeamExports {
        eligibility: &eligibility?,
        approvers: &approvers?,
        settings: &settings?,
        policies: policies.as_ref(),
    };
    let imported = import(&tables, release, facts.as_ref());
    super::finish(
        &imported.map_err(|why| refused(&why))?,
        "rules.toml",
        &args.to,
        args.output.format(),
    )
}
