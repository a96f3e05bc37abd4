//! AWS service models as data, made by `cargo xtask aws-tables` from the published models; facts
//! that AWS states only in its documentation are in [`facts`]. Simulator and client share them for
//! validation, output checks, the Query protocol and event patterns. Knows no accounts, networks or
//! signing.

mod absence;
mod constraint;
mod event_pattern;
pub mod facts;
mod lookup;
mod output;
mod page_tokens;
mod paging;
mod pattern;
mod policy_text;
mod query;
mod regions;
mod table;
mod time;
mod validate;
mod xml;
pub use absence::{page_rows, says_not_there};
pub use event_pattern::{EventPattern, InvalidEventPattern};
pub use lookup::{Tables, tables};
pub use output::{Mismatch, check_error, check_output};
pub use page_tokens::Paging;
pub use paging::{PAGE_LIMITS, PageMembers};
pub use pattern::Pattern;
pub use policy_text::policy_text;
pub use query::{MalformedForm, query_to_json};
pub use regions::{ALWAYS_ON_REGIONS, organizations_region};
pub use table::{
    ErrorFacts, Location, Member, OperationModel, Protocol, Retry, ServiceModel, Shape, ShapeKind,
    TableError, TimeFormat,
};
pub use time::{iso8601, seconds};
pub use validate::{Invalid, Violation, message, validate};
pub use xml::{json_to_query_xml, query_error, query_response};
pub mod wire;
