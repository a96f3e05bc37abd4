//! `hallpass activity pci act`: what is done about people over a limit, as plans (`inventory.md` §7.3). Rung by rung: whoever
//! was not disabled loses what they can use.

use std::collections::BTreeSet;

use clap::ValueEnum;
use hallpass_access_files::{
    AccountAssignment, GroupMember, PrincipalRef, ReviewedAccess, removal_plan,
};
use hallpass_chores::access_look::directory;
use hallpass_chores::plans::{self, PlanArgs, PlanContext, Settled};
use hallpass_config::Loaded;
use hallpass_host::runtime::runtime;
use hallpass_log_files::Fingerprints;
use hallpass_model::{AccountId, GroupId, PermissionSetArn, TimeSpan};
use hallpass_org::ReadCalls;
use hallpass_org::pci::{
    ActRefused, ChosenPeople, PeopleGuards, PeopleProvider, Providers, SeenLog, StaleBecause,
    StalePerson, choose, delete_plan, disable_plan, reach_of, suspend_plan,
};
use hallpass_reports::pci::RanReport;
use hallpass_runner::{PlanDraft, PlanReport, StepEnd};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use hallpass_wording::plan;
use serde_json::{Value, json};

use super::args::ReadArgs;
use super::ended::{by_hand, end};
use super::provided::{open, split};
use super::reading::read;

/// The kind of plans that take people's access away.
const CUT_PLAN_KIND: &str = "pci.cut";
/// What people may lose at once, however many they are.
const CUT_CHANGES_MAX: usize = 500;

/// Disable people over a limit, or take their access away
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Disable people over a limit, or take their access away\n\nOff unless the configuration says `act = true` \
                  below `[pci]`. Nothing is done without --apply. Refused as a whole (exit 4) where the log has gaps, \
                  of some people nothing can be said, or more people are over a limit than 5 or 5 %, whichever is \
                  less. Nobody is acted on who was found by a guessed name, or whom `pci.protected` names.\n\nThe first \
                  rung disables people in the identity store and believes only what it reads back; whoever is not \
                  disabled by it loses groups and assignments of their own. What Hallpass gave for a time is left to \
                  end by itself. `hallpass org plan undo ID` gives both back.\n\n`--by okta` suspends \
                  people who come from Okta there, which ends all that they use it for; `--by scim` makes them inactive \
                  through the SCIM endpoint of the instance. Each is meant by name and believes what it reads back.",
    after_help = "Examples:
  hallpass activity pci act --users users.json --source dir:trail
  hallpass activity pci act --users users.json --source dir:trail --person dave --apply
  hallpass activity pci act --users users.json --source lookup --by cut-access --apply
  hallpass activity pci act --users users.json --source lookup --by okta,scim,disable,cut-access
  hallpass activity pci act --users users.json --source lookup --grace 14"
)]
pub(super) struct Args {
    #[command(flatten)]
    read: ReadArgs,
    /// What is tried, in this order
    #[arg(long, value_enum, value_name = "RUNG,...", value_delimiter = ',', default_values = ["disable", "cut-access"])]
    by: Vec<ActRung>,
    /// Only these people, by name or id
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',')]
    person: Vec<String>,
    /// Allow more people than usual
    #[arg(long, value_name = "N")]
    max_people: Option<usize>,
    /// Act on expired passwords, too, so many days after they expired
    #[arg(long, value_name = "DAYS")]
    grace: Option<u32>,
    /// Delete people whose access is gone; nothing brings them back
    #[arg(long)]
    allow_delete: bool,
    /// Cut off the sessions, in member accounts, of whoever was acted on
    #[arg(long)]
    end_sessions: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

/// A rung of the ladder (`inventory.md` H-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ActRung {
    /// Suspended at Okta, if they come from there
    Okta,
    /// Inactive through the SCIM endpoint of the instance
    Scim,
    /// Disabled in the identity store, if that shows
    Disable,
    /// Out of groups, and without assignments of their own
    CutAccess,
}

/// What came of it.
#[derive(Default)]
struct Acted {
    plans: Vec<PlanReport>,
    exit: Option<Exit>,
    refused: Option<Failure>,
    notes: Vec<String>,
    /// What came of some is not known yet: the next rung waits for that.
    is_open: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.plan.format();
    let loaded = args.plan.load()?;
    let guards = PeopleGuards {
        protected: loaded.pci_protected()?,
        people_max: args.max_people,
        only: args.person.clone(),
    };
    let providers = providers(&loaded, &args.by)?;
    let ran = read(
        &args.read,
        &loaded,
        hallpass_clock::now(),
        Fingerprints::None,
    )?;
    let log = seen_log(&ran);
    let chosen = choose(&stale(&ran, args.grace), &log, &guards).map_err(refused)?;
    for left in &chosen.left {
        let (name, why) = (output::plain(&left.person.user_name), left.why);
        output::say(&format!("left alone: {name} ({why})"));
    }
    tell_passwords(&ran, &chosen);
    if chosen.act.is_empty() {
        output::say("nobody is acted on");
        print(&chosen, &Acted::default(), format)?;
        return Ok(Exit::Ok);
    }
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        let store = context.aws.about().identity_store_id.clone();
        if store != ran.people.identity_store_id {
            let read = &ran.people.identity_store_id;
            let message = format!("the people are of `{read}`, and Identity Center has `{store}`");
            return Err(Failure::bad_input(message)
                .help("list the people of the instance that the configuration is about"));
        }
        let acted = climb(&context, args, &providers, &chosen).await?;
        print(&chosen, &acted, format)?;
        for note in &acted.notes {
            output::say(note);
        }
        match acted.refused {
            Some(refused) => Err(refused),
            None => Ok(acted.exit.unwrap_or(Exit::Ok)),
        }
    })
}

/// The providers that the rungs need.
fn providers(loaded: &Loaded, rungs: &[ActRung]) -> Result<Providers, Failure> {
    let mut providers = Providers::default();
    for rung in rungs {
        match rung {
            ActRung::Okta => providers.okta = Some(open(loaded, PeopleProvider::Okta)?),
            ActRung::Scim => providers.scim = Some(open(loaded, PeopleProvider::Scim)?),
            ActRung::Disable | ActRung::CutAccess => {}
        }
    }
    Ok(providers)
}

/// What the log is worth, for both limits.
fn seen_log(ran: &RanReport) -> SeenLog {
    let users = &ran.report.users;
    let days = ran
        .limits
        .password
        .over_days
        .max(ran.limits.activity.over_days);
    let has = |state: &'static str| {
        move |it: &&hallpass_activity::PciRow| {
            it.activity_state == state || it.password_state == state
        }
    };
    SeenLog {
        as_of: ran.as_of,
        coverage_from: ran.coverage_from,
        needed_from: TimeSpan::hours(24 * u64::from(days)).before(ran.as_of),
        broken: ran.not_as_delivered(),
        unknown: users.iter().filter(has("unknown")).count(),
        enabled: users.len() - users.iter().filter(has("disabled")).count(),
    }
}

/// Who is over a limit: inactive people, and expired passwords past `grace`.
fn stale(ran: &RanReport, grace: Option<u32>) -> Vec<StalePerson> {
    let over = i64::from(ran.limits.password.over_days);
    let mut found = Vec::new();
    for row in &ran.report.users {
        let person = |because, days| StalePerson {
            user_id: row.user_id.clone(),
            user_name: row.user_name.clone(),
            because,
            days,
            is_weak_match: ran.report.weak_matches.contains(&row.user_id),
        };
        if let ("inactive", Some(days)) = (row.activity_state, row.inactive_days) {
            found.push(person(StaleBecause::Inactive, days));
        }
        if let ("expired", Some(days), Some(grace)) =
            (row.password_state, row.password_age_days, grace)
            && days >= over + i64::from(grace)
        {
            found.push(person(StaleBecause::PasswordExpired, days));
        }
    }
    found
}

/// Passwords that nobody is acted on for: no API resets them (`inventory.md` H-18).
fn tell_passwords(ran: &RanReport, chosen: &ChosenPeople) {
    let acted: BTreeSet<_> = chosen.act.iter().map(|it| &it.user_id).collect();
    let rows = ran.report.users.iter();
    for row in rows.filter(|it| it.password_state == "expired" && !acted.contains(&it.user_id)) {
        let name = output::plain(&row.user_name);
        output::say(&format!(
            "expired password: {name}. No API resets it: console of IAM Identity Center, Users, {name}, Reset password"
        ));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(why: ActRefused) -> Failure {
    let failure = match &why {
        ActRefused::NotStale(_) => return Failure::bad_input(why.to_string()),
        _ => Failure::refused(format!("nobody is acted on: {why}")).code("refused"),
    };
    failure.help(match why {
        ActRefused::TooMany { .. } => {
            "`--person` names some of them; `--max-people N` says that so many are meant"
        }
        _ => "`hallpass activity pci report` over the same log shows what is missing",
    })
}

/// Rung by rung, until nobody is left.
async fn climb(
    context: &PlanContext,
    args: &Args,
    providers: &Providers,
    chosen: &ChosenPeople,
) -> Result<Acted, Failure> {
    let mut acted = Acted::default();
    let mut left = chosen.act.clone();
    for rung in &args.by {
        if left.is_empty() {
            break;
        }
        left = match rung {
            ActRung::Okta => {
                let okta = PeopleProvider::Okta;
                suspend(context, args, (okta, providers), left, &mut acted).await?
            }
            ActRung::Scim => {
                let scim = PeopleProvider::Scim;
                suspend(context, args, (scim, providers), left, &mut acted).await?
            }
            ActRung::Disable => disable(context, args, left, &mut acted).await?,
            ActRung::CutAccess => cut(context, args, left, &mut acted).await?,
        };
        // a plan that is only shown says nothing of the next one
        let is_only_shown = !args.plan.is_applying() && !acted.plans.is_empty();
        if is_only_shown || acted.refused.is_some() {
            return Ok(acted);
        }
        if acted.is_open {
            let words = "what came of some is not known yet, so nothing more is tried: run the same command again";
            acted.notes.push(words.to_owned());
            acted.exit = Some(Exit::Failed);
            return Ok(acted);
        }
    }
    let reached: Vec<&StalePerson> = chosen.act.iter().filter(|it| !left.contains(it)).collect();
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(|it| output::plain(&it.user_name)).collect();
        let names = names.join(", ");
        acted.notes.push(format!("still as they were: {names}"));
        acted.exit = Some(Exit::Failed);
    }
    if reached.is_empty() {
        return Ok(acted);
    }
    if !args.end_sessions {
        acted.notes.push(by_hand(&reached));
        return Ok(acted);
    }
    let before = acted.exit;
    let (settled, warnings) = end(context, &args.plan, &reached).await?;
    note(&mut acted, settled);
    acted.notes.extend(warnings);
    // who was not reached is told, whatever came of the sessions of the others
    if before == Some(Exit::Failed) {
        acted.exit = before;
    }
    Ok(acted)
}

/// People suspended where they come from; who that did not reach.
async fn suspend(
    context: &PlanContext,
    args: &Args,
    (provider, providers): (PeopleProvider, &Providers),
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    let port = match provider {
        PeopleProvider::Okta => providers.okta.as_deref(),
        PeopleProvider::Scim => providers.scim.as_deref(),
    };
    let name = provider.name();
    let port = port.ok_or_else(|| Failure::bug(format!("no `{name}` was opened")))?;
    let (there, mut others) = split(context, provider, port, people).await?;
    if !others.is_empty() {
        let count = others.len();
        acted.notes.push(format!(
            "{count} people are not at `{name}`, or not by their name"
        ));
    }
    if there.is_empty() {
        return Ok(others);
    }
    let organization = context.aws.about().organization_id.clone();
    let organization = organization.unwrap_or_default();
    let draft = suspend_plan(provider, port.base(), &organization, &there);
    let question = format!("Suspend {} people at {}?", there.len(), port.base());
    let meant = there.into_iter().map(|it| it.person).collect();
    let left = settled(context, args, (draft, &question), meant, acted).await?;
    if args.plan.is_applying() && !left.is_empty() {
        let (count, base) = (left.len(), port.base());
        acted
            .notes
            .push(format!("{count} people are not suspended at {base}"));
    }
    others.extend(left);
    Ok(others)
}

/// People disabled in the identity store; who that did not reach.
async fn disable(
    context: &PlanContext,
    args: &Args,
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    let about = context.aws.about();
    let organization = about.organization_id.clone().unwrap_or_default();
    let draft = disable_plan(&about.identity_store_id, &organization, &people);
    let question = format!("Disable {} people?", people.len());
    let left = settled(context, args, (draft, &question), people, acted).await?;
    if args.plan.is_applying() && !left.is_empty() {
        let count = left.len();
        acted.notes.push(format!(
            "{count} people are not disabled: the identity store did not take it, or does not show it"
        ));
    }
    Ok(left)
}

/// Settles a plan of one step a person; who it did not reach.
async fn settled(
    context: &PlanContext,
    args: &Args,
    (draft, question): (PlanDraft, &str),
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    let settled = plans::settle(context, draft, &args.plan, question).await?;
    let done = done_targets(&settled.report);
    acted.is_open |= settled.report.targets.iter().any(|it| is_open(it.outcome));
    note(acted, settled);
    let is_left = |it: &StalePerson| !done.contains(&format!("user {}", it.user_name));
    Ok(people.into_iter().filter(is_left).collect())
}

/// The targets of which all is as it should be.
fn done_targets(report: &PlanReport) -> BTreeSet<String> {
    let is_done = |outcome| matches!(outcome, StepEnd::Changed | StepEnd::Unchanged);
    let rows = report.targets.iter().filter(|it| is_done(it.outcome));
    rows.map(|it| it.target.key.clone()).collect()
}

/// Whether it may come out either way still: only what surely failed is a reason for the next rung.
const fn is_open(outcome: StepEnd) -> bool {
    match outcome {
        StepEnd::Unchanged | StepEnd::Changed | StepEnd::Failed => false,
        StepEnd::Skipped | StepEnd::Blocked | StepEnd::Drifted | StepEnd::InProgress => true,
    }
}

fn note(acted: &mut Acted, settled: Settled) {
    acted.exit = Some(settled.exit);
    acted.refused = settled.refused;
    acted.plans.push(settled.report);
}

/// The second rung; who it did not reach.
async fn cut(
    context: &PlanContext,
    args: &Args,
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    let (removals, temporary) = removals(context, &people).await?;
    if temporary > 0 {
        acted.notes.push(format!(
            "{temporary} of what they have was given for a time, and ends by itself"
        ));
    }
    if removals.is_empty() {
        acted
            .notes
            .push("there is no access to take away".to_owned());
        acted.exit = Some(Exit::Ok);
        return delete(context, args, people, acted).await;
    }
    let organization = context.aws.about().organization_id.clone();
    let organization = organization.unwrap_or_default();
    let directory = directory(&context.access(), false).await?;
    let facts = json!({ "people": people });
    let mut draft = removal_plan(CUT_PLAN_KIND, &removals, (&organization, &directory), facts);
    draft.limits_mut().changes_max = CUT_CHANGES_MAX;
    let question = format!("Take {} assignments and memberships away?", removals.len());
    let settled = plans::settle(context, draft, &args.plan, &question).await?;
    let is_whole = settled.exit == Exit::Ok && settled.refused.is_none();
    note(acted, settled);
    if !is_whole || !args.plan.is_applying() {
        return Ok(people);
    }
    delete(context, args, people, acted).await
}

/// The last rung, where it is allowed: people without access.
async fn delete(
    context: &PlanContext,
    args: &Args,
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    if !args.allow_delete || !args.plan.is_applying() {
        return Ok(Vec::new());
    }
    let about = context.aws.about();
    let organization = about.organization_id.clone().unwrap_or_default();
    let draft = delete_plan(&about.identity_store_id, &organization, &people);
    let question = format!("Delete {} people for good?", people.len());
    let settled = plans::settle(context, draft, &args.plan, &question).await?;
    let is_whole = settled.exit == Exit::Ok && settled.refused.is_none();
    note(acted, settled);
    Ok(if is_whole { Vec::new() } else { people })
}

/// What people can use by themselves, but for what grants hold; and how much of that there is.
async fn removals(
    context: &PlanContext,
    people: &[StalePerson],
) -> Result<(Vec<ReviewedAccess>, usize), Failure> {
    let about = context.aws.about();
    let place = (
        about.instance_arn.as_str(),
        about.identity_store_id.as_str(),
    );
    let sets = context.center.sets().await;
    let sets =
        sets.map_err(|fault| Failure::failed(format!("permission sets cannot be read: {fault}")))?;
    let unusable =
        |error: String| Failure::failed(format!("AWS answered what cannot be used: {error}"));
    let (mut found, mut temporary) = (Vec::new(), 0);
    for person in people {
        let calls: &dyn ReadCalls = context.calls.as_ref();
        let reach = reach_of(calls, place, &person.user_id)
            .await
            .map_err(|fact| {
                let (action, reason) = (fact.action, fact.reason);
                Failure::failed(format!(
                    "what people can use cannot be read: {action}: {reason}"
                ))
            })?;
        for group in reach.groups {
            let member = GroupMember {
                group: GroupId::new(group).map_err(|it| unusable(it.to_string()))?,
                user: person.user_id.clone(),
            };
            if context
                .grants
                .is_temporary_member(&member)
                .await
                .map_err(Failure::failed)?
            {
                temporary += 1;
            } else {
                found.push(ReviewedAccess::Membership(member));
            }
        }
        for (account, set) in reach.assignments {
            let arn = PermissionSetArn::new(set).map_err(|it| unusable(it.to_string()))?;
            let name = sets
                .iter()
                .find(|(_, it)| **it == arn)
                .map(|(name, _)| name.clone());
            let assignment = AccountAssignment {
                permission_set: name.ok_or_else(|| unusable(format!("no set is `{arn}`")))?,
                account: AccountId::new(account).map_err(|it| unusable(it.to_string()))?,
                principal: PrincipalRef::User(person.user_id.clone()),
            };
            if context
                .grants
                .is_temporary(&arn, &assignment)
                .await
                .map_err(Failure::failed)?
            {
                temporary += 1;
            } else {
                found.push(ReviewedAccess::Assignment(assignment));
            }
        }
    }
    Ok((found, temporary))
}

fn print(chosen: &ChosenPeople, acted: &Acted, format: Format) -> Result<(), Failure> {
    let whole: Value = json!({ "people": chosen.act, "left": chosen.left, "plans": acted.plans });
    match format {
        Format::Json | Format::Jsonl => output::one(format, &whole, &[], String::new),
        Format::Table | Format::Csv => {
            let rows: Vec<_> = acted
                .plans
                .iter()
                .flat_map(|it| it.targets.clone())
                .collect();
            output::list(format, &rows, plans::FIELDS, || table(&acted.plans))
        }
    }
}

fn table(reports: &[PlanReport]) -> Table {
    let mut table = Table::new(&["what", "outcome", "why"]);
    for report in reports {
        for row in &report.targets {
            let outcome = plan::outcome_cell(row.outcome, report.is_planned()).to_owned();
            table.row([row.target.key.clone(), outcome, row.reason.clone()]);
        }
    }
    table
}
