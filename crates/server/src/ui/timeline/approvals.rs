//! Approvals: rules, comments, shortened durations.

use hallpass_access::RequestState;
use hallpass_audit::Record;
use hallpass_base::TimeSpan;

use super::{Teller, TimelineEntry, instant};
use crate::ui::words::plain;

impl Teller<'_> {
    pub(super) fn reviewed(&mut self, record: &Record, is_other: bool, by: &str) -> TimelineEntry {
        let entry = TimelineEntry::new(format!("Approved by {by}")).good();
        if is_other {
            return entry;
        }
        let at = instant(record);
        let review = self.request.reviews.iter().find(|review| review.at == at);
        let comment = review.and_then(|review| review.comment.as_deref());
        let words = self.shorter(record).unwrap_or_default();
        entry.words(words).quote(comment.unwrap_or_default())
    }

    pub(super) fn approved(&mut self, record: &Record, is_other: bool, by: &str) -> TimelineEntry {
        let mut entry = Self::granted(record, is_other, by);
        if is_other {
            return entry;
        }
        if let Some(shorter) = self.shorter(record) {
            entry.words.0 = format!("{shorter} {}", entry.words.0);
        }
        let comment = match &self.request.state {
            RequestState::Approved { comment, .. } => comment.as_deref(),
            _ => None,
        };
        entry.quote(comment.unwrap_or_default())
    }

    fn shorter(&mut self, record: &Record) -> Option<String> {
        let now = length(record)?;
        let before = self.length.replace(now).filter(|before| now < *before)?;
        Some(format!("For {now} instead of {before}."))
    }

    fn granted(record: &Record, is_other: bool, by: &str) -> TimelineEntry {
        let rules: Vec<String> = record
            .fields()
            .get("based_on")
            .and_then(|rules| rules.as_array())
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.as_str().map(|rule| format!("`{rule}`")))
            .collect();
        let word = if rules.len() == 1 { "rule" } else { "rules" };
        let rules = format!("{word} {}", rules.join(", "));
        let what = if is_other {
            "Extension approved"
        } else {
            "Approved"
        };
        match record.text("approval") {
            Some("not_required") if is_other => TimelineEntry::new("Extension needed no approval"),
            Some("not_required") => TimelineEntry::new("No approval needed"),
            Some("self") => {
                return TimelineEntry::new(format!("{what} by the requester"))
                    .good()
                    .words(format!("As {rules} allows."));
            }
            Some("break_glass") => TimelineEntry::new(format!("Break-glass by {by}")),
            _ => TimelineEntry::new(format!("{what} by {by}")),
        }
        .good()
        .words(format!("By {rules}."))
    }
}

pub(super) fn confirmed(record: &Record) -> Vec<String> {
    let texts = record.fields().get("warnings_confirmed");
    let texts = texts
        .and_then(|texts| texts.as_array())
        .into_iter()
        .flatten();
    texts.filter_map(|text| text.as_str().map(plain)).collect()
}

pub(super) fn length(record: &Record) -> Option<TimeSpan> {
    let seconds = record.text("permission_duration")?.parse().ok()?;
    Some(TimeSpan::seconds(seconds))
}
