//! How one viewer reads things: times in their zone, people by name, targets with their place in
//! the organization. What is markup here is made here and escaped here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use askama::filters::HtmlSafe;
use hallpass_access::{
    AccessError, ArmedEndStatus, CredentialsAfterEnd, Directory, Grant, GrantState, InLine, Person,
    Request, last_credentials_until,
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

/// Looks of avatars in the style sheet.
const AVATARS: u8 = 5;

/// The eyes of a viewer, at one instant.
#[derive(Clone)]
pub(crate) struct Presenter {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    /// The viewer's address, for showing.
    pub(crate) me: Email,
    pub(crate) user: Option<UserId>,
    pub(crate) directory: Arc<Directory>,
    /// Whether sessions end with their grant.
    pub(crate) ends_sessions: bool,
    /// Where they do not: no policy has an effect there.
    pub(crate) management_account: Option<AccountId>,
    /// Whom to ask for what only administrators do.
    pub(crate) contact: String,
    /// Since when the home Region of Identity Center has not answered.
    region_lost: Option<Timestamp>,
    /// Which ends AWS enforces, of the grants that were [looked at](Self::seeing_armed_ends).
    armed_ends: BTreeMap<HoldKey, ArmedEndStatus>,
}

/// A person, as shown.
#[derive(Clone, Debug)]
pub(crate) struct PersonView {
    pub(crate) name: String,
    /// What they are called after their full name was said once.
    pub(crate) first: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    /// Look of the avatar, 1 to 5; the same for a person everywhere.
    pub(crate) look: u8,
}

/// What access is for, as shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetView {
    /// The account, or `Group: NAME`.
    pub(crate) place: String,
    /// `/ PERMISSION SET`, or empty.
    pub(crate) set: String,
    /// The account's id in groups of digits, or the group's id in one.
    pub(crate) id: Vec<String>,
    /// Folders above the account: `Workloads / Prod`.
    pub(crate) folder: String,
    pub(crate) is_prod: bool,
    /// What the permission set lets one do, in its owner's words.
    pub(crate) says: String,
    /// The page of what the permission set allows; empty for groups.
    pub(crate) set_page: String,
    /// What still works after its end; empty for groups, and for sets that are gone.
    pub(crate) after_end: String,
    /// The way to ask for it again.
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

/// An instant, as markup: `<time>`, in the viewer's zone, with UTC where the pointer rests.
#[derive(Clone, Debug)]
pub(crate) struct At {
    at: Timestamp,
    words: String,
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

/// An instant in UTC, whole: what is shown of one where the pointer rests.
pub(crate) fn in_utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Words of ours in which `names` in backticks are set as code.
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
            // the last piece of an odd number of backticks has no end
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

    /// The same eyes, that see also which of these grants' ends AWS enforces.
    pub(crate) async fn seeing_armed_ends<'a>(
        mut self,
        app: &App,
        grants: impl IntoIterator<Item = &'a Grant>,
    ) -> Result<Self, AccessError> {
        self.armed_ends = app.access.armed_ends(grants).await?;
        Ok(self)
    }

    /// Since when the home Region of Identity Center has not answered, in words; `None` while it does.
    pub(crate) fn region_lost(&self) -> Option<String> {
        self.region_lost.map(|since| self.words(since))
    }

    /// How long it takes until access is there, in words.
    pub(crate) fn wait(&self, place: Option<InLine>) -> String {
        self.region_lost().map_or_else(
            || in_line(place),
            |since| health::waits_for_home_region(&since),
        )
    }

    /// Whether AWS refuses what is done with a grant's access once it is over: its end is in force, and nothing is known that
    /// would keep it from moving.
    pub(crate) fn is_armed(&self, grant: &Grant) -> bool {
        let armed = self.armed_ends.get(&grant.key);
        matches!(armed, Some(ArmedEndStatus::Armed { unmoved: None, .. }))
    }

    /// Where the end of what is shown moves to, which AWS does not have yet, in words; `None` where it does not move.
    pub(crate) fn extending(&self, grant: &Grant) -> Option<Coded> {
        let moving = { self.armed_ends.get(&grant.key) }.and_then(ArmedEndStatus::moving)?;
        let is_cut = matches!(grant.state, GrantState::Active) && grant.ends_at == moving.from;
        let words = || grants::extending(&self.words(moving.to), &moving, self);
        is_cut.then(|| Coded(words()))
    }

    /// Whether somebody is the viewer: by user id, whatever addresses say.
    pub(crate) fn is_me(&self, person: &Person) -> bool {
        self.user.as_ref() == Some(&person.user)
    }

    /// Whether the viewer has said yes to a request.
    pub(crate) fn has_reviewed(&self, request: &Request) -> bool {
        let mut reviews = request.reviews.iter();
        reviews.any(|review| review.user.is_some() && review.user == self.user)
    }

    /// The viewer, as the rules are asked about them.
    pub(crate) fn principal(&self) -> Principal<'_> {
        Principal {
            user: self.user.as_ref(),
            email: &self.me,
        }
    }

    /// Whether the sessions taken of a grant end with it.
    pub(crate) fn stops_sessions(&self, grant: &Grant) -> bool {
        match &grant.key.target {
            Target::Account { account, .. } => {
                self.ends_sessions && self.management_account.as_ref() != Some(account)
            }
            Target::Group { .. } => false,
        }
    }

    /// An instant without its zone: where the zone was said before.
    pub(crate) fn at(&self, at: Timestamp) -> At {
        At {
            at,
            words: clock(at, self.now, &self.zone),
        }
    }

    /// An instant with its zone: `17:31 CET`.
    pub(crate) fn at_zone(&self, at: Timestamp) -> At {
        At {
            at,
            words: self.words(at),
        }
    }

    /// An instant to the second, with its zone.
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

    /// An instant in UTC with its day, for those who compare with logs.
    pub(crate) fn at_utc(at: Timestamp) -> At {
        At {
            at,
            words: at.strftime("%H:%M UTC, %a %-d %b").to_string(),
        }
    }

    /// The same as plain words.
    pub(crate) fn words(&self, at: Timestamp) -> String {
        format!(
            "{} {}",
            clock(at, self.now, &self.zone),
            zone_name(at, &self.zone)
        )
    }

    /// "Times are CET", or that they are UTC because the browser has not said more.
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

    /// A name to be said in a sentence; "you" for the viewer.
    pub(crate) fn named(&self, email: &Email) -> String {
        if *email == self.me {
            "you".to_owned()
        } else {
            self.who(email).name
        }
    }

    /// `Priya Raman, Jonas Beck or you`: all of a few, the first of many.
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
                    place: plain(name),
                    set: plain(permission_set),
                    id: id.map(|id| id_groups(id.as_str())).unwrap_or_default(),
                    is_prod: folders.iter().any(|folder| is_prod(folder)),
                    folder: plain(&folders.join(" / ")),
                    says: says.map(|set| plain(&set.description)).unwrap_or_default(),
                    set_page: says.map(|set| set_address(&set.name)).unwrap_or_default(),
                    after_end: permission_set_policies::after_end_of(
                        &self.directory,
                        permission_set,
                    )
                    .unwrap_or_default(),
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
                    after_end: String::new(),
                    ask: ask_url(&[("kind", "group"), ("group", id)]),
                }
            }
        }
    }

    /// What becomes of credentials that are taken until `end`, if nobody ends sessions with it.
    pub(crate) fn credentials_after(&self, grant: &Grant, end: Timestamp) -> CredentialsAfterEnd {
        let unarmed = last_credentials_until(grant, &self.directory, end)
            .map_or(CredentialsAfterEnd::NotSaid, CredentialsAfterEnd::WorkUntil);
        ArmedEndStatus::credentials_after(self.armed_ends.get(&grant.key), unarmed, end)
    }

    pub(crate) fn aim_of(&self, request: &Request) -> TargetView {
        let target = request.key.as_ref().map(|key| &key.target);
        self.aim(target, &request.names)
    }
}

/// Whether a folder's name says that production is in it. For the eye only.
pub(crate) fn is_prod(folder: &str) -> bool {
    ["prod", "production"]
        .iter()
        .any(|word| folder.eq_ignore_ascii_case(word))
}

/// The page to ask on, filled in.
pub(crate) fn ask_url(fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("/ask?{query}")
}

/// The ring of a pass: how much of its time is left.
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

/// The address of a set's page.
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
