//! `hallpass org insights channels …`: the topics that insights are told to (`organization.md` D-9).

use std::path::{Path, PathBuf};

use hallpass_org::ReadCalls;
use hallpass_org::delegation::DelegationFile;
use hallpass_org::insights::{
    ChannelRow, ChannelState, ChannelWish, ChannelsFound, compare_channels, draft_channel_removal,
    draft_channels,
};
use hallpass_org::standards::StandardsUnread;
use hallpass_runner::{PlanDraft, PlanReport};
use hallpass_wording::plan;
use serde_json::{Value, json};

use hallpass_chores::plans::{self, PlanArgs, PlanContext};
use hallpass_host::bad_names;
use hallpass_host::runtime::runtime;
use hallpass_host::selection_args::TargetSelectionArgs;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use hallpass_terminal::text_file::read_text;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Columns as CSV.
const FIELDS: &[&str] = &["account", "region", "topic", "outcome", "reason"];

/// Set which SNS topics DevOps Guru notifies of insights, by a file
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Set which SNS topics DevOps Guru notifies of insights, by a file\n\nThe file's `notifications` name topics \
                  of SNS and what they are told of. A topic is for the insights of its own Region, in every account that \
                  is chosen. Runs with credentials of the management account; each account is read and changed with the \
                  role `aws.member_role` there. Channels to other topics stay.",
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

/// What is wanted.
#[derive(Debug, clap::Args)]
struct ApplyArgs {
    /// Topics, and what they are told of: YAML
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Compare a file with accounts; nothing is changed or saved
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org insights channels check org-delegate.yaml --fail-on-findings"
)]
struct CheckArgs {
    /// Topics, and what they are told of: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    /// Exit with 3 where something differs
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Plan to take the channels to a file's topics away; `--apply` carries it out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org insights channels remove org-delegate.yaml --ou /Legacy --apply"
)]
struct RemoveArgs {
    /// Topics, and what they are told of: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 for a file that cannot be carried out.
pub(super) fn run(args: &Args) -> Outcome {
    match (&args.command, &args.apply.file) {
        (Some(Command::Check(args)), _) => check(args),
        (Some(Command::Remove(args)), _) => {
            let wanted = "Take these channels of DevOps Guru away?";
            let place = (args.file.as_path(), &args.selection);
            carry(place, &args.plan, draft_channel_removal, wanted)
        }
        (None, Some(file)) => {
            let place = (file.as_path(), &args.apply.selection);
            let wanted = "Change which topics DevOps Guru tells insights to?";
            carry(place, &args.apply.plan, draft_channels, wanted)
        }
        (None, None) => Err(Failure::bad_input("which file?")),
    }
}

fn read_file(path: &Path) -> Result<Vec<ChannelWish>, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    DelegationFile::read_channels(&text).map_err(|error| Failure::bad_input(error).within(path))
}

async fn find(
    context: &PlanContext,
    wishes: &[ChannelWish],
    selection: &TargetSelectionArgs,
) -> Result<ChannelsFound, Failure> {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let scope = selection.scope(calls).await?;
    let found = compare_channels(calls, wishes, &scope).await;
    found.map_err(|why| match why {
        StandardsUnread::Unread(_) => {
            Failure::failed(why.to_string()).help("use credentials of the management account")
        }
        StandardsUnread::Unknown(names) => bad_names::unknown(&names, None),
    })
}

fn carry(
    (file, selection): (&Path, &TargetSelectionArgs),
    plan: &PlanArgs,
    draft: fn(&ChannelsFound) -> PlanDraft,
    question: &str,
) -> Outcome {
    let format = plan.format();
    let wishes = read_file(file)?;
    let loaded = plan.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let found = find(&context, &wishes, selection).await?;
        let draft = draft(&found);
        let mut shown = ShownChannels::of(&found.rows);
        shown.say_unread();
        if draft.is_empty() {
            shown.print(None, format)?;
            output::say("nothing is to be changed");
            return Ok(shown.exit(Exit::Ok));
        }
        let settled = plans::settle(&context, draft, plan, question).await?;
        shown.tell(&settled.report);
        shown.print(Some(&settled.report), format)?;
        match settled.refused {
            Some(refused) => Err(refused),
            None => Ok(shown.exit(settled.exit)),
        }
    })
}

fn check(args: &CheckArgs) -> Outcome {
    let format = args.output.format();
    let wishes = read_file(&args.file)?;
    let loaded = args.config.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let found = find(&context, &wishes, &args.selection).await?;
        let shown = ShownChannels::of(&found.rows);
        shown.print(None, format)?;
        let differs = found.rows.iter().any(|it| match it.state {
            ChannelState::Missing | ChannelState::Differs => true,
            ChannelState::Same
            | ChannelState::Full
            | ChannelState::Skipped(_)
            | ChannelState::Unread(_) => false,
        });
        let exit = if differs && args.fail_on_findings {
            Exit::Findings
        } else {
            Exit::Ok
        };
        Ok(shown.exit(exit))
    })
}

struct ShownChannel {
    account: String,
    region: String,
    topic: String,
    outcome: String,
    reason: String,
    is_bad: bool,
}

/// A row for each topic in each account and Region.
struct ShownChannels(Vec<ShownChannel>);

fn shown(row: &ChannelRow) -> ShownChannel {
    let (outcome, reason) = match &row.state {
        ChannelState::Same => ("unchanged", String::new()),
        ChannelState::Missing => ("missing", String::new()),
        ChannelState::Differs => ("differs", "it is told of something else".to_owned()),
        ChannelState::Full => (
            "blocked",
            "channel limit reached: two other topics are told already".to_owned(),
        ),
        ChannelState::Skipped(why) => ("skipped", why.clone()),
        ChannelState::Unread(why) => ("unread", why.clone()),
    };
    ShownChannel {
        account: row.account.clone(),
        region: row.region.clone(),
        topic: row
            .wish
            .as_ref()
            .map(|it| it.topic.clone())
            .unwrap_or_default(),
        outcome: outcome.to_owned(),
        reason,
        is_bad: row.is_bad(),
    }
}

impl ShownChannels {
    fn of(rows: &[ChannelRow]) -> Self {
        Self(rows.iter().map(shown).collect())
    }

    /// What is left out is said before anything is changed.
    fn say_unread(&self) {
        for row in self.0.iter().filter(|it| it.is_bad) {
            output::say(&format!(
                "{} {} is left out: {}",
                row.account, row.region, row.reason
            ));
        }
    }

    fn tell(&mut self, report: &PlanReport) {
        let would = report.is_planned();
        for target in &report.targets {
            let at = &target.target;
            let of = |it: &&mut ShownChannel| {
                it.account == at.account && it.region == at.region && it.topic == at.key
            };
            if let Some(row) = self.0.iter_mut().find(of) {
                plan::outcome_cell(target.outcome, would).clone_into(&mut row.outcome);
                row.reason.clone_from(&target.reason);
            }
        }
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        if self.0.iter().any(|row| row.is_bad) {
            Exit::Failed
        } else {
            otherwise
        }
    }

    fn print(&self, report: Option<&PlanReport>, format: Format) -> Result<(), Failure> {
        let row = |it: &ShownChannel| {
            json!({
                "account": it.account, "region": it.region, "topic": it.topic, "outcome": it.outcome,
                "reason": it.reason,
            })
        };
        let rows: Vec<Value> = self.0.iter().map(row).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["account", "where", "topic", "outcome", "why"]);
        for row in &self.0 {
            // the Region stands beside it, and a topic of another account is told as that
            let mut parts = row.topic.rsplit(':');
            let name = parts.next().unwrap_or_default();
            let owner = parts.next().unwrap_or_default();
            let topic = if owner.is_empty() || owner == row.account {
                name.to_owned()
            } else {
                format!("{owner}:{name}")
            };
            table.row([
                row.account.clone(),
                row.region.clone(),
                topic,
                row.outcome.clone(),
                row.reason.clone(),
            ]);
        }
        table
    }
}
