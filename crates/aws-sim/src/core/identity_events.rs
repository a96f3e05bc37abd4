//! Identity store events on its owner's bus: users, groups and memberships created, changed and
//! deleted (IAM Identity Center User Guide, "Set up event notifications"; the members of `detail`
//! are not verified).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    bus::{BusEvent, put_event},
    entities::Id,
    state::SimState,
};

pub(crate) enum IdentityNews<'a> {
    User(&'static str, &'a Id),
    Group(&'static str, &'a Id),
    Membership(&'static str, &'a Id, &'a Id),
}

pub(crate) fn tell(state: &mut SimState, news: &IdentityNews<'_>) {
    let (detail_type, about) = match *news {
        IdentityNews::User(done, user) => (format!("User {done}"), vec![("user", user)]),
        IdentityNews::Group(done, group) => (format!("Group {done}"), vec![("group", group)]),
        IdentityNews::Membership(done, group, user) => (
            format!("Group Membership {done}"),
            vec![("group", group), ("user", user)],
        ),
    };
    let mut detail = Map::new();
    detail.insert("event-version".to_owned(), "1.0".into());
    let store = state.center.store.clone();
    detail.insert("identity-store-id".to_owned(), store.into());
    let mut resources = Vec::new();
    for (kind, id) in about {
        detail.insert(format!("{kind}-id"), id.as_ref().into());
        resources.push(format!("arn:aws:identitystore:::{kind}/{id}"));
    }
    let owner = state.head.management.clone();
    let buses = BTreeSet::from([(owner, state.center.home_region.clone())]);
    let event = BusEvent {
        source: "aws.identitystore",
        detail_type: &detail_type,
        resources,
        detail: Value::Object(detail),
    };
    put_event(state, &buses, &event);
}
