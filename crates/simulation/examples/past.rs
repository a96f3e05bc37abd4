//! Makes a store with a long past, its organization and rules, for measurements: `past FOLDER
//! [GRANTS] [SEED] [UNTIL] [TEAMS]`; a team has five accounts and 20 people. The same seed and
//! instant make the same past.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a tool for measurements, never shipped"
)]

use std::path::PathBuf;

use hallpass_base::Timestamp;
use hallpass_simulation::past::{Organization, Sizes, write};
use hallpass_store::SqlStore;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "past".to_owned()));
    let grants = arguments
        .next()
        .map_or(Sizes::BUDGET.grants, |text| text.parse().unwrap());
    let seed = arguments.next().map_or(1, |text| text.parse().unwrap());
    let until = arguments.next().map_or_else(
        || Timestamp::from_second(1_780_000_000).unwrap(),
        |text| text.parse().unwrap(),
    );
    let teams = arguments.next();
    let teams = teams.map_or(Sizes::BUDGET.teams, |text| text.parse().unwrap());
    let sizes = Sizes {
        grants,
        teams,
        people: Sizes::BUDGET.people.max(20 * teams),
        ..Sizes::BUDGET
    };
    let organization = Organization::new(&sizes);
    std::fs::create_dir_all(&folder).unwrap();
    let file = serde_json::to_string_pretty(&organization.file()).unwrap();
    std::fs::write(folder.join("organization.json"), file).unwrap();
    std::fs::write(folder.join("rules.toml"), organization.rules()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let store = SqlStore::open(folder.join("hallpass.db")).unwrap();
    let written = runtime
        .block_on(write(&store, &organization, &sizes, until, seed))
        .unwrap();
    eprintln!("{written:?}");
}
