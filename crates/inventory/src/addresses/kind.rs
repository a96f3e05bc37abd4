//! The ways in which a public address is seen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A way in which a public address is seen. The order is that of trust: what is seen in several ways is
/// described by the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// The address of an interface's primary private address.
    Eni,
    /// An address of another private address of an interface.
    Secondary,
    /// An elastic address, also one that nothing uses.
    Eip,
    /// An IPv6 address of an interface that is routed in the internet.
    Ipv6,
    /// What a machine says of itself: a cross-check only.
    Instance,
}

/// A word that is no kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is none of eni, secondary, eip, ipv6, instance")]
pub struct UnknownKind(String);

impl AddressKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Eni,
        Self::Secondary,
        Self::Eip,
        Self::Ipv6,
        Self::Instance,
    ];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eni => "eni",
            Self::Secondary => "secondary",
            Self::Eip => "eip",
            Self::Ipv6 => "ipv6",
            Self::Instance => "instance",
        }
    }

    /// The type of resource that has it.
    pub const fn resource_type(self) -> &'static str {
        match self {
            Self::Eni | Self::Secondary | Self::Ipv6 => "AWS::EC2::NetworkInterface",
            Self::Eip => "AWS::EC2::EIP",
            Self::Instance => "AWS::EC2::Instance",
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AddressKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
