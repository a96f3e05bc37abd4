//! Runs alert rules: reads their file, queries the companion, stores results with messages. Used by
//! the server loop and by `hallpass query alerts`.

mod evaluate;
mod happening;
mod insights;
mod root_sign_in;
mod rule_file;
mod runner;
mod targets;

pub use evaluate::evaluate;
pub use happening::write as write_happening;
pub use insights::{AccountNames, InsightHandler};
pub use root_sign_in::RootSignInHandler;
pub use rule_file::RuleFileOfAlerts;
pub use runner::{AlertRunner, RanRule, WhichRules, asked, unstored};
pub use targets::alert_channels;
