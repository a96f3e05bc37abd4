use std::fmt::Write as _;

const AROUND: usize = 2;
/// Longer texts render as one removal and one addition.
const LINES_MAX: usize = 4_000;

enum DiffLine<'t> {
    Same(&'t str),
    Gone(&'t str),
    Come(&'t str),
}

impl DiffLine<'_> {
    fn is_change(&self) -> bool {
        !matches!(self, Self::Same(_))
    }
}

/// Renders removed lines with `-`, added lines with `+`, and context; `…` marks omissions.
pub(super) fn changed(old: &str, new: &str) -> String {
    let lines = compared(
        &old.lines().collect::<Vec<_>>(),
        &new.lines().collect::<Vec<_>>(),
    );
    let mut text = String::new();
    let mut skipped = false;
    for (at, line) in lines.iter().enumerate() {
        let near = lines.iter().skip(at.saturating_sub(AROUND));
        let reach = AROUND + 1 + at.min(AROUND);
        if !near.take(reach).any(DiffLine::is_change) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("…\n");
        }
        let _ = match line {
            DiffLine::Same(line) => writeln!(text, "  {line}"),
            DiffLine::Gone(line) => writeln!(text, "- {line}"),
            DiffLine::Come(line) => writeln!(text, "+ {line}"),
        };
    }
    text
}

fn compared<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<DiffLine<'t>> {
    let is_long = old.len() > LINES_MAX || new.len() > LINES_MAX;
    let width = new.len() + 1;
    // `common[at * width + by]`: common lines from there on
    let mut common = vec![0_u32; if is_long { 0 } else { (old.len() + 1) * width }];
    let get =
        |common: &[u32], at: usize, by: usize| common.get(at * width + by).copied().unwrap_or(0);
    for at in (0..old.len()).rev() {
        for by in (0..new.len()).rev() {
            let count = if old.get(at) == new.get(by) {
                get(&common, at + 1, by + 1) + 1
            } else {
                get(&common, at + 1, by).max(get(&common, at, by + 1))
            };
            if let Some(slot) = common.get_mut(at * width + by) {
                *slot = count;
            }
        }
    }
    let (mut at, mut by) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (old.get(at), new.get(by)) {
            (None, None) => return lines,
            (Some(one), Some(other)) if one == other => {
                lines.push(DiffLine::Same(one));
                at += 1;
                by += 1;
            }
            (Some(one), other)
                if other.is_none() || get(&common, at + 1, by) >= get(&common, at, by + 1) =>
            {
                lines.push(DiffLine::Gone(one));
                at += 1;
            }
            (_, other) => {
                lines.extend(other.map(|it| DiffLine::Come(it)));
                by += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_comes_stands_among_what_stays() {
        let rows = [
            ("a\nb\nc", "a\nx\nc", "  a\n- b\n+ x\n  c\n"),
            ("a\nb", "a\nb", ""),
            ("", "a", "+ a\n"),
            ("a", "", "- a\n"),
            ("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5", "…\n  4\n  5\n- 6\n"),
        ];
        for (old, new, wanted) in rows {
            assert_eq!(changed(old, new), wanted, "{old:?} {new:?}");
        }
    }
}
