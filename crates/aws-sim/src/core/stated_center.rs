//! Checks a file's statements about IAM Identity Center.

use std::collections::HashSet;

use crate::{
    organization::{OrganizationFile, Problem},
    vocabulary::regions,
};

pub(crate) fn check(file: &OrganizationFile) -> Result<(), Vec<Problem>> {
    let mut problems = portal_times(file);
    problems.extend(additional_regions(file));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn portal_times(file: &OrganizationFile) -> Vec<Problem> {
    let center = &file.identity_center;
    let times = [
        (
            "portal_session_seconds",
            center.portal_session_seconds,
            900..=7_776_000,
        ),
        (
            "portal_revocation_lag",
            center.portal_revocation_lag,
            0..=3600,
        ),
    ];
    times
        .into_iter()
        .filter(|(_, given, right)| given.is_some_and(|given| !right.contains(&given)))
        .map(|(name, _, right)| {
            let text = format!("from {} to {}", right.start(), right.end());
            Problem::new(format!("/identity_center/{name}"), text)
        })
        .collect()
}

fn additional_regions(file: &OrganizationFile) -> Vec<Problem> {
    let center = &file.identity_center;
    let mut seen = HashSet::from([&center.home_region]);
    let mut problems = Vec::new();
    for (index, region) in center.additional_regions.iter().enumerate() {
        let at = format!("/identity_center/additional_regions/{index}");
        if !regions::is_known(region) {
            problems.push(Problem::new(at, format!("`{region}` is not a Region")));
        } else if !seen.insert(region) {
            problems.push(Problem::new(
                at,
                format!("Region `{region}` is there twice"),
            ));
        }
    }
    problems
}
