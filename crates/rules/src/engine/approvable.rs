//! A cheap filter: targets for which an approver is listed, regardless of requester.

use std::{cell::OnceCell, sync::Arc};

use super::{
    Ask, Compiled, Ready, Rules, delegations,
    people::{Membership, PersonView, Principal},
    places,
    requester_manager::manages_anybody,
};
use crate::directory::Directory;

#[derive(Debug, Clone)]
pub struct Approvable {
    rules: Arc<Compiled>,
    places: Vec<usize>,
}

impl Rules {
    /// Returns the rules that list a user, by current groups. A superset of what
    /// [`Rules::may_deny`] and [`Rules::may_approve`] permit, because rules may exclude the
    /// requester or the hour.
    pub fn approvable<'a>(
        &self,
        person: impl Into<Principal<'a>>,
        facts: &Directory,
    ) -> Approvable {
        let view = PersonView::new(&self.compiled, person.into(), facts);
        let mut views = delegations::delegators(&view, &self.compiled, facts);
        views.push(view);
        let views: Vec<(PersonView<'_>, OnceCell<bool>)> = { views.into_iter() }
            .map(|it| (it, OnceCell::new()))
            .collect();
        let lists = |(view, manages): &(PersonView<'_>, OnceCell<bool>), ready: &Ready| {
            let as_manager = || {
                ready.terms().asks_manager()
                    && view.is_no_approver(ready) == Membership::No
                    && *manages.get_or_init(|| manages_anybody(view, facts))
            };
            view.listed_by(ready) == Membership::Yes || as_manager()
        };
        let listing = |(place, ready): (usize, &Ready)| {
            { views.iter() }.any(|it| lists(it, ready)).then_some(place)
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
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns whether a rule for the target lists the user.
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
