use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hallpass_access_files::{AccountAssignment, Conversion, ProposedAccounts, ProposedRule};
use hallpass_activity::{
    AccountActivity, ActivityManifest, StandingUse, StandingWindow, standing_use,
};
use hallpass_app::host::activity_days;
use hallpass_base::{AccountId, TimeSpan, UserId};
use hallpass_rules::Directory;
use hallpass_terminal::exit::Failure;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(super) fn read<'a>(
    folder: &Path,
    days: u32,
    conversion: &'a Conversion,
    converted: &BTreeSet<AccountAssignment>,
    directory: &Directory,
) -> Result<BTreeMap<(&'a str, &'a UserId), StandingUse>, Failure> {
    if !folder.join(ActivityManifest::place()).exists() {
        let failure = Failure::bad_input(format!("no activity lies in `{}`", folder.display()));
        return Err(failure.help("`hallpass activity ingest` reads logs of CloudTrail into it"));
    }
    let now = hallpass_base::clock::now();
    let date = |at: hallpass_base::Timestamp| at.to_zoned(TimeZone::UTC).date();
    let window = date(TimeSpan::hours(24 * u64::from(days)).before(now))..=date(now);
    let looked_at: Vec<Date> = window
        .start()
        .series(jiff::Span::new().days(1))
        .take_while(|it| it <= window.end())
        .collect();
    let mut activity: BTreeMap<&AccountId, AccountActivity> = BTreeMap::new();
    for account in converted.iter().map(|it| &it.account) {
        if !activity.contains_key(account) {
            let found = activity_days::read(folder, account.as_str(), &looked_at)
                .map_err(|error| Failure::unreadable(folder.display(), &error))?;
            activity.insert(account, found);
        }
    }
    let mut used = BTreeMap::new();
    for rule in &conversion.rules {
        let accounts = accounts(rule, converted);
        for person in rule.people.iter().flatten() {
            let window = StandingWindow {
                permission_sets: rule
                    .permission_sets
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                user_id: person.to_string(),
                names: names(directory, person),
                days: window.clone(),
            };
            let of_rule = accounts.iter().filter_map(|it| activity.get(it));
            used.insert((rule.id.as_str(), person), standing_use(&window, of_rule));
        }
    }
    Ok(used)
}

fn accounts<'a>(
    rule: &ProposedRule,
    converted: &'a BTreeSet<AccountAssignment>,
) -> BTreeSet<&'a AccountId> {
    let of_set = converted
        .iter()
        .filter(|it| rule.permission_sets.contains(&it.permission_set));
    let is_in = |account: &AccountId| match &rule.accounts {
        ProposedAccounts::Accounts(named) => named.contains(account),
        ProposedAccounts::Units(_) => true,
    };
    of_set
        .map(|it| &it.account)
        .filter(|it| is_in(it))
        .collect()
}

/// Possible session names of a user.
fn names(directory: &Directory, person: &UserId) -> Vec<String> {
    let person = directory.person(person);
    let name = person.map(|it| it.user_name.clone());
    let emails = person
        .into_iter()
        .flat_map(|it| it.emails.iter().map(ToString::to_string));
    name.into_iter().chain(emails).collect()
}
