//! What is known of the organization, fresh enough for the case at hand (`access.md` §1.2, §8.2).

use std::sync::Arc;
use std::time::Duration;

use hallpass_model::{Span, Timestamp};
use hallpass_rules::Directory;

use super::{Access, AccessError};
use crate::{DirectoryFault, Wanted, ask};

/// How long a caller waits for the organization to be read again. Reading goes on without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// A name that is not known is looked for again only when what is known is at least this old, so
/// that typing errors do not read the organization over and over.
const MISS_AFTER: Span = Span::minutes(1);

impl Access {
    /// The directory to decide a case by: the newest one, read again when it lacks what is asked
    /// for or is too old.
    ///
    /// # Errors
    /// When it is too old, AWS does not answer, and a rule that might affect the case depends on
    /// where the account is.
    pub(super) async fn facts_for(&self, wanted: &Wanted) -> Result<Arc<Directory>, AccessError> {
        let directory = self.directory();
        let now = self.now();
        let is_known = ask::resolve(wanted, &directory).is_ok();
        let is_old = is_older(&directory, self.settings().directory_max_age, now);
        if (is_known && !is_old) || !is_older(&directory, MISS_AFTER, now) {
            return Ok(directory);
        }
        let fault = match self.read_again().await {
            Ok(fresh) => return Ok(fresh),
            Err(fault) => fault,
        };
        tracing::warn!(error = %fault, "the organization could not be read again");
        if is_old && self.depends_on_places(wanted, &directory) {
            return Err(fault.into());
        }
        Ok(directory)
    }

    async fn read_again(&self) -> Result<Arc<Directory>, DirectoryFault> {
        let source = Arc::clone(&self.ports.directory);
        let reading = tokio::spawn(async move { source.refresh().await });
        let fault = |message: String| DirectoryFault {
            what: "the organization".to_owned(),
            message,
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Err(fault(error.to_string())),
            Err(_) => Err(fault("it is still being read".to_owned())),
        }
    }

    fn depends_on_places(&self, wanted: &Wanted, directory: &Directory) -> bool {
        ask::resolve(wanted, directory).is_ok_and(|resolved| {
            ask::question(&resolved.target, &resolved.names)
                .is_some_and(|question| !self.rules().placed_by_directory(&question).is_empty())
        })
    }
}

fn is_older(directory: &Directory, age: Span, now: Timestamp) -> bool {
    directory
        .taken_at()
        .is_none_or(|taken| age.after(taken) < now)
}
