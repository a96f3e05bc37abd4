//! Asking an aggregator (`inventory.md` B-5, B-9).

use crate::SliceFailure;
use crate::collect::{AnswerPage, CallPlace, ServiceCalls};
use hallpass_aws_model::facts;
use serde_json::{Value, json};
use thiserror::Error;

use crate::addresses::pages::{Tokens, listed};
use crate::addresses::query::{AddressQuery, QueryComparison};
use crate::addresses::read::{ReadItems, read_items, text};
use crate::addresses::select_error::SelectError;

/// Results on a page: the most that Config gives.
const RESULTS_A_PAGE: u32 = facts::CONFIG_PAGE.value;
/// The longest name of an aggregator.
const NAME_MAX: usize = 256;

/// A name that no aggregator can have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no name of an aggregator: 1 to 256 letters, digits, `_` and `-`")]
pub struct BadAggregatorName(String);

/// An aggregator of the account that asks.
pub struct Aggregator<'a> {
    calls: &'a dyn ServiceCalls,
    name: &'a str,
    region: &'a str,
}

impl std::fmt::Debug for Aggregator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

enum PageFault {
    /// The service does not read the expression.
    Expression(String),
    /// Its token or number of results is refused.
    Paging(Box<SliceFailure>),
    Final(SelectError),
}

impl<'a> Aggregator<'a> {
    /// The aggregator of this name; `calls` go to the Region that it is in.
    ///
    /// # Errors
    /// A name that none can have.
    pub fn new(
        calls: &'a dyn ServiceCalls,
        name: &'a str,
        region: &'a str,
    ) -> Result<Self, BadAggregatorName> {
        let is_fit = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_fit) {
            return Err(BadAggregatorName(name.to_owned()));
        }
        Ok(Self {
            calls,
            name,
            region,
        })
    }

    /// All that a question finds. What is refused as `>` is asked again as `BETWEEN`.
    ///
    /// # Errors
    /// See [`SelectError`].
    pub async fn select(&self, query: &AddressQuery) -> Result<ReadItems, SelectError> {
        let mut expression = query.expression(QueryComparison::Greater);
        let mut found = self.answered(query, &expression).await;
        if matches!(found, Err(PageFault::Expression(_))) {
            expression = query.expression(QueryComparison::Between);
            found = self.answered(query, &expression).await;
        }
        found.map_err(|fault| match fault {
            PageFault::Expression(message) => SelectError::Expression {
                expression,
                message,
            },
            PageFault::Paging(failure) => SelectError::Call(failure),
            PageFault::Final(error) => error,
        })
    }

    /// All pages; begun once more where the service refuses its own token.
    async fn answered(
        &self,
        query: &AddressQuery,
        expression: &str,
    ) -> Result<ReadItems, PageFault> {
        match self.pages(query, expression).await {
            Err(PageFault::Paging(_)) => self.pages(query, expression).await,
            found => found,
        }
    }

    async fn pages(&self, query: &AddressQuery, expression: &str) -> Result<ReadItems, PageFault> {
        let first = json!({
            "Expression": expression,
            "ConfigurationAggregatorName": self.name,
            "Limit": RESULTS_A_PAGE,
        });
        let (mut input, mut tokens, mut all) = (first, Tokens::default(), ReadItems::default());
        loop {
            let AnswerPage { answer, next } = self.page(&input).await?;
            let read = read_items(query, &answer);
            let read = read.map_err(|error| PageFault::Final(error.into()))?;
            all.sightings.extend(read.sightings);
            all.left_out += read.left_out;
            // a page without results may have a token, and is not the last
            let Some(next) = next else { return Ok(all) };
            tokens.put(&mut input, next).map_err(PageFault::Final)?;
        }
    }

    async fn page(&self, input: &Value) -> Result<AnswerPage, PageFault> {
        let operation = "SelectAggregateResourceConfig";
        let called = self
            .calls
            .call(&CallPlace::Home, ("config", operation), input);
        let failure = match called.await {
            Ok(page) => return Ok(page),
            Err(failure) => failure,
        };
        Err(match failure.code.as_str() {
            "InvalidExpressionException" => PageFault::Expression(failure.message),
            "InvalidLimitException" | "InvalidNextTokenException" => {
                PageFault::Paging(Box::new(failure))
            }
            "NoSuchConfigurationAggregatorException" => PageFault::Final(self.none().await),
            _ => PageFault::Final(SelectError::Call(Box::new(failure))),
        })
    }

    /// There is no such aggregator; which there are.
    async fn none(&self) -> SelectError {
        let names = listed(
            self.calls,
            ("config", "DescribeConfigurationAggregators"),
            json!({}),
            "ConfigurationAggregators",
        );
        let names = names.await.ok().map(|all| {
            let names = all
                .iter()
                .filter_map(|it| text(it, "ConfigurationAggregatorName"));
            names.map(str::to_owned).collect()
        });
        let identity = self
            .calls
            .call(&CallPlace::Home, ("sts", "GetCallerIdentity"), &json!({}))
            .await;
        let account = identity
            .as_ref()
            .ok()
            .and_then(|it| text(&it.answer, "Account"));
        SelectError::NoAggregator {
            name: self.name.to_owned(),
            account: account.unwrap_or("this account").to_owned(),
            region: self.region.to_owned(),
            others: names,
        }
    }

    /// The state of the aggregator's sources.
    ///
    /// # Errors
    /// A call that failed for good.
    pub async fn sources(&self) -> Result<Vec<Value>, SelectError> {
        let operation = "DescribeConfigurationAggregatorSourcesStatus";
        let input = json!({"ConfigurationAggregatorName": self.name, "Limit": RESULTS_A_PAGE});
        listed(
            self.calls,
            ("config", operation),
            input,
            "AggregatedSourceStatusList",
        )
        .await
    }
}
