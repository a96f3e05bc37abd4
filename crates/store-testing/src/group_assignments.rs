//! A permission set of a group.

use hallpass_access::{GroupAssignment, GroupAssignmentKey};

use crate::{a_permission_set, account, at, group_id};

pub fn a_group_assignment(n: u64) -> GroupAssignment {
    GroupAssignment {
        key: GroupAssignmentKey {
            account: account(n),
            permission_set: a_permission_set(),
            group: group_id(n),
        },
        first_seen: at(n),
        unread_since: None,
    }
}
