//! Method rates (Slack documentation, "Rate limits"), on virtual time.

use crate::base::Bucket;

use super::{MethodCall, MethodError, text};
use crate::slack::workspace::{Channel, Workspace};

/// Calls per second, and burst.
type Rate = (f64, f64);

const TIER_1: Rate = (1.0 / 60.0, 10.0);
const TIER_2: Rate = (20.0 / 60.0, 20.0);
const TIER_3: Rate = (50.0 / 60.0, 50.0);
const TIER_4: Rate = (100.0 / 60.0, 100.0);
/// One message a second in a channel, with a short burst.
const POSTING: Rate = (1.0, 5.0);
/// "Hundreds of requests per minute".
const SPECIAL: Rate = (10.0, 100.0);

fn rate(method: &str) -> Rate {
    match method {
        "chat.postMessage" => POSTING,
        "auth.test" | "api.test" | "chat.getPermalink" => SPECIAL,
        "apps.connections.open" => TIER_1,
        "chat.update"
        | "chat.delete"
        | "reactions.add"
        | "users.lookupByEmail"
        | "conversations.open"
        | "conversations.info"
        | "conversations.history"
        | "conversations.replies" => TIER_3,
        "chat.postEphemeral"
        | "views.open"
        | "views.update"
        | "views.push"
        | "users.info"
        | "conversations.members" => TIER_4,
        _ => TIER_2,
    }
}

/// Resolves a channel from an id, a name, or a direct message's person.
fn posted_to(space: &Workspace, wanted: &str) -> String {
    let name = wanted.trim_start_matches('#');
    let is_meant = |channel: &&Channel| match &channel.with {
        Some(person) => channel.id == name || person == wanted,
        None => channel.id == name || channel.name == name,
    };
    let found = space.channels.iter().find(is_meant);
    found.map_or_else(|| wanted.to_owned(), |channel| channel.id.clone())
}

/// Takes a call from its bucket.
///
/// # Errors
/// The bucket is empty; with the seconds to wait.
pub(super) fn take(space: &mut Workspace, call: &MethodCall<'_>) -> Result<(), MethodError> {
    let (rate, burst) = rate(call.method);
    let mut name = call.method.to_owned();
    if call.method == "chat.postMessage" {
        name.push(' ');
        name.push_str(&posted_to(space, text(call, "channel").unwrap_or_default()));
    }
    let full = || Bucket::full(burst, call.now);
    let bucket = space.buckets.entry(name).or_insert_with(full);
    if bucket.take(rate, burst, call.now) {
        return Ok(());
    }
    Err(MethodError::ratelimited(bucket.wait_seconds(rate)))
}
