//! Commands of who asks for access and uses it.

pub(crate) mod aws;
pub(crate) mod break_glass;
pub(crate) mod catalog;
pub(crate) mod console;
pub(crate) mod discard;
pub(crate) mod exec;
pub(crate) mod extend;
pub(crate) mod grants;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod release;
pub(crate) mod request;
pub(crate) mod requests;
mod several;
mod starts;
pub(crate) mod whoami;
