//! Connections of callers: accepted by a loop of our own, so that nobody outside can take the
//! descriptors that AWS, the store and the files of this process need (promise P11).
//!
//! - Connections are capped in all and for each address. When a cap is reached, whoever has waited
//!   longest without a call under way gives way to the newcomer; a stranger before somebody who
//!   came with a token or a session.
//! - Whoever takes too long with a header, a body, the next call or reading an answer is cut off.
//! - Event streams have a cap of their own, so that they never fill that of connections.
//! - A listener that fails is asked again after a growing pause.
//!
//! [`serve_connections`] takes any service that answers as axum's routers do; what it may use is in
//! [`ConnectionSettings`], and [`Connections`] is the handle that pages and metrics read. HTTP/1.1 is
//! spoken, also over TLS; a proxy in front may speak HTTP/2 with browsers. Upgrades are not offered.

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

/// The longest header of a call, in bytes; hyper takes at most a hundred fields. Browsers send below
/// 16 KiB.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// The largest buffer for what is read ahead, and for what is written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long a caller may take to send the header of a call, and, between calls, from its first byte.
const HEADER_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection is kept between calls; longer than the minute that proxies usually keep
/// theirs, so that it is they who close.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a caller may take to send a body, when nobody else ends that sooner with an answer.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);
/// How long a caller may take until it reads more of an answer.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long calls in flight may take to finish once the server stops. Whoever sends or reads too
/// slowly is cut off then.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(15);
/// Event streams of one person at a time.
const STREAMS_PER_PERSON: usize = 16;
/// Connections of one address, however few there may be in all.
const PER_ADDRESS_MIN: usize = 32;
/// How long a newcomer waits for somebody to give way.
const ROOM_TIME_MAX: Duration = Duration::from_secs(1);

/// What connections may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Open at a time at most.
    pub max: usize,
    /// Of one address.
    pub per_address: usize,
    /// Addresses that stand for many callers, to which `per_address` does not apply.
    pub shared: Proxies,
    /// Event streams at a time at most.
    pub streams: usize,
    /// Event streams of one person.
    pub streams_per_person: usize,
    /// For the header of a call.
    pub header_time: Duration,
    /// Between calls.
    pub idle_time: Duration,
    /// For the body of a call.
    pub body_time: Duration,
    /// Until more of an answer is read.
    pub write_time: Duration,
    /// For calls in flight once the server stops.
    pub drain_time: Duration,
}

impl ConnectionSettings {
    /// `max` connections: a quarter of them for one address, half of them for event streams.
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

    /// With addresses that stand for many callers.
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

/// Everything that is open, for whoever serves and for whoever shows it. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    settings: ConnectionSettings,
    times: Times,
    table: Mutex<Table>,
    calls: AtomicU64,
    /// Notified when a connection is gone, or stays after all.
    moved: Notify,
    counts: Counts,
    streams: Streams,
    told: Seldom,
}

impl Connections {
    /// Nothing is open yet.
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

    /// What they may use.
    pub fn settings(&self) -> &ConnectionSettings {
        &self.0.settings
    }

    /// How many there are, and what became of those before.
    pub fn figures(&self) -> ConnectionFigures {
        let open = self.table().len();
        let (streams, counts) = (self.0.streams.open(), &self.0.counts);
        ConnectionFigures::new(&self.0.settings, open, streams, counts)
    }

    /// A place for one more event stream of a person, until it is dropped.
    ///
    /// # Errors
    /// When there are too many, of this person or in all.
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

    /// Finds a place for a newcomer, and has somebody give way for it if need be.
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
            // whoever was told closes as soon as its task runs
            if tokio::time::timeout_at(until, moved).await.is_err() {
                return Err(Full::Everywhere);
            }
        }
    }

    /// Lets some go that have no call under way: this process has no descriptors left.
    fn shed(&self) {
        let number = (self.0.settings.max / 16).max(1);
        let told = self.table().shed(number, Instant::now());
        for one in told {
            one.notify_one();
        }
    }
}

/// A connection, for its parts. Of no effect once it is gone.
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

/// The place of an open connection, until it is dropped.
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

/// The connection a call came over, in its extensions.
#[derive(Clone)]
pub(crate) struct ThisConnection(Handle);

impl ThisConnection {
    /// Somebody proved who they are over this connection.
    pub(crate) fn somebody_came(&self) {
        self.0.change(|one, _| one.somebody_came());
    }
}
