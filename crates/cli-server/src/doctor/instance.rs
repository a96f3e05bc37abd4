use hallpass_app::config::Loaded;
use hallpass_app::setup::opening::NO_PERMISSION_SETS;
use hallpass_aws::{Aws, PermissionSetUse};

use super::DoctorReport;

/// Whether the instance accepts assignments, and its encryption key.
pub(super) async fn check(loaded: &Loaded, aws: &Aws, report: &mut DoctorReport) {
    const CHECK: &str = "instance";
    let about = aws.about();
    let named = format!(
        "{}, directory {}",
        about.instance_arn, about.identity_store_id
    );
    let facts = match aws.instance().await {
        Ok(facts) => facts,
        Err(fault) => {
            let words = format!("{named}; `DescribeInstance` failed: {fault}");
            let remedy = "allow `sso:DescribeInstance`: `hallpass server doctor --iam-policy` prints the required rights";
            return report.warn(CHECK, words, remedy);
        }
    };
    if let Some(why) = facts.inactive {
        let words = format!("{named} is not active, {why}");
        let remedy = "see the instance in the console of IAM Identity Center: nothing can be granted until it is active";
        return report.add(CHECK, Err((words, remedy)));
    }
    if facts.permission_sets == PermissionSetUse::Off {
        let (words, remedy) = NO_PERMISSION_SETS;
        return report.add(CHECK, Err((format!("{named}: {words}"), remedy)));
    }
    let configured = loaded.config.identity.encryption_key.as_deref();
    match facts.key {
        Some(key) if configured == Some(key.as_str()) => {
            report.add(CHECK, Ok(format!("{named}, encrypted with {key}")));
        }
        Some(key) => {
            let words =
                format!("{named}: its data is encrypted with the customer managed key {key}");
            let remedy = "set `identity.encryption_key` to it: `hallpass server doctor --iam-policy` then includes its use";
            report.warn(CHECK, words, remedy);
        }
        None if configured.is_some() => {
            let words = format!("{named}: its data is encrypted with a key of AWS's own");
            report.warn(CHECK, words, "remove `identity.encryption_key`");
        }
        None => report.add(CHECK, Ok(named)),
    }
}
