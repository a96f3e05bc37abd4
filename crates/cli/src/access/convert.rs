//! `hallpass access convert`: proposes rules to replace standing access (`inventory.md` A-17).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hallpass_access_files::{
    Conversion, LeftOutReason, PrincipalRef, ProposedLimits, convert, export, proposed_rules,
};
use hallpass_activity::StandingUse;
use hallpass_app::chores::access_look::{directory_with_members, seen, usable};
use hallpass_app::chores::plans;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_base::text::csv_cell;
use hallpass_base::{GroupId, PermissionSetName, TimeSpan, UserId};
use hallpass_rules::{Directory, GroupRef};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::output::{self, plain, wrapped};

use super::written::write_all;
use super::{convert_forecast, convert_use};

/// Files of `--to`: the rules, the remaining access, and the affected people.
const RULES: &str = "rules.toml";
const ACCESS: &str = "access.yaml";
const PEOPLE: &str = "people.csv";
/// With `--forecast`.
const FORECAST: &str = "forecast.csv";

/// Propose rules to replace standing access
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Propose rules to replace standing access\n\nReads all standing assignments and \
                  writes rules that let exactly the same users request exactly the same access. \
                  With --to also an access file without it: `hallpass access plan` shows the \
                  assignments to remove, and `apply` removes them. Nothing is changed here. AWS's \
                  own sets, sets that are kept or that a file protects, temporary access, and \
                  programs are left as they are. With --activity the list of people has the days \
                  of use of each; rare users lose least with requests. With --forecast it shows how many \
                  requests each rule would bring, where a day of use is one request, and writes \
                  forecast.csv.",
    after_help = "Examples:
  hallpass access convert --approvers prod-approvers > rules.toml
  hallpass access convert --approvers leads --keep BreakGlass --to proposed \\
      --activity snapshots
  hallpass access convert --approvers leads --to proposed --activity snapshots --forecast
  hallpass rules check proposed/rules.toml
  hallpass access plan proposed/access.yaml"
)]
pub(super) struct Args {
    /// Access files; their protected sets stay
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The group whose members approve
    #[arg(long, value_name = "GROUP")]
    approvers: String,
    /// The longest duration of a request
    #[arg(long, value_name = "TIME", default_value = "4h")]
    max_duration: TimeSpan,
    /// A permission set to keep, such as that of break-glass accounts
    #[arg(long, value_name = "SET")]
    keep: Vec<PermissionSetName>,
    /// Folder of the activity table, to report how often access was used
    #[arg(long, value_name = "DIR", requires = "to")]
    activity: Option<PathBuf>,
    /// Number of days to count use
    #[arg(long, value_name = "N", default_value_t = 90, requires = "activity", value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    /// Show how many requests each rule would bring, in the order that interrupts least
    #[arg(long, requires = "activity")]
    forecast: bool,
    /// Folder for the rules, the remaining access file and the affected people
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut keep: BTreeSet<PermissionSetName> = args.keep.iter().cloned().collect();
    if !args.files.is_empty() {
        let sets = usable(&args.files, |it| output::say(&it))?.sets;
        let protected = sets.into_iter().filter(|(_, set)| set.protect);
        keep.extend(protected.map(|(name, _)| name));
    }
    let (conversion, converted, directory) = runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        let seen = seen(&context.access(), |_| true).await?;
        let groups = seen
            .assignments
            .iter()
            .filter_map(|it| match &it.principal {
                PrincipalRef::Group(group) => Some(GroupRef::Id(group.clone())),
                PrincipalRef::User(_) => None,
            });
        let directory = directory_with_members(&context.access(), groups.collect()).await?;
        let sets = directory.permission_sets().iter();
        check_kept(&args.keep, &sets.map(|it| it.name.clone()).collect())?;
        let conversion = convert(&seen, &directory, &keep);
        let converted = seen
            .assignments
            .difference(&conversion.remaining.assignments);
        let converted = converted.cloned().collect();
        Ok::<_, Failure>((conversion, converted, directory))
    })?;
    args.check_approvers(&directory)?;
    let limits = ProposedLimits {
        approvers: args.approvers.clone(),
        max_duration: args.max_duration,
    };
    let rules = proposed_rules(&conversion, &directory, &limits);
    match &args.to {
        None => output::print(&rules)?,
        Some(folder) => {
            let left = export(&conversion.remaining, &directory, true);
            let mut files: BTreeMap<&str, &str> = BTreeMap::new();
            let policies = left.policies.iter();
            files.extend(policies.map(|(path, text)| (path.as_str(), text.as_str())));
            let mut used = BTreeMap::new();
            if let Some(activity) = &args.activity {
                used = convert_use::read(activity, args.days, &conversion, &converted, &directory)?;
            }
            let people = people(&conversion, &directory, &used);
            files.extend([(RULES, &*rules), (ACCESS, &*left.text), (PEOPLE, &*people)]);
            let steps = convert_forecast::forecast(&conversion, &used);
            let forecast = convert_forecast::csv(&steps, args.days);
            if args.forecast {
                files.insert(FORECAST, &forecast);
                let table = convert_forecast::table(&steps, args.days);
                output::print(&table.text(None))?;
            }
            write_all(folder, files)?;
        }
    }
    say(&conversion);
    if args.activity.is_none() {
        output::say("how often it is used is not looked at: `--activity DIR`");
    }
    Ok(Exit::Ok)
}

/// Validates the names of kept sets: a typo would replace the intended set.
fn check_kept(keep: &[PermissionSetName], known: &BTreeSet<String>) -> Result<(), Failure> {
    let Some(unknown) = keep.iter().find(|name| !known.contains(name.as_str())) else {
        return Ok(());
    };
    let failure =
        Failure::bad_input(format!("there is no permission set `{unknown}`")).at("--keep");
    Err(match nearest(unknown.as_str(), known) {
        Some(name) => failure.help(format!("did you mean `{}`?", plain(name))),
        None => failure.help("`hallpass access export` lists those that there are"),
    })
}

impl Args {
    fn check_approvers(&self, directory: &Directory) -> Result<(), Failure> {
        let id = GroupId::new(self.approvers.as_str()).ok();
        let by_id = id.and_then(|id| directory.group(&id));
        if by_id
            .or_else(|| directory.group_by_name(&self.approvers))
            .is_some()
        {
            return Ok(());
        }
        let message = format!("there is no one group `{}`", plain(&self.approvers));
        Err(Failure::bad_input(message).help("name the group that is to approve, or its id"))
    }
}

fn people(
    conversion: &Conversion,
    directory: &Directory,
    used: &BTreeMap<(&str, &UserId), StandingUse>,
) -> String {
    let mut text = "rule,user_name,email,usage,days_used,last_used\r\n".to_owned();
    for rule in &conversion.rules {
        for id in rule.people.iter().flatten() {
            let person = directory.person(id);
            let name = person.map_or_else(|| id.to_string(), |it| it.user_name.clone());
            let email = person.and_then(|it| it.emails.first());
            let email = email.map(ToString::to_string).unwrap_or_default();
            let (usage, days, last) = match used.get(&(rule.id.as_str(), id)) {
                Some(StandingUse::Used { days, last }) => {
                    ("used", days.to_string(), last.to_string())
                }
                Some(StandingUse::Never) => ("never", "0".to_owned(), String::new()),
                Some(StandingUse::NotKnown) | None => ("unknown", String::new(), String::new()),
            };
            let cells = [rule.id.as_str(), &name, &email, usage, &days, &last].map(csv_cell);
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
    }
    text
}

fn say(conversion: &Conversion) {
    let line = |text: &str| output::say(&wrapped(&plain(text), 78, 2));
    let concerned: BTreeSet<_> = conversion
        .rules
        .iter()
        .flat_map(|it| it.people.iter().flatten())
        .collect();
    let rules = conversion.rules.len();
    line(&format!(
        "{rules} rules in place of standing access of {} people",
        concerned.len()
    ));
    let mut reasons: BTreeMap<LeftOutReason, usize> = BTreeMap::new();
    for reason in conversion.left_out.values() {
        *reasons.entry(*reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        line(&format!("left as they are ({count}): {reason}"));
    }
    let programs = conversion.left_out.iter();
    let programs = programs.filter(|(_, reason)| **reason == LeftOutReason::Program);
    for (it, _) in programs {
        line(&format!(
            "- {} in {} for {}",
            it.permission_set, it.account, it.principal
        ));
    }
    let temporary = conversion.remaining.temporary.len();
    if temporary > 0 {
        line(&format!("temporary, and not looked at ({temporary})"));
    }
    output::say("not covered: account access entitlements");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_is_to_be_kept_has_to_be_one() {
        let known = ["BreakGlass", "ReadOnly"].map(str::to_owned).into();
        let told = |names: &[&str]| {
            let names = names.iter().map(|it| PermissionSetName::new(*it).unwrap());
            let names: Vec<_> = names.collect();
            check_kept(&names, &known).map_err(|it| (it.exit(), it.remedy().map(str::to_owned)))
        };
        assert_eq!(told(&[]), Ok(()));
        assert_eq!(told(&["ReadOnly", "BreakGlass"]), Ok(()));
        for (name, remedy) in [
            ("Breakglass", "did you mean `BreakGlass`?"),
            ("BreakGlas", "did you mean `BreakGlass`?"),
            (
                "Other",
                "`hallpass access export` lists those that there are",
            ),
        ] {
            let refused = Err((Exit::BadInput, Some(remedy.to_owned())));
            assert_eq!(told(&["ReadOnly", name]), refused, "{name}");
        }
    }
}
