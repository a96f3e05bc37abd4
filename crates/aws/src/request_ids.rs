//! Request ids of writes, for reports: support cases need them.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

const IDS_MAX: usize = 20;

type Ids = Arc<Mutex<Vec<String>>>;

tokio::task_local! {
    static NOTED: Ids;
    static WRITES: ();
}

/// Runs the work and returns the ids of its answered writes, in order.
pub async fn with_request_ids<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    let ids = Ids::default();
    let done = NOTED.scope(Arc::clone(&ids), work).await;
    let ids = std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner));
    (done, ids)
}

pub(crate) async fn writing<T>(call: impl Future<Output = T>) -> T {
    WRITES.scope((), call).await
}

pub(crate) fn note(id: Option<&str>) {
    let (Some(id), Ok(())) = (id, WRITES.try_with(|()| ())) else {
        return;
    };
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
        note(Some("not requested"));
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
