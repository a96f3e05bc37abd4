//! Filters records by their bytes: most records are unwanted and never parsed.

use std::collections::BTreeSet;

use memchr::memmem::Finder;

/// Wanted event names, of any source.
#[derive(Clone, Debug)]
pub struct EventNames {
    names: BTreeSet<Vec<u8>>,
    of_record: Finder<'static>,
    of_lookup: Finder<'static>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementKind {
    Record,
    LookupEvent,
}

impl EventNames {
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(|it| it.as_bytes().to_vec());
        Self {
            names: names.collect(),
            of_record: Finder::new(b"\"eventName\""),
            of_lookup: Finder::new(b"\"EventName\""),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name.as_bytes())
    }

    /// Whether the bytes may be a wanted event. May return false positives, never false negatives.
    pub(crate) fn may_be_in(&self, element: &[u8], kind: ElementKind) -> bool {
        let finder = match kind {
            ElementKind::Record => &self.of_record,
            ElementKind::LookupEvent => &self.of_lookup,
        };
        let length = finder.needle().len();
        let mut found = false;
        for at in finder.find_iter(element) {
            found = true;
            let after = element.get(at + length..).unwrap_or_default();
            match text_after_colon(after) {
                Some(name) if self.names.contains(name) => return true,
                // The key as a value, or a non-text value
                None if !is_key(after) => {}
                // Escaped: left to the parser
                Some(name) if name.contains(&b'\\') => return true,
                Some(_) | None => {}
            }
        }
        !found
    }
}

fn is_key(after: &[u8]) -> bool {
    after.trim_ascii_start().first() == Some(&b':')
}

fn text_after_colon(after: &[u8]) -> Option<&[u8]> {
    let value = after.trim_ascii_start().strip_prefix(b":")?;
    let text = value.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_test_never_says_no_of_a_wanted_event() {
        let names = EventNames::new(["UpdatePassword", "Federate"]);
        let rows: [(&str, bool); 9] = [
            (r#"{"eventName":"UpdatePassword"}"#, true),
            (r#"{ "eventName" : "Federate" }"#, true),
            (r#"{"eventName":"GetObject"}"#, false),
            (r#"{"eventName":"UpdatePasswords"}"#, false),
            (
                r#"{"requestParameters":{"eventName":"X"},"eventName":"Federate"}"#,
                true,
            ),
            (r#"{"a":"eventName","eventName":"Federate"}"#, true),
            (r#"{"eventName":"Feder\u0061te"}"#, true),
            (r#"{"event\u004eame":"Federate"}"#, true),
            (r#"{"eventName":7}"#, false),
        ];
        for (record, wanted) in rows {
            assert_eq!(
                names.may_be_in(record.as_bytes(), ElementKind::Record),
                wanted,
                "{record}"
            );
        }
        let event = br#"{"EventName":"Federate","CloudTrailEvent":"{\"eventName\":\"Federate\"}"}"#;
        assert!(names.may_be_in(event, ElementKind::LookupEvent));
    }
}
