use hallpass_access::{AccessStore, Change};
use hallpass_assignments::queue::Room;
use hallpass_assignments::{AssignmentStore, Ownership};

use crate::{a_draft, a_lease, account_key, at, wanted};

/// Makes [`account_key`]`(1, 1)` wanted until 7200, stores `with`, and marks its access as managed
/// by Hallpass.
pub async fn own_one<S: AccessStore + AssignmentStore>(store: &S, with: Change) {
    let change = Change {
        desired: vec![wanted(&account_key(1, 1), 7_200, 0)],
        audit: vec![a_draft(1)],
        ..with
    };
    store.commit(change).await.unwrap();
    let lease = a_lease("a", 90);
    let taken = store.take(at(1), &Room::whole(10), &lease).await.unwrap();
    let mut row = taken.task.unwrap().row().clone();
    row.execution.ownership = Ownership::Ours;
    store.record(&row, &lease, false).await.unwrap();
}
