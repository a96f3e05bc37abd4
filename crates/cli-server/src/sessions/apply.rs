use std::path::PathBuf;

use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::plans::chore::{self, ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::chore_failed;
use hallpass_base::TimeSpan;
use hallpass_iam::BadInput;
use hallpass_iam::generate::sessions::Revocations;
use hallpass_iam::residual::instant;
use hallpass_org::sessions::{ApplyRevocation, Ends, POLICY_NAME, plan_apply};
use hallpass_plans::PlanDraft;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};

use super::LONGEST_SESSION;

/// Attach a policy that revokes sessions, or extend the existing one
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Attach a policy that revokes sessions, or add to the one in force\n\nEntries \
                  in force stay: no one regains access. The end of each entry, the moment its last \
                  session has ended, is kept in the store for `people sessions prune`: the session of the access \
                  portal, in which new sessions are taken, and the longest session after it. Without --apply the \
                  plan is only shown and saved.",
    after_help = "Examples:
  hallpass people sessions generate --as scp --user ana@example.com > cut.json
  hallpass people sessions apply cut.json --target r-ab12
  hallpass people sessions apply cut.json --target r-ab12 --apply"
)]
pub(super) struct Args {
    /// The policy, as `people sessions generate --as scp` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Target roots, units or accounts
    #[arg(
        long = "target",
        value_name = "ID",
        required = true,
        value_delimiter = ','
    )]
    targets: Vec<String>,
    /// Name of the policy
    #[arg(long, value_name = "NAME", default_value = POLICY_NAME)]
    name: String,
    /// Maximum length of sessions issued before; determines when entries end
    #[arg(
        long,
        value_name = "TIME",
        default_value_t = LONGEST_SESSION,
        conflicts_with = "ends_at"
    )]
    max_session: TimeSpan,
    /// Maximum length of an access portal session: a signed-in user gets new sessions until its
    /// end, even if the identity provider refuses them
    #[arg(
        long,
        value_name = "TIME",
        default_value = "8h",
        conflicts_with_all = ["ends_at", "user_disabled"]
    )]
    portal: TimeSpan,
    /// They are disabled or deleted in Identity Center and get no new sessions: ignore the portal
    #[arg(long, conflicts_with = "ends_at")]
    user_disabled: bool,
    /// Explicit end of the last session (RFC 3339, with its zone)
    #[arg(long, value_name = "TIME")]
    ends_at: Option<String>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let text = read_text(&args.file, TEXT_BYTES_MAX)?;
    let ends = match &args.ends_at {
        Some(text) => Ends::At(instant(text, "--ends-at")?),
        None if args.max_session.is_zero() => {
            let message = "a session lasts some time";
            return Err(BadInput::new("E_DURATION", message, "--max-session").into());
        }
        None => Ends::After {
            session: args.max_session,
            portal: if args.user_disabled {
                TimeSpan::ZERO
            } else {
                args.portal
            },
        },
    };
    let wanted = ApplyRevocation {
        wanted: Revocations::parse(&text)?,
        name: args.name.clone(),
        targets: args.targets.clone(),
        ends,
    };
    chore::run(&RevokeChore(wanted), &args.plan)
}

struct RevokeChore(ApplyRevocation);

impl Chore for RevokeChore {
    type Facts = PlanDraft;
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<PlanDraft, Failure> {
        let (organization, kept) = (at.context.organization.as_ref(), at.context.kept.as_ref());
        plan_apply(organization, kept, &self.0, at.context.clock.now())
            .await
            .map_err(chore_failed)
    }

    fn draft(&self, draft: PlanDraft) -> Result<Drafted<ByReport>, Failure> {
        let question = format!(
            "Revoke {} selections of sessions below {}?",
            self.0.wanted.entries().len(),
            self.0.targets.join(", ")
        );
        Ok(Drafted::plan(draft, question, ByReport))
    }
}
