//! A file of a log: plain or gzipped, as a trail wrote it or as pages of `LookupEvents` were saved.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::elements::each_element;
use super::fault::LogFault;
use super::names::{ElementKind, EventNames};
use super::record::CloudTrailRecord;

/// What was in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCount {
    /// All records.
    pub records: u64,
    /// Those of a wanted name.
    pub wanted: u64,
    /// Bytes of all records, without their compression.
    pub bytes: u64,
}

/// Gives the records of a file that have a wanted name. It is in memory one record at a time. After a fault, what was
/// given is true, and how much is missing is not known.
///
/// # Errors
/// The file is broken, or something else than a log.
pub fn read_log(
    bytes: impl Read,
    names: &EventNames,
    mut each: impl FnMut(CloudTrailRecord),
) -> Result<ReadCount, LogFault> {
    let mut wanted = 0;
    let mut count = each_text(bytes, |text, kind| {
        if !names.may_be_in(text.as_bytes(), kind) {
            return Ok(());
        }
        let parsed = CloudTrailRecord::parse(text, kind)?;
        if names.has(&parsed.event_name) {
            wanted += 1;
            each(parsed);
        }
        Ok(())
    })?;
    count.wanted = wanted;
    Ok(count)
}

/// Gives the text of every record of a file, with what it is.
pub(crate) fn each_text(
    bytes: impl Read,
    mut each: impl FnMut(&str, ElementKind) -> Result<(), serde_json::Error>,
) -> Result<ReadCount, LogFault> {
    let mut count = ReadCount::default();
    let plain = unpacked(bytes).map_err(|error| LogFault::of(&error))?;
    each_element(plain, |element, kind| {
        count.records += 1;
        count.bytes += element.len() as u64;
        let record = count.records;
        let text = str::from_utf8(element).map_err(|_| LogFault::NoText { record })?;
        each(text, kind).map_err(|error| LogFault::BadRecord {
            record,
            why: error.to_string(),
        })
    })?;
    Ok(count)
}

/// The bytes without their compression, if they are compressed.
pub(crate) fn unpacked<'a>(mut bytes: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let first = first_two(&mut bytes)?;
    let is_gzip = first == [0x1f, 0x8b];
    let whole = Cursor::new(first).chain(bytes);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// The first two bytes, or fewer where there are no more.
fn first_two(bytes: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(2);
    bytes.by_ref().take(2).read_to_end(&mut first)?;
    Ok(first)
}
