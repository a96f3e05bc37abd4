//! Fuzz target for client headers: tokens, cookies, addresses, stream positions. See
//! `hallpass_base::testing`.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use hallpass_audit::SEQ_MAX;
use hallpass_base::testing::{changed, in_time};

use crate::address::Proxies;
use crate::body::last_event;
use crate::ui::shell::{theme, zone};
use crate::{auth, session};

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("__fuzz__/headers/corpus/bearer"),
    include_bytes!("__fuzz__/headers/corpus/cookies"),
    include_bytes!("__fuzz__/headers/corpus/forwarded"),
    include_bytes!("__fuzz__/headers/corpus/last"),
];

#[test]
fn headers_are_read_or_passed_over() {
    let peer: SocketAddr = "10.1.2.3:4567".parse().unwrap();
    let proxies = Proxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
    let names = [
        "authorization",
        "cookie",
        "x-forwarded-for",
        "last-event-id",
    ];
    hallpass_base::testing::fuzz_target!("headers", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"=;,:/[]. \"Bhp_0f9-+");
        let Ok(value) = HeaderValue::from_bytes(&bytes) else {
            return;
        };
        let all = names.map(|name| (HeaderName::from_static(name), value.clone()));
        let headers: HeaderMap = all.into_iter().collect();
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(peer));
        in_time(|| {
            assert!(last_event(&headers).is_none_or(|number| number <= SEQ_MAX));
            if let Some(secret) = auth::bearer(&value) {
                assert!(value.to_str().is_ok_and(|it| it.contains(secret)) && !secret.is_empty());
            }
            for name in ["theme", "zone", "__Host-hallpass", ""] {
                let found = session::cookie(&headers, name);
                assert!(found.is_none_or(|found| !found.contains(';')));
            }
            let _ = (theme(&headers), zone(&headers));
            // only a trusted proxy may set another address
            let shown = Proxies::default().shown(&extensions, &headers);
            assert_eq!(shown, Some(peer.ip()));
            assert!(proxies.shown(&extensions, &headers).is_some());
        });
    });
}
