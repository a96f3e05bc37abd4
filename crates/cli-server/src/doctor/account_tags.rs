//! Checks that account tags named by rules are readable.

use std::sync::Arc;

use hallpass_aws::{Inventory, TagPace};
use hallpass_rules::{Directory, Rules};

use super::DoctorReport;

pub(super) fn wanted(inventory: Inventory, rules: Option<&Rules>) -> Inventory {
    let are_named = rules.is_some_and(Rules::references_account_tags);
    inventory.with_account_tags(Arc::new(move || are_named), TagPace::Whole)
}

pub(super) fn check(
    inventory: &Inventory,
    directory: &Directory,
    rules: Option<&Rules>,
    report: &mut DoctorReport,
) {
    const CHECK: &str = "account tags";
    const REMEDY: &str = "rules that name tags permit nothing in these accounts, and limit; `hallpass server doctor --iam-policy` prints \
         the required rights";
    if !rules.is_some_and(Rules::references_account_tags) {
        return;
    }
    let accounts = directory.accounts().len();
    report.add(
        CHECK,
        match inventory.untold_tags() {
            None => Ok(format!("of {accounts} accounts")),
            Some(untold) => Err((
                format!(
                    "those of {} of {accounts} accounts cannot be read, such as of {}: {}",
                    untold.accounts, untold.account, untold.fault
                ),
                REMEDY,
            )),
        },
    );
}
