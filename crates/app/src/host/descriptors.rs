//! Raises and divides the descriptor limit. Callers' connections get the rest after a reserve, so
//! that AWS, the store and files always have some (promise P11).

use hallpass_server::{ConnectionSettings, Proxies};
use hallpass_terminal::exit::Failure;

/// Reserved for all but callers' connections: the store has 6 files open and sometimes a few more,
/// the AWS client at most about 100 connections, Slack, mail, webhooks and sign-in a few each.
const RESERVE: u64 = 256;
/// Below, the server refuses to start.
const LIMIT_MIN: u64 = 128;
/// Below, warns.
const LIMIT_GOOD: u64 = 1_024;
/// Target if the system has no limit.
const LIMIT_MAX: u64 = 1_048_576;
/// Default connection limit: each may use 100 KiB of headers, body and response.
const CONNECTIONS_MAX: u64 = 4_096;

pub const REMEDY: &str =
    "set `LimitNOFILE=65536` in the service's unit, or call `ulimit -n 65536` before it starts";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub found: u64,
    pub now: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub limit: u64,
    pub connections: u64,
    pub reserve: u64,
    pub wish: ConnectionLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionLimit {
    None,
    Kept,
    TooMany(u64),
}

#[cfg(unix)]
pub fn raise() -> Limit {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let found = getrlimit(Resource::Nofile);
    let soft = found.current.unwrap_or(LIMIT_MAX);
    let hard = found.maximum.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    let is_raised = |wanted: u64| {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: found.maximum,
        };
        wanted > soft && setrlimit(Resource::Nofile, raised).is_ok()
    };
    // macOS has a further unreported limit
    let now = [hard, 10_240].into_iter().find(|wanted| is_raised(*wanted));
    Limit {
        found: soft,
        now: now.unwrap_or(soft),
    }
}

#[cfg(not(unix))]
pub fn raise() -> Limit {
    Limit {
        found: LIMIT_MAX,
        now: LIMIT_MAX,
    }
}

pub fn open() -> Option<u64> {
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    let entries = std::fs::read_dir(folder).ok()?;
    u64::try_from(entries.count()).ok()
}

/// `wanted` is `server.max_connections`.
pub fn share(limit: u64, wanted: Option<u32>) -> Result<Shares, Failure> {
    if limit < LIMIT_MIN {
        let message = format!("only {limit} files may be open, and {LIMIT_MIN} are needed");
        return Err(Failure::refused(message).help(REMEDY));
    }
    let reserve = RESERVE.min(limit / 2);
    let room = limit - reserve;
    let (connections, wish) = match wanted.map(u64::from) {
        None => (room.min(CONNECTIONS_MAX), ConnectionLimit::None),
        Some(wanted) if wanted > room => (room, ConnectionLimit::TooMany(wanted)),
        Some(wanted) => (wanted.max(1), ConnectionLimit::Kept),
    };
    Ok(Shares {
        limit,
        connections,
        reserve,
        wish,
    })
}

impl Shares {
    /// Limits for callers behind these proxies. A local caller may be one.
    pub fn settings(&self, proxies: Proxies) -> ConnectionSettings {
        let connections = usize::try_from(self.connections).unwrap_or(usize::MAX);
        ConnectionSettings::new(connections).shared(proxies.with_this_machine())
    }

    pub fn warning(&self) -> Option<(String, &'static str)> {
        if let ConnectionLimit::TooMany(wanted) = self.wish {
            let words = format!(
                "`server.max_connections` is {wanted}, and {} open files have room for {}",
                self.limit, self.connections
            );
            return Some((words, REMEDY));
        }
        let few = format!(
            "only {} files may be open: callers get {}",
            self.limit, self.connections
        );
        (self.limit < LIMIT_GOOD).then_some((few, REMEDY))
    }

    pub fn words(&self) -> String {
        format!(
            "{} at most: {} connections of callers, {} kept for AWS, the store and files",
            self.limit,
            self.connections,
            self.limit - self.connections
        )
    }

    pub fn log(&self, found: u64) {
        tracing::info!(
            limit = self.limit,
            found,
            connections = self.connections,
            reserve = self.reserve,
            "open files"
        );
        if let Some((words, remedy)) = self.warning() {
            tracing::warn!(remedy, "{words}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shared_out() {
        for (limit, wanted, connections, reserve, warned) in [
            (128, None, 64, 64, true),
            (256, None, 128, 128, true),
            (512, None, 256, 256, true),
            (1_024, None, 768, 256, false),
            (4_096, None, 3_840, 256, false),
            (65_536, None, 4_096, 256, false),
            (1_024, Some(100), 100, 256, false),
            (1_024, Some(0), 1, 256, false),
            (1_024, Some(5_000), 768, 256, true),
            (65_536, Some(20_000), 20_000, 256, false),
        ] {
            let shares = share(limit, wanted).unwrap();
            let found = (
                shares.connections,
                shares.reserve,
                shares.warning().is_some(),
            );
            assert_eq!(found, (connections, reserve, warned), "{limit} {wanted:?}");
            assert!(shares.connections + shares.reserve <= limit);
        }
    }

    #[test]
    fn a_limit_without_room_is_refused_with_what_would_help() {
        let refused = format!("{:?}", share(127, None).unwrap_err());
        assert!(
            refused.contains("127") && refused.contains("LimitNOFILE"),
            "{refused}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        use rustix::process::{Resource, getrlimit};
        let raised = raise();
        assert!(raised.now >= raised.found, "{raised:?}");
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current.unwrap_or(LIMIT_MAX), raised.now);
        assert!(open().is_some_and(|open| open > 2));
    }
}
