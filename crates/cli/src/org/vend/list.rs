//! `hallpass org vend FILE`: checks a list, and with `--apply` creates its accounts.

use std::path::{Path, PathBuf};

use hallpass_app::chores::plans::chore::{self, Chore, Drafted, Opened};
use hallpass_app::chores::plans::{PlanArgs, Settled};
use hallpass_app::chores::vending_lists::{
    JudgedList, ListChoice, ListVerdicts, ROW_TIMEOUT, VendVia, judge,
};
use hallpass_app::chores::vending_mail::with_mails;
use hallpass_app::config::{ConfiguredAccess, ConfiguredPrincipal, Loaded};
use hallpass_app::host::runtime::runtime;
use hallpass_base::TimeSpan;
use hallpass_client::follow::Progress;
use hallpass_org::control_tower::ACCOUNTS_AT_ONCE_MAX;
use hallpass_org::vending::{AccountsFile, Adoption};
use hallpass_plans::{Plan, PlanDraft, PlanId};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::text_file::read_text;

use super::render::{ShownList, kept_list, list_path, told_meanwhile};
use super::warnings::{tell_faults, tell_strangers, within_limit};

const FILE_BYTES_MAX: u64 = 8 << 20;

const ACCOUNTS_AT_ONCE: i64 = ACCOUNTS_AT_ONCE_MAX as i64;

/// Options of a list.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The CSV
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// A group that gets a permission set in every account, in place of `vending.assign`; a row
    /// with a group overrides it
    #[arg(long, value_name = "GROUP=PERMISSION_SET")]
    assign: Vec<String>,
    /// Create listed users missing in Identity Center (by Organizations; Account Factory always
    /// does)
    #[arg(long)]
    create_users: bool,
    /// Parallel account creations of Account Factory: 1 to 5
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=ACCOUNTS_AT_ONCE))]
    concurrency: u32,
    /// Adopt existing accounts with the name and address of a row
    #[arg(long)]
    adopt: bool,
    /// Creator: Account Factory in a landing zone, else Organizations
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto")]
    via: VendVia,
    /// Timeout per account [default: 90m]
    #[arg(long, value_name = "SPAN")]
    row_timeout: Option<TimeSpan>,
    /// Path of the filled CSV [default: PLAN.csv in this folder]
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(path: &Path, args: &ListArgs) -> Outcome {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file =
        AccountsFile::read(text.as_bytes()).map_err(|bad| Failure::from(bad).within(path))?;
    let loaded = args.plan.load()?;
    let file = file.with_defaults(loaded.vending_defaults()?);
    let wish = ListChore { path, file, args };
    runtime()?.block_on(chore::carry_out(&wish, &loaded, &args.plan))
}

struct ListChore<'a> {
    path: &'a Path,
    file: AccountsFile,
    args: &'a ListArgs,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one is made per run, and destructured directly"
)]
enum ListGround {
    /// A plan for the same list is unfinished.
    Begun(PlanId),
    /// Checked rows, and steps for the valid ones.
    Judged(Box<ListVerdicts>, PlanDraft),
}

impl Chore for ListChore<'_> {
    type Facts = ListGround;
    type Shown = ShownList;

    async fn gather(&self, at: &Opened<'_>) -> Result<ListGround, Failure> {
        let (context, args) = (at.context, self.args);
        within_limit(context.plans.as_ref(), &self.file, &args.plan).await?;
        let choice = ListChoice {
            assign: wanted_access(at.loaded, args)?,
            tags: at.loaded.vending_tags()?,
            create_users: args.create_users,
            at_once: args.concurrency,
            adoption: if args.adopt {
                Adoption::SameNameAndAddress
            } else {
                Adoption::Never
            },
            via: args.via,
        };
        let mut progress = Progress::new();
        progress.show("reading the organization");
        let judged = judge(context, &self.file, &choice).await?;
        drop(progress);
        Ok(match judged {
            JudgedList::GoesOn(plan) => ListGround::Begun(plan),
            JudgedList::Judged(judged) => {
                let draft = judged.draft(context, args.row_timeout.unwrap_or(ROW_TIMEOUT));
                ListGround::Judged(judged, draft)
            }
        })
    }

    fn draft(&self, ground: ListGround) -> Result<Drafted<ShownList>, Failure> {
        let (judged, draft) = match ground {
            ListGround::Begun(plan) => return Ok(Drafted::Begun(plan)),
            ListGround::Judged(judged, draft) => (judged, draft),
        };
        tell_faults(self.path, &self.file, &judged.verdicts);
        tell_strangers(self.path, &self.file, &judged);
        let question = format!("Make {} accounts?", judged.wanted());
        let shown = ShownList::of_check(judged.vending);
        let nothing = "no row of the list is to be made";
        Ok(Drafted::plan_or(draft, question, shown, nothing))
    }

    fn begun(&self, plan: &Plan) -> Result<ShownList, Failure> {
        Ok(ShownList::of_check(kept_list(plan)?))
    }

    async fn beside(
        &self,
        at: &Opened<'_>,
        plan: &PlanId,
        run: impl Future<Output = Result<Settled, Failure>>,
    ) -> Result<Settled, Failure> {
        let mailer = at.context.mailer.as_ref();
        let mailer = mailer.filter(|_| self.args.plan.is_applying());
        let state = |settled: &Settled| settled.report.state;
        with_mails(mailer, plan, told_meanwhile(at.context, plan, run), state).await
    }

    async fn done(
        &self,
        _at: &Opened<'_>,
        shown: &ShownList,
        settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        match (settled, &self.args.to) {
            (None, _) => Ok(()),
            (Some(_), Some(path)) => shown.write(path),
            (Some(settled), None) => shown.write(&list_path(&settled.report.plan)),
        }
    }
}

/// Returns access for rows without their own: from flags, else the configuration.
fn wanted_access(loaded: &Loaded, args: &ListArgs) -> Result<Vec<ConfiguredAccess>, Failure> {
    if args.assign.is_empty() {
        return loaded.vending_access();
    }
    let read = |text: &String| {
        let (group, set) = text.rsplit_once('=').ok_or_else(|| {
            Failure::bad_input(format!("`{text}` is not GROUP=PERMISSION_SET")).at("--assign")
        })?;
        Ok(ConfiguredAccess {
            who: ConfiguredPrincipal::Group(group.to_owned()),
            permission_set: set.to_owned(),
            place: "--assign",
        })
    };
    args.assign.iter().map(read).collect()
}
