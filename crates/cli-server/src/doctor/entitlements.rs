use std::sync::Arc;

use hallpass_app::config::Loaded;
use hallpass_app::setup::opening::aws_settings;
use hallpass_aws::{ConnectedOrganization, EntitlementClient, FindingClient};
use hallpass_base::Clock;

use super::DoctorReport;

const CHECK: &str = "entitlements";
const REMEDY: &str = "`hallpass server doctor --iam-policy` prints the required rights, in the statements `Entitlements`; \
                      `access.entitlements = false` leaves them out of everything";

/// Reports the number of account access manager applications; warns if unreadable or switched off.
pub(super) async fn check(
    loaded: &Loaded,
    about: &ConnectedOrganization,
    clock: &Arc<dyn Clock>,
    report: &mut DoctorReport,
) {
    if !loaded.config.access.entitlements {
        return report.warn(
            CHECK,
            "roles that people take by account access manager are not read, and not ended with their access".to_owned(),
            "set `access.entitlements` to true",
        );
    }
    let calls = FindingClient::new(aws_settings(loaded), fastrand::u64(..), Arc::clone(clock));
    let found = match calls.await {
        Ok(calls) => {
            let client = EntitlementClient::new(Arc::new(calls), about.identity_store_id.clone());
            client
                .applications_count()
                .await
                .map_err(|fault| fault.to_string())
        }
        Err(error) => Err(error),
    };
    match found {
        Ok(0) => report.add(CHECK, Ok("account access manager is not in use".to_owned())),
        Ok(count) => report.add(
            CHECK,
            Ok(format!("applications of account access manager: {count}")),
        ),
        Err(why) => report.warn(CHECK, why, REMEDY),
    }
}
