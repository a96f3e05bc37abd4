//! Test support for all crates: fuzz targets with inputs from real artifacts, test durations, and
//! text tables.
//!
//! Files worth keeping are in `__fuzz__/<name>/corpus/` beside the target and always replayed.
//! Other inputs are the same in every run, so that only a code change fails a target; with
//! `BOLERO_RANDOM_TEST_TIME_MS` it searches new ones for that long instead.

mod soak;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

pub use crate::fuzz_target;
pub use soak::{cases, soaks, stops};
pub use table::rows;

/// Maximum input bytes, unless a corpus file is longer.
const BYTES_MAX: usize = 64 * 1024;
/// Time limit per input: far above the normal time, even on a busy machine, and far below that of a
/// reader with quadratic time.
const TIME_MAX: Duration = Duration::from_secs(20);
const CHANGES_MAX: usize = 8;

const INPUTS: usize = 1_000;
/// Maximum bytes of such an input: enough for every change, and for short texts of any bytes.
const INPUT_BYTES_MAX: usize = 64;

/// Runs a fuzz target: a name, and a closure that takes an input (`&[u8]`) and panics on a finding.
/// The crate that uses it needs `bolero`.
#[macro_export]
macro_rules! fuzz_target {
    ($name:literal, $check:expr) => {{
        let check = $check;
        if $crate::testing::searches() {
            bolero::check!(name = $name).for_each(check);
        } else {
            bolero::check!(name = $name)
                .with_iterations(0)
                .for_each(&check);
            $crate::testing::for_the_same_inputs(check);
        }
    }};
}

pub fn searches() -> bool {
    std::env::var_os("BOLERO_RANDOM_TEST_TIME_MS").is_some()
}

/// Passes the constant inputs to `check`.
///
/// # Panics
/// When `check` does; the input is printed before.
pub fn for_the_same_inputs(check: impl Fn(&[u8])) {
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..INPUTS {
        let mut input = vec![0; random.usize(..=INPUT_BYTES_MAX)];
        random.fill(&mut input);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            #[expect(
                clippy::print_stderr,
                reason = "the test's own output: what to repeat it with"
            )]
            {
                eprintln!("input {number} of {INPUTS}: b\"{}\"", input.escape_ascii());
            }
            resume_unwind(panic);
        }
    }
}

const EDITS_MAX: usize = 6;

/// Edits a text by three bytes of `edits` each: place (two), operation; and a letter from
/// `letters`.
pub fn edited(sample: &str, edits: &[u8], letters: &[u8]) -> String {
    let mut bytes = sample.as_bytes().to_vec();
    for edit in edits.chunks_exact(3).take(EDITS_MAX) {
        let &[high, low, what] = edit else { continue };
        let Some(at) = (usize::from(high) << 8 | usize::from(low)).checked_rem(bytes.len()) else {
            break;
        };
        let count = usize::from(what >> 2);
        let letter = picked(letters, count).unwrap_or_default();
        match what % 4 {
            0 => bytes.splice(at..=at, [letter]).for_each(drop),
            1 => bytes.insert(at, letter),
            2 => {
                bytes.remove(at);
            }
            _ => {
                let end = (at + count).min(bytes.len());
                let twice = bytes.get(at..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, twice).for_each(drop);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Makes a reader's input: the text itself or, when its first byte is 0x80 or more, one of
/// `samples`, edited by four bytes each: place (two), operation, letter of `letters`.
pub fn changed(input: &[u8], samples: &[&[u8]], letters: &[u8]) -> Vec<u8> {
    let Some((first, changes)) = input.split_first().filter(|(first, _)| **first >= 0x80) else {
        return input.to_vec();
    };
    let mut bytes = picked(samples, usize::from(first & 0x7f))
        .unwrap_or_default()
        .to_vec();
    for change in changes.chunks_exact(4).take(CHANGES_MAX) {
        if let [high, low, how, by] = change {
            let at = (usize::from(*high) << 8 | usize::from(*low)) % (bytes.len() + 1);
            apply(&mut bytes, at, *how, *by, samples, letters);
        }
    }
    bytes
}

fn picked<T: Copy>(from: &[T], number: usize) -> Option<T> {
    from.get(number.checked_rem(from.len())?).copied()
}

fn apply(bytes: &mut Vec<u8>, at: usize, how: u8, by: u8, samples: &[&[u8]], letters: &[u8]) {
    let letter = picked(letters, usize::from(by)).unwrap_or(by);
    let stretch = at..(at + usize::from(by)).min(bytes.len());
    match how % 12 {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = letter;
            }
        }
        2 | 3 => bytes.insert(at, letter),
        4 => bytes.insert(at, by),
        5 | 6 => drop(bytes.drain(stretch)),
        7 => {
            let twice = bytes.get(stretch).unwrap_or_default().to_vec();
            bytes.splice(at..at, twice);
        }
        // a repeated stretch reveals quadratic time
        8 => {
            let once = bytes.get(at..(at + 1 + usize::from(by % 16)).min(bytes.len()));
            let once = once.unwrap_or_default().to_vec();
            let room = BYTES_MAX.saturating_sub(bytes.len());
            let times = room.checked_div(once.len()).unwrap_or(0);
            bytes.splice(at..at, once.repeat(times));
        }
        9 => bytes.truncate(at),
        10 => {
            bytes.truncate(at);
            let other = picked(samples, usize::from(by)).unwrap_or_default();
            bytes.extend_from_slice(other.get(at.min(other.len())..).unwrap_or_default());
        }
        _ => {
            let edge = picked(EDGES, usize::from(by)).unwrap_or_default();
            bytes.splice(at..at, edge.bytes());
        }
    }
}

const EDGES: &[&str] = &[
    "-1",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "-0",
    "null",
    "\\ud800",
    "%00",
    "%F0",
    "\u{202e}",
    "9999-12-31T23:59:59.999999999Z",
    "-9999-01-01T00:00:00Z",
    "2026-02-30T25:61:61Z",
    "../",
    "=cmd",
];

/// Runs a reader with a time limit.
///
/// # Panics
/// When it takes too long.
pub fn in_time<T>(read: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let found = read();
    let took = begun.elapsed();
    assert!(took < TIME_MAX, "one input took {took:?}");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_itself_or_a_changed_sample() {
        let samples: [&[u8]; 2] = [b"first", b"second"];
        let of =
            |input: &[u8]| String::from_utf8_lossy(&changed(input, &samples, b"x")).into_owned();
        assert_eq!(of(b"{}"), "{}");
        assert_eq!(of(b""), "");
        assert_eq!(of(&[0x80]), "first");
        assert_eq!(of(&[0x81]), "second");
        assert_eq!(of(&[0x80, 0, 1, 0, 9]), "fxrst");
        assert_eq!(of(&[0x80, 0, 1, 2, 9]), "fxirst");
        assert_eq!(of(&[0x80, 0, 1, 5, 2]), "fst");
        assert_eq!(of(&[0x80, 0, 1, 7, 2]), "firirst");
        assert_eq!(of(&[0x80, 0, 2, 10, 1]), "ficond");
        assert_eq!(of(&[0x80, 0, 5, 11, 0]), "first-1");
        let long = of(&[0x80, 0, 0, 8, 0]).len();
        assert!((BYTES_MAX - 16..=BYTES_MAX).contains(&long), "{long}");
    }
}
