//! A release for another processor than this machine's: Zig compiles what is written in C and links, and an emulator runs the program
//! for what it prints of itself. Both are installed by `e2e/tools.sh release`.

/// How programs are compiled, and run to print their manual.
pub(super) struct Way {
    /// The command of `cargo` that compiles them.
    pub(super) build: &'static str,
    /// What runs them, where this machine's processor does not.
    emulator: Option<String>,
}

impl Way {
    /// As everything of this machine.
    pub(super) fn here() -> Self {
        Self {
            build: "build",
            emulator: None,
        }
    }

    /// From the machine to the platform that these name as Rust does: what comes first is the processor.
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

    /// What compiles beside the compiler of Rust, of the programs that a file of requirements pins: name and version. Nothing, where
    /// this machine compiles for its own processor.
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

    /// A command of a program, as it is run here.
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
        let text = "# a==b is none\nziglang==0.1.2 \\\n    --hash=sha256:00\n";
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
