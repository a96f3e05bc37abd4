//! What the crate promises to its users, on the committed tables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod aws_facts;
mod event_patterns;
mod forms;
mod front_door;
mod outputs;
mod properties;
mod table_facts;

use hallpass_aws_model::{OperationModel, ServiceModel, tables};

/// `sts AssumeRole` as service and operation.
fn find(name: &str) -> (&'static ServiceModel, &'static OperationModel) {
    let (service, operation) = name.split_once(' ').expect("service and operation");
    let service = tables().service(service).expect(name);
    (service, service.operation(operation).expect(name))
}
