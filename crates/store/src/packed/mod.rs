//! Bodies in fewer bytes: JSON text in a form a third of its size, and back to the same text.
//!
//! What a record, a request or a grant says is mostly names of members, identifiers, hashes and
//! instants, each written out and many of them twice. Here a name that [`words`] knows is one byte,
//! an identifier its sixteen bytes, a hash its bytes, an instant its microseconds, and a text that
//! came before in the same body a reference to it.
//!
//! INVARIANT: `unpack(pack(text)) == text`, to the byte, for every text: packing reads back what it
//! wrote, and keeps the text itself where that is not so. A body stands for itself: nothing outside
//! it but this code is needed to read it.

mod forms;
mod pack;
mod unpack;
mod words;

use crate::fault::StorageFault;

/// First byte of a body that is its text.
const PLAIN: u8 = 0;
/// First byte of a packed body.
const PACKED: u8 = 1;

/// How deep values may be nested.
const DEPTH_MAX: u32 = 64;

/// What comes next in a packed body. A byte from [`tag::WORD`] on is a word by itself.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    /// A whole number.
    pub(super) const NUMBER: u8 = 3;
    /// Any other number, as it is written.
    pub(super) const NUMERAL: u8 = 4;
    pub(super) const ARRAY: u8 = 5;
    pub(super) const OBJECT: u8 = 6;
    /// The end of an array or object.
    pub(super) const END: u8 = 7;
    /// A text, as it is.
    pub(super) const TEXT: u8 = 8;
    /// A text that came before in this body, by its number.
    pub(super) const AGAIN: u8 = 9;
    /// A word beyond the first 128, by its number.
    pub(super) const RARE_WORD: u8 = 10;
    pub(super) const UUID: u8 = 11;
    /// One of our own identifiers.
    pub(super) const ID: u8 = 12;
    /// Lower-case hex digits.
    pub(super) const HEX: u8 = 13;
    /// Decimal digits.
    pub(super) const DIGITS: u8 = 14;
    /// An instant as Rust writes it.
    pub(super) const INSTANT: u8 = 15;
    /// An instant as the log writes it.
    pub(super) const LOG_TIME: u8 = 16;
    /// The ARN of a permission set.
    pub(super) const SET_ARN: u8 = 17;
    pub(super) const WORD: u8 = 128;
}

/// A body for storing.
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

/// The text of a stored body.
///
/// # Errors
/// When the bytes are none that [`pack`] makes.
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
