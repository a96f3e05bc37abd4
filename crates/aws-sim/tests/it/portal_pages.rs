//! The portal's pages as a browser sees them.

use hallpass_aws_sim::Options;
use serde_json::json;

use crate::bench::{Bench, options};
use crate::portal::plain_client;

const MARA: &str = "mara.lindqvist@example.com";

struct Page {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }
}

async fn look(
    bench: &Bench,
    path: &str,
    form: Option<&[(&str, &str)]>,
    headers: &[(&str, &str)],
) -> Page {
    let client = plain_client();
    let address = format!("http://{}{path}", bench.address);
    let mut request = match form {
        None => client.get(address),
        Some(form) => {
            let part = |text: &str| {
                text.replace('%', "%25")
                    .replace('&', "%26")
                    .replace('+', "%2B")
            };
            let pairs: Vec<String> = form
                .iter()
                .map(|(name, value)| format!("{name}={}", part(value)))
                .collect();
            client.post(address).body(pairs.join("&"))
        }
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    Page {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await.unwrap(),
    }
}

async fn with_portal(url: &str) -> Bench {
    Bench::new(Options {
        portal_url: Some(url.to_owned()),
        ..options()
    })
    .await
}

#[tokio::test]
async fn pages_are_where_the_portal_is() {
    for (url, path, expected) in [
        ("http://127.0.0.1:4570/start", "/start", 200),
        ("http://127.0.0.1:4570/start", "/start/", 200),
        ("http://127.0.0.1:4570/start", "/start/none", 404),
        ("http://127.0.0.1:4570/start", "/startle", 404),
        ("http://localhost:4570/d/acme", "/d/acme", 200),
        ("http://localhost:4570/d/acme", "/start", 404),
        ("https://acme.awsapps.com/start", "/start", 404),
        ("https://acme.awsapps.com/start", "/_sim/device", 200),
        ("https://acme.awsapps.com/start", "/_sim/portal.css", 200),
    ] {
        let bench = with_portal(url).await;
        let page = look(&bench, path, None, &[]).await;
        assert_eq!(page.status, expected, "{url} {path}");
        if page.header("content-type").starts_with("text/html") {
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            for inline in ["<style", " style=", "<script>", "onclick", "javascript:"] {
                assert!(!page.text.contains(inline), "{path} {inline}");
            }
            assert_eq!(page.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn pages_are_for_this_machine_or_the_token() {
    let bench = Bench::new(Options {
        portal_url: Some("http://127.0.0.1:4570/start".to_owned()),
        control_token: Some("right".to_owned()),
        ..options()
    })
    .await;
    for path in ["/start", "/authorize", "/_sim/device"] {
        for (token, let_in) in [("wrong", false), ("right", true)] {
            let page = look(&bench, path, None, &[("x-sim-token", token)]).await;
            assert_eq!(page.status != 403, let_in, "{path} {token}");
        }
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let bench = with_portal("http://127.0.0.1:4570/start").await;
    let own = format!("http://{}", bench.address);
    let form = [("user", MARA)];
    for (origin, expected) in [
        (own.as_str(), 303),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let page = look(&bench, "/start/signin", Some(&form), &[("origin", origin)]).await;
        assert_eq!(page.status, expected, "{origin}");
        let page = look(&bench, "/_sim/device", Some(&form), &[("origin", origin)]).await;
        let expected = if expected == 303 { 404 } else { 403 };
        assert_eq!(page.status, expected, "{origin}");
    }
}

#[tokio::test]
async fn from_a_link_to_the_console() {
    let bench = with_portal("http://127.0.0.1:4570/start").await;
    let account = bench.account("payments-prod");
    let wish = format!("account_id={account}&role_name=ReadOnly");
    let console = format!("/start/console?{wish}");
    // without a session, the console shows the sign-in and continues afterwards
    let page = look(&bench, &console, None, &[]).await;
    assert!(page.text.contains("data-portal=\"sign-in\""));
    let action = format!("/start/signin?{wish}");
    assert!(
        page.text.contains(&action.replace('&', "&amp;")),
        "{}",
        page.text
    );
    let page = look(&bench, &action, Some(&[("user", MARA)]), &[]).await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, console.as_str())
    );
    let cookie = page.header("set-cookie").to_owned();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("Path=/start"),
        "{cookie}"
    );
    let cookie = [("cookie", cookie.split(';').next().unwrap())];
    let first = look(&bench, &console, None, &cookie).await;
    assert_eq!(first.status, 200);
    for part in [
        MARA,
        "payments-prod",
        "AWSReservedSSO_ReadOnly_",
        "2026-11-20T15:27:43Z",
    ] {
        assert!(first.text.contains(part), "{part}: {}", first.text);
    }
    let home = look(&bench, "/start", None, &cookie).await;
    assert!(
        home.text.contains(&console.replace('&', "&amp;")),
        "{}",
        home.text
    );
    // opened twice, it is one session
    look(&bench, &console, None, &cookie).await;
    let (_, listed) = bench.control("GET", "/sessions", json!(null)).await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(listed["sessions"][0]["source"], "console");
    let other = format!("/start/console?account_id={account}&role_name=Billing");
    assert_eq!(look(&bench, &other, None, &cookie).await.status, 403);
    let out = look(&bench, "/start/signout", Some(&[]), &cookie).await;
    assert_eq!((out.status, out.header("location")), (303, "/start"));
    let page = look(&bench, "/start", None, &cookie).await;
    assert!(page.text.contains("Choose a user"));
}

#[tokio::test]
async fn people_are_picked_or_typed() {
    let bench = with_portal("http://127.0.0.1:4570/start").await;
    for (form, expected) in [
        (vec![("user", MARA)], 303),
        (vec![("other", MARA), ("user", "")], 303),
        (
            vec![("other", " Mara.Lindqvist@Example.com "), ("user", "")],
            303,
        ),
        (vec![("user", "")], 404),
        (vec![("user", "<b>nobody</b>")], 404),
    ] {
        let page = look(&bench, "/start/signin", Some(&form), &[]).await;
        assert_eq!(page.status, expected, "{form:?}");
        assert!(!page.text.contains("<b>nobody"), "{}", page.text);
    }
    let change = json!({ "disable_user": { "user": MARA } });
    assert_eq!(bench.mutate(change).await.0, 200);
    let page = look(&bench, "/start", None, &[]).await;
    assert!(!page.text.contains(MARA), "only who can sign in");
    let page = look(&bench, "/start/signin", Some(&[("user", MARA)]), &[]).await;
    assert_eq!(page.status, 409);
}
