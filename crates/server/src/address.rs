//! Client addresses. Anyone can send `X-Forwarded-For`, so it counts only from a configured proxy
//! (`server.trusted_proxies`).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, HeaderMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClientRange {
    first: u128,
    prefix: u32,
}

/// As 128 bits; IPv4 in mapped form.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

impl ClientRange {
    fn contains(self, address: IpAddr) -> bool {
        let shift = 128 - self.prefix;
        let start = |it: u128| it.checked_shr(shift).unwrap_or(0);
        start(bits(address)) == start(self.first)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<ClientRange>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a range like `10.0.0.0/8`")]
pub struct NotARange(String);

impl FromStr for ClientRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let wrong = || NotARange(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (width, mapped) = if address.is_ipv4() {
            (32, 96)
        } else {
            (128, 0)
        };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => width,
        };
        if prefix > width {
            return Err(wrong());
        }
        Ok(Self {
            first: bits(address),
            prefix: prefix + mapped,
        })
    }
}

impl Proxies {
    pub fn parse(texts: &[String]) -> Result<Self, NotARange> {
        let ranges: Result<Vec<ClientRange>, NotARange> =
            texts.iter().map(|it| it.parse()).collect();
        ranges.map(Self)
    }

    #[must_use = "these are with this machine"]
    pub fn with_this_machine(mut self) -> Self {
        let own = ["127.0.0.0/8", "::1"]
            .into_iter()
            .map(str::parse::<ClientRange>);
        self.0.extend(own.flatten());
        self
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// Returns the client address: the peer's, or the one from trusted proxies. Reads from the
    /// right, because entries left of the last trusted one may be forged.
    fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer;
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        for word in said.into_iter().rev() {
            if !self.trust(source) {
                break;
            }
            match forwarded(word) {
                Some(address) => source = address,
                None => break,
            }
        }
        source
    }

    pub(crate) fn of(&self, request: &Request) -> Option<IpAddr> {
        self.shown(request.extensions(), request.headers())
            .map(counted)
    }

    pub(crate) fn shown(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(self.source(peer.0.ip(), headers).to_canonical())
    }
}

/// Parses an entry of `X-Forwarded-For`. Some proxies (Azure Application Gateway, IIS) add the
/// port: `198.51.100.7:50012`, `[2001:db8::7]:443`.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<SocketAddr>().ok().map(|it| it.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let plain = entry.parse().ok();
    plain
        .or_else(with_port)
        .or_else(|| in_brackets().map(IpAddr::V6))
}

/// Rate limits count a whole /64, because an IPv6 customer has one.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|it| (*it).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = Proxies::parse(&trusted).unwrap();
        counted(proxies.source(peer.parse().unwrap(), &headers)).to_string()
    }

    #[test]
    fn only_named_proxies_are_believed() {
        for (trusted, peer, forwarded, source) in [
            (&[][..], "9.9.9.9", &["1.1.1.1"][..], "9.9.9.9"),
            (&["9.9.9.9"], "9.9.9.9", &["1.1.1.1"], "1.1.1.1"),
            (&["9.9.9.9"], "9.9.9.8", &["1.1.1.1"], "9.9.9.8"),
            (&["9.9.9.0/24"], "9.9.9.8", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (
                &["10.0.0.0/8"],
                "10.1.1.1",
                &["6.6.6.6, 1.1.1.1", "10.2.2.2"],
                "1.1.1.1",
            ),
            (
                &["10.0.0.0/8"],
                "10.1.1.1",
                &["1.1.1.1, nonsense"],
                "10.1.1.1",
            ),
            (&["0.0.0.0/0"], "10.1.1.1", &[], "10.1.1.1"),
            (&["::1"], "::1", &["2001:db8::7"], "2001:db8::"),
            (&["::/0"], "::1", &["1.1.1.1"], "1.1.1.1"),
            (&["127.0.0.1"], "::ffff:127.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            (
                &["10.0.0.0/8"],
                "10.1.1.1",
                &["198.51.100.7:50012, 10.2.2.2:443"],
                "198.51.100.7",
            ),
            (&["::1"], "::1", &["[2001:db8::7]:443"], "2001:db8::"),
            (&["::1"], "::1", &["[2001:db8::7]"], "2001:db8::"),
            (&["::1"], "::1", &["[1.1.1.1]"], "::"),
            (&["::1"], "::1", &["1.1.1.1:99999"], "::"),
        ] {
            assert_eq!(of(trusted, peer, forwarded), source, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "proxy.example",
            "::/129",
            "1.1.1.1/-1",
        ] {
            assert!(Proxies::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
