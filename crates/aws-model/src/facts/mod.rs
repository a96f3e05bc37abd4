//! Facts and quotas of AWS that decide something in the program: each once, with its page and the day it was read.
//!
//! What is our own choice is not here. A fact is written down once, in the file of its part; who needs the number takes it from here,
//! also in constants. `docs/reference/aws-facts.md` is made from [`all`]
//! ([0086](../../../../docs/decisions/0086-keep-aws-facts-in-one-dated-table.md)).

mod access;
mod actions;
mod organizations;
mod policies;
mod services;

pub use access::*;
pub use actions::*;
pub use organizations::*;
pub use policies::*;
pub use services::*;

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name, for good: tables, messages and issues cite it.
    pub id: &'static str,
    /// How much, in its unit.
    pub value: u32,
    /// What is counted, in the plural.
    pub unit: &'static str,
    /// Of what, and how it is counted.
    pub what: &'static str,
    /// What follows from it in the program.
    pub decides: &'static str,
    /// Where AWS says so.
    pub source: FactSource,
    /// How sure that is.
    pub standing: FactStanding,
}

impl Fact {
    /// The value, as things are counted.
    pub const fn count(&self) -> usize {
        self.value as usize
    }

    /// The value, as calls a second are rationed.
    pub const fn rate(&self) -> f64 {
        self.value as f64
    }

    /// Nine tenths of a rate that others use, too: what we take of it, so that something is left to them.
    pub const fn our_rate(&self) -> f64 {
        self.rate() * 0.9
    }
}

/// Actions that AWS decides in another way than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionFact {
    /// Its name: tables, messages and issues cite it.
    pub id: &'static str,
    /// The actions, as `service:Name`.
    pub actions: &'static [&'static str],
    /// How they differ.
    pub what: &'static str,
    /// What follows from it in the program.
    pub decides: &'static str,
    /// Where AWS says so.
    pub source: FactSource,
    /// How sure that is.
    pub standing: FactStanding,
}

impl ActionFact {
    /// Whether it is one of them, in any case of letters.
    pub fn names(&self, action: &str) -> bool {
        self.actions
            .iter()
            .any(|it| it.eq_ignore_ascii_case(action))
    }
}

/// A page of AWS's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactSource {
    /// The guide and the page's title.
    pub page: &'static str,
    /// The section of the page; empty where the page has but one.
    pub section: &'static str,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactStanding {
    /// The page, or a stored copy of it, said so when it was read on this day.
    Read(&'static str),
    /// The page allows more, as it was read on a day; the program keeps to this number, which the specification has and no
    /// organization refuses.
    Lower {
        /// What the page allows.
        says: &'static str,
        /// When it was read.
        read: &'static str,
    },
    /// It held until this day; some organizations may still be held to it.
    Until(&'static str),
    /// The page is known; nobody wrote down when it was read.
    NotVerified,
}

/// A page, and its section.
const fn source(page: &'static str, section: &'static str) -> FactSource {
    FactSource { page, section }
}

/// Facts of one file: each is a constant of its name, and all of them are in a list.
macro_rules! facts {
    ($list:ident; $($name:ident = $value:literal $unit:literal, $id:literal, $what:literal, $decides:literal, $source:expr, $standing:expr;)*) => {
        $(
            #[doc = concat!("`", $id, "`, in ", $unit, ": ", $what, ".")]
            pub const $name: Fact = Fact {
                id: $id,
                value: $value,
                unit: $unit,
                what: $what,
                decides: $decides,
                source: $source,
                standing: $standing,
            };
        )*
        /// Every fact of this file, in its order.
        pub(super) const $list: &[Fact] = &[$($name),*];
    };
}
use facts;

/// Every fact, part by part, with the name of its part.
pub fn all() -> impl Iterator<Item = (&'static str, &'static [Fact])> {
    [
        ("Organizations", OF_ORGANIZATIONS),
        ("Policies", OF_POLICIES),
        ("Roles, sessions and IAM Identity Center", OF_ACCESS),
        ("Other services", OF_SERVICES),
    ]
    .into_iter()
}
