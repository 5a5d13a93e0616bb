//! Profile samples as columns.
//!
//! A stack is one text, as in collapsed stacks: frames from the outermost on, with `;` between them.
//! Names such as `<[u8; 4] as Hash>::hash` have one inside: there it is written `\;`, and `\` is written `\\`.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch, StringArray, StringDictionaryBuilder},
    datatypes::{DataType, Field, Int32Type},
    error::ArrowError,
};
use waggle_signals::{ProfileSample, ResourceId};

use super::{
    Row, Table,
    columns::{
        Columns, number_array, optional, optional_text_array, required, resource_array, time_array,
        unexpected, whose_and_when,
    },
};

const TIME: &str = Table::Samples.time_column();

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    // Stacks are long and few: each is kept once per batch.
    let stacks = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    fields.extend([
        required("stack", stacks),
        optional("location", DataType::Utf8),
        required("count", DataType::Int64),
        required("cpu_ns", DataType::Int64),
    ]);
    fields
}

impl Row for ProfileSample {
    const TABLE: Table = Table::Samples;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut stacks = StringDictionaryBuilder::<Int32Type>::new();
        for row in rows {
            stacks.append(joined(&row.frames))?;
        }
        let columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.time)),
            Arc::new(stacks.finish()),
            optional_text_array(rows.iter().map(|row| row.location.as_deref())),
            number_array(rows.iter().map(|row| u64::from(row.count))),
            number_array(rows.iter().map(|row| row.cpu_nanos)),
        ];
        RecordBatch::try_new(Table::Samples.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let stacks = columns.column("stack")?.as_dictionary_opt::<Int32Type>();
        let stacks = stacks.and_then(|stacks| stacks.downcast_dict::<StringArray>());
        let stacks = stacks.ok_or_else(|| unexpected("stack"))?;
        let locations = columns.text("location")?;
        let rows = columns.resources()?.zip(columns.times(TIME)?);
        let rows = rows.zip(columns.numbers("count")?).zip(columns.numbers("cpu_ns")?);
        let row = |((((resource, time), count), cpu_nanos), (at, stack)): (_, (usize, Option<&str>))| Self {
            resource,
            time,
            frames: parted(stack.unwrap_or_default()),
            location: locations.is_valid(at).then(|| locations.value(at).to_owned()),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            cpu_nanos,
        };
        Ok(rows.zip(stacks.into_iter().enumerate()).map(row).collect())
    }
}

fn joined(frames: &[String]) -> String {
    let mut stack = String::new();
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            stack.push(';');
        }
        for letter in frame.chars() {
            if matches!(letter, ';' | '\\') {
                stack.push('\\');
            }
            stack.push(letter);
        }
    }
    stack
}

fn parted(stack: &str) -> Vec<String> {
    let mut frames = vec![String::new()];
    let mut letters = stack.chars();
    while let Some(letter) = letters.next() {
        if letter == ';' {
            frames.push(String::new());
            continue;
        }
        let letter = if letter == '\\' { letters.next().unwrap_or(letter) } else { letter };
        if let Some(frame) = frames.last_mut() {
            frame.push(letter);
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_semicolon_inside_a_name_does_not_part_frames() {
        let frames = ["main".to_owned(), "<[u8; 4] as Hash>::hash".to_owned()];
        assert_eq!(joined(&frames), r"main;<[u8\; 4] as Hash>::hash");
        assert_eq!(parted(&joined(&frames)), frames);
    }

    proptest! {
        #[test]
        fn stacks_round_trip(frames in proptest::collection::vec(r"[;\\a-c]{0,6}", 1..5)) {
            prop_assert_eq!(parted(&joined(&frames)), frames);
        }
    }
}
