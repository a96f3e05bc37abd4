//! Alerts about access that no one may hold together, and about reviewers who have not answered.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::Access;
use hallpass_app::setup::waiting::rest;
use tokio::sync::watch;

/// Sweeps, grants and rules change at any time; what was reported is not reported again.
const EVERY: Duration = Duration::from_mins(5);

/// Until the organization is read, holders are unknown.
const UNREAD: Duration = Duration::from_secs(2);

/// `pages` is the address of the server.
pub(super) async fn tell((access, pages): (Arc<Access>, String), mut stop: watch::Receiver<bool>) {
    loop {
        if !access.directory_is_fresh() {
            if !rest(&mut stop, UNREAD).await {
                return;
            }
            continue;
        }
        let told = tokio::select! {
            told = access.tell_conflicts() => told,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Err(error) = told {
            tracing::error!(error = %error, "access held against a constraint could not be reported");
        }
        if let Err(error) = access.remind_reviewers(&pages).await {
            tracing::error!(error = %error, "reviewers of access could not be reminded");
        }
        if !rest(&mut stop, EVERY).await {
            return;
        }
    }
}
