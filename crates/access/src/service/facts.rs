//! Organization data, fresh enough for each use (`access.md` §1.2, §8.2).

use std::sync::Arc;
use std::time::Duration;

use crate::identity::is_named;
use hallpass_base::{TimeSpan, Timestamp, UserId};
use hallpass_rules::Directory;

use super::Access;
use crate::records::StepContext;
use crate::target::LookedFor;
use crate::{ActionRefused, Actor, DirectoryFault, Role};

/// How long a caller waits for a read of the organization, which continues without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// An unknown name triggers a read only if the snapshot is at least this old, so that typing errors
/// cause no repeated reads.
const MISS_AFTER: TimeSpan = TimeSpan::minutes(1);

/// A snapshot this recent is valid for each user.
const PERSON_BELIEVED: TimeSpan = TimeSpan::seconds(5);
const PERSON_PATIENCE: Duration = Duration::from_secs(10);
/// The same during an outage of the home Region: its directory may still answer.
const PERSON_PATIENCE_WHILE_LOST: Duration = Duration::from_secs(3);
/// A snapshot further in the future came from a fast clock: its age is unknown.
const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);

impl Access {
    /// Returns the newest directory, read again if it is old or lacks an item.
    ///
    /// # Errors
    /// If it is too old and AWS does not answer.
    pub(super) async fn facts_for(
        &self,
        what: LookedFor<'_>,
    ) -> Result<Arc<Directory>, ActionRefused> {
        let directory = self.directory();
        let now = self.now();
        let is_known = what.find(&directory).is_ok();
        let is_old = is_older(&directory, self.settings().directory_max_age, now);
        if !is_old && (is_known || !is_older(&directory, MISS_AFTER, now)) {
            return Ok(directory);
        }
        let fault = match self.read_again().await {
            Ok(fresh) => return Ok(fresh),
            Err(fault) => fault,
        };
        tracing::warn!(error = %fault, "the organization could not be read again");
        if is_old {
            // A fast clock makes everything look old.
            self.step().ensure_agreed()?;
            return Err(ActionRefused::DirectoryUnread {
                read_at: directory.taken_at(),
                why: fault.to_string(),
            });
        }
        Ok(directory)
    }

    /// Reads again if a user is missing in `known` and the last read is not recent; returns `known`
    /// if AWS fails.
    pub(super) async fn read_since_a_miss(&self, known: Arc<Directory>) -> Arc<Directory> {
        if !is_older(&known, MISS_AFTER, self.now()) {
            return known;
        }
        self.read_again().await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "the organization could not be read again");
            known
        })
    }

    /// Why no access would be granted now. Reads only known state.
    pub fn obstacle(&self) -> Option<ActionRefused> {
        let step = self.step();
        if let Err(refused) = step.ensure_agreed() {
            return Some(refused);
        }
        self.ensure_fresh(&self.directory(), step).err()
    }

    pub fn directory_is_fresh(&self) -> bool {
        self.ensure_fresh(&self.directory(), self.step()).is_ok()
    }

    pub(super) fn ensure_fresh(
        &self,
        directory: &Directory,
        step: StepContext<'_>,
    ) -> Result<(), ActionRefused> {
        if !is_older(directory, self.settings().directory_max_age, step.now) {
            return Ok(());
        }
        step.ensure_agreed()?;
        Err(ActionRefused::DirectoryUnread {
            read_at: directory.taken_at(),
            why: format!("over {} ago", self.settings().directory_max_age),
        })
    }

    /// Returns the directory with the actor as AWS has them now, so that a deleted, disabled or
    /// removed user loses rights immediately. `known`, where the actor was found, is enough if
    /// seconds old.
    ///
    /// # Errors
    /// If they are deleted, disabled, no administrator any more, or unreadable.
    pub(super) async fn with_actor(
        &self,
        actor: &Actor,
        known: Arc<Directory>,
    ) -> Result<Arc<Directory>, ActionRefused> {
        let user = actor.user.as_ref().ok_or(ActionRefused::NotInDirectory)?;
        let now = self.now();
        if !is_older(&known, PERSON_BELIEVED, now)
            && !known.has_on_call_older_than(PERSON_BELIEVED, now)
        {
            return Ok(known);
        }
        let directory = self.person_read(user).await?;
        let unchecked = |why: &str| ActionRefused::PersonUnchecked {
            why: why.to_owned(),
        };
        match directory.person(user) {
            Some(person) if !person.enabled => Err(ActionRefused::NotInDirectory),
            None => Err(ActionRefused::NotInDirectory),
            // Rights depend on the address: a changed one needs a new sign-in.
            Some(person) if !actor.secondary_domain && !person.emails.contains(&actor.email) => {
                Err(unchecked("your address has changed"))
            }
            Some(_) if self.has_an_old_role(actor, &directory) => {
                Err(unchecked("you are no administrator any more"))
            }
            Some(_) => Ok(directory),
        }
    }

    /// # Errors
    /// If AWS does not answer in time.
    async fn person_read(&self, user: &UserId) -> Result<Arc<Directory>, ActionRefused> {
        let (source, asked) = (Arc::clone(&self.ports.directory), user.clone());
        let reading = tokio::spawn(async move { source.refresh_person(&asked).await });
        let lost = self.home_region_lost_since();
        let patience = lost.map_or(PERSON_PATIENCE, |_| PERSON_PATIENCE_WHILE_LOST);
        let why = match tokio::time::timeout(patience, reading).await {
            Ok(Ok(Ok(directory))) => return Ok(directory),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(Err(fault))) => lost.map_or_else(|| fault.to_string(), home_region_is_lost),
            Err(_) => lost.map_or_else(
                || "AWS has not answered yet".to_owned(),
                home_region_is_lost,
            ),
        };
        Err(ActionRefused::PersonUnchecked { why })
    }

    /// Whether the actor claims to be an administrator, but the directory disagrees.
    fn has_an_old_role(&self, actor: &Actor, directory: &Directory) -> bool {
        let (user, admins) = (actor.user.as_ref(), &self.settings.admins);
        let is_admin = user.is_some_and(|user| is_named(user, admins, directory));
        actor.is(Role::Admin) && !admins.is_empty() && !is_admin
    }

    /// Returns the directory for the sign-in of `user`, updated from AWS, and whether AWS answered.
    /// The caller must look up the identity again, since it may belong to another user now. Without
    /// an answer the known state is used: the user may still end access, and every right is checked
    /// again.
    pub async fn directory_to_let_in(&self, user: &UserId) -> (Arc<Directory>, bool) {
        let known = self.directory();
        if !is_older(&known, PERSON_BELIEVED, self.now()) {
            return (known, true);
        }
        match self.person_read(user).await {
            Ok(directory) => (directory, true),
            Err(error) => {
                tracing::warn!(user = %user, error = %error, "a user signing in could not be checked");
                (known, false)
            }
        }
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
}

fn home_region_is_lost(since: Timestamp) -> String {
    format!(
        "the home Region of IAM Identity Center has not answered since {since}, and what rests on a person's rights waits for it"
    )
}

/// Also true if its age is unknown.
pub(super) fn is_older(directory: &Directory, age: TimeSpan, now: Timestamp) -> bool {
    directory
        .taken_at()
        .is_none_or(|taken| age.after(taken) < now || AHEAD_MAX.after(now) < taken)
}
