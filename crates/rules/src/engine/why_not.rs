use super::{
    Ready,
    decide::{Evaluation, Exclusion},
    request_blockers::RequestBlocker,
};
use crate::hours::Hours;

impl Evaluation<'_> {
    pub(super) fn not_asking(&self) -> Vec<RequestBlocker> {
        let permitting = self.excluded.iter().filter(|(ready, _)| ready.permits);
        permitting
            .map(|(ready, why)| self.why_not_asking(ready, *why))
            .collect()
    }

    fn why_not_asking(&self, ready: &Ready, why: Exclusion) -> RequestBlocker {
        let rule = ready.rule.id.clone();
        match (why, &ready.terms().hours) {
            (Exclusion::OutsideHours, Some(hours)) => RequestBlocker::OutsideHours {
                rule,
                hours: Hours::to_string(hours),
            },
            (Exclusion::NotAllowed, _) => match self.requester.other_attributes(ready) {
                attributes if attributes.is_empty() => match self.on_call_lists(ready) {
                    lists if lists.is_empty() => RequestBlocker::OtherPeople { rule },
                    lists => RequestBlocker::NotOnCall { rule, lists },
                },
                attributes => RequestBlocker::OtherAttributes { rule, attributes },
            },
            (
                Exclusion::OutsideHours
                | Exclusion::NotYet
                | Exclusion::LeftOut
                | Exclusion::Unread
                | Exclusion::PlaceUnread
                | Exclusion::AddsOnly,
                _,
            ) => RequestBlocker::OtherPeople { rule },
        }
    }
}
