//! `hallpass policy why`: the decision, its reason and what came nearest.

use super::eval::{EvalArgs, EvalCase};
use crate::exit::Outcome;
use crate::output::print;

/// Say why one request is allowed or denied
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass policy why --principal arn:aws:sts::111122223333:assumed-role/Dev/mara \\
    --action s3:GetObject --resource arn:aws:s3:::logs/today \\
    --identity-policy dev.json --scp-level FullAWSAccess.json --scp-level guardrails.json")]
pub(crate) struct Args {
    #[command(flatten)]
    question: EvalArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let asked: EvalCase = args.question.ask()?;
    let (explanation, request) = asked.explained();
    print(&format!("{}\n", explanation.words(request).join("\n")))?;
    Ok(asked.exit())
}
