//! Redraws messages when AWS's expiry enforcement changes, which causes no notice.

use std::collections::HashMap;
use std::time::Duration;

use hallpass_access::{ArmedEndStatus, Grant, GrantFilter, GrantStateKind, ReadError};
use hallpass_base::RequestId;
use tokio::sync::watch;

use crate::slack::app::Slack;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Maximum grants checked, newest first; others are redrawn with their next notice.
const GRANTS_MAX: usize = 2_000;
const GRANTS_PAGE: u32 = 250;

/// The last displayed enforcement per request, and whether AWS had begun to refuse.
#[derive(Debug, Default)]
pub struct ReportedEnds(HashMap<RequestId, (ArmedEndStatus, bool)>);

impl Slack {
    pub(crate) async fn armed_end_of(&self, grant: Option<&Grant>) -> Option<ArmedEndStatus> {
        let grant = grant.filter(|it| it.is_hold())?;
        match self.inner.access.armed_ends([grant]).await {
            Ok(mut found) => found.remove(&grant.key),
            Err(error) => {
                tracing::warn!(grant.id = %grant.id, error = %error, "whether its end is armed could not be read");
                None
            }
        }
    }

    pub async fn follow_ends(&self, mut stop: watch::Receiver<bool>) {
        let mut told = ReportedEnds::default();
        while !*stop.borrow() {
            if let Err(error) = self.tell_ends(&mut told).await {
                tracing::warn!(error = %error, "what AWS does about ends could not be read");
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Redraws messages whose enforcement changed. `told` holds the previous state; a restart
    /// redraws each once, without effect if unchanged.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tell_ends(&self, told: &mut ReportedEnds) -> Result<(), ReadError> {
        if !self.inner.access.settings().armed_ends.mode.is_on() && told.0.is_empty() {
            return Ok(());
        }
        let at = self.now();
        let mut now = HashMap::new();
        let mut filter = GrantFilter {
            states: vec![GrantStateKind::Active],
            ..GrantFilter::default()
        };
        let mut seen = 0;
        while seen < GRANTS_MAX {
            let page = self.inner.store.grants(&filter, GRANTS_PAGE).await?;
            let keys: Vec<_> = page.rows.iter().map(|grant| grant.key.clone()).collect();
            let armed = self.inner.store.armed_ends(&keys).await?;
            for grant in &page.rows {
                if let Some(status) = armed.get(&grant.key) {
                    let refuses = status.refuses_from().is_some_and(|from| from <= at);
                    now.insert(grant.request, (status.clone(), refuses));
                }
            }
            seen += page.rows.len();
            filter.before = page.next;
            if filter.before.is_none() {
                break;
            }
        }
        let changed = now
            .iter()
            .filter(|(request, says)| told.0.get(request) != Some(says));
        for (request, _) in changed {
            self.redraw(*request).await;
        }
        told.0 = now;
        Ok(())
    }
}
