use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) body: Duration,
    pub(super) write: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    /// Answered, nothing received since.
    Idle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeardFrom {
    Strangers,
    Somebody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooSlow {
    Header,
    Idle,
    Body,
    Write,
}

/// Displacement order, first variant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Stranger,
    StrangersCall,
    Somebody,
}

impl Rank {
    pub(super) const ALL: [Self; 3] = [Self::Stranger, Self::StrangersCall, Self::Somebody];
}

pub(super) type CallId = u64;

#[derive(Clone, Debug)]
struct CallProgress {
    id: CallId,
    body: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(super) struct ConnectionProgress {
    stage: Stage,
    since: Instant,
    heard: HeardFrom,
    call: Option<CallProgress>,
    write: Option<Instant>,
}

impl ConnectionProgress {
    pub(super) const fn opened(now: Instant) -> Self {
        Self {
            stage: Stage::Header,
            since: now,
            heard: HeardFrom::Strangers,
            call: None,
            write: None,
        }
    }

    pub(super) fn bytes_came(&mut self, now: Instant) {
        if self.call.is_none() && self.stage == Stage::Idle {
            self.stage = Stage::Header;
            self.since = now;
        }
    }

    pub(super) fn call_begins(&mut self, id: CallId) {
        self.call = Some(CallProgress { id, body: None });
    }

    fn call(&mut self, id: CallId) -> Option<&mut CallProgress> {
        self.call.as_mut().filter(|call| call.id == id)
    }

    /// Waits for body data. Time counts from the first wait, so that single bytes do not extend it.
    pub(super) fn body_waits(&mut self, id: CallId, now: Instant) {
        if let Some(call) = self.call(id) {
            call.body.get_or_insert(now);
        }
    }

    pub(super) fn body_ends(&mut self, id: CallId) {
        if let Some(call) = self.call(id) {
            call.body = None;
        }
    }

    pub(super) fn write_waits(&mut self, now: Instant) {
        self.write.get_or_insert(now);
    }

    pub(super) fn write_goes_on(&mut self) {
        self.write = None;
    }

    pub(super) fn call_ends(&mut self, id: CallId, now: Instant) {
        if self.call(id).is_some() {
            self.call = None;
            self.since = now;
            self.stage = Stage::Idle;
        }
    }

    pub(super) fn somebody_came(&mut self) {
        self.heard = HeardFrom::Somebody;
    }

    fn is_busy(&self) -> bool {
        self.call.is_some() || self.write.is_some()
    }

    fn waits(&self) -> Option<Instant> {
        let body = self.call.as_ref().and_then(|call| call.body);
        [body, self.write].into_iter().flatten().min()
    }

    /// Returns the displacement rank; none during an authenticated call, or while the server works
    /// on an anonymous one.
    pub(super) fn place(&self) -> Option<(Rank, Instant)> {
        match self.heard {
            HeardFrom::Somebody => (!self.is_busy()).then_some((Rank::Somebody, self.since)),
            HeardFrom::Strangers if self.is_busy() => {
                self.waits().map(|since| (Rank::StrangersCall, since))
            }
            HeardFrom::Strangers => Some((Rank::Stranger, self.since)),
        }
    }

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
        assert_eq!(one.place(), None, "a known caller's call never gives way");
        one.call_ends(2, start + seconds(7));
        one.write_waits(start + seconds(7));
        assert_eq!(one.place(), None, "nor its answer");
    }
}
