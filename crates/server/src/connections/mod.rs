//! Client connections, with an own accept loop, so that clients cannot exhaust the descriptors
//! needed for AWS, the store and files (promise P11).
//!
//! - Connections are limited in total and per address. At a limit, the connection idle longest
//!   without a running call is closed for the newcomer; anonymous ones before authenticated ones.
//! - Slow headers, bodies, idle connections and slow readers time out.
//! - Event streams have a separate limit, so they cannot use all connections.
//! - Listener errors are retried with growing pauses.
//!
//! [`serve_connections`] takes any service like axum's routers; [`ConnectionSettings`] has the
//! limits, and [`Connections`] is the handle for pages and metrics. Supports HTTP/1.1, also over
//! TLS; a proxy may speak HTTP/2 to browsers. No upgrades.

mod accept;
mod call;
mod drive;
mod figures;
mod http1;
mod io;
mod listener;
mod progress;
mod streams;
mod table;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::{sync::Notify, time::Instant};

pub use accept::serve_connections;
pub use figures::ConnectionFigures;
pub use listener::{Accept, listen};
pub(crate) use streams::{StreamSlot, TooManyStreams};
pub use tls::{Certificate, CertificateFault, TlsConnection, TlsListener};

use crate::{Proxies, log_limiter::Seldom};
use figures::{Count, Counts};
use progress::{CallId, ConnectionProgress, Times, TooSlow};
use streams::Streams;
use table::{Admission, Changed, CountedSource, Full, Id, Table};

/// Maximum header size in bytes; hyper allows at most a hundred fields. Browsers send below 16 KiB.
const HEADER_BYTES_MAX: usize = 32 * 1024;
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Timeout of a header, from its first byte between calls.
const HEADER_TIME_MAX: Duration = Duration::from_secs(10);
/// Keep-alive timeout; longer than the usual minute of proxies, so that the proxy closes first.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// Timeout of a body, unless a handler answers earlier.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
const DRAIN_TIME_MAX: Duration = Duration::from_secs(15);
const STREAMS_PER_PERSON: usize = 16;
const PER_ADDRESS_MIN: usize = 32;
const ROOM_TIME_MAX: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    pub max: usize,
    pub per_address: usize,
    /// Addresses shared by many clients, exempt from `per_address`.
    pub shared: Proxies,
    pub streams: usize,
    pub streams_per_person: usize,
    pub header_time: Duration,
    pub idle_time: Duration,
    pub body_time: Duration,
    pub write_time: Duration,
    pub drain_time: Duration,
}

impl ConnectionSettings {
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            max,
            per_address: (max / 4).max(PER_ADDRESS_MIN).min(max),
            shared: Proxies::default(),
            streams: (max / 2).max(1),
            streams_per_person: STREAMS_PER_PERSON,
            header_time: HEADER_TIME_MAX,
            idle_time: IDLE_TIME_MAX,
            body_time: BODY_TIME_MAX,
            write_time: WRITE_TIME_MAX,
            drain_time: DRAIN_TIME_MAX,
        }
    }

    #[must_use = "this is the one with the addresses"]
    pub fn shared(mut self, proxies: Proxies) -> Self {
        self.shared = proxies;
        self
    }

    fn times(&self) -> Times {
        Times {
            header: self.header_time,
            idle: self.idle_time,
            body: self.body_time,
            write: self.write_time,
        }
    }
}

#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    settings: ConnectionSettings,
    times: Times,
    table: Mutex<Table>,
    calls: AtomicU64,
    moved: Notify,
    counts: Counts,
    streams: Streams,
    told: Seldom,
}

impl Connections {
    pub fn new(settings: ConnectionSettings) -> Self {
        let table = Table::new(settings.max, settings.per_address);
        Self(Arc::new(Inner {
            times: settings.times(),
            table: Mutex::new(table),
            calls: AtomicU64::new(0),
            moved: Notify::new(),
            counts: Counts::default(),
            streams: Streams::new(settings.streams, settings.streams_per_person),
            told: Seldom::default(),
            settings,
        }))
    }

    pub fn settings(&self) -> &ConnectionSettings {
        &self.0.settings
    }

    pub fn figures(&self) -> ConnectionFigures {
        let open = self.table().len();
        let (streams, counts) = (self.0.streams.open(), &self.0.counts);
        ConnectionFigures::new(&self.0.settings, open, streams, counts)
    }

    /// Reserves an event stream of a user until drop.
    ///
    /// # Errors
    /// Too many, of this user or in total.
    pub(crate) fn stream(&self, person: &str) -> Result<StreamSlot, TooManyStreams> {
        self.0.streams.begin(person).inspect_err(|why| {
            self.count(match why {
                TooManyStreams::OfThisPerson => Count::StreamsOfOne,
                TooManyStreams::InAll => Count::StreamsInAll,
            });
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        let table = self.0.table.lock();
        table.unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, what: Count) {
        self.0.counts.add(what);
    }

    fn next_call(&self) -> CallId {
        self.0.calls.fetch_add(1, Ordering::Relaxed)
    }

    fn source(&self, peer: SocketAddr) -> CountedSource {
        let address: IpAddr = peer.ip();
        if self.0.settings.shared.trust(address) {
            CountedSource::Many
        } else {
            CountedSource::Counted(crate::address::counted(address))
        }
    }

    /// Finds a slot for a newcomer, displacing another connection if needed.
    async fn admit(&self, peer: SocketAddr) -> Result<Slot, Full> {
        let (source, until) = (self.source(peer), Instant::now() + ROOM_TIME_MAX);
        loop {
            let moved = self.0.moved.notified();
            let admission = self.table().admit(source, Instant::now());
            match admission {
                Admission::Admitted(id, told) => {
                    self.count(Count::Accepted);
                    let handle = Handle {
                        id,
                        connections: self.clone(),
                    };
                    return Ok(Slot { handle, told });
                }
                Admission::Refused(full) => return Err(full),
                Admission::After(told) => told.notify_one(),
                Admission::Soon => {}
            }
            // a displaced connection closes as soon as its task runs
            if tokio::time::timeout_at(until, moved).await.is_err() {
                return Err(Full::Everywhere);
            }
        }
    }

    fn shed(&self) {
        let number = (self.0.settings.max / 16).max(1);
        let told = self.table().shed(number, Instant::now());
        for one in told {
            one.notify_one();
        }
    }
}

#[derive(Clone)]
struct Handle {
    id: Id,
    connections: Connections,
}

impl Handle {
    fn change(&self, change: impl FnOnce(&mut ConnectionProgress, Instant)) {
        let now = Instant::now();
        let changed = self
            .connections
            .table()
            .change(self.id, |one| change(one, now));
        if changed == Changed::Stays {
            self.connections.0.moved.notify_one();
        }
    }

    fn read<R>(&self, read: impl FnOnce(&ConnectionProgress) -> R) -> Option<R> {
        self.connections.table().progress(self.id).map(read)
    }

    fn deadline(&self) -> Option<(Instant, TooSlow)> {
        self.read(|one| one.deadline(&self.connections.0.times))?
    }

    fn gives_way(&self) -> bool {
        self.connections.table().gives_way(self.id)
    }
}

struct Slot {
    handle: Handle,
    told: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let connections = &self.handle.connections;
        connections.table().remove(self.handle.id);
        connections.0.moved.notify_one();
    }
}

#[derive(Clone)]
pub(crate) struct ThisConnection(Handle);

impl ThisConnection {
    pub(crate) fn somebody_came(&self) {
        self.0.change(|one, _| one.somebody_came());
    }
}
