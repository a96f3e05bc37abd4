use hallpass_access::Directory;
use serde::Deserialize;

use super::line::{AccessLine, is_unknown};

/// Sort column; ties are sorted by end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    Person,
    #[default]
    Where,
    Set,
    Kind,
    Ends,
}

impl Sort {
    pub(super) const ALL: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::Person, "person", "Person", "w18"),
        (Self::Where, "where", "Where", "w18"),
        (Self::Set, "set", "Can use", "w15"),
        (Self::Kind, "kind", "Kind and reason", ""),
        (Self::Ends, "ends", "Ends", "w12"),
    ];

    pub(super) fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(sort, ..)| *sort == self)
            .map_or("where", |(_, name, ..)| name)
    }

    pub(super) fn key(self, line: AccessLine<'_>, directory: &Directory) -> (u8, String) {
        match self {
            Self::Person => (0, line.holder().0.to_lowercase()),
            Self::Where => {
                let place = line.place(directory);
                (u8::from(place.is_group), place.name.to_lowercase())
            }
            Self::Set => (0, line.held().to_lowercase()),
            Self::Kind => match line {
                AccessLine::Found(item) if is_unknown(item) => (0, String::new()),
                AccessLine::Grant(_) => (1, String::new()),
                AccessLine::Found(_) => (2, String::new()),
                AccessLine::OfGroup(_) => (3, String::new()),
                AccessLine::Entitled(_) => (4, String::new()),
            },
            Self::Ends => (0, String::new()),
        }
    }
}
