use std::collections::BTreeMap;

use hallpass_app::chores::delegation_files::step_names;
use hallpass_app::chores::plans::{ShownRow, ShownRows};
use hallpass_channels::wording::plan::account;
use hallpass_org::delegation::{DelegationRow, DelegationState};
use hallpass_plans::{PlanReport, StepEnd, StepTarget, TargetReport};
use hallpass_terminal::output::Format;
use serde_json::{Value, json};

/// Pseudo Region for data of Organizations.
const EVERYWHERE: &str = "global";

pub(super) type DelegationView = ShownRows<DelegationPlace>;

pub(super) fn shown(rows: &[DelegationRow]) -> DelegationView {
    let place = |row: &DelegationRow| DelegationPlace {
        row: row.clone(),
        names: BTreeMap::new(),
        target: None,
        is_planned: false,
    };
    let mut all: Vec<DelegationRow> = Vec::new();
    for row in rows {
        // Organizations removes an administrator once for all Regions of a service: a separate
        // place
        let is_told =
            |it: &DelegationRow| it.wish.service == row.wish.service && it.region == EVERYWHERE;
        if !row.forgets.is_empty() && !all.iter().any(is_told) {
            let mut everywhere = row.clone();
            EVERYWHERE.clone_into(&mut everywhere.region);
            all.push(everywhere);
        }
        all.push(row.clone());
    }
    ShownRows(all.iter().map(place).collect())
}

pub(super) struct DelegationPlace {
    row: DelegationRow,
    names: BTreeMap<String, String>,
    /// Plan result, and whether it is a preview.
    target: Option<TargetReport>,
    is_planned: bool,
}

impl DelegationPlace {
    fn named(&self, id: &str) -> String {
        account(self.account_name(id), id)
    }

    fn account_name(&self, id: &str) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn standing(&self) -> (&'static str, String) {
        match &self.row.state {
            DelegationState::Planned => {
                let waiting = self.row.waiting.iter().map(|it| {
                    let who = self.named(it);
                    format!("account {who} was invited and has not accepted")
                });
                let problems: Vec<String> =
                    self.row.problems.iter().cloned().chain(waiting).collect();
                ("planned", problems.join("; "))
            }
            DelegationState::Conflict { other } => {
                let way = if self.row.wish.service.name == "detective" {
                    "`org delegate remove` takes it away, and its graphs with it"
                } else {
                    "`--replace` takes its place"
                };
                let other = self.named(other);
                ("conflict", format!("{other} administers it; {way}"))
            }
            DelegationState::Skipped { reason } => ("skipped", reason.clone()),
            DelegationState::Unread { reason } => ("unread", reason.clone()),
        }
    }

    fn outcome(&self) -> String {
        match &self.target {
            Some(target) => target.outcome.to_string(),
            None => self.standing().0.to_owned(),
        }
    }

    fn reason(&self) -> String {
        let (_, standing) = self.standing();
        let told = match &self.target {
            Some(target) if target.reason.is_empty() => step_names(target).join(", "),
            Some(target) => target.reason.clone(),
            None => String::new(),
        };
        let parts = [told.as_str(), standing.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        parts.join("; ")
    }
}

impl ShownRow for DelegationPlace {
    const HEAD: &'static [&'static str] = &["service", "where", "administrator", "outcome", "why"];
    const FIELDS: &'static [&'static str] = &[
        "service",
        "region",
        "account",
        "outcome",
        "reason",
        "account_name",
    ];

    fn name(&mut self, names: &BTreeMap<String, String>) {
        self.names.clone_from(names);
    }

    fn is_at(&self, target: &StepTarget) -> bool {
        target.key == self.row.wish.service.name
            && target.region == self.row.region
            && target.account == self.row.wish.account.as_str()
    }

    fn tell(&mut self, target: &TargetReport, report: &PlanReport) {
        self.target = Some(target.clone());
        self.is_planned = report.is_planned() && target.outcome == StepEnd::Changed;
    }

    fn is_bad(&self) -> bool {
        self.row.is_bad()
    }

    fn json(&self, _format: Format) -> Value {
        let account = self.row.wish.account.as_str();
        json!({
            "service": self.row.wish.service.name, "region": self.row.region, "account": account,
            "account_name": self.account_name(account), "outcome": self.outcome(), "reason": self.reason(),
            "steps": self.target.as_ref().map(|it| it.steps.as_slice()).unwrap_or_default(),
        })
    }

    fn cells(&self) -> Vec<String> {
        let outcome = if self.is_planned {
            "would change".to_owned()
        } else {
            self.outcome()
        };
        vec![
            self.row.wish.service.name.to_owned(),
            self.row.region.clone(),
            self.named(self.row.wish.account.as_str()),
            outcome,
            self.reason(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hallpass_org::delegation::{
        DelegationFacts, DelegationFile, OrganizationMember, Replacing, compare,
    };

    use super::*;

    #[test]
    fn accounts_are_named_beside_their_ids() {
        let member = |id: &str| OrganizationMember {
            above: None,
            id: id.to_owned(),
            email: format!("{id}@example.com"),
            active: true,
        };
        let place = ("guardduty".to_owned(), "eu-west-1".to_owned());
        let facts = DelegationFacts {
            management: "111111111111".to_owned(),
            caller: "111111111111".to_owned(),
            all_features: true,
            accounts: vec![member("222222222222"), member("333333333333")],
            regional: BTreeMap::from([(place, Ok(Some("333333333333".to_owned())))]),
            ..DelegationFacts::default()
        };
        let regions = Some(vec!["eu-west-1".to_owned()]);
        let security = "222222222222".parse().unwrap();
        let file = DelegationFile::of_one("guardduty", security, regions).unwrap();
        let rows = compare(&file, &facts, Replacing::Never).unwrap();
        assert_eq!(shown(&rows).0.len(), 1);
        let names = [("222222222222", "security"), ("333333333333", "shop")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned()));
        let mut shown = shown(&rows);
        shown.take_names(&BTreeMap::from(names));
        let text = shown.table().text(None);
        assert!(text.contains("security (222222222222)"), "{text}");
        assert!(
            text.contains("shop (333333333333) administers it"),
            "{text}"
        );
        let row = shown.0.first().unwrap().json(Format::Json);
        assert_eq!(
            (&row["account"], &row["account_name"]),
            (&json!("222222222222"), &json!("security"))
        );
    }

    #[test]
    fn what_organizations_forgets_is_a_place_of_its_own() {
        let place = |region: &str, id: &str| {
            let place = ("guardduty".to_owned(), region.to_owned());
            (place, Ok(Some(id.to_owned())))
        };
        let member = |id: &str| OrganizationMember {
            above: None,
            id: id.to_owned(),
            email: format!("{id}@example.com"),
            active: true,
        };
        let theirs = BTreeSet::from(["333333333333".to_owned()]);
        let regions = ["ap-east-1", "eu-west-1", "us-east-1"];
        let facts = DelegationFacts {
            management: "111111111111".to_owned(),
            caller: "111111111111".to_owned(),
            all_features: true,
            accounts: vec![member("222222222222"), member("333333333333")],
            administrators: BTreeMap::from([("guardduty.amazonaws.com".to_owned(), theirs)]),
            regional: BTreeMap::from([
                place(regions[0], "222222222222"),
                place(regions[1], "333333333333"),
                place(regions[2], "333333333333"),
            ]),
            ..DelegationFacts::default()
        };
        let wanted = Some(regions.map(str::to_owned).to_vec());
        let security = "222222222222".parse().unwrap();
        let file = DelegationFile::of_one("guardduty", security, wanted).unwrap();
        let rows = compare(&file, &facts, Replacing::Whoever).unwrap();
        let places: Vec<String> = shown(&rows)
            .0
            .iter()
            .map(|it| it.row.region.clone())
            .collect();
        assert_eq!(places, ["ap-east-1", EVERYWHERE, "eu-west-1", "us-east-1"]);
        let draft = hallpass_org::delegation::draft(&rows, &facts);
        for step in draft.steps() {
            let mut all = shown(&rows).0.into_iter();
            assert!(all.any(|it| it.is_at(&step.target)), "{step:?}");
        }
    }
}
