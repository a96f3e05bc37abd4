//! The parts of Block Kit that are used, with Slack's limits kept by whoever makes them.

use std::borrow::Cow;

use crate::wording::plain_text;
use hallpass_base::text::visible;
use serde::Serialize;

use crate::slack::words::{LABEL_MAX, SECTION_MAX};

/// A text object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Text {
    /// Shown as it is: for text of people, wherever it stands alone.
    PlainText {
        /// The words, with entities.
        text: String,
        /// Whether `:name:` becomes a picture.
        emoji: bool,
    },
    /// With marks and links. Names in it are linked only where the markup says so: `verbatim`.
    Mrkdwn {
        /// The words, escaped where others wrote them.
        text: String,
        /// Slack is not to look for names and links of its own.
        verbatim: bool,
    },
}

/// Any text, in which nothing acts.
pub(crate) fn plain(text: impl AsRef<str>) -> Text {
    plain_up_to(text.as_ref(), usize::MAX)
}

/// The same, cut.
pub(crate) fn plain_up_to(text: &str, max: usize) -> Text {
    Text::PlainText {
        text: plain_text(text, max),
        emoji: false,
    }
}

/// Words with marks and links; what others wrote must be escaped already
/// ([`escape`](crate::wording::escape)).
pub(crate) fn marked(text: impl Into<String>) -> Text {
    Text::Mrkdwn {
        text: shown_whole(text.into()),
        verbatim: true,
    }
}

/// The text with every character shown that could hide something, wherever the text came from.
fn shown_whole(text: String) -> String {
    match visible(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

/// One choice of a select.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The label.
    pub text: Text,
    /// What comes back; at most 150 characters.
    pub value: String,
}

impl Choice {
    /// A choice; the label is escaped and cut.
    pub fn new(label: &str, value: impl Into<String>) -> Self {
        Self {
            text: plain_up_to(label, LABEL_MAX),
            value: value.into(),
        }
    }
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// What most people will press.
    Primary,
    /// What cannot be taken back.
    Danger,
}

/// Something to press, choose or type in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Element {
    /// A button.
    Button {
        /// What is pressed.
        action_id: String,
        /// Its label.
        text: Text,
        /// What comes back: an id, never a state.
        value: String,
        /// How it looks.
        #[serde(skip_serializing_if = "Option::is_none")]
        style: Option<Style>,
    },
    /// A select with its choices; at most 100.
    StaticSelect {
        /// What is chosen in.
        action_id: String,
        /// The choices.
        options: Vec<Choice>,
        /// The one chosen at first.
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_option: Option<Choice>,
    },
    /// A select whose choices are asked for while somebody types.
    ExternalSelect {
        /// What is chosen in.
        action_id: String,
        /// Shown while nothing is chosen.
        placeholder: Text,
        /// How many characters are typed before choices are asked for.
        min_query_length: u8,
        /// The one chosen at first.
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_option: Option<Choice>,
    },
    /// The same, for several choices.
    MultiExternalSelect {
        /// What is chosen in.
        action_id: String,
        /// Shown while nothing is chosen.
        placeholder: Text,
        /// How many characters are typed before choices are asked for.
        min_query_length: u8,
        /// The most that can be chosen.
        max_selected_items: usize,
    },
    /// A text field.
    PlainTextInput {
        /// What is typed in.
        action_id: String,
        /// Several lines.
        multiline: bool,
        /// Shown while it is empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        placeholder: Option<Text>,
        /// What stands in it at first.
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_value: Option<String>,
        /// The longest text Slack takes.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_length: Option<u16>,
    },
    /// Boxes to tick.
    Checkboxes {
        /// What is ticked.
        action_id: String,
        /// The boxes, at most ten.
        options: Vec<Choice>,
    },
    /// A day and a time, in the zone of whoever looks.
    Datetimepicker {
        /// What is chosen in.
        action_id: String,
    },
}

/// A button.
pub(crate) fn button(
    action: &str,
    label: &str,
    value: impl Into<String>,
    style: Option<Style>,
) -> Element {
    Element::Button {
        action_id: action.to_owned(),
        text: plain_up_to(label, LABEL_MAX),
        value: value.into(),
        style,
    }
}

/// One part of a message or a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A title of at most 150 characters.
    Header {
        /// Its id.
        block_id: String,
        /// The title.
        text: Text,
    },
    /// A paragraph, or fields side by side.
    Section {
        /// Its id.
        block_id: String,
        /// The paragraph.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        /// The fields, at most ten.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    /// Buttons.
    Actions {
        /// Its id.
        block_id: String,
        /// The buttons.
        elements: Vec<Element>,
    },
    /// Small print.
    Context {
        /// Its id.
        block_id: String,
        /// At most ten texts.
        elements: Vec<Text>,
    },
    /// A horizontal line between blocks.
    Divider {},
    /// A field of a form.
    Input {
        /// Its id.
        block_id: String,
        /// What is asked for.
        label: Text,
        /// Where it is typed or chosen.
        element: Element,
        /// Small print below it.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<Text>,
        /// May stay empty.
        #[serde(skip_serializing_if = "is_false")]
        optional: bool,
        /// Whether a change is told at once.
        #[serde(skip_serializing_if = "is_false")]
        dispatch_action: bool,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form serde calls it in"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// A paragraph.
pub(crate) fn section(id: &str, text: impl Into<String>) -> Block {
    Block::Section {
        block_id: id.to_owned(),
        text: Some(marked(text)),
        fields: Vec::new(),
    }
}

/// A title with emoji codes. It holds no text of people.
pub(crate) fn header(id: &str, text: &str) -> Block {
    Block::Header {
        block_id: id.to_owned(),
        text: Text::PlainText {
            text: plain_text(text, usize::MAX),
            emoji: true,
        },
    }
}

/// A paragraph of people's text.
pub(crate) fn plain_section(id: &str, text: &str) -> Block {
    Block::Section {
        block_id: id.to_owned(),
        text: Some(plain_up_to(text, SECTION_MAX)),
        fields: Vec::new(),
    }
}

/// A message that is one text, as blocks: Slack makes links of the addresses in a text without blocks.
/// Empty where the text is too long for a block.
pub(crate) fn one_text(text: &str) -> Vec<Block> {
    let fits = text.encode_utf16().count() <= SECTION_MAX;
    fits.then(|| section("words", text)).into_iter().collect()
}

/// Small print.
pub(crate) fn context(id: &str, text: impl Into<String>) -> Block {
    Block::Context {
        block_id: id.to_owned(),
        elements: vec![marked(text)],
    }
}

/// A form or a page in a window of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "modal")]
pub struct SlackView {
    /// Which form it is.
    pub callback_id: String,
    /// At most 24 characters.
    pub title: Text,
    /// The button that sends it; only with fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submit: Option<Text>,
    /// The button that closes it.
    pub close: Text,
    /// Its parts, at most 100.
    pub blocks: Vec<Block>,
    /// What comes back with it. People can change it: it names things and permits nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub private_metadata: String,
}
