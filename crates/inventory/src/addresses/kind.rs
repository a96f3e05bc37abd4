use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A source of a public address, in order of trust: the first describes an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// An interface's primary private address.
    Eni,
    /// Another private address of an interface.
    Secondary,
    /// Also without use.
    Eip,
    /// A globally routed IPv6 address.
    Ipv6,
    /// An instance's own report: a cross-check only.
    Instance,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not one of eni, secondary, eip, ipv6, instance")]
pub struct UnknownKind(String);

impl AddressKind {
    pub const ALL: [Self; 5] = [
        Self::Eni,
        Self::Secondary,
        Self::Eip,
        Self::Ipv6,
        Self::Instance,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Eni => "eni",
            Self::Secondary => "secondary",
            Self::Eip => "eip",
            Self::Ipv6 => "ipv6",
            Self::Instance => "instance",
        }
    }

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
