use hallpass_access::RuleWarning;

use super::words::plain;

pub(super) const NOT_TICKED: &str = "Read this, then tick that you have. Nothing was sent.";

#[derive(Clone, Debug, Default)]
pub(crate) struct Warned {
    pub(crate) texts: Vec<String>,
    /// Checkbox value: the ids of the displayed texts, blank-separated.
    pub(crate) value: String,
    pub(crate) is_ticked: bool,
    /// Without a checkbox, the texts are informational.
    pub(crate) has_tick: bool,
    pub(crate) error: String,
}

impl Warned {
    /// Returns `None` without warnings. `ticked` is the form value: changed texts must be ticked
    /// again.
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

pub(super) fn ids(ticked: &str) -> Vec<String> {
    ticked.split_whitespace().map(str::to_owned).collect()
}
