//! `hallpass activity pci act`: plans against users over a limit (`inventory.md` §7.3). Step by
//! step: users who were not disabled lose their access.

use std::collections::BTreeSet;

use clap::ValueEnum;
use hallpass_activity::PciPerson;
use hallpass_app::chores::plans::chore::{self, Carried, Opened};
use hallpass_app::chores::plans::{self, PlanArgs};
use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::reports::pci::{OtherRegions, RanReport};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::plan;
use hallpass_org::pci::{
    ActRefused, ChosenPeople, PeopleGuards, PeopleProvider, Providers, SeenLog, StaleBecause,
    StalePerson, choose, is_called,
};
use hallpass_plans::PlanReport;
use hallpass_rules::nearest;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

use super::args::ReadArgs;
use super::ended::{EndSessions, by_hand};
use super::provided::open;
use super::reading::read_to_act;
use super::rungs::{InStore, RevokedAccess, RungShown, Suspend};

/// Disable users over a limit, or remove their access
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Disable users over a limit, or remove their access\n\nOff unless the \
                  configuration says `act = true` below `[pci]`. Nothing is done without --apply. \
                  Refused as a whole (exit 4) if the log has gaps, some people cannot be judged, \
                  or more people are over a limit than 5 or 5 %, whichever is less. People found \
                  by a guessed name, or named in `pci.protected`, are left alone.\n\nThe first \
                  rung disables people in the identity store and verifies it by reading back; \
                  people it does not disable lose their groups and direct assignments. Temporary \
                  access from Hallpass is left to expire. `hallpass org plan undo ID` restores \
                  both.\n\n`--by okta` suspends people in Okta, which ends all their use of it; \
                  `--by scim` makes them inactive through the SCIM endpoint of the instance. Both \
                  run only if named in `--by`, and verify it by reading back.",
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
    /// Actions to try, in this order
    #[arg(long, value_enum, value_name = "RUNG,...", value_delimiter = ',', default_values = ["disable", "cut-access"])]
    by: Vec<ActRung>,
    /// Only these users, by name or id
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',')]
    person: Vec<String>,
    /// Allow more users than usual
    #[arg(long, value_name = "N")]
    max_people: Option<usize>,
    /// Also act on passwords expired for this many days
    #[arg(long, value_name = "DAYS")]
    grace: Option<u32>,
    /// Delete users without remaining access; this cannot be undone
    #[arg(long)]
    allow_delete: bool,
    /// Revoke member account sessions of all users acted on
    #[arg(long)]
    end_sessions: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

/// An action of the sequence (`inventory.md` H-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ActRung {
    /// Suspend at Okta, if the user comes from there
    Okta,
    /// Deactivate through the SCIM endpoint of the instance
    Scim,
    /// Disable in the identity store, if that is visible
    Disable,
    /// Remove from groups, and delete direct assignments
    #[value(name = "cut-access")]
    RevokeAccess,
}

/// The result.
#[derive(Default)]
struct Acted {
    plans: Vec<PlanReport>,
    exit: Option<Exit>,
    refused: Option<Failure>,
    notes: Vec<String>,
    /// Some results are pending: the next action waits for them.
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
    let ran = read_to_act(&args.read, &loaded, instance_regions(&loaded)?)?;
    check_protected(&guards.protected, &ran.people.people)?;
    let log = seen_log(&ran);
    let chosen = choose(&stale(&ran, args.grace), &log, &guards).map_err(refused)?;
    for left in &chosen.left {
        let (name, why) = (output::plain(&left.person.user_name), left.why);
        output::say(&format!("left alone: {name} ({why})"));
    }
    tell_passwords(&ran, &chosen);
    if chosen.act.is_empty() {
        output::say("no action on users");
        print(&chosen, &Acted::default(), format)?;
        return Ok(Exit::Ok);
    }
    runtime()?.block_on(async {
        let context = &plans::open(&loaded).await?;
        let store = &context.aws.about().identity_store_id;
        if *store != ran.people.identity_store_id {
            let read = &ran.people.identity_store_id;
            let message = format!("the people are of `{read}`, and Identity Center has `{store}`");
            return Err(Failure::bad_input(message)
                .help("list the people of the instance that the configuration is about"));
        }
        let at = Opened {
            loaded: &loaded,
            context,
        };
        let acted = climb(&at, args, &providers, &chosen).await?;
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

/// Sign-in Regions other than the home Region: users acted on must be inactive in all of them.
///
/// # Errors
/// Exit 1 where the instance does not answer.
fn instance_regions(loaded: &Loaded) -> Result<OtherRegions, Failure> {
    runtime()?.block_on(async {
        let context = plans::open(loaded).await?;
        OtherRegions::of(context.aws.instance_regions().await)
    })
}

fn check_protected(protected: &[String], people: &[PciPerson]) -> Result<(), Failure> {
    let is_somebody = |name: &&String| {
        people
            .iter()
            .any(|it| is_called(name, &it.user_name, &it.user_id))
    };
    let Some(unknown) = protected.iter().find(|it| !is_somebody(it)) else {
        return Ok(());
    };
    let failure = Failure::bad_input(format!(
        "`pci.protected`: `{unknown}` is no user name or id, so no action is taken"
    ));
    Err(failure.help(match meant(unknown, people) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write the user name or the id of a listed person, or remove the entry".to_owned(),
    }))
}

fn meant<'a>(name: &str, people: &'a [PciPerson]) -> Option<&'a str> {
    let has_address = |it: &&PciPerson| {
        let mut emails = it.emails.iter();
        emails.any(|email| email.eq_ignore_ascii_case(name))
    };
    let known = people.iter().map(|it| it.user_name.as_str());
    match people.iter().find(has_address) {
        Some(person) => Some(&person.user_name),
        None => nearest(name, known),
    }
}

fn providers(loaded: &Loaded, rungs: &[ActRung]) -> Result<Providers, Failure> {
    let mut providers = Providers::default();
    for rung in rungs {
        match rung {
            ActRung::Okta => providers.okta = Some(open(loaded, PeopleProvider::Okta)?),
            ActRung::Scim => providers.scim = Some(open(loaded, PeopleProvider::Scim)?),
            ActRung::Disable | ActRung::RevokeAccess => {}
        }
    }
    Ok(providers)
}

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
        unseen_regions: ran.unseen_regions(),
        enabled: users.len() - users.iter().filter(has("disabled")).count(),
    }
}

/// Users over a limit: inactive, or with a password expired beyond `grace`.
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

#[expect(clippy::needless_pass_by_value, reason = "used in `map_err`")]
fn refused(why: ActRefused) -> Failure {
    let failure = match &why {
        ActRefused::NotStale(_) => return Failure::bad_input(why.to_string()),
        _ => Failure::refused(format!("no action on users: {why}")).code("refused"),
    };
    failure.help(match why {
        ActRefused::TooMany { .. } => {
            "`--person` selects some of them; `--max-people N` allows that many"
        }
        _ => "`hallpass activity pci report` over the same log shows the gaps",
    })
}

async fn climb(
    at: &Opened<'_>,
    args: &Args,
    providers: &Providers,
    chosen: &ChosenPeople,
) -> Result<Acted, Failure> {
    let mut acted = Acted::default();
    let mut left = chosen.act.clone();
    let plan = &args.plan;
    for rung in &args.by {
        if left.is_empty() {
            break;
        }
        left = match rung {
            ActRung::Okta => {
                let okta = Suspend::new(PeopleProvider::Okta, providers, left)?;
                acted.take(chore::carry(&okta, at, plan).await?)
            }
            ActRung::Scim => {
                let scim = Suspend::new(PeopleProvider::Scim, providers, left)?;
                acted.take(chore::carry(&scim, at, plan).await?)
            }
            ActRung::Disable => acted.take(chore::carry(&InStore::Disable(left), at, plan).await?),
            ActRung::RevokeAccess => cut_access(at, args, left, &mut acted).await?,
        };
        let is_only_shown = !plan.is_applying() && !acted.plans.is_empty();
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
    let is_reached = |it: &&StalePerson| !left.contains(it);
    let reached: Vec<StalePerson> = chosen.act.iter().filter(is_reached).cloned().collect();
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
    acted.take(chore::carry(&EndSessions::new(reached), at, plan).await?);
    if before == Some(Exit::Failed) {
        acted.exit = before;
    }
    Ok(acted)
}

/// Removes access, and deletes users without any left, if allowed; returns the remaining users.
async fn cut_access(
    at: &Opened<'_>,
    args: &Args,
    people: Vec<StalePerson>,
    acted: &mut Acted,
) -> Result<Vec<StalePerson>, Failure> {
    let plan = &args.plan;
    let carried = chore::carry(&RevokedAccess(people.clone()), at, plan).await?;
    let without = carried.shown.without_access(&people);
    let left = acted.take(carried);
    // removed access can be restored, a deleted user cannot
    if !left.is_empty() || !args.allow_delete || !plan.is_applying() {
        return Ok(left);
    }
    let kept = people.len() - without.len();
    if kept > 0 {
        acted.notes.push(format!(
            "{kept} people are not deleted: they hold temporary access until it expires"
        ));
    }
    if without.is_empty() {
        return Ok(left);
    }
    Ok(acted.take(chore::carry(&InStore::Delete(without), at, plan).await?))
}

impl Acted {
    fn take(&mut self, carried: Carried<RungShown>) -> Vec<StalePerson> {
        let told = carried.shown;
        self.notes.extend(told.notes);
        self.notes.extend(carried.nothing);
        self.is_open |= told.is_open;
        self.exit = Some(carried.exit);
        if let Some(settled) = carried.settled {
            self.refused = settled.refused;
            self.plans.push(settled.report);
        }
        told.left
    }
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

#[cfg(test)]
mod tests {
    use hallpass_activity::{PersonStatus, SignInPlace};
    use hallpass_base::UserId;

    use super::*;

    #[test]
    fn h_19_a_protected_name_that_is_nobodys_is_refused_with_the_nearest() {
        let id = "11111111-1111-4111-8111-111111111111";
        let people = [PciPerson {
            user_id: UserId::new(id).unwrap(),
            user_name: "break-glass-1".to_owned(),
            created_at: None,
            status: PersonStatus::Enabled,
            sign_in: SignInPlace::Directory,
            emails: vec!["root@acme.example".to_owned()],
        }];
        let checked = |name: &str| check_protected(&[name.to_owned()], &people);
        for name in ["break-glass-1", "Break-Glass-1", id] {
            assert!(checked(name).is_ok(), "{name}");
        }
        let near = Some("break-glass-1");
        for (name, wanted) in [
            ("breakglas-1", near),
            ("Root@acme.example", near),
            ("somebody-else", None),
        ] {
            let refused = checked(name).expect_err(name);
            assert_eq!(refused.exit(), Exit::BadInput, "{name}");
            assert!(refused.words().contains(name), "{}", refused.words());
            assert_eq!(meant(name, &people), wanted, "{name}");
        }
    }
}
