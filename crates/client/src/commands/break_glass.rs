use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::ids::request_id;
use crate::request_press::print;
use crate::tables;
use hallpass_api::{BreakGlass, Request};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::dialogs;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::prompt::{Consent, YesArgs, confirm_act};

/// The shortest justification (`access.md` §17).
const CHARACTERS_MIN: usize = 20;
const LONGEST: TimeSpan = TimeSpan::hours(1);

/// Activate your requested access immediately, in an emergency
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Activate your requested access immediately, in an emergency\n\nOnly where a rule lists you \
                  for it, and for an hour at most. All approvers and administrators are notified immediately, and \
                  another person closes a review afterwards. \
                  Asks for confirmation first. Without a terminal it needs \
                  `--yes`.",
    after_help = "Example:\n  hallpass break-glass req_01934a5b6c7d7e8f90123456789abcde \\\n      \
                  --justification 'customers cannot pay and no one answers'"
)]
pub struct Args {
    /// The pending request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: String,
    /// Why it cannot wait, 20 characters or more; this is recorded and sent to all notified people
    #[arg(long, value_name = "TEXT")]
    justification: String,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let characters = args.justification.trim().chars().count();
    if characters < CHARACTERS_MIN {
        return Err(Failure::bad_input(format!(
            "a justification has {CHARACTERS_MIN} characters or more; this has {characters}"
        )));
    }
    let client = args.api.client()?;
    block_on(async {
        let id = args.id.as_str();
        if args.yes.consent() == Consent::Ask {
            let request: Request = client.get(&["requests", id], &[]).await?;
            let act = "breaking the glass needs confirmation";
            confirm_act(act, &question(&request), Consent::Ask)?;
        }
        let body = BreakGlass {
            justification: args.justification.clone(),
        };
        let path = ["requests", id, "break-glass"];
        let request: Request = client.post(&path, &body).await?;
        print(&args.api, &request)
    })
}

fn question(request: &Request) -> String {
    let duration = TimeSpan::seconds(request.duration_seconds).min(LONGEST);
    let warnings = request.warnings.iter();
    let warnings = warnings.map(|it| format!("Warning: {}\n", output::plain(&it.text)));
    format!(
        "{}, {duration}.\n{}{}\n{}",
        output::plain(&tables::asked_for(request)),
        warnings.collect::<String>(),
        dialogs::BREAK_GLASS_IS_TOLD,
        dialogs::break_glass_for(duration),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_question_says_who_is_told() {
        let mut request: Request = serde_json::from_value(json!({
            "id": "req_01934a5b6c7d7e8f90123456789abcde", "state": "pending",
            "requester": "mara@acme.example", "requester_name": "Mara",
            "account_name": "payments-prod", "permission_set": "DatabaseOperator",
            "duration_seconds": 14400, "reason": "disk full",
            "created_at": "2026-03-06T14:00:00Z", "decision": "RequiresApproval",
            "approvers": ["a@acme.example", "b@acme.example"], "approvals_needed": 1,
            "reviews": [], "because": [], "version": 1
        }))
        .unwrap();
        assert_eq!(
            question(&request),
            "payments-prod / DatabaseOperator, 1h.\nAll its approvers and all admins are notified now. Another \
             person must close a review afterwards.\nBreak glass for 1h?"
        );
        // approvers who can still approve: all are notified
        request.approvers.clear();
        request.duration_seconds = 600;
        assert!(
            question(&request).contains("\nAll its approvers and all admins are notified now.")
        );
        assert!(question(&request).ends_with("Break glass for 10m?"));
    }
}
