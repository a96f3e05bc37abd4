use std::collections::BTreeSet;

use serde_json::json;

use crate::fake::Fake;

const DATE: &str = "Fri, 20 Nov 2026 07:27:43 GMT";
const SECOND: i64 = 1_795_159_663;

#[tokio::test(start_paused = true)]
async fn only_answers_of_aws_itself_say_what_time_it_is() {
    let own = ("x-amzn-requestid", "1");
    for (headers, heard) in [
        (vec![("date", DATE), own], true),
        (vec![("date", DATE), ("x-amz-request-id", "1")], true),
        (vec![("date", DATE)], false),
        (vec![("date", DATE), ("x-amzn-requestid", "")], false),
        (vec![("date", DATE), own, ("age", "60")], false),
        (vec![("date", "yesterday"), own], false),
        (vec![own], false),
    ] {
        let fake = Fake::new(|_, _| None);
        fake.with_headers(&headers);
        fake.connect().await;
        let told: BTreeSet<_> = fake.heard().iter().map(|at| at.as_second()).collect();
        let expected = heard.then_some(SECOND).into_iter().collect();
        assert_eq!(told, expected, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_answers_say_the_time_and_the_next_attempt_is_signed_with_it() {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let fake = Fake::new(move |_, _| {
        let skewed = is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
        skewed.then(|| {
            let text = "Signature expired: 19700101T000000Z is now earlier than \
                        20261120T072243Z (20261120T072743Z - 5 min.)";
            (
                403,
                json!({"__type": "SignatureDoesNotMatch", "message": text}),
            )
        })
    });
    fake.with_headers(&[("date", DATE), ("x-amzn-requestid", "1")]);
    fake.connect().await;
    let signed = fake.signed_at();
    assert_eq!(
        signed[0], "19700101T000000Z",
        "by the wall clock, before AWS answered"
    );
    assert!(
        signed[1..].iter().all(|at| at.starts_with("20261120T0727")),
        "{signed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn asking_for_the_time_hears_one_more_answer() {
    let fake = Fake::new(|_, _| None);
    fake.with_headers(&[("date", DATE), ("x-amzn-requestid", "1")]);
    let aws = fake.connect().await;
    let before = fake.heard().len();
    aws.ask_time().await.unwrap();
    assert_eq!(fake.heard().len(), before + 1);
}
