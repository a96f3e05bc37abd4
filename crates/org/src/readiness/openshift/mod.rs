//! Advice on clusters' `install-config.yaml` (`organization.md` O-1), individually and compared.
//! Makes no calls.

mod compare;
mod file;
mod network;
mod single;

use std::collections::BTreeMap;

use hallpass_plans::CheckResult;

use super::question::ReadinessQuestion;
pub use file::{InstallFile, InstallFileError};

/// Checks files.
///
/// # Errors
/// The first invalid file, or one whose cluster is not on AWS, with its position.
pub fn openshift_checks(
    files: &[InstallFile],
    question: &ReadinessQuestion,
) -> Result<Vec<CheckResult>, InstallFileError> {
    let clusters: Result<Vec<file::Cluster>, _> = files.iter().map(file::Cluster::read).collect();
    let mut clusters = clusters?;
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for cluster in &clusters {
        *named.entry(cluster.said.clone()).or_default() += 1;
    }
    for cluster in &mut clusters {
        if named.get(&cluster.said).is_some_and(|count| *count > 1) {
            cluster.said = format!("{} ({})", cluster.said, cluster.file);
        }
    }
    let mut checks: Vec<CheckResult> = clusters.iter().flat_map(single::checks).collect();
    checks.extend(compare::checks(&clusters, question));
    Ok(checks)
}
