use crate::SliceFailure;
use thiserror::Error;

use crate::addresses::read::AnswerProblem;

#[derive(Clone, Debug, PartialEq, Error)]
pub enum SelectError {
    #[error("no aggregator {name} in {account}/{region}; {}", there_are(.others.as_deref()))]
    NoAggregator {
        name: String,
        account: String,
        region: String,
        /// The existing ones, if readable.
        others: Option<Vec<String>>,
    },
    /// Refused in both forms.
    #[error("the expression is refused: {message}; it was: {expression}")]
    Expression { expression: String, message: String },
    /// The same page would repeat forever.
    #[error("a token of a next page came twice, so the answer has no end")]
    RepeatedToken,
    #[error(transparent)]
    Answer(#[from] AnswerProblem),
    /// A call that failed permanently.
    #[error("{}: {}: {}", .0.operation, .0.code, .0.message)]
    Call(Box<SliceFailure>),
}

fn there_are(names: Option<&[String]>) -> String {
    match names {
        None => "which there are could not be read".to_owned(),
        Some([]) => "there are no aggregators".to_owned(),
        Some(names) => format!("there are: {}", names.join(", ")),
    }
}
