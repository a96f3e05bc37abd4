//! The IAM Identity Center instance in the store, so that a server can start during an outage of
//! its home Region.

use crate::host::server_store::ServerStore;
use hallpass_aws::{Aws, InstanceSource, KnownInstance};
use serde_json::{Value, json};

const KEY: &str = "instance";

/// Returns the stored instance of any account and Region: callers must compare it with their own.
pub(crate) async fn kept(store: &ServerStore) -> Option<KnownInstance> {
    let bytes = store.blob_get(KEY).await.ok().flatten()?;
    read(&serde_json::from_slice(&bytes).ok()?)
}

pub(crate) async fn keep(store: &ServerStore, aws: &Aws, known: Option<&KnownInstance>) {
    let told = aws.known_instance();
    if aws.instance_source() != InstanceSource::Aws || known == Some(&told) {
        return;
    }
    if let Some(known) = known.filter(|it| is_replaced(it, &told)) {
        let (before, now) = (&known.instance_arn, &told.instance_arn);
        tracing::warn!(%before, %now, "AWS tells of another instance of IAM Identity Center than before");
    }
    let bytes = written(&told).to_string();
    if let Err(error) = store.blob_put(KEY, bytes.as_bytes()).await {
        tracing::warn!(%error, "the instance could not be stored: a start needs an answer of its home Region");
    }
}

fn is_replaced(known: &KnownInstance, told: &KnownInstance) -> bool {
    let is_the_same_question = known.account == told.account
        && known.region == told.region
        && known.endpoint_url == told.endpoint_url;
    is_the_same_question && known != told
}

fn written(instance: &KnownInstance) -> Value {
    json!({
        "account": instance.account,
        "region": instance.region,
        "endpoint_url": instance.endpoint_url,
        "instance_arn": instance.instance_arn,
        "identity_store_id": instance.identity_store_id,
    })
}

fn read(kept: &Value) -> Option<KnownInstance> {
    let text = |name: &str| kept.get(name)?.as_str().map(str::to_owned);
    Some(KnownInstance {
        account: text("account")?,
        region: text("region")?,
        endpoint_url: match kept.get("endpoint_url")? {
            Value::Null => None,
            url => Some(url.as_str()?.to_owned()),
        },
        instance_arn: text("instance_arn")?,
        identity_store_id: text("identity_store_id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(endpoint_url: Option<&str>) -> KnownInstance {
        KnownInstance {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint_url: endpoint_url.map(str::to_owned),
            instance_arn: "arn:aws:sso:::instance/ssoins-0123456789abcdef".to_owned(),
            identity_store_id: "d-1234567890".to_owned(),
        }
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written_and_half_of_it_is_nothing() {
        for endpoint in [None, Some("http://127.0.0.1:1")] {
            let known = instance(endpoint);
            let kept = written(&known);
            assert_eq!(read(&kept), Some(known));
            for name in [
                "account",
                "region",
                "endpoint_url",
                "instance_arn",
                "identity_store_id",
            ] {
                let mut half = kept.clone();
                half.as_object_mut().unwrap().remove(name);
                assert_eq!(read(&half), None, "without {name}");
            }
        }
        assert_eq!(read(&json!([])), None);
    }

    #[test]
    fn another_account_or_endpoint_has_an_instance_of_its_own_and_replaces_none() {
        let known = instance(None);
        assert!(!is_replaced(&known, &known));
        assert!(!is_replaced(&known, &instance(Some("http://127.0.0.1:1"))));
        let another = KnownInstance {
            identity_store_id: "d-0000000000".to_owned(),
            ..known.clone()
        };
        assert!(is_replaced(&known, &another));
    }
}
