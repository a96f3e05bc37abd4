//! Trace and span ids. A request's ids derive from the request id alone.

use hallpass_base::RequestId;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Random low bits of a trace id (W3C Trace Context level 2, section 3.2.2.3); UUID version 7 has
/// them too.
const RANDOM_BITS: u32 = 56;

/// Returns the request id, digit by digit.
pub(crate) fn trace_of(request: RequestId) -> TraceId {
    TraceId::from_bytes(*request.uuid().as_bytes())
}

/// Returns a request's root span: the second half of its id.
pub(crate) fn begin_of(request: RequestId) -> SpanId {
    let (_, low) = request.uuid().as_u64_pair();
    SpanId::from_bytes(low.to_be_bytes())
}

pub(crate) fn any_trace() -> TraceId {
    TraceId::from_bytes(fastrand::u128(1..).to_be_bytes())
}

pub(crate) fn any_span() -> SpanId {
    SpanId::from_bytes(fastrand::u64(1..).to_be_bytes())
}

pub(crate) fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// Parses a caller's span (W3C Trace Context, section 3.2); `None` if invalid.
pub(crate) fn caller(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next()?;
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if version != "00" || parts.next().is_some() {
        return None;
    }
    let trace = TraceId::from_hex(trace).ok()?;
    let span = SpanId::from_hex(span).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let caller = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    caller.is_valid().then_some(caller)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Traces with a smaller random part are not sent.
    threshold: u64,
}

impl Share {
    /// From none (0) to all (1).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to 2^56, and a share is no finer than that"
    )]
    pub(crate) fn new(share: f64) -> Self {
        let all = 1_u64 << RANDOM_BITS;
        let left_out = (1.0 - share.clamp(0.0, 1.0)) * all as f64;
        Self {
            threshold: left_out as u64,
        }
    }

    /// Returns whether a trace is sent: all nodes, and samplers using the same bits, agree.
    pub(crate) fn takes(self, trace: TraceId) -> bool {
        let bytes = u128::from_be_bytes(trace.to_bytes());
        let random = bytes & ((1 << RANDOM_BITS) - 1);
        random >= u128::from(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "req_0199f0aa12347c3d8e5f0123456789ab";

    #[test]
    fn ids_follow_from_the_request() {
        let request: RequestId = REQUEST.parse().unwrap();
        assert_eq!(
            trace_of(request).to_string(),
            REQUEST.trim_start_matches("req_")
        );
        assert_eq!(begin_of(request).to_string(), "8e5f0123456789ab");
    }

    #[test]
    fn a_caller_is_who_it_says_or_nobody() {
        let known = caller("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(
            known.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert!(known.is_remote() && known.is_sampled());
        for no in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(caller(no).is_none(), "{no}");
        }
    }

    #[test]
    fn a_share_of_traces_is_a_share_of_requests() {
        let ids = (0..4000_u32).map(|_| {
            let random = fastrand::u128(..) & 0x0fff_3fff_ffff_ffff_ffff;
            let id = (0x0199_f0aa_1234 << 80) | (0x7000_8000_0000_0000_0000) | random;
            trace_of(RequestId::new(uuid::Uuid::from_u128(id)))
        });
        let ids: Vec<_> = ids.collect();
        let taken = |share: f64| {
            ids.iter()
                .filter(|id| Share::new(share).takes(**id))
                .count()
        };
        assert_eq!((taken(0.0), taken(1.0)), (0, 4000));
        // 4000 coin throws: eleven standard deviations
        assert!((1650..2350).contains(&taken(0.5)), "{}", taken(0.5));
        assert!((700..1300).contains(&taken(0.25)), "{}", taken(0.25));
    }
}
