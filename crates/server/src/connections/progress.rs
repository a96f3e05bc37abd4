//! How far one connection has come: what it does, since when, and how long it may. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How long a peer may take for its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// For the whole header of a call.
    pub(super) header: Duration,
    /// Between two calls.
    pub(super) idle: Duration,
    /// For the whole body of a call.
    pub(super) body: Duration,
    /// Until it takes more of an answer.
    pub(super) write: Duration,
}

/// What a connection without a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the header of a call: since it was opened, or since the first byte of a later
    /// one.
    Header,
    /// A call has been answered, and nothing of another has come.
    Idle,
}

/// Who was heard over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeardFrom {
    /// Nobody who could say who they are.
    Strangers,
    /// Somebody with a token or a session that counts.
    Somebody,
}

/// Which peer made us wait too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooSlow {
    /// It did not send its header.
    Header,
    /// It had nothing to ask any more.
    Idle,
    /// It did not send its body.
    Body,
    /// It did not read its answer.
    Write,
}

/// Which connections give way to newcomers, the first ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A stranger's without a call under way.
    Stranger,
    /// A stranger's whose call waits until its peer sends or reads.
    StrangersCall,
    /// Somebody's without a call under way.
    Somebody,
}

impl Rank {
    pub(super) const ALL: [Self; 3] = [Self::Stranger, Self::StrangersCall, Self::Somebody];
}

/// Names a call as long as the process lives.
pub(super) type CallId = u64;

/// How far one call has come.
#[derive(Clone, Debug)]
struct CallProgress {
    id: CallId,
    /// Since when it waits for its body.
    body: Option<Instant>,
}

/// How far one connection has come.
#[derive(Clone, Debug)]
pub(super) struct ConnectionProgress {
    stage: Stage,
    /// Since when it has been at this stage, or without a call.
    since: Instant,
    heard: HeardFrom,
    /// The one under way.
    call: Option<CallProgress>,
    /// Since when the peer takes nothing of what is written.
    write: Option<Instant>,
}

impl ConnectionProgress {
    /// A connection that was just opened.
    pub(super) const fn opened(now: Instant) -> Self {
        Self {
            stage: Stage::Header,
            since: now,
            heard: HeardFrom::Strangers,
            call: None,
            write: None,
        }
    }

    /// Bytes came.
    pub(super) fn bytes_came(&mut self, now: Instant) {
        if self.call.is_none() && self.stage == Stage::Idle {
            self.stage = Stage::Header;
            self.since = now;
        }
    }

    /// A header is whole.
    pub(super) fn call_begins(&mut self, id: CallId) {
        self.call = Some(CallProgress { id, body: None });
    }

    fn call(&mut self, id: CallId) -> Option<&mut CallProgress> {
        self.call.as_mut().filter(|call| call.id == id)
    }

    /// A call waits for more of its body. The time counts from the first wait, so that a byte now
    /// and then does not make it longer.
    pub(super) fn body_waits(&mut self, id: CallId, now: Instant) {
        if let Some(call) = self.call(id) {
            call.body.get_or_insert(now);
        }
    }

    /// The body is whole, or nobody wants it any more.
    pub(super) fn body_ends(&mut self, id: CallId) {
        if let Some(call) = self.call(id) {
            call.body = None;
        }
    }

    /// The peer takes nothing more for now.
    pub(super) fn write_waits(&mut self, now: Instant) {
        self.write.get_or_insert(now);
    }

    /// The peer took something.
    pub(super) fn write_goes_on(&mut self) {
        self.write = None;
    }

    /// The answer is given to the transport, or its caller is gone.
    pub(super) fn call_ends(&mut self, id: CallId, now: Instant) {
        if self.call(id).is_some() {
            self.call = None;
            self.since = now;
            self.stage = Stage::Idle;
        }
    }

    /// Somebody proved who they are.
    pub(super) fn somebody_came(&mut self) {
        self.heard = HeardFrom::Somebody;
    }

    /// Whether a call is under way, to the last byte of its answer.
    fn is_busy(&self) -> bool {
        self.call.is_some() || self.write.is_some()
    }

    /// Since when its call waits for its peer.
    fn waits(&self) -> Option<Instant> {
        let body = self.call.as_ref().and_then(|call| call.body);
        [body, self.write].into_iter().flatten().min()
    }

    /// Its place among those that may give way; none while a call of somebody is under way, or
    /// while we work on a stranger's.
    pub(super) fn place(&self) -> Option<(Rank, Instant)> {
        match self.heard {
            HeardFrom::Somebody => (!self.is_busy()).then_some((Rank::Somebody, self.since)),
            HeardFrom::Strangers if self.is_busy() => {
                self.waits().map(|since| (Rank::StrangersCall, since))
            }
            HeardFrom::Strangers => Some((Rank::Stranger, self.since)),
        }
    }

    /// When its peer has taken too long, and with what.
    pub(super) fn deadline(&self, times: &Times) -> Option<(Instant, TooSlow)> {
        let waits = match (&self.call, self.stage) {
            (Some(call), _) => call.body.map(|since| (since + times.body, TooSlow::Body)),
            (None, Stage::Header) => Some((self.since + times.header, TooSlow::Header)),
            (None, Stage::Idle) => Some((self.since + times.idle, TooSlow::Idle)),
        };
        let write = self
            .write
            .map(|since| (since + times.write, TooSlow::Write));
        [waits, write]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        body: Duration::from_secs(15),
        write: Duration::from_secs(30),
    };

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_first_header_is_counted_from_the_opening_and_later_ones_from_their_first_byte() {
        let start = Instant::now();
        let mut one = ConnectionProgress::opened(start);
        let header = |since: Instant| Some((since + TIMES.header, TooSlow::Header));
        assert_eq!(one.deadline(&TIMES), header(start));
        one.bytes_came(start + seconds(9));
        one.bytes_came(start + seconds(9));
        assert_eq!(one.deadline(&TIMES), header(start));
        one.call_begins(1);
        assert_eq!(one.deadline(&TIMES), None, "we work");
        one.call_ends(1, start + seconds(20));
        let idle = Some((start + seconds(95), TooSlow::Idle));
        assert_eq!(one.deadline(&TIMES), idle);
        one.bytes_came(start + seconds(60));
        one.bytes_came(start + seconds(65));
        assert_eq!(one.deadline(&TIMES), header(start + seconds(60)));
    }

    #[test]
    fn a_byte_now_and_then_does_not_make_a_body_longer() {
        let start = Instant::now();
        let mut one = ConnectionProgress::opened(start);
        one.call_begins(1);
        one.body_waits(1, start + seconds(1));
        one.body_waits(1, start + seconds(9));
        let body = Some((start + seconds(16), TooSlow::Body));
        assert_eq!(one.deadline(&TIMES), body);
        one.body_ends(1);
        assert_eq!(one.deadline(&TIMES), None);
    }

    #[test]
    fn a_peer_that_does_not_read_is_waited_for_so_long_also_after_the_call() {
        let start = Instant::now();
        let mut one = ConnectionProgress::opened(start);
        one.call_begins(1);
        one.write_waits(start + seconds(2));
        one.write_waits(start + seconds(20));
        let write = Some((start + seconds(32), TooSlow::Write));
        assert_eq!(one.deadline(&TIMES), write);
        one.call_ends(1, start + seconds(3));
        assert_eq!(one.deadline(&TIMES), write);
        one.write_goes_on();
        let idle = Some((start + seconds(78), TooSlow::Idle));
        assert_eq!(one.deadline(&TIMES), idle);
    }

    #[test]
    fn places_among_those_that_give_way() {
        let start = Instant::now();
        let stranger = |since| Some((Rank::Stranger, since));
        let mut one = ConnectionProgress::opened(start);
        assert_eq!(one.place(), stranger(start));
        one.bytes_came(start + seconds(1));
        assert_eq!(one.place(), stranger(start));
        one.call_begins(1);
        assert_eq!(one.place(), None, "we work for it");
        one.body_waits(1, start + seconds(3));
        let waits = Some((Rank::StrangersCall, start + seconds(3)));
        assert_eq!(one.place(), waits, "it sends nothing");
        one.body_ends(1);
        assert_eq!(one.place(), None);
        one.call_ends(1, start + seconds(4));
        assert_eq!(one.place(), stranger(start + seconds(4)));
        one.write_waits(start + seconds(5));
        let waits = Some((Rank::StrangersCall, start + seconds(5)));
        assert_eq!(one.place(), waits, "it reads nothing");
        one.write_goes_on();
        one.somebody_came();
        assert_eq!(one.place(), Some((Rank::Somebody, start + seconds(4))));
        one.call_begins(2);
        one.body_waits(2, start + seconds(6));
        assert_eq!(one.place(), None, "somebody's call never gives way");
        one.call_ends(2, start + seconds(7));
        one.write_waits(start + seconds(7));
        assert_eq!(one.place(), None, "nor its answer");
    }
}
