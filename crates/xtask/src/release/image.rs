//! Makes a container image without a daemon: an OCI image layout in a tar for `docker load`,
//! `podman load` and `skopeo` (OCI Image Format Specification 1.1: image layout, manifest,
//! configuration, layer).
//!
//! It contains the two programs, their certificate roots, a user and its folder. It has no shell,
//! and only that folder is written, so that the root may be read-only.

use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::archive::{ArchiveMember, Files, Packed, gz, tar};
use super::signed::sha256;
use super::source::{PROGRAMS, Source};

/// The image's user, a common unprivileged number in images without a shell.
const USER: u32 = 65_532;
/// The writable folder: database and exports.
const DATA: &str = "var/lib/hallpass";
const ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(super) fn architecture(target: &str) -> Option<&'static str> {
    match target.split('-').next()? {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}

/// Returns whether a program is a Linux executable without a loader, which runs alone.
pub(super) fn is_static(program: &[u8]) -> bool {
    // ELF-64, least significant byte first: `elf(5)`
    const HEAD: &[u8] = b"\x7fELF\x02\x01";
    const INTERPRETER: u64 = 3;
    let number = |at: u64, length: usize| {
        let at = usize::try_from(at).ok()?;
        let bytes = program.get(at..at.checked_add(length)?)?;
        let digits = bytes.iter().rev();
        Some(digits.fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let parts = || {
        let (first, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(|part| number(first.checked_add(part.checked_mul(size)?)?, 4));
        kinds.collect::<Option<Vec<_>>>()
    };
    program.starts_with(HEAD) && parts().is_some_and(|kinds| !kinds.contains(&INTERPRETER))
}

/// Makes the image of an archive; `None` for an unknown platform.
pub(super) fn image(source: &Source, files: &Files) -> Result<Option<Vec<u8>>, io::Error> {
    let Some(architecture) = architecture(&source.target) else {
        return Ok(None);
    };
    let layer = tar(layer(files), source.at)?;
    let packed = gz(&layer)?;
    let configuration = configuration(source, architecture, &digest(&layer)).to_string();
    let mut blobs = BTreeMap::new();
    let mut kept = |bytes: Vec<u8>, kind: &str| {
        let described = json!({"mediaType": kind, "digest": digest(&bytes), "size": bytes.len()});
        let name = format!("blobs/sha256/{}", sha256(&bytes));
        blobs.insert(name.clone(), Packed::text(bytes));
        (described, name)
    };
    let (configuration, configuration_file) = kept(configuration.into_bytes(), CONFIGURATION);
    let (layer, layer_file) = kept(packed, LAYER);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": [layer],
        "annotations": annotations(source),
    });
    let (mut manifest, _) = kept(manifest.to_string().into_bytes(), MANIFEST);
    if let Some(object) = manifest.as_object_mut() {
        let platform = json!({"architecture": architecture, "os": "linux"});
        object.insert("platform".to_owned(), platform);
        let named = json!({
            "org.opencontainers.image.ref.name": source.version,
            "io.containerd.image.name": format!("docker.io/library/hallpass:{}", source.version),
        });
        object.insert("annotations".to_owned(), named);
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    let earlier = json!([{
        "Config": configuration_file, "RepoTags": [format!("hallpass:{}", source.version)],
        "Layers": [layer_file],
    }]);
    for (name, value) in [
        ("index.json", index),
        ("manifest.json", earlier),
        ("oci-layout", json!({"imageLayoutVersion": "1.0.0"})),
    ] {
        blobs.insert(name.to_owned(), Packed::text(value.to_string()));
    }
    let entries = blobs
        .into_iter()
        .map(|(name, file)| ArchiveMember::root(name, file));
    tar(entries.collect(), source.at).map(Some)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn layer(files: &Files) -> Vec<ArchiveMember> {
    let mut entries: Vec<ArchiveMember> = Vec::new();
    for name in PROGRAMS {
        let program = files
            .get(name)
            .map(|it| ArchiveMember::root(format!("usr/bin/{name}"), it.clone()));
        entries.extend(program);
    }
    for name in ["LICENSE", "LICENSES.txt"] {
        let text = files.get(name);
        let text = text
            .map(|it| ArchiveMember::root(format!("usr/share/doc/hallpass/{name}"), it.clone()));
        entries.extend(text);
    }
    let users = format!("root:x:0:0:root:/:/nowhere\nhallpass:x:{USER}:{USER}::/{DATA}:/nowhere\n");
    let groups = format!("root:x:0:\nhallpass:x:{USER}:\n");
    for (name, text) in [
        ("etc/passwd", users),
        ("etc/group", groups),
        (ROOTS, roots_of_certificates()),
    ] {
        entries.push(ArchiveMember::root(name.to_owned(), Packed::text(text)));
    }
    entries.push(ArchiveMember::folder("etc/hallpass", 0o755, 0));
    entries.push(ArchiveMember::folder(DATA, 0o700, USER));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

fn roots_of_certificates() -> String {
    let pem = |der: &[u8]| {
        let text = STANDARD.encode(der);
        let lines: Vec<String> = text
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    };
    let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    all.map(|it| pem(it)).collect()
}

fn configuration(source: &Source, architecture: &str, layer: &str) -> Value {
    json!({
        "created": source.at_words, "architecture": architecture, "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/usr/bin/hallpass"],
            "Cmd": ["serve", "--config", "/etc/hallpass/hallpass.toml"],
            "WorkingDir": format!("/{DATA}"),
            "Env": ["PATH=/usr/bin", format!("HOME=/{DATA}"), format!("SSL_CERT_FILE=/{ROOTS}")],
            "Volumes": {format!("/{DATA}"): {}},
            "StopSignal": "SIGTERM",
            "Labels": annotations(source),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created": source.at_words, "created_by": "xtask release"}],
    })
}

fn annotations(source: &Source) -> Value {
    json!({
        "org.opencontainers.image.title": "hallpass",
        "org.opencontainers.image.description": "Temporary access to AWS accounts",
        "org.opencontainers.image.version": source.version,
        "org.opencontainers.image.revision": source.commit,
        "org.opencontainers.image.created": source.at_words,
        "org.opencontainers.image.licenses": "Apache-2.0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            bytes.extend(kind.to_le_bytes());
            bytes.resize(bytes.len() + 52, 0);
        }
        bytes
    }

    #[test]
    fn a_program_without_a_loader_is_static() {
        assert!(is_static(&elf(&[1, 2, 1])));
        assert!(!is_static(&elf(&[6, 3, 1])), "it asks for a loader");
        let mut cut = elf(&[1, 1]);
        cut.truncate(100);
        assert!(!is_static(&cut), "the rest is unknown");
        let mut far = elf(&[1]);
        far[32..40].fill(0xff);
        assert!(!is_static(&far));
        for other in [&b""[..], b"#!/bin/sh\n", b"\x7fELF"] {
            assert!(!is_static(other), "{other:?}");
        }
    }

    #[test]
    fn roots_are_many_and_have_their_form() {
        let text = roots_of_certificates();
        let count = text.matches("-----BEGIN CERTIFICATE-----\n").count();
        assert!(count > 100, "{count}");
        assert!(text.lines().all(|line| line.len() <= 64), "lines of PEM");
    }
}
