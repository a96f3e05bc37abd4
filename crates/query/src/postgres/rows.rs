//! Rows in PostgreSQL's binary COPY format: needs no escaping and is lossless, except for U+0000.

use bytes::{BufMut as _, Bytes, BytesMut};
use hallpass_inventory::Cell;
use serde_json::Value;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Microseconds from 1970 to the PostgreSQL epoch 2000.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
const INSTEAD_OF_NUL: &str = "\u{fffd}";

pub(super) struct CopyRows {
    bytes: BytesMut,
    pub(super) replaced: u64,
}

impl CopyRows {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::from(HEADER),
            replaced: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    pub(super) fn end(mut self) -> Bytes {
        self.bytes.put_i16(-1);
        self.bytes.freeze()
    }

    pub(super) fn push(&mut self, row: &[Cell]) {
        // tables have some tens of columns
        self.bytes
            .put_i16(i16::try_from(row.len()).unwrap_or(i16::MAX));
        for cell in row {
            match cell {
                Cell::Null => self.bytes.put_i32(-1),
                Cell::Bool(value) => self.field(&[u8::from(*value)]),
                Cell::Int(number) => self.field(&number.to_be_bytes()),
                Cell::Time(instant) => {
                    let since_2000 = instant.as_microsecond() - EPOCH_MICROSECONDS;
                    self.field(&since_2000.to_be_bytes());
                }
                Cell::Text(text) if text.contains('\0') => {
                    self.replaced += 1;
                    self.field(text.replace('\0', INSTEAD_OF_NUL).as_bytes());
                }
                Cell::Text(text) => self.field(text.as_bytes()),
                Cell::Json(document) => self.json(document),
            }
        }
    }

    fn json(&mut self, document: &Value) {
        let mut text = document.to_string();
        if has_nul(document) {
            self.replaced += 1;
            text = without_nul(document).to_string();
        }
        // jsonb starts with a format version
        let mut field = Vec::with_capacity(text.len() + 1);
        field.push(1);
        field.extend_from_slice(text.as_bytes());
        self.field(&field);
    }

    fn field(&mut self, bytes: &[u8]) {
        // PostgreSQL refuses more than 1 GB
        self.bytes
            .put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.bytes.put_slice(bytes);
    }
}

fn has_nul(document: &Value) -> bool {
    match document {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => {
            let mut members = members.iter();
            members.any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn without_nul(document: &Value) -> Value {
    let clean = |text: &str| text.replace('\0', INSTEAD_OF_NUL);
    match document {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => items.iter().map(without_nul).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (clean(name), without_nul(value)));
            Value::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => document.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_its_fields_with_their_lengths() {
        let mut rows = CopyRows::new();
        assert_eq!(rows.take().len(), 19);
        rows.push(&[
            Cell::Null,
            Cell::Bool(true),
            Cell::Int(-2),
            Cell::Time("2000-01-01T00:00:01Z".parse().unwrap()),
            Cell::Text("ä\t\\\n".to_owned()),
            Cell::Json(json!({"a": "\u{1}"})),
        ]);
        let mut wanted = vec![0, 6];
        wanted.extend((-1_i32).to_be_bytes());
        for field in [
            vec![1],
            (-2_i64).to_be_bytes().to_vec(),
            1_000_000_i64.to_be_bytes().to_vec(),
            "ä\t\\\n".as_bytes().to_vec(),
            b"\x01{\"a\":\"\\u0001\"}".to_vec(),
        ] {
            wanted.extend(i32::try_from(field.len()).unwrap().to_be_bytes());
            wanted.extend(field);
        }
        assert_eq!(rows.take(), wanted);
        assert_eq!(
            (rows.replaced, rows.end().as_ref()),
            (0, [255, 255].as_slice())
        );
    }

    #[test]
    fn what_postgresql_cannot_hold_is_replaced_and_counted() {
        let mut rows = CopyRows::new();
        rows.push(&[
            Cell::Text("a\0b".to_owned()),
            Cell::Json(json!({"k\0": ["\0", {"x": 1}], "n": null})),
            Cell::Json(json!("a backslash and u0000: \\u0000")),
        ]);
        assert_eq!(rows.replaced, 2);
        let bytes = rows.end();
        let text = String::from_utf8_lossy(bytes.get(19..).unwrap());
        for part in [
            "a\u{fffd}b",
            "{\"k\u{fffd}\":[\"\u{fffd}\",{\"x\":1}],\"n\":null}",
            "\\\\u0000",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
