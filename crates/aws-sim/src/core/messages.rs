use std::collections::BTreeSet;

use crate::base::Millis;

use super::{
    queues::{Message, QueueKey, arn, uuid},
    state::SimState,
};

pub(crate) fn send(
    state: &mut SimState,
    key: &QueueKey,
    body: &str,
    delay_ms: Millis,
) -> Option<String> {
    let (seed, now) = (state.seed, state.latest);
    let queue = state.queues.get_mut(key)?;
    queue.sent += 1;
    let (region, account, name) = key;
    let id = uuid(
        seed,
        &format!("message {region} {account} {name} {}", queue.sent),
    );
    queue.messages.push(Message {
        id: id.clone(),
        body: body.to_owned(),
        sent: now,
        visible: now + delay_ms,
        first: None,
        deliveries: 0,
    });
    Some(id)
}

/// Delivers up to `most` messages and hides them. Moves messages received too often to the
/// dead-letter queue.
pub(crate) fn receive(
    state: &mut SimState,
    key: &QueueKey,
    most: usize,
    until: Millis,
) -> Vec<Message> {
    let now = state.latest;
    let Some(queue) = state.queues.get_mut(key) else {
        return Vec::new();
    };
    let redrive = queue.redrive();
    let (mut got, mut dead) = (Vec::new(), BTreeSet::new());
    let due: Vec<usize> = (0..queue.messages.len())
        .filter(|place| {
            queue
                .messages
                .get(*place)
                .is_some_and(|it| queue.is_delivered(it, now))
        })
        .collect();
    for place in due {
        if got.len() >= most {
            break;
        }
        let Some(message) = queue.messages.get_mut(place) else {
            continue;
        };
        if redrive
            .as_ref()
            .is_some_and(|(_, most)| message.deliveries >= *most)
        {
            dead.insert(message.id.clone());
            continue;
        }
        message.deliveries += 1;
        message.first.get_or_insert(now);
        message.visible = until;
        got.push(message.clone());
    }
    if let Some((target, _)) = redrive.filter(|_| !dead.is_empty()) {
        let (gone, kept) = std::mem::take(&mut queue.messages)
            .into_iter()
            .partition(|it| dead.contains(&it.id));
        queue.messages = kept;
        let target = state.queues.iter_mut().find(|(key, _)| arn(key) == target);
        if let Some((_, target)) = target {
            let gone: Vec<Message> = gone;
            target
                .messages
                .extend(gone.into_iter().map(|it| Message { visible: now, ..it }));
        }
    }
    got
}

/// Whether a receive would return a message now.
pub(crate) fn has_some(state: &SimState, key: &QueueKey, now: Millis) -> bool {
    let queue = state.queues.get(key);
    queue.is_none_or(|queue| queue.messages.iter().any(|it| queue.is_delivered(it, now)))
}
