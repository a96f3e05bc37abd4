//! What somebody is listed for as an approver, whoever asks: a quick test that leaves out most of what
//! they may not answer.

use std::{cell::OnceCell, sync::Arc};

use super::{
    Ask, Compiled, Ready, Rules,
    people::{Membership, PersonView, Principal},
    places,
    requester_manager::manages_anybody,
};
use crate::directory::Directory;

/// The rules that list one person.
#[derive(Debug, Clone)]
pub struct Approvable {
    rules: Arc<Compiled>,
    places: Vec<usize>,
}

impl Rules {
    /// What rules list a person for, by today's groups. Whoever [`Rules::may_deny`] or
    /// [`Rules::may_approve`] permits anything is listed for it here; the other way round it need not
    /// be so, for rules may keep out the requester or the hour.
    pub fn approvable<'a>(
        &self,
        person: impl Into<Principal<'a>>,
        facts: &Directory,
    ) -> Approvable {
        let view = PersonView::new(&self.compiled, person.into(), facts);
        let manages = OnceCell::new();
        let as_manager = |ready: &Ready| {
            ready.terms().asks_manager()
                && view.is_no_approver(ready) == Membership::No
                && *manages.get_or_init(|| manages_anybody(&view, facts))
        };
        let listing = |(place, ready): (usize, &Ready)| {
            let is_listed = view.listed_by(ready) == Membership::Yes || as_manager(ready);
            is_listed.then_some(place)
        };
        Approvable {
            places: self
                .compiled
                .rules
                .iter()
                .enumerate()
                .filter_map(listing)
                .collect(),
            rules: Arc::clone(&self.compiled),
        }
    }
}

impl Approvable {
    /// Whether no rule lists them for anything.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether some rule that affects the target lists them.
    pub fn covers(&self, ask: &Ask<'_>, facts: &Directory) -> bool {
        let places = match ask {
            Ask::Account { .. } => self.places.clone(),
            Ask::Group { .. } => {
                let mut about = self.rules.candidates(ask, facts);
                about.retain(|place| self.places.contains(place));
                about
            }
        };
        let found = places::affecting(&self.rules.rules, places, ask, facts);
        { found.rules.iter() }.any(|(_, affects)| *affects == Membership::Yes)
    }
}
