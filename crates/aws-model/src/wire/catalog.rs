//! The services, their endpoints, and their tables, unpacked on demand.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::LazyLock;

use crate::{ALWAYS_ON_REGIONS, OperationModel, ServiceModel};
use flate2::read::DeflateDecoder;
use serde::Deserialize;

const PACKED: &[u8] = include_bytes!("../../catalog/services.bin");
const LENGTH: usize = 4;
/// The largest unpacked text; EC2's has 2 MB.
const TEXT_BYTES_MAX: u64 = 16 << 20;
const NEAREST_MAX: usize = 3;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    // INVARIANT: the committed catalog is readable; the test `every_service_opens` checks it.
    Catalog::read(PACKED).unwrap_or_default()
});

#[derive(Debug, Default)]
pub struct Catalog {
    partitions: Vec<Partition>,
    services: Vec<Packed>,
}

/// Unpacks the index at the first call.
pub fn catalog() -> &'static Catalog {
    &CATALOG
}

#[derive(Debug, Deserialize)]
struct Index {
    partitions: Vec<Partition>,
    services: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    name: String,
    suffix: String,
    regions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    id: String,
    bytes: usize,
    #[serde(default)]
    global: BTreeMap<String, GlobalPlace>,
    #[serde(default)]
    hosts: BTreeMap<String, String>,
    #[serde(default)]
    variants: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct GlobalPlace {
    region: String,
    host: String,
}

#[derive(Debug)]
struct Packed {
    row: Row,
    table: &'static [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub host: String,
    /// The signing Region.
    pub region: String,
}

/// An alternative host of a service (AWS SDKs and Tools Reference Guide, "Dual-stack and FIPS
/// endpoints").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointVariant {
    /// FIPS 140 validated cryptography.
    pub fips: bool,
    /// IPv6 and IPv4.
    pub dual_stack: bool,
}

impl EndpointVariant {
    const fn tags(self) -> Option<&'static str> {
        match (self.fips, self.dual_stack) {
            (false, false) => None,
            (true, false) => Some("fips"),
            (false, true) => Some("dualstack"),
            (true, true) => Some("dualstack-fips"),
        }
    }

    pub const fn words(self) -> &'static str {
        match (self.fips, self.dual_stack) {
            (false, false) => "plain",
            (true, false) => "FIPS",
            (false, true) => "dual-stack",
            (true, true) => "dual-stack FIPS",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`")]
pub struct Unknown {
    /// `service` or `operation`.
    pub what: &'static str,
    pub name: String,
    /// Most similar first.
    pub nearest: Vec<String>,
}

/// The catalog of this build cannot be read (this is a bug).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalog of AWS services cannot be read (this is a bug)")]
pub struct CatalogError;

impl Catalog {
    fn read(packed: &'static [u8]) -> Result<Self, CatalogError> {
        let (length, rest) = packed.split_first_chunk::<LENGTH>().ok_or(CatalogError)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| CatalogError)?;
        let (index, mut rest) = rest.split_at_checked(length).ok_or(CatalogError)?;
        let index: Index = serde_json::from_str(&unpacked(index)?).map_err(|_| CatalogError)?;
        let mut services = Vec::with_capacity(index.services.len());
        for row in index.services {
            let (table, after) = rest.split_at_checked(row.bytes).ok_or(CatalogError)?;
            services.push(Packed { row, table });
            rest = after;
        }
        Ok(Self {
            partitions: index.partitions,
            services,
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|it| it.row.name.as_str())
    }

    pub fn open(&self, name: &str) -> Result<ServiceModel, Unknown> {
        let unknown = || Unknown {
            what: "service",
            name: name.to_owned(),
            nearest: nearest(name, self.names()),
        };
        let found = self.row(name).ok_or_else(unknown)?;
        let text = unpacked(found.table).map_err(|_| unknown())?;
        ServiceModel::parse(&text).map_err(|_| unknown())
    }

    fn row(&self, name: &str) -> Option<&Packed> {
        self.services.iter().find(|it| it.row.name == name)
    }

    /// As in `AWS_ENDPOINT_URL_<SERVICE>` and profiles.
    pub fn service_id<'a>(&'a self, name: &'a str) -> &'a str {
        self.row(name).map_or(name, |it| &it.row.id)
    }

    /// The partition of a Region, by its name: `aws`.
    pub fn partition(&self, region: &str) -> &str {
        self.partition_of(region).map_or("aws", |it| &it.name)
    }

    fn partition_of(&self, region: &str) -> Option<&Partition> {
        let has = |it: &&Partition| it.regions.iter().any(|one| one == region);
        self.partitions
            .iter()
            .find(has)
            .or_else(|| self.partitions.first())
    }

    pub fn regions(&self, region: &str) -> &[String] {
        self.partition_of(region)
            .map_or(&[], |it| it.regions.as_slice())
    }

    pub fn has_region(&self, region: &str) -> bool {
        let mut regions = self.partitions.iter().flat_map(|it| &it.regions);
        regions.any(|it| it == region)
    }

    pub fn nearest_regions(&self, region: &str) -> Vec<String> {
        let regions = self.partitions.iter().flat_map(|it| &it.regions);
        nearest(region, regions.map(String::as_str))
    }

    /// Whether the Region is on in every account.
    pub fn is_always_on(&self, region: &str) -> bool {
        ALWAYS_ON_REGIONS.contains(&region)
    }

    /// The one Region of a global service, in the partition of `region`.
    pub fn global_region(&self, service: &str, region: &str) -> Option<&str> {
        let place = self.row(service)?.row.global.get(self.partition(region))?;
        Some(&place.region)
    }

    pub fn endpoint(&self, service: &ServiceModel, region: &str) -> Endpoint {
        let row = self.row(&service.name).map(|it| &it.row);
        let global = row.and_then(|row| row.global.get(self.partition(region)));
        if let Some(place) = global {
            return Endpoint {
                host: place.host.clone(),
                region: place.region.clone(),
            };
        }
        let suffix = self
            .partition_of(region)
            .map_or("amazonaws.com", |it| &it.suffix);
        let named = row.and_then(|row| row.hosts.get(region).cloned());
        Endpoint {
            host: named.unwrap_or_else(|| format!("{}.{region}.{suffix}", service.endpoint_prefix)),
            region: region.to_owned(),
        }
    }

    /// The service's host in this variant; `None` if unknown. Never derived from naming patterns:
    /// such a host may not exist or not be validated.
    pub fn endpoint_variant(
        &self,
        service: &ServiceModel,
        region: &str,
        variant: EndpointVariant,
    ) -> Option<Endpoint> {
        let plain = self.endpoint(service, region);
        let Some(tags) = variant.tags() else {
            return Some(plain);
        };
        let row = &self.row(&service.name)?.row;
        let partition = self.partition(region);
        let key = if row.global.contains_key(partition) {
            partition
        } else {
            region
        };
        let listed = row.variants.get(tags).and_then(|it| it.get(key)).cloned();
        let host = listed.or_else(|| self.documented(&service.name, region, variant))?;
        Some(Endpoint {
            host,
            region: plain.region,
        })
    }

    /// Documented hosts missing in AWS's endpoint list: those of STS with IPv6 (IAM User Guide,
    /// "Dual-stack endpoint support").
    fn documented(&self, service: &str, region: &str, variant: EndpointVariant) -> Option<String> {
        if service != "sts" || !variant.dual_stack || !self.has_region(region) {
            return None;
        }
        let in_america = region.starts_with("us-") || region.starts_with("ca-");
        match (self.partition(region), variant.fips) {
            ("aws" | "aws-us-gov", false) => Some(format!("sts.{region}.api.aws")),
            ("aws", true) if in_america => Some(format!("sts-fips.{region}.api.aws")),
            ("aws-cn", false) => Some(format!("sts.{region}.api.amazonwebservices.com.cn")),
            _ => None,
        }
    }

    pub fn operation<'a>(
        &self,
        service: &'a ServiceModel,
        name: &str,
    ) -> Result<&'a OperationModel, Unknown> {
        service.operation(name).ok_or_else(|| Unknown {
            what: "operation",
            name: name.to_owned(),
            nearest: nearest(name, service.operations().map(|it| it.name.as_str())),
        })
    }
}

fn unpacked(packed: &[u8]) -> Result<String, CatalogError> {
    let mut text = String::new();
    DeflateDecoder::new(packed)
        .take(TEXT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|_| CatalogError)?;
    Ok(text)
}

pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let near = |name: &str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
    let mut all: Vec<(f64, &str)> = names.map(|name| (near(name), name)).collect();
    all.retain(|(near, _)| *near > 0.75);
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let all = all.into_iter().take(NEAREST_MAX);
    all.map(|(_, name)| name.to_owned()).collect()
}
