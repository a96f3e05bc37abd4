//! Rules of alerts, run: read from their file, asked of the companion, stored with what they tell. For the server's
//! loop and for `hallpass alerts`.

mod evaluate;
mod rule_file;
mod runner;

pub(crate) use evaluate::evaluate;
pub(crate) use rule_file::RuleFileOfAlerts;
pub(crate) use runner::{AlertRunner, RanRule, WhichRules, asked, unstored};
