use hallpass_app::config::Loaded;
use hallpass_app::setup::clock::newest_record;
use hallpass_app::setup::opening::open_store;
use hallpass_base::Timestamp;

use super::{DoctorReport, SEE_MESSAGE, database};

pub(super) async fn check(loaded: &Loaded, report: &mut DoctorReport) -> Option<Timestamp> {
    database::check_seen_log(loaded, report);
    let address = match loaded.store() {
        Ok(address) => address,
        Err(failure) => {
            report.add("store", Err((failure.words(), "fix `store.url`")));
            return None;
        }
    };
    match address.may_be_there() {
        Ok(true) => {}
        Ok(false) => {
            let remedy = "`hallpass serve` makes it";
            report.warn("store", format!("`{address}` does not exist yet"), remedy);
            return None;
        }
        Err(failure) => {
            report.add(
                "store",
                Err((failure.words(), failure.remedy().unwrap_or(SEE_MESSAGE))),
            );
            return None;
        }
    }
    let opened = open_store(address.clone()).await;
    let newest_record = match &opened {
        Ok(store) => newest_record(store).await,
        Err(_) => None,
    };
    let outcome = match &opened {
        Ok(store) => match store.check().await {
            Ok(found) if found.problems.is_empty() => Ok(format!(
                "`{address}`, {} audit records verified",
                found.records
            )),
            Ok(found) => Err((found.problems.join("; "), "restore a backup")),
            Err(error) => Err((error.to_string(), "is another program holding it?")),
        },
        Err(failure) => Err((failure.words(), failure.remedy().unwrap_or(SEE_MESSAGE))),
    };
    report.add("store", outcome);
    newest_record
}
