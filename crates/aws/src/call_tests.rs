#![allow(clippy::result_large_err, reason = "the SDK's own error type")]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_sdk_identitystore::operation::describe_user::DescribeUserError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

type FakeResult = Result<u32, SdkError<DescribeUserError, HttpResponse>>;

#[derive(Debug, PartialEq)]
struct FakeWrite(&'static str);

impl RequestId for FakeWrite {
    fn request_id(&self) -> Option<&str> {
        Some(self.0)
    }
}

type WriteResult = Result<FakeWrite, SdkError<DescribeUserError, HttpResponse>>;

fn refused(status: u16, code: &str) -> WriteResult {
    refusal(status, code, "").map(|_| FakeWrite("r-1"))
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_writes_are_for_who_asks_for_them() {
    let (line, pace) = (line(), Deadline::port(Urgency::Grant));
    let ((), ids) = crate::with_request_ids(async {
        let write = async { WriteResult::Ok(FakeWrite("w-1")) };
        line.write("Do", pace, write).await.unwrap();
        line.read("Look", pace, || async { WriteResult::Ok(FakeWrite("r-1")) })
            .await
            .unwrap();
    })
    .await;
    assert_eq!(ids, ["w-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_not_be_sent_any_more_is_not_sent() {
    let (line, may_write) = (line(), Arc::new(AtomicBool::new(true)));
    let asked = Arc::clone(&may_write);
    line.guard_writes(&WriteGate(Arc::new(move || asked.load(Ordering::SeqCst))));
    let sent = Arc::new(AtomicU32::new(0));
    for (may, wanted) in [(true, 1), (false, 1), (true, 2)] {
        may_write.store(may, Ordering::SeqCst);
        let count = Arc::clone(&sent);
        let write = async move {
            count.fetch_add(1, Ordering::SeqCst);
            WriteResult::Ok(FakeWrite("w-1"))
        };
        let answered = line
            .write("Do", Deadline::port(Urgency::Grant), write)
            .await;
        let refused = answered.map(|_| ()).map_err(|failure| failure.fault);
        let expected = if may {
            Ok(())
        } else {
            Err(CenterFault::NotSent)
        };
        assert_eq!((refused, sent.load(Ordering::SeqCst)), (expected, wanted));
    }
    may_write.store(false, Ordering::SeqCst);
    let look = || async { WriteResult::Ok(FakeWrite("r-1")) };
    let read = line
        .read("Look", Deadline::port(Urgency::Grant), look)
        .await;
    assert!(read.is_ok(), "reads go on");
}

fn line() -> ServiceClient {
    ServiceClient::new("test", Bucket::new(1000.0, 1000), Jitter::new(1))
}

fn refusal(status: u16, code: &str, body: &'static str) -> FakeResult {
    let meta = ErrorMetadata::builder().code(code).build();
    let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    Err(SdkError::service_error(
        DescribeUserError::generic(meta),
        raw,
    ))
}

async fn read(answer: impl Fn(u32) -> FakeResult) -> (Result<u32, CallFailure>, u32, Duration) {
    let tries = Cell::new(0);
    let start = Instant::now();
    let result = line()
        .read("Look", Deadline::port(Urgency::Background), || {
            tries.set(tries.get() + 1);
            std::future::ready(answer(tries.get()))
        })
        .await;
    (result, tries.get(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn reads_are_tried_four_times_and_no_more() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (500, "InternalServerException"),
    ] {
        let (result, tries, took) = read(|_| refusal(status, code, "")).await;
        assert!(result.is_err());
        assert_eq!(tries, 4, "{code}");
        // 250 + 500 + 1000 ms at most
        assert!(took <= Duration::from_millis(1750), "{took:?}");
    }
    let (result, tries, _) = read(|n| {
        if n < 3 {
            refusal(503, "ServiceUnavailable", "")
        } else {
            Ok(n)
        }
    })
    .await;
    assert_eq!((result, tries), (Ok(3), 3));
}

#[tokio::test(start_paused = true)]
async fn reads_of_the_inventory_outlast_throttles_and_nothing_else() {
    for (code, status, tries_until_it_answers) in [
        ("TooManyRequestsException", 400, 15),
        ("ThrottlingException", 400, 5),
    ] {
        let tries = Cell::new(0);
        let result = line()
            .read("List", Deadline::look(), || {
                tries.set(tries.get() + 1);
                std::future::ready(if tries.get() < tries_until_it_answers {
                    refusal(status, code, "")
                } else {
                    Ok(tries.get())
                })
            })
            .await;
        assert_eq!(result, Ok(tries_until_it_answers), "{code}");
    }
    let (start, tries) = (Instant::now(), Cell::new(0));
    let result = line()
        .read("List", Deadline::look(), || {
            tries.set(tries.get() + 1);
            std::future::ready(refusal(400, "TooManyRequestsException", ""))
        })
        .await;
    assert_eq!(result.unwrap_err().outcome(), "throttled");
    assert!(tries.get() > 20, "{}", tries.get());
    assert!(start.elapsed() <= LOOK_MAX);
    let tries = Cell::new(0);
    let result = line()
        .read("List", Deadline::look(), || {
            tries.set(tries.get() + 1);
            std::future::ready(refusal(500, "InternalServerException", ""))
        })
        .await;
    assert_eq!(
        (result.unwrap_err().outcome(), tries.get()),
        ("unreachable", 4)
    );
}

#[tokio::test(start_paused = true)]
async fn reads_refused_for_good_are_not_repeated() {
    for code in [
        "AccessDeniedException",
        "ValidationException",
        "ConflictException",
        "ResourceNotFoundException",
    ] {
        let (result, tries, _) = read(|_| refusal(400, code, "")).await;
        assert!(result.is_err());
        assert_eq!(tries, 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_aws_asks_for_is_kept() {
    let body = r#"{"RetryAfterSeconds":3}"#;
    let (result, tries, took) = read(|n| {
        if n == 1 {
            refusal(400, "ThrottlingException", body)
        } else {
            Ok(n)
        }
    })
    .await;
    assert_eq!((result, tries), (Ok(2), 2));
    assert!(took >= Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn reads_end_within_their_time() {
    let start = Instant::now();
    let tries = Cell::new(0);
    let result = line()
        .read("Look", Deadline::port(Urgency::End), || {
            tries.set(tries.get() + 1);
            std::future::pending::<FakeResult>()
        })
        .await;
    assert_eq!(result.unwrap_err().outcome(), "unreachable");
    assert_eq!(tries.get(), 2);
    assert!(start.elapsed() <= PORT_MAX);
}

#[tokio::test(start_paused = true)]
async fn writes_are_sent_once_whatever_happens() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (500, "InternalServerException"),
        (400, "ConflictException"),
    ] {
        let tries = Cell::new(0);
        let result = line()
            .write("Do", Deadline::port(Urgency::Grant), async {
                tries.set(tries.get() + 1);
                refused(status, code)
            })
            .await;
        assert!(result.is_err());
        assert_eq!(tries.get(), 1, "{code}");
    }
    let start = Instant::now();
    let result = line()
        .write(
            "Do",
            Deadline::port(Urgency::Grant),
            std::future::pending::<WriteResult>(),
        )
        .await;
    assert_eq!(result.unwrap_err().outcome(), "unreachable");
    assert_eq!(start.elapsed(), ATTEMPT_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_too_long_is_not_sent() {
    let line = ServiceClient::new("test", Bucket::new(0.1, 1), Jitter::new(1));
    line.bucket.take(Urgency::Background).await;
    line.bucket.take(Urgency::Background).await;
    let sent = Cell::new(false);
    let result = line
        .write("Do", Deadline::port(Urgency::End), async {
            sent.set(true);
            WriteResult::Ok(FakeWrite("w-1"))
        })
        .await;
    assert_eq!(result.unwrap_err().outcome(), "not_sent");
    assert!(!sent.get());
}

#[tokio::test(start_paused = true)]
async fn pauses_double_and_have_an_upper_limit() {
    let line = line();
    for (attempt, longest_ms) in [
        (1, 250),
        (2, 500),
        (3, 1000),
        (4, 2000),
        (9, 5000),
        (99, 5000),
    ] {
        let longest = (0..500).map(|_| line.pause(attempt, None)).max();
        let longest = longest.unwrap().as_millis();
        assert!(
            longest <= longest_ms && longest > longest_ms * 9 / 10,
            "{attempt}: {longest}"
        );
    }
    assert!(line.pause(1, Some(Duration::from_secs(2))) >= Duration::from_secs(2));
}

#[test]
fn calls_are_counted_over_ten_seconds() {
    let (lately, start) = (Lately::default(), Instant::now());
    let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
    assert!(lately.per_second(start) < 0.01);
    for tenth in 0..200_u32 {
        lately.note(after(f64::from(tenth) / 10.0));
    }
    let rate = lately.per_second(after(20.0));
    assert!((9.0..=10.1).contains(&rate), "{rate}");
    assert!(lately.per_second(after(31.0)) < 0.01);
}

/// A request that was not sent is not an answer: a server that lost its lead must not take a lost
/// Region for recovered.
#[tokio::test(start_paused = true)]
async fn what_is_not_sent_says_nothing_of_whether_aws_answers() {
    let (watch, clock) = (
        Arc::new(OutageWatch::default()),
        crate::fake_http::Still::at("2026-11-26T02:00:00Z"),
    );
    let line = line().heard_by(Heard {
        service: ObservedService::Itself,
        watch: Arc::clone(&watch),
        key: Arc::default(),
        clock: Arc::clone(&clock),
    });
    let now = clock.now();
    watch.resume(hallpass_base::TimeSpan::minutes(5).before(now));
    let (lost, may_write) = (watch.lost_since(now), Arc::new(AtomicBool::new(false)));
    assert!(lost.is_some());
    let asked = Arc::clone(&may_write);
    line.guard_writes(&WriteGate(Arc::new(move || asked.load(Ordering::SeqCst))));
    let write = || async { WriteResult::Ok(FakeWrite("w-1")) };
    let pace = Deadline::port(Urgency::Grant);
    line.write("Do", pace, write()).await.unwrap_err();
    assert_eq!(watch.lost_since(now), lost, "no call was made");
    may_write.store(true, Ordering::SeqCst);
    line.write("Do", Deadline::port(Urgency::Grant), write())
        .await
        .unwrap();
    assert_eq!(watch.lost_since(now), None);
}

/// An answer can show that Identity Center's key is unusable, that it is usable, or neither.
#[tokio::test(start_paused = true)]
async fn an_answer_that_names_the_key_is_trouble_until_one_that_needed_it() {
    let key = Arc::new(KeyWatch::default());
    let heard = Heard {
        service: ObservedService::Itself,
        watch: Arc::default(),
        key: Arc::clone(&key),
        clock: crate::fake_http::Still::at("2026-11-26T02:00:00Z"),
    };
    let line = line().heard_by(heard);
    let disabled = r#"{"Reason": "KMS_DISABLED"}"#;
    for (row, answer, is_trouble) in [
        ("before", Ok(1), false),
        (
            "disabled",
            refusal(400, "ValidationException", disabled),
            true,
        ),
        (
            "not allowed to",
            refusal(400, "AccessDeniedException", ""),
            true,
        ),
        ("too fast", refusal(400, "ThrottlingException", ""), true),
        ("ill", refusal(500, "InternalServerException", ""), true),
        (
            "not there",
            refusal(400, "ResourceNotFoundException", ""),
            false,
        ),
        (
            "disabled again",
            refusal(400, "ValidationException", disabled),
            true,
        ),
        ("works", Ok(1), false),
    ] {
        let answer = Cell::new(Some(answer));
        let again = || async {
            answer
                .take()
                .unwrap_or_else(|| refusal(500, "InternalServerException", ""))
        };
        let _: Result<u32, CallFailure> = line
            .read("Look", Deadline::port(Urgency::Grant), again)
            .await;
        assert_eq!(key.unusable().is_some(), is_trouble, "{row}");
    }
}
