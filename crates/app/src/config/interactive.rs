//! Channels with buttons: every list of them in the configuration.

mod slack;

use std::path::Path;

use hallpass_server::SetupPart;
use hallpass_terminal::exit::Failure;

use super::{Config, Loaded};

pub use slack::SlackApp;
pub(super) use slack::SlackTable;

pub(super) const KEYS: [&[(&str, &str)]; 1] = [slack::KEYS];

#[derive(Clone, Debug)]
pub struct InteractiveSettings {
    pub slack: Option<SlackApp>,
}

impl Config {
    pub(super) fn look_up_interactive(&mut self, folder: &Path) -> Result<(), Failure> {
        self.slack.look_up(folder)
    }

    /// With the name of each channel, configured or not.
    pub(crate) fn interactive_parts(&self) -> Vec<(&'static str, SetupPart)> {
        vec![("slack", self.slack.setup_part())]
    }
}

impl Loaded {
    pub fn interactive_settings(&self) -> Result<InteractiveSettings, Failure> {
        Ok(InteractiveSettings {
            slack: self.slack()?,
        })
    }
}
