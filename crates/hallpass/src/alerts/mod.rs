//! Rules of alerts, run: read from their file, asked of the companion, stored with what they tell. For the server's
//! loop and for `hallpass query alerts`.

mod evaluate;
mod happening;
mod insights;
mod root_sign_in;
mod rule_file;
mod runner;
mod targets;

pub(crate) use evaluate::evaluate;
pub(crate) use happening::write as write_happening;
pub(crate) use insights::InsightHandler;
pub(crate) use root_sign_in::RootSignInHandler;
pub(crate) use rule_file::RuleFileOfAlerts;
pub(crate) use runner::{AlertRunner, RanRule, WhichRules, asked, unstored};
pub(crate) use targets::alert_channels;
