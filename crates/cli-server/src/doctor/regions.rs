//! Instance Regions: sign-in during a home Region failure (`access.md` §22, R-1).

use std::collections::BTreeSet;

use hallpass_access::ArmedEndsMode;
use hallpass_app::config::Loaded;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_app::setup::opening::not_the_home_region;
use hallpass_aws::{Aws, InstanceRegion, InstanceRegionState};
use hallpass_aws_model::organizations_region;
use hallpass_base::AccountId;

use super::DoctorReport;

const CHECK: &str = "regions";

pub(super) struct SignInPlaces {
    home: String,
    /// Empty if unknown.
    additional: Vec<String>,
    /// The account whose trail has the sign-in events.
    management: Option<AccountId>,
}

pub(super) async fn check(loaded: &Loaded, aws: &Aws, report: &mut DoctorReport) -> SignInPlaces {
    let about = aws.about();
    let management = about.management_account.as_deref();
    let mut places = SignInPlaces {
        home: about.region.clone(),
        additional: Vec::new(),
        management: management.and_then(|id| id.parse().ok()),
    };
    match aws.instance_regions().await {
        Ok(regions) => {
            let mode = loaded.config.access.armed_ends.mode;
            tell(&about.region, &regions, mode, report);
            places.additional = InstanceRegion::additional(&regions);
        }
        Err(fault) => report.warn(
            CHECK,
            format!(
                "`ListRegions` failed: {fault}; by which Regions people sign in while {} does not answer is not known",
                about.region
            ),
            "allow `sso:ListRegions`: `hallpass server doctor --iam-policy` prints the required rights",
        ),
    }
    places
}

pub(super) fn check_log(loaded: &Loaded, places: &SignInPlaces, report: &mut DoctorReport) {
    const CHECK: &str = "log about people";
    let schedule = match loaded.pci_schedule(&places.home) {
        Ok(Some(schedule)) => schedule,
        Ok(None) => return,
        Err(failure) => return report.add(CHECK, Err((failure.words(), "fix `[pci]`"))),
    };
    // CloudTrail covers each queried Region
    let LogSource::Place(place) = &schedule.source else {
        return;
    };
    let mut accounts: BTreeSet<AccountId> = schedule.accounts.iter().cloned().collect();
    if accounts.is_empty() {
        accounts.extend(places.management.clone());
    }
    let delivered = match place.regions(&accounts) {
        Ok(delivered) => delivered,
        Err(failure) => {
            let remedy = "allow `s3:ListBucket`: `hallpass server doctor --iam-policy --for pci` prints what is needed";
            return report.add(CHECK, Err((failure.words(), remedy)));
        }
    };
    let all = std::iter::once(&places.home).chain(&places.additional);
    let missing: Vec<&str> = all
        .map(String::as_str)
        .filter(|region| !delivered.contains(*region))
        .collect();
    if missing.is_empty() {
        let words = format!("{place} has every Region of the instance");
        return report.add(CHECK, Ok(words));
    }
    let words = format!(
        "{place} has nothing of {}, where people sign in: who signs in there alone looks inactive",
        missing.join(", ")
    );
    let remedy = "make it a trail of all Regions (`aws cloudtrail update-trail --is-multi-region-trail`), or name the account of Identity Center in `pci.accounts`";
    report.warn(CHECK, words, remedy);
}

fn tell(own: &str, regions: &[InstanceRegion], mode: ArmedEndsMode, report: &mut DoctorReport) {
    let home = regions.iter().find(|it| it.is_home);
    let home = home.map_or(own, |it| it.name.as_str());
    if home != own {
        let (words, remedy) = not_the_home_region(own, home);
        return report.add(CHECK, Err((words, remedy)));
    }
    let others = InstanceRegion::additional(regions);
    let others = others.join(", ");
    let changing: Vec<String> = regions
        .iter()
        .filter_map(|it| match &it.state {
            InstanceRegionState::Active => None,
            InstanceRegionState::Other(state) => Some(format!("{} is {state}", it.name)),
        })
        .collect();
    let changing = if changing.is_empty() {
        String::new()
    } else {
        format!("; {}", changing.join(", "))
    };
    if others.is_empty() {
        let words = format!("{home} alone: no one can sign in while it does not answer{changing}");
        return report.add(CHECK, Ok(words));
    }
    if mode.is_on() {
        // enforced expiry still holds; none can be set, moved or denied in that hour
        let there = if organizations_region(home) == home {
            "; policies are written in that Region as well, so that while it is away only earlier enforced expiries apply"
        } else {
            ""
        };
        let words = format!(
            "home Region {home}; people still sign in through {others} while it does not answer, and AWS \
             enforces expiry{there}{changing}"
        );
        return report.add(CHECK, Ok(words));
    }
    report.warn(
        CHECK,
        format!(
            "home Region {home}; people still sign in through {others} while it does not answer, and no access can \
             be ended then: AWS does not enforce expiry{changing}"
        ),
        "set `access.armed_ends.mode` to `preferred`: docs/how-to/arm-ends-at-aws.md",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str, state: &str, is_home: bool) -> InstanceRegion {
        let state = match state {
            "ACTIVE" => InstanceRegionState::Active,
            other => InstanceRegionState::Other(other.to_owned()),
        };
        InstanceRegion {
            name: name.to_owned(),
            state,
            is_home,
        }
    }

    #[test]
    fn several_regions_without_armed_ends_are_a_warning() {
        let home = || region("eu-west-1", "ACTIVE", true);
        let other = |state: &str| region("eu-central-1", state, false);
        for (row, own, regions, mode, result, said) in [
            (
                "one",
                "eu-west-1",
                vec![home()],
                ArmedEndsMode::Off,
                "ok",
                "eu-west-1 alone: no one can sign in",
            ),
            (
                "two, not enforced",
                "eu-west-1",
                vec![home(), other("ACTIVE")],
                ArmedEndsMode::Off,
                "warning",
                "sign in through eu-central-1 while it does not answer, and no access can be ended then",
            ),
            (
                "two, enforced",
                "eu-west-1",
                vec![home(), other("ACTIVE")],
                ArmedEndsMode::ByRule,
                "ok",
                "sign in through eu-central-1 while it does not answer, and AWS enforces expiry",
            ),
            (
                "two, enforced, beside AWS Organizations",
                "us-east-1",
                vec![region("us-east-1", "ACTIVE", true), other("ACTIVE")],
                ArmedEndsMode::Preferred,
                "ok",
                "only earlier enforced expiries apply",
            ),
            (
                "one comes",
                "eu-west-1",
                vec![home(), other("ADDING")],
                ArmedEndsMode::Off,
                "ok",
                "eu-west-1 alone: no one can sign in while it does not answer; eu-central-1 is ADDING",
            ),
            (
                "a server in the wrong one",
                "eu-central-1",
                vec![home(), other("ACTIVE")],
                ArmedEndsMode::Preferred,
                "problem",
                "its home Region is eu-west-1",
            ),
        ] {
            let mut report = DoctorReport::default();
            tell(own, &regions, mode, &mut report);
            let [line] = report.lines.as_slice() else {
                panic!("{row}: {:?}", report.lines);
            };
            assert_eq!(line.result, result, "{row}");
            assert!(line.detail.contains(said), "{row}: {}", line.detail);
        }
    }
}
