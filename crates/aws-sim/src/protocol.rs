//! The wire protocols of AWS services (`simulator.md` §1.1).

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json10,
    Json11,
    Query,
    Ec2,
    RestJson,
    RestXml,
}
