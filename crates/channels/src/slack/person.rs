//! Maps Slack users to people of the directory and back (`access.md` §11.5).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::identity::Identity;
use hallpass_access::{Access, Actor, Directory, Origin};
use hallpass_base::{Clock, Email, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::NotOnePerson;
use tokio::sync::OnceCell;

use crate::slack::client::{Client, SlackUser};
use crate::slack::fault::SlackError;
use crate::slack::inbound::SlackActor;
use crate::slack::memory::{Link, LinkedBy, Remembered};

const BELIEVED: TimeSpan = TimeSpan::minutes(10);
const MEMBERS_BELIEVED: TimeSpan = TimeSpan::minutes(5);
/// Maximum cached people; beyond it the cache is cleared.
const PEOPLE_MAX: usize = 50_000;

/// Slack's error for an unknown id.
const NO_USER: &str = "user_not_found";

const LOGGED_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct KnownPerson {
    pub(crate) actor: Actor,
    pub(crate) slack: SlackUser,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Of another workspace, or a guest without a visible address.
    Foreign,
    /// The address is missing in the directory, or its person is disabled.
    Nobody,
    /// Several people have it.
    Ambiguous,
    Slack(SlackError),
}

impl Unknown {
    /// Logs the refusal of an unknown user, because the audit log requires an actor. Names a code
    /// and a request, never a person.
    pub(crate) fn log(&self, action: &str, request: &str) {
        let code = match self {
            Self::Foreign => "foreign-workspace",
            Self::Nobody => "unknown-person",
            Self::Ambiguous => "ambiguous-user",
            Self::Slack(_) => return,
        };
        // both come from a button or form that may be forged
        let cut = |text: &str| text.chars().take(LOGGED_MAX).collect::<String>();
        tracing::warn!(
            code,
            action = cut(action),
            request.id = cut(request),
            "a press by an unknown user was refused"
        );
    }
}

pub(crate) struct People {
    pub(crate) client: Client,
    access: Arc<Access>,
    identity: Arc<Identity>,
    pub(crate) clock: Arc<dyn Clock>,
    remembered: Arc<Remembered>,
    team: OnceCell<String>,
    users: Aged<String, SlackUser>,
    by_email: Aged<Email, Option<String>>,
    members: Aged<String, Arc<BTreeSet<String>>>,
}

impl People {
    pub(crate) fn new(
        client: Client,
        access: Arc<Access>,
        identity: Arc<Identity>,
        clock: Arc<dyn Clock>,
        remembered: Arc<Remembered>,
    ) -> Self {
        Self {
            client,
            access,
            identity,
            clock,
            remembered,
            team: OnceCell::new(),
            users: Aged::new(BELIEVED),
            by_email: Aged::new(BELIEVED),
            members: Aged::new(MEMBERS_BELIEVED),
        }
    }

    /// Returns the cached person; `None` requires a call to Slack.
    pub(crate) fn at_once(&self, by: &SlackActor) -> Option<Result<KnownPerson, Unknown>> {
        let team = self.team.get()?;
        let user = self.users.get(&by.user, self.clock.now())?;
        Some(self.judge(by, &user, team))
    }

    pub(crate) async fn find(&self, by: &SlackActor) -> Result<KnownPerson, Unknown> {
        let team = self.team().await.map_err(Unknown::Slack)?.to_owned();
        let user = self.at_id(&by.user).await.map_err(Unknown::Slack)?;
        self.judge(by, &user, &team)
    }

    async fn at_id(&self, slack: &str) -> Result<SlackUser, SlackError> {
        let (id, now) = (slack.to_owned(), self.clock.now());
        if let Some(user) = self.users.get(&id, now) {
            return Ok(user);
        }
        let user = self.client.user(slack).await?;
        self.users.put(id, user.clone(), now);
        Ok(user)
    }

    /// Returns whether a Slack user is active; accounts are recreated under another id. Failed
    /// lookups count as active, because notices must not wait.
    async fn is_there(&self, slack: &str) -> bool {
        match self.at_id(slack).await {
            Ok(user) => !user.is_nobody,
            Err(error) => error.code() != Some(NO_USER),
        }
    }

    async fn team(&self) -> Result<&str, SlackError> {
        let asked = self
            .team
            .get_or_try_init(|| async { self.client.myself().await.map(|myself| myself.team) });
        asked.await.map(String::as_str)
    }

    /// Other workspaces control their users' addresses, which prove nothing here.
    fn judge(&self, by: &SlackActor, user: &SlackUser, team: &str) -> Result<KnownPerson, Unknown> {
        let came_from = by.team.as_deref().is_none_or(|theirs| theirs == team);
        if !is_of(user, team) || !(came_from || user.teams.iter().any(|theirs| theirs == team)) {
            return Err(Unknown::Foreign);
        }
        if user.is_nobody {
            return Err(Unknown::Nobody);
        }
        let Some(email) = &user.email else {
            return Err(Unknown::Foreign);
        };
        let email = Email::new(email).map_err(|_| Unknown::Nobody)?;
        let directory = self.access.directory();
        let actor = match self.identity.actor(&email, Origin::Slack, &directory) {
            Ok(actor) => actor,
            Err(NotOnePerson::Ambiguous) => return Err(Unknown::Ambiguous),
            Err(NotOnePerson::None) => return Err(Unknown::Nobody),
        };
        if actor.user.is_none() {
            return Err(Unknown::Nobody);
        }
        Ok(KnownPerson {
            actor,
            slack: user.clone(),
        })
    }

    /// Returns the Slack user of an address if exactly one person has it.
    pub(crate) async fn user_by_address(
        &self,
        email: &Email,
    ) -> Result<Option<String>, SlackError> {
        let directory = self.access.directory();
        let Ok(person) = directory.person_by_email(email) else {
            return Ok(None);
        };
        self.user_of(&person.user_id).await
    }

    pub(crate) async fn user_of(&self, user: &UserId) -> Result<Option<String>, SlackError> {
        let directory = self.access.directory();
        // an unavailable store costs a call to Slack
        let link = self.remembered.link_of(user).await.unwrap_or_default();
        if let Some(link) = link.filter(|link| holds(link, user, &directory))
            && self.is_there(&link.slack).await
        {
            return Ok(Some(link.slack));
        }
        let person = directory.person(user).filter(|person| person.enabled);
        for email in person.iter().flat_map(|person| &person.emails) {
            // a shared address identifies no person
            if !is_theirs(email, user, &directory) {
                continue;
            }
            let Some(slack) = self.at_slack(email).await? else {
                continue;
            };
            if self.is_of_another(&slack, user, &directory).await {
                tracing::warn!(
                    user = %user,
                    slack,
                    "Slack assigns the address to another person's Slack user; no one is mentioned"
                );
                continue;
            }
            let link = Link {
                slack: slack.clone(),
                by: LinkedBy::Address(email.clone()),
            };
            if let Err(error) = self.remembered.keep_link(user, &link).await {
                tracing::warn!(error = %error, "whose a Slack user is could not be remembered");
            }
            return Ok(Some(slack));
        }
        Ok(None)
    }

    /// Returns whether a Slack user belongs to another active person. Read failures count as yes.
    async fn is_of_another(&self, slack: &str, user: &UserId, directory: &Directory) -> bool {
        let owner = match self.remembered.owner_of(slack).await {
            Ok(Some(owner)) if owner != *user => owner,
            Ok(_) => return false,
            Err(_) => return true,
        };
        let is_there = directory
            .person(&owner)
            .is_some_and(|person| person.enabled);
        match self.remembered.link_of(&owner).await {
            Ok(link) => is_there && link.is_some_and(|link| holds(&link, &owner, directory)),
            Err(_) => true,
        }
    }

    async fn at_slack(&self, email: &Email) -> Result<Option<String>, SlackError> {
        let now = self.clock.now();
        if let Some(user) = self.by_email.get(email, now) {
            return Ok(user);
        }
        let found = match self.client.user_by_email(email.as_str()).await {
            Err(error) if !error.is_passing() => {
                // a missing scope must not keep a request from being posted
                tracing::warn!(error = %error, "Slack does not say who has an address");
                return Ok(None);
            }
            found => found?,
        };
        let team = self.team().await?;
        let user = found
            .filter(|user| !user.is_nobody && is_of(user, team))
            .map(|user| user.id);
        self.by_email.put(email.clone(), user.clone(), now);
        Ok(user)
    }

    pub(crate) fn administrators(&self) -> BTreeSet<UserId> {
        self.identity.administrators(&self.access.directory())
    }

    /// Links a Slack user to the person who acted. An address in a fallback domain permits
    /// requests, but replaces no link.
    pub(crate) async fn acted(&self, known: &KnownPerson) {
        let Some(user) = &known.actor.user else {
            return;
        };
        if known.actor.secondary_domain && !self.may_stand_in(&known.slack.id, user).await {
            return;
        }
        let link = Link {
            slack: known.slack.id.clone(),
            by: LinkedBy::Acting,
        };
        if let Err(error) = self.remembered.keep_link(user, &link).await {
            tracing::warn!(error = %error, "who acted could not be remembered");
        }
    }

    /// Returns whether a Slack user found only by a fallback domain may receive a person's
    /// messages: they have no other, and it has no other owner. Read failures count as no.
    async fn may_stand_in(&self, slack: &str, user: &UserId) -> bool {
        let directory = self.access.directory();
        !self.is_of_another(slack, user, &directory).await
            && self.user_of(user).await.is_ok_and(|own| own.is_none())
    }

    pub(crate) async fn is_member(&self, channel: &str, user: &str) -> Result<bool, SlackError> {
        let now = self.clock.now();
        let members = if let Some(members) = self.members.get(&channel.to_owned(), now) {
            members
        } else {
            let all = match self.client.members(channel).await {
                Err(error) if !error.is_passing() => {
                    tracing::warn!(error = %error, "Slack does not say who is in the channel");
                    return Ok(true);
                }
                all => all?,
            };
            let all: Arc<BTreeSet<String>> = Arc::new(all.into_iter().collect());
            self.members.put(channel.to_owned(), Arc::clone(&all), now);
            all
        };
        Ok(members.contains(user))
    }

    pub(crate) async fn direct(&self, user: &str) -> Result<String, SlackError> {
        if let Ok(Some(channel)) = self.remembered.direct_of(user).await {
            return Ok(channel);
        }
        let channel = self.client.direct(user).await?;
        if let Err(error) = self.remembered.keep_direct(user, &channel).await {
            tracing::warn!(error = %error, "a direct message could not be remembered");
        }
        Ok(channel)
    }
}

/// Returns whether only `user` has the address.
fn is_theirs(email: &Email, user: &UserId, directory: &Directory) -> bool {
    let found = directory.person_by_email(email);
    found.is_ok_and(|person| person.user_id == *user)
}

/// Returns whether a link's evidence still applies.
fn holds(link: &Link, user: &UserId, directory: &Directory) -> bool {
    match &link.by {
        LinkedBy::Acting => true,
        LinkedBy::Address(email) => is_theirs(email, user, directory),
    }
}

/// Returns whether a user belongs to the app's workspace or organization.
fn is_of(user: &SlackUser, team: &str) -> bool {
    let own = user.team.as_deref().is_none_or(|theirs| theirs == team);
    user.teams.iter().any(|theirs| theirs == team) || (own && !user.is_stranger)
}

struct Aged<K, V> {
    believed: TimeSpan,
    values: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: std::hash::Hash + Eq, V: Clone> Aged<K, V> {
    fn new(believed: TimeSpan) -> Self {
        Self {
            believed,
            values: Mutex::default(),
        }
    }

    fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = values.get(key)?;
        self.believed.covers(*at, now).then(|| value.clone())
    }

    fn put(&self, key: K, value: V, now: Timestamp) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= PEOPLE_MAX {
            values.clear();
        }
        values.insert(key, (now, value));
    }
}
