//! Test durations: a sample of each check in `make test`, everything in `make soak`.

pub fn soaks() -> bool {
    std::env::var_os("HALLPASS_SOAK").is_some()
}

pub fn cases<N>(few: N, all: N) -> N {
    if soaks() { all } else { few }
}

/// Returns the stops of a run of `calls` calls: in soak runs each call in every mode, else each in
/// one mode, chosen deterministically.
pub fn stops<M: Copy>(calls: u64, modes: [M; 4]) -> impl Iterator<Item = (u64, M)> {
    let every = soaks();
    (1..=calls).flat_map(move |call| {
        // golden ratio multiplication, so that loop patterns meet every mode
        let drawn = call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 62;
        let kept = move |nth: u64| every || nth == drawn;
        (0..)
            .zip(modes)
            .filter(move |(nth, _)| kept(*nth))
            .map(move |(_, mode)| (call, mode))
    })
}
