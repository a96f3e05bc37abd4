//! `hallpass org enroll`: brings existing accounts under Control Tower (`organization.md` §7).

mod render;
mod run;

use std::path::PathBuf;

use clap::ValueEnum;
use hallpass_app::chores::plans::{self, PlanArgs, chore};
use hallpass_app::host::runtime::runtime;
use hallpass_base::AccountId;
use hallpass_org::enrolment::{EnrolmentBackend, EnrolmentRequest, FactoryUser, RoleCreation};
use hallpass_terminal::exit::Outcome;

use self::run::{ConfigChore, EnrolmentChore, check_only};

/// Check existing accounts, and enrol them in Control Tower
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check existing accounts, and enrol them in Control Tower\n\nRuns with \
                  credentials of the management account in the landing zone's home Region. Every \
                  account is checked; accounts that fail a check are left out, the others are \
                  enrolled with --apply: by moving them, where the landing zone enrols moved \
                  accounts, else by setting the baseline of the unit again, else through Account \
                  Factory. The table shows the policies and controls that each account gains and \
                  loses. Run again, the command continues after a stop. Exit 1 where an account \
                  is not enrolled.",
    after_help = "Examples:
  hallpass org enroll --ou-from Legacy --to Workloads --check-only
  hallpass org enroll --ou-from Legacy --to Workloads --fix config --apply
  hallpass org enroll --ou-from Legacy --to Workloads --create-role account --apply
  hallpass org enroll --ou-from Legacy --to Workloads --create-role ou
  hallpass org enroll --account 666666666666 --to 'Team (ou-ab12-team0001)' --via account-factory"
)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Target unit: its name, id, `Name (id)` or path
    #[arg(long, value_name = "OU")]
    to: String,
    /// Enrolment method
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto")]
    via: Via,
    /// How to create the role `AWSControlTowerExecution` in accounts that lack it
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none")]
    create_role: CreateRole,
    /// Remove blockers without enrolling; `org plan undo` restores them
    #[arg(long, value_enum, value_name = "WHAT")]
    fix: Option<Fix>,
    /// Accounts that may keep Config, as AWS Support allowed
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    allow_config: Vec<AccountId>,
    /// Enrol none if a check blocks one
    #[arg(long)]
    all_or_nothing: bool,
    /// First name of the user that gets access from Account Factory
    #[arg(long, value_name = "NAME", default_value = "Admin")]
    first_name: String,
    /// Last name of that user; the address is the account's
    #[arg(long, value_name = "NAME", default_value = "User")]
    last_name: String,
    #[command(flatten)]
    checking: CheckingArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Selected accounts.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct SourceArgs {
    /// A unit to take accounts from: its name, id, `Name (id)` or path
    #[arg(long, value_name = "OU")]
    ou_from: Vec<String>,
    /// Include accounts of the units below it
    #[arg(long, requires = "ou_from")]
    recursive: bool,
    /// An account
    #[arg(long, value_name = "ID")]
    account: Vec<AccountId>,
    /// The address of an account
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
}

/// Check options.
#[derive(Debug, clap::Args)]
struct CheckingArgs {
    /// Only check
    #[arg(long, conflicts_with_all = ["apply", "fix"])]
    check_only: bool,
    /// With --check-only, also count warnings and unreadable checks
    #[arg(long, requires = "check_only")]
    strict: bool,
    /// Also write the checks as a `JUnit` suite
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Enrolment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Via {
    /// The first possible method
    Auto,
    /// Move accounts; Control Tower does the rest
    Move,
    /// Move accounts, then reapply the unit's baseline and controls
    Baseline,
    /// One Service Catalog product per account
    AccountFactory,
}

/// Where to create the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CreateRole {
    /// Nowhere
    None,
    /// In each account that lacks it, by an existing role
    Account,
    /// In each account that lacks it, by a stack set: needs no existing role
    Ou,
}

/// Resources to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fix {
    /// Recorders and delivery channels of Config
    Config,
}

impl Args {
    fn wish(&self) -> EnrolmentRequest {
        EnrolmentRequest {
            units: self.source.ou_from.clone(),
            recursive: self.source.recursive,
            accounts: self.source.account.clone(),
            emails: self.source.email.clone(),
            to: self.to.clone(),
            via: match self.via {
                Via::Auto => None,
                Via::Move => Some(EnrolmentBackend::Move),
                Via::Baseline => Some(EnrolmentBackend::Baseline),
                Via::AccountFactory => Some(EnrolmentBackend::AccountFactory),
            },
            create_role: match self.create_role {
                CreateRole::None => RoleCreation::None,
                CreateRole::Account => RoleCreation::Account,
                CreateRole::Ou => RoleCreation::Ou,
            },
            allow_config: self.allow_config.iter().cloned().collect(),
            all_or_nothing: self.all_or_nothing,
            user: FactoryUser {
                first_name: self.first_name.clone(),
                last_name: self.last_name.clone(),
            },
        }
    }
}

/// # Errors
/// Exit 2 for invalid units and accounts, 4 for a refused change.
pub(super) fn run(args: &Args) -> Outcome {
    let wish = EnrolmentChore {
        args,
        wish: args.wish(),
    };
    if args.checking.check_only {
        let loaded = args.plan.load()?;
        return runtime()?.block_on(async {
            let context = plans::open(&loaded).await?;
            check_only(&context, &wish).await
        });
    }
    match args.fix {
        Some(Fix::Config) => chore::run(&ConfigChore(wish), &args.plan),
        None => chore::run(&wish, &args.plan),
    }
}
