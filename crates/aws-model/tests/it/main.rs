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

fn find(name: &str) -> (&'static ServiceModel, &'static OperationModel) {
    let (service, operation) = name.split_once(' ').expect("service and operation");
    let service = tables().service(service).expect(name);
    (service, service.operation(operation).expect(name))
}
