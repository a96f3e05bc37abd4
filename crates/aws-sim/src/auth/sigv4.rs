//! Signature version 4, the receiving side (AWS General Reference, "Signing AWS API requests").

use std::{borrow::Cow, fmt::Write as _};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use super::auth_errors::Mistake;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// Maximum clock skew of a request, in seconds (`simulator.md` §1.4).
pub(crate) const MAX_SKEW: i64 = 300;

/// Maximum validity of a presigned URL, in seconds.
const PRESIGNED_MAX: i64 = 7 * 24 * 3600;

/// The parsed header `Authorization`, or the equivalent query parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub access_key_id: String,
    pub date: String,
    pub region: String,
    pub service: String,
    pub terminator: String,
    /// Of a session key.
    pub token: Option<String>,
    stamp: Option<String>,
    expires: Option<i64>,
    signed_headers: Vec<String>,
    signature: String,
}

pub(crate) struct Presented<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Authorization {
    /// Reads the header, or without one the query parameters (AWS General Reference, "Query string
    /// authentication").
    pub(crate) fn parse(headers: &HeaderMap, query: &str) -> Result<Self, Mistake> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let Some(header) = headers.get("authorization") else {
            return Self::in_address(query);
        };
        let header = header.to_str().map_err(|_| incomplete("it is not text"))?;
        let (algorithm, rest) = header
            .split_once(' ')
            .ok_or_else(|| incomplete("it has no parameters"))?;
        check_algorithm(algorithm)?;
        let parameter = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| incomplete(&format!("it requires '{name}' parameter")))
        };
        Self {
            token: text("x-amz-security-token"),
            stamp: text("x-amz-date"),
            ..Self::default()
        }
        .with(parameter)
    }

    fn in_address(query: &str) -> Result<Self, Mistake> {
        let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            form_urlencoded::parse(query.as_bytes()).collect();
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.as_ref())
        };
        check_algorithm(field("X-Amz-Algorithm").ok_or(Mistake::Missing)?)?;
        let seconds = field("X-Amz-Expires").and_then(|text| text.parse::<i64>().ok());
        let expires = seconds
            .filter(|seconds| (1..=PRESIGNED_MAX).contains(seconds))
            .ok_or_else(|| incomplete("X-Amz-Expires is not from 1 to 604800 seconds"))?;
        let parameter = |name: &str| {
            field(&format!("X-Amz-{name}"))
                .ok_or_else(|| incomplete(&format!("it requires 'X-Amz-{name}' parameter")))
        };
        Self {
            token: field("X-Amz-Security-Token").map(str::to_owned),
            stamp: field("X-Amz-Date").map(str::to_owned),
            expires: Some(expires),
            ..Self::default()
        }
        .with(parameter)
    }

    fn with<'a>(
        self,
        parameter: impl Fn(&str) -> Result<&'a str, Mistake>,
    ) -> Result<Self, Mistake> {
        let credential: Vec<&str> = parameter("Credential")?.split('/').collect();
        let [access_key_id, date, region, service, terminator] = credential.as_slice() else {
            return Err(incomplete("its Credential must have five parts"));
        };
        let signed_headers = parameter("SignedHeaders")?;
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            terminator: (*terminator).to_owned(),
            signed_headers: signed_headers
                .split(';')
                .map(str::to_ascii_lowercase)
                .collect(),
            signature: parameter("Signature")?.to_owned(),
            ..self
        })
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), Mistake> {
    if algorithm.starts_with("AWS4-ECDSA") {
        return Err(Mistake::Terminator("aws4_request".to_owned()));
    }
    if algorithm != ALGORITHM {
        return Err(incomplete("its algorithm is not AWS4-HMAC-SHA256"));
    }
    Ok(())
}

fn incomplete(why: &str) -> Mistake {
    Mistake::Incomplete(format!("Authorization header is not complete: {why}."))
}

/// Checks date, then signature; the caller has checked key and scope.
pub(crate) fn verify(
    authorization: &Authorization,
    request: &Presented<'_>,
    secret: &str,
    wall: Timestamp,
) -> Result<(), Mistake> {
    let stamp = authorization
        .stamp
        .as_deref()
        .ok_or_else(|| incomplete("the request has no X-Amz-Date"))?;
    check_date(authorization, stamp, wall)?;
    check_headers(authorization, request.headers)?;
    let scope = format!(
        "{}/{}/{}/{TERMINATOR}",
        authorization.date, authorization.region, authorization.service
    );
    let canonical = canonical_request(authorization, request);
    let hashed = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let string_to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{hashed}");
    let expected = hex::encode(sign(&signing_key(authorization, secret), &string_to_sign));
    verify_slices_are_equal(expected.as_bytes(), authorization.signature.as_bytes())
        .map_err(|_| Mistake::Signature)
}

/// The host and every `x-amz-` header must be signed (AWS General Reference, "Create a canonical
/// request"); with a presigned URL clients also send unsigned ones.
fn check_headers(authorization: &Authorization, headers: &HeaderMap) -> Result<(), Mistake> {
    let is_signed = |name: &str| authorization.signed_headers.iter().any(|it| it == name);
    if !is_signed("host") {
        let text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(Mistake::Unsigned(text.to_owned()));
    }
    if authorization.expires.is_some() {
        return Ok(());
    }
    let mut own = headers.keys().map(HeaderName::as_str);
    match own.find(|name| name.starts_with("x-amz-") && !is_signed(name)) {
        Some(name) => Err(Mistake::Unsigned(format!(
            "There were headers present in the request which were not signed: {name}"
        ))),
        None => Ok(()),
    }
}

fn check_date(authorization: &Authorization, stamp: &str, wall: Timestamp) -> Result<(), Mistake> {
    let parsed = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp)
        .ok()
        .and_then(|at| at.to_zoned(TimeZone::UTC).ok())
        .ok_or_else(|| incomplete("X-Amz-Date is not in ISO 8601 basic form"))?;
    let day = stamp.get(..8).unwrap_or_default();
    if day != authorization.date {
        return Err(Mistake::ScopeDate(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{day}', from '{stamp}'.",
            authorization.date
        )));
    }
    let off = parsed.timestamp().duration_since(wall).as_secs();
    let limit = |seconds| {
        basic(
            wall.saturating_add(SignedDuration::from_secs(seconds))
                .unwrap_or(wall),
        )
    };
    let good_for = authorization.expires.unwrap_or(MAX_SKEW);
    if off < -good_for {
        return Err(Mistake::Skew(format!(
            "Signature expired: {stamp} is now earlier than {} ({} - {} min.)",
            limit(-good_for),
            basic(wall),
            good_for / 60
        )));
    }
    if off > MAX_SKEW {
        return Err(Mistake::Skew(format!(
            "Signature not yet current: {stamp} is still later than {} ({} + 5 min.)",
            limit(MAX_SKEW),
            basic(wall)
        )));
    }
    Ok(())
}

fn basic(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn canonical_request(authorization: &Authorization, request: &Presented<'_>) -> String {
    let mut text = format!("{}\n", request.method);
    let s3 = authorization.service == "s3";
    text.push_str(&if s3 {
        request.path.to_owned()
    } else {
        encode_path(request.path)
    });
    text.push('\n');
    text.push_str(&canonical_query(
        request.query,
        authorization.expires.is_some(),
    ));
    text.push('\n');
    for name in &authorization.signed_headers {
        let values: Vec<String> = request
            .headers
            .get_all(name)
            .iter()
            .map(|value| collapse(&String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    text.push('\n');
    text.push_str(&authorization.signed_headers.join(";"));
    text.push('\n');
    let given = request
        .headers
        .get("x-amz-content-sha256")
        .and_then(|value| value.to_str().ok());
    let given = given.or(authorization.expires.map(|_| "UNSIGNED-PAYLOAD"));
    match given
        .filter(|given| s3 && (*given == "UNSIGNED-PAYLOAD" || given.starts_with("STREAMING-")))
    {
        Some(given) => text.push_str(given),
        None => text.push_str(&hex::encode(digest::digest(&digest::SHA256, request.body))),
    }
    text
}

fn encode_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if text.is_empty() {
        "/".to_owned()
    } else {
        text
    }
}

/// The sorted query; omits the signature of a presigned URL.
fn canonical_query(query: &str, signed: bool) -> String {
    let mut parts: Vec<(&str, &str)> = query
        .split('&')
        .filter(|part| !(part.is_empty() || signed && part.starts_with("X-Amz-Signature=")))
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .collect();
    parts.sort_unstable();
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join("&")
}

fn collapse(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").trim().to_owned()
}

fn signing_key(authorization: &Authorization, secret: &str) -> Vec<u8> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [
        &authorization.date,
        &authorization.region,
        &authorization.service,
    ] {
        key = sign(&key, part);
    }
    sign(&key, TERMINATOR)
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

/// Signs a request as clients do, with `key` (id, secret) for `scope` (Region, service).
#[cfg(test)]
pub(crate) fn sign_header(
    (id, secret): (&str, &str),
    (region, service): (&str, &str),
    request: &Presented<'_>,
) -> String {
    let stamp = request.headers.get("x-amz-date").unwrap().to_str().unwrap();
    let own = request.headers.keys().map(HeaderName::as_str);
    let own = own.filter(|name| name.starts_with("x-amz-"));
    let mut authorization = Authorization {
        access_key_id: id.to_owned(),
        date: stamp.get(..8).unwrap().to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        terminator: TERMINATOR.to_owned(),
        signed_headers: std::iter::once("host")
            .chain(own)
            .map(str::to_owned)
            .collect(),
        ..Authorization::default()
    };
    let names = authorization.signed_headers.join(";");
    let scope = format!("{}/{region}/{service}/{TERMINATOR}", authorization.date);
    let canonical = canonical_request(&authorization, request);
    let hashed = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let text = format!("{ALGORITHM}\n{stamp}\n{scope}\n{hashed}");
    authorization.signature = hex::encode(sign(&signing_key(&authorization, secret), &text));
    format!(
        "{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={}",
        authorization.signature
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn try_it(rows: &[(&'static str, &str)], body: &str) -> Result<(), Mistake> {
        let headers = headers(rows);
        let authorization = Authorization::parse(&headers, "")?;
        let request = Presented {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        verify(
            &authorization,
            &request,
            SECRET,
            "2026-11-20T07:27:43Z".parse().unwrap(),
        )
    }

    fn credential(service: &str, signed: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIA0000111122223333/20261120/eu-west-1/{service}/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        )
    }

    const STS: &str = "8d0f217469f21d42d8db46fc20869b73bf608c1fc9a86f2cdf3b675a56a683a3";
    const SSO: &str = "3775c552aad2ca78dfe6940490f17477f6af5a4530dac2d41c24f6b9c4e82734";

    fn sts(signature: &str, body: &str) -> Result<(), Mistake> {
        let authorization = credential("sts", "content-type;host;x-amz-date", signature);
        let rows = [
            ("host", "127.0.0.1:4570"),
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            ),
            ("x-amz-date", "20261120T072743Z"),
            ("authorization", authorization.as_str()),
        ];
        try_it(&rows, body)
    }

    #[test]
    fn vectors() {
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        assert_eq!(sts(STS, body), Ok(()));
        assert_eq!(
            sts(STS, "Action=GetCallerIdentity&Version=2011-06-16"),
            Err(Mistake::Signature)
        );
        assert_eq!(sts(SSO, body), Err(Mistake::Signature));
        let signed = "content-type;host;x-amz-date;x-amz-target";
        let authorization = credential("sso", signed, SSO);
        let rows = [
            ("host", "127.0.0.1:4570"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-date", "20261120T072743Z"),
            ("x-amz-target", "SWBExternalService.ListInstances"),
            ("authorization", authorization.as_str()),
        ];
        assert_eq!(try_it(&rows, "{}"), Ok(()));
    }

    #[test]
    fn the_host_and_what_is_awss_own_has_to_be_signed() {
        let ask = |signed: &str| {
            let authorization = credential("sso", signed, SSO);
            try_it(
                &[
                    ("host", "127.0.0.1:4570"),
                    ("content-type", "application/x-amz-json-1.1"),
                    ("x-amz-date", "20261120T072743Z"),
                    ("x-amz-target", "SWBExternalService.ListInstances"),
                    ("authorization", authorization.as_str()),
                ],
                "{}",
            )
        };
        for (signed, missing) in [
            ("content-type;x-amz-date;x-amz-target", "'Host'"),
            ("content-type;host;x-amz-date", "not signed: x-amz-target"),
            ("content-type;host;x-amz-target", "not signed: x-amz-date"),
        ] {
            let found = ask(signed);
            assert!(
                matches!(&found, Err(Mistake::Unsigned(text)) if text.contains(missing)),
                "{signed} {found:?}"
            );
        }
    }

    #[test]
    fn a_signature_in_the_address() {
        const SIGNATURE: &str = "2b9bbef22ab4d1f289a4ada2c850846ac3ff9be39e673cc6114971f29bed7810";
        let query = format!(
            "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIA0000111122223333%2F20261120%2Feu-west-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20261120T072743Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
             &X-Amz-Security-Token=a%2Fb%2Bc%3D%3D&X-Amz-Signature={SIGNATURE}"
        );
        let check = |query: &str, cluster: &str, at: &str| {
            let headers = headers(&[("host", "127.0.0.1:4570"), ("x-k8s-aws-id", cluster)]);
            let authorization = Authorization::parse(&headers, query)?;
            assert_eq!(authorization.token.as_deref(), Some("a/b+c=="));
            let request = Presented {
                method: "GET",
                path: "/",
                query,
                headers: &headers,
                body: b"",
            };
            verify(&authorization, &request, SECRET, at.parse().unwrap())
        };
        let at = "2026-11-20T07:28:43Z";
        assert_eq!(check(&query, "prod", at), Ok(()));
        assert_eq!(check(&query, "dev", at), Err(Mistake::Signature));
        let longer = query.replace("Expires=60", "Expires=600");
        assert_eq!(check(&longer, "prod", at), Err(Mistake::Signature));
        let late = check(&query, "prod", "2026-11-20T07:28:44Z");
        assert!(matches!(late, Err(Mistake::Skew(_))), "{late:?}");
        let endless = query.replace("Expires=60", "Expires=604801");
        let endless = check(&endless, "prod", at);
        assert!(
            matches!(endless, Err(Mistake::Incomplete(_))),
            "{endless:?}"
        );
    }

    #[test]
    fn header_mistakes() {
        for (header, right) in [
            ("AWS4-HMAC-SHA256", false),
            ("Bearer x", false),
            (
                "AWS4-HMAC-SHA256 Credential=AKIA/20261120/eu-west-1/sso, SignedHeaders=host, Signature=00",
                false,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/sso/aws4_request, Signature=00",
                false,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/sso/aws4_request,SignedHeaders=host,Signature=00",
                true,
            ),
        ] {
            let parsed = Authorization::parse(&headers(&[("authorization", header)]), "");
            match parsed {
                Ok(_) => assert!(right, "{header}"),
                Err(mistake) => assert!(
                    !right && matches!(mistake, Mistake::Incomplete(_)),
                    "{header}"
                ),
            }
        }
        assert_eq!(
            Authorization::parse(&HeaderMap::new(), "a=1"),
            Err(Mistake::Missing)
        );
    }

    #[test]
    fn dates() {
        let authorization = |date: &str| Authorization {
            date: date.to_owned(),
            ..Authorization::default()
        };
        let wall = "2026-11-20T07:27:43Z".parse().unwrap();
        let check = |stamp: &str| check_date(&authorization("20261120"), stamp, wall);
        assert_eq!(check("20261120T072243Z"), Ok(()));
        assert_eq!(
            check("20261120T071243Z"),
            Err(Mistake::Skew(
                "Signature expired: 20261120T071243Z is now earlier than 20261120T072243Z \
                 (20261120T072743Z - 5 min.)"
                    .to_owned()
            ))
        );
        assert!(
            matches!(check("20261120T074743Z"), Err(Mistake::Skew(text)) if text.starts_with("Signature not yet current"))
        );
        assert!(matches!(
            check("20261121T072743Z"),
            Err(Mistake::ScopeDate(_))
        ));
        assert!(matches!(check("yesterday"), Err(Mistake::Incomplete(_))));
    }

    #[test]
    fn canonical_forms() {
        assert_eq!(encode_path("/a%20b/c"), "/a%2520b/c");
        assert_eq!(canonical_query("b=2&a=1&a=0&c", false), "a=0&a=1&b=2&c=");
        assert_eq!(collapse("  a   b  "), "a b");
    }
}
