//! Ids as users type them: complete, and distinguished by prefix.

use std::collections::BTreeSet;
use std::str::FromStr;

use hallpass_access::{ID_DIGITS_MIN, grants_beginning_with, requests_beginning_with};
use hallpass_api::{Grant, Offer, Preview, Request};
use hallpass_base::{AccountId, GrantId, RequestId, fold};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::output;

use crate::client::Client;
use crate::target_args::TargetArgs;

const GRANTS_LOOKED_AT: usize = 1000;
const WORDS_LOOKED_AT: usize = 3;
const OFFERS_LOOKED_AT: usize = 1000;

/// Complete, or its first digits; the server finds the only id that begins so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantRef {
    /// `grn_…`.
    Grant(String),
    /// `req_…`.
    Request(String),
}

impl FromStr for GrantRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(RequestId::PREFIX) {
            return request_id(text).map(Self::Request);
        }
        match grants_beginning_with(text) {
            Some(_) => Ok(Self::Grant(text.to_owned())),
            None => Err(not_an_id(text, GrantId::PREFIX, "grants")),
        }
    }
}

impl GrantRef {
    /// Resolves to the grant; prints a request's grant to stderr.
    ///
    /// # Errors
    /// When the request has none, or is unreadable.
    pub async fn resolve(&self, client: &Client) -> Result<String, Failure> {
        let id = match self {
            Self::Grant(grant) => return Ok(grant.clone()),
            Self::Request(request) => request,
        };
        let request: Request = client.get(&["requests", id], &[]).await?;
        let none = || {
            let state = request.state.name();
            Failure::failed(format!("`{id}` led to no grant: it is {state}"))
                .help("`hallpass grants` lists what is granted")
        };
        let grant = request.grant_id.as_ref().ok_or_else(none)?;
        output::say(&format!(
            "note: `{id}` is a request; it led to `{}`",
            output::plain(grant)
        ));
        Ok(grant.clone())
    }
}

/// Resolves an account for filters: the server compares ids, so an unknown name would look like an
/// account without access.
///
/// # Errors
/// Exit 2 unless the text is an id or the name of one visible account.
pub async fn account_id(client: &Client, text: &str) -> Result<AccountId, Failure> {
    if let Ok(id) = AccountId::new(text) {
        return Ok(id);
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
        .filter(|(name, _)| fold::is_same(name, text))
        .map(|(_, id)| id)
        .collect();
    let mut found = found.into_iter();
    let bad = |why: &str| Failure::bad_input(format!("`{text}` {why}"));
    match (found.next(), found.next()) {
        (Some(id), None) => AccountId::new(id).map_err(|error| {
            let error = output::plain(&error.to_string());
            Failure::failed(format!("the server names an account wrongly: {error}"))
        }),
        (Some(_), Some(_)) => {
            Err(bad("is the name of several accounts").help("give the account's id, 12 digits"))
        }
        (None, _) => {
            let failure = bad("is not an account id, nor the name of an account you can see");
            let known = Offered::look(client, text).await?;
            Err(match nearest(text, &known.accounts) {
                Some(name) => failure.help(format!("did you mean `{name}`?")),
                None => failure.help("give the account's id, 12 digits"),
            })
        }
    }
}

/// Previews a request for a target. Refuses an unknown target, so that a typing error is not
/// recorded as a request.
///
/// # Errors
/// Exit 2 for an unknown target, with similar names; otherwise as [`Client::get`].
pub async fn preview(client: &Client, target: &TargetArgs) -> Result<Preview, Failure> {
    let named = [
        ("account", &target.account),
        ("permission_set", &target.permission_set),
        ("group", &target.group),
    ];
    let query: Vec<(&str, String)> = named
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect();
    match client.get(&["preview"], &query).await {
        Err(failure) if failure.has_code() == Some("unknown-target") => {
            let meant = Offered::meant(client, target).await?;
            let failure = Failure::bad_input(failure.words()).code("unknown-target");
            Err(match meant.as_slice() {
                [] => failure.help("`hallpass catalog` lists what you may request"),
                meant => failure.help(format!("did you mean {}?", meant.join(", "))),
            })
        }
        other => other,
    }
}

#[derive(Default)]
struct Offered {
    accounts: BTreeSet<String>,
    sets: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Offered {
    async fn look(client: &Client, text: &str) -> Result<Self, Failure> {
        let path = ["catalog"];
        let some = client.list::<Offer>(&path, &[], OFFERS_LOOKED_AT).await?;
        let mut offers = some.items;
        if some.has_more {
            let words = text.split(|c: char| !c.is_alphanumeric());
            for word in words.filter(|word| word.len() > 2).take(WORDS_LOOKED_AT) {
                let query = [("q", word.to_owned())];
                let found = client.list::<Offer>(&path, &query, OFFERS_LOOKED_AT);
                offers.extend(found.await?.items);
            }
        }
        let mut known = Self::default();
        for offer in offers {
            known.accounts.extend(offer.account.map(|it| it.name));
            known.sets.extend(offer.permission_set);
            known.groups.extend(offer.group.map(|it| it.name));
        }
        Ok(known)
    }

    async fn meant(client: &Client, target: &TargetArgs) -> Result<Vec<String>, Failure> {
        let text = [&target.account, &target.group];
        let text = text.into_iter().flatten().next();
        let known = Self::look(client, text.map_or("", String::as_str)).await?;
        let pairs = [
            (&target.account, &known.accounts),
            (&target.permission_set, &known.sets),
            (&target.group, &known.groups),
        ];
        let meant = pairs.into_iter().filter_map(|(text, known)| {
            let text = text.as_ref()?;
            let name = nearest(text, known).filter(|name| *name != text)?;
            Some(format!("`{}`", output::plain(name)))
        });
        Ok(meant.collect())
    }
}

fn not_an_id(text: &str, prefix: &str, list: &str) -> String {
    format!(
        "`{text}` is not an id of the form `{prefix}` followed by 32 hex digits, or the first \
         {ID_DIGITS_MIN} or more of them; `hallpass {list}` lists them"
    )
}

/// Checks a request id, complete or its first digits; recognises a grant id.
///
/// # Errors
/// The expected form, for the usage message.
pub fn request_id(text: &str) -> Result<String, String> {
    if text.starts_with(GrantId::PREFIX) {
        return Err(format!(
            "`{text}` is a grant; this takes the request (`req_…`), and `hallpass requests` lists \
             them"
        ));
    }
    match requests_beginning_with(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(not_an_id(text, RequestId::PREFIX, "requests")),
    }
}

/// Hex digits of the shortest printed id: the millisecond of its creation.
const PRINTED_MIN: usize = 12;
const PREFIX_LENGTH: usize = 4;

fn alike(a: &str, b: &str) -> usize {
    let pairs = a.bytes().zip(b.bytes());
    pairs.take_while(|(a, b)| a == b).count()
}

/// Shortens ids to the first digits that tell each from the other rows of its table.
pub fn short_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let ids: Vec<&str> = ids.collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let short = ids.into_iter().map(|id| {
        let at = sorted.partition_point(|it| *it < id);
        let before = at.checked_sub(1).and_then(|at| sorted.get(at));
        let beside = before.into_iter().chain(sorted.get(at + 1));
        let needed = beside.map(|it| alike(it, id) + 1).max().unwrap_or(0);
        let needed = needed.max(PREFIX_LENGTH + PRINTED_MIN);
        id.get(..needed).unwrap_or(id).to_owned()
    });
    short.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "01934a5b6c7d7e8f90123456789abcde";

    #[test]
    fn the_name_that_was_meant_is_found_and_no_other() {
        let known = ["payments-prod", "payments-dev", "orders-prod", "ReadOnly"];
        let known = known.map(str::to_owned).into_iter().collect();
        for (typed, meant) in [
            ("paymnts-prod", Some("payments-prod")),
            ("Payments-Prod", Some("payments-prod")),
            ("payments-dve", Some("payments-dev")),
            ("readonly", Some("ReadOnly")),
            ("orders", Some("orders-prod")),
            ("ox", None),
            ("warehouse-prod", None),
        ] {
            let found = nearest(typed, &known).map(String::as_str);
            assert_eq!(found, meant, "{typed}");
        }
    }

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
        assert_eq!(request_id("req_01934a5b").as_deref(), Ok("req_01934a5b"));
        for bad in ["", "grn_", "req_01", "x", HEX] {
            assert!(bad.parse::<GrantRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn printed_ids_are_as_short_as_tells_them_apart() {
        let [a, b, c] = ["3456789abcde", "3456789abcdf", "4456789abcde"]
            .map(|end| format!("req_01934a5b6c7d7e8f9012{end}"));
        let other = "req_01934a5b6c7e7e8f90123456789abcde".to_owned();
        for (ids, short) in [
            (vec![&a], vec!["req_01934a5b6c7d"]),
            (
                vec![&a, &other],
                vec!["req_01934a5b6c7d", "req_01934a5b6c7e"],
            ),
            (
                vec![&c, &a],
                vec!["req_01934a5b6c7d7e8f90124", "req_01934a5b6c7d7e8f90123"],
            ),
            (vec![&a, &b, &a], vec![a.as_str(), b.as_str(), a.as_str()]),
        ] {
            let printed = short_ids(ids.iter().map(|it| it.as_str()));
            assert_eq!(printed, short, "{ids:?}");
        }
    }
}
