//! How the app is set up (`slack.*` of the configuration).

use std::collections::BTreeMap;

use hallpass_access::{Grant, Request};
use jiff::tz::TimeZone;

/// The marks at both sides of a title (`access.md` §11.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Somebody is waited for.
    pub waiting: String,
    /// It went well.
    pub good: String,
    /// It did not.
    pub bad: String,
    /// Withdrawn, lapsed, over.
    pub discarded: String,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            waiting: ":large_yellow_circle:".to_owned(),
            good: ":large_green_circle:".to_owned(),
            bad: ":red_circle:".to_owned(),
            discarded: ":white_circle:".to_owned(),
        }
    }
}

/// Settings of the app.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where requests are posted, unless a rule names another channel.
    pub channel: String,
    /// Whether requesters outside the channel hear by direct message.
    pub dm_outside_channel: bool,
    /// Whether ends are announced in the channel.
    pub announce_end: bool,
    /// Marks.
    pub marks: Marks,
    /// Words of warning, by account id or name (`access.account_notes`).
    pub account_notes: BTreeMap<String, String>,
    /// Whom to ask when something is missing: an address, or `an administrator`.
    pub contact: String,
    /// The web pages, without a slash at the end.
    pub public_url: String,
    /// The access portal.
    pub portal_url: String,
    /// The zone of times in channels; people's own is used where only they read.
    pub zone: TimeZone,
}

impl Setup {
    /// The page of a request.
    pub(crate) fn link(&self, request: &Request) -> String {
        format!("{}/requests/{}", self.public_url, request.id)
    }

    /// The page that asks for access.
    pub(crate) fn asking_page(&self) -> String {
        format!("{}/ask", self.public_url)
    }

    /// The page of a grant.
    pub(crate) fn page_of(&self, grant: &Grant) -> String {
        format!("{}/grants/{}", self.public_url, grant.id)
    }
}
