use crate::{never_together::NeverTogether, rule::Rule, test_case::TestCase};

#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) rules: Vec<Rule>,
    pub(crate) tests: Vec<TestCase>,
    pub(crate) constraints: Vec<NeverTogether>,
}
