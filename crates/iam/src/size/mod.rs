//! Measures policies and splits them into parts that fit (`policies.md` §5).

mod agree;
mod limits;
mod split;

pub use agree::{Difference, agree};
pub use limits::{
    ATTACHED, AttachmentCount, AttachmentPoint, AttachmentPointFacts, Counted, LIMITS_DATE,
};
pub use split::{CannotSplit, split};

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    pub used: usize,
    pub limit: usize,
    /// Rounded up, so that 100 is never above the limit.
    pub percent: usize,
}

/// Measures a policy as its attachment point counts; `limit` replaces the limit of the table.
pub fn measure(text: &str, place: AttachmentPoint, limit: Option<usize>) -> Size {
    let about = place.about();
    let used = match about.counted {
        Counted::WithoutWhitespace => text.chars().filter(|it| !it.is_whitespace()).count(),
        Counted::AsSent => text.len(),
    };
    let limit = limit.unwrap_or(about.limit);
    let percent = (used * 100).div_ceil(limit.max(1));
    Size {
        used,
        limit,
        percent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_counts_its_own_way() {
        let text = "{ \"Ä\": 1 }\n";
        let rows = [
            (AttachmentPoint::Managed, 7, 6_144),
            (AttachmentPoint::Scp, 12, 10_240),
            (AttachmentPoint::Rcp, 12, 5_120),
            (AttachmentPoint::Session, 12, 2_048),
            (AttachmentPoint::InlineRole, 7, 10_240),
        ];
        for (place, used, limit) in rows {
            let size = measure(text, place, None);
            assert_eq!((size.used, size.limit), (used, limit), "{place}");
        }
        assert_eq!(
            measure(text, AttachmentPoint::Managed, Some(7)).percent,
            100
        );
        assert_eq!(
            measure(text, AttachmentPoint::Managed, Some(6)).percent,
            117
        );
    }

    #[test]
    fn places_are_named_on_the_command_line() {
        for place in AttachmentPoint::ALL {
            assert_eq!(place.about().name.parse(), Ok(*place));
        }
        assert_eq!("identity".parse(), Ok(AttachmentPoint::Managed));
        assert!("nowhere".parse::<AttachmentPoint>().is_err());
    }
}
