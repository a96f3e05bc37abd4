//! Recognizes canonical JSON (RFC 8785) in one pass and locates its members.
//!
//! INVARIANT: texts accepted by [`members`] are canonical. It accepts a subset: non-integers,
//! non-ASCII names or deep nesting need the slow path, which parses, serializes and compares.

use std::ops::Range;

const DEPTH_MAX: u32 = 32;
/// Digits of an integer that every JSON reader keeps exactly (below 2^53).
const DIGITS_MAX: usize = 15;

/// Kept small: every record has about forty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    name: (u32, u32),
    value: (u32, u32),
}

impl Member {
    fn new(name: &Range<usize>, value: Range<usize>) -> Option<Self> {
        let small = |range: &Range<usize>| {
            Some((
                u32::try_from(range.start).ok()?,
                u32::try_from(range.end).ok()?,
            ))
        };
        Some(Self {
            name: small(name)?,
            value: small(&value)?,
        })
    }

    pub(crate) fn name(&self) -> Range<usize> {
        wide(self.name)
    }

    pub(crate) fn value(&self) -> Range<usize> {
        wide(self.value)
    }
}

fn wide((from, to): (u32, u32)) -> Range<usize> {
    let wide = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
    wide(from)..wide(to)
}

/// `None` if the text is not certainly canonical.
pub(crate) fn members(text: &str) -> Option<Box<[Member]>> {
    let mut reader = CanonicalReader {
        bytes: text.as_bytes(),
        place: 0,
    };
    let mut found = Vec::with_capacity(48);
    reader.object(DEPTH_MAX, Some(&mut found))?;
    (reader.place == text.len()).then(|| found.into_boxed_slice())
}

struct CanonicalReader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl CanonicalReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.place).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.place += 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.place..)?;
        rest.starts_with(word).then(|| self.place += word.len())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.object(depth.checked_sub(1)?, None),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.whole_number(),
        }
    }

    fn object(&mut self, depth: u32, mut found: Option<&mut Vec<Member>>) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        let mut before: Option<Range<usize>> = None;
        loop {
            let name = self.string()?;
            let text = self.bytes.get(name.clone())?;
            // Names are ordered by UTF-16 units; for ASCII this is byte order.
            if !text.is_ascii() || text.contains(&b'\\') {
                return None;
            }
            if let Some(before) = before
                && self.bytes.get(before)? >= text
            {
                return None;
            }
            self.take(b':')?;
            let from = self.place;
            self.value(depth)?;
            if let Some(found) = &mut found {
                found.push(Member::new(&name, from..self.place)?);
            }
            before = Some(name);
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Accepts only mandatory escapes; returns the content.
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let from = self.place;
        loop {
            let byte = self.peek()?;
            self.place += 1;
            match byte {
                b'"' => return Some(from..self.place - 1),
                b'\\' => self.escape()?,
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let kind = self.peek()?;
        self.place += 1;
        match kind {
            b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.place..self.place + 4)?;
                self.place += 4;
                let [b'0', b'0', high @ (b'0' | b'1'), low] = digits else {
                    return None;
                };
                let low = match low {
                    b'0'..=b'9' => low - b'0',
                    b'a'..=b'f' => low - b'a' + 10,
                    _ => return None,
                };
                let code = (high - b'0') * 16 + low;
                // These have shorter forms.
                (!matches!(code, 8 | 9 | 10 | 12 | 13)).then_some(())
            }
            _ => None,
        }
    }

    fn whole_number(&mut self) -> Option<()> {
        if self.take(b'0').is_some() {
            return self.is_at_end_of_number();
        }
        let _ = self.take(b'-');
        let digits = self.bytes.get(self.place..)?;
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits.first() == Some(&b'0') || !(1..=DIGITS_MAX).contains(&count) {
            return None;
        }
        self.place += count;
        self.is_at_end_of_number()
    }

    fn is_at_end_of_number(&self) -> Option<()> {
        let more = matches!(self.peek(), Some(b'.' | b'e' | b'E' | b'0'..=b'9'));
        (!more).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn canonical(text: &str) -> Option<String> {
        let value: Value = serde_json::from_str(text).ok()?;
        serde_json_canonicalizer::to_string(&value).ok()
    }

    #[test]
    fn members_are_found_where_they_stand() {
        let text = r#"{"a":"x","b":[1,{"c":"\n"}],"d":-12}"#;
        let found = members(text).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|member| {
                (
                    text.get(member.name()).unwrap(),
                    text.get(member.value()).unwrap(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [("a", "\"x\""), ("b", r#"[1,{"c":"\n"}]"#), ("d", "-12")]
        );
    }

    #[test]
    fn what_is_not_canonical_is_never_taken() {
        for text in [
            "",
            "[]",
            "{} ",
            " {}",
            r#"{"a": 1}"#,
            r#"{"b":1,"a":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u0008"}"#,
            r#"{"a":"\u000d"}"#,
            r#"{"a":"\u001F"}"#,
            r#"{"a":"\u007f"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":+1}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":"#,
            r#"{"a":tru}"#,
            r#"{"a":"x}"#,
            "{a:1}",
        ] {
            assert_eq!(members(text), None, "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(99), "]".repeat(99));
        assert_eq!(members(&deep), None);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c\u{e9}\\\\]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Soundness: accepted texts serialize identically.
        #[test]
        fn whatever_is_taken_is_canonical(text in "[{}\\[\\]\":,\\\\a-c0-9.eu\\- \n]{0,24}") {
            if members(&text).is_some() {
                prop_assert_eq!(canonical(&text), Some(text));
            }
        }

        /// Also with one byte changed, dropped or doubled.
        #[test]
        fn a_flipped_canonical_text_is_taken_only_if_it_is_canonical(
            value in value(), at in any::<prop::sample::Index>(), to in any::<char>(), how in 0..3
        ) {
            let whole = serde_json::json!({"a": value, "hash": "00"});
            let Ok(text) = serde_json_canonicalizer::to_string(&whole) else { return Ok(()) };
            let mut letters: Vec<char> = text.chars().collect();
            let place = at.index(letters.len());
            match how {
                0 => letters[place] = to,
                1 => { letters.remove(place); }
                _ => letters.insert(place, to),
            }
            let changed: String = letters.into_iter().collect();
            if members(&changed).is_some() {
                prop_assert_eq!(canonical(&changed), Some(changed));
            }
        }

        /// Accepts typical records: text, integers, words, lists.
        #[test]
        fn plain_canonical_texts_are_taken(
            texts in prop::collection::btree_map("[a-z_]{1,12}", any::<String>(), 0..12),
            number in -999_999_999_999_999_i64..999_999_999_999_999,
        ) {
            let mut whole = serde_json::json!({"0n": number, "1yes": true, "2list": ["x", null]});
            let map = whole.as_object_mut().unwrap();
            map.extend(texts.into_iter().map(|(name, text)| (name, text.into())));
            let text = serde_json_canonicalizer::to_string(&whole).unwrap();
            prop_assert!(members(&text).is_some(), "{text}");
        }
    }
}
