//! Reads absences again, on every node: another one may have set them.

use std::sync::Arc;

use hallpass_access::{ABSENCE_POLL, AbsenceDirectory};
use hallpass_app::setup::waiting::rest;
use tokio::sync::watch;

pub(super) async fn poll(absences: Arc<AbsenceDirectory>, mut stop: watch::Receiver<bool>) {
    while rest(&mut stop, ABSENCE_POLL).await {
        absences.read().await;
    }
}
