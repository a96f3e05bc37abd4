use std::fmt;
use std::net::IpAddr;

/// RFC 4632.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.trim().split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u32 = length.parse().ok()?;
        (length <= bits(address)).then_some(Self { address, length })
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        let width = bits(self.address);
        if width != bits(other.address) {
            return false;
        }
        let free = width - self.length.min(other.length);
        number(self.address).checked_shr(free) == number(other.address).checked_shr(free)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => u128::from(u32::from(it)),
        IpAddr::V6(it) => u128::from(it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_where_they_have_an_address_in_common() {
        for (one, other, expected) in [
            ("10.0.0.0/16", "10.0.255.0/24", true),
            ("10.0.0.0/16", "10.1.0.0/16", false),
            ("0.0.0.0/0", "10.1.0.0/16", true),
            ("10.128.0.0/14", "10.131.255.255/32", true),
            ("10.128.0.0/14", "10.132.0.0/16", false),
            ("fd00::/48", "fd00:0:0:1::/64", true),
            ("::/0", "10.0.0.0/8", false),
        ] {
            let read = |text| Network::parse(text).unwrap();
            assert_eq!(read(one).overlaps(read(other)), expected, "{one} {other}");
            assert_eq!(read(other).overlaps(read(one)), expected, "{other} {one}");
        }
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "a/8", "::/129"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
