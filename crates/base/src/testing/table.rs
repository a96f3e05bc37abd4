//! Tables written as text in tests.

/// Parses a table: a row per line, cells separated by two spaces or more, `-` for an empty cell.
///
/// # Panics
/// When a line has more or fewer than `N` cells.
pub fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let lines = table.lines().map(str::trim).filter(|it| !it.is_empty());
    lines.map(cells).collect()
}

fn cells<const N: usize>(line: &str) -> [&str; N] {
    let words = line.split("  ").map(str::trim).filter(|it| !it.is_empty());
    let cells: Vec<&str> = words.map(|it| if it == "-" { "" } else { it }).collect();
    assert_eq!(cells.len(), N, "cells of `{line}`");
    std::array::from_fn(|place| cells.get(place).copied().unwrap_or_default())
}
