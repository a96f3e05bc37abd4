//! Commands of who asks for access, uses it and approves it.

pub mod approve;
pub mod aws;
pub mod break_glass;
pub mod catalog;
pub mod close_review;
pub mod console;
pub mod denied;
pub mod deny;
pub mod discard;
pub mod exec;
pub mod extend;
pub mod grants;
pub mod login;
pub mod logout;
pub mod release;
pub mod request;
pub mod requests;
pub mod revoke;
pub mod several;
pub mod starts;
pub mod whoami;
