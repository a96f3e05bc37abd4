use hallpass_base::{IdSource, Timestamp};
use uuid::Uuid;

/// UUIDs v7 with randomness from the operating system.
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let mut random = [0_u8; 10];
        if getrandom::fill(&mut random).is_err() {
            // INVARIANT: without randomness ids could repeat, and the store would refuse them all
            tracing::error!("the operating system gives no randomness");
        }
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }
}
