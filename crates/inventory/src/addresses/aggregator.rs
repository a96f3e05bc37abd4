//! Queries an aggregator (`inventory.md` B-5, B-9).

use crate::SliceFailure;
use crate::collect::{AnswerPage, CallPlace, ServiceCalls};
use hallpass_aws_model::facts;
use serde_json::{Value, json};
use thiserror::Error;

use crate::addresses::pages::{Tokens, listed};
use crate::addresses::query::{AddressQuery, QueryComparison};
use crate::addresses::read::{ReadItems, read_items, text};
use crate::addresses::select_error::SelectError;

/// The most that Config returns per page.
const RESULTS_A_PAGE: u32 = facts::CONFIG_PAGE.value;
const NAME_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no name of an aggregator: 1 to 256 letters, digits, `_` and `-`")]
pub struct BadAggregatorName(String);

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
    Expression(String),
    /// Its token or page size is refused.
    Paging(Box<SliceFailure>),
    Final(SelectError),
}

impl<'a> Aggregator<'a> {
    /// `calls` go to the aggregator's Region.
    ///
    /// # Errors
    /// An impossible name.
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

    /// Runs a query completely. A refused `>` is retried as `BETWEEN`.
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

    /// Reads all pages; restarts once if the service refuses its own token.
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
            // An empty page with a token is not the last.
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

    /// Reports a missing aggregator, with the existing ones.
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

    /// # Errors
    /// A call that failed permanently.
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
