//! The HTTP face: recognises the protocol, checks the signature, asks the state machine under
//! one lock, lets faults have their way, writes the answer in the protocol's words.

mod inspect;
mod render;
mod rest;
mod router;
mod routing;
mod wire;

pub(crate) use router::answer;
pub(crate) use routing::fields;
pub(crate) use wire::{Conduct, ConnectionHandle, serve};

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json10,
    Json11,
    Query,
    Ec2,
    RestJson,
    RestXml,
}
