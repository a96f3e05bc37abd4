//! Warnings of rules on the pages: what is to be read, and one tick that confirms all of it.

use hallpass_access::RuleWarning;

use super::words::plain;

/// Beside a tick that is missing.
pub(super) const NOT_TICKED: &str = "Read this, then tick that you have. Nothing was sent.";

/// Warnings with their tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warned {
    /// What they say; lines stay lines.
    pub(crate) texts: Vec<String>,
    /// What the tick sends: the ids of the texts as they were shown, blanks between.
    pub(crate) value: String,
    pub(crate) is_ticked: bool,
    /// Whether there is a tick at all: where nothing may be in the way, the texts are only shown.
    pub(crate) has_tick: bool,
    pub(crate) error: String,
}

impl Warned {
    /// Nothing, where nothing is to be confirmed. `ticked` is what the form brought: another text is
    /// ticked anew.
    pub(super) fn of(warnings: &[RuleWarning], ticked: &str) -> Option<Self> {
        let ids: Vec<&str> = warnings.iter().map(|it| it.id.as_str()).collect();
        let value = ids.join(" ");
        (!warnings.is_empty()).then(|| Self {
            texts: warnings.iter().map(|it| plain(&it.text)).collect(),
            is_ticked: value == ticked,
            has_tick: true,
            value,
            error: String::new(),
        })
    }

    /// The same for a press that waits for no tick.
    pub(super) fn only_shown(warnings: &[RuleWarning]) -> Option<Self> {
        let shown = Self::of(warnings, "")?;
        Some(Self {
            has_tick: false,
            ..shown
        })
    }

    pub(crate) fn lead(&self) -> &'static str {
        match self.texts.len() {
            1 => "Warning",
            _ => "Warnings",
        }
    }

    pub(crate) fn label(&self) -> &'static str {
        match self.texts.len() {
            1 => "I have read this warning",
            _ => "I have read these warnings",
        }
    }
}

/// The ids that a tick sent.
pub(super) fn ids(ticked: &str) -> Vec<String> {
    ticked.split_whitespace().map(str::to_owned).collect()
}
