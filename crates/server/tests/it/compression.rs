use std::io::Read as _;

use axum::http::{HeaderMap, Request};
use axum::{body::Body, http::header};
use flate2::read::GzDecoder;

use crate::browser::Browser;
use crate::test_server::{TestServer, run};

async fn fetched(server: &TestServer, path: &str, takes: &str) -> (HeaderMap, Vec<u8>) {
    let call = Request::get(path).header(header::ACCEPT_ENCODING, takes);
    let reply = server.send(call.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, 200, "{path}");
    (reply.headers, reply.body.to_vec())
}

#[test]
fn files_of_pages_are_compressed_for_those_who_take_it() {
    run(async {
        let server = TestServer::new();
        let (_, page) = fetched(&server, "/signin", "identity").await;
        let page = String::from_utf8(page).unwrap();
        let files: Vec<&str> = page
            .split('"')
            .filter(|it| it.starts_with("/static/"))
            .collect();
        assert_eq!(files.len(), 3, "{files:?}");
        for path in files {
            let (headers, plain) = fetched(&server, path, "identity").await;
            assert_eq!(headers.get("content-encoding"), None);
            let (packed, bytes) = fetched(&server, path, "gzip, br").await;
            assert_eq!(packed["content-encoding"], "gzip");
            assert!(bytes.len() < plain.len() * 3 / 4, "{path}: {}", bytes.len());
            let mut unpacked = Vec::new();
            let mut reading = GzDecoder::new(bytes.as_slice());
            reading.read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain, "{path}");
            for headers in [headers, packed] {
                assert_eq!(headers["vary"], "accept-encoding");
                assert_eq!(
                    headers["cache-control"],
                    "public, max-age=31536000, immutable"
                );
            }
        }
    });
}

/// During a rolling update, pages of one release may get files from the other.
#[test]
fn what_does_not_match_its_address_is_not_kept_under_it() {
    run(async {
        let server = TestServer::new();
        for path in [
            "/static/hallpass.css",
            "/static/hallpass.js",
            "/static/mark.svg",
        ] {
            for address in [path.to_owned(), format!("{path}?v=0123456789ab")] {
                let (headers, _) = fetched(&server, &address, "gzip").await;
                assert_eq!(headers["cache-control"], "no-store", "{address}");
            }
        }
    });
}

/// The size would leak the form token (BREACH).
#[test]
fn no_page_and_no_answer_of_the_api_is_compressed_or_kept() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        for path in ["/", "/ask?q=csrf", "/audit", "/signin"] {
            let takes = [("accept-encoding", "gzip, deflate, br, zstd")];
            let reply = ana.send("GET", path, &takes, String::new()).await;
            assert_eq!(reply.headers.get("content-encoding"), None, "{path}");
            assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
        }
        let call = Request::get("/api/v1/me")
            .header("authorization", "Bearer ana/all")
            .header("accept-encoding", "gzip");
        let reply = server.send(call.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.headers.get("content-encoding"), None);
    });
}
