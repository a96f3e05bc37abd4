//! Command table as users see it: help, short forms, failure texts.

use super::listing::WIDTH;
use super::*;

#[test]
fn at_most_25_commands_are_listed_and_help_fits_the_terminal() {
    let program = program();
    let listed: Vec<&str> = GROUPS.iter().flat_map(|it| it.commands).copied().collect();
    assert!(listed.len() <= 25, "{} are listed", listed.len());
    let shown = program.get_subcommands().filter(|it| !it.is_hide_set());
    let mut names: Vec<&str> = shown.map(clap::Command::get_name).collect();
    let mut known: Vec<&str> = listed.iter().chain(BESIDE).copied().collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, names, "each is in one group, or beside them");
    let help = program.clone().render_help().to_string();
    for line in help.lines().chain(DAILY.lines()) {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
    for name in listed {
        let command = program.find_subcommand(name).unwrap();
        let about = command.get_about().unwrap().to_string();
        let line = format!("\n  {name:<13}{about}");
        assert!(help.contains(&line), "not on one line: {line}");
    }
}

#[test]
fn help_all_lists_every_command_at_its_depth_and_every_short_form() {
    let text = asked_list(&words("hallpass help all")).unwrap();
    let (program, mut all) = (program(), Vec::new());
    with_arguments(&program, "", &mut all);
    let is_in = |row: &str| text.lines().any(|line| line.starts_with(row));
    for (path, command) in all {
        let names: Vec<&str> = path.split_whitespace().collect();
        let is_hidden = command.is_hide_set() || path == "demo aws";
        if let Some(name) = names.last().filter(|_| !is_hidden) {
            let row = format!("{:1$}{name} ", "", 2 * names.len());
            assert!(is_in(&row), "{path}");
        }
    }
    for ShortForm { name, parent } in SHORT_FORMS {
        let row = format!("  {name:24}{parent} {name}");
        assert!(is_in(&row), "{row}");
    }
    let wide: Vec<&str> = text
        .lines()
        .filter(|it| it.chars().count() > WIDTH)
        .collect();
    assert_eq!(wide, Vec::<&str>::new());
    assert!(asked_list(&words("hallpass help request")).is_none());
    assert!(program.find_subcommand("all").is_none());
}

#[test]
fn hallpass_alone_says_the_commands_of_every_day_in_20_lines() {
    assert!(DAILY.lines().count() <= 20);
    let program = program();
    let known = |name: &str| {
        let is_short = SHORT_FORMS.iter().any(|it| it.name == name);
        is_short || program.find_subcommand(name).is_some()
    };
    let told = DAILY
        .lines()
        .filter_map(|it| it.strip_prefix("  hallpass "));
    let names: Vec<&str> = told.filter_map(|it| it.split(' ').next()).collect();
    assert!(names.contains(&"request"), "{names:?}");
    assert!(names.iter().all(|name| known(name)), "{names:?}");
}

#[test]
fn a_typo_of_a_short_form_gets_a_suggestion() {
    let told = |words: &str| {
        let error = read(words.split(' ').map(Into::into).collect()).unwrap_err();
        error.render().to_string()
    };
    for (words, meant) in [
        ("hallpass rvoke", Some("revoke")),
        ("hallpass doctr", Some("doctor")),
        ("hallpass grnts", Some("grants")),
        ("hallpass xyzzyplugh", None),
        // short forms exist only at the top
        ("hallpass policy rvoke", None),
    ] {
        let told = told(words);
        assert!(told.contains("unrecognized subcommand"), "{words}: {told}");
        let tip = meant.map(|it| format!("a similar subcommand exists: '{it}'"));
        let is_told = tip.as_ref().is_none_or(|it| told.contains(it));
        assert!(
            is_told && tip.is_some() == told.contains("tip:"),
            "{words}: {told}"
        );
    }
}

#[test]
fn a_command_says_why_it_failed_in_the_form_of_its_data() {
    let told = |words: &str| {
        read(words.split(' ').map(Into::into).collect())
            .unwrap()
            .form
    };
    for (words, wanted) in [
        ("hallpass org vend a.csv --output json", FailureForm::Json),
        ("hallpass org vend a.csv -o table", FailureForm::Text),
        ("hallpass org vend a.csv", FailureForm::Text),
        ("hallpass org payer audit a.yaml -o json", FailureForm::Json),
        ("hallpass plan list --output=json", FailureForm::Json),
        ("hallpass serve", FailureForm::Text),
    ] {
        assert_eq!(told(words), wanted, "{words}");
    }
}

/// Target selection flags (`organization.md` P-14).
const SELECTING: &[&str] = &[
    "accounts",
    "ou",
    "ou_direct",
    "tag",
    "exclude",
    "include_management",
    "regions",
];

const NAMED: &[(&str, &str)] = &[
    ("access apply", "the files say who has what where"),
    (
        "org delegate",
        "each service of the file names its administrator and Regions",
    ),
    (
        "org delegate remove",
        "one service, in the Regions that are named",
    ),
    (
        "org enroll",
        "--ou-from, --account and --email, and one unit they come into",
    ),
    (
        "org vend",
        "the rows of the list: its accounts are not there yet",
    ),
    ("org vend retry", "a plan that is there"),
    ("org outage apply", "one unit or account"),
    ("org outage reap", "drills that are over"),
    ("org outage remove", "one drill"),
    ("activity pci act", "people"),
    ("org plan resume", "a plan that is there"),
    ("org plan undo", "what a plan changed"),
    ("org remediate undo", "what one remediation changed"),
    (
        "people sessions apply",
        "--target: where the policy is attached",
    ),
    ("people sessions prune", "entries that are over"),
    ("who apply-review", "the rows of the review"),
];

fn with_arguments<'a>(
    command: &'a clap::Command,
    words: &str,
    found: &mut Vec<(String, &'a clap::Command)>,
) {
    found.push((words.to_owned(), command));
    for inner in command.get_subcommands() {
        let words = format!("{words} {}", inner.get_name());
        with_arguments(inner, words.trim(), found);
    }
}

#[test]
fn plans_over_accounts_and_regions_are_chosen_by_the_same_flags() {
    let program = program();
    let mut all = Vec::new();
    with_arguments(&program, "", &mut all);
    let argument = |command: &clap::Command, id: &str| {
        let mut all = command.get_arguments();
        all.find(|it| it.get_id() == id).cloned()
    };
    let (mut named, mut selecting) = (BTreeSet::new(), Vec::new());
    for (words, command) in &all {
        // every plan command has it
        if argument(command, "accept_drift").is_none() {
            continue;
        }
        let has_all = SELECTING.iter().all(|it| argument(command, it).is_some());
        if has_all && !NAMED.iter().any(|(it, _)| it == words) {
            selecting.push(words.as_str());
        } else {
            named.insert(words.as_str());
        }
    }
    let known: BTreeSet<&str> = NAMED.iter().map(|(words, _)| *words).collect();
    assert_eq!(
        named, known,
        "a plan command without the flags of its targets"
    );
    assert!(selecting.contains(&"org standards apply"), "{selecting:?}");
    // same meaning everywhere
    for id in SELECTING.iter().filter(|it| **it != "regions") {
        let of = |words: &str| {
            let (_, command) = all.iter().find(|(it, _)| it == words).unwrap();
            argument(command, id).unwrap()
        };
        let shared = of("org standards apply");
        for words in [
            "org standards diff",
            "org standards export",
            "each",
            "org public-ips",
        ] {
            let found = of(words);
            let said = |it: &clap::Arg| it.get_help().map(ToString::to_string);
            assert_eq!(said(&found), said(&shared), "{words} --{id}");
            assert_eq!(
                found.get_value_names(),
                shared.get_value_names(),
                "{words} --{id}"
            );
        }
    }
}

const TYPED: &[(&str, &str)] = &[
    ("discard", "req_01934a5b6c7d7e8f90123456789abcde"),
    (
        "close-review",
        "req_01934a5b6c7d7e8f90123456789abcde --reason well",
    ),
    ("extend", "grn_01934a5b6c7d7e8f90123456789abcde --for 1h"),
    ("release", "grn_01934a5b6c7d7e8f90123456789abcde --yes"),
    ("revoke", "--user ana@acme.example --all --reason x -o json"),
    ("lock", "--user ana@acme.example --reason x --for 2d"),
    ("unlock", "--user ana@acme.example --reason x"),
    ("doctor", "--config other.toml"),
    ("guard", "--bound 60s"),
    ("plan", "undo 3f0c9a5b7d1e2f46 --apply"),
    ("sync", "--accounts 111122223333 -o json"),
    ("sim", "--listen 127.0.0.1:0 --seed 7"),
];

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(Into::into).collect()
}

#[test]
fn a_short_form_is_the_command_below_its_parent() {
    let named: Vec<&str> = SHORT_FORMS.iter().map(|it| it.name).collect();
    let typed: Vec<&str> = TYPED.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, typed, "a row of arguments for each short form");
    for (ShortForm { name, parent }, (_, arguments)) in SHORT_FORMS.iter().zip(TYPED) {
        let short = read(words(&format!("hallpass {name} {arguments}"))).unwrap();
        let long = read(words(&format!("hallpass {parent} {name} {arguments}"))).unwrap();
        assert_eq!(
            format!("{:?}", short.command),
            format!("{:?}", long.command),
            "{name}"
        );
        assert_eq!(short.form, long.form, "{name}");
    }
}

#[test]
fn the_help_of_a_short_form_is_that_of_the_command_below_a_line_that_names_it() {
    let program = program();
    let help = |line: &str| read(words(line)).map(|_| ()).unwrap_err().to_string();
    for short in SHORT_FORMS {
        let ShortForm { name, parent } = short;
        let place = program.find_subcommand(parent).unwrap();
        let place = place.find_subcommand(name).unwrap();
        let mut all = Vec::new();
        with_arguments(place, name, &mut all);
        for (path, _) in all {
            let found = help(&format!("hallpass {path} --help"));
            let long = help(&format!("hallpass {parent} {path} --help"));
            assert_eq!(found, format!("{}\n\n{long}", short.line()), "{path}");
        }
        let asked = help(&format!("hallpass help {name}"));
        assert!(asked.starts_with(&short.line()), "{asked}");
    }
}

#[test]
fn sql_is_asked_beside_the_commands_below_query() {
    let asked = |line: &[&str]| {
        let words = line.iter().map(Into::into).collect();
        format!("{:?}", read(words).unwrap().command)
    };
    for (line, wanted) in [
        (
            &["hallpass", "query", "SELECT 1", "-o", "csv"][..],
            "[\"SELECT 1\", \"-o\", \"csv\"]",
        ),
        (
            &["hallpass", "query", "-o", "csv", "SELECT 1", "--help"],
            "[\"-o\", \"csv\", \"SELECT 1\", \"--help\"]",
        ),
        (
            &["hallpass", "query", "--name", "keys/unused"],
            "[\"--name\", \"keys/unused\"]",
        ),
        (&["hallpass", "query", "--help"], "[\"--help\"]"),
        (&["hallpass", "query", "-h"], "[\"-h\"]"),
        (
            &["hallpass", "query", "--snapshots", "x", "-f", "q.sql"],
            "[\"--snapshots\"",
        ),
    ] {
        let found = asked(line);
        assert!(found.contains(wanted), "{line:?}: {found}");
    }
}
