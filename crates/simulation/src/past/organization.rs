//! The past's teams with accounts, people and rules: as a directory for tests, and as files for a
//! server and a simulated AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallpass_base::Email;
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use serde_json::{Value, json};

use super::Sizes;

const STAGES: [&str; 5] = ["prod", "staging", "dev", "data", "sandbox"];
/// Sets for a team's own accounts, approved by its leads.
pub(super) const TEAM_SETS: [&str; 4] = ["PowerUser", "DatabaseOperator", "Deployer", "Support"];
const SETS: [&str; 8] = [
    "ReadOnly",
    "PowerUser",
    "DatabaseOperator",
    "Deployer",
    "Support",
    "AdministratorAccess",
    "Billing",
    "SecurityAudit",
];
const GIVEN: [&str; 40] = [
    "Ada", "Amir", "Anna", "Bela", "Chidi", "Clara", "Dana", "Diego", "Ebba", "Elif", "Emil",
    "Esra", "Farid", "Greta", "Hana", "Hugo", "Ines", "Ivan", "Jada", "Jonas", "Kemal", "Lars",
    "Lena", "Leo", "Maja", "Malik", "Nina", "Noor", "Olga", "Omar", "Petra", "Priya", "Rosa",
    "Samir", "Sara", "Tariq", "Tove", "Uma", "Vera", "Yusuf",
];
const FAMILY: [&str; 50] = [
    "Abara",
    "Ahlberg",
    "Baros",
    "Bianchi",
    "Castro",
    "Cohen",
    "Dahl",
    "Demir",
    "Eklund",
    "Farkas",
    "Ferrari",
    "Garcia",
    "Greco",
    "Haddad",
    "Hansen",
    "Horvat",
    "Ito",
    "Jansen",
    "Jovic",
    "Kaya",
    "Keller",
    "Khan",
    "Kovac",
    "Larsen",
    "Lindqvist",
    "Lopez",
    "Marin",
    "Meyer",
    "Moreau",
    "Mwangi",
    "Nagy",
    "Novak",
    "Okafor",
    "Olsen",
    "Patel",
    "Peters",
    "Petrov",
    "Raman",
    "Reyes",
    "Rossi",
    "Santos",
    "Sato",
    "Silva",
    "Sokol",
    "Tanaka",
    "Vargas",
    "Weber",
    "Wilk",
    "Yilmaz",
    "Zimmer",
];
const ROOT: &str = "r-ab12";
/// People outside teams; they make no requests.
const STAFF: [(&str, &str); 5] = [
    ("admin", "Admin One"),
    ("auditor", "Auditor One"),
    ("operator", "Operator One"),
    ("newcomer", "New Comer"),
    ("security", "Security One"),
];

#[derive(Clone, Debug)]
pub struct Team {
    pub accounts: Vec<usize>,
    /// Leads first.
    pub people: Vec<usize>,
    /// The requestable group.
    pub on_call: usize,
}

#[derive(Clone, Debug)]
pub struct Organization {
    pub snapshot: Snapshot,
    pub teams: Vec<Team>,
    /// Approvers of administration, everywhere.
    pub security: Vec<usize>,
}

impl Organization {
    /// Makes an organization of this size, always the same.
    #[must_use]
    pub fn new(sizes: &Sizes) -> Self {
        let mut built = Self {
            snapshot: Snapshot {
                root_id: ROOT.to_owned(),
                permission_sets: SETS.iter().enumerate().map(set).collect(),
                ..Snapshot::default()
            },
            teams: Vec::new(),
            security: Vec::new(),
        };
        let count = usize::try_from(sizes.people).unwrap();
        built.snapshot.people = (0..count).map(member).collect();
        built
            .snapshot
            .people
            .extend(STAFF.iter().enumerate().map(|(n, staff)| {
                let id = 900_000 + n;
                person(id, &format!("{}@example.com", staff.0), staff.1)
            }));
        built.add_account(0, "management", "Platform");
        for number in 0..usize::try_from(sizes.teams).unwrap() {
            built.add_team(number, count, usize::try_from(sizes.teams).unwrap());
        }
        let mut security: Vec<usize> = (0..count).step_by(count / 11 + 1).collect();
        security.push(count + 4);
        for (name, people) in [
            ("security", security.clone()),
            ("admins", vec![count]),
            ("auditors", vec![count + 1]),
            ("operators", vec![count + 2]),
        ] {
            built.add_group(name, &people);
        }
        built.security = security;
        built
    }

    fn add_account(&mut self, number: usize, name: &str, ou: &str) {
        self.snapshot.accounts.push(Account {
            id: format!("{:012}", 100_000_000_000_u64 + number as u64 * 7_919)
                .parse()
                .unwrap(),
            name: name.to_owned(),
            email: format!("{name}@aws.example.com"),
            active: true,
            ous: vec![OuRef {
                id: format!("ou-ab12-{}", ou.to_lowercase()),
                name: ou.to_owned(),
            }],
            tags: BTreeMap::new().into(),
        });
    }

    fn add_group(&mut self, name: &str, people: &[usize]) -> usize {
        let place = self.snapshot.groups.len();
        let members: BTreeSet<_> = people
            .iter()
            .map(|place| self.person(*place).user_id.clone())
            .collect();
        self.snapshot.groups.push(Group {
            id: format!("{place:08x}-4444-4000-8000-0000000000aa")
                .parse()
                .unwrap(),
            name: name.to_owned(),
            members: Some(members),
        });
        place
    }

    fn add_team(&mut self, number: usize, people: usize, teams: usize) {
        let first = self.snapshot.accounts.len();
        for stage in STAGES {
            let place = self.snapshot.accounts.len();
            self.add_account(place, &format!("team{number:02}-{stage}"), "Workloads");
        }
        let members: Vec<usize> = (number..people).step_by(teams).collect();
        let leads = members.get(..4).unwrap();
        self.add_group(&format!("team{number:02}"), &members);
        self.add_group(&format!("team{number:02}-leads"), leads);
        let on_call = self.add_group(&format!("team{number:02}-oncall"), &[]);
        self.teams.push(Team {
            accounts: (first..first + STAGES.len()).collect(),
            people: members,
            on_call,
        });
    }

    #[must_use]
    pub fn person(&self, place: usize) -> &Person {
        self.snapshot.people.get(place).unwrap()
    }

    /// Returns the address of a person outside teams: `admin`, `auditor`, `operator`, `newcomer` or
    /// `security`.
    #[must_use]
    pub fn staff(&self, name: &str) -> Email {
        Email::new(&format!("{name}@example.com")).unwrap()
    }

    #[must_use]
    pub fn rules(&self) -> String {
        let mut text = String::from(
            "[[rule]]\nid = \"read-anywhere\"\naccounts = [\"*\"]\npermission_sets = [\"ReadOnly\"]\n\
             approval_is_not_required = true\n\n\
             [[rule]]\nid = \"administration\"\naccounts = [\"*-prod\"]\n\
             permission_sets = [\"AdministratorAccess\"]\napprover_groups = [\"security\"]\n\
             min_approvals = 2\n",
        );
        for number in 0..self.teams.len() {
            let sets = TEAM_SETS.map(|set| format!("\"{set}\"")).join(", ");
            // writing to a String cannot fail
            let _ = write!(
                text,
                "\n[[rule]]\nid = \"team{number:02}\"\naccounts = [\"team{number:02}-*\"]\n\
                 permission_sets = [{sets}]\nallowed_groups = [\"team{number:02}\"]\n\
                 approver_groups = [\"team{number:02}-leads\"]\nbreak_glass = [\"{}\"]\n\
                 \n[[rule]]\nid = \"team{number:02}-oncall\"\ngroups = [\"team{number:02}-oncall\"]\n\
                 allowed_groups = [\"team{number:02}\"]\napprover_groups = [\"team{number:02}-leads\"]\n",
                self.person(number).emails.first().unwrap(),
            );
        }
        text
    }

    #[must_use]
    pub fn file(&self) -> Value {
        let snapshot = &self.snapshot;
        let name = |id: &hallpass_base::UserId| {
            let known = snapshot.people.iter().find(|person| person.user_id == *id);
            known.unwrap().user_name.clone()
        };
        json!({
            "version": 1,
            "organization": {"id": "o-exampleorg01", "root": ROOT, "management_account": "management",
                "service_access": ["sso.amazonaws.com"]},
            "ous": [{"id": "ou-ab12-platform", "name": "Platform"}, {"id": "ou-ab12-workloads", "name": "Workloads"}],
            "accounts": snapshot.accounts.iter().map(|account| json!({
                "id": account.id, "name": account.name, "email": account.email,
                "ou": account.ous.first().map(|ou| &ou.name)})).collect::<Vec<_>>(),
            "identity_center": {
                "instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef",
                "identity_store_id": "d-0123456789",
                "home_region": "eu-west-1",
                "users": snapshot.people.iter().map(|person| json!({
                    "id": person.user_id, "user_name": person.user_name,
                    "display_name": person.display_name, "email": person.emails.first()})).collect::<Vec<_>>(),
                "groups": snapshot.groups.iter().map(|group| json!({
                    "id": group.id, "name": group.name,
                    "members": group.members.iter().flatten().map(name).collect::<Vec<_>>()})).collect::<Vec<_>>(),
                "permission_sets": snapshot.permission_sets.iter().map(|set| json!({
                    "arn": set.arn, "name": set.name, "session_duration": "PT1H"})).collect::<Vec<_>>(),
            },
        })
    }
}

fn set((n, name): (usize, &&str)) -> PermissionSet {
    let arn = format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{n:016x}");
    PermissionSet {
        name: (*name).to_owned(),
        arn: arn.parse().unwrap(),
        session_duration: 3_600,
        description: String::new(),
    }
}

fn member(n: usize) -> Person {
    let (given, family) = (
        GIVEN.get(n % GIVEN.len()).unwrap(),
        FAMILY.get(n / GIVEN.len() % FAMILY.len()).unwrap(),
    );
    let again = n / (GIVEN.len() * FAMILY.len());
    let number = if again == 0 {
        String::new()
    } else {
        again.to_string()
    };
    let address = format!("{given}.{family}{number}@example.com").to_lowercase();
    person(n, &address, &format!("{given} {family}"))
}

fn person(n: usize, address: &str, name: &str) -> Person {
    Person {
        user_id: format!("{n:08x}-1111-4000-8000-0000000000bb")
            .parse()
            .unwrap(),
        user_name: address.to_owned(),
        display_name: name.to_owned(),
        emails: vec![Email::new(address).unwrap()],
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    }
}
