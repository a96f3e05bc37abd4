//! The transport below the SDK: the SDK's own, with a bound on the connections that are kept between
//! calls. Each is a descriptor, and descriptors are shared with everything else in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Connections kept for each service between calls; so many calls are under way at most times.
pub(crate) const KEPT_MAX: usize = 16;
/// How long they are kept.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// A client for every service. What is read from files for TLS is read with the first call.
pub(crate) fn client() -> SharedHttpClient {
    // the SDK asks for a connector with every call, and means the same one for the same limits
    let made: Mutex<HashMap<TransportTimeouts, SharedHttpConnector>> = Mutex::default();
    http_client_fn(move |settings, components| {
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let connector = made
            .entry(limits)
            .or_insert_with(|| connector(settings, components));
        connector.clone()
    })
}

type TransportTimeouts = (Option<Duration>, Option<Duration>);

fn connector(
    settings: &HttpConnectorSettings,
    components: &RuntimeComponents,
) -> SharedHttpConnector {
    let mut builder = Connector::builder()
        .pool_max_idle_per_host(KEPT_MAX)
        .pool_idle_timeout(KEPT_FOR)
        .connector_settings(settings.clone())
        .proxy_config(ProxyConfig::from_env());
    builder.set_sleep_impl(components.sleep_impl());
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    SharedHttpConnector::new(builder.tls_provider(tls).build())
}
