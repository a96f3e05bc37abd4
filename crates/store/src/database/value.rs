//! Values of statements and rows: integers, texts, bytes, null. Booleans are 1 or 0.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'v> {
    Null,
    Integer(i64),
    Text(&'v str),
    Blob(&'v [u8]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnedValue {
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<i64> for OwnedValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<Vec<u8>> for OwnedValue {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

pub(crate) trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl ToValue for OwnedValue {
    fn to_value(&self) -> Value<'_> {
        match self {
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl ToValue for u32 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

pub(crate) trait FromValue: Sized {
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            Value::Null | Value::Text(_) | Value::Blob(_) => None,
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            Value::Null | Value::Integer(_) | Value::Blob(_) => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.to_vec()),
            Value::Null | Value::Integer(_) | Value::Text(_) => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Bound<'v> {
    /// `?1`, `?2`, … in this order.
    InOrder(&'v [Value<'v>]),
    /// Each `:name` with its colon.
    Named(&'v [(&'v str, Value<'v>)]),
}

/// Statement arguments: nothing, an array of one, a tuple, or named ones.
pub(crate) trait Params {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R;
}

impl Params for () {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::InOrder(&[]))
    }
}

impl Params for [Value<'static>; 0] {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::InOrder(&[]))
    }
}

impl<T: ToValue> Params for [T; 1] {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::InOrder(&self.each_ref().map(ToValue::to_value)))
    }
}

impl Params for &[Value<'_>] {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::InOrder(self))
    }
}

impl Params for &[(&str, Value<'_>)] {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::Named(self))
    }
}

impl<const N: usize> Params for &[(&str, Value<'_>); N] {
    fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
        run(Bound::Named(self))
    }
}

macro_rules! in_order {
    ($($kind:ident $place:tt)+) => {
        impl<$($kind: ToValue),+> Params for ($($kind,)+) {
            fn bound<R>(self, run: impl FnOnce(Bound<'_>) -> R) -> R {
                run(Bound::InOrder(&[$(self.$place.to_value()),+]))
            }
        }
    };
}

in_order!(A 0 B 1);
in_order!(A 0 B 1 C 2);
in_order!(A 0 B 1 C 2 D 3);
in_order!(A 0 B 1 C 2 D 3 E 4);
in_order!(A 0 B 1 C 2 D 3 E 4 F 5);
in_order!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
in_order!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
in_order!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
in_order!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

macro_rules! named {
    ($($name:literal: $value:expr),+ $(,)?) => {
        &[$(($name, $crate::database::ToValue::to_value(&$value))),+]
    };
}

pub(crate) use named;
