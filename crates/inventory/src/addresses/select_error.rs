//! Why a question to Config has no answer.

use crate::SliceFailure;
use thiserror::Error;

use crate::addresses::read::AnswerProblem;

/// Why an aggregator did not answer a question.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SelectError {
    /// There is none of that name.
    #[error("no aggregator {name} in {account}/{region}; {}", there_are(.others.as_deref()))]
    NoAggregator {
        /// The name.
        name: String,
        /// The account that was asked.
        account: String,
        /// The Region that was asked.
        region: String,
        /// Those that there are; none where that could not be read.
        others: Option<Vec<String>>,
    },
    /// The question is refused in both of its forms.
    #[error("the expression is refused: {message}; it was: {expression}")]
    Expression {
        /// What was asked.
        expression: String,
        /// What the service says, with the position.
        message: String,
    },
    /// The same page would come for ever.
    #[error("a token of a next page came twice, so the answer has no end")]
    RepeatedToken,
    /// An answer that cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerProblem),
    /// A call that failed for good.
    #[error("{}: {}: {}", .0.operation, .0.code, .0.message)]
    Call(Box<SliceFailure>),
}

fn there_are(names: Option<&[String]>) -> String {
    match names {
        None => "which there are could not be read".to_owned(),
        Some([]) => "there is none".to_owned(),
        Some(names) => format!("there are: {}", names.join(", ")),
    }
}
