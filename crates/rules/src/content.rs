//! What a rule file holds.

use crate::{rule::Rule, test_case::TestCase};

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) rules: Vec<Rule>,
    pub(crate) tests: Vec<TestCase>,
}
