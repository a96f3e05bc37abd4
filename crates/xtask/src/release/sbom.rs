//! A release's bill of materials (`CycloneDX` 1.6) and provenance (in-toto, SLSA 1.0).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::licences::Dependency;
use super::parts::Part;
use super::source::{CRATES, Source};

/// Makes the bill of materials. `checksums`: SHA-256 of each crate by name and version, from
/// `Cargo.lock`.
pub(super) fn bill(
    source: &Source,
    all: &BTreeMap<String, Dependency>,
    parts: &[Part],
    checksums: &BTreeMap<(String, String), String>,
) -> Value {
    let component = |it: &&Dependency| {
        let key = (it.name.clone(), it.version.clone());
        let hash = |sum: &String| json!({"alg": "SHA-256", "content": sum});
        let vcs = |url: &String| json!({"type": "vcs", "url": url});
        let mut component = json!({
            "type": "library", "bom-ref": reference(it), "name": it.name, "version": it.version,
            "licenses": [{"expression": it.licence}],
            "hashes": checksums.get(&key).map(hash).into_iter().collect::<Vec<_>>(),
            "externalReferences": it.repository.iter().map(vcs).collect::<Vec<_>>(),
        });
        if let (false, Some(object)) = (it.is_ours, component.as_object_mut()) {
            object.insert("purl".to_owned(), json!(reference(it)));
        }
        component
    };
    let mut components: Vec<&Dependency> = all.values().collect();
    components.sort_by_key(|it| (it.name.clone(), it.version.clone()));
    let dependency = |it: &&Dependency| {
        let on = it.uses.iter().filter_map(|id| all.get(id)).map(reference);
        let on: BTreeSet<String> = on.collect();
        json!({"ref": reference(it), "dependsOn": on})
    };
    let made_of = components
        .iter()
        .filter(|it| CRATES.contains(&it.name.as_str()));
    let made_of = made_of.map(|it| reference(it));
    let made_of: BTreeSet<String> = made_of.chain(parts.iter().map(Part::reference)).collect();
    let mut dependencies = vec![json!({"ref": "release", "dependsOn": made_of})];
    dependencies.extend(components.iter().map(dependency));
    let alone = |it: &Part| json!({"ref": it.reference(), "dependsOn": []});
    dependencies.extend(parts.iter().map(alone));
    let mut components: Vec<Value> = components.iter().map(component).collect();
    components.extend(parts.iter().map(component_of_part));
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": source.at_words,
            "component": {"type": "application", "bom-ref": "release", "name": "hallpass",
                          "version": source.version, "licenses": [{"expression": "Apache-2.0"}]},
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component_of_part(it: &Part) -> Value {
    let mut component = json!({
        "type": "library", "bom-ref": it.reference(), "name": it.name, "description": it.about,
        "licenses": [{"expression": it.licence}], "purl": it.reference(),
    });
    if let (Some(version), Some(object)) = (&it.version, component.as_object_mut()) {
        object.insert("version".to_owned(), json!(version));
    }
    component
}

fn reference(it: &Dependency) -> String {
    let named = format!("{}@{}", it.name, it.version);
    if it.is_ours {
        named
    } else {
        format!("pkg:cargo/{named}")
    }
}

/// Makes the provenance. `tools`: compilers other than Rust's, name and version, from `PyPI`.
/// `files`: SHA-256 by name.
pub(super) fn provenance(
    source: &Source,
    tools: &[(String, String)],
    files: &BTreeMap<String, String>,
) -> Value {
    let subject: Vec<Value> = files
        .iter()
        .map(|(name, sum)| json!({"name": name, "digest": {"sha256": sum}}))
        .collect();
    let mut from = vec![json!({"name": "hallpass", "digest": {"gitCommit": source.commit}})];
    from.extend(
        tools.iter().map(
            |(name, version)| json!({"name": name, "uri": format!("pkg:pypi/{name}@{version}")}),
        ),
    );
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:hallpass:release:1",
                "externalParameters": {"version": source.version, "target": source.target},
                "internalParameters": {"compiler": source.compiler},
                "resolvedDependencies": from,
            },
            "runDetails": {"builder": {"id": "urn:hallpass:xtask-release:1"}},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;

    fn source() -> Source {
        Source {
            version: "0.1.0".to_owned(),
            commit: "c0".to_owned(),
            at: 0,
            at_words: String::new(),
            target: String::new(),
            host: String::new(),
            compiler: String::new(),
        }
    }

    #[test]
    fn the_bill_has_what_is_no_crate_with_the_version_that_is_known() {
        let none = BTreeMap::new();
        let parts = |version: Option<&str>| [parts::musl(version.map(str::to_owned))];
        for (version, reference) in [
            (Some("1.2.5"), "pkg:generic/musl@1.2.5"),
            (None, "pkg:generic/musl"),
        ] {
            let made = bill(&source(), &none, &parts(version), &BTreeMap::new());
            let musl = made.pointer("/components/0").unwrap();
            assert_eq!(musl["bom-ref"], reference);
            assert_eq!(musl["licenses"], json!([{"expression": "MIT"}]));
            assert_eq!(musl.get("version"), version.map(|it| json!(it)).as_ref());
            let uses = json!([{"ref": "release", "dependsOn": [reference]}, {"ref": reference, "dependsOn": []}]);
            assert_eq!(made["dependencies"], uses);
        }
    }

    #[test]
    fn the_provenance_names_the_commit_and_then_what_compiled_it() {
        let from = |tools: &[(String, String)]| {
            let made = provenance(&source(), tools, &BTreeMap::new());
            made.pointer("/predicate/buildDefinition/resolvedDependencies")
                .cloned()
        };
        let commit = json!({"name": "hallpass", "digest": {"gitCommit": "c0"}});
        assert_eq!(from(&[]), Some(json!([commit])));
        let zig = json!({"name": "ziglang", "uri": "pkg:pypi/ziglang@0.1.2"});
        let tools = [("ziglang".to_owned(), "0.1.2".to_owned())];
        assert_eq!(from(&tools), Some(json!([commit, zig])));
    }
}
