use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hallpass_access::DirectorySource;
use hallpass_assignments::{IdentityCenter, Urgency};
use hallpass_rules::{Directory, GroupRef};

use crate::Arguments;
use crate::counts::Counts;
use crate::report::{Report, equal, holds};
use crate::world::{Fixtures, World};

pub(crate) async fn run(
    report: &mut Report,
    world: &World,
    arguments: &Arguments,
    counts: &Counts,
) -> Option<Fixtures> {
    let before = (counts.calls(), Instant::now());
    let directory = match world.inventory.refresh().await {
        Ok(directory) => directory,
        Err(fault) => {
            report.check("D-01", "refresh", Err(fault.to_string()));
            return None;
        }
    };
    let first = counts.calls() - before.0;
    println!(
        "     {} accounts, {} units, {} permission sets, {} users, {} groups: {first} calls, {} ms",
        directory.accounts().len(),
        directory.organizational_units().len(),
        directory.permission_sets().len(),
        directory.people().len(),
        directory.groups().len(),
        before.1.elapsed().as_millis(),
    );
    completeness(report, &directory, arguments);
    let fixtures = fixtures(world, &directory).await;
    let fixtures = match fixtures {
        Ok(fixtures) => fixtures,
        Err(why) => {
            report.check("D-05", "things to act on", Err(why));
            return None;
        }
    };
    report.check("D-05", "things to act on", Ok(()));
    again(report, world, &directory, &fixtures, counts, first).await;
    Some(fixtures)
}

fn completeness(report: &mut Report, directory: &Directory, arguments: &Arguments) {
    let accounts = directory.accounts();
    report.check(
        "D-01",
        "every page of accounts",
        holds(
            accounts.len() >= arguments.accounts_min,
            format!("{} accounts", accounts.len()),
        ),
    );
    report.check(
        "D-02",
        "every page of users, with addresses",
        holds(
            directory.people().len() >= arguments.users_min
                && directory
                    .people()
                    .iter()
                    .any(|user| !user.emails.is_empty()),
            format!("{} users", directory.people().len()),
        ),
    );
    let placed = accounts.iter().flat_map(|account| &account.ous);
    let ids: BTreeSet<_> = placed.map(|unit| unit.id.as_str()).collect();
    report.check(
        "D-03",
        "accounts have their units, and the root's id is known",
        holds(
            !ids.is_empty()
                && ids.iter().all(|id| id.starts_with("ou-"))
                && directory.root_id().starts_with("r-")
                && accounts.iter().any(|account| account.ous.len() > 1),
            format!("root {}, units {ids:?}", directory.root_id()),
        ),
    );
    let sets = directory.permission_sets();
    report.check(
        "D-04",
        "permission sets have names and session durations",
        holds(
            !sets.is_empty()
                && sets
                    .iter()
                    .all(|set| !set.name.is_empty() && set.session_duration >= 3600),
            format!("{sets:?}"),
        ),
    );
}

async fn fixtures(world: &World, directory: &Directory) -> Result<Fixtures, String> {
    let management = world.aws.about().account.clone();
    let account = directory
        .accounts()
        .iter()
        .find(|account| account.active && account.id.as_str() != management)
        .ok_or("no member account")?;
    let set = directory.permission_sets().first().ok_or("no set")?;
    let group = directory.groups().first().ok_or("no group")?;
    let nobody = directory.people().last().ok_or("no user")?;
    let mut fixtures = Fixtures {
        account: account.id.clone(),
        set: set.arn.clone(),
        user: nobody.user_id.clone(),
        group: group.id.clone(),
    };
    let mut taken = BTreeSet::new();
    for target in [fixtures.assignment().target, fixtures.membership().target] {
        let holders = world.aws.holders(&target, Urgency::Background).await;
        taken.extend(holders.map_err(|fault| fault.to_string())?);
    }
    let free = directory
        .people()
        .iter()
        .find(|user| user.enabled && !taken.contains(&user.user_id));
    fixtures.user = free.ok_or("no user without access")?.user_id.clone();
    Ok(fixtures)
}

async fn again(
    report: &mut Report,
    world: &World,
    first: &Directory,
    fixtures: &Fixtures,
    counts: &Counts,
    calls_first: u64,
) {
    let unread = first.groups().iter().all(|group| group.members.is_none());
    world.want(GroupRef::Id(fixtures.group.clone()));
    let before = counts.calls();
    let second = world.inventory.refresh().await;
    let calls = counts.calls() - before;
    println!("     the second refresh: {calls} calls");
    let sets = u64::try_from(first.permission_sets().len()).unwrap_or_default();
    report.check(
        "D-06",
        "a second refresh describes no permission set again",
        equal(&calls, &(calls_first + 1 - sets)),
    );
    report.check(
        "D-07",
        "members are read for the groups that matter, and only for them",
        match second {
            Ok(directory) => holds(
                unread
                    && directory.members_of(&fixtures.group).is_some()
                    && directory
                        .groups()
                        .iter()
                        .all(|group| group.id == fixtures.group || group.members.is_none()),
                format!("{:?}", directory.group(&fixtures.group)),
            ),
            Err(fault) => Err(fault.to_string()),
        },
    );
}

/// Urgent reads do not queue behind background reads of the organization.
pub(crate) async fn under_load(report: &mut Report, world: &World, fixtures: &Fixtures) {
    const LONGEST: Duration = Duration::from_secs(2);
    let target = fixtures.assignment().target;
    let looks = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let start = Instant::now();
            let holders = world.aws.holders(&target, Urgency::End).await;
            holders.map_err(|fault| fault.to_string())?;
            slowest = slowest.max(start.elapsed());
        }
        Ok::<_, String>(slowest)
    };
    let checked = tokio::select! {
        slowest = looks => slowest.and_then(|slowest| {
            holds(slowest < LONGEST, format!("the slowest took {slowest:?}"))
        }),
        () = async {
            drop(world.inventory.refresh().await);
            std::future::pending::<()>().await;
        } => Ok(()),
    };
    report.check("Q-02", "an end does not wait for the background", checked);
}
