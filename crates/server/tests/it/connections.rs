//! The accept loop on real sockets: admission, displacement, timeouts, and isolation from the rest
//! of the process.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::HeaderMap,
    routing::{get, post},
};
use hallpass_server::{Accept, ConnectionSettings, Connections, Proxies, serve_connections};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::browser::Browser;
use crate::test_server::{TestServer, run};

pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// Wait for events that must not happen: a short wait is safe.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);

pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Connections,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) served: JoinHandle<()>,
    pub(crate) work: Arc<Work>,
}

#[derive(Default)]
pub(crate) struct Work {
    pub(crate) under_way: AtomicUsize,
    pub(crate) done: Notify,
}

struct UnderWay(Arc<Work>);

impl UnderWay {
    fn begin(work: &Arc<Work>) -> Self {
        work.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(work))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Timeouts long enough not to fire unless a test shortens them.
pub(crate) fn settings(max: usize) -> ConnectionSettings {
    ConnectionSettings {
        per_address: max,
        header_time: LIMIT * 2,
        idle_time: LIMIT * 2,
        body_time: LIMIT * 2,
        write_time: LIMIT * 2,
        ..ConnectionSettings::new(max)
    }
}

pub(crate) fn routes(work: &Arc<Work>) -> Router {
    let work = Arc::clone(work);
    Router::new()
        .route("/", get(|| async { "here" }))
        .route(
            "/peer",
            get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()),
        )
        .route("/echo", post(async |body: Bytes| body))
        .route(
            "/host",
            get(async |headers: HeaderMap| headers["host"].as_bytes().to_vec()),
        )
        .route(
            "/large",
            get(|| async { Body::from(vec![b'a'; 32 * 1024 * 1024]) }),
        )
        .route(
            "/work",
            get(async move || {
                let _under_way = UnderWay::begin(&work);
                work.done.notified().await;
                "done"
            }),
        )
}

impl Serving {
    async fn with(settings: ConnectionSettings) -> Self {
        let work = Arc::default();
        Self::of(routes(&work), settings, work).await
    }

    async fn of(router: Router, settings: ConnectionSettings, work: Arc<Work>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::over(listener, address, router, Connections::new(settings), work)
    }

    pub(crate) fn over(
        listener: impl Accept,
        address: SocketAddr,
        router: Router,
        connections: Connections,
        work: Arc<Work>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            drop(stopped.await);
        };
        let serving = serve_connections(listener, router, connections.clone(), shutdown);
        Self {
            address,
            connections,
            stop: Some(stop),
            served: tokio::spawn(serving),
            work,
        }
    }

    async fn open(&self) -> TcpStream {
        let before = self.connections.figures();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let accepted = |serving: &Self| {
            let now = serving.connections.figures();
            now.accepted + now.refused > before.accepted + before.refused
        };
        until(|| accepted(self)).await;
        stream
    }

    async fn open_many(&self, number: usize) -> VecDeque<TcpStream> {
        let mut all = VecDeque::new();
        for _ in 0..number {
            all.push_back(self.open().await);
        }
        all
    }

    async fn call(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        ask(&mut stream, path, "connection: close\r\n").await;
        rest(&mut stream).await
    }

    async fn busy(&self) -> TcpStream {
        let before = self.work.under_way.load(Ordering::SeqCst);
        let mut stream = self.open().await;
        ask(&mut stream, "/work", "").await;
        until(|| self.work.under_way.load(Ordering::SeqCst) > before).await;
        stream
    }

    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, holds).await.is_ok(), "it never came");
}

async fn ask(stream: &mut TcpStream, path: &str, headers: &str) {
    let call = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    stream.write_all(call.as_bytes()).await.unwrap();
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(LIMIT, stream.read_to_end(&mut text)).await;
    // closing with unread data resets the connection
    let _ = read.expect("the server keeps it open");
    String::from_utf8_lossy(&text).into_owned()
}

async fn heard(stream: &mut TcpStream, words: &str) -> String {
    let mut text = String::new();
    let hear = async {
        while !text.contains(words) {
            let mut some = [0; 4096];
            let read = stream.read(&mut some).await.unwrap();
            assert!(read > 0, "closed after {text}");
            text.push_str(&String::from_utf8_lossy(&some[..read]));
        }
    };
    let heard = timeout(LIMIT, hear).await;
    assert!(heard.is_ok(), "{text}");
    text
}

async fn is_open(stream: &mut TcpStream) -> bool {
    timeout(MOMENT, stream.read(&mut [0; 16])).await.is_err()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    rest(stream).await.is_empty()
}

#[test]
fn calls_follow_each_other_on_a_connection_and_know_their_peer() {
    run(async {
        let serving = Serving::with(settings(4)).await;
        let mut stream = serving.open().await;
        let own = stream.local_addr().unwrap().to_string();
        for _ in 0..3 {
            ask(&mut stream, "/peer", "").await;
            heard(&mut stream, &own).await;
        }
        // pipelined calls are answered in order
        let both = "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /peer HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(both.as_bytes()).await.unwrap();
        let text = heard(&mut stream, &own).await;
        assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
        let expecting =
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(expecting.as_bytes()).await.unwrap();
        heard(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        stream.write_all(b"body").await.unwrap();
        heard(&mut stream, "body").await;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        assert!(rest(&mut stream).await.ends_with("here"));
        assert_eq!(serving.connections.figures().accepted, 1);
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn whoever_sends_no_header_or_half_of_one_is_cut_off() {
    run(async {
        let serving = Serving::with(ConnectionSettings {
            header_time: Duration::from_millis(300),
            ..settings(8)
        })
        .await;
        let mut silent = serving.open().await;
        let mut half = serving.open().await;
        half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
        let mut slow = serving.open().await;
        let trickling = async {
            // single bytes do not extend the timeout
            while slow.write_all(b"G").await.is_ok() && is_open(&mut slow).await {}
        };
        let all = async {
            tokio::join!(trickling, is_closed(&mut silent), is_closed(&mut half));
        };
        assert!(timeout(LIMIT, all).await.is_ok(), "one is still open");
        let mut later = serving.open().await;
        ask(&mut later, "/", "").await;
        heard(&mut later, "here").await;
        later.write_all(b"GET /").await.unwrap();
        assert!(is_closed(&mut later).await, "also in a later header");
        assert_eq!(serving.connections.figures().too_slow, 4);
    });
}

#[test]
fn a_connection_is_kept_between_calls_for_a_while_only() {
    run(async {
        let serving = Serving::with(ConnectionSettings {
            idle_time: Duration::from_millis(300),
            ..settings(4)
        })
        .await;
        let mut stream = serving.open().await;
        for _ in 0..2 {
            ask(&mut stream, "/", "").await;
            heard(&mut stream, "here").await;
        }
        assert!(is_closed(&mut stream).await);
        assert_eq!(serving.connections.figures().idle, 1);
    });
}

#[test]
fn a_body_that_does_not_come_holds_nothing_for_long() {
    run(async {
        let serving = Serving::with(ConnectionSettings {
            body_time: Duration::from_millis(300),
            ..settings(4)
        })
        .await;
        let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\nbo";
        let (mut silent, mut slow) = (serving.open().await, serving.open().await);
        silent.write_all(head).await.unwrap();
        slow.write_all(head).await.unwrap();
        let trickling =
            async { while slow.write_all(b"b").await.is_ok() && is_open(&mut slow).await {} };
        let all = async {
            tokio::join!(trickling, is_closed(&mut silent));
        };
        assert!(timeout(LIMIT, all).await.is_ok(), "one is still open");
        assert_eq!(serving.connections.figures().too_slow, 2);
    });
}

#[test]
fn whoever_does_not_read_the_answer_is_cut_off() {
    run(async {
        let serving = Serving::with(ConnectionSettings {
            write_time: Duration::from_millis(300),
            ..settings(4)
        })
        .await;
        let mut stream = serving.open().await;
        ask(&mut stream, "/large", "").await;
        until(|| serving.connections.figures().too_slow == 1).await;
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn headers_have_a_size_and_other_protocols_no_answer() {
    run(async {
        let serving = Serving::with(settings(8)).await;
        let mut large = serving.open().await;
        let field = format!("x-large: {}\r\n", "a".repeat(40_000));
        ask(&mut large, "/", &field).await;
        assert!(rest(&mut large).await.starts_with("HTTP/1.1 431"));
        let mut many = serving.open().await;
        ask(&mut many, "/", &"x-many: a\r\n".repeat(200)).await;
        assert!(rest(&mut many).await.starts_with("HTTP/1.1 431"));
        let mut fits = serving.open().await;
        let field = format!("x-large: {}\r\n", "a".repeat(20_000));
        ask(&mut fits, "/", &field).await;
        heard(&mut fits, "here").await;
        let mut second = serving.open().await;
        second
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let text = rest(&mut second).await;
        assert!(!text.contains("200"), "{text}");
    });
}

#[test]
fn when_all_places_are_taken_the_longest_idle_gives_way_to_newcomers() {
    run(async {
        let serving = Serving::with(settings(6)).await;
        let mut idle = serving.open_many(6).await;
        // half a header is not a call
        idle[1].write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        for round in 1..=4 {
            assert!(serving.call("/").await.ends_with("here"));
            assert!(is_closed(&mut idle.pop_front().unwrap()).await, "{round}");
            let newest = serving.open().await;
            idle.push_back(newest);
            until(|| serving.connections.figures().open == 6).await;
        }
        for one in &mut idle {
            assert!(is_open(one).await);
        }
        let figures = serving.connections.figures();
        assert_eq!((figures.gave_way, figures.refused), (4, 0));
    });
}

#[test]
fn a_flood_costs_newcomers_nothing_but_a_moment() {
    run(async {
        let serving = Serving::with(settings(20)).await;
        let (stop, stopped) = watch::channel(false);
        let address = serving.address;
        let flood = tokio::spawn(async move {
            let mut held = VecDeque::new();
            while !*stopped.borrow() {
                if let Ok(stream) = TcpStream::connect(address).await {
                    held.push_back(stream);
                }
                if held.len() > 200 {
                    held.pop_front();
                }
                tokio::task::yield_now().await;
            }
        });
        until(|| serving.connections.figures().gave_way > 50).await;
        for _ in 0..20 {
            let mut tries = 0;
            while !serving.call("/").await.ends_with("here") {
                tries += 1;
                assert!(tries < 20, "no one gets in");
            }
            assert!(serving.connections.figures().open <= 20);
        }
        stop.send_replace(true);
        flood.await.unwrap();
    });
}

#[test]
fn calls_under_way_do_not_give_way() {
    run(async {
        let serving = Serving::with(settings(3)).await;
        let mut busy = [
            serving.busy().await,
            serving.busy().await,
            serving.busy().await,
        ];
        let refused = serving.call("/").await;
        assert!(
            refused.is_empty()
                || refused.starts_with("HTTP/1.1 503") && refused.contains("too-many-connections"),
            "{refused}"
        );
        assert_eq!(serving.connections.figures().refused, 1);
        serving.work.done.notify_one();
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 2).await;
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 2).await;
        assert!(serving.call("/").await.ends_with("here"));
        serving.work.done.notify_waiters();
        until(|| serving.work.under_way.load(Ordering::SeqCst) == 0).await;
        let mut answered = 0;
        for one in &mut busy {
            let mut some = [0; 4096];
            let read = timeout(LIMIT, one.read(&mut some)).await.unwrap().unwrap();
            answered += usize::from(some[..read].ends_with(b"done"));
        }
        assert_eq!(answered, 3, "each was answered");
    });
}

#[test]
fn strangers_bodies_that_do_not_come_give_way() {
    run(async {
        let serving = Serving::with(settings(3)).await;
        let mut held = serving.open_many(3).await;
        for one in &mut held {
            let half = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nbo";
            one.write_all(half).await.unwrap();
        }
        let mut tries = 0;
        while !serving.call("/").await.ends_with("here") {
            tries += 1;
            assert!(tries < 1_000, "no one gives way");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(serving.connections.figures().gave_way, 1);
    });
}

#[test]
fn one_address_has_its_share_and_makes_room_among_its_own() {
    run(async {
        let serving = Serving::with(ConnectionSettings {
            per_address: 2,
            ..settings(10)
        })
        .await;
        let mut idle = serving.open_many(2).await;
        let mut busy = serving.busy().await;
        assert!(is_closed(&mut idle.pop_front().unwrap()).await);
        let _busy = serving.busy().await;
        assert!(is_closed(&mut idle.pop_front().unwrap()).await);
        assert!(!serving.call("/").await.contains("here"));
        let figures = serving.connections.figures();
        assert_eq!((figures.open, figures.refused), (2, 1));
        serving.work.done.notify_waiters();
        heard(&mut busy, "done").await;
        assert!(serving.call("/").await.ends_with("here"));
    });
}

#[test]
fn a_proxy_is_not_held_to_the_share_of_one() {
    run(async {
        let serving = Serving::with(
            ConnectionSettings {
                per_address: 2,
                ..settings(10)
            }
            .shared(Proxies::default().with_this_machine()),
        )
        .await;
        let mut idle = serving.open_many(10).await;
        for one in &mut idle {
            ask(one, "/", "").await;
            heard(one, "here").await;
        }
        assert_eq!(serving.connections.figures().gave_way, 0);
    });
}

#[test]
fn somebody_who_came_with_a_token_gives_way_after_strangers() {
    run(async {
        let server = TestServer::new();
        let serving = Serving::of(server.router(), settings(3), Arc::default()).await;
        let mut ana = serving.open().await;
        ask(&mut ana, "/api/v1/me", "authorization: Bearer ana/all\r\n").await;
        heard(&mut ana, "}").await;
        let mut stranger = serving.open().await;
        ask(&mut stranger, "/api/v1/me", "authorization: Bearer x\r\n").await;
        heard(&mut stranger, "}").await;
        let mut silent = serving.open().await;
        assert!(serving.call("/healthz").await.ends_with("ok\n"));
        assert!(is_closed(&mut stranger).await);
        let mut fill = serving.open().await;
        assert!(serving.call("/healthz").await.ends_with("ok\n"));
        assert!(is_closed(&mut silent).await);
        assert!(is_open(&mut ana).await, "although it is the oldest");
        assert!(is_open(&mut fill).await);
    });
}

#[test]
fn streams_have_their_own_limits_and_leave_room_for_calls() {
    run(async {
        let server = TestServer::with(|app| {
            app.connections = Connections::new(ConnectionSettings {
                streams_per_person: 3,
                ..settings(10)
            });
        });
        let connections = server.connections.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = serve_connections(
            listener,
            server.router(),
            connections.clone(),
            std::future::pending(),
        );
        let serving = tokio::spawn(serving);
        let open = async |person: &str| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let token = format!("authorization: Bearer {person}/all\r\n");
            ask(&mut stream, "/api/v1/events", &token).await;
            let head = heard(&mut stream, "\r\n\r\n").await;
            let status = head.split(' ').nth(1).unwrap().to_owned();
            (status, head.contains("retry-after: 30"), stream)
        };
        let mut held = Vec::new();
        let mut answers = Vec::new();
        for person in ["ana", "ana", "ana", "ana", "cai", "cai", "dee"] {
            let (status, says_when, stream) = open(person).await;
            assert_eq!(says_when, status == "429");
            answers.push(status);
            held.push(stream);
        }
        assert_eq!(answers, ["200", "200", "200", "429", "200", "200", "429"]);
        let figures = connections.figures();
        assert_eq!((figures.streams, figures.streams_max), (5, 5));
        let mut idle = Vec::new();
        for _ in 0..30 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            ask(&mut stream, "/healthz", "").await;
            heard(&mut stream, "ok\n").await;
            idle.push(stream);
        }
        assert_eq!(connections.figures().streams, 5, "no stream gave way");
        held.remove(0);
        until(|| connections.figures().streams == 4).await;
        assert_eq!(open("dee").await.0, "200");
        serving.abort();
    });
}

#[test]
fn health_has_a_line_about_connections_only_while_they_are_nearly_too_many() {
    run(async {
        let server = TestServer::with(|app| {
            app.connections = Connections::new(settings(10));
        });
        let mut serving = Serving::with(settings(1)).await;
        serving.connections = server.connections.clone();
        let listener = hallpass_server::listen("127.0.0.1:0").await.unwrap();
        serving.address = listener.local_addr().unwrap();
        let loops = serve_connections(
            listener,
            server.router(),
            server.connections.clone(),
            std::future::pending(),
        );
        let task = tokio::spawn(loops);
        let mut eve = Browser::of(&server, "eve").await;
        let mut held = serving.open_many(8).await;
        let quiet = eve.get("/health").await.text();
        assert!(quiet.contains("Audit chain") && !quiet.contains("Connections"));
        held.push_back(serving.open().await);
        let full = eve.get("/health").await.text();
        let words = "9 of 10 are open, 0 of them event streams";
        assert!(
            full.contains("Nearly full") && full.contains(words),
            "{full}"
        );
        let metrics = server.call("GET", "/metrics", None, None).await;
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        for line in [
            "hallpass_http_connections 9",
            "hallpass_http_connections_max 10",
            "hallpass_http_connections_accepted_total 9",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{metrics}");
        }
        task.abort();
    });
}

#[test]
fn a_server_that_stops_finishes_calls_and_closes_what_is_idle() {
    run(async {
        let mut serving = Serving::with(settings(8)).await;
        let mut busy = serving.busy().await;
        let mut idle = serving.open().await;
        ask(&mut idle, "/", "").await;
        heard(&mut idle, "here").await;
        let mut fresh = serving.open().await;
        serving.stop();
        assert!(is_closed(&mut idle).await && is_closed(&mut fresh).await);
        let late = async {
            while TcpStream::connect(serving.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(LIMIT, late).await.is_ok(), "it still listens");
        assert!(!serving.served.is_finished());
        serving.work.done.notify_one();
        assert!(rest(&mut busy).await.ends_with("done"));
        timeout(LIMIT, serving.served).await.unwrap().unwrap();
    });
}

#[test]
fn a_server_that_stops_does_not_wait_for_the_slow_for_ever() {
    run(async {
        let mut serving = Serving::with(ConnectionSettings {
            drain_time: Duration::from_millis(300),
            ..settings(8)
        })
        .await;
        let mut busy = serving.busy().await;
        serving.stop();
        timeout(LIMIT, serving.served).await.unwrap().unwrap();
        assert!(is_closed(&mut busy).await);
        assert_eq!(serving.connections.figures().open, 0);
    });
}

struct Failing {
    errors: VecDeque<i32>,
    failed: Arc<AtomicUsize>,
    streams: tokio::sync::mpsc::UnboundedReceiver<DuplexStream>,
}

impl Accept for Failing {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        if let Some(error) = self.errors.pop_front() {
            self.failed.fetch_add(1, Ordering::SeqCst);
            return Err(io::Error::from_raw_os_error(error));
        }
        match self.streams.recv().await {
            Some(stream) => Ok((stream, ([192, 0, 2, 1], 1).into())),
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_left_alone_for_growing_pauses_and_comes_back() {
    const NO_DESCRIPTORS: i32 = 24;
    const CALLER_GONE: i32 = 103;
    let failed = Arc::new(AtomicUsize::new(0));
    let (bring, streams) = tokio::sync::mpsc::unbounded_channel();
    let mut errors: VecDeque<i32> = [CALLER_GONE; 3].into();
    errors.extend([NO_DESCRIPTORS; 30]);
    let all = errors.len();
    let listener = Failing {
        errors,
        failed: Arc::clone(&failed),
        streams,
    };
    let connections = Connections::new(settings(4));
    let router = routes(&Arc::default());
    let serving = serve_connections(
        listener,
        router,
        connections.clone(),
        std::future::pending(),
    );
    let serving = tokio::spawn(serving);
    let (start, mut others) = (Instant::now(), 0);
    while failed.load(Ordering::SeqCst) < all {
        tokio::time::sleep(Duration::from_millis(10)).await;
        others += 1;
        assert!(others < 10_000, "it does not come back");
    }
    assert!(start.elapsed() > Duration::from_secs(20), "it spins");
    assert!(others > 2_000, "{others}");
    assert_eq!(connections.figures().accept_errors, all as u64);
    let (mut ours, theirs) = tokio::io::duplex(4096);
    bring.send(theirs).unwrap();
    let call = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    ours.write_all(call).await.unwrap();
    let mut text = String::new();
    ours.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("here"), "{text}");
    serving.abort();
}
