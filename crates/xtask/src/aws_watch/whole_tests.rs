//! The whole comparison over small trees: models, sources, lines, facts.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;

/// A repository with a simulated service and three model versions.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.put(REQUIREMENTS, "botocore==2.0.0 \\\n");
        tree.put(
            "crates/aws-sim/src/services/demo/mod.rs",
            "static D: S = S { ..SimService::named(\"Demo\", \"demo\") };\nconst OPERATIONS: &[Row] = &[(\"List\", Reads(list))];",
        );
        tree.put(
            "crates/org/src/lib.rs",
            "fn a() { call(\"core\", \"Get\"); }",
        );
        for page in MADE_OF {
            tree.put(page, "made of botocore 2.0.0\n");
        }
        tree.put("crates/iam/data/facts.txt", "facts\t1\t2026-11-01\n");
        tree.put(
            "docs/reference/aws-facts.md",
            "| fact | standing |\n|---|---|\n| quota | read 2026-11-20 |\n",
        );
        tree.models("1.0.0", &[], &[]);
        tree.models("2.0.0", &["A"], &[]);
        tree.models("3.0.0", &["A", "B"], &["fresh"]);
        aws_tables::write(&tree.data("2.0.0"), "demo", &tree.path(TABLES)).unwrap();
        tree.decide("");
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn put(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn decide(&self, lines: &str) {
        self.put(DECISIONS, &format!("baseline 1.0.0\ncore core\n{lines}"));
    }

    fn data(&self, version: &str) -> PathBuf {
        self.0.path().join(version).join("botocore/data")
    }

    fn models(&self, version: &str, members: &[&str], services: &[&str]) {
        self.put(
            &format!("{version}/botocore/__init__.py"),
            &format!("__version__ = '{version}'\n"),
        );
        let model = |operation: &str| -> Value {
            let all: Value = members
                .iter()
                .map(|it| ((*it).to_owned(), json!({"shape": "S"})))
                .collect();
            json!({"metadata": {"protocol": "json", "endpointPrefix": "demo"},
                "operations": {operation: {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}}},
                "shapes": {"In": {"type": "structure", "members": all}, "S": {"type": "string"}}})
        };
        self.put(
            &format!("{version}/botocore/data/core/2020-01-01/service-2.json"),
            &model("Get").to_string(),
        );
        for service in services.iter().chain(&["demo"]) {
            let path = self.path(&format!(
                "{version}/botocore/data/{service}/2020-01-01/service-2.json.gz"
            ));
            let mut packed = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
            packed
                .write_all(model("List").to_string().as_bytes())
                .unwrap();
            packed.finish().unwrap();
        }
    }

    fn run(&self) -> Result<Watched, WatchError> {
        let options = Options {
            baseline: Some(self.data("1.0.0")),
            models: Some(self.data("2.0.0")),
            newest: Some(self.data("3.0.0")),
            age_max: AGE_MAX,
        };
        run(
            self.0.path(),
            &options,
            self.path("kept"),
            Day::read("2026-11-25").unwrap(),
        )
    }

    fn text(&self) -> String {
        let watched = self.run().unwrap();
        assert!(!watched.is_clean, "{}", watched.text);
        watched.text
    }
}

const ALL: &str = "demo:In.A new member | 2026-11-25 | not needed: why\n\
    demo:In.B new member | 2026-11-25 | open: send it\n\
    core:In.A new member | 2026-11-25 | not needed: why\n\
    core:In.B new member | 2026-11-25 | not needed: why\n\
    fresh new service | 2026-11-25 | not needed: why\n";

#[test]
fn what_nobody_decided_is_listed_and_what_is_newer_than_our_tables_marked() {
    let text = Tree::new().text();
    let expected = "\nundecided: 5 of 5 differences\n  core:In.A new member\n  core:In.B new member [after the pinned]\n  \
        demo:In.A new member\n  demo:In.B new member [after the pinned]\n  fresh new service [after the pinned]\n";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("baseline: botocore 1.0.0\n") && text.contains("newest:   botocore 3.0.0\n"),
        "{text}"
    );
    assert!(
        text.contains("1 services whole: core\n") && text.contains("simulate: demo 1\n"),
        "{text}"
    );
}

#[test]
fn with_a_line_for_each_it_is_clean_and_lists_what_is_open() {
    let tree = Tree::new();
    tree.decide(ALL);
    let watched = tree.run().unwrap();
    assert!(watched.is_clean, "{}", watched.text);
    assert!(
        watched
            .text
            .contains("\nopen: 1\n  demo:In.B new member: send it\n"),
        "{}",
        watched.text
    );
    assert!(
        watched
            .text
            .contains("decided: 4 not needed, 1 open by 5 lines"),
        "{}",
        watched.text
    );
    assert!(
        watched.text.contains("  quota (5 days, 2026-11-20)\n"),
        "{}",
        watched.text
    );
}

#[test]
fn what_is_said_and_not_so_is_told_with_its_place() {
    let tree = Tree::new();
    tree.decide(&format!(
        "{ALL}demo:Old removed operation | 2026-11-25 | not needed: why\n"
    ));
    let text = tree.text();
    assert!(
        text.contains("  crates/xtask/aws-watch.txt:8: `demo:Old removed operation`: remove it"),
        "{text}"
    );

    tree.decide(&ALL.replace(
        "core:In.A new member | 2026-11-25 | not needed: why",
        "core:In.A new member | 2026-11-25 | taken: x/a.rs",
    ));
    let text = tree.text();
    assert!(
        text.contains("aws-watch.txt:5: says `taken` of `x/a.rs`, which is not there"),
        "{text}"
    );
    tree.put("x/a.rs", "fn b() {}");
    let text = tree.text();
    assert!(text.contains("aws-watch.txt:5: says that `core:In.A new member` is taken, and no file of the line names `A`"), "{text}");
    tree.put("x/a.rs", "fn a() {}");
    assert!(tree.run().unwrap().is_clean);

    tree.decide(ALL);
    tree.put(MADE_OF[1], "made of botocore 1.9.0\n");
    let text = tree.text();
    assert!(text.contains("crates/aws-model/catalog/README.md:1: names 1.9.0 of botocore, and `e2e/requirements.txt` pins 2.0.0"), "{text}");
    tree.put(MADE_OF[1], "made of botocore 2.0.0\n");
    tree.put("crates/aws-model/tables/demo.json", "{}\n");
    let text = tree.text();
    assert!(
        text.contains("crates/aws-model/tables/demo.json:1: is not what botocore 2.0.0 says"),
        "{text}"
    );
}

#[test]
fn a_fact_that_nobody_read_for_too_long_is_an_error_and_a_page_that_is_not_there_is_said() {
    let tree = Tree::new();
    tree.decide(ALL);
    tree.put(
        "docs/reference/aws-facts.md",
        "| fact | standing |\n|---|---|\n| edge | read 2026-10-26 |\n| quota | read 2026-10-25 |\n| open | not verified |\n",
    );
    let text = tree.text();
    assert!(
        text.contains(
            "facts: 4, 1 older than 30 days, 1 not verified\n  quota (31 days, 2026-10-25) TOO OLD"
        ),
        "{text}"
    );
    assert!(text.contains("  edge (30 days, 2026-10-26)\n"), "{text}");
    tree.decide(&format!("{ALL}fact quota | 2026-10-26 | as it was\n"));
    let watched = tree.run().unwrap();
    assert!(watched.is_clean, "{}", watched.text);
    assert!(
        watched
            .text
            .contains("  quota (31 days, 2026-10-25; 2026-10-26: as it was)\n"),
        "{}",
        watched.text
    );
    tree.decide(&format!(
        "{ALL}fact quota | 2026-10-25 | as it was\nfact none | 2026-11-25 | as it was\n"
    ));
    let text = tree.text();
    assert!(
        text.contains("aws-watch.txt:8: `fact quota`: remove it\n"),
        "{text}"
    );
    assert!(
        text.contains("aws-watch.txt:9: `fact none`: remove it\n"),
        "{text}"
    );
    tree.decide(ALL);
    tree.put(
        "docs/reference/aws-facts.md",
        "| fact | standing |\n|---|---|\n| quota | long ago |\n",
    );
    let text = tree.text();
    assert!(
        text.contains("docs/reference/aws-facts.md:3: `quota` has the age `long ago`"),
        "{text}"
    );
    fs::remove_file(tree.path("docs/reference/aws-facts.md")).unwrap();
    let watched = tree.run().unwrap();
    assert!(watched.is_clean);
    assert!(
        watched
            .text
            .contains("`docs/reference/aws-facts.md` is not there"),
        "{}",
        watched.text
    );
}

#[test]
fn a_group_is_for_the_entries_that_it_was_decided_for() {
    let tree = Tree::new();
    let lines = ALL.lines().filter(|it| !it.starts_with("demo:"));
    let rest = lines.collect::<Vec<_>>().join("\n");
    tree.decide(&format!(
        "{rest}\ndemo:In.* new member #2 | 2026-11-25 | not needed: why\n"
    ));
    assert!(tree.run().unwrap().is_clean);
    tree.decide(&format!(
        "{rest}\ndemo:In.* new member #1 | 2026-11-25 | not needed: why\n"
    ));
    let text = tree.text();
    let expected = "aws-watch.txt:6: `demo:In.* new member` was decided for 1 entries and is for 2 now: look at them, and write that \
        number; after the pinned: demo:In.B new member\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_our_tables_cannot_have_is_not_taken_by_them() {
    let tree = Tree::new();
    for (member, is_fine) in [("A", true), ("B", false)] {
        let line = format!("demo:In.{member} new member | 2026-11-25 |");
        let taken = format!("{line} taken: {TABLES}/demo.json");
        let lines = ALL
            .lines()
            .map(|it| if it.starts_with(&line) { &taken } else { it });
        tree.decide(&(lines.collect::<Vec<_>>().join("\n") + "\n"));
        assert_eq!(tree.run().unwrap().is_clean, is_fine, "{member}");
    }
}

#[test]
fn a_core_service_that_came_is_decided_by_its_operations_and_watched_from_our_tables_on() {
    let tree = Tree::new();
    tree.models("2.0.0", &["A"], &["fresh"]);
    tree.models("3.0.0", &["A", "B"], &["fresh"]);
    tree.decide(&format!("core fresh\n{ALL}"));
    let text = tree.text();
    let expected = "\nundecided: 2 of 7 differences\n  fresh:In.B new member [after the pinned]\n  fresh:List new operation\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_cannot_be_compared_says_what_to_do() {
    let tree = Tree::new();
    tree.decide("demo\n");
    let error = tree.run().unwrap_err().to_string();
    assert!(
        error.starts_with("crates/xtask/aws-watch.txt:3: has 1 parts"),
        "{error}"
    );
    tree.decide("core nothing\n");
    let error = tree.run().unwrap_err().to_string();
    assert!(error.contains("`nothing`"), "{error}");
    tree.decide("");
    tree.put(REQUIREMENTS, "boto3==1.0.0\n");
    let error = tree.run().unwrap_err().to_string();
    assert!(error.contains("`botocore==VERSION`"), "{error}");
    let error = WatchError::NoPip {
        package: "botocore".to_owned(),
        text: "no route".to_owned(),
    }
    .to_string();
    assert!(
        error.contains("no route") && error.contains("--newest DIR"),
        "{error}"
    );
}

#[test]
fn options_are_pairs_that_are_known() {
    let read = |words: &[&str]| Options::read(words);
    let options = read(&["--models", "a", "--max-age", "7"]).unwrap();
    assert_eq!((options.models, options.age_max), (Some("a".into()), 7));
    assert_eq!(read(&[]).unwrap().age_max, AGE_MAX);
    for words in [&["--models"][..], &["--max-age", "x"], &["--other", "x"]] {
        assert!(read(words).is_none(), "{words:?}");
    }
}
