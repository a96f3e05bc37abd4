//! Okta calls, and suspension of Okta users.

mod answer;
mod calls;
mod client;
mod people;

pub use calls::{OktaHttp, configured};
pub use client::OktaRights;
pub use people::OktaPeople;

use hallpass_terminal::exit::Failure;

pub const URL: &str = "HALLPASS_OKTA_URL";

pub fn suspending() -> Result<Option<OktaPeople>, Failure> {
    let url = std::env::var(URL).ok();
    let calls = configured(url.as_deref(), OktaRights::Suspend)?;
    Ok(calls.map(OktaPeople::new))
}
