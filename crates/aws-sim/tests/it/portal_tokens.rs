//! Clients, devices and tokens of the access portal (`simulator.md` §3).

use serde_json::{Value, json};

use crate::{
    bench::Bench,
    portal::{
        MARA, PORTAL, approve, ask, client, device, entry, give, here, oidc, poll, said, sso,
        token, with,
    },
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

#[tokio::test]
async fn a_device_waits_for_its_person() {
    let bench = Bench::new(here()).await;
    let client = client(&bench, json!({})).await;
    let [first, second, third] = [
        device(&bench, &client).await,
        device(&bench, &client).await,
        device(&bench, &client).await,
    ];
    let page = format!("http://{}/_sim/device", bench.address);
    assert_eq!(first["verificationUri"], page);
    // delay, device, poll result
    for (seconds, device, expected) in [
        (0, &first, "AuthorizationPendingException 400"),
        (0, &first, "SlowDownException 400"),
        (1, &first, "AuthorizationPendingException 400"),
        (0, &second, "AuthorizationPendingException 400"),
        (
            0,
            &json!({ "deviceCode": "x" }),
            "InvalidGrantException 400",
        ),
        (0, &json!({}), "InvalidRequestException 400"),
    ] {
        bench.tick(seconds * 1000);
        let said = poll(&bench, &client, device).await;
        assert_eq!(said.word(), expected, "{device}");
    }
    let deny = json!({ "user_code": second["userCode"] });
    assert_eq!(bench.control("POST", "/device/deny", deny).await.0, 200);
    let denied = poll(&bench, &client, &second).await;
    assert_eq!(denied.word(), "AccessDeniedException 400");
    assert_eq!(approve(&bench, &second, MARA).await, 409, "answered");
    assert_eq!(approve(&bench, &first, "nobody").await, 404);
    assert_eq!(
        approve(&bench, &json!({ "userCode": "X" }), MARA).await,
        404
    );
    assert_eq!(approve(&bench, &first, MARA).await, 200);
    let other = self::client(&bench, json!({ "scopes": [] })).await;
    let stolen = poll(&bench, &other, &first).await;
    assert_eq!(stolen.word(), "InvalidGrantException 400", "another client");
    assert_eq!(
        poll(&bench, &client, &first).await.ok()["expiresIn"],
        28_800
    );
    let again = poll(&bench, &client, &first).await;
    assert_eq!(again.word(), "InvalidGrantException 400");
    bench.advance(600.0).await;
    let expired = poll(&bench, &client, &third).await;
    assert_eq!(expired.word(), "ExpiredTokenException 400");
    assert_eq!(approve(&bench, &third, MARA).await, 409);
    let body = with(
        &client,
        &json!({ "startUrl": "https://other.example/start" }),
    );
    let wrong = oidc(&bench, "/device_authorization", body).await;
    assert_eq!(wrong.word(), "InvalidRequestException 400");
    bench.advance(91.0 * 86_400.0).await;
    let body = with(&client, &json!({ "startUrl": PORTAL }));
    let old = oidc(&bench, "/device_authorization", body).await;
    assert_eq!(old.word(), "InvalidClientException 401");
}

#[tokio::test]
async fn what_tokens_are_good_for() {
    let bench = Bench::new(here()).await;
    give(&bench, &[MARA]).await;
    let account = bench.account("payments-prod");
    let token = token(&bench, MARA).await;
    let roles = |account: &str| format!("/assignment/roles?account_id={account}");
    let idle = bench.account("legacy-shop");
    for (token, path, expected) in [
        (token.as_str(), "/assignment/accounts".to_owned(), "ok"),
        (&token, "/assignment/accounts?max_result=1".to_owned(), "ok"),
        (&token, roles(&account), "ok"),
        (&token, entry(&account, "PowerUser"), "ok"),
        (&token, entry(&account, "ReadOnly"), "ok"),
        (
            &token,
            "/assignment/accounts?max_result=101".to_owned(),
            "InvalidRequestException 400",
        ),
        (
            &token,
            "/assignment/accounts?max_result=x".to_owned(),
            "InvalidRequestException 400",
        ),
        (
            &token,
            "/assignment/accounts?next_token=x".to_owned(),
            "InvalidRequestException 400",
        ),
        (
            &token,
            "/federation/credentials?role_name=ReadOnly".to_owned(),
            "InvalidRequestException 400",
        ),
        (&token, entry(&account, "Billing"), "ForbiddenException 403"),
        (&token, entry(&account, "None"), "ForbiddenException 403"),
        (&token, entry(&idle, "ReadOnly"), "ForbiddenException 403"),
        (&token, entry("0", "ReadOnly"), "ForbiddenException 403"),
        (&token, roles("0"), "ForbiddenException 403"),
        ("x", roles(&account), "UnauthorizedException 401"),
        (
            "x",
            entry(&account, "ReadOnly"),
            "UnauthorizedException 401",
        ),
        (
            "x",
            "/assignment/accounts".to_owned(),
            "UnauthorizedException 401",
        ),
        ("x", "/logout".to_owned(), "UnauthorizedException 401"),
    ] {
        let said = sso(&bench, token, &path).await;
        assert_eq!(said.word(), expected, "{path}");
    }
    let bare = said(&bench, "GET", "/assignment/accounts", &[], Value::Null).await;
    assert_eq!(bare.word(), "UnauthorizedException 401", "no token at all");
    assert_eq!(sso(&bench, &token, "/logout").await.word(), "ok");
    let dead = sso(&bench, &token, "/assignment/accounts").await;
    assert_eq!(dead.word(), "UnauthorizedException 401");
}
