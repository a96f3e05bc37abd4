//! Channel formats of sentence parts. Foreign text passes here, and through `hallpass_base::text`,
//! which reveals hidden characters.

use hallpass_base::{Email, Timestamp, text};

use crate::wording::time;

/// Characters of a name in plain text; longer ones are cut.
const NAME_MAX: usize = 80;
const QUOTED_MAX: usize = 1_000;

pub trait ChannelStyle {
    /// Formats a person, account, permission set or group.
    fn name(&self, name: &str) -> String;
    fn quoted(&self, text: &str) -> String;
    fn person(&self, email: &Email) -> String;
    /// Formats an instant with its zone.
    fn instant(&self, at: Timestamp) -> String;
}

/// Plain text in one line, times in UTC: mails and webhook texts.
#[derive(Clone, Copy, Debug)]
pub struct PlainStyle;

impl ChannelStyle for PlainStyle {
    fn name(&self, name: &str) -> String {
        text::line(name, NAME_MAX)
    }

    fn quoted(&self, words: &str) -> String {
        text::line(words, QUOTED_MAX)
    }

    fn person(&self, email: &Email) -> String {
        email.to_string()
    }

    fn instant(&self, at: Timestamp) -> String {
        time::utc(at)
    }
}
