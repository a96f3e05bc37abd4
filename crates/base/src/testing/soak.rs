//! How long tests take: each kind of check within `make test`, and all of it in `make soak`.

/// Whether tests take their time: every stop in every mode, all of the seeds.
pub fn soaks() -> bool {
    std::env::var_os("HALLPASS_SOAK").is_some()
}

/// So many cases of what is drawn: `few` in the gate, `all` where tests take their time.
pub fn cases<N>(few: N, all: N) -> N {
    if soaks() { all } else { few }
}

/// Where and how a run of so many calls is stopped: each call in every mode where tests take their time, else each in one
/// of them. Which one is as good as drawn, and the same in every run.
pub fn stops<M: Copy>(calls: u64, modes: [M; 4]) -> impl Iterator<Item = (u64, M)> {
    let every = soaks();
    (1..=calls).flat_map(move |call| {
        // multiplied by the golden ratio, so that no pattern of a loop meets one of the modes
        let drawn = call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 62;
        let kept = move |nth: u64| every || nth == drawn;
        (0..)
            .zip(modes)
            .filter(move |(nth, _)| kept(*nth))
            .map(move |(_, mode)| (call, mode))
    })
}
