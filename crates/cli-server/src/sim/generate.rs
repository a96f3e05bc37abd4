use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::sizes::SizeArgs;

/// Print a generated organization file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass sim generate --accounts 500 --users 2000 --seed 7 \
                  > organization.json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    sizes: SizeArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let file = args.sizes.generate();
    let text = serde_json::to_string_pretty(&file).map_err(Failure::bug)?;
    output::print(&(text + "\n"))?;
    Ok(Exit::Ok)
}
