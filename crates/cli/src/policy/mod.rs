mod data;
mod diff;
mod eval;
mod files;
mod lint;
mod shrink;
mod simulate;
mod size;
mod test;
mod why;

use hallpass_terminal::exit::Outcome;

use super::{abac, delegation, perimeter, vpn};

/// Evaluate, check, test and generate IAM policies
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy simulate --cases cases.jsonl --expect
  hallpass policy why --principal arn:aws:iam::111122223333:user/mara \\
    --action s3:GetObject --resource arn:aws:s3:::logs/today --identity-policy mara.json
  hallpass policy lint policies/ --fail-on warning")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Data(data::Args),
    Diff(diff::Args),
    Eval(eval::Args),
    Lint(lint::Args),
    Shrink(shrink::Args),
    Simulate(simulate::Args),
    Test(test::Args),
    Size(size::Args),
    Why(why::Args),
    Perimeter(perimeter::Args),
    Vpn(vpn::Args),
    Abac(abac::Args),
    Delegation(delegation::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Data(args) => data::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Shrink(args) => shrink::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Test(args) => test::run(args),
        Command::Size(args) => size::run(args),
        Command::Why(args) => why::run(args),
        Command::Perimeter(args) => perimeter::run(args),
        Command::Vpn(args) => vpn::run(args),
        Command::Abac(args) => abac::run(args),
        Command::Delegation(args) => delegation::run(args),
    }
}
