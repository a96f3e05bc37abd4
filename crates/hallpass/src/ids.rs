//! Ids as people type them: whole, and told apart by their prefix.

use std::collections::BTreeSet;
use std::str::FromStr;

use hallpass_api::{Grant, Offer, Request};
use hallpass_model::{AccountId, GrantId, RequestId};

use crate::client::Client;
use crate::exit::Failure;
use crate::output;

/// The most grants in which an account's name is looked for.
const GRANTS_LOOKED_AT: usize = 1000;
/// Catalog entries looked at for the name of an account: some of it, several of its namesakes.
const OFFERS_LOOKED_AT: usize = 1000;

/// A grant, named by itself or by the request it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantRef {
    /// `grn_…`.
    Grant(GrantId),
    /// `req_…`.
    Request(RequestId),
}

impl FromStr for GrantRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(RequestId::PREFIX) {
            return text
                .parse()
                .map(Self::Request)
                .map_err(|error: hallpass_model::PrefixedIdError| error.to_string());
        }
        text.parse()
            .map(Self::Grant)
            .map_err(|error: hallpass_model::PrefixedIdError| {
                format!("{error}; `hallpass grants` lists them")
            })
    }
}

impl GrantRef {
    /// The grant itself. For a request, the one it led to, which is said on stderr.
    ///
    /// # Errors
    /// When the request led to none, or cannot be read.
    pub(crate) async fn resolve(self, client: &Client) -> Result<GrantId, Failure> {
        let id = match self {
            Self::Grant(grant) => return Ok(grant),
            Self::Request(request) => request,
        };
        let request: Request = client.get(&["requests", &id.to_string()], &[]).await?;
        let none = || {
            Failure::failed(format!("`{id}` led to no grant: it is {}", request.state))
                .help("`hallpass grants` lists what is granted")
        };
        let grant = request.grant_id.as_ref().ok_or_else(none)?;
        output::say(&format!(
            "note: `{id}` is a request; it led to `{}`",
            output::plain(grant)
        ));
        grant
            .parse()
            .map_err(|error| Failure::failed(format!("the server names a grant oddly: {error}")))
    }
}

/// An account's id, for filters: the server compares ids, and a name that it does not know would
/// look like an account where nobody holds anything.
///
/// # Errors
/// Exit 2 when the text is neither an id nor the name of one account that the caller can see.
pub(crate) async fn account_id(client: &Client, text: &str) -> Result<String, Failure> {
    if AccountId::new(text).is_ok() {
        return Ok(text.to_owned());
    }
    // whole names come first; an account may have many entries
    let offers = client
        .list::<Offer>(&["catalog"], &[("q", text.to_owned())], OFFERS_LOOKED_AT)
        .await?;
    let query = [("state", "live".to_owned())];
    let held = client
        .list::<Grant>(&["grants"], &query, GRANTS_LOOKED_AT)
        .await?;
    let offered = offers.items.into_iter().filter_map(|offer| {
        let account = offer.account?;
        Some((account.name, account.id))
    });
    let held = held
        .items
        .into_iter()
        .filter_map(|grant| Some((grant.account_name?, grant.account?)));
    let found: BTreeSet<String> = offered
        .chain(held)
        .filter(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, id)| id)
        .collect();
    let mut found = found.into_iter();
    let bad = |why: &str| {
        Err(Failure::bad_input(format!("`{text}` {why}")).help("give the account's id, 12 digits"))
    };
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => bad("is the name of several accounts"),
        (None, _) => bad("is not an account id, nor the name of an account you can see"),
    }
}

/// Reads a request's id; a grant's gets told apart.
///
/// # Errors
/// Says what was expected, for the usage message.
pub(crate) fn request_id(text: &str) -> Result<RequestId, String> {
    if text.starts_with(GrantId::PREFIX) {
        return Err(format!(
            "`{text}` is a grant; this takes the request (`req_…`), and `hallpass requests` lists \
             them"
        ));
    }
    text.parse()
        .map_err(|error: hallpass_model::PrefixedIdError| {
            format!("{error}; `hallpass requests` lists them")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "01934a5b6c7d7e8f90123456789abcde";

    #[test]
    fn prefixes_tell_ids_apart() {
        assert!(request_id(&format!("req_{HEX}")).is_ok());
        let refused = request_id(&format!("grn_{HEX}")).unwrap_err();
        assert!(refused.contains("is a grant"), "{refused}");
        assert!(matches!(
            format!("grn_{HEX}").parse(),
            Ok(GrantRef::Grant(_))
        ));
        assert!(matches!(
            format!("req_{HEX}").parse(),
            Ok(GrantRef::Request(_))
        ));
        for bad in ["", "grn_", "req_01", "x", HEX] {
            assert!(bad.parse::<GrantRef>().is_err(), "{bad}");
        }
    }
}
