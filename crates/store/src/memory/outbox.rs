//! The outbox in memory.

use std::collections::BTreeMap;

use hallpass_access::{Message, WaitingMessage};
use hallpass_base::{Timestamp, UserId};

#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    channels: BTreeMap<String, Timestamp>,
    notices: BTreeMap<u64, Message>,
    deliveries: BTreeMap<(String, u64), Outgoing>,
    last_number: u64,
    turns: BTreeMap<(String, bool), u64>,
}

#[derive(Clone, Debug)]
struct Outgoing {
    attempts: u32,
    due: Timestamp,
    is_urgent: bool,
    requester: Option<UserId>,
    turn: u64,
}

impl Outbox {
    pub(super) fn post(&mut self, notice: Message, requester: Option<&UserId>) {
        if self.channels.is_empty() {
            return;
        }
        self.last_number += 1;
        let is_urgent = notice.is_urgent();
        for channel in self.channels.keys() {
            let own = { self.deliveries.iter() }
                .filter(|((name, _), other)| {
                    name == channel
                        && other.is_urgent == is_urgent
                        && other.requester.as_ref() == requester
                })
                .map(|(_, other)| other.turn + 1);
            let taken = self.turns.get(&(channel.clone(), is_urgent)).copied();
            let outgoing = Outgoing {
                attempts: 0,
                due: Timestamp::MIN,
                is_urgent,
                requester: requester.cloned(),
                turn: own.chain(taken).max().unwrap_or(0),
            };
            self.deliveries
                .insert((channel.clone(), self.last_number), outgoing);
        }
        self.notices.insert(self.last_number, notice);
    }

    pub(super) fn open(&mut self, channel: &str, now: Timestamp) {
        let seen = self.channels.entry(channel.to_owned()).or_insert(now);
        *seen = now.max(*seen);
    }

    pub(super) fn next(&self, channel: &str) -> Option<Timestamp> {
        let own = |((name, _), outgoing): (&(String, u64), &Outgoing)| {
            (name == channel).then_some(outgoing.due)
        };
        self.deliveries.iter().filter_map(own).min()
    }

    pub(super) fn take(
        &mut self,
        channel: &str,
        now: Timestamp,
        again_at: Timestamp,
        limit: usize,
    ) -> Vec<WaitingMessage> {
        let Self {
            deliveries,
            notices,
            turns,
            ..
        } = self;
        let mut due: Vec<(u64, &mut Outgoing)> = deliveries
            .iter_mut()
            .filter(|((name, _), outgoing)| name == channel && outgoing.due <= now)
            .map(|((_, number), outgoing)| (*number, outgoing))
            .collect();
        due.sort_by_key(|(number, outgoing)| (!outgoing.is_urgent, outgoing.turn, *number));
        let due = due.into_iter().take(limit);
        due.filter_map(|(number, outgoing)| {
            let waiting = WaitingMessage {
                number,
                attempts: outgoing.attempts,
                message: notices.get(&number)?.clone(),
            };
            outgoing.attempts = outgoing.attempts.saturating_add(1);
            outgoing.due = again_at;
            let turn = turns
                .entry((channel.to_owned(), outgoing.is_urgent))
                .or_default();
            *turn = outgoing.turn.max(*turn);
            Some(waiting)
        })
        .collect()
    }

    pub(super) fn delivered(&mut self, channel: &str, number: u64) {
        self.deliveries.remove(&(channel.to_owned(), number));
        if !self
            .deliveries
            .keys()
            .any(|(_, waiting)| *waiting == number)
        {
            self.notices.remove(&number);
        }
    }

    pub(super) fn postponed(&mut self, channel: &str, number: u64, again_at: Timestamp) {
        if let Some(outgoing) = self.deliveries.get_mut(&(channel.to_owned(), number)) {
            outgoing.due = again_at;
        }
    }

    pub(super) fn release_notices(&mut self, later_than: Timestamp) -> u64 {
        let mut released = 0;
        for outgoing in self.deliveries.values_mut() {
            if outgoing.due > later_than {
                outgoing.due = Timestamp::MIN;
                released += 1;
            }
        }
        released
    }

    pub(super) fn prune(&mut self, before: Timestamp) -> u64 {
        let Self {
            channels,
            notices,
            deliveries,
            turns,
            ..
        } = self;
        channels.retain(|_, seen_at| *seen_at >= before);
        turns.retain(|(channel, _), _| channels.contains_key(channel));
        let kept = deliveries.len();
        deliveries.retain(|(channel, number), _| {
            channels.contains_key(channel)
                && notices.get(number).is_some_and(|told| told.at() >= before)
        });
        // a notice is stored while a channel must still send it
        notices.retain(|number, _| deliveries.keys().any(|(_, waiting)| waiting == number));
        (kept - deliveries.len()) as u64
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<_, _> =
            self.channels.keys().map(|name| (name.clone(), 0)).collect();
        for (channel, _) in self.deliveries.keys() {
            *counts.entry(channel.clone()).or_default() += 1;
        }
        counts
    }
}
