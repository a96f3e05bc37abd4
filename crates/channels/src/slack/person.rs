//! Who a Slack user is in the directory (`access.md` §11.5), and which Slack user somebody is.

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

/// How long what Slack said about people is believed.
const BELIEVED: TimeSpan = TimeSpan::minutes(10);
/// How long a channel's members are believed.
const MEMBERS_BELIEVED: TimeSpan = TimeSpan::minutes(5);
/// People remembered at most; beyond, all are asked for again.
const PEOPLE_MAX: usize = 50_000;

/// Slack's word for an id that is nobody's.
const NO_USER: &str = "user_not_found";

/// Longest text of a press in the log.
const LOGGED_MAX: usize = 64;

/// A Slack user as a person of the directory.
#[derive(Clone, Debug)]
pub(crate) struct KnownPerson {
    pub(crate) actor: Actor,
    pub(crate) slack: SlackUser,
}

/// Why somebody is nobody here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Of another workspace, or a guest whose address Slack does not say.
    Foreign,
    /// Nobody in the directory has the address, or they are disabled.
    Nobody,
    /// Several people have it.
    Ambiguous,
    /// Slack does not say.
    Slack(SlackError),
}

impl Unknown {
    /// Says in the log that somebody who is nobody here was refused: the audit log wants an actor,
    /// and there is none. Names a code and a request, never a person.
    pub(crate) fn log(&self, action: &str, request: &str) {
        let code = match self {
            Self::Foreign => "foreign-workspace",
            Self::Nobody => "unknown-person",
            Self::Ambiguous => "ambiguous-user",
            Self::Slack(_) => return,
        };
        // both came from a button or form that anybody may have made up
        let cut = |text: &str| text.chars().take(LOGGED_MAX).collect::<String>();
        tracing::warn!(
            code,
            action = cut(action),
            request.id = cut(request),
            "a press of somebody unknown was refused"
        );
    }
}

/// Finds people.
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

    /// Who somebody is, from what is known already; `None` when Slack has to be asked.
    pub(crate) fn at_once(&self, by: &SlackActor) -> Option<Result<KnownPerson, Unknown>> {
        let team = self.team.get()?;
        let user = self.users.get(&by.user, self.clock.now())?;
        Some(self.judge(by, &user, team))
    }

    /// Who somebody is.
    pub(crate) async fn find(&self, by: &SlackActor) -> Result<KnownPerson, Unknown> {
        let team = self.team().await.map_err(Unknown::Slack)?.to_owned();
        let user = self.at_id(&by.user).await.map_err(Unknown::Slack)?;
        self.judge(by, &user, &team)
    }

    /// What Slack says of one of its users.
    async fn at_id(&self, slack: &str) -> Result<SlackUser, SlackError> {
        let (id, now) = (slack.to_owned(), self.clock.now());
        if let Some(user) = self.users.get(&id, now) {
            return Ok(user);
        }
        let user = self.client.user(slack).await?;
        self.users.put(id, user.clone(), now);
        Ok(user)
    }

    /// Whether a Slack user is still one: an account is deactivated, and made anew under another id. Who
    /// cannot be looked up is believed to be there: news must not wait for that.
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

    /// Whoever runs another workspace says which addresses its users have: they prove nothing here.
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

    /// The Slack user of an address of the directory: that of the one person who has it today.
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

    /// The Slack user of somebody: who acted as them, or whom Slack knows by an address of theirs.
    pub(crate) async fn user_of(&self, user: &UserId) -> Result<Option<String>, SlackError> {
        let directory = self.access.directory();
        // a memory that does not answer costs a question to Slack
        let link = self.remembered.link_of(user).await.unwrap_or_default();
        if let Some(link) = link.filter(|link| holds(link, user, &directory))
            && self.is_there(&link.slack).await
        {
            return Ok(Some(link.slack));
        }
        let person = directory.person(user).filter(|person| person.enabled);
        for email in person.iter().flat_map(|person| &person.emails) {
            // an address that several have finds nobody
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
                    "Slack has an address of somebody at the Slack user of another; nobody is mentioned"
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

    /// Whether a Slack user belongs to somebody else who is still there. When that cannot be read,
    /// it does.
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

    /// Whom Slack knows by an address.
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

    /// Everybody who administers today.
    pub(crate) fn administrators(&self) -> BTreeSet<UserId> {
        self.identity.administrators(&self.access.directory())
    }

    /// Somebody acted as a Slack user: from here on it is theirs, whoever had it before. An address in
    /// a fallback domain says less than that: it lets somebody ask, and takes nothing from anybody.
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

    /// Whether a Slack user whose address only a fallback domain finds is the one by which somebody is
    /// reached: they have no other, and it is nobody else's. When that cannot be known, it is not.
    async fn may_stand_in(&self, slack: &str, user: &UserId) -> bool {
        let directory = self.access.directory();
        !self.is_of_another(slack, user, &directory).await
            && self.user_of(user).await.is_ok_and(|own| own.is_none())
    }

    /// Whether a user is a member of a channel.
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

    /// The direct message with a user.
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

/// Whether an address is one person's, and that person is `user`.
fn is_theirs(email: &Email, user: &UserId, directory: &Directory) -> bool {
    let found = directory.person_by_email(email);
    found.is_ok_and(|person| person.user_id == *user)
}

/// Whether what said that a Slack user is somebody still does.
fn holds(link: &Link, user: &UserId, directory: &Directory) -> bool {
    match &link.by {
        LinkedBy::Acting => true,
        LinkedBy::Address(email) => is_theirs(email, user, directory),
    }
}

/// Whether a user belongs to our workspace, or to our organization's.
fn is_of(user: &SlackUser, team: &str) -> bool {
    let own = user.team.as_deref().is_none_or(|theirs| theirs == team);
    user.teams.iter().any(|theirs| theirs == team) || (own && !user.is_stranger)
}

/// Values that are believed for a while.
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
