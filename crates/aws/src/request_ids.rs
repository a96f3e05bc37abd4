//! The request ids of writes, for whoever wants to name them in a report: a support case begins with one.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Ids kept of one piece of work; more say nothing more.
const IDS_MAX: usize = 20;

type Ids = Arc<Mutex<Vec<String>>>;

tokio::task_local! {
    /// Where the ids of whoever asked for them go.
    static NOTED: Ids;
    /// Whether the call under way changes something.
    static WRITES: ();
}

/// Does the work, and returns with it the ids of all requests that it wrote with and AWS answered, in their order.
pub async fn with_request_ids<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    let ids = Ids::default();
    let done = NOTED.scope(Arc::clone(&ids), work).await;
    let ids = std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner));
    (done, ids)
}

/// A call that changes something: of others the ids are not noted.
pub(crate) async fn writing<T>(call: impl Future<Output = T>) -> T {
    WRITES.scope((), call).await
}

/// Notes the id of an answer, where it is one to a write that somebody wants to know of.
pub(crate) fn note(id: Option<&str>) {
    let (Some(id), Ok(())) = (id, WRITES.try_with(|()| ())) else {
        return;
    };
    // nobody asked for them
    let _ = NOTED.try_with(|ids| {
        let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() < IDS_MAX {
            ids.push(id.to_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_writes_are_noted_and_only_for_who_asked() {
        note(Some("nobody asked"));
        let one = with_request_ids(async {
            note(Some("a read"));
            writing(async { note(Some("w-1")) }).await;
            writing(async { note(None) }).await;
            writing(async { note(Some("w-2")) }).await;
            7
        });
        assert_eq!(one.await, (7, vec!["w-1".to_owned(), "w-2".to_owned()]));
        let many = with_request_ids(writing(async {
            for _ in 0..50 {
                note(Some("w"));
            }
        }));
        assert_eq!(many.await.1.len(), IDS_MAX);
    }
}
