//! Loops that maintain account policies: sessions that outlive grants, and enforced expiry.

use tokio::sync::watch;

use super::{Engine, LOOK_AGAIN};

pub(super) async fn revoke_sessions(engine: Engine, mut stop: watch::Receiver<bool>) {
    let notify = engine.access.revocations_notify();
    while !*stop.borrow() {
        match engine.keepers.revoker.tick().await {
            Ok(report) => {
                for (account, why) in &report.delayed {
                    tracing::info!(
                        account,
                        why,
                        "sessions are not ended yet; AWS is asked again"
                    );
                }
                for (account, why) in &report.failed {
                    tracing::warn!(account, why, "sessions could not be ended");
                }
                if report.applied + report.gone > 0 {
                    let (applied, gone) = (report.applied, report.gone);
                    tracing::info!(applied, gone, "ended sessions were processed");
                }
            }
            Err(error) => tracing::error!(error = %error, "ended sessions could not be processed"),
        }
        tokio::select! {
            () = notify.notified() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

pub(super) async fn arm_ends(engine: Engine, mut stop: watch::Receiver<bool>) {
    let notify = engine.access.armed_ends_notify();
    while !*stop.borrow() {
        match engine.keepers.armer.tick().await {
            Ok(report) => {
                for (account, why) in &report.delayed {
                    tracing::info!(
                        account,
                        why,
                        "expiries are not enforced yet; AWS is asked again"
                    );
                }
                for (account, why) in &report.failed {
                    tracing::warn!(account, why, "expiries could not be enforced");
                }
                for (account, denials) in &report.unknown {
                    tracing::warn!(
                        account,
                        denials,
                        "the account's policy of enforced expiry denies people without stored data: it is left unchanged"
                    );
                }
                if report.not_moved > 0 {
                    let not_moved = report.not_moved;
                    tracing::warn!(not_moved, "enforced expiries could not be moved");
                }
                if report.denied > 0 {
                    let denied = report.denied;
                    tracing::warn!(denied, "overdue access is denied: the home Region is lost");
                }
                if report.armed + report.not_armed + report.gone > 0 {
                    let (armed, not_armed, gone) = (report.armed, report.not_armed, report.gone);
                    tracing::info!(armed, not_armed, gone, "enforced expiries were processed");
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "enforced expiries could not be processed");
            }
        }
        tokio::select! {
            () = notify.notified() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}
