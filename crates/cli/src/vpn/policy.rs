use clap::ValueEnum;
use hallpass_iam::generate::Generated;
use hallpass_iam::generate::vpn_policy::{VpnForm, VpnSpec, vpn_policy};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::generated::PolicyArgs;

/// Write a policy that makes AWS reachable only through the VPN
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a policy that makes AWS reachable only through the VPN\n\nIt denies every \
                  call that comes from other addresses, unless a service forwards it. Roles are \
                  exempt one by one and exactly: a user who may create a role chooses its name \
                  and path.",
    after_help = "Examples:
  hallpass policy vpn policy --form scp --nat-ip 3.120.10.5 --vpc vpc-0a1b2c3d4e5f60718 \\
      --exempt-role arn:aws:iam::111111111111:role/BreakGlass
  hallpass policy vpn policy --form iam --nat-ip 3.120.10.5 --nat-ip 2a05:d014::/56"
)]
pub(super) struct Args {
    /// Attachment type
    #[arg(long, value_enum, value_name = "FORM")]
    form: VpnPolicyForm,
    /// Public address or range of the VPN's outgoing traffic
    #[arg(long, value_name = "IP", required = true, num_args = 1..)]
    nat_ip: Vec<String>,
    /// VPC whose endpoints are also allowed
    #[arg(long, value_name = "VPC", num_args = 1..)]
    vpc: Vec<String>,
    /// Role exempt from the policy, by its exact ARN
    #[arg(long, value_name = "ARN", num_args = 1..)]
    exempt_role: Vec<String>,
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum VpnPolicyForm {
    /// Users, groups, roles, permission sets
    Iam,
    /// Organization, OUs, accounts
    Scp,
}

pub(super) fn run(args: &Args) -> Outcome {
    args.policy.finish(make(args))
}

fn make(args: &Args) -> Result<Generated, Failure> {
    let wish = VpnSpec {
        form: match args.form {
            VpnPolicyForm::Iam => VpnForm::Iam,
            VpnPolicyForm::Scp => VpnForm::Scp,
        },
        nat_ips: &args.nat_ip,
        vpcs: &args.vpc,
        exempt_roles: &args.exempt_role,
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    };
    Ok(vpn_policy(&wish)?)
}
