//! Open reviews of break-glass requests.

use hallpass_access::{AfterReview, Change, Closing, Request, RequestFilter, Write};

use super::Store;
use super::queries::{put, request_ids, requests};
use crate::{a_request, approved, at, user};

pub async fn open_reviews_are_found_until_they_are_closed(store: Store) {
    let review = |closed| AfterReview {
        justification: "no one answers and customers wait".to_owned(),
        opened_at: at(9),
        closed,
    };
    let broken = |n| Request {
        state: approved(9),
        after_review: Some(review(None)),
        ..a_request(n)
    };
    put(
        &store,
        vec![a_request(1), broken(2), broken(3), broken(4)],
        vec![],
    )
    .await;
    let open = || RequestFilter {
        open_review: true,
        ..RequestFilter::default()
    };
    assert_eq!(requests(&store, open(), 9).await, request_ids(&[4, 3, 2]));
    assert_eq!(requests(&store, open(), 2).await, request_ids(&[4, 3]));
    let mine = RequestFilter {
        requester: Some(user(2)),
        ..open()
    };
    assert_eq!(requests(&store, mine, 9).await, request_ids(&[2]));
    let closing = Closing {
        by: a_request(900).requester.email,
        at: at(99),
        words: Some("right so".to_owned()),
    };
    let closed = Request {
        after_review: Some(review(Some(closing))),
        ..broken(3)
    };
    let change = Change {
        requests: vec![Write::Update(closed.clone())],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    assert_eq!(requests(&store, open(), 9).await, request_ids(&[4, 2]));
    let read = store.request(closed.id).await.unwrap().unwrap();
    assert_eq!(read.after_review, closed.after_review);
}
