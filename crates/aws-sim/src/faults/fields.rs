//! Reads each field of an object once, and names wrong ones.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub field: String,
    pub message: String,
}

pub(super) struct Fields {
    place: String,
    pub(super) rest: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(place: &str, value: &Value) -> Result<Self, Wrong> {
        match value {
            Value::Object(rest) => Ok(Self {
                place: place.to_owned(),
                rest: rest.clone(),
            }),
            _ => Err(Wrong {
                field: place.to_owned(),
                message: "expected an object".to_owned(),
            }),
        }
    }

    pub(super) fn name(&self, field: &str) -> String {
        if self.place.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.place)
        }
    }

    pub(super) fn wrong<T>(&self, field: &str, message: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong {
            field: self.name(field),
            message: message.into(),
        })
    }

    pub(super) fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, Wrong> {
        match self.rest.shift_remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| Wrong {
                    field: self.name(field),
                    message: error.to_string(),
                }),
        }
    }

    pub(super) fn need<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, Wrong> {
        match self.take(field)? {
            Some(value) => Ok(value),
            None => self.wrong(field, "is missing"),
        }
    }

    pub(super) fn not_negative(
        &mut self,
        field: &str,
        value: Option<f64>,
    ) -> Result<Option<f64>, Wrong> {
        match value {
            Some(number) if !number.is_finite() || number < 0.0 => {
                self.wrong(field, "must not be negative")
            }
            other => Ok(other),
        }
    }

    pub(super) fn millis(&mut self, field: &str) -> Result<i64, Wrong> {
        let seconds: f64 = self.need(field)?;
        self.not_negative(field, Some(seconds))?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a century of milliseconds fits"
        )]
        let millis = (seconds.min(3.2e9) * 1000.0) as i64;
        Ok(millis)
    }

    pub(super) fn instant(&mut self, field: &str) -> Result<Option<i64>, Wrong> {
        let at: Option<jiff::Timestamp> = self.take(field)?;
        Ok(at.map(jiff::Timestamp::as_millisecond))
    }

    pub(super) fn done(self) -> Result<(), Wrong> {
        match self.rest.keys().next() {
            Some(key) => self.wrong(key, "unknown key"),
            None => Ok(()),
        }
    }
}
