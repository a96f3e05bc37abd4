//! What on-call lists say about the people of a decision.

use std::collections::BTreeSet;

use super::{Ready, decide::Evaluation};
use crate::{
    on_call::{OnCallFact, OnCallList},
    rule::GroupRef,
};

impl Evaluation<'_> {
    /// The lists whose people may request by the rule.
    pub(super) fn on_call_lists(&self, ready: &Ready) -> Vec<String> {
        let groups = self.groups_at(&ready.allowed_groups);
        let lists = groups.filter(|group| matches!(group, GroupRef::OnCall(_)));
        lists.map(ToString::to_string).collect()
    }

    pub(super) fn on_call_facts(&self) -> BTreeSet<OnCallFact> {
        let asked = self.affecting.iter().flat_map(|ready| {
            self.groups_at(&ready.allowed_groups)
                .chain(self.groups_at(&ready.except_requester_groups))
        });
        let user = self.requester.person().map(|person| &person.user_id);
        let fact = |group: &GroupRef| {
            let GroupRef::OnCall(list) = group else {
                return None;
            };
            match self.facts.on_call()?.get(list)? {
                OnCallList::Read { at, people } => Some(OnCallFact {
                    list: list.clone(),
                    read_at: *at,
                    on_call: user.is_some_and(|user| people.contains(user)),
                }),
                OnCallList::Unread { .. } => None,
            }
        };
        asked.filter_map(fact).collect()
    }

    pub(super) fn approvers_are_on_call(&self) -> bool {
        let mut groups = self.affecting.iter();
        groups.any(|ready| {
            let mut listed = self.groups_at(&ready.listed_groups);
            listed.any(|group| matches!(group, GroupRef::OnCall(_)))
        })
    }

    pub(super) fn why_unread(&self, group: &GroupRef) -> String {
        let list = match group {
            GroupRef::OnCall(list) => self.facts.on_call().and_then(|lists| lists.get(list)),
            GroupRef::Id(_) | GroupRef::Name(_) => {
                return format!("the members of group `{group}` could not be read");
            }
        };
        match list {
            Some(OnCallList::Unread { why }) => {
                format!("who is on call in `{group}` could not be read: {why}")
            }
            Some(OnCallList::Read { .. }) | None => {
                format!("there is no on-call list `{group}` in the configuration")
            }
        }
    }

    fn groups_at<'s>(&'s self, places: &'s [usize]) -> impl Iterator<Item = &'s GroupRef> {
        let groups = places.iter();
        groups.filter_map(|place| self.rules.groups.get(*place))
    }
}
