//! The normalized portal address for sign-ins, profiles and links.

use reqwest::Url;

/// Normalizes a start URL: no final slash, no fragment (`#/…`). Plain HTTP is only for a local
/// simulator.
///
/// # Errors
/// Why it is invalid.
pub fn portal_address(text: &str) -> Result<String, &'static str> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it holds blanks");
    }
    let mut url: Url = text
        .parse()
        .map_err(|_| "it is not a URL with `https://`")?;
    if !url.has_host() {
        return Err("it is not a URL with `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password");
    }
    if url.query().is_some() {
        return Err("it holds a query (`?…`)");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err("it is not encrypted (`https://`)"),
    }
    url.set_fragment(None);
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_or_is_refused() {
        let acme = "https://acme.awsapps.com/start";
        for (text, address) in [
            (acme, Some(acme)),
            ("https://acme.awsapps.com/start/", Some(acme)),
            ("https://acme.awsapps.com/start/#", Some(acme)),
            ("https://acme.awsapps.com/start#/", Some(acme)),
            ("https://acme.awsapps.com/start/#/?tab=accounts", Some(acme)),
            ("HTTPS://Acme.awsapps.com:443/start", Some(acme)),
            ("https://acme.awsapps.com", Some("https://acme.awsapps.com")),
            (
                "https://start.us-gov-home.awsapps.com/directory/acme",
                Some("https://start.us-gov-home.awsapps.com/directory/acme"),
            ),
            (
                "http://127.0.0.1:4570/start",
                Some("http://127.0.0.1:4570/start"),
            ),
            ("http://[::1]:4570/start/", Some("http://[::1]:4570/start")),
            ("http://acme.awsapps.com/start", None),
            ("https://acme.awsapps.com/start?x", None),
            ("https://mara:pw@acme.awsapps.com/start", None),
            ("acme.awsapps.com/start", None),
            ("localhost:4570/start", None),
            ("https://acme.awsapps.com/start\nregion = x", None),
            (" https://acme.awsapps.com/start", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(portal_address(text).ok().as_deref(), address, "{text}");
        }
    }
}
