//! The SDK's transport with a limit on idle connections: each holds a file descriptor, shared with
//! the whole process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

pub(crate) const KEPT_MAX: usize = 16;
const KEPT_FOR: Duration = Duration::from_secs(30);

pub(crate) fn client() -> SharedHttpClient {
    // the SDK requests a connector for every call; equal limits share one
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
