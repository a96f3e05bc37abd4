//! Fuzz targets for the simulator's input: requests, signature headers, organization files, faults.
//! See `hallpass_base::testing`.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use hallpass_base::Clock;
use hallpass_base::testing::{changed, in_time};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Consistency, Options, Simulator,
    auth::{Authorization, Presented, sign_header, verify},
    core::state::SimState,
    faults,
    organization::{self, OrganizationFile},
};

const NOW: &str = "2026-11-20T07:27:43Z";
const STAMP: &str = "20261120T072743Z";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const LETTERS: &[u8] = b"{}[]\",:\\&=%+.;/?* \n0aA-1$#~";

const WIRE: [&[u8]; 18] = [
    include_bytes!("__fuzz__/wire/corpus/assume-role"),
    include_bytes!("__fuzz__/wire/corpus/caller-identity"),
    include_bytes!("__fuzz__/wire/corpus/create-assignment"),
    include_bytes!("__fuzz__/wire/corpus/create-permission-set"),
    include_bytes!("__fuzz__/wire/corpus/create-policy"),
    include_bytes!("__fuzz__/wire/corpus/create-user"),
    include_bytes!("__fuzz__/wire/corpus/in-query"),
    include_bytes!("__fuzz__/wire/corpus/list-accounts"),
    include_bytes!("__fuzz__/wire/corpus/list-instances"),
    include_bytes!("__fuzz__/wire/corpus/list-roles"),
    include_bytes!("__fuzz__/wire/corpus/list-users"),
    include_bytes!("__fuzz__/wire/corpus/portal"),
    include_bytes!("__fuzz__/wire/corpus/put-inline-policy"),
    include_bytes!("__fuzz__/wire/corpus/regions"),
    include_bytes!("__fuzz__/wire/corpus/register-client"),
    include_bytes!("__fuzz__/wire/corpus/role-credentials"),
    include_bytes!("__fuzz__/wire/corpus/s3"),
    include_bytes!("__fuzz__/wire/corpus/token"),
];

struct Stands;

impl Clock for Stands {
    fn now(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
}

/// Parses `METHOD target`, headers, an empty line, the body.
fn request(bytes: &[u8]) -> Option<(Request<()>, Bytes)> {
    let cut = bytes.windows(2).position(|two| two == b"\n\n")?;
    let head = std::str::from_utf8(&bytes[..cut]).ok()?;
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        request = request.header(name, value);
    }
    Some((
        request.body(()).ok()?,
        Bytes::copy_from_slice(&bytes[cut + 2..]),
    ))
}

fn service(request: &Request<()>, body: &[u8]) -> String {
    let is_bare = body.is_empty() && request.uri().query().is_none();
    let other = if is_bare { "s3" } else { "sts" };
    crate::http::signing_name(request, body).unwrap_or_else(|| other.to_owned())
}

static SIMULATOR: LazyLock<Simulator> = LazyLock::new(|| {
    let options = Options {
        organization: organization::small(),
        consistency: Some(Consistency::Strong),
        throttle: false,
        ..Options::default()
    };
    Simulator::new(options, Arc::new(Stands)).unwrap()
});

static PRISTINE: LazyLock<SimState> = LazyLock::new(|| SIMULATOR.shared().lock().state.clone());

fn answered(bytes: &[u8]) -> Option<Response<Body>> {
    let (mut request, body) = request(bytes)?;
    let service = service(&request, &body);
    for (name, value) in [("host", "127.0.0.1:4570"), ("x-amz-date", STAMP)] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
    }
    let account = SIMULATOR.identity_center().management_account;
    let keys = SIMULATOR.credentials(&account).unwrap();
    let key = (keys.access_key_id.as_str(), keys.secret_access_key.as_str());
    let header = sign_header(key, ("us-east-1", &service), &presented(&request, &body));
    let header = header.parse().unwrap();
    request.headers_mut().insert("authorization", header);
    // every input finds the same world, so that a failure repeats
    LazyLock::force(&PRISTINE);
    let shared = SIMULATOR.shared();
    shared.lock().state = PRISTINE.clone();
    let (parts, ()) = request.into_parts();
    let answer = in_time(|| crate::http::answer(shared, &parts, body).now_or_never());
    Some(
        answer
            .expect("nothing waits")
            .expect("no fault was requested"),
    )
}

#[test]
fn every_sample_gets_past_the_signature() {
    for sample in WIRE {
        let answer = answered(sample).unwrap();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX);
        let body = body.now_or_never().unwrap().unwrap();
        let told = String::from_utf8_lossy(&body);
        let sample = String::from_utf8_lossy(sample);
        for word in [
            "Signature",
            "ClientToken",
            "Credential should",
            "UnknownOperation",
            "InvalidAction",
        ] {
            assert!(!told.contains(word), "{told} to {sample}");
        }
    }
}

#[test]
fn every_request_is_answered() {
    hallpass_base::testing::fuzz_target!("wire", |input: &[u8]| {
        let bytes = changed(input, &WIRE, LETTERS);
        if let Some(answer) = answered(&bytes) {
            let status = answer.status().as_u16();
            let told = String::from_utf8_lossy(&bytes);
            // 501: not simulated
            let expected = (200..500).contains(&status) || status == 501;
            assert!(expected, "{status}: {told}");
        }
    });
}

fn presented<'a>(request: &'a Request<()>, body: &'a [u8]) -> Presented<'a> {
    Presented {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body,
    }
}

#[test]
fn a_signature_counts_for_what_was_signed_alone() {
    const SAMPLES: [&[u8]; 3] = [
        include_bytes!("__fuzz__/authorization/corpus/sts"),
        include_bytes!("__fuzz__/authorization/corpus/no-blanks"),
        include_bytes!("__fuzz__/authorization/corpus/asymmetric"),
    ];
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let rows = [
        ("host", "127.0.0.1:4570"),
        ("content-type", form),
        ("x-amz-date", STAMP),
    ];
    let headers = |authorization: &[u8]| -> Option<HeaderMap> {
        let given = HeaderValue::from_bytes(authorization).ok()?;
        let rows = rows.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let all = rows.into_iter().chain([("authorization", given)]);
        Some(
            all.map(|(name, value)| (HeaderName::from_static(name), value))
                .collect(),
        )
    };
    let signed = Authorization::parse(&headers(SAMPLES[0]).unwrap(), "").unwrap();
    hallpass_base::testing::fuzz_target!("authorization", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b" =/,;-ASCdw4H_aes0");
        let Some(headers) = headers(&bytes) else {
            return;
        };
        let query = String::from_utf8_lossy(&bytes);
        let _ = in_time(|| Authorization::parse(&HeaderMap::new(), &query));
        let Ok(read) = in_time(|| Authorization::parse(&headers, "")) else {
            return;
        };
        let request = Presented {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: b"Action=GetCallerIdentity&Version=2011-06-15",
        };
        if in_time(|| verify(&read, &request, SECRET, Stands.now())).is_ok() {
            let mut read = read;
            read.access_key_id.clone_from(&signed.access_key_id);
            read.terminator.clone_from(&signed.terminator);
            assert_eq!(read, signed, "{}", String::from_utf8_lossy(&bytes));
        }
    });
}

#[test]
fn an_organization_file_loads_or_its_problems_have_places() {
    const SAMPLES: [&[u8]; 2] = [
        include_bytes!("__fuzz__/organization/corpus/organization.json"),
        include_bytes!("__fuzz__/organization/corpus/tree.json"),
    ];
    hallpass_base::testing::fuzz_target!("organization", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, LETTERS);
        let text = String::from_utf8_lossy(&bytes);
        match in_time(|| organization::parse(&text)) {
            Err(problems) => {
                assert!(!problems.is_empty());
                assert!(
                    problems.iter().all(|one| !one.message.is_empty()),
                    "{problems:?}"
                );
            }
            Ok(file) => loads_again(&file),
        }
    });
}

/// A valid file loads, and its export reads back equal.
fn loads_again(file: &OrganizationFile) {
    let options = || Options {
        organization: file.clone(),
        ..Options::default()
    };
    let Ok(simulator) = Simulator::new(options(), Arc::new(Stands)) else {
        return;
    };
    let told = serde_json::to_string(&simulator.organization()).unwrap();
    let again = organization::parse(&told);
    assert!(again.is_ok(), "{again:?} of {told}");
}

#[test]
fn faults_are_read_whole_or_refused_with_their_field() {
    const SAMPLES: [&[u8]; 2] = [
        include_bytes!("__fuzz__/faults/corpus/throttle.json"),
        include_bytes!("__fuzz__/faults/corpus/somebody.json"),
    ];
    let somebody = serde_json::from_slice(SAMPLES[1]).unwrap();
    assert!(faults::read_all(&somebody).is_ok());
    hallpass_base::testing::fuzz_target!("faults", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, LETTERS);
        let Ok(body) = serde_json::from_slice::<Value>(&bytes) else {
            return;
        };
        if let Err(wrong) = in_time(|| faults::read_all(&body)) {
            assert!(!wrong.message.is_empty(), "{wrong:?} of {body}");
        }
    });
}
