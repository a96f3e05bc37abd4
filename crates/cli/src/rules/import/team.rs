use std::path::PathBuf;

use hallpass_app::host::runtime::runtime;
use hallpass_app::host::team_export::{read_export, refused};
use hallpass_app::host::team_tables::LiveTablesArgs;
use hallpass_app::setup::facts::FactsSource;
use hallpass_imports::team::{Release, TeamExport, TeamExports, import};
use hallpass_rules::NamedFacts;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;

/// Table name prefixes; some releases lack the last.
const TABLES: [&str; 4] = ["Eligibility", "Approvers", "Settings", "Policies"];
const NEEDED: &[&str] = &["Eligibility", "Approvers", "Settings"];

/// Import eligibility, approvers and settings of AWS TEAM
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import eligibility, approvers and settings of AWS TEAM\n\nThat is Temporary \
                  Elevated Access Management for IAM Identity Center. The tables are those of its \
                  Amplify backend: `Eligibility-…`, `Approvers-…`, `Settings-…` and, if present, \
                  `Policies-…`. Each is a file that `aws dynamodb scan` printed, or the folder of \
                  an export to S3 with its manifest: a single data file may be part of the table. \
                  With `--live` they are read from DynamoDB, with the rights \
                  `dynamodb:ListTables` and `dynamodb:Scan`.\n\nAWS TEAM uses ARNs of permission \
                  sets and rules use names: `--facts` maps them. `--facts live` reads accounts, \
                  permission sets, groups and users with the credentials of the environment, in \
                  the Region of `--region` or `AWS_REGION`, or by the configuration in \
                  `HALLPASS_CONFIG`.\n\nPrints for each row whether it moved, differs and why, or \
                  is not converted. Exit 2 when a file is truncated or another table, 1 when some \
                  row is not converted (the others are written), 4 when the rule file is there \
                  already.",
    after_help = "Examples:
  aws dynamodb scan --table-name Eligibility-abcdefghij-main > eligibility.json
  hallpass rules import team --eligibility eligibility.json --approvers approvers.json \\
    --settings settings.json --facts live --to rules.toml
  hallpass rules import team --live --facts live --region eu-west-1"
)]
pub(crate) struct Args {
    /// The table of eligibility
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "live",
        conflicts_with = "live"
    )]
    eligibility: Option<PathBuf>,
    /// The table of approvers
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "live",
        conflicts_with = "live"
    )]
    approvers: Option<PathBuf>,
    /// The table of settings
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "live",
        conflicts_with = "live"
    )]
    settings: Option<PathBuf>,
    /// The table of policies, if the release has one
    #[arg(long, value_name = "PATH", conflicts_with = "live")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    live: LiveTablesArgs,
    /// Organization file, or `live` for AWS, to report missing names and resolve permission sets by
    /// ARN
    #[arg(long, value_name = "ORGANIZATION")]
    facts: Option<FactsSource>,
    /// The rule file to write; must not exist
    #[arg(long, value_name = "FILE", default_value = "rules.toml")]
    to: PathBuf,
    /// The tables are from a release before June 2024, in which approvers of an account replace
    /// those of its unit, and the hours and approvals of one entry bind others
    #[arg(long)]
    before_june_2024: bool,
    #[command(flatten)]
    output: OutputArgs,
}

struct ReadTables {
    eligibility: TeamExport,
    approvers: TeamExport,
    settings: TeamExport,
    policies: Option<TeamExport>,
}

impl Args {
    async fn tables(&self) -> Result<ReadTables, Failure> {
        let Some(live) = self.live.found(NEEDED).await? else {
            let file = |path: &Option<PathBuf>| match path {
                Some(path) => read_export(path),
                None => Err(Failure::bad_input("give every table, or --live")),
            };
            return Ok(ReadTables {
                eligibility: file(&self.eligibility)?,
                approvers: file(&self.approvers)?,
                settings: file(&self.settings)?,
                policies: self.policies.as_deref().map(read_export).transpose()?,
            });
        };
        let [eligibility, approvers, settings, policies] = TABLES;
        Ok(ReadTables {
            eligibility: live.read(eligibility).await?,
            approvers: live.read(approvers).await?,
            settings: live.read(settings).await?,
            policies: if live.has(policies) {
                Some(live.read(policies).await?)
            } else {
                None
            },
        })
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    super::ensure_native(&args.to)?;
    let release = if args.before_june_2024 {
        Release::BeforeJune2024
    } else {
        Release::Current
    };
    let read = runtime()?.block_on(args.tables())?;
    let facts = args.facts.as_ref();
    let facts = facts.map(|source| source.read(NamedFacts::default(), args.live.region()));
    let facts = facts.transpose()?;
    if let Some(facts) = &facts {
        let why = "AWS TEAM uses the ARNs of permission sets";
        facts.ensure_stated("/identity_center/permission_sets", "arn", why)?;
    }
    let tables = TeamExports {
        eligibility: &read.eligibility,
        approvers: &read.approvers,
        settings: &read.settings,
        policies: read.policies.as_ref(),
    };
    let imported = import(&tables, release, facts.as_ref().map(|it| &it.directory));
    super::finish(
        &imported.map_err(|why| refused(&why))?,
        &args.to,
        args.output.format(),
    )
}
