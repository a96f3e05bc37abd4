//! Attributes creation requests to this list, by AWS's acceptance time and the send intents.

use hallpass_base::TimeSpan;
use hallpass_plans::SentBefore;

use super::ports::AccountRequest;

/// Largest clock difference to AWS, which refuses requests signed five minutes off.
const CLOCKS_APART: TimeSpan = TimeSpan::seconds(30);
/// A write is sent within this time after its intent, or never.
const LEAVES_WITHIN: TimeSpan = TimeSpan::seconds(60);

/// True if AWS answered with the request's id, or accepted it around a write without an answer. The
/// account name confirms it: addresses are unique, so another user cannot have created the same
/// name and address then.
pub(super) fn asked_by_us(request: &AccountRequest, sent: &SentBefore) -> bool {
    sent.remotes.contains(&request.id)
        || sent.unanswered.iter().any(|at| {
            let latest = LEAVES_WITHIN.after(CLOCKS_APART.after(*at));
            CLOCKS_APART.before(*at) <= request.at && request.at <= latest
        })
}

#[cfg(test)]
mod tests {
    use hallpass_base::Timestamp;

    use super::super::ports::AccountCreation;
    use super::*;

    #[test]
    fn a_request_is_ours_when_aws_took_it_as_we_were_about_to_send_one() {
        let now: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        for (seconds, is_ours) in [
            (-31, false),
            (-30, true),
            (0, true),
            (90, true),
            (91, false),
        ] {
            let at = if seconds < 0 {
                TimeSpan::seconds(u64::try_from(-seconds).unwrap()).before(now)
            } else {
                TimeSpan::seconds(u64::try_from(seconds).unwrap()).after(now)
            };
            let request = AccountRequest {
                id: "car-1".to_owned(),
                name: "a".to_owned(),
                at,
                state: AccountCreation::InProgress,
            };
            let unanswered = SentBefore {
                at: vec![now],
                unanswered: vec![now],
                ..SentBefore::default()
            };
            assert_eq!(asked_by_us(&request, &unanswered), is_ours, "{seconds}");
            for (id, is_ours) in [("car-1", true), ("car-2", false)] {
                let answered = SentBefore {
                    at: vec![now],
                    remotes: [id.to_owned()].into(),
                    ..SentBefore::default()
                };
                assert_eq!(asked_by_us(&request, &answered), is_ours, "{id}");
            }
        }
    }
}
