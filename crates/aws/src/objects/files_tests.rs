use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::fake_http::{FakeHttp, ReceivedRequest, ScriptedResponse, Still, settings, xml_error};

const NOW: &str = "2026-03-02T10:00:00Z";
const PUT_AT: &str = "2026-03-02T09:00:00.000Z";
const PAGE: usize = 2;

/// Behaves as S3 documents, with small pages.
#[derive(Default)]
struct Bucket(Mutex<BTreeMap<String, Vec<u8>>>);

impl Bucket {
    fn answer(&self, asked: &ReceivedRequest) -> ScriptedResponse {
        let key = asked.uri.path().trim_start_matches("/the-bucket/");
        let mut files = self.0.lock().unwrap();
        match asked.method.as_str() {
            "PUT" if asked.header("if-none-match") == Some("*") && files.contains_key(key) => {
                xml_error(412, "PreconditionFailed")
            }
            "PUT" => {
                files.insert(key.to_owned(), asked.body.to_vec());
                (200, Vec::new(), Vec::new())
            }
            "DELETE" => {
                files.remove(key);
                (204, Vec::new(), Vec::new())
            }
            "GET" if asked.query("list-type").is_some() => list(&files, asked),
            "GET" => match files.get(key) {
                Some(bytes) => range(bytes, asked.header("range")),
                None => xml_error(404, "NoSuchKey"),
            },
            other => xml_error(400, other),
        }
    }
}

fn range(bytes: &[u8], asked: Option<&str>) -> ScriptedResponse {
    let (from, last) = asked
        .unwrap()
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let (from, last): (usize, usize) = (from.parse().unwrap(), last.parse().unwrap());
    if from >= bytes.len() {
        return xml_error(416, "InvalidRange");
    }
    let piece = bytes[from..bytes.len().min(last + 1)].to_vec();
    (206, Vec::new(), piece)
}

fn list(files: &BTreeMap<String, Vec<u8>>, asked: &ReceivedRequest) -> ScriptedResponse {
    let prefix = asked.query("prefix").unwrap_or_default();
    let after = asked.query("continuation-token").unwrap_or_default();
    let of_folder = asked.query("delimiter").unwrap_or_default();
    let mut found: Vec<(String, Option<usize>)> = Vec::new();
    for (key, bytes) in files {
        let Some(below) = key.strip_prefix(&prefix) else {
            continue;
        };
        let inside = below.split_once('/').map(|(name, _)| name);
        let one = match inside.filter(|_| of_folder == "/") {
            Some(name) => (format!("{prefix}{name}/"), None),
            None => (key.clone(), Some(bytes.len())),
        };
        if one.0 > after && found.last() != Some(&one) {
            found.push(one);
        }
    }
    let page = found.get(..PAGE).unwrap_or(&found);
    let contents = page.iter().fold(String::new(), |all, (key, size)| match size {
        None => format!("{all}<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
        Some(size) => format!(
            "{all}<Contents><Key>{key}</Key><LastModified>{PUT_AT}</LastModified><Size>{size}</Size></Contents>"
        ),
    });
    let more = page.len() < found.len();
    let next = page
        .last()
        .filter(|_| more)
        .map(|(key, _)| format!("<NextContinuationToken>{key}</NextContinuationToken>"));
    let next = next.unwrap_or_default();
    let body = format!(
        "<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{contents}</ListBucketResult>"
    );
    (200, Vec::new(), body.into_bytes())
}

async fn files(fake: &FakeHttp) -> BucketFiles {
    let place = BucketPlace::parse("s3://the-bucket/kept").unwrap().unwrap();
    let settings = settings(&fake.url);
    let opened = BucketFiles::at(&settings, place, Still::at(NOW), 7);
    opened.await.unwrap()
}

async fn bucket() -> FakeHttp {
    let bucket = Bucket::default();
    FakeHttp::start(move |asked| bucket.answer(asked)).await
}

#[tokio::test]
async fn what_was_put_is_listed_read_and_removed() {
    let fake = bucket().await;
    let files = files(&fake).await;
    for key in ["a/1", "a/2", "a/3", "b"] {
        files.put(key, key.as_bytes().to_vec()).await.unwrap();
    }
    let listed = files.list("a/").await.unwrap();
    let wanted = ["a/1", "a/2", "a/3"].map(|key| BucketFile {
        key: key.to_owned(),
        bytes: 3,
        modified: PUT_AT.parse().unwrap(),
    });
    assert_eq!(listed, wanted, "over pages, and below the place");
    let keys = listed
        .into_iter()
        .map(|it| it.key)
        .chain(["gone".to_owned()]);
    let read = files.get_all(keys.collect()).await.unwrap();
    let wanted = ["a/1", "a/2", "a/3"].map(|key| (key.to_owned(), key.as_bytes().to_vec()));
    assert_eq!(read, wanted);
    files
        .remove(&["a/1".to_owned(), "gone".to_owned()])
        .await
        .unwrap();
    assert_eq!(files.get("a/1").await.unwrap(), None);
    assert_eq!(files.list("").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_folder_shows_what_is_right_below_it() {
    let fake = bucket().await;
    let files = files(&fake).await;
    for key in [
        "logs/",
        "logs/1.json",
        "logs/2025/a",
        "logs/2025/b/c",
        "logs/2026/a",
        "logs/x",
        "other",
    ] {
        files.put(key, b"{}".to_vec()).await.unwrap();
    }
    let inside = files.inside("logs").await.unwrap();
    assert_eq!(inside.folders, ["2025", "2026"], "over pages, each once");
    let names: Vec<&str> = inside.files.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(names, ["1.json", "x"], "and not the folder's own mark");
    let root = files.inside("").await.unwrap();
    assert_eq!(
        (root.folders, root.files.len()),
        (vec!["logs".to_owned()], 1)
    );
    assert_eq!(files.inside("gone").await.unwrap(), BucketFolder::default());
    assert_eq!(files.inside("log").await.unwrap(), BucketFolder::default());
}

#[tokio::test]
async fn long_files_come_in_pieces() {
    let fake = bucket().await;
    let files = files(&fake).await;
    let piece = usize::try_from(PIECE_BYTES).unwrap();
    for length in [0, 1, piece - 1, piece, piece + 1] {
        let bytes: Vec<u8> = (0..length)
            .map(|it| u8::try_from(it % 251).unwrap())
            .collect();
        files.put("long", bytes.clone()).await.unwrap();
        assert!(
            files.get("long").await.unwrap() == Some(bytes.clone()),
            "{length}"
        );
        let end = length as u64;
        let range = end.saturating_sub(3)..end;
        let wanted = &bytes[length.saturating_sub(3)..];
        assert!(
            files.range("long", range).await.unwrap() == wanted,
            "{length}"
        );
    }
    let past = files.range("long", 0..2 * PIECE_BYTES).await.unwrap_err();
    assert!(past.message.contains("shorter"), "{past}");
    assert!(files.range("gone", 0..1).await.is_err());
}

#[tokio::test]
async fn a_file_is_put_once() {
    let fake = bucket().await;
    let files = files(&fake).await;
    files.put_once("m.json", b"one".to_vec()).await.unwrap();
    files.put_once("m.json", b"one".to_vec()).await.unwrap();
    let taken = files.put_once("m.json", b"two".to_vec()).await.unwrap_err();
    assert!(
        taken.to_string().contains("s3://the-bucket/kept/m.json"),
        "{taken}"
    );
    assert!(taken.help.contains("a separate prefix"), "{}", taken.help);
    // a store without conditional writes
    fake.first([xml_error(501, "NotImplemented")]);
    files.put_once("n.json", b"one".to_vec()).await.unwrap();
    assert_eq!(fake.last().header("if-none-match"), None);
    fake.first([xml_error(501, "NotImplemented")]);
    assert!(files.put_once("n.json", b"two".to_vec()).await.is_err());
    assert_eq!(files.get("n.json").await.unwrap().unwrap(), b"one");
    // the bucket decides on encryption
    assert_eq!(fake.last().header("x-amz-server-side-encryption"), None);
}

#[tokio::test]
async fn what_s3_does_not_do_comes_with_what_would_help() {
    let rows = [
        (403, "AccessDenied", "s3:PutObject", false),
        (404, "NoSuchBucket", "make the bucket `the-bucket`", false),
        (301, "PermanentRedirect", "AWS_REGION", false),
        (400, "AuthorizationHeaderMalformed", "AWS_REGION", false),
        (400, "InvalidRequest", "check the bucket", false),
        (503, "SlowDown", "try again", true),
    ];
    for (status, code, help, is_passing) in rows {
        let fake = FakeHttp::start(move |_| xml_error(status, code)).await;
        let error = files(&fake).await.put("a", Vec::new()).await.unwrap_err();
        assert!(error.help.contains(help), "{code}: {}", error.help);
        assert!(
            error.to_string().contains("s3://the-bucket/kept/a"),
            "{error}"
        );
        assert_eq!(error.is_passing, is_passing, "{code}");
    }
    for broken in [
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>\
         <Contents><Key>kept/a</Key></Contents></ListBucketResult>",
    ] {
        let fake = FakeHttp::start(move |_| (200, Vec::new(), broken.into())).await;
        assert!(files(&fake).await.list("").await.is_err(), "{broken}");
    }
}
