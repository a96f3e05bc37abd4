use std::collections::BTreeSet;

use hallpass_app::host::denial_details::denial_details;
use hallpass_client::client::block_on;
use hallpass_iam::denial::DenialEvaluation;
use hallpass_iam::{Explanation, Reason, facts};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{one, plain};

use super::eval::{EvalArgs, ShownArgs, WHOLE_QUESTION};

/// Explain why one request is allowed or denied
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy why --principal arn:aws:sts::111122223333:assumed-role/Dev/mara \\
    --action s3:GetObject --resource arn:aws:s3:::logs/today \\
    --identity-policy dev.json --scp-level FullAWSAccess.json --scp-level guardrails.json
  hallpass policy why --authorization-id 0example1a2b3c4d5e6f")]
pub(crate) struct Args {
    #[command(flatten)]
    question: EvalArgs,
    /// The authorization id at the end of AWS's message: AWS returns the reason, with your
    /// credentials
    #[arg(long, value_name = "ID", group = WHOLE_QUESTION)]
    #[arg(conflicts_with_all = ["principal", "action", "resource"])]
    authorization_id: Option<String>,
    /// The Region of the denied call, for `--authorization-id` [default: the environment's, else
    /// us-east-1]
    #[arg(long, value_name = "REGION", requires = "authorization_id")]
    region: Option<String>,
    #[command(flatten)]
    shown: ShownArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(id) = &args.authorization_id {
        return by_id(id, args);
    }
    let asked = args.question.ask()?;
    asked.answer(args.shown.output, |explanation, request| {
        let mut lines = explanation.words(request);
        lines.extend(absent_keys(explanation));
        lines.extend(meant(request.action_as_written()));
        lines.join("\n") + "\n"
    })
}

fn by_id(id: &str, args: &Args) -> Outcome {
    let details = block_on(denial_details(id, args.region.as_ref()))?;
    one(
        args.shown.output,
        &details,
        &["authorization_id", "region"],
        || {
            let lines = details.words();
            let lines = lines.iter().map(|it| plain(it) + "\n");
            lines.collect()
        },
    )?;
    Ok(
        if details.evaluations.iter().any(DenialEvaluation::is_denied) {
            Exit::Failed
        } else {
            Exit::Ok
        },
    )
}

/// Returns condition keys missing in the request, often an omission in the case.
fn absent_keys(explanation: &Explanation) -> Option<String> {
    let conditions = explanation.statements.iter().flat_map(|it| &it.conditions);
    let absent: BTreeSet<String> = conditions
        .filter(|condition| {
            matches!(
                condition.reason,
                Reason::KeyAbsent | Reason::KeyAbsentNegated | Reason::IfExistsAbsent
            )
        })
        .map(|condition| format!("`{}`", condition.key))
        .collect();
    let keys: Vec<String> = absent.into_iter().collect();
    (!keys.is_empty()).then(|| {
        format!(
            "the request has no {}; `--context KEY=VALUE` gives it one",
            keys.join(", ")
        )
    })
}

fn meant(action: &str) -> Option<String> {
    if facts::action(action).is_some() {
        return None;
    }
    let meant = facts::nearest_action(action)?;
    let (service, name) = (meant.service, meant.name);
    Some(format!(
        "there is no action `{action}` that is known; did you mean `{service}:{name}`?"
    ))
}
