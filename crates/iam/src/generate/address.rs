//! Addresses and ranges in `aws:SourceIp`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Host bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressRange {
    address: IpAddr,
    prefix: u8,
}

/// Suitability as a public source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressKind {
    Public,
    /// For examples (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    Reserved(&'static str),
}

/// Ranges without calls (IANA special-purpose address registries, 2026-10).
const RESERVED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "means \"this network\""),
    ("10.0.0.0/8", "is private"),
    ("100.64.0.0/10", "is shared by carriers"),
    ("127.0.0.0/8", "is loopback"),
    ("169.254.0.0/16", "is link-local"),
    ("172.16.0.0/12", "is private"),
    ("192.0.0.0/24", "is set aside for protocols"),
    ("192.168.0.0/16", "is private"),
    ("198.18.0.0/15", "is set aside for benchmarks"),
    ("224.0.0.0/4", "is multicast"),
    ("240.0.0.0/4", "is reserved"),
];

const DOCUMENTATION: &[&str] = &[
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001:db8::/32",
    "3fff::/20",
];

/// The allocated part of IPv6 (IANA "Internet Protocol Version 6 Address Space").
const IPV6_GLOBAL: &str = "2000::/3";

impl AddressRange {
    /// Parses `address` or `address/prefix`; reports dropped host bits.
    pub(crate) fn parse(text: &str) -> Option<(Self, HostBits)> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => {
                let plain = prefix.bytes().all(|b| b.is_ascii_digit());
                (address, Some(prefix.parse::<u8>().ok().filter(|_| plain)?))
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = width(address);
        let prefix = prefix.unwrap_or(most);
        if prefix > most {
            return None;
        }
        let masked = mask(address, prefix);
        let bits = if masked == address {
            HostBits::Zero
        } else {
            HostBits::Dropped
        };
        let range = Self {
            address: masked,
            prefix,
        };
        Some((range, bits))
    }

    /// Whether it exceeds one site: shorter than /24, or /56 for IPv6.
    pub(crate) fn is_wide(self) -> bool {
        match self.address {
            IpAddr::V4(_) => self.prefix < 24,
            IpAddr::V6(_) => self.prefix < 56,
        }
    }

    pub(crate) fn standing(self) -> AddressKind {
        let meets = |text: &str| Self::parse(text).is_some_and(|(other, _)| self.overlaps(other));
        if let IpAddr::V6(address) = self.address {
            if address.to_ipv4_mapped().is_some() && self.prefix >= 96 {
                return AddressKind::Reserved(
                    "is an IPv4 address in IPv6 clothes: write the IPv4 one",
                );
            }
            let within = Self::parse(IPV6_GLOBAL)
                .is_some_and(|(all, _)| all.prefix <= self.prefix && self.overlaps(all));
            if !within {
                return AddressKind::Reserved("is not in the public part of IPv6 (2000::/3)");
            }
        }
        if let Some((_, why)) = RESERVED.iter().find(|(text, _)| meets(text)) {
            return AddressKind::Reserved(why);
        }
        if DOCUMENTATION.iter().any(|text| meets(text)) {
            return AddressKind::Documentation;
        }
        AddressKind::Public
    }

    pub(crate) fn of(address: IpAddr) -> Self {
        Self {
            address,
            prefix: width(address),
        }
    }

    pub(crate) fn around(address: IpAddr, prefix: u8) -> Self {
        Self {
            address: mask(address, prefix),
            prefix,
        }
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    pub(crate) fn holds(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && mask(address, self.prefix) == self.address
    }

    fn overlaps(self, other: Self) -> bool {
        let shorter = self.prefix.min(other.prefix);
        self.address.is_ipv4() == other.address.is_ipv4()
            && mask(self.address, shorter) == mask(other.address, shorter)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostBits {
    Zero,
    Dropped,
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let keep = u32::MAX
                .checked_shl(32_u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            IpAddr::V4((u32::from(address) & keep).into())
        }
        IpAddr::V6(address) => {
            let keep = u128::MAX
                .checked_shl(128_u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & keep))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_masked_and_judged() {
        let table = [
            ("3.120.10.5", "3.120.10.5/32 public"),
            ("3.120.10.6/24", "3.120.10.0/24 public, dropped"),
            ("3.120.0.0/16", "3.120.0.0/16 public, wide"),
            ("2a05:d014::1", "2a05:d014::1/128 public"),
            ("2a05:d014::/48", "2a05:d014::/48 public, wide"),
            ("203.0.113.9", "203.0.113.9/32 documentation"),
            ("2001:db8::1", "2001:db8::1/128 documentation"),
            ("10.0.0.5", "10.0.0.5/32 reserved"),
            ("0.0.0.0/0", "0.0.0.0/0 reserved, wide"),
            ("8.0.0.0/6", "8.0.0.0/6 reserved, wide"),
            ("::ffff:8.8.8.8", "::ffff:8.8.8.8/128 reserved"),
            ("fd00::1", "fd00::1/128 reserved"),
            ("::/0", "::/0 reserved, wide"),
            ("8.8.8.8/33", "-"),
            ("8.8.8.8/+3", "-"),
            ("8.8.8.8/", "-"),
            ("8.8.8", "-"),
            ("nat.example.com", "-"),
            ("", "-"),
        ];
        for (text, want) in table {
            let got = AddressRange::parse(text).map_or_else(
                || "-".to_owned(),
                |(range, bits)| {
                    let standing = match range.standing() {
                        AddressKind::Public => "public",
                        AddressKind::Documentation => "documentation",
                        AddressKind::Reserved(_) => "reserved",
                    };
                    let wide = if range.is_wide() { ", wide" } else { "" };
                    let dropped = if bits == HostBits::Dropped {
                        ", dropped"
                    } else {
                        ""
                    };
                    format!("{range} {standing}{wide}{dropped}")
                },
            );
            assert_eq!(got, want, "{text}");
        }
    }
}
