//! `hallpass campaign`: access review campaigns.

mod answering;
mod evidence;

use std::fmt::Write as _;

use hallpass_access::LINES_MAX;
use hallpass_api::{
    BeginCampaign, Campaign, CampaignLine, CampaignState, LineUse, Sweep, Unanswered,
};
use hallpass_base::{CampaignId, TimeSpan};
use hallpass_channels::wording::lists::count;
use hallpass_channels::wording::time::utc;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_client::commands::starts;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table, plain};
use hallpass_terminal::prompt::{YesArgs, confirm};
use hallpass_terminal::words;

const FIELDS: &[&str] = &[
    "id",
    "name",
    "state",
    "owner",
    "begun_at",
    "due_at",
    "lines",
    "answered",
    "waiting",
    "signed_by",
    "signed_at",
    "sha256",
    "plan",
];
const LINE_FIELDS: &[&str] = &[
    "line",
    "user",
    "user_id",
    "account",
    "account_name",
    "permission_set",
    "group_name",
    "production",
    "first_seen",
    "usage",
    "last_used",
    "change",
    "reviewer",
    "answer",
    "reason",
    "answered_by",
    "answered_at",
];

/// Review standing access in campaigns
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass campaign begin --name '2026 Q4' --due +14d --reviewer manager --unanswered keep
  hallpass campaign lines cmp_01934a5b6c7d7e8f90123456789abcde --mine --output csv > lines.csv
  hallpass campaign answer cmp_01934a5b6c7d7e8f90123456789abcde --from lines.csv
  hallpass campaign sign-off cmp_01934a5b6c7d7e8f90123456789abcde
  hallpass campaign apply cmp_01934a5b6c7d7e8f90123456789abcde")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(ListArgs),
    Begin(BeginArgs),
    Lines(LinesArgs),
    Answer(answering::AnswerArgs),
    Reassign(answering::ReassignArgs),
    SignOff(SignOffArgs),
    Apply(ApplyArgs),
    Export(evidence::ExportArgs),
    Verify(evidence::VerifyArgs),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(args),
        Command::Begin(args) => begin(args),
        Command::Lines(args) => lines(args),
        Command::Answer(args) => answering::answer(args),
        Command::Reassign(args) => answering::reassign(args),
        Command::SignOff(args) => sign_off(args),
        Command::Apply(args) => apply(args),
        Command::Export(args) => evidence::export(args),
        Command::Verify(args) => evidence::verify(args),
    }
}

/// List campaigns: all as administrator or auditor, else those with lines for you
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass campaign list")]
struct ListArgs {
    #[command(flatten)]
    api: ApiArgs,
}

fn list(args: &ListArgs) -> Outcome {
    let client = args.api.client()?;
    let found = block_on(client.get::<hallpass_api::Page<Campaign>>(&["campaigns"], &[]))?;
    output::list(args.api.format(), &found.items, FIELDS, || {
        let mut table = Table::new(&["=ID", "NAME", "=STATE", "=DUE", "ANSWERED", "FOR YOU"]);
        for it in &found.items {
            table.row([
                it.id.clone(),
                it.name.clone(),
                it.state.name().to_owned(),
                utc(it.due_at),
                format!("{} of {}", it.answered, it.lines),
                it.waiting.to_string(),
            ]);
        }
        table
    })?;
    Ok(Exit::Ok)
}

/// Begin a campaign over the standing access of the newest sweep
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Begin a campaign over the standing access of the newest sweep\n\nAdministrators. The \
                  lines are what the sweep listed in scope; `access.sweep.scope = \"all\"` lists the \
                  whole organization. Managers and tags are read only if a rule names them.",
    after_help = "Examples:
  hallpass campaign begin --name '2026 Q4' --due +14d --reviewer manager --unanswered keep
  hallpass campaign begin --name production --due 2026-12-20T18:00 --scope '*/prod-*/*' \\
    --reviewer account-tag:Owner --reviewer nina@acme.example --unanswered remove --repeat 90d"
)]
struct BeginArgs {
    /// Name, 1 to 100 characters
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Due date: `2026-12-20T18:00` (in your zone; `…Z`: UTC) or `+14d`
    #[arg(long, value_name = "WHEN")]
    due: String,
    /// `user/account/permission-set` or `group/user`, with `*` and `?`; repeatable [default: all]
    #[arg(long, value_name = "PATTERN")]
    scope: Vec<String>,
    /// `manager`, `account-tag:KEY` or an e-mail; the first that fits a line reviews it [default: you]
    #[arg(long = "reviewer", value_name = "WHO")]
    reviewers: Vec<String>,
    /// What happens to lines without an answer
    #[arg(long, value_parser = ["keep", "remove"])]
    unanswered: String,
    /// Begin the next campaign so long after this one
    #[arg(long, value_name = "DURATION")]
    repeat: Option<TimeSpan>,
    #[command(flatten)]
    api: ApiArgs,
}

fn begin(args: &BeginArgs) -> Outcome {
    let body = BeginCampaign {
        name: args.name.clone(),
        scope: args.scope.clone(),
        reviewers: args.reviewers.clone(),
        unanswered: match args.unanswered.as_str() {
            "remove" => Unanswered::Remove,
            _ => Unanswered::Keep,
        },
        due_at: starts::read(&args.due, hallpass_base::clock::now(), &words::zone())?,
        repeat_seconds: args.repeat.map(TimeSpan::as_seconds),
    };
    let client = args.api.client()?;
    let begun: Campaign = block_on(client.post(&["campaigns"], &body))?;
    print(&args.api, &begun)
}

fn print(api: &ApiArgs, campaign: &Campaign) -> Outcome {
    output::one(api.format(), campaign, FIELDS, || text(campaign))?;
    Ok(Exit::Ok)
}

fn text(it: &Campaign) -> String {
    let mut text = format!(
        "{} \"{}\": {}, due {}; {} of {} answered, {} for you\n",
        plain(&it.id),
        plain(&it.name),
        it.state.name(),
        utc(it.due_at),
        it.answered,
        count(usize::try_from(it.lines).unwrap_or(usize::MAX), "line"),
        it.waiting,
    );
    if it.unread > 0 {
        text.push_str("  its sweep could not read some places: lines may be missing\n");
    }
    if let (Some(by), Some(sha256)) = (&it.signed_by, &it.sha256) {
        let _ = writeln!(
            text,
            "  signed off by {}, SHA-256 {}",
            plain(by),
            plain(sha256)
        );
    }
    text
}

/// Show the lines of a campaign
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass campaign lines cmp_01934a5b6c7d7e8f90123456789abcde --answer open
  hallpass campaign lines cmp_01934a5b6c7d7e8f90123456789abcde --mine --output csv > lines.csv")]
struct LinesArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    /// Only lines with this answer; `open`: without one
    #[arg(long, value_parser = ["open", "keep", "remove", "on_request"])]
    answer: Option<String>,
    /// Only lines that you may answer
    #[arg(long)]
    mine: bool,
    /// Only lines without use in 90 days
    #[arg(long)]
    unused: bool,
    /// Part of the name of a person, account, permission set or group
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// Maximum number of lines
    #[arg(long, value_name = "N", default_value_t = LINES_MAX)]
    limit: usize,
    #[command(flatten)]
    api: ApiArgs,
}

fn lines(args: &LinesArgs) -> Outcome {
    let client = args.api.client()?;
    let mut query = vec![("mine", args.mine.to_string())];
    query.push(("unused", args.unused.to_string()));
    query.extend(args.answer.clone().map(|it| ("answer", it)));
    query.extend(args.find.clone().map(|it| ("q", it)));
    let id = args.id.to_string();
    let path = ["campaigns", &id, "lines"];
    let found = block_on(client.list::<CampaignLine>(&path, &query, args.limit))?;
    (args.api).print_listing(&found, LINE_FIELDS, table)?;
    Ok(Exit::Ok)
}

fn table(lines: &[CampaignLine]) -> Table {
    let mut table = Table::new(&[
        "=LINE", "WHO", "ACCESS", "USED", "CHANGE", "REVIEWER", "ANSWER",
    ]);
    for line in lines {
        table.row([
            line.line.to_string(),
            holder(line),
            access(line),
            line.last_used
                .map_or_else(|| line.usage.map_or("", LineUse::name).to_owned(), utc),
            line.change.name().to_owned(),
            line.reviewer.clone(),
            line.answer
                .map(|it| it.name().to_owned())
                .unwrap_or_default(),
        ]);
    }
    table
}

fn holder(line: &CampaignLine) -> String {
    let user = line.user.as_ref();
    user.unwrap_or(&line.user_id).clone()
}

fn access(line: &CampaignLine) -> String {
    match (&line.account_name, &line.permission_set, &line.group_name) {
        (Some(account), Some(set), _) => format!("{set} in {account}"),
        (_, _, Some(group)) if line.gives.is_empty() => format!("group {group}"),
        (_, _, Some(group)) => format!("group {group}: {}", line.gives.join(", ")),
        _ => line.group.clone().unwrap_or_default(),
    }
}

/// Sign off all lines; it is final
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Sign off all lines; it is final\n\nAdministrators. Before the due date all lines need \
                  an answer; then those without one follow the campaign's default. The audit log gets \
                  the hash of all lines.",
    after_help = "Example:\n  hallpass campaign sign-off cmp_01934a5b6c7d7e8f90123456789abcde"
)]
struct SignOffArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    api: ApiArgs,
}

fn sign_off(args: &SignOffArgs) -> Outcome {
    let client = args.api.client()?;
    let id = args.id.to_string();
    let before: Campaign = block_on(client.get(&["campaigns", &id], &[]))?;
    if before.state != CampaignState::SignedOff {
        output::say(text(&before).trim_end());
        let open = before.lines.saturating_sub(before.answered);
        let default = before.unanswered.name();
        confirm(
            &format!("Sign it off? {open} lines without an answer: {default}."),
            args.yes.consent(),
        )?;
    }
    let path = ["campaigns", &id, "sign-off"];
    let signed: Campaign = block_on(client.post(&path, &serde_json::json!({})))?;
    print(&args.api, &signed)
}

/// Plan what the signed answers remove, as a sweep to confirm
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Plan what the signed answers remove, as a sweep to confirm\n\nAdministrators. Kept \
                  access becomes accepted standing access. Nothing is removed before the sweep is \
                  confirmed.",
    after_help = "Example:\n  hallpass campaign apply cmp_01934a5b6c7d7e8f90123456789abcde"
)]
struct ApplyArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    #[command(flatten)]
    api: ApiArgs,
}

fn apply(args: &ApplyArgs) -> Outcome {
    let client = args.api.client()?;
    let id = args.id.to_string();
    let path = ["campaigns", &id, "plan"];
    let sweep: Sweep = block_on(client.post(&path, &serde_json::json!({})))?;
    output::one(args.api.format(), &sweep, &["id", "state"], || {
        format!("{}: {}\n", plain(&sweep.id), sweep.state.name())
    })?;
    if sweep.state == hallpass_api::SweepState::Planned {
        output::say(&format!(
            "Look at it and confirm it: hallpass server sweep confirm {}",
            plain(&sweep.id)
        ));
    }
    Ok(Exit::Ok)
}

/// All lines, in order.
async fn all_lines(
    client: &hallpass_client::client::Client,
    id: &str,
) -> Result<Vec<CampaignLine>, Failure> {
    let path = ["campaigns", id, "lines"];
    let found = client.list(&path, &[], LINES_MAX).await?;
    Ok(found.items)
}
