//! Texts of Health and readiness per part; alarms use them as causes, so that page and mail agree.

use hallpass_base::{TimeSpan, Timestamp};

const INSTANT: &str = "%Y-%m-%d %H:%M:%S UTC";

pub fn grants_counted(overdue: u64, stuck: u64) -> String {
    format!("{overdue} grants overdue, {stuck} stuck")
}

/// Public: details are in the server's log.
pub const DATABASE_DAMAGED: &str = "the database is damaged: `hallpass server store check` lists the \
     problems, and docs/operations/runbooks/store-broken.md the steps";

pub const ROWS_CAN_BE_READ: &str = "every row that makes access begin and end can be read";

pub const ROWS_NOT_YET_READ: &str =
    "the rows that make access begin and end are being read, and nothing is known of them yet";

/// Public: the store's error is in the log.
pub const ROWS_COULD_NOT_BE_LOOKED_AT: &str = "whether every row that makes access begin and end can be read is not known: \
     the store did not give them out; the server's log says why";

/// Public: names no row.
pub fn rows_cannot_be_read(rows: usize) -> String {
    let rows = match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    format!(
        "{rows} cannot be read: that access may neither begin nor end by this server; `hallpass server store check` \
         names what it is, and docs/operations/runbooks/store-broken.md says what to do"
    )
}

/// Maximum names; more are counted.
const NAMED_MAX: usize = 5;

/// Lists the failing parts by name; empty without any. For operators.
pub fn by_name(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMED_MAX));
    if shown.is_empty() {
        return String::new();
    }
    let more = match more.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("By name: {}{more}.", shown.join("; "))
}

pub fn this_node_leads(name: &str, epoch: u64) -> String {
    format!("this node, {name}, leads (epoch {epoch})")
}

pub fn another_node_leads(name: &str, epoch: u64) -> String {
    format!("{name} leads (epoch {epoch}); this node serves")
}

pub const NOBODY_LEADS: &str = "no node is known to lead";

pub fn log_is_as_seen(newest: u64) -> String {
    format!("the database has the audit log as it was seen, to record {newest}")
}

/// States that the log is complete, but the memory ends with the process: `unkept` has path and
/// system error.
pub fn log_is_as_seen_for_now(newest: u64, unkept: &str) -> String {
    format!(
        "{}; what was seen is forgotten when this node stops, for it cannot be kept ({unkept})",
        log_is_as_seen(newest)
    )
}

/// A single process has no other that could have seen more.
pub const LOG_OF_ONE: &str = "one process has the store, and its log cannot go back under it";

pub fn log_went_back(first: u64, last: u64, node: &str) -> String {
    format!(
        "the database lacks records {first} to {last} of the audit log, which `{node}` has seen: access ends, and nothing else \
         is done until an administrator accepts the loss (`hallpass server store accept-loss`)"
    )
}

pub const SCHEMA_IS_OURS: &str = "the database has the schema of this release";

pub fn schema_is_later(version: u32) -> String {
    format!(
        "a later release has migrated the database to schema version {version}: this node has stopped, and nodes of \
         that release continue"
    )
}

pub fn the_leader_sees_to_it(name: &str) -> String {
    format!("`{name}` leads and handles it")
}

pub fn ends_are_overdue(grants: u64) -> String {
    format!("{grants} grants are past their end by more than 5 minutes and still held")
}

pub const NO_END_IS_LATE: &str = "no end is late";

pub const ORGANIZATION_UNREAD: &str = "the organization was not read yet";

pub fn organization_is_old(read_at: Timestamp) -> String {
    format!(
        "the organization was last read at {}",
        read_at.strftime(INSTANT)
    )
}

pub fn organization_was_read(ago: TimeSpan) -> String {
    format!("the organization was read {ago} ago")
}

pub const PEOPLE_WITH_THE_ORGANIZATION: &str = "people who left lose their access when the organization is read \
    (`access.people_every` is 0)";

/// States that AWS does not confirm whether missing people left, with the consequence.
pub fn people_unsaid(why: &str) -> String {
    format!(
        "AWS does not confirm that people missing or disabled in its listing are gone: {why}. Their access ends \
         when AWS confirms it, or at its end"
    )
}

pub const PEOPLE_NOT_YET: &str = "the people behind live access were not checked yet";

pub fn people_were_looked_at(ago: TimeSpan) -> String {
    format!("the people behind live access were checked {ago} ago")
}

pub fn people_were_not_looked_at(ago: TimeSpan) -> String {
    format!(
        "the people behind live access were last checked {ago} ago: people who left since lose their access when \
         AWS answers, or when the organization is read"
    )
}

/// Lists that cannot be read, and addresses that no user of the directory has. Anyone may read it, so
/// it has no address.
///
/// # Errors
/// Either.
pub fn on_call(
    lists: usize,
    unread: &[(String, String)],
    unknown: usize,
) -> Result<String, String> {
    if !unread.is_empty() {
        let why = unread.iter().map(|(list, why)| format!("{list}: {why}"));
        return Err(format!(
            "{}. Rules that name such a list permit nothing by it until it can be read",
            why.collect::<Vec<_>>().join("; ")
        ));
    }
    match unknown {
        0 => {}
        1 => {
            return Err("an address on call is not that of one user of IAM Identity Center; the server's log \
                names it"
                .to_owned());
        }
        unknown => {
            return Err(format!(
                "{unknown} addresses on call are not those of one user of IAM Identity Center; the server's log \
                 names them"
            ));
        }
    }
    let lists = match lists {
        1 => "1 list".to_owned(),
        lists => format!("{lists} lists"),
    };
    Ok(format!("who is on call was read for {lists}"))
}

pub const NO_ENTITLEMENTS_LEFT: &str =
    "no locked person has an entitlement of account access manager that the lock ends";

pub fn entitlements_are_left(people: usize, why: &str) -> String {
    let whose = match people {
        1 => "a locked person".to_owned(),
        people => format!("{people} locked people"),
    };
    format!(
        "entitlements of account access manager of {whose} are not ended, and give them access: {why}; \
         tried again every 15 seconds"
    )
}

const HOME_REGION_ANSWERS: &str = "IAM Identity Center answers";

/// Treatment of overdue access while the home Region is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverdueWhileLost {
    /// AWS refuses armed ends, and others from this instant.
    DeniedFrom(Timestamp),
    /// AWS refuses armed ends only.
    ArmedOnly,
    /// Enforced expiry is off, so AWS refuses nothing.
    NothingDenied,
}

/// Whether policies can be written while the home Region is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationsMeanwhile {
    Answers,
    /// AWS Organizations, in another Region, does not answer either.
    Silent,
    /// Its only endpoint is in the lost Region.
    SilentThere,
}

pub fn home_region_answers(additional: &[String]) -> String {
    if additional.is_empty() {
        return HOME_REGION_ANSWERS.to_owned();
    }
    let others = additional.join(", ");
    format!("{HOME_REGION_ANSWERS}; people sign in through {others} as well")
}

fn signing_in_elsewhere(additional: Option<&[String]>) -> String {
    match additional {
        None => {
            "people still sign in through other Regions of the instance, if it has any".to_owned()
        }
        Some([]) => "no one can sign in, as the instance has no other Region".to_owned(),
        Some(regions) => format!("people still sign in through {}", regions.join(", ")),
    }
}

/// States the outage's start, the remaining sign-in Regions (`None`: unknown), and the treatment of
/// ends.
pub fn home_region_is_lost(
    region: &str,
    since: Timestamp,
    additional: Option<&[String]>,
    organizations: OrganizationsMeanwhile,
    overdue: OverdueWhileLost,
) -> String {
    let denied = match overdue {
        OverdueWhileLost::DeniedFrom(_) | OverdueWhileLost::ArmedOnly
            if organizations == OrganizationsMeanwhile::SilentThere =>
        {
            "AWS refuses access with enforced expiry at its end, and nothing else: policies are written in the same \
             Region, where AWS Organizations \
             does not answer either".to_owned()
        }
        OverdueWhileLost::DeniedFrom(at) => format!(
            "AWS refuses access with enforced expiry at its end, and other overdue access from {} on",
            at.strftime(INSTANT)
        ),
        OverdueWhileLost::ArmedOnly => {
            "AWS refuses access with enforced expiry at its end, and nothing else \
             (`access.home_region_lost_after`)".to_owned()
        }
        OverdueWhileLost::NothingDenied => {
            "expiry is not enforced at AWS, so access past its end continues (`access.armed_ends.mode`)".to_owned()
        }
    };
    let elsewhere = match organizations {
        OrganizationsMeanwhile::Answers | OrganizationsMeanwhile::SilentThere => "",
        OrganizationsMeanwhile::Silent => {
            "; AWS Organizations does not answer either, so check this server's own network first"
        }
    };
    format!(
        "the home Region of IAM Identity Center, {region}, has not answered since {}: no access is given or \
         removed, nothing can be requested or approved while its directory does not answer either, and {}; \
         {denied}{elsewhere}",
        since.strftime(INSTANT),
        signing_in_elsewhere(additional)
    )
}

pub const KEY_IS_USABLE: &str = "no call was refused because of the instance's key";

pub fn key_is_unusable(since: Timestamp, words: &str) -> String {
    format!(
        "IAM Identity Center has not been able to use its customer managed key since {}: no access is given or \
         removed, and AWS refuses access with enforced expiry at its end; AWS says: {words}",
        since.strftime(INSTANT)
    )
}

pub const ARMED_POLICIES_ARE_OURS: &str = "policies of enforced expiry are as Hallpass wrote them";

pub const ARMED_POLICIES_NOT_YET: &str = "policies of enforced expiry were not all checked yet";

const ACCOUNTS_NAMED: usize = 5;

/// Health with foreign content: accounts with foreign statements, and with unknown people.
pub fn armed_policies_have_others(statements: &[&str], people: &[&str]) -> String {
    let mut said = Vec::new();
    if !statements.is_empty() {
        said.push(format!(
            "the policy of enforced expiry has a foreign statement in {}: no new end is enforced there until it is \
             removed",
            named(statements)
        ));
    }
    if !people.is_empty() {
        said.push(format!(
            "it refuses people unknown to the store in {}: another installation writes there, or the database was \
             restored to an earlier state",
            named(people)
        ));
    }
    said.join("; ")
}

fn named(accounts: &[&str]) -> String {
    let first: Vec<&str> = accounts.iter().copied().take(ACCOUNTS_NAMED).collect();
    let more = accounts.len().saturating_sub(ACCOUNTS_NAMED);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", first.join(", "))
}

/// For waits longer than a create may take (`access.md` §6).
const GIVEN_UP: &str =
    "Access that has waited for more than 5 minutes is given up then and must be requested again";

/// States the outage publicly; `at` is the last answer.
pub fn nothing_is_given_or_removed(at: &str) -> String {
    format!(
        "The home Region of IAM Identity Center has not answered since {at}: no access begins until it does, and what ends is \
         removed then. Requests and approvals are refused while its directory does not answer either; ending early \
         and revoking work. {GIVEN_UP}."
    )
}

/// Explains a waiting grant to its requester; `at` is the Region's last answer.
pub fn waits_for_home_region(at: &str) -> String {
    format!(
        "It waits for AWS: the home Region of IAM Identity Center has not answered since {at}. {GIVEN_UP}."
    )
}

pub fn until_it_answers(at: &str) -> String {
    format!("waits for AWS, whose home Region of IAM Identity Center has not answered since {at}")
}

pub fn assignments_wait(tended_ago: TimeSpan) -> String {
    format!("assignments were last processed {tended_ago} ago")
}

pub fn assignments_were_tended(ago: TimeSpan) -> String {
    format!("assignments were processed {ago} ago")
}

pub const ENDS_ARE_SIGNED: &str = "the file of ends is signed";

/// States that guards with a known key cannot verify this node's files.
pub fn ends_are_not_signed(why: &str) -> String {
    format!("the file of ends that this node writes is not signed: {why}")
}

pub const NO_GUARD_HEARD: &str = "no guard has ever reported";

pub fn guard_is_unreadable(guard: &str, why: &str) -> String {
    format!("`{guard}` cannot be read: {why}")
}

pub fn guard_knows_no_time(guard: &str) -> String {
    format!("`{guard}` does not know the time yet")
}

pub fn guard_is_silent(guard: &str, heard_ago: TimeSpan) -> String {
    format!("`{guard}` last reported {heard_ago} ago")
}

pub fn guard_says(guard: &str, what: &str) -> String {
    format!("`{guard}`: {what}")
}

pub fn guard_is_well(guard: &str, ends: u64, copy_age: TimeSpan, bound: TimeSpan) -> String {
    format!("`{guard}` knows {ends} ends, {copy_age} old, and acts {bound} after an end")
}

pub fn clocks_are_apart(seconds: f64, allowed: TimeSpan) -> String {
    format!(
        "the server's clock and AWS's are {seconds:.0} s apart; {} s are allowed",
        allowed.as_seconds()
    )
}

pub fn clocks_agree_again(returned: Option<TimeSpan>) -> String {
    match returned {
        None => "the clocks agree again".to_owned(),
        Some(returned) => format!("the clocks agree again; time returned by {returned}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_as_it_is_read() {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let (short, long) = (TimeSpan::seconds(2), TimeSpan::minutes(11));
        let said = [
            grants_counted(2, 1),
            ends_are_overdue(2),
            organization_is_old(at),
            organization_was_read(short),
            waits_for_home_region("13:50"),
            until_it_answers("13:50"),
            assignments_wait(long),
            assignments_were_tended(short),
            guard_is_unreadable("g", "gone"),
            guard_knows_no_time("g"),
            guard_is_silent("g", long),
            guard_says("g", "2 ends are overdue"),
            guard_is_well("g", 3, short, TimeSpan::minutes(1)),
            clocks_are_apart(2.4, TimeSpan::seconds(30)),
            clocks_agree_again(None),
            clocks_agree_again(Some(long)),
            by_name(&[]),
            by_name(&["grants: a", "requests: b"].map(str::to_owned)),
            by_name(&["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned)),
        ];
        assert_eq!(
            said,
            [
                "2 grants overdue, 1 stuck",
                "2 grants are past their end by more than 5 minutes and still held",
                "the organization was last read at 2026-05-28 20:26:40 UTC",
                "the organization was read 2s ago",
                "It waits for AWS: the home Region of IAM Identity Center has not answered since 13:50. Access that has waited for \
                 more than 5 minutes is given up then and must be requested again.",
                "waits for AWS, whose home Region of IAM Identity Center has not answered since 13:50",
                "assignments were last processed 11m ago",
                "assignments were processed 2s ago",
                "`g` cannot be read: gone",
                "`g` does not know the time yet",
                "`g` last reported 11m ago",
                "`g`: 2 ends are overdue",
                "`g` knows 3 ends, 2s old, and acts 1m after an end",
                "the server's clock and AWS's are 2 s apart; 30 s are allowed",
                "the clocks agree again",
                "the clocks agree again; time returned by 11m",
                "",
                "By name: grants: a; requests: b.",
                "By name: a; b; c; d; e and 2 more.",
            ]
        );
    }

    #[test]
    fn a_lost_home_region_is_told_with_the_regions_that_go_on() {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let later = TimeSpan::minutes(11).after(at);
        let others = ["eu-central-1", "us-east-1"].map(str::to_owned);
        let said = [
            home_region_is_lost(
                "eu-west-1",
                at,
                None,
                OrganizationsMeanwhile::Answers,
                OverdueWhileLost::DeniedFrom(later),
            ),
            home_region_is_lost(
                "eu-west-1",
                at,
                Some(&others),
                OrganizationsMeanwhile::Silent,
                OverdueWhileLost::NothingDenied,
            ),
            home_region_is_lost(
                "eu-west-1",
                at,
                Some(&[]),
                OrganizationsMeanwhile::Answers,
                OverdueWhileLost::ArmedOnly,
            ),
            home_region_is_lost(
                "us-east-1",
                at,
                Some(&others[..1]),
                OrganizationsMeanwhile::SilentThere,
                OverdueWhileLost::DeniedFrom(later),
            ),
            home_region_answers(&[]),
            home_region_answers(&others),
        ];
        assert_eq!(
            said,
            [
                "the home Region of IAM Identity Center, eu-west-1, has not answered since 2026-05-28 20:26:40 UTC: no access \
                 is given or removed, nothing can be requested or approved while its directory does not answer \
                 either, and \
                 people still sign in through other Regions of the instance, if it has any; AWS refuses access with \
                 enforced expiry at its end, and other overdue access from 2026-05-28 20:37:40 UTC on",
                "the home Region of IAM Identity Center, eu-west-1, has not answered since 2026-05-28 20:26:40 UTC: no access \
                 is given or removed, nothing can be requested or approved while its directory does not answer \
                 either, and \
                 people still sign in through eu-central-1, us-east-1; expiry is not enforced at AWS, so access \
                 past its end continues (`access.armed_ends.mode`); AWS Organizations does not answer either, so \
                 check this server's own network first",
                "the home Region of IAM Identity Center, eu-west-1, has not answered since 2026-05-28 20:26:40 UTC: no access \
                 is given or removed, nothing can be requested or approved while its directory does not answer \
                 either, and \
                 no one can sign in, as the instance has no other Region; AWS refuses access with enforced expiry \
                 at its end, and nothing else (`access.home_region_lost_after`)",
                "the home Region of IAM Identity Center, us-east-1, has not answered since 2026-05-28 20:26:40 UTC: no access \
                 is given or removed, nothing can be requested or approved while its directory does not answer \
                 either, and \
                 people still sign in through eu-central-1; AWS refuses access with enforced expiry at its end, and \
                 nothing else: \
                 policies \
                 are written in the same Region, where AWS Organizations does not answer either",
                "IAM Identity Center answers",
                "IAM Identity Center answers; people sign in through eu-central-1, us-east-1 as well",
            ]
        );
    }

    #[test]
    fn what_others_wrote_into_policies_is_told_by_account() {
        let many = ["1", "2", "3", "4", "5", "6", "7"];
        assert_eq!(
            [
                armed_policies_have_others(&["1"], &[]),
                armed_policies_have_others(&many, &["8"]),
            ],
            [
                "the policy of enforced expiry has a foreign statement in 1: no new end is enforced there until it \
                 is removed",
                "the policy of enforced expiry has a foreign statement in 1, 2, 3, 4, 5 and 2 more: no new end is \
                 enforced there until it is removed; it refuses people unknown to the store in 8: another \
                 installation writes there, or the database was restored to an earlier state",
            ]
        );
    }
}
