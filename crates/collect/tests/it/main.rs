//! Collecting from a world of documents that are shaped as the API references say.

mod iam;
mod okta;
mod runs;
mod world;
