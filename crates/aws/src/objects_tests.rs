use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_config::SdkConfig;
use hallpass_audit::testing::a_place_for_exports_keeps_its_promises;

use super::*;
use crate::fake_http::{
    FakeHttp, NoIds, ReceivedRequest, ScriptedResponse, Still, settings, xml_error,
};

const NOW: &str = "2026-03-02T10:00:00Z";

/// Behaves as S3 documents, with small pages.
#[derive(Default)]
struct Bucket(Mutex<BTreeMap<String, Vec<u8>>>);

const PAGE: usize = 2;

impl Bucket {
    fn answer(&self, asked: &ReceivedRequest) -> ScriptedResponse {
        let path = asked.uri.path().replace("%20", " ");
        let key = path.trim_start_matches("/the-bucket/").to_owned();
        let mut objects = self.0.lock().unwrap();
        match asked.method.as_str() {
            "PUT" if asked.header("if-none-match") == Some("*") && objects.contains_key(&key) => {
                xml_error(412, "PreconditionFailed")
            }
            "PUT" => {
                objects.insert(key, asked.body.to_vec());
                (200, Vec::new(), Vec::new())
            }
            "GET" if asked.query("list-type").is_some() => list(&objects, asked),
            "GET" => match objects.get(&key) {
                Some(bytes) => (200, Vec::new(), bytes.clone()),
                None => xml_error(404, "NoSuchKey"),
            },
            other => xml_error(400, other),
        }
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, asked: &ReceivedRequest) -> ScriptedResponse {
    let prefix = asked.query("prefix").unwrap_or_default();
    let token = asked.query("continuation-token");
    let after = token
        .or_else(|| asked.query("start-after"))
        .unwrap_or_default();
    let fits = |key: &&String| key.starts_with(&prefix) && **key > after;
    let keys: Vec<&String> = objects.keys().filter(fits).collect();
    let page = keys.get(..PAGE).unwrap_or(&keys);
    let is_truncated = page.len() < keys.len();
    let contents = page.iter().fold(String::new(), |all, key| {
        all + "<Contents><Key>" + key + "</Key></Contents>"
    });
    let next = page
        .last()
        .filter(|_| is_truncated)
        .map(|key| format!("<NextContinuationToken>{key}</NextContinuationToken>"));
    let body = format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <IsTruncated>{is_truncated}</IsTruncated>{}{contents}</ListBucketResult>",
        next.unwrap_or_default()
    );
    (200, Vec::new(), body.into_bytes())
}

async fn bucket() -> FakeHttp {
    let bucket = Bucket::default();
    FakeHttp::start(move |asked| bucket.answer(asked)).await
}

fn place(root: &str) -> BucketPlace {
    BucketPlace {
        bucket: "the-bucket".to_owned(),
        root: root.to_owned(),
        region: None,
        endpoint_url: None,
    }
}

async fn objects(fake: &FakeHttp, root: &str) -> Objects {
    let retention = Retention {
        mode: LockMode::Compliance,
        days: 30,
    };
    let settings = settings(&fake.url);
    let opened = Objects::open(
        &settings,
        place(root),
        Some(retention),
        Still::at(NOW),
        &NoIds,
    );
    opened.await.unwrap()
}

#[tokio::test]
async fn a_bucket_keeps_the_promises_of_places_for_exports() {
    let fake = bucket().await;
    a_place_for_exports_keeps_its_promises(&objects(&fake, "").await).await;
    let part = objects(&fake, "hall pass/eu").await;
    a_place_for_exports_keeps_its_promises(&part).await;
    assert_eq!(part.name(), "s3://the-bucket/hall pass/eu");
}

#[tokio::test]
async fn every_object_is_put_once_locked_encrypted_and_with_its_checksum() {
    let fake = bucket().await;
    let objects = objects(&fake, "audit").await;
    objects.put("logs/2026/03/02/a.json", b"{}").await.unwrap();
    let put = fake.last();
    assert_eq!(put.uri.path(), "/the-bucket/audit/logs/2026/03/02/a.json");
    let checksum = STANDARD.encode(sha256(b"{}"));
    for (name, value) in [
        ("if-none-match", "*"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        (
            "x-amz-object-lock-retain-until-date",
            "2026-04-01T10:00:00Z",
        ),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-checksum-sha256", checksum.as_str()),
        ("x-amz-content-sha256", &hex::encode(sha256(b"{}"))),
        ("x-amz-date", "20260302T100000Z"),
        ("x-amz-security-token", "token"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(put.header(name), Some(value), "{name}");
    }
    let signature = put.header("authorization").unwrap();
    let scope = "Credential=AKIA0000111122223333/20260302/eu-west-1/s3/aws4_request";
    assert!(signature.contains(scope), "{signature}");
    // the signature covers the protection headers
    for signed in [
        "if-none-match",
        "x-amz-checksum-sha256",
        "x-amz-object-lock-mode",
    ] {
        assert!(
            signature.contains(signed),
            "{signed} is not signed: {signature}"
        );
    }
    // replaceable objects are not locked
    objects.replace("ends.jsonl", b"x").await.unwrap();
    let replaced = fake.last();
    for name in ["if-none-match", "x-amz-object-lock-mode"] {
        assert_eq!(replaced.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_second_object() {
    let fake = bucket().await;
    let objects = objects(&fake, "").await;
    objects.put("a.json", b"one").await.unwrap();
    // retried after server errors, and found to exist
    fake.first([xml_error(503, "SlowDown"), xml_error(500, "InternalError")]);
    objects.put("a.json", b"one").await.unwrap();
    let taken = objects.put("a.json", b"two").await.unwrap_err();
    assert_eq!(taken.kind, SinkErrorKind::Taken);
    assert_eq!(taken.place, "s3://the-bucket/a.json");
}

#[tokio::test]
async fn refusals_are_told_from_what_may_pass() {
    let rows = [
        (403, "AccessDenied", SinkErrorKind::Refused, 1),
        (404, "NoSuchBucket", SinkErrorKind::Refused, 1),
        (400, "InvalidRequest", SinkErrorKind::Refused, 1),
        (503, "SlowDown", SinkErrorKind::Unavailable, 4),
        (500, "InternalError", SinkErrorKind::Unavailable, 4),
        (
            409,
            "ConditionalRequestConflict",
            SinkErrorKind::Unavailable,
            1,
        ),
        (400, "ExpiredToken", SinkErrorKind::Unavailable, 4),
    ];
    for (status, code, kind, tries) in rows {
        let fake = FakeHttp::start(move |_| xml_error(status, code)).await;
        let error = objects(&fake, "")
            .await
            .put("a.json", b"x")
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(code), "{error}");
        assert_eq!(fake.asked().len(), tries, "{code}");
    }
    let fake = FakeHttp::start(|_| {
        let (status, _, body) = xml_error(301, "PermanentRedirect");
        (
            status,
            vec![("x-amz-bucket-region", "us-west-2".to_owned())],
            body,
        )
    })
    .await;
    let error = objects(&fake, "").await.get("a.json").await.unwrap_err();
    assert!(
        error.message.contains("the bucket is in us-west-2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_corrected_by_the_answer() {
    let fake = bucket().await;
    let (status, _, body) = xml_error(403, "RequestTimeTooSkewed");
    let date = "Mon, 02 Mar 2026 12:30:00 GMT".to_owned();
    fake.first([(status, vec![("date", date)], body)]);
    objects(&fake, "").await.put("a.json", b"x").await.unwrap();
    assert_eq!(fake.last().header("x-amz-date"), Some("20260302T123000Z"));
}

#[tokio::test]
async fn a_listing_that_is_not_whole_is_an_error() {
    for body in [
        "",
        "<html></html>",
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>",
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
    ] {
        let fake = FakeHttp::start(move |_| (200, Vec::new(), body.into())).await;
        let listed = objects(&fake, "").await.list("logs/", None).await;
        assert!(listed.is_err(), "{body}");
    }
}

fn lock(enabled: &str) -> ScriptedResponse {
    let body = format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>{enabled}</ObjectLockEnabled>\
         </ObjectLockConfiguration>"
    );
    (200, Vec::new(), body.into_bytes())
}

async fn examined(locked: ScriptedResponse, put: ScriptedResponse) -> Vec<String> {
    let fake = FakeHttp::start(move |asked| {
        if asked
            .uri
            .query()
            .is_some_and(|query| query.starts_with("object-lock"))
        {
            locked.clone()
        } else {
            put.clone()
        }
    })
    .await;
    let problems = objects(&fake, "").await.examine().await;
    let words = |it: BucketProblem| format!("{}; {}", it.detail, it.remedy);
    problems.into_iter().map(words).collect()
}

#[tokio::test]
async fn a_bucket_is_examined_for_its_lock_and_for_our_rights() {
    let fine = || (200, Vec::new(), Vec::new());
    assert_eq!(
        examined(lock("Enabled"), fine()).await,
        Vec::<String>::new()
    );
    let lockless = || xml_error(404, "ObjectLockConfigurationNotFoundError");
    let denied = || xml_error(403, "AccessDenied");
    for (locked, put, expected) in [
        (lockless(), fine(), "has no Object Lock"),
        (lock("Disabled"), fine(), "has no Object Lock"),
        (denied(), fine(), "s3:GetBucketObjectLockConfiguration"),
        (xml_error(404, "NoSuchBucket"), fine(), "NoSuchBucket"),
        (lock("Enabled"), denied(), "s3:PutObjectRetention"),
    ] {
        let found = examined(locked, put).await;
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{expected}: {found:?}"
        );
    }
    assert_eq!(examined(denied(), denied()).await.len(), 2);
}

#[test]
fn buckets_at_aws_are_addressed_by_host_where_certificates_allow() {
    for (bucket, region, variant, base) in [
        (
            "a",
            "eu-west-1",
            (false, false),
            "a.s3.eu-west-1.amazonaws.com/",
        ),
        (
            "a.b",
            "eu-west-1",
            (false, false),
            "s3.eu-west-1.amazonaws.com/a.b/",
        ),
        (
            "a",
            "cn-north-1",
            (false, false),
            "a.s3.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "a",
            "us-east-2",
            (true, false),
            "a.s3-fips.us-east-2.amazonaws.com/",
        ),
        (
            "a",
            "eu-west-1",
            (false, true),
            "a.s3.dualstack.eu-west-1.amazonaws.com/",
        ),
        (
            "a",
            "us-east-2",
            (true, true),
            "a.s3-fips.dualstack.us-east-2.amazonaws.com/",
        ),
    ] {
        let host = host_at_aws(&asking_for(variant), SignedService::S3, region).unwrap();
        assert_eq!(base_at_aws(bucket, &host), format!("https://{base}"));
    }
    // never derived
    let refused = host_at_aws(&asking_for((true, false)), SignedService::S3, "eu-west-1");
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("no FIPS endpoint of `s3` in eu-west-1")
            && refused.contains("AWS_ENDPOINT_URL_S3"),
        "{refused}"
    );
}

fn asking_for((fips, dual_stack): (bool, bool)) -> SdkConfig {
    let builder = SdkConfig::builder();
    builder.use_fips(fips).use_dual_stack(dual_stack).build()
}
