//! Okta: its calls, with a token or a client's key, and its people as those who may be suspended there.

mod answer;
mod calls;
mod client;
mod people;

pub use calls::{OktaHttp, configured};
pub use client::OktaRights;
pub use people::OktaPeople;

use hallpass_terminal::exit::Failure;

/// The variable with the address.
pub const URL: &str = "HALLPASS_OKTA_URL";

/// The people of the Okta organization that the environment names, where they may be suspended.
///
/// # Errors
/// Exit 2 where the environment makes no sense.
pub fn suspending() -> Result<Option<OktaPeople>, Failure> {
    let url = std::env::var(URL).ok();
    let calls = configured(url.as_deref(), OktaRights::Suspend)?;
    Ok(calls.map(OktaPeople::new))
}
