//! What is known of the organization, fresh enough for the case at hand (`access.md` §1.2, §8.2), and
//! of whoever uses a right.

use std::sync::Arc;
use std::time::Duration;

use crate::identity::is_named;
use hallpass_base::{TimeSpan, Timestamp, UserId};
use hallpass_rules::Directory;

use super::Access;
use crate::records::StepContext;
use crate::target::LookedFor;
use crate::{Actor, DirectoryFault, PressRefused, Role};

/// How long a caller waits for the organization to be read again. Reading goes on without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// A name that is not known is looked for again only when what is known is at least this old, so
/// that typing errors do not read the organization over and over.
const MISS_AFTER: TimeSpan = TimeSpan::minutes(1);

/// A snapshot read this recently speaks for each of its people.
const PERSON_BELIEVED: TimeSpan = TimeSpan::seconds(5);
/// How long a caller waits for their own user to be read.
const PERSON_PATIENCE: Duration = Duration::from_secs(10);
/// The same while the home Region answers nobody: its directory, which is asked, may answer all the same.
const PERSON_PATIENCE_WHILE_LOST: Duration = Duration::from_secs(3);
/// A snapshot taken further ahead of now than this was taken by a clock that ran ahead: nobody can
/// say how old it is.
const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);

impl Access {
    /// The directory to give access by: the newest one, read again when it lacks what is asked for or
    /// is too old.
    ///
    /// # Errors
    /// When it is too old and AWS does not answer.
    pub(super) async fn facts_for(
        &self,
        what: LookedFor<'_>,
    ) -> Result<Arc<Directory>, PressRefused> {
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
            // by a clock that runs ahead everything is old
            self.step().ensure_agreed()?;
            return Err(PressRefused::DirectoryUnread {
                read_at: directory.taken_at(),
                why: fault.to_string(),
            });
        }
        Ok(directory)
    }

    /// The directory read again, where somebody was missed in `known` and that is no more of just now; `known` where AWS does
    /// not answer.
    pub(super) async fn read_since_a_miss(&self, known: Arc<Directory>) -> Arc<Directory> {
        if !is_older(&known, MISS_AFTER, self.now()) {
            return known;
        }
        self.read_again().await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "the organization could not be read again");
            known
        })
    }

    /// Why nothing that gives access would be done now, whatever it is: for saying so before somebody
    /// tries. Looks at nothing but what is known.
    pub fn obstacle(&self) -> Option<PressRefused> {
        let step = self.step();
        if let Err(refused) = step.ensure_agreed() {
            return Some(refused);
        }
        self.ensure_fresh(&self.directory(), step).err()
    }

    /// Whether the directory was read recently enough to decide by.
    pub fn directory_is_fresh(&self) -> bool {
        self.ensure_fresh(&self.directory(), self.step()).is_ok()
    }

    /// Refuses to decide by a directory that is too old, without reading it again.
    pub(super) fn ensure_fresh(
        &self,
        directory: &Directory,
        step: StepContext<'_>,
    ) -> Result<(), PressRefused> {
        if !is_older(directory, self.settings().directory_max_age, step.now) {
            return Ok(());
        }
        // by a clock that runs ahead everything is old
        step.ensure_agreed()?;
        Err(PressRefused::DirectoryUnread {
            read_at: directory.taken_at(),
            why: format!("over {} ago", self.settings().directory_max_age),
        })
    }

    /// The directory with the actor as AWS has them now: who was removed, disabled or taken out of a group
    /// a moment ago uses no right of before. `known` is the directory that the actor was found in; it is
    /// enough when it was read a few seconds ago.
    ///
    /// # Errors
    /// When they are gone, disabled or no administrator any more, or cannot be read.
    pub(super) async fn with_actor(
        &self,
        actor: &Actor,
        known: Arc<Directory>,
    ) -> Result<Arc<Directory>, PressRefused> {
        let user = actor.user.as_ref().ok_or(PressRefused::NotInDirectory)?;
        if !is_older(&known, PERSON_BELIEVED, self.now()) {
            return Ok(known);
        }
        let directory = self.person_read(user).await?;
        let unchecked = |why: &str| PressRefused::PersonUnchecked {
            why: why.to_owned(),
        };
        match directory.person(user) {
            Some(person) if !person.enabled => Err(PressRefused::NotInDirectory),
            None => Err(PressRefused::NotInDirectory),
            // their address names their rights: with another one they come in anew
            Some(person) if !actor.secondary_domain && !person.emails.contains(&actor.email) => {
                Err(unchecked("your address has changed"))
            }
            Some(_) if self.has_an_old_role(actor, &directory) => {
                Err(unchecked("you are no administrator any more"))
            }
            Some(_) => Ok(directory),
        }
    }

    /// The newest directory with a user as AWS has them now.
    ///
    /// # Errors
    /// When AWS does not say in time.
    async fn person_read(&self, user: &UserId) -> Result<Arc<Directory>, PressRefused> {
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
        Err(PressRefused::PersonUnchecked { why })
    }

    /// Whether somebody comes as an administrator, and is none by this directory.
    fn has_an_old_role(&self, actor: &Actor, directory: &Directory) -> bool {
        let (user, admins) = (actor.user.as_ref(), &self.settings.admins);
        let is_admin = user.is_some_and(|user| is_named(user, admins, directory));
        actor.is(Role::Admin) && !admins.is_empty() && !is_admin
    }

    /// The directory to let `user` in by: with them as AWS has them now. Whoever asks looks in it
    /// again for what they were found by, since that may be somebody else's by now. Who cannot be
    /// asked about is as they were known: they may have something to give back, and use no right
    /// without being asked about again. Whether AWS was asked comes with it.
    pub async fn directory_to_let_in(&self, user: &UserId) -> (Arc<Directory>, bool) {
        let known = self.directory();
        if !is_older(&known, PERSON_BELIEVED, self.now()) {
            return (known, true);
        }
        match self.person_read(user).await {
            Ok(directory) => (directory, true),
            Err(error) => {
                tracing::warn!(user = %user, error = %error, "who signs in could not be asked about");
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

/// Why nobody can be asked about, in words.
fn home_region_is_lost(since: Timestamp) -> String {
    format!(
        "the home Region of IAM Identity Center has not answered since {since}, and what rests on a person's rights waits for it"
    )
}

/// Whether a snapshot is older than `age`, or nobody can say how old.
pub(super) fn is_older(directory: &Directory, age: TimeSpan, now: Timestamp) -> bool {
    directory
        .taken_at()
        .is_none_or(|taken| age.after(taken) < now || AHEAD_MAX.after(now) < taken)
}
