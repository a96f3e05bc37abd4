//! Any operation of any AWS service, as bytes: catalog, inputs, requests and answers in each
//! protocol. Pure: does not sign, send or wait. Knows no accounts or organizations.

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
