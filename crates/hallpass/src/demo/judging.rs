//! Demo page of users: password age and activity from the simulated CloudTrail.

use std::sync::Arc;

use hallpass_activity::{ActivityPolicy, AgeLimits, PciLimits, PciRules};
use hallpass_app::config::PciSchedule;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_aws::{Aws, AwsClientSettings, RoleToAssume};
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;

use hallpass_app::loops::comparisons::Watches;
use hallpass_app::loops::pci::PciWatching;

/// Runs daily, from the start. Sends no notifications: most simulated users are inactive, and
/// channels are for visitors' actions.
pub(super) async fn watches(
    client: AwsClientSettings,
    aws: &Arc<Aws>,
    store: &ServerStore,
) -> Result<Watches, Failure> {
    let about = aws.about();
    let limits = AgeLimits {
        warn_days: 86,
        over_days: 90,
    };
    let people = NamedCalls::of(client.clone(), RoleToAssume::default(), 1).await?;
    let pci = PciWatching {
        schedule: PciSchedule {
            source: LogSource::Lookup,
            accounts: Vec::new(),
            regions: vec![about.region.clone()],
            days: 90,
            every: TimeSpan::hours(24),
            policy: ActivityPolicy::AnyUse,
            limits: PciLimits {
                password: limits,
                activity: limits,
            },
            remind: TimeSpan::ZERO,
            all_clear: TimeSpan::ZERO,
            notify: Vec::new(),
        },
        rules: PciRules::of_store(about.identity_store_id.clone()),
        home: about.region.clone(),
        client,
        people: Arc::new(people),
        aws: Arc::clone(aws),
        runner: None,
        store: Arc::new(store.clone()),
    };
    Ok(Watches {
        pci: Some(pci),
        ..Watches::default()
    })
}
