//! Releases for another processor: Zig compiles C and links, and an emulator runs the program for
//! its generated texts. `e2e/tools.sh release` installs both.

pub(super) struct Way {
    pub(super) build: &'static str,
    emulator: Option<String>,
}

impl Way {
    pub(super) fn here() -> Self {
        Self {
            build: "build",
            emulator: None,
        }
    }

    /// Names the target and host platforms as Rust does: the processor comes first.
    pub(super) fn to(target: &str, host: &str) -> Self {
        let processor = |platform: &str| platform.split('-').next().unwrap_or_default().to_owned();
        if processor(target) == processor(host) {
            return Self::here();
        }
        Self {
            build: "zigbuild",
            emulator: Some(format!("qemu-{}-static", processor(target))),
        }
    }

    /// Returns pinned compilers other than Rust's: name and version. Empty for the host's
    /// processor.
    pub(super) fn tools(&self, requirements: &str) -> Vec<(String, String)> {
        if self.emulator.is_none() {
            return Vec::new();
        }
        let pinned = requirements.lines().filter_map(|line| {
            let (name, rest) = line.split_once("==")?;
            Some((name.to_owned(), rest.split_whitespace().next()?.to_owned()))
        });
        pinned.collect()
    }

    pub(super) fn run<'a>(
        &'a self,
        program: &'a str,
        words: &[&'a str],
    ) -> (&'a str, Vec<&'a str>) {
        match &self.emulator {
            Some(emulator) => (emulator, [&[program], words].concat()),
            None => (program, words.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiles_for_another_processor_is_named_and_only_where_it_did() {
        let pinned = include_str!("../../../../deploy/release/requirements.txt");
        let (intel, arm) = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-musl");
        let names = |way: Way| -> Vec<String> {
            way.tools(pinned)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(Way::to(arm, intel)), ["cargo-zigbuild", "ziglang"]);
        assert!(names(Way::to(arm, arm)).is_empty() && names(Way::here()).is_empty());
        let text = "# a==b is not\nziglang==0.1.2 \\\n    --hash=sha256:00\n";
        let zig = ("ziglang".to_owned(), "0.1.2".to_owned());
        assert!(Way::to(arm, intel).tools(text).contains(&zig));
    }

    #[test]
    fn another_processor_needs_another_linker_and_an_emulator() {
        let (intel, arm) = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-musl");
        for (target, host, build, run) in [
            (arm, intel, "zigbuild", "qemu-aarch64-static hallpass man"),
            (intel, arm, "zigbuild", "qemu-x86_64-static hallpass man"),
            ("x86_64-unknown-linux-musl", intel, "build", "hallpass man"),
            (arm, arm, "build", "hallpass man"),
        ] {
            let way = Way::to(target, host);
            assert_eq!(way.build, build, "{target} on {host}");
            let (program, words) = way.run("hallpass", &["man"]);
            assert_eq!([&[program], &words[..]].concat().join(" "), run);
        }
    }
}
