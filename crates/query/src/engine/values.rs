//! Values of an answer as JSON (`inventory.md` U-8).

use datafusion::arrow::array::{Array, AsArray as _};
use datafusion::arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use jiff::Timestamp;
use serde_json::Value;

use crate::folder::columns::is_json;

pub(crate) fn json(field: &Field, array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Utf8 => of_text(field, array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => of_text(field, array.as_string::<i64>().value(row)),
        DataType::Utf8View => of_text(field, array.as_string_view().value(row)),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            let text = shown(array, row);
            text.parse::<f64>().map_or(Value::String(text), Value::from)
        }
        DataType::Timestamp(unit, _) => instant(*unit, array, row),
        DataType::List(item) => list(item, &*array.as_list::<i32>().value(row)),
        DataType::LargeList(item) => list(item, &*array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(item, _) => list(item, &*array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let members = columns.map(|(it, column)| (it.name().clone(), json(it, column, row)));
            Value::Object(members.collect())
        }
        _ => Value::String(shown(array, row)),
    }
}

fn of_text(field: &Field, text: &str) -> Value {
    let document = is_json(field).then(|| serde_json::from_str(text).ok());
    document
        .flatten()
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn list(item: &Field, elements: &dyn Array) -> Value {
    let elements = (0..elements.len()).map(|row| json(item, elements, row));
    Value::Array(elements.collect())
}

fn instant(unit: TimeUnit, array: &dyn Array, row: usize) -> Value {
    let instant = match unit {
        TimeUnit::Second => {
            Timestamp::from_second(array.as_primitive::<TimestampSecondType>().value(row))
        }
        TimeUnit::Millisecond => {
            Timestamp::from_millisecond(array.as_primitive::<TimestampMillisecondType>().value(row))
        }
        TimeUnit::Microsecond => {
            Timestamp::from_microsecond(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        TimeUnit::Nanosecond => Timestamp::from_nanosecond(i128::from(
            array.as_primitive::<TimestampNanosecondType>().value(row),
        )),
    };
    Value::String(instant.map_or_else(|_| shown(array, row), |it| it.to_string()))
}

fn shown(array: &dyn Array, row: usize) -> String {
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default());
    formatter.map_or_else(|_| String::new(), |it| it.value(row).to_string())
}
