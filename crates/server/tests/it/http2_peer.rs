//! A peer of HTTP/2 that writes its frames by hand, as no honest one would, and a server for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hallpass_server::{Accept, ConnectionSettings, Connections, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::connections::{LIMIT, Serving, routes, until};

// RFC 9113 §6
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Connections over which HTTP/2 was agreed upon, without TLS.
pub(crate) struct Agreed(TcpListener);

impl Accept for Agreed {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        Accept::accept(&mut self.0).await
    }

    async fn protocol(_: &mut TcpStream) -> io::Result<Protocol> {
        Ok(Protocol::Http2)
    }
}

pub(crate) async fn serving(settings: ConnectionSettings) -> Serving {
    let work = Arc::default();
    serving_of(routes(&work), Connections::new(settings), work).await
}

pub(crate) async fn serving_of(
    router: Router,
    connections: Connections,
    work: Arc<crate::connections::Work>,
) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    Serving::over(Agreed(listener), address, router, connections, work)
}

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code of an error, where a frame has one.
    pub(crate) fn code(&self) -> u32 {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => panic!("{self:?}"),
        };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field that no table holds (RFC 7541 §6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        length(text.len(), &mut bytes);
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// A number with a prefix of seven bits (RFC 7541 §5.1).
pub(crate) fn length(number: usize, bytes: &mut Vec<u8>) {
    if number < 127 {
        bytes.push(u8::try_from(number).unwrap());
        return;
    }
    bytes.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

/// The header of a call, with more fields.
pub(crate) fn header(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [
        (":method", method),
        (":scheme", "https"),
        (":path", path),
        (":authority", "hallpass.example"),
    ];
    let all = pseudo.iter().chain(fields);
    all.flat_map(|(name, value)| field(name, value)).collect()
}

/// A connection by hand.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    /// One with these settings, as numbers and values.
    pub(crate) async fn with(serving: &Serving, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(serving.address).await.unwrap();
        let mut peer = Self(stream);
        let mut payload = Vec::new();
        for (number, value) in settings {
            payload.extend(number.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &payload));
        bytes.extend(frame(SETTINGS, ACK, 0, &[]));
        peer.send(&bytes).await;
        peer
    }

    pub(crate) async fn of(serving: &Serving) -> Self {
        Self::with(serving, &[]).await
    }

    /// A server that has closed is noticed where something of it is missed.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// As much of it as the server takes until it closes; whether it took all.
    pub(crate) async fn pour(&mut self, bytes: &[u8]) -> bool {
        let poured = timeout(LIMIT, self.0.write_all(bytes)).await;
        poured
            .expect("the server takes nothing and does not close")
            .is_ok()
    }

    /// A call without a body.
    pub(crate) async fn get(&mut self, stream: u32, path: &str) {
        let header = header("GET", path, &[]);
        self.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &header))
            .await;
    }

    /// A call whose body is to come.
    pub(crate) async fn post(&mut self, stream: u32, path: &str) {
        let header = header("POST", path, &[]);
        self.send(&frame(HEADERS, END_HEADERS, stream, &header))
            .await;
    }

    /// The next frame; none when the server closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame {
                kind: head[3],
                flags: head[4],
                stream: u32::from_be_bytes(head[5..].try_into().unwrap()),
                payload,
            })
        };
        timeout(LIMIT, read).await.expect("nothing comes")
    }

    /// What comes up to the first frame of this kind.
    pub(crate) async fn heard(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("closed");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The first answer to a call, or the end of it.
    pub(crate) async fn next_of(&mut self, stream: u32) -> Frame {
        loop {
            let frame = self.next().await.expect("closed");
            if frame.stream == stream {
                return frame;
            }
        }
    }

    /// What comes until the server closes, by a peer that answers pings.
    pub(crate) async fn rest_with_pongs(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(came) = self.next().await {
            if came.kind == PING && came.flags != ACK {
                self.send(&frame(PING, ACK, 0, &came.payload)).await;
            }
            frames.push(came);
        }
        frames
    }

    /// What comes until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Whether a frame of this kind comes before the server closes.
    pub(crate) async fn rest_until(&mut self, kind: u8) -> bool {
        while let Some(frame) = self.next().await {
            if frame.kind == kind {
                return true;
            }
        }
        false
    }

    /// Whether the connection goes on: a ping is answered.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, b"are you?")).await;
        loop {
            match self.next().await {
                Some(frame) if frame.kind == PING && frame.flags == ACK => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }
}

/// What a metric says.
pub(crate) fn counted(connections: &Connections, metric: &str) -> u64 {
    let text = connections.figures().render();
    let line = text.lines().find_map(|line| line.strip_prefix(metric));
    line.expect("no such metric").trim().parse().unwrap()
}

pub(crate) async fn until_counted(connections: &Connections, metric: &str, wanted: u64) {
    until(|| counted(connections, metric) >= wanted).await;
    assert_eq!(counted(connections, metric), wanted);
}
