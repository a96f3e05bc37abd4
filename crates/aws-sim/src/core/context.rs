//! One call: the state, the caller, the instant of reads, the instant its writes become visible.

use crate::base::{Bucket, Millis, Random};
use serde_json::Value;

use super::{
    call::{Call, Output, input_text},
    caller::AwsCaller,
    entities::Origin,
    errors::ApiError,
    pages::{PageCursor, paged},
    service::throttled,
    state::SimState,
    windows::{Window, window_ms},
};
use crate::organization::Consistency;

pub(crate) type HandlerResult = Result<Output, ApiError>;

pub(crate) struct Context<'a> {
    pub state: &'a mut SimState,
    pub call: &'a Call,
    pub caller: &'a AwsCaller,
    pub now: Millis,
    /// Lists and searches read the state of this instant.
    pub reading: Millis,
    /// Reads by id use this instant: own writes are visible immediately, unless a fault changes
    /// that (`simulator.md` C-2).
    pub reading_by_id: Millis,
    random: Random,
    changed: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(state: &'a mut SimState, call: &'a Call, caller: &'a AwsCaller) -> Self {
        let now = state.latest;
        let mut random = Random::new(state.seed, &format!("call {}", call.seq));
        let back = match state.settings.consistency {
            // successive reads may go back and forth
            Consistency::Hard => Millis::try_from(random.below(2_000)).unwrap_or(0),
            Consistency::Strong | Consistency::Typical => 0,
        };
        let behind = call.modifiers.stale_ms;
        let reading = now - back.max(behind);
        let reading_by_id = if behind > 0 {
            now - behind
        } else {
            Millis::MAX
        };
        Self {
            state,
            call,
            caller,
            now,
            reading,
            reading_by_id,
            random,
            changed: false,
        }
    }

    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Marks the state as changed and returns when readers see it.
    pub(crate) fn write(&mut self, window: Window) -> Millis {
        self.changed = true;
        self.now + window_ms(self.state.settings.consistency, window, &mut self.random)
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn text(&self, name: &str) -> &'a str {
        input_text(&self.call.input, name).unwrap_or_default()
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&'a str> {
        input_text(&self.call.input, name)
    }

    /// Where this call's page begins, and its size.
    ///
    /// # Errors
    /// The token is foreign or too old.
    pub(crate) fn page(&self) -> Result<PageCursor, ApiError> {
        PageCursor::of(self.call, self.caller, self.state.seed, self.now)
    }

    pub(crate) fn paged(&self, rows: Vec<Value>, token: Option<String>) -> Output {
        paged(self.call, rows, token)
    }

    /// A page of rows with their sort keys.
    ///
    /// # Errors
    /// The token is foreign or too old.
    pub(crate) fn listing(&self, mut rows: Vec<(String, Value)>) -> HandlerResult {
        let page = self.page()?;
        let after = page.after.as_ref().map_or("", |(_, id)| id.as_str());
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        let rows = rows.into_iter().filter(|(id, _)| id.as_str() > after);
        let (rows, token) = page.take(rows.map(|(id, row)| (0, id, row)));
        Ok(self.paged(rows, token))
    }

    /// Takes a token of the service's bucket.
    ///
    /// # Errors
    /// The bucket is empty.
    pub(crate) fn admit(&mut self) -> Result<(), ApiError> {
        if !self.state.settings.throttle {
            return Ok(());
        }
        let draw = self.call.service.draw(
            &self.call.operation,
            &self.caller.account,
            &self.call.region,
            &self.state.settings.limits,
        );
        let now = self.now;
        let bucket = self
            .state
            .buckets
            .entry(draw.bucket)
            .or_insert_with(|| Bucket::full(draw.burst, now));
        if bucket.take(draw.rate, draw.burst, now) {
            return Ok(());
        }
        let named = self.state.settings.behaviour.is("throttle_style", "named");
        Err(throttled(Some(self.call.service), named))
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            created: self.now,
            created_by: self.caller.arn.clone(),
            updated: self.now,
            updated_by: self.caller.arn.clone(),
            revision: 1,
        }
    }

    pub(crate) fn touched(&self, origin: &Origin) -> Origin {
        Origin {
            updated: self.now,
            updated_by: self.caller.arn.clone(),
            revision: origin.revision + 1,
            ..origin.clone()
        }
    }
}
