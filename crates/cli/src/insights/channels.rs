//! `hallpass org insights channels …`: manages notification topics of insights (`organization.md`
//! D-9).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hallpass_app::chores::plans::chore::{self, Chore, Compared, Drafted, Opened, WishStanding};
use hallpass_app::chores::plans::{PlanArgs, ShownRow, ShownRows};
use hallpass_app::host::selection_args::TargetSelectionArgs;
use hallpass_app::host::suggestions;
use hallpass_channels::wording::plan;
use hallpass_org::ReadCalls;
use hallpass_org::delegation::DelegationFile;
use hallpass_org::insights::{
    ChannelRow, ChannelState, ChannelsFound, DesiredChannel, compare_channels,
    draft_channel_removal, draft_channels,
};
use hallpass_org::standards::StandardsUnread;
use hallpass_plans::{PlanDraft, PlanReport, StepTarget, TargetReport};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::{self, Format};
use hallpass_terminal::text_file::read_text;
use serde_json::{Value, json};

const FILE_BYTES_MAX: u64 = 1 << 20;

/// Set the SNS topics of DevOps Guru from a file
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Set the SNS topics of DevOps Guru from a file\n\nThe file's `notifications` \
                  name SNS topics and the events for each. A topic is for the insights of its \
                  Region, in every chosen account. Runs with credentials of the management \
                  account; each account is read and changed with the role `aws.member_role` \
                  there. Channels to other topics stay.",
    after_help = "Examples:
  hallpass org insights channels org-delegate.yaml
  hallpass org insights channels org-delegate.yaml --ou /Workloads --apply
  hallpass org insights channels check org-delegate.yaml --fail-on-findings
  hallpass org insights channels remove org-delegate.yaml --accounts 222233334444 --apply"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    apply: ApplyArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(CheckArgs),
    Remove(RemoveArgs),
}

/// Options.
#[derive(Debug, clap::Args)]
struct ApplyArgs {
    /// Topics and their notifications: YAML
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Compare a file with accounts; changes and saves nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org insights channels check org-delegate.yaml --fail-on-findings"
)]
struct CheckArgs {
    /// Topics and their notifications: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    check: chore::ComparingArgs,
}

/// Plan to remove the channels to a file's topics; `--apply` carries it out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org insights channels remove org-delegate.yaml --ou /Legacy --apply"
)]
struct RemoveArgs {
    /// Topics and their notifications: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    match (&args.command, &args.apply.file) {
        (Some(Command::Check(args)), _) => {
            let wish = ChannelsChore::setting(&args.file, &args.selection)?;
            chore::check(&wish, &args.check)
        }
        (Some(Command::Remove(args)), _) => {
            let wish = ChannelsChore {
                draft: draft_channel_removal,
                question: "Take these channels of DevOps Guru away?",
                ..ChannelsChore::setting(&args.file, &args.selection)?
            };
            chore::run(&wish, &args.plan)
        }
        (None, Some(file)) => {
            let wish = ChannelsChore::setting(file, &args.apply.selection)?;
            chore::run(&wish, &args.apply.plan)
        }
        (None, None) => Err(Failure::bad_input("which file?")),
    }
}

fn read_file(path: &Path) -> Result<Vec<DesiredChannel>, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    DelegationFile::read_channels(&text).map_err(|error| Failure::bad_input(error).within(path))
}

struct ChannelsChore<'a> {
    wishes: Vec<DesiredChannel>,
    selection: &'a TargetSelectionArgs,
    draft: fn(&ChannelsFound) -> PlanDraft,
    question: &'static str,
}

impl<'a> ChannelsChore<'a> {
    fn setting(file: &Path, selection: &'a TargetSelectionArgs) -> Result<Self, Failure> {
        Ok(Self {
            wishes: read_file(file)?,
            selection,
            draft: draft_channels,
            question: "Change which topics DevOps Guru tells insights to?",
        })
    }
}

impl Chore for ChannelsChore<'_> {
    type Facts = ChannelsFound;
    type Shown = ShownRows<ChannelView>;

    async fn gather(&self, at: &Opened<'_>) -> Result<ChannelsFound, Failure> {
        let calls: &dyn ReadCalls = at.context.calls.as_ref();
        let scope = self.selection.scope(calls).await?;
        let found = compare_channels(calls, &self.wishes, &scope).await;
        found.map_err(|why| match why {
            StandardsUnread::Unread(_) => {
                Failure::failed(why.to_string()).help("use credentials of the management account")
            }
            StandardsUnread::Unknown(names) => suggestions::unknown(&names, None),
        })
    }

    fn draft(&self, found: ChannelsFound) -> Result<Drafted<Self::Shown>, Failure> {
        let shown = shown(&found.rows);
        for row in shown.0.iter().filter(|it| it.is_bad) {
            output::say(&format!(
                "{} {} is left out: {}",
                row.account, row.region, row.reason
            ));
        }
        let nothing = "nothing is to be changed";
        let draft = (self.draft)(&found);
        Ok(Drafted::plan_or(draft, self.question, shown, nothing))
    }
}

impl Compared for ChannelsChore<'_> {
    async fn differences(
        &self,
        _at: &Opened<'_>,
        found: ChannelsFound,
    ) -> Result<(Self::Shown, WishStanding), Failure> {
        let differs = found.rows.iter().any(|it| match it.state {
            ChannelState::Missing | ChannelState::Differs => true,
            ChannelState::Same
            | ChannelState::Full
            | ChannelState::Skipped(_)
            | ChannelState::Unread(_) => false,
        });
        Ok((shown(&found.rows), WishStanding::of(differs)))
    }
}

struct ChannelView {
    account: String,
    account_name: String,
    region: String,
    topic: String,
    outcome: String,
    reason: String,
    is_bad: bool,
}

fn shown(rows: &[ChannelRow]) -> ShownRows<ChannelView> {
    ShownRows(rows.iter().map(shown_channel).collect())
}

fn shown_channel(row: &ChannelRow) -> ChannelView {
    let (outcome, reason) = match &row.state {
        ChannelState::Same => ("unchanged", String::new()),
        ChannelState::Missing => ("missing", String::new()),
        ChannelState::Differs => ("differs", "it gets other notifications".to_owned()),
        ChannelState::Full => (
            "blocked",
            "channel limit reached: there are two other topics already".to_owned(),
        ),
        ChannelState::Skipped(why) => ("skipped", why.clone()),
        ChannelState::Unread(why) => ("unread", why.clone()),
    };
    let topic = row.wish.as_ref().map(|it| it.topic.clone());
    ChannelView {
        account: row.account.clone(),
        account_name: String::new(),
        region: row.region.clone(),
        topic: topic.unwrap_or_default(),
        outcome: outcome.to_owned(),
        reason,
        is_bad: row.is_bad(),
    }
}

impl ShownRow for ChannelView {
    const HEAD: &'static [&'static str] = &["account", "where", "topic", "outcome", "why"];
    const FIELDS: &'static [&'static str] = &[
        "account",
        "region",
        "topic",
        "outcome",
        "reason",
        "account_name",
    ];

    fn name(&mut self, names: &BTreeMap<String, String>) {
        self.account_name = names.get(&self.account).cloned().unwrap_or_default();
    }

    fn is_at(&self, target: &StepTarget) -> bool {
        self.account == target.account && self.region == target.region && self.topic == target.key
    }

    fn tell(&mut self, target: &TargetReport, report: &PlanReport) {
        plan::outcome_cell(target.outcome, report.is_planned()).clone_into(&mut self.outcome);
        self.reason.clone_from(&target.reason);
    }

    fn is_bad(&self) -> bool {
        self.is_bad
    }

    fn json(&self, _format: Format) -> Value {
        json!({
            "account": self.account, "account_name": self.account_name, "region": self.region, "topic": self.topic,
            "outcome": self.outcome, "reason": self.reason,
        })
    }

    fn cells(&self) -> Vec<String> {
        let mut parts = self.topic.rsplit(':');
        let name = parts.next().unwrap_or_default();
        let owner = parts.next().unwrap_or_default();
        let topic = if owner.is_empty() || owner == self.account {
            name.to_owned()
        } else {
            format!("{owner}:{name}")
        };
        vec![
            plan::account(&self.account_name, &self.account),
            self.region.clone(),
            topic,
            self.outcome.clone(),
            self.reason.clone(),
        ]
    }
}
