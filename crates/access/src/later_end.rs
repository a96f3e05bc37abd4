use hallpass_base::{TimeSpan, Timestamp};

use crate::LengthLimits;

/// Selectable extensions; a shorter one is not worth a request.
const GAINS: [TimeSpan; 5] = [
    TimeSpan::minutes(30),
    TimeSpan::hours(1),
    TimeSpan::hours(2),
    TimeSpan::hours(4),
    TimeSpan::hours(8),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaterEnd {
    pub gain: TimeSpan,
    pub length: TimeSpan,
    pub is_latest: bool,
}

impl LengthLimits {
    pub fn later_ends(&self, ends_at: Timestamp, now: Timestamp) -> Vec<LaterEnd> {
        let left = TimeSpan::between(now, ends_at);
        // Rounds to the whole minute, as ends are displayed.
        let reach = |gain: TimeSpan| {
            let seconds = left.as_seconds() + gain.as_seconds();
            TimeSpan::minutes(seconds.div_ceil(60))
        };
        let fitting = GAINS.into_iter().map(|gain| LaterEnd {
            gain,
            length: reach(gain),
            is_latest: false,
        });
        let mut ends: Vec<LaterEnd> = fitting
            .filter(|end| self.check(end.length).is_ok())
            .collect();
        let most = self.longest();
        let gain = TimeSpan::minutes(most.as_seconds().saturating_sub(left.as_seconds()) / 60);
        let [step, ..] = GAINS;
        let before = ends.last().map_or(left, |end| end.length);
        if gain >= step && most.as_seconds() >= before.as_seconds() + step.as_seconds() {
            ends.push(LaterEnd {
                gain,
                length: most,
                is_latest: true,
            });
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn each_end_is_a_gain_and_the_last_is_as_late_as_allowed() {
        let now = Timestamp::UNIX_EPOCH;
        for (longest, left, offered) in [
            (24 * 60, 60, "30m 1h 2h 4h 8h 23h"),
            (4 * 60, 90, "30m 1h 2h 2h 30m"),
            // A partial minute counts: no end is earlier than displayed.
            (4 * 60, 210, "30m"),
            (4 * 60, 211, ""),
            (4 * 60, 239, ""),
            (20, 5, ""),
        ] {
            let settings = Settings {
                duration_max: TimeSpan::minutes(longest),
                ..Settings::default()
            };
            let limits = LengthLimits::of(None, &settings);
            let ends = limits.later_ends(TimeSpan::minutes(left).after(now), now);
            let gains: Vec<String> = ends.iter().map(|end| end.gain.to_string()).collect();
            assert_eq!(gains.join(" "), offered, "{longest} with {left} left");
            for end in ends {
                assert!(limits.check(end.length).is_ok(), "{end:?}");
                assert_eq!(
                    end.length.as_seconds(),
                    (left * 60) + end.gain.as_seconds(),
                    "{end:?}"
                );
            }
        }
    }
}
