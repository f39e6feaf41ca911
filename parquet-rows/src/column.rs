//! The columns of a Parquet file: which of the model's fields each one is, and its values as JSON.

use model_package::FieldType;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;
use serde_json::{Number, Value};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::error::{damaged, unsupported};

/// The Julian day number of 1 January 1970.
const EPOCH: i32 = 2_440_588;
const NANOSECONDS_A_DAY: i128 = 86_400_000_000_000;

/// A value of a row.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// There is none, so that a default stands in.
    Absent,
    /// Not a text.
    Value(Value),
    /// A text. Its bytes are the page's, however often it occurs.
    Text(ByteArray),
}

/// What the bits of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Truth,
    Whole,
    Unsigned,
    Real,
    Text,
    /// Days since 1970.
    Day,
    /// Units of so many nanoseconds since 1970, in UTC.
    Moment(i64),
    /// The same, where the time zone is not said.
    Unzoned,
    /// Digits behind the point.
    Decimal(u32),
}

impl Meaning {
    /// What a column means, if it is something that a field of this type can be.
    pub(super) fn of(column: &ColumnDescriptor, field: FieldType) -> Result<Self> {
        let (name, kind) = (column.name(), column.physical_type());
        let meaning = Self::found(column).ok_or_else(|| {
            let logical = column.logical_type_ref().map(|it| format!(" ({it:?})"));
            let logical = logical.unwrap_or_default();
            unsupported(format!(
                "the column {name:?} has the type {kind}{logical}, which is not read"
            ))
        })?;
        let moment = matches!(meaning, Self::Moment(_) | Self::Text);
        if field == FieldType::Timestamp && !moment {
            let found = match meaning {
                Self::Unzoned => "times without a time zone",
                Self::Day => "days",
                _ => "no times",
            };
            return Err(unsupported(format!(
                "the column {name:?} has {found}; expected times in UTC, or texts as RFC 3339 has them"
            )));
        }
        Ok(meaning)
    }

    fn found(column: &ColumnDescriptor) -> Option<Self> {
        let (kind, converted) = (column.physical_type(), column.converted_type());
        let moment =
            |is_utc, nanoseconds| if is_utc { Self::Moment(nanoseconds) } else { Self::Unzoned };
        Some(match (kind, column.logical_type_ref()) {
            (Type::BOOLEAN, _) => Self::Truth,
            (Type::INT32, Some(LogicalType::Date)) => Self::Day,
            (Type::INT32, None) if converted == ConvertedType::DATE => Self::Day,
            (Type::INT64, Some(LogicalType::Timestamp(it))) => {
                let nanoseconds = match it.unit {
                    TimeUnit::MILLIS => 1_000_000,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1,
                };
                moment(it.is_adjusted_to_u_t_c, nanoseconds)
            }
            (Type::INT64, None) if converted == ConvertedType::TIMESTAMP_MILLIS => {
                moment(true, 1_000_000)
            }
            (Type::INT64, None) if converted == ConvertedType::TIMESTAMP_MICROS => {
                moment(true, 1_000)
            }
            // What Hive, Impala and Spark wrote for times: nanoseconds of a day, and the day.
            (Type::INT96, _) => moment(true, 1),
            (Type::INT32 | Type::INT64, Some(LogicalType::Decimal(it))) => {
                Self::Decimal(u32::try_from(it.scale).ok()?)
            }
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(it))) if !it.is_signed => {
                Self::Unsigned
            }
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(_))) => Self::Whole,
            (Type::INT32 | Type::INT64, None) => match converted {
                ConvertedType::DECIMAL => Self::Decimal(u32::try_from(column.type_scale()).ok()?),
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Self::Unsigned,
                ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => return None,
                _ => Self::Whole,
            },
            (Type::FLOAT | Type::DOUBLE, _) => Self::Real,
            (Type::FIXED_LEN_BYTE_ARRAY | Type::BYTE_ARRAY, Some(LogicalType::Decimal(it))) => {
                Self::Decimal(u32::try_from(it.scale).ok()?)
            }
            (
                Type::BYTE_ARRAY,
                Some(LogicalType::String | LogicalType::Enum | LogicalType::Json),
            ) => Self::Text,
            (Type::BYTE_ARRAY, None)
                if converted != ConvertedType::DECIMAL && converted != ConvertedType::BSON =>
            {
                Self::Text
            }
            _ => return None,
        })
    }
}

/// The next values of a column, exactly so many.
pub(super) fn cells(reader: &mut ColumnReader, meaning: Meaning, rows: usize) -> Result<Vec<Cell>> {
    match reader {
        ColumnReader::BoolColumnReader(it) => read(it, rows, |value| Cell::Value((*value).into())),
        ColumnReader::Int32ColumnReader(it) => read(it, rows, |value| match meaning {
            Meaning::Unsigned => Cell::Value(value.cast_unsigned().into()),
            _ => whole((*value).into(), meaning),
        }),
        ColumnReader::Int64ColumnReader(it) => read(it, rows, |value| match meaning {
            Meaning::Unsigned => Cell::Value(value.cast_unsigned().into()),
            _ => whole(*value, meaning),
        }),
        ColumnReader::Int96ColumnReader(it) => read(it, rows, old_moment),
        ColumnReader::FloatColumnReader(it) => read(it, rows, |value| real((*value).into())),
        ColumnReader::DoubleColumnReader(it) => read(it, rows, |value| real(*value)),
        ColumnReader::ByteArrayColumnReader(it) => read(it, rows, |value| bytes(value, meaning)),
        ColumnReader::FixedLenByteArrayColumnReader(it) => {
            read(it, rows, |value| bytes(value, meaning))
        }
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    cell: impl Fn(&T::T) -> Cell,
) -> Result<Vec<Cell>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (found, _, _) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if found != rows {
        return Err(damaged("a column has fewer values than there are rows"));
    }
    let mut values = values.iter();
    // Where no value may be absent, there are no levels.
    if levels.is_empty() {
        return Ok(values.map(cell).collect());
    }
    let next = |level: &i16| {
        if *level == 0 { Cell::Absent } else { values.next().map_or(Cell::Absent, &cell) }
    };
    Ok(levels.iter().map(next).collect())
}

fn whole(value: i64, meaning: Meaning) -> Cell {
    Cell::Value(match meaning {
        Meaning::Day => day(value),
        Meaning::Moment(unit) => moment(i128::from(value) * i128::from(unit)),
        Meaning::Decimal(scale) => decimal(value.into(), scale),
        _ => value.into(),
    })
}

/// A number as JSON has it. What JSON has none for stays a text, which the component refuses.
fn real(value: f64) -> Cell {
    Cell::Value(Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number))
}

fn day(days: i64) -> Value {
    let day = i32::try_from(days).ok().and_then(|days| days.checked_add(EPOCH));
    let date = day.and_then(|day| Date::from_julian_day(day).ok());
    date.map_or_else(|| days.into(), |date| date.to_string().into())
}

fn moment(nanoseconds: i128) -> Value {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    // No time at all: the component refuses it with a good message.
    text.unwrap_or_else(|| nanoseconds.to_string()).into()
}

fn old_moment(value: &Int96) -> Cell {
    let &[low, high, day] = value.data() else { return Cell::Absent };
    let nanoseconds = i128::from(low) | i128::from(high) << 32;
    let days = i128::from(day) - i128::from(EPOCH);
    Cell::Value(moment(days * NANOSECONDS_A_DAY + nanoseconds))
}

/// The binary64 next to a decimal number.
fn decimal(digits: i128, scale: u32) -> Value {
    serde_json::from_str(&format!("{digits}e-{scale}")).unwrap_or_default()
}

/// A text, or a whole number in big-endian bytes that has digits behind the point.
fn bytes(value: &ByteArray, meaning: Meaning) -> Cell {
    let Meaning::Decimal(scale) = meaning else { return Cell::Text(value.clone()) };
    let (bytes, mut wide) = (value.data(), [0; 16]);
    let Some(start) = wide.len().checked_sub(bytes.len()) else {
        // More digits than are read: no number, which the component refuses.
        return Cell::Value("a decimal of more than 128 bits".into());
    };
    if bytes.first().is_some_and(|first| *first >= 0x80) {
        wide.fill(0xff);
    }
    if let Some(end) = wide.get_mut(start..) {
        end.copy_from_slice(bytes);
    }
    Cell::Value(decimal(i128::from_be_bytes(wide), scale))
}
