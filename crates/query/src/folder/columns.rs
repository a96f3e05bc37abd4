//! Converts rows to and from Arrow columns: text as UTF-8, instants in microseconds of UTC, JSON as
//! marked text.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::error::ArrowError;
use hallpass_inventory::{Cell, ColumnType, InventoryColumn, InventoryTable, TableRow};
use jiff::Timestamp;

/// Arrow's marker for JSON text columns.
const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Returns the Arrow field. Always nullable, because older files may lack the column.
pub(crate) fn field(name: &str, kind: ColumnType) -> Field {
    let data = match kind {
        ColumnType::Text | ColumnType::Json => DataType::Utf8,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int8 => DataType::Int64,
        ColumnType::Timestamp => instant_type(),
    };
    let field = Field::new(name, data, true);
    match kind {
        ColumnType::Json => marked_json(field),
        ColumnType::Text | ColumnType::Bool | ColumnType::Int8 | ColumnType::Timestamp => field,
    }
}

pub(crate) fn marked_json(field: Field) -> Field {
    let mark = [(EXTENSION.0.to_owned(), EXTENSION.1.to_owned())];
    field.with_metadata(HashMap::from(mark))
}

pub(crate) fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION.0).map(String::as_str) == Some(EXTENSION.1)
}

pub(crate) fn schema(table: &InventoryTable) -> SchemaRef {
    let fields = table.columns.iter().map(|it| field(it.name, it.kind));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(crate) fn batch(table: &InventoryTable, rows: &[TableRow]) -> Result<RecordBatch, ArrowError> {
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(index, column)| array(column, index, rows));
    RecordBatch::try_new(schema(table), columns.collect())
}

fn array(column: &InventoryColumn, index: usize, rows: &[TableRow]) -> ArrayRef {
    let cells = rows.iter().map(|row| row.get(index).unwrap_or(&Cell::Null));
    match column.kind {
        ColumnType::Text | ColumnType::Json => {
            let mut builder = StringBuilder::new();
            cells.for_each(|cell| match cell {
                Cell::Text(text) => builder.append_value(text),
                Cell::Json(document) => builder.append_value(document.to_string()),
                Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Time(_) => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        ColumnType::Bool => {
            let mut builder = BooleanBuilder::new();
            cells.for_each(|cell| {
                let Cell::Bool(value) = cell else {
                    return builder.append_null();
                };
                builder.append_value(*value);
            });
            Arc::new(builder.finish())
        }
        ColumnType::Int8 => {
            let mut builder = Int64Builder::new();
            cells.for_each(|cell| {
                let Cell::Int(number) = cell else {
                    return builder.append_null();
                };
                builder.append_value(*number);
            });
            Arc::new(builder.finish())
        }
        ColumnType::Timestamp => {
            let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            cells.for_each(|cell| {
                let Cell::Time(instant) = cell else {
                    return builder.append_null();
                };
                builder.append_value(instant.as_microsecond());
            });
            Arc::new(builder.finish())
        }
    }
}

/// Converts columns to rows. Columns missing in the file are null; unknown columns are ignored.
pub(crate) fn rows(table: &InventoryTable, batch: &RecordBatch) -> Vec<TableRow> {
    let columns = table.columns.iter();
    let arrays: Vec<_> = columns
        .map(|it| (it.kind, batch.column_by_name(it.name)))
        .collect();
    let row = |index: usize| {
        let cells = arrays.iter().map(|(kind, array)| {
            let array = array.filter(|it| it.is_valid(index));
            array
                .and_then(|it| cell(*kind, it, index))
                .unwrap_or(Cell::Null)
        });
        cells.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn cell(kind: ColumnType, array: &ArrayRef, index: usize) -> Option<Cell> {
    Some(match kind {
        ColumnType::Text => Cell::Text(array.as_string_opt::<i32>()?.value(index).to_owned()),
        ColumnType::Json => {
            let text = array.as_string_opt::<i32>()?.value(index);
            Cell::Json(serde_json::from_str(text).ok()?)
        }
        ColumnType::Bool => Cell::Bool(array.as_boolean_opt()?.value(index)),
        ColumnType::Int8 => Cell::Int(array.as_primitive_opt::<Int64Type>()?.value(index)),
        ColumnType::Timestamp => {
            let micros = array
                .as_primitive_opt::<TimestampMicrosecondType>()?
                .value(index);
            Cell::Time(Timestamp::from_microsecond(micros).ok()?)
        }
    })
}
