use clap::ValueEnum;
use hallpass_iam::generate::Generated;
use hallpass_iam::generate::perimeter::{
    Attachment, Bounds, Missing, Objects, PerimeterScope, PerimeterSpec, Services, Side, perimeter,
};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::generated::PolicyArgs;

/// Write one side of a boundary as a policy
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write one side of a boundary as a policy\n\nSide `resource`: your people reach \
                  resources of yours only. Side `identity`: your resources are reached by your \
                  people only. Side `network`: from your networks only; its ids are addresses, \
                  ranges and VPCs, and it has no scope.",
    after_help = "Examples:
  hallpass policy perimeter generate --side resource --scope ou --as scp --actions 's3:*' \\
      --id o-ab12cd34ef/r-ab12/ou-ab12-cdef3456/
  hallpass policy perimeter generate --side identity --scope org --id o-ab12cd34ef --as rcp
  hallpass policy perimeter generate --side network --as scp \\
      --id 3.120.10.0/24 --id vpc-0a1b2c3d4e5f60718"
)]
pub(super) struct Args {
    /// Side of the boundary
    #[arg(long, value_enum, value_name = "SIDE")]
    side: SideArg,
    /// Type of the ids: accounts, OU paths or organizations
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Option<ScopeArg>,
    /// Account, path (`o-…/r-…/ou-…/`, with a final `*` for all below), organization; on the
    /// network side an address, a range or a VPC
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,
    /// The kind of policy
    #[arg(long = "as", value_enum, value_name = "KIND")]
    attachment: AttachmentArg,
    /// Actions bound by the boundary
    #[arg(long, value_name = "ACTION", num_args = 1.., default_value = "s3:*")]
    actions: Vec<String>,
    /// Exempt role, by ARN; `*` matches any account
    #[arg(long, value_name = "ARN", num_args = 1..)]
    exempt_role: Vec<String>,
    /// Account that counts as inside
    #[arg(long, value_name = "ID", num_args = 1..)]
    exempt_account: Vec<String>,
    /// Effect on calls that do not name the owner of the other end
    #[arg(long, value_enum, value_name = "EFFECT", default_value = "deny")]
    when_missing: MissingArg,
    /// Bind AWS services as well
    #[arg(long)]
    no_service_exempt: bool,
    /// Use the caller's own account or organization instead of ids
    #[arg(long, conflicts_with = "id")]
    dynamic: bool,
    /// Only objects of buckets; listing, creating and managing buckets stays open
    #[arg(long)]
    objects_only: bool,
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArg {
    /// Trusted resources
    Resource,
    /// Trusted identities
    Identity,
    /// Expected networks
    Network,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeArg {
    /// Accounts
    Account,
    /// Organizational units, by path
    Ou,
    /// Organizations
    Org,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AttachmentArg {
    /// Service control policy
    Scp,
    /// Resource control policy
    Rcp,
    /// Policy of a user, group, role or permission set
    Identity,
    /// Policy of a resource or VPC endpoint
    ResourcePolicy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MissingArg {
    /// Deny them
    Deny,
    /// Allow them
    Allow,
}

pub(super) fn run(args: &Args) -> Outcome {
    args.policy.finish(make(args))
}

fn make(args: &Args) -> Result<Generated, Failure> {
    let wish = PerimeterSpec {
        side: match args.side {
            SideArg::Resource => Side::Resource,
            SideArg::Identity => Side::Identity,
            SideArg::Network => Side::Network,
        },
        scope: args.scope.map(|scope| match scope {
            ScopeArg::Account => PerimeterScope::Account,
            ScopeArg::Ou => PerimeterScope::Unit,
            ScopeArg::Org => PerimeterScope::Organization,
        }),
        bounds: if args.dynamic {
            Bounds::OfTheCaller
        } else {
            Bounds::Ids(&args.id)
        },
        attachment: match args.attachment {
            AttachmentArg::Scp => Attachment::Scp,
            AttachmentArg::Rcp => Attachment::Rcp,
            AttachmentArg::Identity => Attachment::Identity,
            AttachmentArg::ResourcePolicy => Attachment::ResourcePolicy,
        },
        actions: &args.actions,
        objects: if args.objects_only {
            Objects::Only
        } else {
            Objects::AndTheRest
        },
        exempt_roles: &args.exempt_role,
        exempt_accounts: &args.exempt_account,
        missing: match args.when_missing {
            MissingArg::Deny => Missing::Deny,
            MissingArg::Allow => Missing::Allow,
        },
        services: if args.no_service_exempt {
            Services::Held
        } else {
            Services::Exempt
        },
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    };
    Ok(perimeter(&wish)?)
}
