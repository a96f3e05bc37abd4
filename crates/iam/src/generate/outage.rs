//! A service control policy that rehearses an outage of one region's control planes (`policies.md`
//! §8.1).
//!
//! Denies calls only: DNS, running instances and issued credentials continue. Its dates end it,
//! even if removal fails.

mod compress;
mod global;

use std::ops::Range;

use hallpass_base::Timestamp;
use jiff::SignedDuration;

pub use global::global_services;

use super::checked::{Generated, Unprintable, checked};
use super::ids::{IdKind, Lengths, Partition, RoleArn};
use super::{DraftStatement, Many};
use crate::facts::{self, Access};
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

/// Longest window without `--long`.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(24);

pub const SID: &str = "SimOutage";

#[derive(Debug, Clone, Copy)]
pub enum Services<'a> {
    /// Prefixes, at least one.
    Named(&'a [String]),
    AllBut(&'a [String]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    Every,
    /// Changes to data, permissions or tags.
    Writes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// At most [`WINDOW_MAX`].
    Day,
    /// Any length (`--long`).
    Long,
}

#[derive(Debug, Clone, Copy)]
pub enum Exempt<'a> {
    /// ARNs with wildcards, at least one.
    Roles(&'a [String]),
    /// None, explicitly (`--no-exempt`).
    Nobody,
}

#[derive(Debug, Clone)]
pub struct OutageSpec<'a> {
    pub partition: Partition,
    pub region: &'a str,
    pub services: Services<'a>,
    pub calls: Calls,
    /// Excludes the end.
    pub window: Range<Timestamp>,
    pub length: Length,
    pub exempt: Exempt<'a>,
    pub lengths: Lengths,
}

/// For every drill.
const WARNINGS: [&str; 2] = [
    "iam:PassRole is an action of iam: it is denied as well where the calling API runs in that \
     region",
    "SCPs do not touch the management account and service-linked roles: those keep working, so \
     the drill looks better than a real outage there",
];

const WARNING_ALL: &str = "every service is denied, among them sts, support and health: no new \
                           sessions from that region's endpoint, no cases, no health events";

/// # Errors
/// `E_ID` for the region, `E_ARG` for unknown services and conflicting options, `E_GLOBAL_REGION`,
/// `E_WINDOW`, `E_ARN` for roles, `E_SIZE` if too long.
pub fn outage(wish: &OutageSpec<'_>, now: Timestamp) -> Result<Generated, Unprintable> {
    check_region(wish)?;
    check_window(wish, now)?;
    let exempt = exempt_roles(wish)?;
    let mut warnings = Vec::new();
    let mut statement = statement(wish, &mut warnings)?
        .when(
            "StringEquals",
            "aws:RequestedRegion",
            Many::list([wish.region]),
        )
        .when(
            "DateGreaterThanEquals",
            "aws:CurrentTime",
            Many::one(wish.window.start.to_string()),
        )
        .when(
            "DateLessThan",
            "aws:CurrentTime",
            Many::one(wish.window.end.to_string()),
        );
    if !exempt.is_empty() {
        let roles = Many::list(exempt.iter().cloned());
        statement = statement.when("ArnNotLike", "aws:PrincipalArn", roles);
    }
    warnings.extend(WARNINGS.map(str::to_owned));
    let policy = checked(statement.into(), PolicyType::Scp)?;
    Ok(Generated { policy, warnings })
}

fn check_region(wish: &OutageSpec<'_>) -> Result<(), BadInput> {
    IdKind::Region.check(wish.region, wish.lengths, "--region")?;
    let home = if wish.region.starts_with("cn-") {
        Partition::China
    } else if wish.region.starts_with("us-gov-") {
        Partition::UsGov
    } else {
        Partition::Aws
    };
    if home == wish.partition {
        return Ok(());
    }
    let message = format!(
        "`{}` is a region of partition `{home}`, not of `{}`",
        wish.region, wish.partition
    );
    Err(BadInput::new("E_ARG", message, "--region"))
}

fn check_window(wish: &OutageSpec<'_>, now: Timestamp) -> Result<(), BadInput> {
    let Range { start, end } = wish.window;
    let wrong = |message: String, place: &str| Err(BadInput::new("E_WINDOW", message, place));
    if end <= start {
        return wrong(
            format!("the drill ends at {end}, not after its start"),
            "--end",
        );
    }
    if end <= now {
        return wrong(
            format!("the drill's end, {end}, is over: it would deny nothing"),
            "--end",
        );
    }
    if wish.length == Length::Day && start.duration_until(end) > WINDOW_MAX {
        let message = "the drill is longer than 24 hours; `--long` allows that".to_owned();
        return wrong(message, "--end");
    }
    Ok(())
}

fn exempt_roles<'a>(wish: &OutageSpec<'a>) -> Result<&'a [String], BadInput> {
    let roles = match wish.exempt {
        Exempt::Nobody => return Ok(&[]),
        Exempt::Roles(roles) => roles,
    };
    if roles.is_empty() {
        let message = "name the exempt break-glass role, or give `--no-exempt`";
        return Err(BadInput::new("E_ARG", message, "--exempt-role"));
    }
    for role in roles {
        RoleArn::Pattern.check(role, wish.partition, wish.lengths, "--exempt-role")?;
    }
    Ok(roles)
}

fn statement(
    wish: &OutageSpec<'_>,
    warnings: &mut Vec<String>,
) -> Result<DraftStatement, BadInput> {
    let deny = |actions| DraftStatement::new(SID, Effect::Deny, actions);
    match wish.services {
        Services::Named(names) => {
            if names.is_empty() {
                let message = "name the services that do not answer, or say `--all-services`";
                return Err(BadInput::new("E_ARG", message, "--services"));
            }
            let mut actions = Vec::new();
            for name in names {
                let service = known(name, "--services")?;
                global::check(service, wish.region, wish.partition)?;
                actions.extend(actions_of(service, wish.calls));
            }
            Ok(deny(Many::short(actions)))
        }
        Services::AllBut(_) if wish.calls == Calls::Writes => {
            let message = "the writes of every service do not fit into one policy: name services";
            Err(BadInput::new("E_ARG", message, "--writes-only"))
        }
        Services::AllBut(names) => {
            warnings.push(WARNING_ALL.to_owned());
            warnings.extend(elsewhere(wish));
            if names.is_empty() {
                return Ok(deny(Many::one("*")));
            }
            let mut spared = Vec::new();
            for name in names {
                spared.push(format!("{}:*", known(name, "--except")?.prefix));
            }
            Ok(deny(Many::one("*")).all_but(Many::short(spared)))
        }
    }
}

/// Notes that global services continue if their region is another one.
fn elsewhere(wish: &OutageSpec<'_>) -> Option<String> {
    let home = wish.partition.global_region();
    (wish.region != home).then(|| {
        format!(
            "global services such as iam and route53 report region {home} and are not denied by \
             a drill of {}",
            wish.region
        )
    })
}

fn known(name: &str, place: &str) -> Result<&'static facts::ServiceFacts, BadInput> {
    facts::service(name).ok_or_else(|| {
        let near = facts::nearest_service(name)
            .map(|near| format!("; `{near}` is"))
            .unwrap_or_default();
        let message = format!("`{name}` is no known service prefix{near}");
        BadInput::new("E_ARG", message, place)
    })
}

fn actions_of(service: &facts::ServiceFacts, calls: Calls) -> Vec<String> {
    let prefix = service.prefix;
    if calls == Calls::Every {
        return vec![format!("{prefix}:*")];
    }
    let is_write = |action: &&facts::ActionFacts| match action.access {
        Access::List | Access::Read => false,
        Access::Write | Access::Permissions | Access::Tagging => true,
    };
    let (writes, reads): (Vec<_>, Vec<_>) = service.actions().iter().partition(is_write);
    let names =
        |actions: Vec<&facts::ActionFacts>| actions.iter().map(|it| it.name).collect::<Vec<_>>();
    compress::prefixes(&names(writes), &names(reads))
        .into_iter()
        .map(|name| format!("{prefix}:{name}"))
        .collect()
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
