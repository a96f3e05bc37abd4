//! Asks ticket services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hallpass_base::Timestamp;
use hallpass_rules::{TicketFacts, TicketRead};

use crate::TicketSource;

const PATIENCE: Duration = Duration::from_secs(3);

/// The configured services, by name.
#[derive(Default)]
pub struct TicketReader {
    sources: BTreeMap<String, Arc<dyn TicketSource>>,
}

impl TicketReader {
    pub fn new(sources: BTreeMap<String, Arc<dyn TicketSource>>) -> Self {
        Self { sources }
    }

    /// Asks the services at once, each at most [`PATIENCE`]. The age counts from the question.
    pub(super) async fn read(
        &self,
        text: &str,
        wanted: BTreeSet<String>,
        now: Timestamp,
    ) -> TicketFacts {
        let text = text.trim();
        let wanted = wanted.into_iter().filter(|_| !text.is_empty());
        let asked = wanted.map(|name| async move {
            let Some(source) = self.sources.get(&name) else {
                let why = "it is not in the configuration".to_owned();
                return (name, TicketRead::Unread { why });
            };
            let said = tokio::time::timeout(PATIENCE, source.ticket(text)).await;
            let late = || format!("no answer within {} s", PATIENCE.as_secs());
            let read = match said.map_err(|_| late()) {
                Ok(Ok(Some(ticket))) => TicketRead::Found { at: now, ticket },
                Ok(Ok(None)) => TicketRead::Missing { at: now },
                Ok(Err(fault)) => TicketRead::Unread { why: fault.0 },
                Err(why) => TicketRead::Unread { why },
            };
            if let TicketRead::Unread { why } = &read {
                tracing::warn!(source = %name, error = %why, "a ticket could not be read");
            }
            (name, read)
        });
        TicketFacts::Read {
            text: text.to_owned(),
            by_source: join_all(asked).await.into_iter().collect(),
        }
    }
}
