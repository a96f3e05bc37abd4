use clap::ValueEnum;
use hallpass_iam::generate::delegation::{
    DelegationGuard, DelegationSpec, GeneratedDelegation, Model, Tag, generate, guard,
};
use hallpass_iam::generate::{Generated, checked};
use hallpass_iam::{BadInput, PolicyType};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::generated::PolicyArgs;

/// Write the policy of a user who only assigns permission sets
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the policy of a user who only assigns permission sets\n\nIt never allows \
                  to edit permission sets or attributes, and never reaches every account. With \
                  --guard-for it writes the service control policy that keeps editing with the \
                  identity team instead.",
    after_help = "Examples:
  hallpass policy delegation generate --model permission-set --instance ssoins-1111111111111111 \\
      --account 222233334444 --permission-set ps-1111111111111111 --with-read
  hallpass policy delegation generate --model tags --instance ssoins-1111111111111111 \\
      --account 222233334444 --tag Environment=Development --tag OU=Test
  hallpass policy delegation generate --guard-for arn:aws:iam::111122223333:role/IdentityTeam"
)]
pub(super) struct Args {
    /// Limits of the delegate
    #[arg(
        long,
        value_enum,
        value_name = "MODEL",
        required_unless_present = "guard_for"
    )]
    model: Option<ModelArg>,
    /// The Identity Center instance
    #[arg(long, value_name = "ID", required_unless_present = "guard_for")]
    instance: Option<String>,
    /// Account in which permission sets may be assigned
    #[arg(long, value_name = "ID", num_args = 1..)]
    account: Vec<String>,
    /// Permission set that may be assigned
    #[arg(long, value_name = "ID", num_args = 1..)]
    permission_set: Vec<String>,
    /// Tag that permission sets must have
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    tag: Vec<String>,
    /// Also allow reading assignments, permission sets, users and groups
    #[arg(long)]
    with_read: bool,
    /// Also allow provisioning permission sets to accounts again
    #[arg(long)]
    with_provision: bool,
    /// The management account, which is never delegated
    #[arg(long, value_name = "ID")]
    management_account: Option<String>,
    /// Write the guard instead: only these roles edit permission sets
    #[arg(long, value_name = "ARN", num_args = 1.., conflicts_with_all = ["model", "instance", "account",
        "permission_set", "tag", "with_read", "with_provision", "management_account"])]
    guard_for: Vec<String>,
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelArg {
    /// The accounts, and the permission sets if any are named
    Accounts,
    /// Named permission sets in named accounts
    PermissionSet,
    /// Permission sets with tags, in named accounts
    Tags,
}

pub(super) fn run(args: &Args) -> Outcome {
    args.policy.finish(make(args))
}

fn make(args: &Args) -> Result<Generated, Failure> {
    let (made, kind) = match (args.model, &args.instance) {
        (Some(model), Some(instance)) => (delegate(args, model, instance)?, PolicyType::Identity),
        (None, _) | (_, None) => (keep(args)?, PolicyType::Scp),
    };
    Ok(Generated {
        policy: checked(made.draft, kind)?,
        warnings: made.warnings,
    })
}

fn delegate(args: &Args, model: ModelArg, instance: &str) -> Result<GeneratedDelegation, BadInput> {
    let tags = args.tag.iter().map(|it| it.parse());
    let tags: Result<Vec<Tag>, BadInput> = tags.collect();
    generate(&DelegationSpec {
        model: match model {
            ModelArg::Accounts => Model::Accounts,
            ModelArg::PermissionSet => Model::PermissionSet,
            ModelArg::Tags => Model::Tags,
        },
        instance: instance.to_owned(),
        accounts: args.account.clone(),
        permission_sets: args.permission_set.clone(),
        tags: tags?,
        with_read: args.with_read,
        with_provision: args.with_provision,
        management_account: args.management_account.clone(),
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    })
}

fn keep(args: &Args) -> Result<GeneratedDelegation, BadInput> {
    guard(&DelegationGuard {
        roles: args.guard_for.clone(),
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    })
}
