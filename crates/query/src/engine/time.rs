//! Pins `now()` and related functions (`inventory.md` C-1), so that a query over a snapshot is
//! reproducible.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, IntervalMonthDayNanoBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use crate::folder::columns::instant_type;

pub(crate) fn functions(now: Timestamp) -> [ScalarUDF; 3] {
    let none = || Signature::nullary(Volatility::Immutable);
    let today = now.to_zoned(TimeZone::UTC).date();
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = epoch.until(today).map_or(0, |span| span.get_days());
    [
        ScalarUDF::from(Pinned {
            name: "now",
            aliases: vec!["current_timestamp".to_owned()],
            value: ScalarValue::TimestampMicrosecond(
                Some(now.as_microsecond()),
                Some("UTC".into()),
            ),
            signature: none(),
        }),
        ScalarUDF::from(Pinned {
            name: "current_date",
            aliases: vec!["today".to_owned()],
            value: ScalarValue::Date32(Some(days)),
            signature: none(),
        }),
        ScalarUDF::from(Age {
            today: today
                .to_zoned(TimeZone::UTC)
                .map_or(now, |it| it.timestamp()),
            signature: Signature::variadic_any(Volatility::Immutable),
        }),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Pinned {
    name: &'static str,
    aliases: Vec<String>,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Pinned {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `age(a, b)`: from `b` to `a` in years, months and days; `age(b)` until today.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Age {
    today: Timestamp,
    signature: Signature,
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &'static str {
        "age"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let instants = |value: &ColumnarValue| -> Result<Vec<Option<i64>>> {
            let array = cast(&value.to_array(args.number_rows)?, &instant_type())?;
            let array = array.as_primitive::<TimestampMicrosecondType>();
            Ok((0..array.len())
                .map(|row| array.is_valid(row).then(|| array.value(row)))
                .collect())
        };
        let today = vec![Some(self.today.as_microsecond()); args.number_rows];
        let (later, earlier) = match args.args.as_slice() {
            [earlier] => (today, instants(earlier)?),
            [later, earlier] => (instants(later)?, instants(earlier)?),
            _ => return exec_err!("`age` takes one instant or two"),
        };
        let mut builder = IntervalMonthDayNanoBuilder::new();
        for (later, earlier) in later.into_iter().zip(earlier) {
            builder.append_option(later.zip(earlier).and_then(|(a, b)| age(a, b)));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    }
}

fn age(later: i64, earlier: i64) -> Option<IntervalMonthDayNano> {
    let civil = |micros| {
        let instant = Timestamp::from_microsecond(micros).ok()?;
        Some(instant.to_zoned(TimeZone::UTC).datetime())
    };
    let span = civil(earlier)?.until((Unit::Month, civil(later)?)).ok()?;
    let seconds = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    let below = span.get_milliseconds() * 1_000_000 + span.get_microseconds() * 1_000;
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(below)?;
    Some(IntervalMonthDayNano::new(
        span.get_months(),
        span.get_days(),
        nanos,
    ))
}
