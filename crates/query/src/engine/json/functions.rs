//! JSON functions of the engine; `document` does the lookup.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanBuilder, Int64Builder, ListBuilder, StringArray,
    StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use serde_json::Value;

use super::document::{self, Step};
use crate::engine::values;
use crate::folder::columns::marked_json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum JsonFunctionKind {
    Get,
    GetText,
    GetPath,
    GetPathText,
    Contains,
    HasKey,
    Parse,
    ToJson,
    OfList,
    Length,
    Elements,
    ElementsText,
    Keys,
}

impl JsonFunctionKind {
    const ALL: [Self; 13] = [
        Self::Get,
        Self::GetText,
        Self::GetPath,
        Self::GetPathText,
        Self::Contains,
        Self::HasKey,
        Self::Parse,
        Self::ToJson,
        Self::OfList,
        Self::Length,
        Self::Elements,
        Self::ElementsText,
        Self::Keys,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Get => "jsonb_get",
            Self::GetText => "jsonb_get_text",
            Self::GetPath => "jsonb_extract_path_array",
            Self::GetPathText => "jsonb_extract_path_array_text",
            Self::Contains => "jsonb_contains",
            Self::HasKey => "jsonb_exists",
            Self::Parse => "jsonb",
            Self::ToJson => "to_jsonb",
            Self::OfList => "jsonb_of_list",
            Self::Length => "jsonb_array_length",
            Self::Elements => "jsonb_array_elements_list",
            Self::ElementsText => "jsonb_array_elements_text_list",
            Self::Keys => "jsonb_object_keys_list",
        }
    }

    const fn arguments(self) -> usize {
        match self {
            Self::Get
            | Self::GetText
            | Self::GetPath
            | Self::GetPathText
            | Self::Contains
            | Self::HasKey => 2,
            Self::Parse
            | Self::ToJson
            | Self::OfList
            | Self::Length
            | Self::Elements
            | Self::ElementsText
            | Self::Keys => 1,
        }
    }

    fn returns(self, name: &str) -> Field {
        let text = || Field::new(name, DataType::Utf8, true);
        let list = |item: Field| Field::new(name, DataType::List(Arc::new(item)), true);
        let item = || Field::new_list_field(DataType::Utf8, true);
        match self {
            Self::Get | Self::GetPath | Self::Parse | Self::ToJson | Self::OfList => {
                marked_json(text())
            }
            Self::GetText | Self::GetPathText => text(),
            Self::Contains | Self::HasKey => Field::new(name, DataType::Boolean, true),
            Self::Length => Field::new(name, DataType::Int64, true),
            Self::Elements | Self::ElementsText | Self::Keys => list(item()),
        }
    }
}

pub(super) fn function(kind: JsonFunctionKind) -> ScalarUDF {
    ScalarUDF::from(JsonFunction {
        kind,
        signature: Signature::any(kind.arguments(), Volatility::Immutable),
    })
}

pub(crate) fn functions() -> impl Iterator<Item = ScalarUDF> {
    JsonFunctionKind::ALL.into_iter().map(function)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonFunction {
    kind: JsonFunctionKind,
    signature: Signature,
}

impl ScalarUDFImpl for JsonFunction {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kind.returns(self.name()).data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.kind.returns(self.name())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = match (self.kind, args.args.as_slice()) {
            (JsonFunctionKind::ToJson, [value]) => {
                let array = value.to_array(args.number_rows)?;
                let field = args.arg_fields.first().map(AsRef::as_ref);
                to_json(field, &array)
            }
            (JsonFunctionKind::OfList, [list]) => of_list(&list.to_array(args.number_rows)?),
            (kind, [text]) => of_one(kind, &texts(text, args.number_rows)?)?,
            (kind, [text, second]) => of_two(kind, &texts(text, args.number_rows)?, second)?,
            _ => return exec_err!("`{}` has other arguments", self.name()),
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn texts(value: &ColumnarValue, rows: usize) -> Result<StringArray> {
    let array = value.to_array(rows)?;
    let kind = array.data_type();
    if !matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
    ) {
        return exec_err!("jsonb was expected, and this is `{kind}`");
    }
    Ok(cast(&array, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn of_one(kind: JsonFunctionKind, texts: &StringArray) -> Result<ArrayRef> {
    let documents = texts.iter().map(|text| {
        let text = text?;
        Some(serde_json::from_str::<Value>(text).map_err(|_| text))
    });
    if kind == JsonFunctionKind::Parse {
        let mut builder = StringBuilder::new();
        for document in documents {
            match document.transpose() {
                Ok(document) => builder.append_option(document.map(|it| it.to_string())),
                Err(text) => return exec_err!("`{text}` is no JSON"),
            }
        }
        return Ok(Arc::new(builder.finish()));
    }
    let documents = documents.map(|it| it?.ok());
    if kind == JsonFunctionKind::Length {
        let mut builder = Int64Builder::new();
        for document in documents {
            let length = document.as_ref().and_then(Value::as_array).map(Vec::len);
            builder.append_option(length.and_then(|it| i64::try_from(it).ok()));
        }
        return Ok(Arc::new(builder.finish()));
    }
    let mut builder = ListBuilder::new(StringBuilder::new());
    for document in documents {
        match (kind, document) {
            (JsonFunctionKind::Keys, Some(Value::Object(members))) => {
                builder.append_value(members.iter().map(|(key, _)| Some(key.as_str())));
            }
            (JsonFunctionKind::Elements, Some(Value::Array(elements))) => {
                builder.append_value(elements.iter().map(|it| Some(it.to_string())));
            }
            (JsonFunctionKind::ElementsText, Some(Value::Array(elements))) => {
                builder.append_value(elements.into_iter().map(document::as_text));
            }
            _ => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn of_two(kind: JsonFunctionKind, texts: &StringArray, second: &ColumnarValue) -> Result<ArrayRef> {
    if matches!(kind, JsonFunctionKind::Contains | JsonFunctionKind::HasKey) {
        let others = self::texts(second, texts.len())?;
        let mut builder = BooleanBuilder::new();
        for (text, other) in texts.iter().zip(others.iter()) {
            builder.append_option(text.zip(other).and_then(|(text, other)| {
                let document: Value = serde_json::from_str(text).ok()?;
                if kind == JsonFunctionKind::HasKey {
                    return Some(document::has_key(&document, other));
                }
                Some(document::contains(
                    &document,
                    &serde_json::from_str(other).ok()?,
                ))
            }));
        }
        return Ok(Arc::new(builder.finish()));
    }
    let steps = Steps::new(kind, second)?;
    let mut builder = StringBuilder::new();
    for (row, text) in texts.iter().enumerate() {
        let found = text
            .zip(steps.at(row))
            .and_then(|(text, steps)| match steps.as_slice() {
                [step] => document::get(text, step),
                steps => document::get_path(text, &names(steps)),
            });
        let is_text = matches!(
            kind,
            JsonFunctionKind::GetText | JsonFunctionKind::GetPathText
        );
        builder.append_option(found.and_then(|value| {
            if is_text {
                document::as_text(value)
            } else {
                Some(value.to_string())
            }
        }));
    }
    Ok(Arc::new(builder.finish()))
}

fn names(steps: &[Step]) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Key(name) | Step::Either(name) => name.clone(),
        Step::Index(index) => index.to_string(),
    };
    steps.iter().map(name).collect()
}

enum Steps {
    Same(Option<Vec<Step>>),
    Each(Vec<Option<Vec<Step>>>),
}

impl Steps {
    fn new(kind: JsonFunctionKind, second: &ColumnarValue) -> Result<Self> {
        Ok(match second {
            ColumnarValue::Scalar(value) => Self::Same(steps(kind, value)?),
            ColumnarValue::Array(array) => {
                let rows = (0..array.len())
                    .map(|row| steps(kind, &ScalarValue::try_from_array(array, row)?));
                Self::Each(rows.collect::<Result<_>>()?)
            }
        })
    }

    fn at(&self, row: usize) -> Option<&Vec<Step>> {
        match self {
            Self::Same(steps) => steps.as_ref(),
            Self::Each(rows) => rows.get(row)?.as_ref(),
        }
    }
}

fn steps(kind: JsonFunctionKind, value: &ScalarValue) -> Result<Option<Vec<Step>>> {
    if value.is_null() {
        return Ok(None);
    }
    let is_path = matches!(
        kind,
        JsonFunctionKind::GetPath | JsonFunctionKind::GetPathText
    );
    Ok(Some(match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
            if is_path =>
        {
            path_of(text)
        }
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => vec![Step::Key(text.clone())],
        ScalarValue::Int64(Some(index)) if !is_path => vec![Step::Index(*index)],
        ScalarValue::Int32(Some(index)) if !is_path => vec![Step::Index(i64::from(*index))],
        ScalarValue::List(list) if is_path => {
            let names = cast(&list.value(0), &DataType::Utf8)?;
            let names = names.as_string::<i32>().iter().flatten();
            names.map(|name| Step::Either(name.to_owned())).collect()
        }
        other => {
            return exec_err!("a name, a number or a path was expected, and this is `{other}`");
        }
    }))
}

fn path_of(text: &str) -> Vec<Step> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let parts = inner.split(',').map(|part| part.trim().trim_matches('"'));
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(|part| Step::Either(part.to_owned())).collect()
}

fn to_json(field: Option<&Field>, array: &ArrayRef) -> ArrayRef {
    let unknown = Field::new("", array.data_type().clone(), true);
    let field = field.unwrap_or(&unknown);
    let documents = (0..array.len()).map(|row| values::json(field, array, row).to_string());
    Arc::new(StringArray::from_iter_values(documents))
}

fn of_list(array: &ArrayRef) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for row in 0..array.len() {
        let list = array.as_list_opt::<i32>().filter(|it| it.is_valid(row));
        let list = list.map(|it| it.value(row));
        let texts = list.as_ref().and_then(|it| it.as_string_opt::<i32>());
        let texts = texts.map(|it| {
            it.iter()
                .map(|text| text.unwrap_or("null"))
                .collect::<Vec<_>>()
        });
        builder.append_option(texts.map(|texts| format!("[{}]", texts.join(","))));
    }
    Arc::new(builder.finish())
}
