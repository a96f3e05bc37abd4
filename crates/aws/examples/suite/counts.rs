use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

#[derive(Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, Arc<One>>>);

#[derive(Default)]
struct One(AtomicU64);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Counts {
    pub(crate) fn total(&self, name: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_name = counts
            .iter()
            .filter(|(key, _)| key.split(' ').next() == Some(name));
        of_name.map(|(_, one)| one.0.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.total("hallpass_aws_calls_total")
    }
}

struct Shared(Arc<Counts>);

impl Recorder for Shared {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut text = key.name().to_owned();
        for label in key.labels() {
            text.push(' ');
            text.push_str(label.value());
        }
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        Counter::from_arc(Arc::clone(counts.entry(text).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

pub(crate) fn install(counts: &Arc<Counts>) {
    drop(metrics::set_global_recorder(Shared(Arc::clone(counts))));
}
