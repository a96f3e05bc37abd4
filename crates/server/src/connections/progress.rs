//! How far one connection has come: what it does, since when, and how long it may. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::protocol::Protocol;

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

/// How long a peer that was asked to leave may take to say that it heard it. What it sends in between
/// is answered, or known to it not to be.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(1);
/// Calls over one connection of HTTP/2 as long as nobody said who they are. Whoever has several under
/// way at a time would never give way; browsers and programs go on over a new connection.
const STRANGERS_CALLS_MAX: u64 = 256;

/// What a connection without a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the header of a call: since it was opened, or since the first byte of a later
    /// one.
    Header,
    /// A call has been answered, and nothing of another has come.
    Idle,
    /// Its peer was asked to make its next calls over another one.
    Leaving,
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
    /// It was asked to leave and did not answer.
    Leave,
}

/// Which connections give way to newcomers, the first ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A stranger's without a call under way.
    Stranger,
    /// A stranger's whose calls all wait until its peer sends or reads; nothing was done for them yet.
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
    /// Since when its peer takes nothing of its answer, where calls share a connection.
    answer: Option<Instant>,
}

impl CallProgress {
    fn waits(&self) -> Option<Instant> {
        [self.body, self.answer].into_iter().flatten().min()
    }

    fn deadline(&self, times: &Times) -> Option<(Instant, TooSlow)> {
        let body = self.body.map(|since| (since + times.body, TooSlow::Body));
        let answer = self
            .answer
            .map(|since| (since + times.write, TooSlow::Write));
        first([body, answer])
    }
}

fn first<const N: usize>(all: [Option<(Instant, TooSlow)>; N]) -> Option<(Instant, TooSlow)> {
    all.into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// How far one connection has come.
#[derive(Clone, Debug)]
pub(super) struct ConnectionProgress {
    protocol: Protocol,
    stage: Stage,
    /// Since when it has been at this stage, or without a call.
    since: Instant,
    heard: HeardFrom,
    /// Those under way; over HTTP/1.1 there is one at most.
    calls: Vec<CallProgress>,
    /// Calls so far.
    begun: u64,
    /// Since when the peer takes nothing of what is written.
    write: Option<Instant>,
}

impl ConnectionProgress {
    /// A connection that was just opened.
    pub(super) const fn opened(now: Instant) -> Self {
        Self {
            protocol: Protocol::Http1,
            stage: Stage::Header,
            since: now,
            heard: HeardFrom::Strangers,
            calls: Vec::new(),
            begun: 0,
            write: None,
        }
    }

    /// What is spoken over it is known.
    pub(super) fn speaks(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Bytes came. Over HTTP/2 they need not be of a call: only whole headers count there.
    pub(super) fn bytes_came(&mut self, now: Instant) {
        let may_begin = self.calls.is_empty() && self.stage == Stage::Idle;
        if may_begin && self.protocol == Protocol::Http1 {
            self.stage = Stage::Header;
            self.since = now;
        }
    }

    /// A header is whole.
    pub(super) fn call_begins(&mut self, id: CallId) {
        self.begun += 1;
        self.calls.push(CallProgress {
            id,
            body: None,
            answer: None,
        });
    }

    fn call(&mut self, id: CallId) -> Option<&mut CallProgress> {
        self.calls.iter_mut().find(|call| call.id == id)
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

    /// The peer has to take what there is of a call's answer before it gets more.
    pub(super) fn answer_waits(&mut self, id: CallId, now: Instant) {
        if let Some(call) = self.call(id) {
            call.answer = Some(now);
        }
    }

    /// It did.
    pub(super) fn answer_goes_on(&mut self, id: CallId) {
        if let Some(call) = self.call(id) {
            call.answer = None;
        }
    }

    /// The peer takes nothing more for now.
    pub(super) fn write_waits(&mut self, now: Instant) {
        self.write.get_or_insert(now);
    }

    /// The peer took something.
    pub(super) fn write_goes_on(&mut self, now: Instant) {
        self.write = None;
        // whoever still reads its last answer is not silent
        if self.stage == Stage::Leaving {
            self.since = now;
        }
    }

    /// The answer is given to the transport, or nobody wants it any more.
    pub(super) fn call_ends(&mut self, id: CallId, now: Instant) {
        self.calls.retain(|call| call.id != id);
        if !self.calls.is_empty() {
            return;
        }
        self.since = now;
        if self.stage != Stage::Leaving {
            self.stage = Stage::Idle;
        }
    }

    /// Whether its peer can be asked to make its next calls over another connection, and be sure which
    /// were not read.
    pub(super) fn may_leave(&self) -> bool {
        self.protocol == Protocol::Http2
    }

    /// It is asked to.
    pub(super) fn leaves(&mut self, now: Instant) {
        self.stage = Stage::Leaving;
        self.since = now;
    }

    /// Somebody proved who they are.
    pub(super) fn somebody_came(&mut self) {
        self.heard = HeardFrom::Somebody;
    }

    /// Whether it is time to ask a stranger to leave.
    pub(super) fn has_had_enough(&self) -> bool {
        self.heard == HeardFrom::Strangers && self.begun == STRANGERS_CALLS_MAX
    }

    /// Whether a call is under way, to the last byte of its answer.
    fn is_busy(&self) -> bool {
        !self.calls.is_empty() || self.write.is_some()
    }

    /// Since when all of its calls wait for its peer.
    fn waits(&self) -> Option<Instant> {
        let mut waits = self.calls.iter().map(CallProgress::waits);
        if self.write.is_some() {
            return waits.chain([self.write]).flatten().min();
        }
        let longest = waits.next()??;
        waits.try_fold(longest, |longest, one| Some(longest.min(one?)))
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

    /// When its peer has taken too long, and with what. Calls that share a connection have
    /// [deadlines of their own](Self::call_deadline).
    pub(super) fn deadline(&self, times: &Times) -> Option<(Instant, TooSlow)> {
        let stage = match self.stage {
            _ if !self.calls.is_empty() => None,
            Stage::Leaving if self.write.is_some() => None,
            Stage::Header => Some((self.since + times.header, TooSlow::Header)),
            Stage::Idle => Some((self.since + times.idle, TooSlow::Idle)),
            Stage::Leaving => Some((self.since + LEAVE_TIME_MAX, TooSlow::Leave)),
        };
        let call = match self.protocol {
            Protocol::Http1 => self.calls.first().and_then(|call| call.deadline(times)),
            Protocol::Http2 => None,
        };
        let write = self
            .write
            .map(|since| (since + times.write, TooSlow::Write));
        first([stage, call, write])
    }

    /// When the peer has taken too long over one of its calls.
    pub(super) fn call_deadline(&self, id: CallId, times: &Times) -> Option<(Instant, TooSlow)> {
        let call = self.calls.iter().find(|call| call.id == id)?;
        call.deadline(times)
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
        one.write_goes_on(start + seconds(30));
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
        one.write_goes_on(start + seconds(5));
        one.somebody_came();
        assert_eq!(one.place(), Some((Rank::Somebody, start + seconds(4))));
        one.call_begins(2);
        one.body_waits(2, start + seconds(6));
        assert_eq!(one.place(), None, "somebody's call never gives way");
        one.call_ends(2, start + seconds(7));
        one.write_waits(start + seconds(7));
        assert_eq!(one.place(), None, "nor its answer");
    }

    fn of_two_calls(start: Instant) -> ConnectionProgress {
        let mut one = ConnectionProgress::opened(start);
        one.speaks(Protocol::Http2);
        one.call_begins(1);
        one.call_begins(2);
        one
    }

    #[test]
    fn calls_that_share_a_connection_have_deadlines_of_their_own() {
        let start = Instant::now();
        let mut one = of_two_calls(start);
        one.body_waits(1, start + seconds(1));
        one.answer_waits(2, start + seconds(2));
        assert_eq!(one.deadline(&TIMES), None, "the others go on");
        let body = Some((start + seconds(16), TooSlow::Body));
        assert_eq!(one.call_deadline(1, &TIMES), body);
        let answer = Some((start + seconds(32), TooSlow::Write));
        assert_eq!(one.call_deadline(2, &TIMES), answer);
        one.answer_goes_on(2);
        assert_eq!(one.call_deadline(2, &TIMES), None);
        one.answer_waits(2, start + seconds(9));
        let answer = Some((start + seconds(39), TooSlow::Write));
        assert_eq!(one.call_deadline(2, &TIMES), answer, "it took something");
        one.call_ends(1, start + seconds(20));
        assert_eq!(one.call_deadline(1, &TIMES), None);
        assert_eq!(one.deadline(&TIMES), None, "a call is under way");
        one.write_waits(start + seconds(21));
        let write = Some((start + seconds(51), TooSlow::Write));
        assert_eq!(one.deadline(&TIMES), write, "nothing goes on at all");
    }

    #[test]
    fn a_strangers_calls_give_way_only_if_all_of_them_wait() {
        let start = Instant::now();
        let mut one = of_two_calls(start);
        one.body_waits(2, start + seconds(2));
        assert_eq!(one.place(), None, "we work for the first");
        one.answer_waits(1, start + seconds(3));
        let waits = |since| Some((Rank::StrangersCall, start + seconds(since)));
        assert_eq!(one.place(), waits(2), "the longest counts");
        one.body_ends(2);
        assert_eq!(one.place(), None);
        one.write_waits(start + seconds(5));
        assert_eq!(one.place(), waits(3), "nothing can be written");
        one.write_goes_on(start + seconds(5));
        one.call_ends(2, start + seconds(6));
        assert_eq!(one.place(), waits(3));
        one.call_ends(1, start + seconds(7));
        assert_eq!(one.place(), Some((Rank::Stranger, start + seconds(7))));
    }

    #[test]
    fn bytes_of_no_call_keep_no_connection_of_many_calls() {
        let start = Instant::now();
        let mut one = of_two_calls(start);
        one.call_ends(1, start + seconds(1));
        one.call_ends(2, start + seconds(2));
        for second in 3..70 {
            one.bytes_came(start + seconds(second));
        }
        let idle = Some((start + seconds(77), TooSlow::Idle));
        assert_eq!(one.deadline(&TIMES), idle);
        one.leaves(start + seconds(77));
        let leave = |since: u64| Some((start + seconds(since + 1), TooSlow::Leave));
        assert_eq!(one.deadline(&TIMES), leave(77));
        one.call_begins(3);
        assert_eq!(one.deadline(&TIMES), None, "one that was under way already");
        one.call_ends(3, start + seconds(80));
        assert_eq!(one.deadline(&TIMES), leave(80));
        one.write_waits(start + seconds(80));
        let write = Some((start + seconds(110), TooSlow::Write));
        assert_eq!(one.deadline(&TIMES), write, "its last answer is on the way");
        one.write_goes_on(start + seconds(84));
        assert_eq!(one.deadline(&TIMES), leave(84));
    }

    #[test]
    fn a_stranger_has_had_enough_once_and_somebody_never() {
        let start = Instant::now();
        let mut one = ConnectionProgress::opened(start);
        let mut had: Vec<u64> = Vec::new();
        for id in 0..2 * STRANGERS_CALLS_MAX {
            one.call_begins(id);
            had.extend(one.has_had_enough().then_some(id));
            one.call_ends(id, start);
        }
        assert_eq!(had, [STRANGERS_CALLS_MAX - 1]);
        let mut one = ConnectionProgress::opened(start);
        one.somebody_came();
        for id in 0..STRANGERS_CALLS_MAX {
            one.call_begins(id);
        }
        assert!(!one.has_had_enough());
    }
}
