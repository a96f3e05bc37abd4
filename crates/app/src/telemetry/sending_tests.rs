//! Collectors that accept, refuse and hang, and configurations.

use std::sync::{Arc, Mutex};

use opentelemetry_sdk::error::OTelSdkError;
use secrecy::SecretString;
use tokio::sync::mpsc::channel;

use super::*;

const UNWANTED: u32 = 99_999;
const HERE: SendingService<'_> = SendingService {
    name: "hallpass",
    version: "1.2.3",
    instance: "here:1",
};

#[derive(Clone, Default)]
struct FakeCollector {
    next: Arc<Mutex<Vec<FakeOutcome>>>,
    seen: Arc<Mutex<Vec<Vec<u32>>>>,
    unsettled: Arc<Mutex<Vec<u32>>>,
}

#[derive(Clone, Copy)]
enum FakeOutcome {
    Refused,
    Hangs,
}

impl Exports<u32> for FakeCollector {
    fn is_settled(&self, item: &u32) -> bool {
        !self.unsettled.lock().unwrap().contains(item)
    }

    fn is_wanted(&self, item: &u32) -> bool {
        *item != UNWANTED
    }

    async fn send(&self, batch: &[u32]) -> OTelSdkResult {
        self.seen.lock().unwrap().push(batch.to_vec());
        let next = self.next.lock().unwrap().pop();
        match next {
            Some(FakeOutcome::Refused) => Err(OTelSdkError::InternalFailure("no".into())),
            Some(FakeOutcome::Hangs) => std::future::pending().await,
            None => Ok(()),
        }
    }
}

fn running(collector: &FakeCollector) -> (tokio::sync::mpsc::Sender<u32>, SendingTasks) {
    let (sender, receiver) = channel(100);
    let (stop, mut tasks) = (watch::Sender::new(false), JoinSet::new());
    let pump = pump(Signal::Logs, receiver, collector.clone(), stop.subscribe());
    tasks.spawn(pump);
    (sender, SendingTasks { stop, tasks })
}

fn seen(collector: &FakeCollector) -> Vec<Vec<u32>> {
    collector.seen.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_is_sent_together_and_again_until_it_is_taken() {
    let collector = FakeCollector::default();
    *collector.next.lock().unwrap() = vec![FakeOutcome::Refused, FakeOutcome::Refused];
    let (sender, sending) = running(&collector);
    for n in 0..3 {
        sender.send(n).await.unwrap();
    }
    sleep(Duration::from_secs(30)).await;
    assert_eq!(seen(&collector), vec![vec![0, 1, 2]; 3]);
    sender.send(3).await.unwrap();
    sending.flush().await;
    assert_eq!(seen(&collector).last(), Some(&vec![3]));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_settled_waits_and_holds_up_nothing() {
    let collector = FakeCollector::default();
    *collector.unsettled.lock().unwrap() = vec![1, 4];
    let (sender, sending) = running(&collector);
    for n in [1, 2, UNWANTED, 4] {
        sender.send(n).await.unwrap();
    }
    sleep(Duration::from_secs(10)).await;
    assert_eq!(seen(&collector), [vec![2]]);
    *collector.unsettled.lock().unwrap() = vec![4];
    sleep(Duration::from_secs(10)).await;
    assert_eq!(seen(&collector), [vec![2], vec![1]]);
    sending.flush().await;
    assert_eq!(seen(&collector), [vec![2], vec![1], vec![4]]);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_settled_does_not_pile_up() {
    let collector = FakeCollector::default();
    let many: Vec<u32> = (0..2_000).collect();
    collector.unsettled.lock().unwrap().clone_from(&many);
    let (sender, _sending) = running(&collector);
    for n in many {
        sender.send(n).await.unwrap();
    }
    sleep(Duration::from_mins(1)).await;
    let sent: usize = seen(&collector).iter().map(Vec::len).sum();
    assert!(sent >= 1_000, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_taken_is_given_up_and_what_comes_after_is_sent() {
    let collector = FakeCollector::default();
    *collector.next.lock().unwrap() = vec![FakeOutcome::Refused; ATTEMPTS_MAX as usize];
    let (sender, _sending) = running(&collector);
    sender.send(1).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    sender.send(2).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    let mut expected = vec![vec![1]; ATTEMPTS_MAX as usize];
    expected.push(vec![2]);
    assert_eq!(seen(&collector), expected);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_sends_what_is_left_and_waits_for_no_silent_collector() {
    let collector = FakeCollector::default();
    let (sender, sending) = running(&collector);
    for n in 0..1000_u32 {
        if sender.try_send(n).is_err() {
            tokio::task::yield_now().await;
        }
    }
    sending.flush().await;
    let sent: usize = seen(&collector).iter().map(Vec::len).sum();
    assert!(sent >= 100, "{sent}");

    *collector.next.lock().unwrap() = vec![FakeOutcome::Hangs];
    let (sender, sending) = running(&collector);
    sender.send(7).await.unwrap();
    let before = Instant::now();
    sending.flush().await;
    // the paused clock advances when all wait
    assert_eq!(before.elapsed(), FLUSH_MAX);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_said_seldom() {
    let mut trouble = Trouble::new(Signal::Traces);
    trouble.say(&"no");
    let first = trouble.said_at;
    sleep(Duration::from_mins(4)).await;
    trouble.say(&"no");
    assert_eq!(trouble.said_at, first);
    sleep(Duration::from_mins(2)).await;
    trouble.say(&"no");
    assert_ne!(trouble.said_at, first);
}

fn settings(endpoint: Option<&str>) -> TelemetrySettings {
    TelemetrySettings {
        endpoint: endpoint.map(str::to_owned),
        headers: vec![("x-key".into(), SecretString::from("hunter2"))],
        traces: true,
        logs: true,
        sample: None,
    }
}

fn opened(
    settings: &TelemetrySettings,
    env: &[(&str, &str)],
) -> Result<Option<(bool, bool)>, String> {
    let get = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let opened = exporters(settings, &get, HERE);
    let opened = opened.map_err(|failure| failure.words())?;
    Ok(opened.map(|it| (it.spans.is_some(), it.records.is_some())))
}

#[test]
fn nothing_is_sent_unless_a_collector_is_named() {
    const HERE: &str = "http://127.0.0.1:4318";
    let both = Ok(Some((true, true)));
    assert_eq!(opened(&settings(None), &[]), Ok(None));
    assert_eq!(opened(&settings(Some(HERE)), &[]), both);
    let named = [("OTEL_EXPORTER_OTLP_ENDPOINT", HERE)];
    assert_eq!(opened(&settings(None), &named), both);
    let off = [("OTEL_SDK_DISABLED", "true")];
    assert_eq!(opened(&settings(Some(HERE)), &off), Ok(None));
    let logs = TelemetrySettings {
        traces: false,
        ..settings(Some(HERE))
    };
    assert_eq!(opened(&logs, &[]), Ok(Some((false, true))));
}

#[test]
fn what_cannot_work_is_told_without_secrets() {
    for (endpoint, env, said) in [
        (
            "ftp://user:hunter2@collector",
            ("", ""),
            "telemetry.endpoint",
        ),
        ("hunter2", ("", ""), "telemetry.endpoint"),
        (
            "http://collector",
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
        (
            "http://collector",
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        ),
        (
            "http://collector",
            ("OTEL_TRACES_SAMPLER", "xray"),
            "OTEL_TRACES_SAMPLER",
        ),
    ] {
        let told = opened(&settings(Some(endpoint)), &[env]).unwrap_err();
        assert!(told.contains(said) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_service_is_named_by_the_operator_or_by_us() {
    let name = |env: &[(&str, &str)]| {
        let get = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let resource = resource(&OtelVariables(&get), HERE);
        let value = |key: &'static str| {
            let found = resource.get(&opentelemetry::Key::from_static_str(key));
            found.map(|it| it.to_string()).unwrap_or_default()
        };
        (value("service.name"), value("service.instance.id"))
    };
    let here = "here:1".to_owned();
    assert_eq!(name(&[]), ("hallpass".to_owned(), here.clone()));
    assert_eq!(
        name(&[("OTEL_SERVICE_NAME", "access")]),
        ("access".to_owned(), here)
    );
}
