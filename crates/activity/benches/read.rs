//! Speed of reading a log for `hallpass activity pci` and `hallpass activity`, against
//! decompression alone and full parsing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use hallpass_activity::{PciFold, PciRules, read_activity, read_file};
use serde::Deserialize;
use serde_json::Value;

const STORE: &str = "d-9067f00d11";
/// Records of a 32 MiB log; one in a hundred concerns a person.
const RECORDS: u64 = 27_000;

fn main() {
    let (plain, zipped) = (PLAIN.len(), GZIPPED.len());
    assert_eq!(pci(&GZIPPED), RECORDS / 100);
    println!("{plain} bytes in {RECORDS} records, {zipped} gzipped");
    divan::main();
}

static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(log);
static GZIPPED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&PLAIN).unwrap();
    encoder.finish().unwrap()
});

/// Deterministic pseudo-random numbers.
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ (self.0 >> 29)
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a & 0xffff,
            b >> 52,
            b & 0xfff,
            a.wrapping_mul(b) >> 16
        )
    }
}

fn log() -> Vec<u8> {
    let mut ids = Ids(7);
    let mut text = String::from("{\"Records\":[");
    for number in 0..RECORDS {
        let (event, request) = (ids.uuid(), ids.uuid());
        let (day, second) = (1 + number % 28, number % 60);
        let (source, name) = if number % 100 == 0 {
            ("sso", "Authenticate")
        } else {
            (
                "s3",
                ["GetObject", "PutObject", "HeadObject"][usize::try_from(ids.next() % 3).unwrap()],
            )
        };
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}{{\"eventVersion\":\"1.11\",\"userIdentity\":{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{:016X}:worker-{}\",\
             \"arn\":\"arn:aws:sts::111111111111:assumed-role/service-worker/worker-{}\",\"accountId\":\"111111111111\",\
             \"accessKeyId\":\"ASIA{:016X}\",\"sessionContext\":{{\"sessionIssuer\":{{\"type\":\"Role\",\
             \"arn\":\"arn:aws:iam::111111111111:role/service-worker\",\"accountId\":\"111111111111\",\"userName\":\"service-worker\"}},\
             \"attributes\":{{\"creationDate\":\"2025-08-{day:02}T10:00:{second:02}Z\",\"mfaAuthenticated\":\"false\"}}}},\
             \"onBehalfOf\":{{\"userId\":\"{}\",\"identityStoreArn\":\"arn:aws:identitystore::111111111111:identitystore/{STORE}\"}}}},\
             \"eventTime\":\"2025-08-{day:02}T11:00:{second:02}Z\",\"eventSource\":\"{source}.amazonaws.com\",\"eventName\":\"{name}\",\
             \"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"10.0.{}.{}\",\"userAgent\":\"[aws-sdk-java/2.25.0 Linux/5.10 OpenJDK_64-Bit_Server_VM]\",\
             \"requestParameters\":{{\"bucketName\":\"data-{}\",\"key\":\"part={}/{request}.parquet\",\"Host\":\"data.s3.eu-west-1.amazonaws.com\"}},\
             \"responseElements\":null,\"requestID\":\"{request}\",\"eventID\":\"{event}\",\"readOnly\":true,\
             \"eventType\":\"AwsApiCall\",\"managementEvent\":false,\"recipientAccountId\":\"111111111111\",\"eventCategory\":\"Data\"}}",
            ids.next(), number % 40, number % 40, ids.next(), ids.uuid(), number % 256, second, number % 9, number % 365,
        )
        .unwrap();
    }
    text.push_str("]}");
    text.into_bytes()
}

fn pci(bytes: &[u8]) -> u64 {
    let mut fold = PciFold::new(
        PciRules::of_store(STORE),
        "2025-09-01T00:00:00Z".parse().unwrap(),
    );
    let names = fold.rules().names();
    let log = read_file("log", bytes, &names, &mut fold);
    assert_eq!(log.fault, None);
    log.count.wanted
}

fn activity(bytes: &[u8]) -> u64 {
    let log = read_activity(bytes).unwrap();
    assert_eq!(log.fold.rows.events(), RECORDS);
    log.count.records
}

fn plain_bytes() -> BytesCount {
    BytesCount::new(PLAIN.len())
}

#[divan::bench]
fn pci_gzipped(bencher: Bencher<'_, '_>) {
    bencher.counter(plain_bytes()).bench(|| pci(&GZIPPED));
}

#[divan::bench]
fn pci_plain(bencher: Bencher<'_, '_>) {
    bencher.counter(plain_bytes()).bench(|| pci(&PLAIN));
}

#[divan::bench]
fn activity_gzipped(bencher: Bencher<'_, '_>) {
    bencher.counter(plain_bytes()).bench(|| activity(&GZIPPED));
}

#[divan::bench]
fn activity_plain(bencher: Bencher<'_, '_>) {
    bencher.counter(plain_bytes()).bench(|| activity(&PLAIN));
}

#[divan::bench]
fn decompression_alone(bencher: Bencher<'_, '_>) {
    bencher.counter(plain_bytes()).bench(|| {
        let mut buffer = vec![0; 256 << 10];
        let mut decoder = MultiGzDecoder::new(GZIPPED.as_slice());
        while decoder.read(&mut buffer).unwrap() > 0 {}
    });
}

#[divan::bench]
fn decompression_and_a_parse_of_every_record(bencher: Bencher<'_, '_>) {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Log {
        records: Vec<Value>,
    }
    bencher.counter(plain_bytes()).bench(|| {
        let mut text = Vec::new();
        MultiGzDecoder::new(GZIPPED.as_slice())
            .read_to_end(&mut text)
            .unwrap();
        let log: Log = serde_json::from_slice(&text).unwrap();
        let is_wanted =
            |it: &&Value| it.get("eventName").and_then(Value::as_str) == Some("Authenticate");
        log.records.iter().filter(is_wanted).count()
    });
}
