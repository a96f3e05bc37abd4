//! Stored form of browser sessions; see `request.rs`.

use std::net::IpAddr;

use hallpass_access::identity::{Browsing, SignedIn, WebSession};
use hallpass_base::{Email, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::row_conversion::both_ways;

/// A session. An update replaces it only if the stored bytes are equal to the bytes that were read.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionBody {
    hash: String,
    user: Email,
    user_id: Option<UserId>,
    secondary_domain: bool,
    signed_in: SignedInRow,
    began_at: Timestamp,
    seen_at: Timestamp,
    renewed_at: Timestamp,
    ends_at: Timestamp,
    browsing: BrowsingRow,
    csrf: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

both_ways!(WebSession => SessionBody {
    hash, user, user_id, secondary_domain, signed_in (into), began_at, seen_at, renewed_at, ends_at,
    browsing (into), csrf, previous, next,
});

#[derive(Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
enum SignedInRow {
    Persona,
    Link,
    Oidc {
        issuer: String,
        subject: String,
        sid: Option<String>,
        id_token: Option<String>,
        auth_time: Option<Timestamp>,
        acr: Option<String>,
    },
}

both_ways!(enum SignedIn => SignedInRow {
    Persona {},
    Link {},
    Oidc { issuer, subject, sid, id_token, auth_time, acr },
});

#[derive(Serialize, Deserialize)]
struct BrowsingRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    agent: String,
}

both_ways!(Browsing => BrowsingRow { address, agent });
