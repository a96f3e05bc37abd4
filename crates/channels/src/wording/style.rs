//! How a channel writes what a sentence is made of. Whatever others wrote comes into a sentence through
//! here, and so through `hallpass_base::text`, which knows what is hidden.

use hallpass_base::{Email, Timestamp, text};

use crate::wording::time;

/// Characters of a name in plain text; longer ones are cut.
const NAME_MAX: usize = 80;
/// Characters of somebody's own words in plain text.
const QUOTED_MAX: usize = 1_000;

/// How a channel writes what a sentence is made of.
pub trait ChannelStyle {
    /// The name of a person, an account, a permission set or a group.
    fn name(&self, name: &str) -> String;
    /// What a person or AWS wrote, within a sentence.
    fn quoted(&self, text: &str) -> String;
    /// Somebody who did something.
    fn person(&self, email: &Email) -> String;
    /// An instant, with its zone.
    fn instant(&self, at: Timestamp) -> String;
}

/// Plain text in one line, times in UTC: mails, and the texts of webhooks.
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
