//! Checks requirements of denials on accounts: permissions, enabled service control policies,
//! quota.

use hallpass_access::ArmedEndsMode;
use hallpass_app::config::Loaded;
use hallpass_aws::Aws;
use hallpass_base::{AccountId, HoldKey, Target, TargetNames};
use hallpass_enforcement::account_policy::CHARACTERS;
use hallpass_enforcement::armed_ends::{OtherAccess, policy_name};
use hallpass_enforcement::{
    Organization, OrganizationFault, PolicyRow, SCPS_PER_TARGET, session_revocation,
};
use hallpass_rules::{Directory, Requestable, Rules};

use super::delegation_policy::named;
use super::{DoctorReport, delegation_policy};

const CHECK: &str = "ends armed at AWS";
/// One call each; AWS allows a few per second.
const ACCOUNTS_MAX: usize = 100;
/// Percent of a policy's characters; above, warns.
const NEARLY_FULL: usize = 90;

pub(super) fn check_rules(loaded: &Loaded, rules: Option<&Rules>, report: &mut DoctorReport) {
    if rules.is_some_and(Rules::want_armed_ends) && !loaded.config.access.armed_ends.mode.is_on() {
        report.warn(
            CHECK,
            "rules want AWS to enforce expiry, and the configuration does not: requests of rules that require it are refused".to_owned(),
            "set `access.armed_ends.mode` to `by_rule`, or leave `armed_ends` out of the rules",
        );
    }
}

fn written_for(loaded: &Loaded) -> Option<&'static str> {
    let access = &loaded.config.access;
    match (access.end_sessions, access.armed_ends.mode.is_on()) {
        (_, true) => Some(CHECK),
        (true, false) => Some("ended sessions"),
        (false, false) => None,
    }
}

/// Checks requirements to end sessions, without a test write.
pub(super) async fn check_policies(
    loaded: &Loaded,
    organization: &dyn Organization,
    report: &mut DoctorReport,
) {
    let Some(check) = written_for(loaded) else {
        return;
    };
    let remedy = "`hallpass server doctor --iam-policy` prints the required rights, in the statements `ReadPolicies` and `WritePolicies`";
    let root = match organization.root().await {
        Ok(root) => root,
        Err(fault) => return report.add(check, Err((fault.to_string(), remedy))),
    };
    if !root.scps_enabled {
        let off = "service control policies are not enabled on the root".to_owned();
        let enable = "`aws organizations enable-policy-type --policy-type SERVICE_CONTROL_POLICY`";
        return report.add(check, Err((off, enable)));
    }
    let seen = organization.policies().await;
    let ours = |rows: Vec<PolicyRow>| {
        let sessions = session_revocation::policy_name("");
        let ends = policy_name("", 0);
        let ours = rows
            .iter()
            .filter(|row| row.name.starts_with(&sessions) || row.name.starts_with(&ends));
        format!(
            "service control policies are enabled and can be read, {} are Hallpass's now; whether this role may write them (statement `WritePolicies`) is not tried",
            ours.count()
        )
    };
    report.add(
        check,
        seen.map(ours).map_err(|fault| (fault.to_string(), remedy)),
    );
}

/// Policy slots of an account for enforced expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Places {
    ours: usize,
    free: usize,
}

impl Places {
    fn of(account: &str, rows: &[PolicyRow]) -> Self {
        let named = policy_name(account, 0);
        let ours = rows.iter().filter(|row| row.name.starts_with(&named));
        Self {
            ours: ours.count(),
            free: SCPS_PER_TARGET.saturating_sub(rows.len()),
        }
    }

    /// Enforced expiry policies that fit, up to `wanted`.
    fn possible(self, wanted: usize) -> usize {
        (self.ours + self.free).min(wanted)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct PlacesFound {
    looked: usize,
    reached: usize,
    none: Vec<String>,
    fewer: Vec<String>,
    full: Vec<String>,
}

impl PlacesFound {
    fn scope(&self) -> String {
        match (self.looked, self.reached) {
            (looked, reached) if looked == reached => {
                format!("{looked} accounts that rules reach were looked into")
            }
            (looked, reached) => {
                format!("{looked} of the {reached} accounts that rules reach were looked into")
            }
        }
    }

    fn tell(&self, mode: ArmedEndsMode, wanted: usize, report: &mut DoctorReport) {
        const FREE_ONE: &str = "detach a service control policy there, join two into one, or attach them to the unit above";
        let scope = self.scope();
        if !self.none.is_empty() {
            let on = named(&self.none);
            let words = format!(
                "no place for a service control policy of Hallpass on {on}: {SCPS_PER_TARGET} are attached, and no expiry can be enforced there; {scope}"
            );
            match mode {
                ArmedEndsMode::Required => report.add(CHECK, Err((words, FREE_ONE))),
                ArmedEndsMode::Off | ArmedEndsMode::ByRule | ArmedEndsMode::Preferred => {
                    report.warn(CHECK, words, FREE_ONE);
                }
            }
        }
        if !self.fewer.is_empty() {
            let on = named(&self.fewer);
            let words = format!(
                "fewer places than the {wanted} of `access.armed_ends.policies` on {on}; {scope}"
            );
            report.warn(CHECK, words, FREE_ONE);
        }
        if !self.full.is_empty() {
            let on = named(&self.full);
            let words = format!(
                "the policies of enforced expiry are nearly full ({CHARACTERS} characters each) on {on}: further ends are not enforced there; {scope}"
            );
            let remedy = "raise `access.armed_ends.policies` (up to 3), or let grants there end at the same minutes";
            report.warn(CHECK, words, remedy);
        }
        if self.none.is_empty() && self.fewer.is_empty() && self.full.is_empty() {
            report.add(CHECK, Ok(format!("places for policies are free: {scope}")));
        }
    }
}

/// Checks accounts that rules reach: delegated write permission, slots, and readable other holders.
pub(super) async fn check_reached(
    loaded: &Loaded,
    aws: &Aws,
    directory: &Directory,
    rules: Option<&Rules>,
    report: &mut DoctorReport,
) {
    let Some(check) = written_for(loaded) else {
        return;
    };
    let reached = rules.map(|rules| rules.reach(directory));
    // service control policies have no effect in the management account
    let management = aws.about().management_account.as_deref();
    let accounts = reached.iter().flat_map(Requestable::accounts);
    let accounts = accounts.map(AccountId::as_str);
    let accounts: Vec<&str> = accounts.filter(|id| Some(*id) != management).collect();
    delegation_policy::check(check, aws, &accounts, report).await;
    if let Some(reached) = reached.as_ref().filter(|_| check == CHECK) {
        check_places(loaded, aws, &accounts, report).await;
        check_others(aws, directory, reached, report).await;
    }
}

/// Checks with one user that AWS lists other ways to hold a permission set; expiry is not enforced
/// for users without this.
async fn check_others(
    others: &dyn OtherAccess,
    directory: &Directory,
    reached: &Requestable,
    report: &mut DoctorReport,
) {
    let Some((key, names)) = some_hold(directory, reached) else {
        return;
    };
    let asked = others.held_otherwise(&key, &names, false).await;
    let words = |fault: OrganizationFault| {
        format!(
            "other access of people cannot be read, and no expiry is enforced before that is known: {fault}"
        )
    };
    let remedy = "allow `sso:ListAccountAssignmentsForPrincipal` (`hallpass server doctor --iam-policy`); where AWS refuses it to the delegated administrator, run the server in the management account";
    let found = asked.map(|_| "other access of people can be read".to_owned());
    report.add(CHECK, found.map_err(|fault| (words(fault), remedy)));
}

fn some_hold(directory: &Directory, reached: &Requestable) -> Option<(HoldKey, TargetNames)> {
    let person = directory.people().first()?;
    let (account, set) = reached.pairs().find_map(|(account, sets)| {
        let set = directory.permission_set_by_name(sets.first()?)?;
        Some((directory.account(account)?, set))
    })?;
    let key = HoldKey {
        user: person.user_id.clone(),
        target: Target::Account {
            account: account.id.clone(),
            permission_set: set.arn.clone(),
        },
    };
    let names = TargetNames::Account {
        account: account.name.clone(),
        permission_set: set.name.clone(),
    };
    Some((key, names))
}

/// Checks policy slots on reached accounts. Does not test whether written policies take effect, or
/// how fast.
async fn check_places(
    loaded: &Loaded,
    organization: &dyn Organization,
    accounts: &[&str],
    report: &mut DoctorReport,
) {
    let settings = &loaded.settings().armed_ends;
    match look(organization, accounts, settings.policies).await {
        Ok(found) => found.tell(settings.mode, settings.policies, report),
        Err(fault) => {
            let remedy = "`hallpass server doctor --iam-policy` prints the required rights, in the statement `ReadPolicies`";
            report.add(CHECK, Err((fault.to_string(), remedy)));
        }
    }
}

async fn look(
    organization: &dyn Organization,
    accounts: &[&str],
    wanted: usize,
) -> Result<PlacesFound, OrganizationFault> {
    let mut found = PlacesFound {
        reached: accounts.len(),
        ..PlacesFound::default()
    };
    for account in accounts.iter().take(ACCOUNTS_MAX) {
        let rows = match organization.policies_of(account).await {
            Ok(rows) => rows,
            Err(OrganizationFault::NotThere { .. }) => continue,
            Err(fault) => return Err(fault),
        };
        found.looked += 1;
        let places = Places::of(account, &rows);
        match places.possible(wanted) {
            0 => found.none.push((*account).to_owned()),
            possible if possible < wanted => found.fewer.push((*account).to_owned()),
            possible => {
                if places.ours >= possible && are_full(organization, account, &rows).await? {
                    found.full.push((*account).to_owned());
                }
            }
        }
    }
    Ok(found)
}

async fn are_full(
    organization: &dyn Organization,
    account: &str,
    rows: &[PolicyRow],
) -> Result<bool, OrganizationFault> {
    let named = policy_name(account, 0);
    for row in rows.iter().filter(|row| row.name.starts_with(&named)) {
        let text = organization.policy(&row.id).await?;
        let length = text.map_or(0, |it| it.content.chars().count());
        if length * 100 < CHARACTERS * NEARLY_FULL {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn rows(others: usize, ours: &[String]) -> Vec<PolicyRow> {
        let others = (0..others).map(|number| format!("other-{number}"));
        let names = others.chain(ours.iter().cloned());
        names
            .map(|name| PolicyRow {
                id: format!("p-{name}"),
                name,
                aws_managed: false,
            })
            .collect()
    }

    #[test]
    fn places_are_those_that_are_free_and_those_that_are_ours() {
        let first = policy_name(ACCOUNT, 0);
        let both = [first.clone(), policy_name(ACCOUNT, 1)];
        let elsewhere = [policy_name("999999999999", 0)];
        for (row, attached, ours, free, of_one, of_three) in [
            ("nothing", rows(1, &[]), 0, 9, 1, 3),
            ("full of others", rows(10, &[]), 0, 0, 0, 0),
            ("one place", rows(9, &[]), 0, 1, 1, 1),
            ("full, one by Hallpass", rows(9, &[first]), 1, 0, 1, 1),
            ("full, two by Hallpass", rows(8, &both), 2, 0, 1, 2),
            ("another account's", rows(9, &elsewhere), 0, 0, 0, 0),
            ("more than there can be", rows(12, &[]), 0, 0, 0, 0),
        ] {
            let places = Places::of(ACCOUNT, &attached);
            assert_eq!(places, Places { ours, free }, "{row}");
            assert_eq!(places.possible(1), of_one, "{row}");
            assert_eq!(places.possible(3), of_three, "{row}");
        }
    }

    fn told(found: &PlacesFound, mode: ArmedEndsMode) -> Vec<String> {
        let mut report = DoctorReport::default();
        found.tell(mode, 2, &mut report);
        let lines = report.lines.iter();
        lines
            .map(|it| format!("{}: {}", it.result, it.detail))
            .collect()
    }

    #[test]
    fn accounts_without_room_are_named_and_what_was_looked_at_is_said() {
        let all = |accounts: &[&str]| -> Vec<String> {
            accounts.iter().map(|it| (*it).to_owned()).collect()
        };
        let mut found = PlacesFound {
            looked: 100,
            reached: 412,
            ..PlacesFound::default()
        };
        assert_eq!(
            told(&found, ArmedEndsMode::Required),
            [
                "ok: places for policies are free: 100 of the 412 accounts that rules reach were looked into"
            ]
        );
        found.none = all(&["1", "2", "3", "4", "5", "6", "7"]);
        found.fewer = all(&["8"]);
        found.full = all(&["9"]);
        let scope = "100 of the 412 accounts that rules reach were looked into";
        let expected = |first: &str| {
            vec![
                format!(
                    "{first}: no place for a service control policy of Hallpass on 1, 2, 3, 4, 5 and 2 more: 10 are attached, and no expiry can be enforced there; {scope}"
                ),
                format!(
                    "warning: fewer places than the 2 of `access.armed_ends.policies` on 8; {scope}"
                ),
                format!(
                    "warning: the policies of enforced expiry are nearly full (10240 characters each) on 9: further ends are not enforced there; {scope}"
                ),
            ]
        };
        assert_eq!(told(&found, ArmedEndsMode::Preferred), expected("warning"));
        assert_eq!(told(&found, ArmedEndsMode::Required), expected("problem"));
    }
}
