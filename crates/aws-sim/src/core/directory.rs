use crate::base::Millis;

use super::state::SimState;

pub(crate) fn remove_user(state: &mut SimState, id: &str, seen: Millis, now: Millis) {
    let groups: Vec<_> = state.groups_of(id).cloned().collect();
    for group in groups {
        let key = state.membership_key(&group, id);
        state.memberships.remove(&key, seen, now);
    }
    let place = state.place(id);
    state.users.remove(&place, seen, now);
}

pub(crate) fn remove_group(state: &mut SimState, id: &str, seen: Millis, now: Millis) {
    let members: Vec<_> = state.members_of(id).map(|row| row.user.clone()).collect();
    for user in members {
        let key = state.membership_key(id, &user);
        state.memberships.remove(&key, seen, now);
    }
    let place = state.place(id);
    state.groups.remove(&place, seen, now);
}
