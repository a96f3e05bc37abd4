//! Clients, devices and tokens of the access portal (`simulator.md` §3).

use serde_json::json;

use crate::{
    bench::Bench,
    portal::{PORTAL, ask, here, oidc, with},
};

#[tokio::test]
async fn registrations() {
    let bench = Bench::new(here()).await;
    let base = json!({ "clientName": "test", "clientType": "public" });
    for (more, expected) in [
        (json!({}), "ok"),
        (json!({ "scopes": ["sso:account:access"] }), "ok"),
        (json!({ "issuerUrl": format!("{PORTAL}/#/") }), "ok"),
        (json!({ "unknown": 1 }), "ok"),
        (
            json!({ "clientType": "confidential" }),
            "InvalidClientMetadataException 400",
        ),
        (
            json!({ "clientName": "" }),
            "InvalidClientMetadataException 400",
        ),
        (json!({ "clientName": null }), "InvalidRequestException 400"),
        (json!({ "clientName": 7 }), "InvalidRequestException 400"),
        (json!({ "scopes": ["all"] }), "InvalidScopeException 400"),
        (
            json!({ "grantTypes": ["implicit"] }),
            "UnsupportedGrantTypeException 400",
        ),
        (
            json!({ "redirectUris": ["https://evil.example/"] }),
            "InvalidRedirectUriException 400",
        ),
        (
            json!({ "grantTypes": ["authorization_code"] }),
            "InvalidRequestException 400",
        ),
        (
            json!({ "issuerUrl": "https://other.example/start" }),
            "InvalidRequestException 400",
        ),
    ] {
        let said = oidc(&bench, "/client/register", with(&base, &more)).await;
        assert_eq!(said.word(), expected, "{more}");
    }
    let (status, _, text) = ask(&bench, "POST", "/client/register", &[], "{".to_owned()).await;
    assert_eq!((status, text.contains("invalid_request")), (400, true));
}
