//! Gives the simulated Slack clocks, faults and the call log.

use crate::base::{Millis, instant};
use crate::slack::{MethodFault, MethodFaults, MethodRecord, SlackFault, SlackHost};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    call_log::CallRecord,
    faults::{ReplyFault, Subject},
    services::redact::redact,
    world::Shared,
};

/// Its name in faults and the call log.
const SERVICE: &str = "slack";

impl SlackHost for Shared {
    fn wall(&self) -> Timestamp {
        self.clock.now()
    }

    fn now(&self) -> Millis {
        let wall = self.clock.now();
        self.lock().now(wall)
    }

    fn throttles(&self) -> bool {
        self.lock().state.settings.throttle
    }

    fn next_id(&self) -> String {
        let mut world = self.lock();
        let seq = world.next_seq();
        world.request_id(seq)
    }

    fn faults(&self, method: &str) -> MethodFaults {
        let subject = Subject {
            service: SERVICE.to_owned(),
            operation: method.to_owned(),
            ..Subject::default()
        };
        let wall = self.clock.now();
        let mut world = self.lock();
        let (seed, now) = (world.state.seed, world.now(wall));
        let effects = world.faults.apply(&subject, seed, now);
        MethodFaults {
            before_ms: effects.before_ms,
            after_ms: effects.after_ms,
            reply: effects.reply.map(in_slacks_words),
            name: effects.fault,
        }
    }

    fn log(&self, call: &MethodRecord<'_>) {
        let wall = self.clock.now();
        let mut world = self.lock();
        let seq = world.next_seq();
        let mut row = json!({
            "seq": seq,
            "at": instant(world.now(wall)),
            "wall": wall.to_string(),
            "service": SERVICE,
            "operation": call.method,
            "request": redact(call.arguments),
            "outcome": call.outcome,
            "effect": call.effect,
        });
        if let Some(row) = row.as_object_mut() {
            for (name, value) in [("error", call.error), ("fault", call.fault)] {
                if let Some(value) = value {
                    row.insert(name.to_owned(), value.into());
                }
            }
        }
        world.calls.push(CallRecord {
            seq,
            service: SERVICE.to_owned(),
            operation: call.method.to_owned(),
            outcome: call.outcome,
            shown: row,
        });
    }
}

fn in_slacks_words(fault: ReplyFault) -> MethodFault {
    match fault {
        ReplyFault::DropBefore(how) => MethodFault::DropBefore(how),
        ReplyFault::DropAfter(how) => MethodFault::DropAfter(how),
        ReplyFault::Slack(fault) => MethodFault::Answer(fault),
        ReplyFault::Error { code, http, .. } => MethodFault::Answer(SlackFault {
            error: code,
            http: Some(http),
            ..SlackFault::default()
        }),
        ReplyFault::Throttle => MethodFault::Answer(SlackFault {
            error: "ratelimited".to_owned(),
            retry_after: Some(1),
            ..SlackFault::default()
        }),
    }
}
