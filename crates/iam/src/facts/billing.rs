//! Billing services, derived from the action table, so that new ones count automatically.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::table::ServiceFacts;

const PREFIX: &str = "bcm-";
const NAMES: [&str; 2] = ["billing", "cost"];
/// Words in billing actions. Prices are public and excluded.
const WORDS: [&str; 13] = [
    "Bill",
    "Budget",
    "ClassicReport",
    "Cost",
    "Credits",
    "FreeTier",
    "Invoice",
    "Payment",
    "PurchaseOrder",
    "ReportDefinition",
    "SavingsPlan",
    "Tax",
    "UsageReport",
];
/// Minimum fraction of actions with such a word, to exclude services with few.
const SHARE: usize = 3;

static SERVICES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let all = super::services().filter(|it| is_about_money(it));
    all.map(|it| it.prefix).collect()
});

fn is_about_money(service: &ServiceFacts) -> bool {
    let actions = service.actions();
    let is_named = |name: &str| WORDS.iter().any(|it| name.contains(it));
    let count = actions.iter().filter(|it| is_named(it.name)).count();
    service.prefix.starts_with(PREFIX)
        || NAMES.iter().any(|it| service.prefix.contains(it))
        || (count > 0 && count * SHARE >= actions.len())
}

/// `service` is the prefix in AWS's spelling.
pub fn is_billing(service: &str) -> bool {
    SERVICES.contains(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_of_billing_are_those_whose_actions_are_about_money() {
        let all: Vec<&str> = SERVICES.iter().copied().collect();
        assert_eq!(
            all,
            [
                "aws-portal",
                "bcm-dashboards",
                "bcm-data-exports",
                "bcm-pricing-calculator",
                "bcm-recommended-actions",
                "billing",
                "billingconductor",
                "budgets",
                "ce",
                "consolidatedbilling",
                "cost-optimization-hub",
                "cur",
                "freetier",
                "invoicing",
                "mapcredits",
                "payments",
                "purchase-orders",
                "savingsplans",
                "tax",
            ]
        );
    }
}
