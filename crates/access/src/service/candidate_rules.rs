use std::sync::Arc;
use std::time::Duration;

use hallpass_rules::Rules;

use super::Access;
use crate::DirectoryPrefetch;

/// How long a caller waits for facts that only their rules name. The read continues for later
/// callers; an API call takes 30 seconds at most.
const PATIENCE: Duration = Duration::from_secs(15);

impl Access {
    /// Returns the directory with the facts that these rules name. Other decisions keep using the
    /// newest snapshot.
    pub async fn directory_ahead(&self, rules: &Rules) -> DirectoryPrefetch {
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
