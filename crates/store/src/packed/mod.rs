//! Compresses bodies: JSON text in a third of its size, and back to the same text.
//!
//! Records, requests and grants are mostly member names, identifiers, hashes and instants, many
//! repeated. A name in [`words`] takes one byte, an identifier sixteen, a hash its bytes, an
//! instant its microseconds, and a repeated text a reference.
//!
//! INVARIANT: `unpack(pack(text)) == text`, to the byte, for every text: packing verifies its
//! output, and stores the text otherwise. Each body is decodable with this code alone.

mod forms;
mod pack;
mod unpack;
mod words;

use crate::fault::StorageFault;

/// First byte of a plain text body.
const PLAIN: u8 = 0;
/// First byte of a packed body.
const PACKED: u8 = 1;

/// Maximum nesting.
const DEPTH_MAX: u32 = 64;

/// The next item's kind. Bytes from [`tag::WORD`] on are words.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const NUMBER: u8 = 3;
    pub(super) const NUMERAL: u8 = 4;
    pub(super) const ARRAY: u8 = 5;
    pub(super) const OBJECT: u8 = 6;
    pub(super) const END: u8 = 7;
    pub(super) const TEXT: u8 = 8;
    pub(super) const AGAIN: u8 = 9;
    /// A word beyond the first 128, by number.
    pub(super) const RARE_WORD: u8 = 10;
    pub(super) const UUID: u8 = 11;
    pub(super) const ID: u8 = 12;
    pub(super) const HEX: u8 = 13;
    pub(super) const DIGITS: u8 = 14;
    pub(super) const INSTANT: u8 = 15;
    pub(super) const LOG_TIME: u8 = 16;
    pub(super) const SET_ARN: u8 = 17;
    pub(super) const WORD: u8 = 128;
}

pub(crate) fn pack(text: &str) -> Vec<u8> {
    if let Some(packed) = pack::pack(text)
        && unpack(&packed).is_ok_and(|back| back == text)
    {
        return packed;
    }
    let mut plain = Vec::with_capacity(text.len() + 1);
    plain.push(PLAIN);
    plain.extend_from_slice(text.as_bytes());
    plain
}

/// Returns the text of a stored body.
///
/// # Errors
/// When [`pack`] cannot have made the bytes.
pub(crate) fn unpack(bytes: &[u8]) -> Result<String, StorageFault> {
    let broken =
        || StorageFault::Unavailable("a stored body cannot be read: it was changed".to_owned());
    match bytes.split_first() {
        Some((&PLAIN, text)) => String::from_utf8(text.to_vec()).map_err(|_| broken()),
        Some((&PACKED, packed)) => unpack::unpack(packed).ok_or_else(broken),
        _ => Err(broken()),
    }
}

#[cfg(test)]
mod tests;
