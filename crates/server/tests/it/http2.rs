//! Calls over HTTP/2 by a client that keeps to it: beside each other, to their end, and as over
//! HTTP/1.1.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response};
use h2::RecvStream;
use h2::client::SendRequest;
use hallpass_server::{ConnectionSettings, Connections};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::browser::{CSRF, begin_session, form};
use crate::connections::{LIMIT, MOMENT, Serving, settings, until};
use crate::http2_peer::{GOAWAY, PING, Peer, counted, frame, serving, serving_of};
use crate::test_server::{TestServer, run};

/// A client and its connection.
struct Client {
    send: SendRequest<Bytes>,
    driven: JoinHandle<Result<(), h2::Error>>,
    own: String,
}

impl Client {
    async fn of(serving: &Serving) -> Self {
        let stream = TcpStream::connect(serving.address).await.unwrap();
        let own = stream.local_addr().unwrap().to_string();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        Self {
            send,
            driven: tokio::spawn(connection),
            own,
        }
    }

    /// Begins a call; its answer comes when there is one.
    async fn begin(
        &self,
        call: Request<()>,
        body: Option<Bytes>,
    ) -> Result<Response<RecvStream>, h2::Error> {
        let mut send = self.send.clone().ready().await?;
        let (answer, mut sends) = send.send_request(call, body.is_none())?;
        if let Some(body) = body {
            sends.send_data(body, true)?;
        }
        timeout(LIMIT, answer).await.expect("no answer")
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.begin(call(path, &[]), None).await.unwrap();
        (answer.status().as_u16(), whole(answer).await)
    }
}

fn call(path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut call = Request::get(format!("https://hallpass.example{path}"));
    for (name, value) in fields {
        call = call.header(*name, *value);
    }
    call.body(()).unwrap()
}

async fn whole(answer: Response<RecvStream>) -> String {
    let mut body = answer.into_body();
    let mut text = Vec::new();
    while let Some(part) = timeout(LIMIT, body.data()).await.expect("nothing comes") {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        text.extend(part);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn calls_go_beside_each_other_and_know_their_peer() {
    run(async {
        let serving = serving(settings(4)).await;
        let client = Client::of(&serving).await;
        let slow = tokio::spawn({
            let send = client.send.clone();
            async move {
                let mut send = send.ready().await.unwrap();
                let (answer, _) = send.send_request(call("/work", &[]), true).unwrap();
                whole(answer.await.unwrap()).await
            }
        });
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 1).await;
        for _ in 0..3 {
            assert_eq!(client.get("/peer").await, (200, client.own.clone()));
        }
        // larger than any window, and whole
        let (_, large) = client.get("/large").await;
        assert_eq!(large.len(), 32 * 1024 * 1024);
        assert!(!slow.is_finished());
        serving.work.done.notify_one();
        assert_eq!(timeout(LIMIT, slow).await.unwrap().unwrap(), "done");
        let figures = serving.connections.figures();
        assert_eq!((figures.accepted, figures.open), (1, 1));
        let spoken = "hallpass_http_connections_spoken_total{protocol=\"h2\"}";
        assert_eq!(counted(&serving.connections, spoken), 1);
    });
}

#[test]
fn bodies_take_their_turns_and_each_is_answered() {
    run(async {
        let serving = serving(settings(4)).await;
        let client = Client::of(&serving).await;
        // it knows how many calls it may have under way from here on
        assert_eq!(client.get("/").await.0, 200);
        let calls = (0..60_u8).map(|number| {
            let body = Bytes::from(vec![b'a' + number % 26; 1 + 500 * usize::from(number)]);
            let call = Request::post("https://hallpass.example/echo")
                .body(())
                .unwrap();
            let client = &client;
            async move {
                let answer = client.begin(call, Some(body.clone())).await.unwrap();
                assert_eq!(whole(answer).await.as_bytes(), body, "{number}");
            }
        });
        futures_util::future::join_all(calls).await;
    });
}

#[test]
fn a_connection_that_is_idle_is_asked_to_end_and_then_ends() {
    run(async {
        let serving = serving(ConnectionSettings {
            idle_time: Duration::from_millis(300),
            ..settings(4)
        })
        .await;
        let client = Client::of(&serving).await;
        assert_eq!(client.get("/").await.0, 200);
        let ended = timeout(LIMIT, client.driven).await.unwrap().unwrap();
        assert!(ended.is_ok(), "in order: {ended:?}");
        assert_eq!(serving.connections.figures().idle, 1);
        // one that does not say that it heard
        let mut peer = Peer::of(&serving).await;
        peer.get(1, "/").await;
        let rest = peer.rest().await;
        let asked = rest.iter().find(|frame| frame.kind == GOAWAY);
        assert_eq!(asked.unwrap().code(), 0);
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn a_server_that_stops_finishes_calls_and_closes_what_is_idle() {
    run(async {
        let mut serving = serving(settings(8)).await;
        let (busy, idle) = (Client::of(&serving).await, Client::of(&serving).await);
        assert_eq!(idle.get("/").await.0, 200);
        let under_way = tokio::spawn({
            let send = busy.send.clone();
            async move {
                let mut send = send.ready().await.unwrap();
                let (answer, _) = send.send_request(call("/work", &[]), true).unwrap();
                whole(answer.await.unwrap()).await
            }
        });
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 1).await;
        // one that says nothing and one that does not even begin hold up nobody
        let mut silent = Peer::of(&serving).await;
        assert!(silent.is_alive().await);
        let _mute = TcpStream::connect(serving.address).await.unwrap();
        until(|| serving.connections.figures().accepted == 4).await;
        serving.stop();
        timeout(LIMIT, idle.driven).await.unwrap().unwrap().unwrap();
        until(|| serving.connections.figures().open == 1).await;
        assert!(
            busy.begin(call("/", &[]), None).await.is_err(),
            "no more calls"
        );
        assert!(!serving.served.is_finished());
        serving.work.done.notify_one();
        assert_eq!(timeout(LIMIT, under_way).await.unwrap().unwrap(), "done");
        timeout(LIMIT, busy.driven).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, serving.served).await.unwrap().unwrap();
    });
}

#[test]
fn calls_end_with_their_connection() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        for stream in [1, 3, 5] {
            peer.get(stream, "/work").await;
        }
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 3).await;
        drop(peer);
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 0).await;
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn all_streams_of_a_person_go_over_one_connection_and_end_with_the_server() {
    run(async {
        let server = TestServer::with(|app| {
            app.connections = Connections::new(settings(64));
        });
        let connections = server.connections.clone();
        let mut serving = serving_of(server.router(), connections.clone(), Arc::default()).await;
        let client = Client::of(&serving).await;
        let token = [("authorization", "Bearer ana/all")];
        let mut held = Vec::new();
        for number in 0..17 {
            let answer = client
                .begin(call("/api/v1/events", &token), None)
                .await
                .unwrap();
            let wanted = if number < 16 { 200 } else { 429 };
            assert_eq!(answer.status().as_u16(), wanted, "{number}");
            held.push(answer);
        }
        assert_eq!(
            (connections.figures().streams, connections.figures().open),
            (16, 1)
        );
        let me = client
            .begin(call("/api/v1/me", &token), None)
            .await
            .unwrap();
        assert_eq!(me.status(), 200, "calls go on beside them");
        // one that is not wanted any more makes room
        drop(held.remove(0));
        until(|| connections.figures().streams == 15).await;
        server.ask("ana/all", "ReadOnly").await;
        let told = timeout(LIMIT, held[0].body_mut().data()).await.unwrap();
        let told = told.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&told).contains("request.created"));
        server.stop.send_replace(true);
        serving.stop();
        for answer in held {
            whole(answer).await;
        }
        timeout(LIMIT, serving.served).await.unwrap().unwrap();
        assert_eq!(connections.figures().streams, 0);
    });
}

/// Browsers send each cookie as a field of its own (RFC 9113 §8.2.3), and no `Host`.
#[test]
fn a_form_of_our_page_is_taken_and_one_of_another_site_is_not() {
    run(async {
        let server = TestServer::new();
        begin_session(&server, "ana", "a-session-of-ana").await;
        let connections = Connections::new(settings(8));
        let serving = serving_of(server.router(), connections, Arc::default()).await;
        let client = Client::of(&serving).await;
        for (origin, wanted) in [
            ("https://evil.example", 403),
            ("https://hallpass.example", 303),
        ] {
            let sent = Request::post("https://hallpass.example/theme")
                .header("origin", origin)
                .header("cookie", "another=1")
                .header("cookie", "hallpass=a-session-of-ana")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(())
                .unwrap();
            let answer = client.begin(sent, Some(form(&[("csrf", CSRF)]).into()));
            assert_eq!(answer.await.unwrap().status(), wanted, "{origin}");
        }
    });
}

#[test]
fn nothing_but_http2_is_spoken_where_it_was_agreed_upon() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer(TcpStream::connect(serving.address).await.unwrap());
        peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let rest = peer.rest().await;
        assert!(
            rest.iter()
                .all(|frame| frame.kind == 4 || frame.kind == GOAWAY),
            "{rest:?}"
        );
        // what it is about is not our business, and it is answered
        let mut peer = Peer::of(&serving).await;
        peer.send(&frame(PING, 0, 0, b"12345678")).await;
        assert!(timeout(MOMENT * 50, peer.is_alive()).await.unwrap());
    });
}
