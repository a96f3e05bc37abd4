use hallpass_base::Timestamp;
use hallpass_iam::BadInput;
use hallpass_iam::generate::Generated;
use hallpass_iam::generate::outage::{Calls, Exempt, Length, OutageSpec, Services, outage};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::generated::PolicyArgs;

/// Write the service control policy of a drill
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the service control policy of a drill\n\nIt denies the calls of the \
                  chosen services, in one region and one window of time, and ends automatically. \
                  Running work continues: DNS answers, instances, credentials already held.",
    after_help = "Examples:
  hallpass org outage generate --region us-east-1 --services iam,route53 \\
      --start 2026-03-02T10:00:00Z --end 2026-03-02T12:00:00Z \\
      --exempt-role 'arn:aws:iam::*:role/break-glass'
  hallpass org outage generate --region eu-west-1 --all-services --except sts \\
      --start 2026-03-02T10:00:00Z --end 2026-03-02T10:30:00Z --no-exempt"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags as typed; `make` turns each into an enum"
)]
pub(super) struct Args {
    /// The Region whose control planes fail
    #[arg(long, value_name = "REGION")]
    region: String,
    /// Service prefixes, separated by commas
    #[arg(long, value_name = "SERVICE")]
    #[arg(value_delimiter = ',', required_unless_present = "all_services")]
    #[arg(conflicts_with = "all_services")]
    services: Vec<String>,
    /// Every service
    #[arg(long)]
    all_services: bool,
    /// Services to keep, with --all-services
    #[arg(long, value_name = "SERVICE")]
    #[arg(value_delimiter = ',', requires = "all_services")]
    except: Vec<String>,
    /// Deny only calls that change data, permissions or tags
    #[arg(long)]
    writes_only: bool,
    /// Start (RFC 3339, with its zone)
    #[arg(long, value_name = "TIME")]
    start: String,
    /// Automatic end
    #[arg(long, value_name = "TIME")]
    end: String,
    /// Allow a window of more than 24 hours
    #[arg(long)]
    long: bool,
    /// An exempt role, by ARN; `*` matches any account
    #[arg(long, value_name = "ARN")]
    exempt_role: Vec<String>,
    /// Exempt no role, not even a break-glass role
    #[arg(long, conflicts_with = "exempt_role")]
    no_exempt: bool,
    #[command(flatten)]
    policy: PolicyArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    args.policy.finish(make(args))
}

fn make(args: &Args) -> Result<Generated, Failure> {
    let wish = OutageSpec {
        partition: args.policy.partition(),
        region: &args.region,
        services: if args.all_services {
            Services::AllBut(&args.except)
        } else {
            Services::Named(&args.services)
        },
        calls: if args.writes_only {
            Calls::Writes
        } else {
            Calls::Every
        },
        window: instant(&args.start, "--start")?..instant(&args.end, "--end")?,
        length: if args.long { Length::Long } else { Length::Day },
        exempt: if args.no_exempt {
            Exempt::Nobody
        } else {
            Exempt::Roles(&args.exempt_role)
        },
        lengths: args.policy.lengths(),
    };
    Ok(outage(&wish, hallpass_base::clock::now())?)
}

fn instant(text: &str, flag: &str) -> Result<Timestamp, BadInput> {
    text.parse().map_err(|_| {
        let message =
            format!("`{text}` is no time with its zone; write it as 2026-03-02T10:00:00Z");
        BadInput::new("E_TIME", message, flag)
    })
}
