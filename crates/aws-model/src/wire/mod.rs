//! Any operation of any AWS service, as bytes: which services there are, what their operations take,
//! how a request is written in the protocol of its service, and what an answer says.
//!
//! Pure: nothing here signs, sends or waits. Knows nothing of accounts or organizations.

mod catalog;
mod input;
mod reads;

mod form;
mod plain;
mod request;
mod rest;
mod write;
mod xml_body;

mod cbor;
mod error;
mod json;
mod response;
mod xml;

mod page;

pub use catalog::{Catalog, CatalogError, Endpoint, EndpointVariant, Unknown, catalog};
pub use error::{WireError, key_reason, read_error, request_id};
pub use input::{InputProblem, check_input};
pub use page::{BadPaging, next_page};
pub use reads::only_reads;
pub use request::{Unwritable, WireRequest};
pub use response::{Unreadable, WireResponse, read_response};
pub use write::write_request;
pub use xml::character;
