//! What rules that are not in force are judged by: what is known, and what they name beside that.

use std::sync::Arc;
use std::time::Duration;

use hallpass_rules::Rules;

use super::Access;
use crate::DirectoryAhead;

/// How long a caller waits for what only their rules name. Reading goes on without them, for whoever asks next; a call of
/// the API takes 30 seconds at most.
const PATIENCE: Duration = Duration::from_secs(15);

impl Access {
    /// The directory with what these rules name of it, of which the newest one has what rules in force name. It is the
    /// caller's own: what is decided here goes on by the newest one.
    pub async fn directory_ahead(&self, rules: &Rules) -> DirectoryAhead {
        let (source, named) = (Arc::clone(&self.ports.directory), rules.named_facts());
        let known = source.ahead(&named);
        if named.unread_in(&known.directory).is_empty() {
            return known;
        }
        let (reader, asked) = (Arc::clone(&source), named.clone());
        let reading = tokio::spawn(async move { reader.read_ahead(&asked).await });
        if let Err(error) = tokio::time::timeout(PATIENCE, reading).await {
            tracing::info!(%error, "what rules name that are not in force is still being read");
        }
        source.ahead(&named)
    }
}
