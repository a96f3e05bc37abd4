//! Memory use of the process during a query. The engine counts sorts, joins and groups, but not the
//! values its functions create.

use std::fs;
use std::time::Duration;

/// Sampling interval: a function fills some hundred megabytes per interval.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(20);
/// Fixed cost of an engine: plans, table descriptions, threads.
const ITS_OWN: usize = 64 * 1024 * 1024;

/// Resolves once the process has grown by more than `most` bytes since the call. Never resolves
/// without `/proc` (outside Linux).
pub(super) async fn passes(most: usize) {
    let Some(before) = resident() else {
        return std::future::pending().await;
    };
    let most = most.saturating_add(ITS_OWN);
    while resident().is_none_or(|now| now.saturating_sub(before) <= most) {
        tokio::time::sleep(LOOKED_AT_EVERY).await;
    }
}

fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::resident;

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_what_the_process_takes() {
        let before = resident().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident().unwrap() >= before + (32 << 20));
        drop(block);
    }
}
