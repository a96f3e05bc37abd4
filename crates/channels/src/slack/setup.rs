//! App settings (`slack.*` of the configuration).

use std::collections::BTreeMap;

use hallpass_access::{Grant, Request};
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The marks at both sides of a title (`access.md` §11.4).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    pub waiting: String,
    pub good: String,
    pub bad: String,
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

#[derive(Clone, Debug)]
pub struct Setup {
    /// Default channel; rules may name another.
    pub channel: String,
    pub dm_outside_channel: bool,
    pub announce_end: bool,
    pub marks: Marks,
    /// Warnings by account id or name (`access.account_notes`).
    pub account_notes: BTreeMap<String, String>,
    /// Contact for problems: an address, or `an administrator`.
    pub contact: String,
    /// Base address of the web pages, without a final slash.
    pub public_url: String,
    pub portal_url: String,
    /// Zone for channels; private messages use the reader's.
    pub zone: TimeZone,
}

impl Setup {
    pub(crate) fn link(&self, request: &Request) -> String {
        format!("{}/requests/{}", self.public_url, request.id)
    }

    pub(crate) fn asking_page(&self) -> String {
        format!("{}/ask", self.public_url)
    }

    pub(crate) fn page_of(&self, grant: &Grant) -> String {
        format!("{}/grants/{}", self.public_url, grant.id)
    }
}
