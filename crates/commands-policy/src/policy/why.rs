//! `hallpass policy why`: the decision, its reason and what came nearest.

use std::collections::BTreeSet;

use hallpass_iam::{Explanation, Reason, facts};
use hallpass_terminal::exit::Outcome;
use hallpass_terminal::output::one;

use super::eval::{EvalArgs, EvalCase, ShownArgs};

/// Say why one request is allowed or denied
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass policy why --principal arn:aws:sts::111122223333:assumed-role/Dev/mara \\
    --action s3:GetObject --resource arn:aws:s3:::logs/today \\
    --identity-policy dev.json --scp-level FullAWSAccess.json --scp-level guardrails.json")]
pub(crate) struct Args {
    #[command(flatten)]
    question: EvalArgs,
    #[command(flatten)]
    shown: ShownArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let asked = args.question.ask();
    let asked: EvalCase = asked?;
    let (explanation, request) = asked.explained();
    one(
        args.shown.output,
        &explanation,
        &["decision", "core"],
        || {
            let mut lines = explanation.words(request);
            lines.extend(absent_keys(&explanation));
            lines.extend(meant(request.action_as_written()));
            lines.join("\n") + "\n"
        },
    )?;
    Ok(asked.exit())
}

/// Keys that conditions ask for and the request does not have: often they were only left out of the
/// question.
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

/// The action that was probably meant by one that there is not.
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
