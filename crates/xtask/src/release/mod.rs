//! Reproducible releases from the programs and the commit: archive, Debian package, image, Helm
//! chart, bill of materials, provenance, sums and a signature.

mod across;
mod archive;
mod chart;
mod debian;
mod image;
mod licences;
mod license_texts;
mod parts;
mod sbom;
mod signed;
mod source;
mod standard;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use self::across::Way;
use self::archive::{Files, Packed};
use self::source::{CRATES, PROGRAMS, Source};

const SHELLS: [(&str, &str); 3] = [
    ("bash", "hallpass.bash"),
    ("zsh", "_hallpass"),
    ("fish", "hallpass.fish"),
];

#[derive(Clone, Debug, Default)]
struct Options {
    out: Option<PathBuf>,
    binaries: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Rust's platform name; by default the compiler's.
    target: Option<String>,
    /// Whether uncommitted changes may be released.
    tree: Tree,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tree {
    #[default]
    Clean,
    AsItIs,
}

/// Makes a release; returns a line per file.
///
/// # Errors
/// The cause.
pub(crate) fn make(root: &Path, words: &[&str]) -> Result<Vec<String>, String> {
    let options = options(words)?;
    let out = options.out.clone().ok_or("`--out DIR` is missing")?;
    if fs::read_dir(&out).is_ok_and(|mut it| it.next().is_some()) {
        return Err(format!(
            "`{}` is not empty, and a release is of nothing else",
            out.display()
        ));
    }
    if options.tree == Tree::Clean && !said(root, "git", &["status", "--porcelain"])?.is_empty() {
        return Err(
            "there are changes that no commit has; `--as-it-is` packs them all the same".to_owned(),
        );
    }
    let key = options.key.as_deref().map(read_text).transpose()?;
    let source = source(root, options.target)?;
    let (binaries, way) = if let Some(folder) = &options.binaries {
        (folder.clone(), Way::here())
    } else {
        let way = Way::to(&source.target, &source.host);
        (built(root, &source, &way)?, way)
    };
    let metadata = metadata(root, &source.target)?;
    let all = licences::dependencies(&metadata, &CRATES);
    let tools = way.tools(&read_text(&root.join("deploy/release/requirements.txt"))?);
    let parts = parts::parts(root, &source, &tools)?;
    let files = contents(root, (&binaries, &way), licences::page(&all, &parts)?)?;
    let mut made = packed(&source, &files)?;
    made.extend([chart::chart(root, &source)?]);
    let bill = sbom::bill(&source, &all, &parts, &checksums(root)?);
    made.insert(format!("{}.cdx.json", stem(&source)), pretty(&bill)?);
    let mut sums: BTreeMap<String, String> = made
        .iter()
        .map(|(name, bytes)| (name.clone(), signed::sha256(bytes)))
        .collect();
    let name = format!("{}.intoto.json", stem(&source));
    let mut subjects = sums.clone();
    for program in PROGRAMS {
        let path = binaries.join(program);
        let bytes = fs::read(&path);
        let bytes = bytes.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        subjects.insert(program.to_owned(), signed::sha256(&bytes));
    }
    let provenance = pretty(&sbom::provenance(&source, &tools, &subjects))?;
    sums.insert(name.clone(), signed::sha256(&provenance));
    made.insert(name, provenance);
    let sums = signed::sums(&sums).into_bytes();
    if let Some(key) = key {
        made.insert(signed::SIGNATURE.to_owned(), signed::sign(&key, &sums)?);
    }
    made.insert(signed::SUMS.to_owned(), sums);
    fs::create_dir_all(&out)
        .map_err(|error| format!("cannot make `{}`: {error}", out.display()))?;
    for (name, bytes) in &made {
        let path = out.join(name);
        fs::write(&path, bytes)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    Ok(made
        .iter()
        .map(|(name, bytes)| format!("{} ({} bytes)", out.join(name).display(), bytes.len()))
        .collect())
}

/// Verifies a release by the signer's public key; returns problems.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn verify(folder: &Path, public_key: &Path) -> Result<Vec<String>, String> {
    let key = read_text(public_key)?;
    signed::wrong(folder, &key)
        .map_err(|error| format!("cannot read `{}`: {error}", folder.display()))
}

fn options(words: &[&str]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--target" {
            let target = words.next().ok_or("`--target` takes a platform")?;
            options.target = Some((*target).to_owned());
            continue;
        }
        let place = match *word {
            "--out" => &mut options.out,
            "--binaries" => &mut options.binaries,
            "--key" => &mut options.key,
            "--as-it-is" => {
                options.tree = Tree::AsItIs;
                continue;
            }
            other => return Err(format!("`{other}` is no option of a release")),
        };
        let value = words
            .next()
            .ok_or_else(|| format!("`{word}` takes a path"))?;
        *place = Some(PathBuf::from(value));
    }
    Ok(options)
}

fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn said(folder: &Path, program: &str, words: &[&str]) -> Result<String, String> {
    let shown = || format!("`{program} {}`", words.join(" "));
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", shown()))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed: {}", shown(), why.trim()));
    }
    String::from_utf8(output.stdout)
        .map(|text| text.trim_end().to_owned())
        .map_err(|_| format!("{} has no text", shown()))
}

fn source(root: &Path, target: Option<String>) -> Result<Source, String> {
    let compiler = said(root, "rustc", &["-vV"])?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("the compiler does not say where it runs")?;
    let target = target.unwrap_or_else(|| host.to_owned());
    let manifest: toml::Table =
        toml::from_str(&read_text(&root.join("Cargo.toml"))?).map_err(|error| error.to_string())?;
    let version = manifest
        .get("workspace")
        .and_then(|it| it.get("package")?.get("version")?.as_str());
    let at = said(root, "git", &["log", "-1", "--format=%ct"])?;
    Ok(Source {
        version: version.ok_or("the workspace has no version")?.to_owned(),
        commit: said(root, "git", &["rev-parse", "HEAD"])?,
        at: at
            .parse()
            .map_err(|_| format!("`{at}` is no time of a commit"))?,
        at_words: said(
            root,
            "git",
            &[
                "log",
                "-1",
                "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
                "--format=%cd",
            ],
        )?,
        host: host.to_owned(),
        target,
        compiler: compiler.lines().next().unwrap_or_default().to_owned(),
    })
}

/// Compiles both programs for a platform with their commit; returns their folder.
fn built(root: &Path, source: &Source, way: &Way) -> Result<PathBuf, String> {
    let platform = source.target.as_str();
    // keeps this machine's paths out of the programs
    let home =
        env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|it| format!("{it}/.cargo")));
    let mut flags = format!("--remap-path-prefix={}=/src", root.display());
    // the same for C code
    let mut c_flags = format!("-ffile-prefix-map={}=/src", root.display());
    if let Ok(home) = home {
        flags = format!("{flags} --remap-path-prefix={home}=/cargo");
        c_flags = format!("{c_flags} -ffile-prefix-map={home}=/cargo");
    }
    let status = Command::new("cargo")
        .args([
            way.build,
            "--locked",
            "--release",
            "--target",
            platform,
            "--workspace",
            "--bin",
            "hallpass",
            "--bin",
            "hallpass-query",
        ])
        .env("RUSTFLAGS", flags)
        .env("CFLAGS", &c_flags)
        .env("CXXFLAGS", c_flags)
        .env("HALLPASS_COMMIT", &source.commit)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !status.success() {
        return Err("the programs do not compile".to_owned());
    }
    let metadata: Value = serde_json::from_str(&said(
        root,
        "cargo",
        &["metadata", "--locked", "--no-deps", "--format-version", "1"],
    )?)
    .map_err(|error| error.to_string())?;
    let target = metadata
        .get("target_directory")
        .and_then(Value::as_str)
        .ok_or("cargo does not say where it builds")?;
    Ok(Path::new(target).join(platform).join("release"))
}

fn metadata(root: &Path, target: &str) -> Result<Value, String> {
    let words = [
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ];
    serde_json::from_str(&said(root, "cargo", &words)?).map_err(|error| error.to_string())
}

fn checksums(root: &Path) -> Result<BTreeMap<(String, String), String>, String> {
    let lock: toml::Table =
        toml::from_str(&read_text(&root.join("Cargo.lock"))?).map_err(|error| error.to_string())?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten();
    let sum = |it: &toml::Value| {
        let text = |key: &str| it.get(key)?.as_str().map(str::to_owned);
        Some(((text("name")?, text("version")?), text("checksum")?))
    };
    Ok(packages.filter_map(sum).collect())
}

/// Returns the archive's content: programs, their generated texts, documents, units.
fn contents(
    root: &Path,
    (binaries, way): (&Path, &Way),
    licences: String,
) -> Result<Files, String> {
    let unreadable =
        |path: &Path, error: &std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut files = Files::from([("LICENSES.txt".to_owned(), Packed::text(licences))]);
    for name in PROGRAMS {
        let path = binaries.join(name);
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        files.insert(name.to_owned(), Packed::program(bytes));
    }
    for name in ["LICENSE", "README.md", "CHANGELOG.md"] {
        files.insert(name.to_owned(), Packed::text(read_text(&root.join(name))?));
    }
    let program = fs::canonicalize(binaries.join("hallpass")).map_err(|error| error.to_string())?;
    let program = program
        .to_str()
        .ok_or("the programs lie where no text leads")?;
    for (shell, name) in SHELLS {
        let (program, words) = way.run(program, &["completions", shell]);
        let text = said(root, program, &words)? + "\n";
        files.insert(format!("completions/{name}"), Packed::text(text));
    }
    let pages = env::temp_dir().join(format!("hallpass-release-{}", std::process::id()));
    let shown = pages.display().to_string();
    let (program, words) = way.run(program, &["man", "--dir", &shown]);
    said(root, program, &words)?;
    let manual = folder(&pages, "man", &mut files);
    // a leftover stays in a temporary folder
    let _ = fs::remove_dir_all(&pages);
    manual?;
    folder(&root.join("deploy/systemd"), "systemd", &mut files)?;
    Ok(files)
}

fn folder(path: &Path, name: &str, to: &mut Files) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let bytes = fs::read(entry.path()).map_err(unreadable)?;
        to.insert(
            format!("{name}/{}", entry.file_name().to_string_lossy()),
            Packed::text(bytes),
        );
    }
    Ok(())
}

fn stem(source: &Source) -> String {
    format!("hallpass-{}-{}", source.version, source.target)
}

fn packed(source: &Source, files: &Files) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let archive =
        archive::tar_gz(files, &stem(source), source.at).map_err(|error| error.to_string())?;
    let mut made = BTreeMap::from([(format!("{}.tar.gz", stem(source)), archive)]);
    let programs = || PROGRAMS.iter().filter_map(|name| files.get(*name));
    // an image has no loader
    if programs().all(|it| image::is_static(&it.bytes)) {
        let image = image::image(source, files).map_err(|error| error.to_string())?;
        let name = format!("{}.oci.tar", stem(source));
        made.extend(image.map(|bytes| (name, bytes)));
    }
    let package = debian::Package {
        version: &source.version,
        target: &source.target,
        glibc: programs()
            .filter(|it| !image::is_static(&it.bytes))
            .filter_map(|it| debian::glibc(&it.bytes))
            .max_by_key(|it| version_key(it)),
        at: source.at,
    };
    if let Some(name) = package.file_name() {
        made.insert(
            name,
            debian::package(&package, files).map_err(|error| error.to_string())?,
        );
    }
    Ok(made)
}

fn version_key(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|it| it.parse().ok())
        .collect()
}

fn pretty(value: &Value) -> Result<Vec<u8>, String> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    Ok(bytes)
}
