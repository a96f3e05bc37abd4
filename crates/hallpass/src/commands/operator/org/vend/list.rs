//! `hallpass org vend FILE`: checks a list, and with `--apply` makes its accounts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass_model::{PermissionSetName, TimeSpan};
use hallpass_org::control_tower::{ACCOUNTS_AT_ONCE_MAX, factory_facts};
use hallpass_org::vending::{
    AccountMaker, AccountsFile, Adoption, ListWishes, RowVerdict, VendingFacts, VendingPlan,
    WantedAccess, check, earlier_plans, gather,
};
use hallpass_runner::{PlanId, PlanReport};
use serde_json::{Value, json};

use super::super::factory::can_launch;
use super::shown::{ShownList, follow, unread, write};
use crate::access_look::directory;
use crate::commands::read_text;
use crate::config::{ConfiguredAccess, ConfiguredPrincipal, Loaded};
use crate::exit::{Exit, Failure, Outcome};
use crate::opening::runtime;
use crate::output;
use crate::plans::{self, PlanArgs, PlanContext, Settled};
use crate::vending_mail::with_mails;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// An account takes minutes; through a queue of others it may take longer.
const ROW_TIMEOUT: TimeSpan = TimeSpan::minutes(90);

const ACCOUNTS_AT_ONCE: i64 = ACCOUNTS_AT_ONCE_MAX as i64;

/// What is wanted of a list.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The CSV
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// A group that gets a permission set in every account, in place of `vending.assign`; rows that name a group go by
    /// that
    #[arg(long, value_name = "GROUP=PERMISSION_SET")]
    assign: Vec<String>,
    /// Make people of the list who are not in Identity Center (by Organizations; Account Factory does it itself)
    #[arg(long)]
    create_users: bool,
    /// Accounts that Account Factory makes at once: 1 to 5
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=ACCOUNTS_AT_ONCE))]
    concurrency: u32,
    /// Take on accounts that are there with the name and address of a row
    #[arg(long)]
    adopt: bool,
    /// Who makes them: Account Factory where there is a landing zone, or Organizations
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto")]
    via: VendVia,
    /// How long the making of one account may take [default: 90m]
    #[arg(long, value_name = "SPAN")]
    row_timeout: Option<TimeSpan>,
    /// Where the filled CSV goes [default: PLAN.csv in this folder]
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Who makes the accounts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VendVia {
    /// Account Factory where Control Tower governs the organization, else Organizations
    Auto,
    /// Account Factory of Control Tower
    AccountFactory,
    /// Organizations
    Organizations,
}

pub(super) fn run(path: &Path, args: &ListArgs) -> Outcome {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file =
        AccountsFile::read(text.as_bytes()).map_err(|bad| Failure::from(bad).within(path))?;
    let loaded = args.plan.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let file = file.with_defaults(loaded.vending_defaults()?);
        carry_out(&loaded, &context, &file, args).await
    })
}

async fn carry_out(
    loaded: &Loaded,
    context: &PlanContext,
    file: &AccountsFile,
    args: &ListArgs,
) -> Outcome {
    let assign = wanted_access(loaded, args)?;
    let mut facts = facts(context, file, &assign).await?;
    let mut wishes = wishes(args, &assign, &facts)?;
    wishes.tags = loaded.vending_tags()?;
    let earlier = earlier_plans(context.plans.as_ref(), file, &wishes).await;
    let earlier = earlier.map_err(|fault| Failure::failed(fault.to_string()))?;
    if let Some(plan) = &earlier.resume {
        return go_on(context, plan, args).await;
    }
    facts.unfinished = earlier.unfinished;
    facts.ours = earlier.ours;
    let maker = maker(context, file, &mut facts, args).await?;
    let verdicts = check(file, &wishes, &facts);
    let vending = VendingPlan::new(file, &wishes, &verdicts);
    let wanted = verdicts
        .values()
        .filter(|it| matches!(it, RowVerdict::Valid(_)));
    let wanted = wanted.count();
    if wanted == 0 {
        let shown = ShownList::of_check(&vending);
        shown.print(None, &Value::Null, args.plan.format())?;
        output::say("no row of the list is to be made");
        return Ok(if shown.has_bad() {
            Exit::Failed
        } else {
            Exit::Ok
        });
    }
    let management = context
        .aws
        .about()
        .management_account
        .clone()
        .unwrap_or_default();
    let limit = args.row_timeout.unwrap_or(ROW_TIMEOUT);
    let draft = vending.draft(
        &verdicts,
        &facts.organization,
        (&facts.root, &management),
        &maker,
        limit,
    );
    let id = context.runner.upcoming(&draft).await?;
    let question = format!("Make {wanted} accounts?");
    let run = async {
        tokio::select! {
            settled = plans::settle(context, draft, &args.plan, &question) => settled,
            never = follow(context, &id) => match never {},
        }
    };
    let mailer = context.mailer.as_ref().filter(|_| args.plan.is_applying());
    let state = |settled: &Settled| settled.report.state;
    let settled = with_mails(mailer, &id, run, state).await?;
    show(context, &vending, settled, args).await
}

/// Prints what a plan came to, and writes the list.
async fn show(
    context: &PlanContext,
    vending: &VendingPlan,
    settled: Settled,
    args: &ListArgs,
) -> Outcome {
    let format = args.plan.format();
    let report = json!(settled.report);
    let id = settled.report.plan;
    if let Some(refused) = settled.refused {
        ShownList::of_check(vending).print(None, &report, format)?;
        return Err(refused);
    }
    if !args.plan.is_applying() {
        let shown = ShownList::of_check(vending);
        shown.print(Some(&id), &report, format)?;
        return Ok(if shown.has_bad() {
            Exit::Failed
        } else {
            settled.exit
        });
    }
    let (plan, folded) = context.runner.load(&id).await?;
    let shown = ShownList::of_plan(context, vending, &plan, &folded).await?;
    shown.print(Some(&id), &report, format)?;
    let path = args
        .to
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{id}.csv")));
    write(&path, &shown.csv())?;
    output::say(&format!("the list is written to {}", path.display()));
    Ok(if settled.exit == Exit::Ok {
        shown.exit()
    } else {
        settled.exit
    })
}

/// Goes on with the plan of this list.
async fn go_on(context: &PlanContext, id: &PlanId, args: &ListArgs) -> Outcome {
    let (plan, _) = context.runner.load(id).await?;
    let vending = VendingPlan::of(&plan)
        .ok_or_else(|| Failure::bug("a plan of a list that keeps no list"))?;
    if !args.plan.is_applying() {
        output::say(&format!(
            "plan {id} was begun and is not over; `--apply` goes on with it"
        ));
        let (plan, folded) = context.runner.load(id).await?;
        let shown = ShownList::of_plan(context, &vending, &plan, &folded).await?;
        let report = json!(context.runner.report(id).await?);
        shown.print(Some(id), &report, args.plan.format())?;
        let changes = args.plan.has_detailed_exitcode();
        return Ok(if changes { Exit::Findings } else { Exit::Ok });
    }
    output::say(&format!(
        "plan {id} was begun before and is not over: going on"
    ));
    args.plan.consent_to_go_on(&plan)?;
    let applying = args.plan.running().applying();
    let run = async {
        tokio::select! {
            report = context.runner.apply(id, &applying) => Ok(report?),
            never = follow(context, id) => match never {},
        }
    };
    let state = |report: &PlanReport| report.state;
    let report = with_mails(context.mailer.as_ref(), id, run, state).await?;
    let settled = Settled {
        exit: plans::exit_of(&report),
        report,
        refused: None,
    };
    show(context, &vending, settled, args).await
}

/// Reads the organization as far as the list is checked against it.
async fn facts(
    context: &PlanContext,
    file: &AccountsFile,
    assign: &[ConfiguredAccess],
) -> Result<VendingFacts, Failure> {
    let caller = context.organization.caller().await.map_err(unread)?;
    if caller.account != caller.management_account {
        let message = format!("account {} cannot make accounts", caller.account);
        return Err(Failure::refused(message).help("use credentials of the management account"));
    }
    let root = context.organization.root().await.map_err(unread)?;
    let addresses: BTreeSet<String> = file
        .rows()
        .map(|row| row.cell("AccountEmail").to_ascii_lowercase())
        .collect();
    let read = gather(
        context.accounts.as_ref(),
        &caller.organization,
        &root.id,
        &addresses,
    );
    let mut facts = read.await.map_err(unread)?;
    let names_groups = file.rows().any(|row| !row.cell("AssignGroup").is_empty());
    if names_groups || !assign.is_empty() {
        let snapshot = directory(&context.access(), false).await?;
        let snapshot = snapshot.snapshot();
        let groups = snapshot.groups.iter();
        facts.groups = groups.map(|it| (it.name.clone(), it.id.clone())).collect();
        for person in &snapshot.people {
            let addresses = person.emails.iter().map(ToString::to_string);
            for name in addresses.chain([person.user_name.clone()]) {
                facts.users.insert(name, person.user_id.clone());
            }
        }
        for set in &snapshot.permission_sets {
            if let Ok(name) = set.name.parse::<PermissionSetName>() {
                let arn = set.arn.to_string();
                facts.permission_set_arns.insert(arn, name.clone());
                facts.permission_sets.insert(name);
            }
        }
    }
    Ok(facts)
}

/// Who makes the accounts, and what of Control Tower rows are checked against.
async fn maker(
    context: &PlanContext,
    file: &AccountsFile,
    facts: &mut VendingFacts,
    args: &ListArgs,
) -> Result<AccountMaker, Failure> {
    let via = args.via;
    let store = &context.aws.about().identity_store_id;
    let by_organizations = AccountMaker::Organizations {
        people: args.create_users.then(|| store.clone()),
    };
    if via == VendVia::Organizations {
        return Ok(by_organizations);
    }
    let found = match factory_facts(context.calls.as_ref()).await {
        Ok(found) => found,
        Err(why) if via == VendVia::Auto => {
            output::say(&format!(
                "warning: whether Control Tower governs the organization is not known ({}: {}); by Organizations",
                why.action, why.reason
            ));
            return Ok(by_organizations);
        }
        Err(why) => {
            let message = format!(
                "Control Tower cannot be read: {}: {}",
                why.action, why.reason
            );
            return Err(Failure::failed(message));
        }
    };
    let Some(found) = found else {
        if via == VendVia::Auto {
            return Ok(by_organizations);
        }
        let message = "there is no landing zone of Control Tower in this Region";
        return Err(Failure::bad_input(message).help("set `aws.region` to its home Region"));
    };
    can_launch(&found.obstacles)?;
    if found.zone.enrols_by_itself {
        output::say(
            "note: this landing zone enrols accounts that are moved; `--via organizations` takes minutes a row, Account \
             Factory half an hour",
        );
    }
    facts.has_landing_zone = true;
    for unit in &mut facts.units {
        unit.registered = found.registered.contains(&unit.id);
    }
    facts.heed_products(file, found.products);
    Ok(AccountMaker::Factory {
        principal: found.principal,
        at_once: args.concurrency,
    })
}

/// Who gets access where a row says nothing of its own: as the flags say, else as the configuration does.
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

/// What is said of the whole list, by flags and configuration.
fn wishes(
    args: &ListArgs,
    assign: &[ConfiguredAccess],
    facts: &VendingFacts,
) -> Result<ListWishes, Failure> {
    let mut access = BTreeSet::new();
    for wanted in assign {
        let unusable = |what: String| Failure::bad_input(what).at(wanted.place);
        let principal = match &wanted.who {
            ConfiguredPrincipal::Group(group) => facts
                .group(group)
                .ok_or_else(|| unusable(format!("there is no group `{group}`")))?,
            ConfiguredPrincipal::User(user) => facts
                .user(user)
                .ok_or_else(|| unusable(format!("there is no user `{user}`")))?,
        };
        // by name, or by ARN
        let set = wanted.permission_set.as_str();
        let by_arn = facts.permission_set_arns.get(set);
        let named = facts.permission_sets.iter().find(|it| it.as_str() == set);
        let permission_set = by_arn
            .or(named)
            .ok_or_else(|| unusable(format!("there is no permission set `{set}`")))?
            .clone();
        access.insert(WantedAccess {
            principal,
            permission_set,
        });
    }
    Ok(ListWishes {
        access: access.into_iter().collect(),
        adopt: if args.adopt {
            Adoption::SameNameAndAddress
        } else {
            Adoption::Never
        },
        ..ListWishes::default()
    })
}
