//! What peers of HTTP/2 do that no honest one does: nothing of it holds a place, memory or the time
//! of others for long, and it ends no call but its own.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hallpass_server::ConnectionSettings;
use tokio::net::TcpStream;

use crate::connections::{Serving, settings, until};
use crate::http2_peer::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, Peer, RST_STREAM,
    SETTINGS, counted, field, frame, header, serving, until_counted,
};
use crate::test_server::run;

// RFC 9113 §7
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// RFC 9113 §6.5.2
const INITIAL_WINDOW_SIZE: u16 = 4;

const HEADER_TOO_SLOW: &str = "hallpass_http_connections_closed_total{reason=\"header_too_slow\"}";
const READER_TOO_SLOW: &str = "hallpass_http_connections_closed_total{reason=\"reader_too_slow\"}";
const BODY_RESET: &str = "hallpass_http_calls_reset_total{reason=\"body_too_slow\"}";
const READER_RESET: &str = "hallpass_http_calls_reset_total{reason=\"reader_too_slow\"}";

const SHORT: Duration = Duration::from_millis(300);

fn under_way(serving: &Serving) -> usize {
    serving.work.under_way.load(Ordering::SeqCst)
}

fn whole(stream: u32, header: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, header)
}

fn taken_back(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// CVE-2023-44487
#[test]
fn calls_that_are_taken_back_at_once_end_the_connection() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        let mut flood = Vec::new();
        for stream in (1..20_000).step_by(2) {
            flood.extend(whole(stream, &header("GET", "/work", &[])));
            flood.extend(taken_back(stream));
        }
        peer.pour(&flood).await;
        let rest = peer.rest().await;
        // what was unread when the server closed may have taken its last word with it
        if let Some(end) = rest.iter().find(|frame| frame.kind == GOAWAY) {
            assert_eq!(end.code(), ENHANCE_YOUR_CALM);
        }
        until(|| serving.connections.figures().open == 0).await;
        until(|| under_way(&serving) == 0).await;
    });
}

#[test]
fn a_call_that_is_taken_back_is_worked_on_no_more() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        for stream in (1..200).step_by(2) {
            peer.get(stream, "/work").await;
            until(|| under_way(&serving) == 1).await;
            peer.send(&taken_back(stream)).await;
            until(|| under_way(&serving) == 0).await;
        }
        assert!(peer.is_alive().await);
    });
}

#[test]
fn headers_without_an_end_end_the_connection() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        let mut flood = frame(HEADERS, END_STREAM, 1, &header("GET", "/", &[]));
        let more = frame(CONTINUATION, 0, 1, &field("x-more", &"a".repeat(1_000)));
        for _ in 0..20_000 {
            flood.extend(&more);
        }
        assert!(!peer.pour(&flood).await, "20 MB of a header were read");
        until(|| serving.connections.figures().open == 0).await;
        // empty ones count as well
        let mut peer = Peer::of(&serving).await;
        let mut flood = frame(HEADERS, END_STREAM, 1, &header("GET", "/", &[]));
        for _ in 0..500_000 {
            flood.extend(frame(CONTINUATION, 0, 1, &[]));
        }
        peer.pour(&flood).await;
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn a_header_that_is_large_when_unpacked_is_refused() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        // into the table (RFC 7541 §6.2.1), and from there ten thousand times
        let mut bomb = header("GET", "/work", &[]);
        let mut entry = field("x-bomb", &"a".repeat(3_900));
        entry[0] = 0x40;
        bomb.extend(entry);
        bomb.extend([0xbe; 10_000]);
        peer.send(&whole(1, &bomb)).await;
        assert!(!peer.rest_until(HEADERS).await, "39 MB are a header");
        assert_eq!(under_way(&serving), 0);
        // a few kilobytes too many are told to those who may not know
        let mut peer = Peer::of(&serving).await;
        let mut large = header("GET", "/work", &[]);
        for _ in 0..36 {
            large.extend(field("x-large", &"a".repeat(1_000)));
        }
        let (first, more) = large.split_at(16_000);
        peer.send(&frame(HEADERS, END_STREAM, 1, first)).await;
        for (number, part) in more.chunks(16_000).enumerate() {
            let flags = if number == 1 { END_HEADERS } else { 0 };
            peer.send(&frame(CONTINUATION, flags, 1, part)).await;
        }
        assert!(is_too_large(&peer.next_of(1).await));
        assert_eq!(under_way(&serving), 0);
        // many small fields are as many as over HTTP/1.1
        let mut peer = Peer::of(&serving).await;
        let mut many = header("GET", "/work", &[]);
        many.extend((0..200).flat_map(|_| field("x-many", "a")));
        peer.send(&whole(3, &many)).await;
        assert!(is_too_large(&peer.next_of(3).await));
        assert_eq!(under_way(&serving), 0);
        peer.get(5, "/").await;
        let answer = peer.next_of(5).await;
        assert_eq!(answer.payload[0], 0x88, "200, and the connection goes on");
    });
}

/// Whether this is the header of an answer that its caller sent too long a one: 431, in Huffman's code
/// (RFC 7541 appendix B).
fn is_too_large(answer: &Frame) -> bool {
    let of_status = answer.payload.windows(3);
    answer.kind == HEADERS && of_status.into_iter().any(|part| part == [0x69, 0x90, 0xff])
}

#[test]
fn whoever_floods_with_pings_or_settings_and_reads_nothing_is_cut_off() {
    run(async {
        for flood in [frame(PING, 0, 0, b"12345678"), frame(SETTINGS, 0, 0, &[])] {
            let serving = serving(ConnectionSettings {
                write_time: SHORT,
                ..settings(4)
            })
            .await;
            let mut peer = Peer::of(&serving).await;
            peer.get(1, "/work").await;
            until(|| under_way(&serving) == 1).await;
            let flood = flood.repeat(2_000_000);
            assert!(!peer.pour(&flood).await, "all of it was answered");
            until_counted(&serving.connections, READER_TOO_SLOW, 1).await;
            until(|| under_way(&serving) == 0).await;
        }
    });
}

#[test]
fn whoever_pings_and_asks_nothing_is_not_kept() {
    run(async {
        let serving = serving(ConnectionSettings {
            header_time: SHORT,
            idle_time: SHORT,
            ..settings(4)
        })
        .await;
        let mut never = Peer::of(&serving).await;
        while never.is_alive().await {}
        assert_eq!(counted(&serving.connections, HEADER_TOO_SLOW), 1);
        let mut once = Peer::of(&serving).await;
        once.get(1, "/").await;
        while once.is_alive().await {}
        assert_eq!(serving.connections.figures().idle, 1);
    });
}

#[test]
fn whoever_says_nothing_or_half_of_a_header_is_cut_off() {
    run(async {
        let serving = serving(ConnectionSettings {
            header_time: SHORT,
            ..settings(4)
        })
        .await;
        let silent = TcpStream::connect(serving.address).await.unwrap();
        let begun = Peer::of(&serving).await;
        let mut half = Peer::of(&serving).await;
        half.send(&frame(HEADERS, END_STREAM, 1, &header("GET", "/work", &[])))
            .await;
        for peer in [&mut Peer(silent), &mut { begun }, &mut half] {
            let rest = peer.rest().await;
            assert!(rest.iter().all(|frame| frame.kind != HEADERS), "{rest:?}");
        }
        until_counted(&serving.connections, HEADER_TOO_SLOW, 3).await;
    });
}

/// An answer that does not fit into the window of its peer, and one that would if there were any.
#[test]
fn answers_that_nobody_reads_end_and_no_other_call_does() {
    run(async {
        let serving = serving(ConnectionSettings {
            write_time: SHORT,
            ..settings(4)
        })
        .await;
        let mut peer = Peer::with(&serving, &[(INITIAL_WINDOW_SIZE, 0)]).await;
        peer.get(1, "/work").await;
        until(|| under_way(&serving) == 1).await;
        peer.get(3, "/large").await;
        peer.get(5, "/").await;
        for _ in 0..2 {
            let reset = peer.heard(RST_STREAM).await;
            assert_eq!(reset.code(), CANCEL);
            assert!([3, 5].contains(&reset.stream), "{reset:?}");
        }
        until_counted(&serving.connections, READER_RESET, 2).await;
        assert_eq!(under_way(&serving), 1, "the other goes on");
        assert!(peer.is_alive().await);
        // a byte now and then is not enough either
        let mut slow = Peer::with(&serving, &[(INITIAL_WINDOW_SIZE, 1)]).await;
        slow.get(1, "/large").await;
        assert_eq!(slow.heard(DATA).await.payload.len(), 1);
        assert_eq!(slow.heard(RST_STREAM).await.stream, 1);
    });
}

#[test]
fn bodies_that_do_not_come_end_each_by_itself() {
    run(async {
        let serving = serving(ConnectionSettings {
            body_time: SHORT,
            ..settings(4)
        })
        .await;
        let mut peer = Peer::of(&serving).await;
        peer.get(1, "/work").await;
        let streams: Vec<u32> = (3..3 + 2 * 31).step_by(2).collect();
        for stream in &streams {
            peer.post(*stream, "/echo").await;
            peer.send(&frame(DATA, 0, *stream, b"bo")).await;
        }
        let mut reset = Vec::new();
        while reset.len() < streams.len() {
            reset.push(peer.heard(RST_STREAM).await.stream);
        }
        reset.sort_unstable();
        assert_eq!(reset, streams);
        until_counted(&serving.connections, BODY_RESET, 31).await;
        assert_eq!(under_way(&serving), 1);
        assert!(peer.is_alive().await);
    });
}

#[test]
fn calls_beyond_the_limit_are_refused_and_the_others_answered() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        for stream in (1..2 * 40).step_by(2) {
            peer.get(stream, "/work").await;
        }
        let mut refused = 0;
        while refused < 8 {
            assert_eq!(peer.heard(RST_STREAM).await.code(), REFUSED_STREAM);
            refused += 1;
        }
        until(|| under_way(&serving) == 32).await;
        assert!(peer.is_alive().await);
        // who goes on with it is not answered for ever
        let mut flood = Vec::new();
        for stream in (101..40_000).step_by(2) {
            flood.extend(whole(stream, &header("GET", "/work", &[])));
        }
        peer.pour(&flood).await;
        until(|| serving.connections.figures().open == 0).await;
        until(|| under_way(&serving) == 0).await;
    });
}

#[test]
fn malformed_calls_are_not_answered_and_end_the_connection_when_they_are_many() {
    run(async {
        let serving = serving(settings(4)).await;
        for (name, value) in [
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "5"),
            ("proxy-connection", "x"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("X-Upper", "a"),
            (":path", "/again"),
            (":status", "200"),
            (":unknown", "a"),
            ("x-lines", "a\r\nb: c"),
        ] {
            let mut peer = Peer::of(&serving).await;
            let call = header("GET", "/work", &[(name, value)]);
            peer.send(&whole(1, &call)).await;
            // of the call, or of the connection where its table may have come apart
            let end = loop {
                let frame = peer.next().await.expect("closed without a word");
                if [RST_STREAM, GOAWAY].contains(&frame.kind) {
                    break frame;
                }
                assert_ne!(frame.kind, HEADERS, "{name} was answered");
            };
            assert_eq!(end.code(), PROTOCOL_ERROR, "{name}");
        }
        assert_eq!(under_way(&serving), 0);
        let mut peer = Peer::of(&serving).await;
        let mut flood = Vec::new();
        for stream in (101..2_001).step_by(2) {
            flood.extend(whole(stream, &header("GET", "/", &[("X-Upper", "a")])));
        }
        peer.pour(&flood).await;
        until(|| serving.connections.figures().open == 0).await;
    });
}

#[test]
fn a_call_is_for_whom_its_authority_names() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        // indexes of the static table: 200, 400 (RFC 7541 appendix A)
        for (stream, host, wanted) in [(1, "hallpass.example", 0x88), (3, "evil.example", 0x8c)] {
            let call = header("GET", "/", &[("host", host)]);
            peer.send(&whole(stream, &call)).await;
            assert_eq!(peer.next_of(stream).await.payload[0], wanted, "{host}");
        }
        let call = header("GET", "/host", &[]);
        peer.send(&whole(5, &call)).await;
        let answer = peer.heard(DATA).await;
        assert_eq!(answer.payload, b"hallpass.example");
    });
}

/// Two calls that wait, one after the other begun anew, are no work.
#[test]
fn a_strangers_calls_that_wait_give_way() {
    run(async {
        let serving = serving(settings(1)).await;
        let mut held = Peer::of(&serving).await;
        let mut tries = 0;
        let mut stream = 1;
        loop {
            held.post(stream, "/echo").await;
            stream += 2;
            let mut other = Peer::of(&serving).await;
            other.get(1, "/").await;
            if other.rest_until(HEADERS).await {
                break;
            }
            tries += 1;
            assert!(tries < 200, "nobody gives way");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(serving.connections.figures().gave_way, 1);
    });
}

#[test]
fn a_stranger_is_asked_to_leave_after_many_calls_and_loses_none() {
    run(async {
        let serving = serving(settings(4)).await;
        let mut peer = Peer::of(&serving).await;
        for stream in (1..2 * 256).step_by(2) {
            peer.get(stream, "/").await;
            if stream < 2 * 255 {
                peer.next_of(stream).await;
            }
        }
        let rest = peer.rest_with_pongs().await;
        let end = rest.iter().find(|frame| frame.kind == GOAWAY).unwrap();
        assert_eq!(end.code(), 0, "nothing is wrong");
        let last = rest
            .iter()
            .any(|frame| frame.kind == DATA && frame.stream == 511);
        assert!(last, "{rest:?}");
        let left = "hallpass_http_connections_closed_total{reason=\"many_calls\"}";
        assert_eq!(counted(&serving.connections, left), 1);
    });
}
