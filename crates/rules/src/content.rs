use crate::{rule::Rule, test_case::TestCase};

#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) rules: Vec<Rule>,
    pub(crate) tests: Vec<TestCase>,
}
