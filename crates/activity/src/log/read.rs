//! Reads a log file: plain or gzipped, of a trail or of saved `LookupEvents` pages.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::elements::each_element;
use super::fault::LogFault;
use super::names::{ElementKind, EventNames};
use super::record::CloudTrailRecord;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCount {
    pub records: u64,
    pub wanted: u64,
    /// Decompressed.
    pub bytes: u64,
}

/// Returns records of wanted names, one in memory at a time. After a fault, earlier records are
/// valid, and the missing amount is unknown.
///
/// # Errors
/// The file is broken or no log.
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

/// Returns fewer at the end of the file.
fn first_two(bytes: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(2);
    bytes.by_ref().take(2).read_to_end(&mut first)?;
    Ok(first)
}
