//! The used parts of Block Kit. Callers keep Slack's limits.

use std::borrow::Cow;

use crate::wording::plain_text;
use hallpass_base::text::visible;
use serde::Serialize;

use crate::slack::words::{LABEL_MAX, SECTION_MAX};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Text {
    /// Rendered literally: for people's text.
    PlainText {
        text: String,
        /// Renders `:name:` as emoji.
        emoji: bool,
    },
    /// With marks and links. `verbatim` limits links to the markup.
    Mrkdwn {
        /// Escaped where others wrote it.
        text: String,
        /// Stops Slack's search for names and links.
        verbatim: bool,
    },
}

pub(crate) fn plain(text: impl AsRef<str>) -> Text {
    plain_up_to(text.as_ref(), usize::MAX)
}

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

/// Makes hiding characters visible, for text of any origin.
fn shown_whole(text: String) -> String {
    match visible(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    pub text: Text,
    /// At most 150 characters.
    pub value: String,
}

impl Choice {
    /// Escapes and cuts the label.
    pub fn new(label: &str, value: impl Into<String>) -> Self {
        Self {
            text: plain_up_to(label, LABEL_MAX),
            value: value.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// The most likely action.
    Primary,
    /// An irreversible action.
    Danger,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Element {
    Button {
        action_id: String,
        text: Text,
        /// An id, never a state.
        value: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        style: Option<Style>,
    },
    /// At most 100 choices.
    StaticSelect {
        action_id: String,
        options: Vec<Choice>,
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_option: Option<Choice>,
    },
    /// Choices are loaded while the user types.
    ExternalSelect {
        action_id: String,
        placeholder: Text,
        /// Characters typed before loading choices.
        min_query_length: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_option: Option<Choice>,
    },
    MultiExternalSelect {
        action_id: String,
        placeholder: Text,
        /// Characters typed before loading choices.
        min_query_length: u8,
        max_selected_items: usize,
    },
    PlainTextInput {
        action_id: String,
        multiline: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        placeholder: Option<Text>,
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_value: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_length: Option<u16>,
    },
    Checkboxes {
        action_id: String,
        /// At most ten.
        options: Vec<Choice>,
    },
    /// Day and time in the viewer's zone.
    Datetimepicker { action_id: String },
}

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// At most 150 characters.
    Header {
        block_id: String,
        text: Text,
    },
    /// A paragraph, or fields side by side.
    Section {
        block_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        /// At most ten.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    Actions {
        block_id: String,
        elements: Vec<Element>,
    },
    Context {
        block_id: String,
        /// At most ten texts.
        elements: Vec<Text>,
    },
    Divider {},
    Input {
        block_id: String,
        label: Text,
        element: Element,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<Text>,
        #[serde(skip_serializing_if = "is_false")]
        optional: bool,
        /// Reports changes immediately.
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

pub(crate) fn section(id: &str, text: impl Into<String>) -> Block {
    Block::Section {
        block_id: id.to_owned(),
        text: Some(marked(text)),
        fields: Vec::new(),
    }
}

/// Makes a title with emoji codes. Must not contain people's text.
pub(crate) fn header(id: &str, text: &str) -> Block {
    Block::Header {
        block_id: id.to_owned(),
        text: Text::PlainText {
            text: plain_text(text, usize::MAX),
            emoji: true,
        },
    }
}

/// Makes a paragraph of people's text.
pub(crate) fn plain_section(id: &str, text: &str) -> Block {
    Block::Section {
        block_id: id.to_owned(),
        text: Some(plain_up_to(text, SECTION_MAX)),
        fields: Vec::new(),
    }
}

/// Makes blocks of one text, because Slack links addresses in text without blocks. Empty if the
/// text exceeds a block.
pub(crate) fn one_text(text: &str) -> Vec<Block> {
    let fits = text.encode_utf16().count() <= SECTION_MAX;
    fits.then(|| section("words", text)).into_iter().collect()
}

pub(crate) fn context(id: &str, text: impl Into<String>) -> Block {
    Block::Context {
        block_id: id.to_owned(),
        elements: vec![marked(text)],
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "modal")]
pub struct SlackView {
    pub callback_id: String,
    /// At most 24 characters.
    pub title: Text,
    /// Only with fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submit: Option<Text>,
    pub close: Text,
    /// At most 100.
    pub blocks: Vec<Block>,
    /// Returned with the form. People can change it: it names things and permits nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub private_metadata: String,
}
