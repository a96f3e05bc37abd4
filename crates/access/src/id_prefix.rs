//! Shortened ids: the first hex digits of a request or grant.

use std::ops::Range;
use std::str::FromStr;

use hallpass_base::{GrantId, RequestId};

/// The fewest hex digits of a shortened id.
pub const ID_DIGITS_MIN: usize = 8;
const DIGITS: usize = 32;

/// The requests whose ids begin with `text`.
pub fn requests_beginning_with(text: &str) -> Option<Range<RequestId>> {
    range(RequestId::PREFIX, text)
}

/// The grants whose ids begin with `text`.
pub fn grants_beginning_with(text: &str) -> Option<Range<GrantId>> {
    range(GrantId::PREFIX, text)
}

fn range<I: FromStr>(prefix: &str, text: &str) -> Option<Range<I>> {
    let hex = text.strip_prefix(prefix)?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if !(ID_DIGITS_MIN..=DIGITS).contains(&hex.len()) || !hex.bytes().all(is_hex) {
        return None;
    }
    let start = u128::from_str_radix(&format!("{hex:0<DIGITS$}"), 16).ok()?;
    let size = 1_u128 << (4 * (DIGITS - hex.len()));
    let id = |number: u128| format!("{prefix}{number:032x}").parse().ok();
    Some(id(start)?..id(start.checked_add(size)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range_of_ids() {
        let id: RequestId = "req_01934a5b6c7d7e8f90123456789abcdf".parse().unwrap();
        for (text, holds) in [
            ("req_01934a5b", true),
            ("req_01934a5b6c7d7e8f90123456789abcd", true),
            ("req_01934a5b6c7d7e8f90123456789abcdf", true),
            ("req_01934a5c", false),
            ("req_01934a5b6c7d7e8f90123456789abcde", false),
        ] {
            let range = requests_beginning_with(text).unwrap();
            assert_eq!(range.contains(&id), holds, "{text}");
        }
        for bad in [
            "",
            "req_",
            "req_01934a5",
            "grn_01934a5b",
            "req_01934A5B",
            "req_01934a5g",
            "req_+1934a5b",
            "req_ffffffff",
            "req_01934a5b6c7d7e8f90123456789abcde0",
        ] {
            assert!(requests_beginning_with(bad).is_none(), "{bad}");
        }
    }
}
