use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use hallpass_inventory::{nearest, table};

use super::{ReadStatement, past_limit};
use crate::failure::{QueryExit, QueryFailure, lower_first};

const NAMES_OFFERED: usize = 3;

pub(super) fn of_engine(read: &ReadStatement, error: &DataFusionError) -> QueryFailure {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => of_names(read, error),
        DataFusionError::ResourcesExhausted(_) => query_out_of_memory(),
        DataFusionError::NotImplemented(text) => {
            read.failure("E_SQL_UNSUPPORTED", first_line(text), None)
        }
        DataFusionError::Plan(text) | DataFusionError::Configuration(text) => {
            read.failure("E_SQL", first_line(text), None)
        }
        DataFusionError::Execution(text) => {
            QueryFailure::new(QueryExit::Failed, first_line(text)).code("E_SQL")
        }
        DataFusionError::Internal(text) => QueryFailure::bug(first_line(text)),
        other => {
            QueryFailure::new(QueryExit::Failed, first_line(&other.strip_backtrace())).code("E_SQL")
        }
    }
}

pub(super) fn query_out_of_memory() -> QueryFailure {
    past_limit(
        "E_SQL_MEMORY",
        "the query needs more memory than it may have".to_owned(),
        "--max-memory",
    )
}

pub(super) fn out_of_memory(bytes: usize) -> QueryFailure {
    let message = format!("the answer takes more than {} MiB", bytes / (1024 * 1024));
    past_limit("E_SQL_MEMORY", message, "--max-memory")
}

fn of_names(read: &ReadStatement, error: &SchemaError) -> QueryFailure {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let names = valid_fields.iter().map(|it| it.name.as_str());
            let names = nearest(&field.name, names, NAMES_OFFERED);
            let message = format!("there is no column `{}`", field.flat_name());
            let failure = read.failure("E_SQL_COLUMN", message, read.place_of(&field.name));
            match names.as_slice() {
                [] => failure,
                names => failure.help(format!("nearest: `{}`", names.join("`, `"))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            let has_it =
                |name: &&String| table(name).is_some_and(|it| it.column(&field.name).is_some());
            let tables: Vec<_> = read
                .tables
                .keys()
                .filter(has_it)
                .map(String::as_str)
                .collect();
            let message = format!("the column `{}` is ambiguous", field.name);
            let failure = read.failure("E_SQL_AMBIGUOUS", message, read.place_of(&field.name));
            match tables.as_slice() {
                [] => failure,
                tables => failure.help(format!(
                    "it is in `{}`: name the table",
                    tables.join("` and `")
                )),
            }
        }
        SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => read
            .failure("E_SQL", first_line(&error.to_string()), None)
            .help("give each column a unique name: `AS name`"),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    lower_first(line.trim_end_matches('.'))
}
