use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use hallpass_channels::wording::lists;
use hallpass_iam::perimeter::{AttachedPolicy, GuardrailSlot};
use hallpass_iam::simulate_changed;
use hallpass_terminal::exit::{Exit, Failure, Outcome};

use crate::cases::{Input, answer_all};
use crate::reading::Reading;

/// Evaluate cases as if a policy were attached
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Evaluate cases as if a policy were attached\n\nCases are lines as for `hallpass \
                  policy simulate`: the caller, the call, its context and other policies. The \
                  policy is put into each of them: as an SCP or RCP at the level of the account, \
                  as one more policy of the principal, or into the policy of the resource. With \
                  --expect each decision is compared with the case's `expected`.",
    after_help = "Examples:
  hallpass policy perimeter check boundary.json --as scp --cases table.jsonl --expect
  hallpass policy perimeter generate --side identity --scope org --id o-ab12cd34ef --as rcp |
      hallpass policy perimeter check - --as rcp --cases table.jsonl --explain"
)]
pub(super) struct Args {
    /// The policy; `-` for standard input
    policy: PathBuf,
    /// Policy type
    #[arg(long = "as", value_enum, value_name = "KIND", default_value = "scp")]
    place: PlaceArg,
    /// The cases, one JSON object per line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// Exit 1 if a decision differs from the case's `expected`
    #[arg(long)]
    expect: bool,
    /// Print the deciding statements, and how every other relates to the request
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlaceArg {
    /// Service control policy
    Scp,
    /// Resource control policy
    Rcp,
    /// Policy of the principal
    Identity,
    /// Policy of the resource
    ResourcePolicy,
}

impl From<PlaceArg> for GuardrailSlot {
    fn from(place: PlaceArg) -> Self {
        match place {
            PlaceArg::Scp => Self::Scp,
            PlaceArg::Rcp => Self::Rcp,
            PlaceArg::Identity => Self::Identity,
            PlaceArg::ResourcePolicy => Self::ResourcePolicy,
        }
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let stdin = PathBuf::from("-");
    if args.policy == stdin && args.cases == stdin {
        let message = "only one of the policy and the cases can be standard input";
        return Err(Failure::bad_input(message).code("E_ARG").at("--cases"));
    }
    let attached = attached(args)?;
    let options = args.reading.options(args.explain)?;
    let input = Input::open(&args.cases)?;
    let judge =
        |line: &str, number| simulate_changed(line, number, &options, |case| attached.put(case));
    let totals = answer_all(input, &mut io::stdout().lock(), 1, args.expect, &judge)?;
    if args.expect && totals.exit() == Exit::Ok {
        let cases = lists::count(usize::try_from(totals.cases).unwrap_or(0), "case");
        hallpass_terminal::output::say(&format!("{cases} decided as expected"));
    }
    Ok(totals.exit())
}

fn attached(args: &Args) -> Result<AttachedPolicy, Failure> {
    let name = super::name_of(&args.policy);
    let text = super::read(&args.policy)?;
    AttachedPolicy::new(&text, &name, args.place.into())
        .map_err(|error| super::refused(&name, &error))
}
