use hallpass_aws_sim::Options;
use tempfile::tempdir;

use crate::bench::{Bench, options};

const CHUNKS: &[u8] =
    b"3\r\nabc\r\n2;chunk-signature=00\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfYZQ==\r\n\r\n";

fn streamed(length: &str) -> Vec<(String, String)> {
    [
        ("content-encoding", "aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", length),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

#[tokio::test]
async fn a_body_in_chunks_is_kept_as_what_they_hold() {
    let bench = Bench::small().await;
    let made = bench.s3("PUT", "/bucket", Vec::new(), b"").await;
    assert_eq!(made.status, 200, "{}", made.text);
    let put = bench.s3("PUT", "/bucket/key", streamed("5"), CHUNKS).await;
    assert_eq!(put.status, 200, "{}", put.text);
    let got = bench.s3("GET", "/bucket/key", Vec::new(), b"").await;
    assert_eq!((got.status, got.text.as_str()), (200, "abcde"));
    for (length, body) in [("6", CHUNKS), ("5", &CHUNKS[..12])] {
        let put = bench.s3("PUT", "/bucket/key", streamed(length), body).await;
        assert_eq!(
            (put.status, put.outcome().as_str()),
            (400, "IncompleteBody")
        );
    }
    let got = bench.s3("GET", "/bucket/key", Vec::new(), b"").await;
    assert_eq!(got.text, "abcde", "refused objects are not stored");
}

#[tokio::test]
async fn errors_name_bucket_and_host() {
    let bench = Bench::small().await;
    let answer = bench.s3("GET", "/absent/key", Vec::new(), b"").await;
    assert_eq!(
        (answer.status, answer.outcome().as_str()),
        (404, "NoSuchBucket")
    );
    let request = format!("<RequestId>{}</RequestId><HostId>", answer.request_id);
    for part in ["<BucketName>absent</BucketName>", &request] {
        assert!(answer.text.contains(part), "{part} {}", answer.text);
    }
    bench.s3("PUT", "/bucket", Vec::new(), b"").await;
    let answer = bench.s3("GET", "/bucket/key", Vec::new(), b"").await;
    assert!(!answer.request_id.is_empty() && answer.outcome() == "NoSuchKey");
    assert!(!answer.text.contains("BucketName"), "{}", answer.text);
}

#[tokio::test]
async fn what_was_put_is_in_the_state_log() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let open = async || {
        Bench::new(Options {
            state: Some(path.clone()),
            ..options()
        })
        .await
    };
    let bench = open().await;
    bench.s3("PUT", "/bucket", Vec::new(), b"").await;
    for key in ["kept", "gone"] {
        bench
            .s3("PUT", &format!("/bucket/{key}"), Vec::new(), b"text")
            .await;
    }
    bench.s3("DELETE", "/bucket/gone", Vec::new(), b"").await;
    drop(bench);
    let bench = open().await;
    for (key, status) in [("kept", 200), ("gone", 404)] {
        let got = bench
            .s3("GET", &format!("/bucket/{key}"), Vec::new(), b"")
            .await;
        assert_eq!(got.status, status, "{key}");
    }
}
