use super::{
    Ready,
    decide::{Evaluation, Exclusion},
    not_asking::NotAsking,
};
use crate::hours::Hours;

impl Evaluation<'_> {
    pub(super) fn not_asking(&self) -> Vec<NotAsking> {
        let permitting = self.excluded.iter().filter(|(ready, _)| ready.permits);
        permitting
            .map(|(ready, why)| self.why_not_asking(ready, *why))
            .collect()
    }

    fn why_not_asking(&self, ready: &Ready, why: Exclusion) -> NotAsking {
        let rule = ready.rule.id.clone();
        match (why, &ready.terms().hours) {
            (Exclusion::OutsideHours, Some(hours)) => NotAsking::OutsideHours {
                rule,
                hours: Hours::to_string(hours),
            },
            (Exclusion::NotAllowed, _) => match self.requester.other_attributes(ready) {
                attributes if attributes.is_empty() => NotAsking::OtherPeople { rule },
                attributes => NotAsking::OtherAttributes { rule, attributes },
            },
            (
                Exclusion::OutsideHours
                | Exclusion::LeftOut
                | Exclusion::Unread
                | Exclusion::PlaceUnread
                | Exclusion::AddsOnly,
                _,
            ) => NotAsking::OtherPeople { rule },
        }
    }
}
