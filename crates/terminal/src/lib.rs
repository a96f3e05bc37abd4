//! Command output and exit: data on stdout in the chosen format, all else on stderr, exit codes,
//! prompts, file arguments. Knows no server, no store and no AWS.

pub mod exit;
pub mod generated;
pub mod logging;
pub mod machine_name;
pub mod nearest;
pub mod output;
pub mod prompt;
pub mod say;
pub mod short_forms;
pub mod text_file;
pub mod words;
