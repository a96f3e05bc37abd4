//! AWS facts and quotas that decide program behaviour: each once, with its page and the day it was
//! read.
//!
//! Own choices are not here. Code takes the number from here, also in constants.
//! `docs/reference/aws-facts.md` is made from [`all`]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Permanent: tables, messages and issues cite it.
    pub id: &'static str,
    pub value: u32,
    pub unit: &'static str,
    pub what: &'static str,
    pub decides: &'static str,
    pub source: FactSource,
    pub standing: FactStanding,
}

impl Fact {
    pub const fn count(&self) -> usize {
        self.value as usize
    }

    /// The value as calls per second.
    pub const fn rate(&self) -> f64 {
        self.value as f64
    }

    /// Nine tenths of a rate shared with other clients, to leave them some.
    pub const fn our_rate(&self) -> f64 {
        self.rate() * 0.9
    }
}

/// Actions that AWS authorizes differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionFact {
    /// Permanent: tables, messages and issues cite it.
    pub id: &'static str,
    pub actions: &'static [&'static str],
    pub what: &'static str,
    pub decides: &'static str,
    pub source: FactSource,
    pub standing: FactStanding,
}

impl ActionFact {
    pub fn names(&self, action: &str) -> bool {
        self.actions
            .iter()
            .any(|it| it.eq_ignore_ascii_case(action))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactSource {
    pub page: &'static str,
    pub section: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactStanding {
    /// The page, or a stored copy, said so on this day.
    Read(&'static str),
    /// The page allows more; the program keeps the specification's number, which no organization
    /// refuses.
    Lower {
        says: &'static str,
        read: &'static str,
    },
    /// Valid until this day; some organizations may still have it.
    Until(&'static str),
    /// The page is known, but not the day it was read.
    NotVerified,
}

const fn source(page: &'static str, section: &'static str) -> FactSource {
    FactSource { page, section }
}

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
        pub(super) const $list: &[Fact] = &[$($name),*];
    };
}
use facts;

pub fn all() -> impl Iterator<Item = (&'static str, &'static [Fact])> {
    [
        ("Organizations", OF_ORGANIZATIONS),
        ("Policies", OF_POLICIES),
        ("Roles, sessions and IAM Identity Center", OF_ACCESS),
        ("Other services", OF_SERVICES),
    ]
    .into_iter()
}
