use hallpass_aws::{ConnectedOrganization, OwnAccountRole};
use hallpass_rules::{Directory, Rules};

use super::DoctorReport;

pub(super) fn check(about: &ConnectedOrganization, report: &mut DoctorReport) {
    match about.place {
        OwnAccountRole::Management => report.add("place", Ok("the management account".to_owned())),
        OwnAccountRole::DelegatedAdministrator => report.warn(
            "place",
            "the delegated administrator".to_owned(),
            "it cannot change the management account, nor sets provisioned there: use groups for those",
        ),
        OwnAccountRole::Other => report.add(
            "place",
            Err((
                format!("account {} is neither", about.account),
                "run in the management or the delegated administrator account",
            )),
        ),
    }
}

/// Checks offers in the management account: Identity Center uses our IAM permissions there, and
/// refuses delegated administrators.
pub(super) fn check_management_account(
    about: &ConnectedOrganization,
    rules: Option<&Rules>,
    directory: &Directory,
    report: &mut DoctorReport,
) {
    const CHECK: &str = "management account";
    let management = about.management_account.as_deref();
    let (Some(management), Some(rules)) = (management.and_then(|id| id.parse().ok()), rules) else {
        return;
    };
    let offered = rules
        .reach(directory)
        .permission_sets(&management)
        .join(", ");
    if offered.is_empty() {
        return;
    }
    match about.place {
        OwnAccountRole::Management => report.add(
            CHECK,
            Ok(format!(
                "rules offer {offered} there, for which this role needs rights in IAM: `--iam-policy --management-account` prints them"
            )),
        ),
        OwnAccountRole::DelegatedAdministrator | OwnAccountRole::Other => report.warn(
            CHECK,
            format!("rules offer {offered} there, and AWS refuses that from the delegated administrator"),
            "run the server in the management account, use groups, or leave the account out of the rules (`except_accounts`)",
        ),
    }
}
