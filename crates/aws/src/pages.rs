//! Paged listings: complete or an error (promise P9).

use std::future::Future;

use crate::fault::CallFailure;

/// 10,000 of 20 rows are 200,000 accounts.
const PAGES_MAX: usize = 10_000;

pub(crate) type RowsAndToken<T> = (Vec<T>, Option<String>);

/// Reads every page. Continues after an empty page with a token; an empty token ends. Restarts once
/// when the service refuses a token (they expire).
pub(crate) async fn all<T, F, Fut>(mut page: F) -> Result<Vec<T>, CallFailure>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<RowsAndToken<T>, CallFailure>>,
{
    let mut restarted = false;
    let mut rows = Vec::new();
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let had_token = token.is_some();
        match page(token.clone()).await {
            Ok((more, next)) => {
                rows.extend(more);
                let next = next.filter(|text| !text.is_empty());
                if next.is_none() {
                    return Ok(rows);
                }
                if next == token {
                    return Err(CallFailure::unparsable("a page names itself as the next"));
                }
                token = next;
            }
            Err(failure) if had_token && !restarted && failure.may_be_a_stale_token() => {
                tracing::debug!(
                    code = failure.code,
                    "a page token was refused; listing again"
                );
                restarted = true;
                rows.clear();
                token = None;
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(CallFailure::unparsable("the listing does not end"))
}

/// Reads every row: client and operation, row member, and the request, whose page token is set
/// here.
macro_rules! listing {
    ($on:ident.$line:ident.read($operation:literal, $pace:expr), $rows:ident, $request:expr $(,)?) => {
        $crate::pages::all(|token| async move {
            let page = $on
                .$line
                .read($operation, $pace, || {
                    $request.set_next_token(token.clone()).send()
                })
                .await?;
            // some answers omit empty rows
            let rows = Option::<Vec<_>>::from(page.$rows).unwrap_or_default();
            Ok((rows, page.next_token))
        })
    };
}
pub(crate) use listing;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use hallpass_assignments::CenterFault;

    use super::*;

    type FakePageResult = Result<RowsAndToken<u8>, CallFailure>;
    type Answers = Vec<(Option<&'static str>, FakePageResult)>;

    fn stale() -> CallFailure {
        CallFailure {
            fault: CenterFault::Refused {
                reason: "token".into(),
            },
            code: Some("ValidationException".into()),
            retry_after: None,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the table reads better")]
    fn next(rows: &[u8], token: &str) -> FakePageResult {
        FakePageResult::Ok((rows.to_vec(), Some(token.to_owned())))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the table reads better")]
    fn last(rows: &[u8]) -> FakePageResult {
        FakePageResult::Ok((rows.to_vec(), None))
    }

    async fn read(answers: Answers) -> Result<Vec<u8>, CallFailure> {
        let left = RefCell::new(VecDeque::from(answers));
        let result = all(|token| {
            let (expected, answer) = left.borrow_mut().pop_front().unwrap();
            assert_eq!(token.as_deref(), expected);
            std::future::ready(answer)
        })
        .await;
        assert!(left.borrow().is_empty(), "pages left unread");
        result
    }

    #[tokio::test]
    async fn empty_pages_with_a_token_go_on_and_empty_tokens_end() {
        let answers = vec![
            (None, next(&[], "a")),
            (Some("a"), next(&[1], "b")),
            (Some("b"), next(&[2], "")),
        ];
        assert_eq!(read(answers).await, Ok(vec![1, 2]));
    }

    #[tokio::test]
    async fn a_refused_token_restarts_the_listing_once() {
        let answers = vec![
            (None, next(&[1], "a")),
            (Some("a"), Err(stale())),
            (None, next(&[1], "b")),
            (Some("b"), last(&[2])),
        ];
        assert_eq!(read(answers).await, Ok(vec![1, 2]));
        let twice = vec![
            (None, next(&[1], "a")),
            (Some("a"), Err(stale())),
            (None, next(&[1], "b")),
            (Some("b"), Err(stale())),
        ];
        assert_eq!(read(twice).await, Err(stale()));
        assert_eq!(read(vec![(None, Err(stale()))]).await, Err(stale()));
    }

    #[tokio::test]
    async fn a_failing_page_fails_the_listing() {
        let gone = CallFailure::timed_out(std::time::Duration::from_secs(1));
        let answers = vec![(None, next(&[1], "a")), (Some("a"), Err(gone.clone()))];
        assert_eq!(read(answers).await, Err(gone));
    }

    #[tokio::test]
    async fn a_listing_that_runs_in_circles_fails() {
        let answers = vec![(None, next(&[1], "a")), (Some("a"), next(&[1], "a"))];
        assert!(read(answers).await.is_err());
        let count = RefCell::new(0_u64);
        let endless = all(|_| {
            *count.borrow_mut() += 1;
            std::future::ready(Ok((vec![0_u8], Some(count.borrow().to_string()))))
        });
        assert!(endless.await.is_err());
    }
}
