use std::fmt;

use hallpass_base::TimeSpan;
use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Parses a duration: `1h`, `90s`, or a number of seconds. For `#[serde(deserialize_with)]`
/// together with `default`.
pub(crate) fn written_span<'de, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<TimeSpan>, D::Error> {
    struct SpanVisitor;
    impl Visitor<'_> for SpanVisitor {
        type Value = Option<TimeSpan>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as `1h`, `90s` or a number of seconds")
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
            Ok(Some(TimeSpan::seconds(seconds)))
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
            let seconds = u64::try_from(seconds);
            let wrong = |_| E::custom("a duration is not negative");
            Ok(Some(TimeSpan::seconds(seconds.map_err(wrong)?)))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse().map(Some).map_err(E::custom)
        }
    }
    reader.deserialize_any(SpanVisitor)
}
