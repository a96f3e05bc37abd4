use std::path::Path;

use crate::host::suggestions::{check_region, unknown};
use hallpass_org::UnreadFact;
use hallpass_org::delegation::{
    DelegationFacts, DelegationFile, DelegationRefused, DelegationRow, DelegationState, draft,
};
use hallpass_plans::{PlanReport, StepEnd, TargetReport};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;

use crate::chores::plans::PlanContext;
use crate::chores::plans::run_failed;

const FILE_BYTES_MAX: u64 = 1 << 20;

const ORDER: [&str; 10] = [
    "withdraw",
    "deregister",
    "enable-trusted-access",
    "register",
    "designate",
    "wait-graph",
    "auto-enable",
    "packages",
    "enable-members",
    "invite-members",
];

/// Reads a file of administrators; exit 2 for an invalid one.
pub fn read_file(path: &Path) -> Result<DelegationFile, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file = DelegationFile::read(&text);
    let file = file.map_err(|error| Failure::bad_input(error).within(path))?;
    for (line, region) in file.regions() {
        check_region(line, region).map_err(|failure| failure.within(path))?;
    }
    Ok(file)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn unread(fact: UnreadFact) -> Failure {
    let message = format!(
        "the organization cannot be read: {}: {}",
        fact.action, fact.reason
    );
    Failure::failed(message)
}

/// Refuses planning; `file` is the one with the lines.
pub fn refused(why: DelegationRefused, file: Option<&Path>) -> Failure {
    let message = why.to_string();
    match why {
        DelegationRefused::Unusable(_) => Failure::bad_input(message),
        DelegationRefused::Unknown(name) => unknown(std::slice::from_ref(&*name), file),
        DelegationRefused::NotManagement { .. } => {
            Failure::refused(message).help("use credentials of the management account")
        }
        DelegationRefused::TooManyMembers { .. } => Failure::refused(message),
    }
}

/// Differences a plan would change; neither changes nor saves. If a joint read fails, reads each
/// row separately and reports failures as unread.
pub async fn differences(
    context: &PlanContext,
    rows: &mut [DelegationRow],
    facts: &DelegationFacts,
) -> Vec<PlanReport> {
    let whole = draft(rows, facts);
    if whole.is_empty() {
        return Vec::new();
    }
    if let Ok(report) = context.runner.differences(whole).await {
        return vec![report];
    }
    let mut reports = Vec::new();
    for row in rows {
        let alone = draft(std::slice::from_ref(row), facts);
        if alone.is_empty() {
            continue;
        }
        match context.runner.differences(alone).await {
            Ok(report) => reports.push(report),
            Err(error) => {
                let reason = run_failed(error).words();
                row.state = DelegationState::Unread { reason };
            }
        }
    }
    reports
}

pub fn target_of<'a>(row: &DelegationRow, reports: &'a [PlanReport]) -> Option<&'a TargetReport> {
    let mut targets = reports.iter().flat_map(|it| &it.targets);
    targets.find(|it| {
        it.target.key == row.wish.service.name
            && it.target.region == row.region
            && it.target.account == row.wish.account.as_str()
    })
}

/// The changing steps, in execution order.
pub fn step_names(target: &TargetReport) -> Vec<&str> {
    let mut changes: Vec<&str> = target
        .steps
        .iter()
        .filter(|it| it.outcome == StepEnd::Changed)
        .map(|it| it.kind.trim_start_matches("delegation."))
        .collect();
    changes.sort_by_key(|name| ORDER.iter().position(|it| it == name));
    changes.dedup();
    changes
}

#[cfg(test)]
mod tests {
    use hallpass_org::delegation::{OrganizationMember, Replacing, compare};

    use super::*;

    const FILE: &str = "services:
- {service: guardduty, account: '333333333333', regions: [eu-west-1, eu-wset-1]}
";

    #[test]
    fn a_typo_of_a_region_names_the_line_and_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delegate.yaml");
        std::fs::write(&path, FILE).unwrap();
        let said = format!("{:?}", read_file(&path).unwrap_err());
        for part in ["line 2", "eu-wset-1", "did you mean `eu-west-1`?"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn an_account_that_is_not_there_names_the_line_and_the_nearest() {
        let file = DelegationFile::read(&FILE.replace("wset", "west")).unwrap();
        let facts = DelegationFacts {
            management: "111111111111".to_owned(),
            caller: "111111111111".to_owned(),
            all_features: true,
            accounts: vec![OrganizationMember {
                above: None,
                id: "333333333334".to_owned(),
                email: "security@example.com".to_owned(),
                active: true,
            }],
            ..DelegationFacts::default()
        };
        let why = compare(&file, &facts, Replacing::Never).unwrap_err();
        let said = format!("{:?}", refused(why, Some(Path::new("delegate.yaml"))));
        for part in ["line 2", "`333333333333`", "did you mean `333333333334`?"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
