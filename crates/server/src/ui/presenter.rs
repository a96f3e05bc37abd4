//! Formats data for a viewer: times in their zone, names, targets with folders. Markup made here is
//! escaped here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use askama::filters::HtmlSafe;
use hallpass_access::{
    AccessError, ArmedEndStatus, CredentialsAfterEnd, Directory, Grant, GrantState, InLine, Person,
    Request, RequestState, last_credentials_until,
};
use hallpass_base::{AccountId, Email, HoldKey, Target, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_channels::wording::{ChannelStyle, grants, health, lists::any_of};
use hallpass_rules::Principal;
use jiff::tz::TimeZone;

use super::{
    shell::{Viewer, url_encoded},
    words::{clock, id_groups, in_line, initials, plain, zone_name},
};
use crate::{App, permission_set_policies};

const AVATARS: u8 = 5;

#[derive(Clone)]
pub(crate) struct Presenter {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    pub(crate) me: Email,
    pub(crate) user: Option<UserId>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ends_sessions: bool,
    /// Sessions do not end there: policies have no effect.
    pub(crate) management_account: Option<AccountId>,
    pub(crate) contact: String,
    region_lost: Option<Timestamp>,
    armed_ends: BTreeMap<HoldKey, ArmedEndStatus>,
}

#[derive(Clone, Debug)]
pub(crate) struct PersonView {
    pub(crate) name: String,
    pub(crate) first: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) look: u8,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TargetView {
    pub(crate) place: String,
    pub(crate) set: String,
    pub(crate) id: Vec<String>,
    pub(crate) folder: String,
    pub(crate) is_prod: bool,
    pub(crate) says: String,
    pub(crate) set_page: String,
    pub(crate) ask: String,
}

impl TargetView {
    /// `payments-prod / DatabaseOperator`, `group oncall`.
    pub(crate) fn words(&self) -> String {
        if self.set.is_empty() {
            self.place.clone()
        } else {
            format!("{} / {}", self.place, self.set)
        }
    }
}

/// Markup of an instant: `<time>` in the viewer's zone, with UTC as tooltip.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) at: Timestamp,
    pub(crate) words: String,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = in_utc(self.at);
        write!(
            f,
            "<time datetime=\"{}\" title=\"{utc}\">{}</time>",
            self.at, self.words
        )
    }
}

impl HtmlSafe for At {}

pub(crate) fn in_utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Text with `names` in backticks rendered as code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coded(pub(crate) String);

impl Coded {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<&str> = self.0.split('`').collect();
        for (at, piece) in pieces.iter().enumerate() {
            // an unpaired last backtick is text
            let is_code = at % 2 == 1 && at + 1 < pieces.len();
            if is_code {
                f.write_str("<code>")?;
            }
            for c in piece.chars() {
                match c {
                    '&' => f.write_str("&amp;")?,
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    '"' => f.write_str("&#34;")?,
                    '\'' => f.write_str("&#39;")?,
                    c => write!(f, "{c}")?,
                }
            }
            if is_code {
                f.write_str("</code>")?;
            }
        }
        Ok(())
    }
}

impl HtmlSafe for Coded {}

impl ChannelStyle for Presenter {
    fn name(&self, name: &str) -> String {
        plain(name)
    }

    fn quoted(&self, text: &str) -> String {
        plain(text)
    }

    fn person(&self, email: &Email) -> String {
        self.named(email)
    }

    fn instant(&self, at: Timestamp) -> String {
        self.words(at)
    }
}

impl Presenter {
    pub(crate) fn new(app: &App, viewer: &Viewer) -> Self {
        Self {
            now: app.clock.now(),
            zone: viewer.zone.clone(),
            me: viewer.actor.email.clone(),
            user: viewer.actor.user.clone(),
            directory: app.access.directory(),
            ends_sessions: app.access.settings().end_sessions,
            management_account: app.access.settings().management_account.clone(),
            contact: app.access.settings().contact().to_owned(),
            region_lost: app.access.home_region_lost_since(),
            armed_ends: BTreeMap::new(),
        }
    }

    pub(crate) async fn seeing_armed_ends<'a>(
        mut self,
        app: &App,
        grants: impl IntoIterator<Item = &'a Grant>,
    ) -> Result<Self, AccessError> {
        self.armed_ends = app.access.armed_ends(grants).await?;
        Ok(self)
    }

    pub(crate) fn region_lost(&self) -> Option<String> {
        self.region_lost.map(|since| self.words(since))
    }

    pub(crate) fn wait(&self, place: Option<InLine>) -> String {
        self.region_lost().map_or_else(
            || in_line(place),
            |since| health::waits_for_home_region(&since),
        )
    }

    /// Returns whether AWS will deny the access after its end: the expiry is in force, and no known
    /// problem prevents its move.
    pub(crate) fn is_armed(&self, grant: &Grant) -> bool {
        let armed = self.armed_ends.get(&grant.key);
        matches!(armed, Some(ArmedEndStatus::Armed { unmoved: None, .. }))
    }

    /// Describes a pending move of the enforced expiry; `None` without one.
    pub(crate) fn extending(&self, grant: &Grant) -> Option<Coded> {
        let moving = { self.armed_ends.get(&grant.key) }.and_then(ArmedEndStatus::moving)?;
        let is_cut = matches!(grant.state, GrantState::Active) && grant.ends_at == moving.from;
        let words = || grants::extending(&self.words(moving.to), &moving, self);
        is_cut.then(|| Coded(words()))
    }

    pub(crate) fn is_me(&self, person: &Person) -> bool {
        self.user.as_ref() == Some(&person.user)
    }

    pub(crate) fn has_reviewed(&self, request: &Request) -> bool {
        let mut reviews = request.reviews.iter();
        reviews.any(|review| review.user.is_some() && review.user == self.user)
    }

    /// The viewer as rule subject.
    pub(crate) fn principal(&self) -> Principal<'_> {
        Principal {
            user: self.user.as_ref(),
            email: &self.me,
        }
    }

    pub(crate) fn stops_sessions(&self, grant: &Grant) -> bool {
        grant.end_sessions || self.stops_sessions_of(&grant.key.target)
    }

    fn stops_sessions_of(&self, target: &Target) -> bool {
        match target {
            Target::Account { account, .. } => {
                self.ends_sessions && self.management_account.as_ref() != Some(account)
            }
            Target::Group { .. } => false,
        }
    }

    pub(crate) fn at(&self, at: Timestamp) -> At {
        At {
            at,
            words: clock(at, self.now, &self.zone),
        }
    }

    pub(crate) fn at_zone(&self, at: Timestamp) -> At {
        At {
            at,
            words: self.words(at),
        }
    }

    pub(crate) fn at_second(&self, at: Timestamp) -> At {
        let local = at.to_zoned(self.zone.clone());
        let is_today = local.date() == self.now.to_zoned(self.zone.clone()).date();
        let form = if is_today {
            "%H:%M:%S %Z"
        } else {
            "%a %-d %b %H:%M:%S %Z"
        };
        At {
            at,
            words: local.strftime(form).to_string(),
        }
    }

    /// UTC with date, for comparison with logs.
    pub(crate) fn at_utc(at: Timestamp) -> At {
        At {
            at,
            words: at.strftime("%H:%M UTC, %a %-d %b").to_string(),
        }
    }

    pub(crate) fn words(&self, at: Timestamp) -> String {
        format!(
            "{} {}",
            clock(at, self.now, &self.zone),
            zone_name(at, &self.zone)
        )
    }

    pub(crate) fn zone_words(&self) -> String {
        let short = zone_name(self.now, &self.zone);
        match self.zone.iana_name() {
            Some(name) if name != "UTC" => format!("Times are {short} ({name})."),
            _ => "Times are UTC.".to_owned(),
        }
    }

    pub(crate) fn since(&self, at: Timestamp) -> TimeSpan {
        TimeSpan::between(at, self.now)
    }

    pub(crate) fn left(&self, at: Timestamp) -> TimeSpan {
        TimeSpan::between(self.now, at)
    }

    pub(crate) fn who(&self, email: &Email) -> PersonView {
        let known = self.directory.person_by_email(email).ok();
        let name = known
            .map(|person| person.display_name.as_str())
            .filter(|name| !name.is_empty());
        Self::person(name.unwrap_or(email.as_str()), email)
    }

    pub(crate) fn person(name: &str, email: &Email) -> PersonView {
        let name = plain(name);
        let first = name.split_whitespace().next().unwrap_or(&name).to_owned();
        let sum = email.as_str().bytes().fold(0_u8, u8::wrapping_add);
        PersonView {
            first,
            email: email.to_string(),
            initials: initials(&name),
            look: sum % AVATARS + 1,
            name,
        }
    }

    pub(crate) fn named(&self, email: &Email) -> String {
        if *email == self.me {
            "you".to_owned()
        } else {
            self.who(email).name
        }
    }

    /// `Priya Raman, Jonas Beck or you`; long lists are shortened.
    pub(crate) fn any_of<'a>(&self, people: impl IntoIterator<Item = &'a Email>) -> String {
        let names: Vec<String> = people.into_iter().map(|email| self.named(email)).collect();
        any_of(&names)
    }

    pub(crate) fn aim(&self, target: Option<&Target>, names: &TargetNames) -> TargetView {
        match names {
            TargetNames::Account {
                account: name,
                permission_set,
            } => {
                let id = match target {
                    Some(Target::Account { account, .. }) => Some(account),
                    _ => None,
                };
                let known = id.and_then(|id| self.directory.account(id));
                let folders: Vec<&str> = known
                    .map(|account| account.ous.iter().map(|ou| ou.name.as_str()).collect())
                    .unwrap_or_default();
                let says = self.directory.permission_set_by_name(permission_set);
                let account = id.map_or(name.as_str(), |id| id.as_str());
                TargetView {
                    place: plain(known.map_or(name, |account| &account.name)),
                    set: plain(permission_set),
                    id: id.map(|id| id_groups(id.as_str())).unwrap_or_default(),
                    is_prod: folders
                        .iter()
                        .any(|folder| hallpass_access::is_production(folder)),
                    folder: plain(&folders.join(" / ")),
                    says: says.map(|set| plain(&set.description)).unwrap_or_default(),
                    set_page: says.map(|set| set_address(&set.name)).unwrap_or_default(),
                    ask: ask_url(&[("account", account), ("permission_set", permission_set)]),
                }
            }
            TargetNames::Group { group: name } => {
                let id = match target {
                    Some(Target::Group { group }) => group.as_str(),
                    _ => name.as_str(),
                };
                TargetView {
                    place: format!("Group {}", plain(name)),
                    set: String::new(),
                    id: vec![id.to_owned()],
                    folder: String::new(),
                    is_prod: false,
                    says: String::new(),
                    set_page: String::new(),
                    ask: ask_url(&[("kind", "group"), ("group", id)]),
                }
            }
        }
    }

    /// State of credentials taken before `end`, if sessions are not ended.
    pub(crate) fn credentials_after(&self, grant: &Grant, end: Timestamp) -> CredentialsAfterEnd {
        let unarmed = last_credentials_until(grant, &self.directory, end)
            .map_or(CredentialsAfterEnd::NotSaid, CredentialsAfterEnd::WorkUntil);
        ArmedEndStatus::credentials_after(self.armed_ends.get(&grant.key), unarmed, end)
    }

    /// Describes credentials after the end that a request or live grant will have; empty once
    /// nothing of it will end.
    pub(crate) fn after_end(&self, request: &Request, grant: Option<&Grant>) -> String {
        let (Some(key), TargetNames::Account { permission_set, .. }) =
            (&request.key, &request.names)
        else {
            return String::new();
        };
        let mut stops = self.stops_sessions_of(&key.target);
        match (&request.state, grant) {
            (RequestState::Pending, _) if request.is_waiting(self.now) => {}
            (RequestState::Approved { .. }, Some(grant)) if grant.is_hold() && !grant.standing => {
                let after = self.credentials_after(grant, grant.ends_at);
                stops |= grant.end_sessions || after == CredentialsAfterEnd::Stop;
            }
            _ => return String::new(),
        }
        if stops {
            return "Credentials issued before the end stop within minutes.".to_owned();
        }
        permission_set_policies::after_end_of(&self.directory, permission_set).unwrap_or_default()
    }

    pub(crate) fn aim_of(&self, request: &Request) -> TargetView {
        let target = request.key.as_ref().map(|key| &key.target);
        self.aim(target, &request.names)
    }
}

pub(crate) fn ask_url(fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("/ask?{query}")
}

#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub(crate) look: &'static str,
    pub(crate) total: u64,
    pub(crate) left: u64,
    pub(crate) percent: u64,
    pub(crate) words: String,
}

impl Ring {
    pub(crate) fn of(grant: &Grant, now: Timestamp) -> Self {
        let begun = grant.granted_at.unwrap_or(grant.scheduled_at);
        let total = TimeSpan::between(begun, grant.ends_at).as_seconds().max(1);
        let left = TimeSpan::between(now, grant.ends_at);
        let seconds = match grant.state {
            GrantState::Ending { .. } => 0,
            _ => left.as_seconds(),
        };
        Self {
            look: if TimeSpan::seconds(seconds) < super::words::SOON {
                "soon"
            } else {
                ""
            },
            total,
            left: seconds,
            percent: (100 * seconds / total).min(100),
            words: super::words::countdown(TimeSpan::seconds(seconds)),
        }
    }
}

pub(crate) fn set_address(name: &str) -> String {
    format!("/permission-sets/{}", url_encoded(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_words_is_marked_and_all_else_escaped() {
        for (text, markup) in [
            ("by `a`, `b`.", "by <code>a</code>, <code>b</code>."),
            ("<b> `x&y`", "&lt;b&gt; <code>x&amp;y</code>"),
            ("odd ` tick", "odd  tick"),
        ] {
            assert_eq!(Coded(text.to_owned()).to_string(), markup);
        }
    }

    #[test]
    fn an_instant_is_shown_in_the_readers_zone_with_utc_where_the_pointer_rests() {
        let at: Timestamp = "2026-11-25T00:31:05Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let words = clock(at, at, &berlin);
        let shown = At { at, words }.to_string();
        let wanted = "<time datetime=\"2026-11-25T00:31:05Z\" title=\"2026-11-25 00:31:05 UTC\">01:31</time>";
        assert_eq!(shown, wanted);
    }
}
