//! Which records are wanted, seen in their bytes: most records of a log are none of ours, and are never parsed.

use std::collections::BTreeSet;

use memchr::memmem::Finder;

/// Names of events that are wanted, of any source.
#[derive(Clone, Debug)]
pub struct EventNames {
    names: BTreeSet<Vec<u8>>,
    of_record: Finder<'static>,
    of_lookup: Finder<'static>,
}

/// What an element of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementKind {
    /// A record, as trails write it.
    Record,
    /// An event of `LookupEvents`, which has its record as text.
    LookupEvent,
}

impl EventNames {
    /// These names.
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

    /// Whether the bytes may be of a wanted event. Never says no of one that is: what cannot be told from the bytes
    /// is for the parser.
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
                // the key as a value, or a value that is no text
                None if !is_key(after) => {}
                // escaped: the parser knows
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
