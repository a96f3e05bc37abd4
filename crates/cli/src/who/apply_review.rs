//! `hallpass who apply-review`: removes access that reviewers rejected (`inventory.md` W-7).

use std::path::PathBuf;

use hallpass_access_files::{
    AccountAssignment, CallerSession, GroupMember, PrincipalRef, ReviewedAccess, review_plan,
};
use hallpass_app::chores::access_look::directory;
use hallpass_app::chores::plans::chore::{self, Chore, Drafted, Opened, ReportWithin, Within};
use hallpass_app::chores::plans::{PlanArgs, PlanContext, Settled};
use hallpass_app::host::access_snapshots;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::snapshots_at::SnapshotsAtArgs;
use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId};
use hallpass_inventory::{
    AccessReview, AccessSnapshot, PersonAccessChange, ReviewRemoval, ReviewedRemoval, read_review,
};
use hallpass_plans::PlanDraft;
use hallpass_rules::Directory;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::{self, plain, wrapped};
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};
use serde_json::{Value, json};

/// Remove the access that reviewers rejected
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Remove the access that reviewers rejected\n\nReads the file from `hallpass who \
                  --review-csv`, with `keep` or `remove` in its column `decision`. A direct \
                  assignment is deleted; if the access comes from a group, the user leaves the \
                  group, and all other access they lose by that, by the newest snapshot, is \
                  shown. Without `--apply` nothing is done. `hallpass org plan resume` continues \
                  a stopped run.",
    after_help = "Examples:
  hallpass who --review-csv > review.csv
  hallpass who apply-review review.csv
  hallpass who apply-review review.csv --apply --confirm 14"
)]
pub(super) struct Args {
    /// The file that reviewers returned
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    snapshots: SnapshotsAtArgs,
    /// Number of removals; required above ten
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
    /// Allow removing your own current access
    #[arg(long)]
    allow_self_lockout: bool,
    #[command(flatten)]
    plan: PlanArgs,
    // `who` passes its help flag to the companion
    /// Print help
    #[arg(long, short, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

/// More removals require confirmation by number.
const UNCONFIRMED_MAX: usize = 10;

struct Looked {
    snapshot: AccessSnapshot,
    review: AccessReview,
    removals: Vec<ReviewedAccess>,
    losses: Vec<PersonAccessChange>,
    /// Losses that no row requested.
    also_lost: Vec<PersonAccessChange>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let looked = looked(args)?;
    chore::run(&ReviewChore { args, looked }, &args.plan)
}

struct ReviewChore<'a> {
    args: &'a Args,
    looked: Looked,
}

impl Chore for ReviewChore<'_> {
    type Facts = PlanDraft;
    type Shown = Within<ReviewReport>;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let looked = &self.looked;
        let directory = directory(&at.context.access(), false).await?;
        say(looked, &directory);
        self.args.check(looked, at.context)?;
        let organization = at.context.aws.about().organization_id.clone();
        let organization = organization.unwrap_or_default();
        let facts = json!({ "removals": looked.review.removals });
        let removals = &looked.removals;
        Ok(review_plan(removals, &organization, &directory, facts))
    }

    fn draft(&self, draft: PlanDraft) -> Result<Drafted<Self::Shown>, Failure> {
        let count = self.looked.removals.len();
        let question = format!("Take {count} assignments and memberships away?");
        let shown = Within(self.looked.report());
        Ok(Drafted::plan_or(draft, question, shown, "No changes"))
    }
}

struct ReviewReport(serde_json::Map<String, Value>);

impl ReportWithin for ReviewReport {
    fn whole(&self, settled: &Settled) -> Result<Value, Failure> {
        let mut whole = self.0.clone();
        whole.insert("plan".to_owned(), json!(settled.report));
        Ok(Value::Object(whole))
    }
}

fn looked(args: &Args) -> Result<Looked, Failure> {
    let text = read_text(&args.file, TEXT_BYTES_MAX)?;
    let snapshot = runtime()?.block_on(access_snapshots::read_newest(&args.snapshots.folder))?;
    let review = read_review(&text, &snapshot).map_err(|problems| {
        let mut failure = Failure::bad_input("the review cannot be used; nothing was changed");
        for problem in problems {
            failure = failure.detail(plain(&problem.to_string()));
        }
        failure
    })?;
    let removals = review.removals.iter().map(|it| typed(it, &snapshot));
    let losses = review.losses(&snapshot);
    Ok(Looked {
        removals: removals.collect::<Result<_, _>>()?,
        also_lost: review.besides(losses.clone()),
        losses,
        snapshot,
        review,
    })
}

fn typed(it: &ReviewedRemoval, snapshot: &AccessSnapshot) -> Result<ReviewedAccess, Failure> {
    let line = it.lines.first().copied().unwrap_or_default();
    let unusable = |error: String| Failure::bad_input(format!("line {line}: {error}"));
    let user = |id: &str| UserId::new(id).map_err(|it| unusable(it.to_string()));
    Ok(match &it.removal {
        ReviewRemoval::Membership { user_id, group_id } => {
            let group = GroupId::new(group_id.as_str());
            ReviewedAccess::Membership(GroupMember {
                group: group.map_err(|it| unusable(it.to_string()))?,
                user: user(user_id)?,
            })
        }
        ReviewRemoval::Assignment {
            user_id,
            permission_set_arn,
            account_id,
        } => {
            let mut sets = snapshot.graph.roles.iter();
            let set = sets.find(|it| it.arn == *permission_set_arn);
            let name = set.and_then(|it| it.name.as_deref()).ok_or_else(|| {
                unusable("the name of its permission set is not known".to_owned())
            })?;
            ReviewedAccess::Assignment(AccountAssignment {
                permission_set: PermissionSetName::new(name)
                    .map_err(|it| unusable(it.to_string()))?,
                account: AccountId::new(account_id.as_str())
                    .map_err(|it| unusable(it.to_string()))?,
                principal: PrincipalRef::User(user(user_id)?),
            })
        }
    })
}

impl Args {
    fn check(&self, looked: &Looked, context: &PlanContext) -> Result<(), Failure> {
        let count = looked.removals.len();
        if self.plan.is_applying() && count > UNCONFIRMED_MAX && self.confirm != Some(count) {
            let message = format!("{count} removals are more than {UNCONFIRMED_MAX}");
            let failure = Failure::refused(message).code("refused");
            return Err(failure.help(format!("`--confirm {count}` confirms all of them")));
        }
        let caller = CallerSession::parse(&context.aws.about().arn);
        let Some((set, account, name)) = caller.filter(|_| !self.allow_self_lockout) else {
            return Ok(());
        };
        let is_own = |it: &PersonAccessChange| {
            it.person.user_name.as_deref() == Some(name)
                && !it.role.is_entitled()
                && it.role.shown() == set.as_str()
                && it.account_id == account.as_str()
        };
        if looked.losses.iter().any(is_own) {
            let message =
                format!("it takes away `{set}` in {account}, with which you are signed in");
            let failure = Failure::refused(message).code("refused");
            return Err(failure.help("`--allow-self-lockout` allows it"));
        }
        Ok(())
    }
}

impl Looked {
    fn report(&self) -> ReviewReport {
        let members = [
            ("snapshot", json!(self.snapshot.id)),
            ("removals", json!(self.review.removals)),
            ("also_lost", json!(self.also_lost)),
            ("kept", json!(self.review.kept)),
            ("undecided", json!(self.review.undecided)),
            ("gone", json!(self.review.gone)),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        ReviewReport(members.into_iter().collect())
    }
}

fn say(looked: &Looked, directory: &Directory) {
    let also = &looked.also_lost;
    let line = |indent: usize, text: &str| {
        let text = wrapped(&plain(text), 78 - indent, indent + 2);
        output::say(&format!("{:indent$}{text}", ""));
    };
    for removal in &looked.removals {
        match removal {
            ReviewedAccess::Assignment(it) => {
                let who = name_of(directory, it.principal.id());
                let account = directory.account(&it.account);
                let account = account.map_or_else(|| it.account.to_string(), |it| it.name.clone());
                line(
                    0,
                    &format!("- {} in {account} for user {who}", it.permission_set),
                );
            }
            ReviewedAccess::Membership(it) => {
                let group = directory.group(&it.group);
                let group = group.map_or_else(|| it.group.to_string(), |it| it.name.clone());
                let who = name_of(directory, it.user.as_str());
                line(0, &format!("- user {who} out of group {group}"));
                let with_it = also.iter().filter(|lost| {
                    let via = format!("group:{group}");
                    lost.person.user_id.as_deref() == Some(it.user.as_str())
                        && lost.reasons.iter().any(|reason| reason.via == via)
                });
                for lost in with_it {
                    let set = lost.role.shown();
                    let account = lost.account_name.as_ref().unwrap_or(&lost.account_id);
                    line(4, &format!("- {set} in {account} goes with it"));
                }
            }
        }
    }
    let AccessReview {
        kept,
        undecided,
        gone,
        ..
    } = &looked.review;
    line(
        0,
        &format!(
            "{} to remove, {} lost with it, {kept} kept, {undecided} not decided, {} already removed; by \
             snapshot {}",
            looked.removals.len(),
            also.len(),
            gone.len(),
            looked.snapshot.id
        ),
    );
    if !looked.snapshot.has_entitlements {
        output::say("not covered: account access entitlements");
    }
}

fn name_of(directory: &Directory, user: &str) -> String {
    let id = UserId::new(user).ok();
    let person = id.and_then(|id| directory.person(&id));
    person.map_or_else(|| user.to_owned(), |it| it.user_name.clone())
}
