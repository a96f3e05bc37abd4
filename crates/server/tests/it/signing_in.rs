//! Sign-in at a provider: accepted and refused tokens, and messages.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::browser::{Browser, form};
use crate::fake_oidc::{CLIENT, FakeOidc, Key, SECRET};
use crate::test_server::{directory_with, run};

const PROVES_NOTHING: &str = "does not prove who you are";

#[test]
fn somebody_signs_in_and_comes_back_to_where_they_were_going() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        let asked = ana.get("/reviews?x=1").await;
        assert!([303, 404].contains(&asked.status.as_u16()));
        let home = ana.get("/").await;
        assert_eq!(home.leads_to(), "/signin?next=%2F");
        let page = ana.get("/signin?next=%2Freviews%3Fx%3D1").await;
        assert!(page.text().contains("Sign in with Example ID"));
        let back = oidc.leave(&mut ana, "/reviews?x=1").await;
        let reply = ana.get(&back).await;
        assert_eq!(reply.leads_to(), "/reviews?x=1", "{}", reply.text());
        assert!(ana.is_signed_in().await);
        // the secret is sent in the header, form-encoded first (RFC 6749, 2.3.1)
        let sent = oidc.world().authorization.clone().unwrap();
        assert!(sent.starts_with("Basic "), "{sent}");
        assert_eq!(ana.cookies.len(), 1, "{:?}", ana.cookies);
        assert!(!reply.text().contains(SECRET));
    });
}

#[test]
fn a_public_client_sends_no_secret() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server_with(|settings| settings.client_secret = None, |_| {});
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        assert!(ana.is_signed_in().await);
        assert_eq!(oidc.world().authorization, None);
    });
}

#[test]
fn a_replayed_state_signs_nobody_in() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        let back = oidc.leave(&mut ana, "/").await;
        let mut twin = ana.clone();
        assert_eq!(ana.get(&back).await.leads_to(), "/");
        let reply = twin.get(&back).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(reply.text().contains("Sign-in took too long. Try again."));
        assert!(!twin.is_signed_in().await);
    });
}

#[test]
fn a_foreign_state_signs_nobody_in() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut thief = Browser::new(&server);
        let back = oidc.leave(&mut thief, "/").await;
        // the attacker's callback in the victim's browser
        let mut victim = Browser::new(&server);
        oidc.leave(&mut victim, "/").await;
        let reply = victim.get(&back).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(!victim.is_signed_in().await);
        for state in ["", "x", &"0".repeat(64)] {
            let path = format!(
                "/signin/oidc/callback?{}",
                form(&[("code", "good"), ("state", state)])
            );
            assert_eq!(victim.get(&path).await.status, StatusCode::BAD_REQUEST);
        }
    });
}

#[test]
fn an_expired_state_signs_nobody_in() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        let back = oidc.leave(&mut ana, "/").await;
        server.clock.advance(TimeSpan::minutes(10));
        let reply = ana.get(&back).await;
        assert!(reply.text().contains("Sign-in took too long. Try again."));
        assert!(!ana.is_signed_in().await);
    });
}

fn claims() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let now = 1_780_000_000;
    vec![
        ("as it should be", json!({}), None),
        (
            "wrong nonce",
            json!({"nonce": "other"}),
            Some(PROVES_NOTHING),
        ),
        ("no nonce", json!({"nonce": null}), Some(PROVES_NOTHING)),
        (
            "wrong audience",
            json!({"aud": "other"}),
            Some(PROVES_NOTHING),
        ),
        (
            "one more audience",
            json!({"aud": [CLIENT, "other"]}),
            Some(PROVES_NOTHING),
        ),
        ("one audience in a list", json!({"aud": [CLIENT]}), None),
        (
            "made for another party",
            json!({"azp": "other"}),
            Some(PROVES_NOTHING),
        ),
        ("made for us", json!({"azp": CLIENT}), None),
        (
            "wrong issuer",
            json!({"iss": "https://evil.example"}),
            Some(PROVES_NOTHING),
        ),
        ("no issuer", json!({"iss": null}), Some(PROVES_NOTHING)),
        ("expired", json!({"exp": now - 61}), Some(PROVES_NOTHING)),
        ("no end", json!({"exp": null}), Some(PROVES_NOTHING)),
        ("no subject", json!({"sub": null}), Some(PROVES_NOTHING)),
        ("no audience", json!({"aud": []}), Some(PROVES_NOTHING)),
        (
            "no time of issue",
            json!({"iat": null}),
            Some(PROVES_NOTHING),
        ),
        ("expired within tolerance", json!({"exp": now - 59}), None),
        (
            "from the future",
            json!({"iat": now + 61}),
            Some(PROVES_NOTHING),
        ),
        (
            "from the future within tolerance",
            json!({"iat": now + 59}),
            None,
        ),
        (
            "a fraction of a second",
            json!({"exp": f64::from(now) + 300.5}),
            None,
        ),
    ]
}

fn unused_claims() -> Vec<(&'static str, Value, Option<&'static str>)> {
    vec![
        (
            "updated_at as text (Auth0)",
            json!({"updated_at": "2026-11-20T09:00:00.000Z"}),
            None,
        ),
        ("amr as text", json!({"amr": "mfa"}), None),
        ("locale as an object", json!({"locale": {"a": "b"}}), None),
        (
            "profile, address and phone",
            json!({"picture": "", "profile": 7, "address": "Main Street", "birthdate": 1990,
                "phone_number_verified": "no", "name": ["Ana"], "acr": 1, "at_hash": false}),
            None,
        ),
    ]
}

fn people() -> Vec<(&'static str, Value, Option<&'static str>)> {
    vec![
        (
            "e-mail unverified",
            json!({"email_verified": false}),
            Some("has not verified your e-mail"),
        ),
        (
            "e-mail not said to be verified",
            json!({"email_verified": null}),
            Some("has not verified your e-mail"),
        ),
        ("verified in words", json!({"email_verified": "true"}), None),
        (
            "verified in Python",
            json!({"email_verified": "True"}),
            None,
        ),
        ("verified as a number", json!({"email_verified": 1}), None),
        (
            "unverified as a number",
            json!({"email_verified": 0}),
            Some("has not verified your e-mail"),
        ),
        (
            "a list of addresses",
            json!({"email": null, "emails": ["ana@corp.example"]}),
            Some("the claim `email` is missing, and the list `emails` is there"),
        ),
        (
            "no e-mail",
            json!({"email": "nonsense"}),
            Some("the claim `email` is not an e-mail address: `nonsense`"),
        ),
        (
            "unknown person",
            json!({"email": "nobody@corp.example"}),
            Some("Your account is not in the directory"),
        ),
        (
            "two people",
            json!({"email": "both@corp.example"}),
            Some("More than one person has your e-mail; ask an admin"),
        ),
        (
            "disabled person",
            json!({"email": "sam@corp.example"}),
            Some("Your account is not in the directory"),
        ),
        ("other capitals", json!({"email": "ANA@corp.example"}), None),
    ]
}

#[test]
fn only_tokens_that_say_the_right_things_count() {
    run(async {
        let oidc = FakeOidc::start().await;
        let mut wrong = Vec::new();
        let rows = claims().into_iter().chain(unused_claims());
        for (name, change, told) in rows.chain(people()) {
            let server = oidc.server();
            server.directory_becomes(directory_with(server.now(), |people| {
                people[1]["emails"] = json!(["cai@corp.example", "both@corp.example"]);
                people[2]["emails"] = json!(["dee@corp.example", "both@corp.example"]);
                people[3]["enabled"] = json!(false);
            }));
            oidc.world().change = change;
            let mut somebody = Browser::new(&server);
            let reply = oidc.sign_in(&mut somebody).await;
            let is_in = somebody.is_signed_in().await;
            let holds = match told {
                None => is_in && reply.status == StatusCode::SEE_OTHER,
                Some(words) => {
                    !is_in && reply.text().contains(words) && reply.status.as_u16() == 403
                }
            };
            if !holds {
                wrong.push(format!("{name}: {} {}", reply.status, reply.text()));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn who_was_removed_since_the_directory_was_read_is_not_signed_in() {
    run(async {
        let unknown = Some("Your account is not in the directory");
        for (described, removed, came_before, refused) in [
            (true, true, false, unknown),
            (true, false, false, None),
            // only to release access, while every other right needs a lookup
            (false, true, true, None),
            // the current owner of the address is unknown, and a sign-in binding is permanent
            (false, false, false, Some("AWS does not answer")),
        ] {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            if came_before {
                oidc.sign_in(&mut Browser::new(&server)).await;
            }
            server.clock.advance(TimeSpan::minutes(4));
            oidc.world().now += 240;
            server.known.describes.store(described, Ordering::SeqCst);
            if removed {
                server.directory_changes(directory_with(server.now(), |people| {
                    people.retain(|person| person["user_name"] != "ana");
                }));
            }
            let mut ana = Browser::new(&server);
            let reply = oidc.sign_in(&mut ana).await;
            let case = format!("{described} {removed} {came_before}");
            assert_eq!(ana.is_signed_in().await, refused.is_none(), "{case}");
            let said = reply.text();
            assert!(said.contains(refused.unwrap_or_default()), "{case}: {said}");
        }
    });
}

/// Ana's address was removed or reassigned after the directory read; its new owner must not be
/// bound to her user.
#[test]
fn whoever_got_an_address_since_the_directory_was_read_is_not_who_had_it() {
    run(async {
        for got_by_cai in [false, true] {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            server.clock.advance(TimeSpan::minutes(4));
            oidc.world().now += 240;
            server.directory_changes(directory_with(server.now(), |people| {
                people[0]["emails"] = json!(["ana.new@corp.example"]);
                if got_by_cai {
                    people[1]["emails"] = json!(["cai@corp.example", "ana@corp.example"]);
                }
            }));
            oidc.world().change = json!({"sub": "u-newcomer"});
            let mut newcomer = Browser::new(&server);
            let reply = oidc.sign_in(&mut newcomer).await;
            assert!(!newcomer.is_signed_in().await, "{got_by_cai}");
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
            let words = "Your account is not in the directory";
            assert!(reply.text().contains(words), "{}", reply.text());
            server.clock.advance(TimeSpan::minutes(5));
            oidc.world().now += 300;
            oidc.sign_in(&mut newcomer).await;
            assert_eq!(newcomer.is_signed_in().await, got_by_cai);
            if got_by_cai {
                let page = newcomer.get("/").await.text();
                assert!(page.contains("cai@corp.example"), "{page}");
            }
            oidc.world().change = json!({"email": "ana.new@corp.example"});
            let mut ana = Browser::new(&server);
            let reply = oidc.sign_in(&mut ana).await;
            assert!(ana.is_signed_in().await, "{}", reply.text());
        }
    });
}

/// Signer, key, and whether it is accepted.
#[test]
fn only_the_providers_own_signature_counts() {
    run(async {
        let first = FakeOidc::start().await;
        let first_key = {
            let world = first.world();
            world.published[0].clone()
        };
        let public = first_key["x"].as_str().unwrap().as_bytes().to_vec();
        let rows = [
            ("RS256", Key::rsa(), "k", true, true),
            ("ES256", Key::ec(), "k", true, true),
            ("alg none", Key::Nothing, "first", false, false),
            (
                "HS256 with our secret",
                Key::Shared(SECRET.into()),
                "first",
                false,
                false,
            ),
            (
                "HS256 with its public key",
                Key::Shared(public),
                "first",
                false,
                false,
            ),
            (
                "another's key under its name",
                Key::ec(),
                "first",
                false,
                false,
            ),
            ("an unpublished key", Key::ec(), "unknown", false, false),
        ];
        for (name, key, kid, is_published, counts) in rows {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            oidc.signs_with(key, kid, is_published);
            let mut ana = Browser::new(&server);
            let reply = oidc.sign_in(&mut ana).await;
            assert_eq!(ana.is_signed_in().await, counts, "{name}: {}", reply.text());
            if !counts {
                assert!(reply.text().contains(PROVES_NOTHING), "{name}");
            }
        }
    });
}

#[test]
fn new_keys_are_fetched_when_a_token_names_one_but_not_for_everybody_who_says_so() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        assert_eq!(oidc.world().keys_fetched, 1);
        oidc.signs_with(Key::rsa(), "second", true);
        let mut again = Browser::new(&server);
        oidc.sign_in(&mut again).await;
        assert!(again.is_signed_in().await);
        assert_eq!(oidc.world().keys_fetched, 2);
        // unknown keys must not cause repeated fetches
        oidc.signs_with(Key::ec(), "unknown", false);
        for _ in 0..5 {
            oidc.sign_in(&mut Browser::new(&server)).await;
        }
        assert_eq!(oidc.world().keys_fetched, 2);
        server.clock.advance(TimeSpan::seconds(30));
        oidc.world().now += 30;
        oidc.sign_in(&mut Browser::new(&server)).await;
        assert_eq!(oidc.world().keys_fetched, 3);
    });
}

#[test]
fn a_provider_that_is_down_is_named_and_used_again_when_it_is_up() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        oidc.world().is_down = true;
        let mut ana = Browser::new(&server);
        let reply = ana.get("/signin/oidc").await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.text().contains("Example ID does not answer"));
        oidc.world().is_down = false;
        server.clock.advance(TimeSpan::seconds(5));
        oidc.world().now += 5;
        oidc.sign_in(&mut ana).await;
        assert!(ana.is_signed_in().await);
        let mut other = Browser::new(&server);
        let back = oidc.leave(&mut other, "/").await;
        oidc.world().is_down = true;
        let reply = other.get(&back).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ana.is_signed_in().await, "sessions do not depend on it");
    });
}

#[test]
fn discovery_needs_only_what_is_used_and_names_what_it_lacks() {
    run(async {
        let rows = [
            (
                json!({"response_types_supported": null, "subject_types_supported": null,
                    "id_token_signing_alg_values_supported": null}),
                None,
            ),
            (json!({"op_policy_uri": "", "op_tos_uri": ""}), None),
            (
                json!({"ui_locales_supported": "en", "claims_supported": [1],
                    "scopes_supported": "openid", "end_session_endpoint": ""}),
                None,
            ),
            (
                json!({"jwks_uri": null}),
                Some("its discovery document lacks `jwks_uri`"),
            ),
            (
                json!({"token_endpoint": "login"}),
                Some("`token_endpoint` of its discovery document is not an HTTPS address"),
            ),
            (
                json!({"authorization_endpoint": "javascript:alert(1)"}),
                Some("`authorization_endpoint` of its discovery document is not an HTTPS address"),
            ),
            (
                json!({"issuer": "https://id.example/"}),
                Some("its discovery document names the issuer `https://id.example/`"),
            ),
        ];
        for (change, told) in rows {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            oidc.world().discovery = change.clone();
            let mut ana = Browser::new(&server);
            match told {
                None => {
                    let reply = oidc.sign_in(&mut ana).await;
                    assert!(ana.is_signed_in().await, "{change}: {}", reply.text());
                }
                Some(words) => {
                    let reply = ana.get("/signin/oidc").await;
                    assert!(reply.text().contains(words), "{change}: {}", reply.text());
                }
            }
        }
    });
}

#[test]
fn keys_and_tokens_may_lack_a_kid() {
    run(async {
        for (published, named) in [
            (json!(null), json!("first")),
            (json!(null), json!(null)),
            (json!("first"), json!(null)),
        ] {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            let other = Key::ec().published("other");
            {
                let mut world = oidc.world();
                world.header = json!({ "kid": named });
                world.published[0]["kid"] = published.clone();
                world.published.insert(0, other);
            }
            let mut ana = Browser::new(&server);
            let reply = oidc.sign_in(&mut ana).await;
            let case = format!("{published}, {named}: {}", reply.text());
            assert!(ana.is_signed_in().await, "{case}");
            oidc.world().key = Key::ec();
            let mut eve = Browser::new(&server);
            oidc.sign_in(&mut eve).await;
            assert!(!eve.is_signed_in().await, "{case}");
        }
    });
}

#[test]
fn tokens_of_other_kinds_are_refused() {
    run(async {
        for header in [
            json!({"typ": "at+jwt"}),
            json!({"typ": "logout+jwt"}),
            json!({"crit": ["exp"]}),
        ] {
            let oidc = FakeOidc::start().await;
            let server = oidc.server();
            oidc.world().header = header.clone();
            let mut ana = Browser::new(&server);
            let reply = oidc.sign_in(&mut ana).await;
            assert!(reply.text().contains(PROVES_NOTHING), "{header}");
        }
    });
}

#[test]
fn small_id_tokens_are_completed_by_userinfo_about_the_same_person() {
    run(async {
        let oidc = FakeOidc::start().await;
        let (ana, mail) = ("ana@corp.example", "email");
        let rows = [
            (json!({}), json!({mail: ana, "email_verified": true}), true),
            (
                json!({}),
                json!({"sub": "u-eve", mail: ana, "email_verified": true}),
                false,
            ),
            (
                json!({}),
                json!({mail: ana, "email_verified": false}),
                false,
            ),
            // Authelia: the address in the token, the rest at userinfo
            (
                json!({mail: ana}),
                json!({mail: ana, "email_verified": true}),
                true,
            ),
            (json!({mail: ana}), json!({"email_verified": true}), true),
            (json!({"email_verified": true}), json!({mail: ana}), true),
            (json!({mail: ana}), json!({mail: ana}), false),
            // userinfo does not override a complete token
            (
                json!({mail: ana, "email_verified": false}),
                json!({mail: ana, "email_verified": true}),
                false,
            ),
            (
                json!({mail: "cai@corp.example"}),
                json!({mail: ana, "email_verified": true}),
                true,
            ),
            (
                json!({mail: "cai@corp.example", "email_verified": true}),
                json!({mail: ana, "email_verified": true}),
                false,
            ),
        ];
        for (token, userinfo, is_ana) in rows {
            let case = format!("{token}, {userinfo}");
            let mut change = json!({"email": null, "email_verified": null});
            merge(&mut change, &token);
            let mut said = json!({"sub": "u-ana"});
            merge(&mut said, &userinfo);
            oidc.world().change = change;
            oidc.world().userinfo = said;
            let server = oidc.server();
            let mut browser = Browser::new(&server);
            oidc.sign_in(&mut browser).await;
            let page = browser.get("/").await.text();
            let is_in = browser.is_signed_in().await && page.contains(ana);
            assert_eq!(is_in, is_ana, "{case}");
        }
    });
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().unwrap() {
        into[name] = value.clone();
    }
}

#[test]
fn another_claim_counts_only_when_nobody_must_have_verified_it() {
    run(async {
        let oidc = FakeOidc::start().await;
        oidc.world().change =
            json!({"upn": "cai@corp.example", "email": "eve@corp.example", "email_verified": null});
        for must_be_verified in [false, true] {
            let server = oidc.server_with(
                |settings| {
                    settings.email_claim = "upn".to_owned();
                    settings.require_verified_email = must_be_verified;
                },
                |_| {},
            );
            let mut cai = Browser::new(&server);
            oidc.sign_in(&mut cai).await;
            assert_eq!(cai.is_signed_in().await, !must_be_verified);
            let page = cai.get("/").await.text();
            assert_eq!(page.contains("cai@corp.example"), !must_be_verified);
            assert!(!page.contains("eve@corp.example"), "the other claim");
        }
    });
}

#[test]
fn a_refusal_of_the_provider_and_answers_of_others_sign_nobody_in() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        let back = oidc.leave(&mut ana, "/").await;
        let denied = back.replace("code=good", "error=access_denied");
        let reply = ana.get(&denied).await;
        assert!(
            reply.text().contains("refused or aborted"),
            "{}",
            reply.text()
        );
        let back = oidc.leave(&mut ana, "/").await;
        let reply = ana.get(&back.replace("code=good", "code=bad")).await;
        assert!(reply.text().contains(PROVES_NOTHING));
        let back = oidc.leave(&mut ana, "/").await;
        let mixed = format!("{back}&{}", form(&[("iss", "https://evil.example")]));
        let reply = ana.get(&mixed).await;
        assert!(reply.text().contains(PROVES_NOTHING));
        assert!(!ana.is_signed_in().await);
    });
}

#[test]
fn without_a_provider_its_paths_do_not_exist() {
    run(async {
        let server = crate::test_server::TestServer::new();
        let mut browser = Browser::new(&server);
        for path in ["/signin/oidc", "/signin/oidc/callback?state=x&code=y"] {
            assert_eq!(
                browser.get(path).await.status,
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    });
}

#[test]
fn signing_out_ends_the_session_here_and_goes_on_to_the_provider() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        let home = ana.get("/").await.text();
        let csrf = home.split("name=\"csrf\" value=\"").nth(1).unwrap();
        let csrf = csrf.split('"').next().unwrap().to_owned();
        let before = ana.clone();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = ana
            .send("POST", "/signout", &headers, form(&[("csrf", &csrf)]))
            .await;
        let page = reply.text();
        assert!(page.contains(&format!("{}/logout?", oidc.issuer)), "{page}");
        let token = oidc.world().last_id_token.clone();
        assert!(page.contains(&format!("id_token_hint={token}")));
        assert!(page.contains("post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fsignin"));
        assert!(ana.cookies.is_empty());
        assert!(
            !before.clone().is_signed_in().await,
            "the old cookie is dead"
        );
    });
}

#[test]
fn the_provider_can_end_sessions() {
    run(async {
        let now = 1_780_000_000;
        let oidc = FakeOidc::start().await;
        let rows = [
            ("as it should be", json!({}), true),
            ("by session alone", json!({"sub": null}), true),
            ("by person alone", json!({"sid": null}), true),
            ("another session", json!({"sid": "s-2"}), false),
            ("another person", json!({"sub": "u-eve"}), false),
            ("about no one", json!({"sub": null, "sid": null}), false),
            ("wrong audience", json!({"aud": "other"}), false),
            (
                "wrong issuer",
                json!({"iss": "https://evil.example"}),
                false,
            ),
            ("an ID token", json!({"nonce": "n", "events": null}), false),
            ("with a nonce", json!({"nonce": "n"}), false),
            (
                "about something else",
                json!({"events": {"other": {}}}),
                false,
            ),
            ("old", json!({"iat": now - 400}), false),
            ("expired", json!({"exp": now - 61}), false),
            ("from the future", json!({"iat": now + 61}), false),
        ];
        for (name, change, ends) in rows {
            let server = oidc.server();
            let mut ana = Browser::new(&server);
            oidc.sign_in(&mut ana).await;
            let token = oidc.logout_token(&change);
            let reply = call_logout(&server, &token).await;
            assert_eq!(ana.is_signed_in().await, !ends, "{name}: {}", reply.text());
        }
        for key in [Key::Nothing, Key::Shared(SECRET.into()), Key::ec()] {
            let other = FakeOidc::start().await;
            let server = other.server();
            let mut ana = Browser::new(&server);
            other.sign_in(&mut ana).await;
            other.signs_with(key, "first", false);
            let reply = call_logout(&server, &other.logout_token(&json!({}))).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
            assert!(ana.is_signed_in().await);
        }
    });
}

#[test]
fn a_replayed_logout_ends_nothing_that_came_after_it() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        let token = oidc.logout_token(&json!({}));
        assert_eq!(call_logout(&server, &token).await.status, StatusCode::OK);
        assert!(!ana.is_signed_in().await);
        oidc.sign_in(&mut ana).await;
        assert_eq!(call_logout(&server, &token).await.status, StatusCode::OK);
        assert!(ana.is_signed_in().await);
    });
}

async fn call_logout(
    server: &crate::test_server::TestServer,
    token: &str,
) -> crate::test_server::Reply {
    let mut provider = Browser::new(server);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = form(&[("logout_token", token)]);
    provider
        .send("POST", "/signin/oidc/logout", &headers, body)
        .await
}

/// An address reassigned at the provider does not transfer the identity.
#[test]
fn a_new_sign_in_with_a_known_address_is_nobody() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        assert!(ana.is_signed_in().await);
        oidc.world().change = json!({"sub": "u-other"});
        let mut other = Browser::new(&server);
        let reply = oidc.sign_in(&mut other).await;
        assert!(!other.is_signed_in().await);
        let words = "belongs to another sign-in";
        assert!(reply.text().contains(words), "{}", reply.text());
        oidc.world().change = json!({"email": "cai@corp.example"});
        let mut cai = Browser::new(&server);
        let reply = oidc.sign_in(&mut cai).await;
        assert!(!cai.is_signed_in().await);
        let words = "belongs to another user";
        assert!(reply.text().contains(words), "{}", reply.text());
        oidc.world().change = json!({});
        let mut again = Browser::new(&server);
        oidc.sign_in(&mut again).await;
        assert!(again.is_signed_in().await);
    });
}

#[test]
fn whoever_is_locked_is_told_since_when() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let lock = json!({"user": "ana@corp.example", "reason": "stolen"});
        let locked = server.post("/api/v1/locks", "eve/all", &lock).await;
        assert_eq!(locked.short(), "200");
        let mut ana = Browser::new(&server);
        let back = oidc.leave(&mut ana, "/").await;
        let page = ana.get(&back).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let said = "You are locked since 2026-05-28 20:26 UTC; ask an administrator.";
        assert!(page.text().contains(said), "{}", page.text());
        assert!(!ana.is_signed_in().await);
    });
}
