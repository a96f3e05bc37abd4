//! SPDX texts of licences that crates name but do not contain.

pub(super) fn text(licence: &str, holders: &str) -> Option<String> {
    let (title, terms) = match licence {
        // these two have no line for rights holders
        "Apache-2.0" => return Some(include_str!("../../../../LICENSE").to_owned()),
        "Unicode-3.0" => return Some(include_str!("texts/Unicode-3.0.txt").to_owned()),
        "BSD-2-Clause" => (
            "BSD 2-Clause License",
            include_str!("texts/BSD-2-Clause.txt"),
        ),
        "BSD-3-Clause" => (
            "BSD 3-Clause License",
            include_str!("texts/BSD-3-Clause.txt"),
        ),
        "ISC" => ("ISC License", include_str!("texts/ISC.txt")),
        "MIT" => ("MIT License", include_str!("texts/MIT.txt")),
        "Zlib" => ("zlib License", include_str!("texts/Zlib.txt")),
        _ => return None,
    };
    Some(format!("{title}\n\nCopyright (c) {holders}\n\n{terms}"))
}

/// Returns the texts of an SPDX expression: all joined licences, and the first known of
/// alternatives; `None` if one is unknown. Ignores brackets: may return too many texts, never too
/// few, because every `AND` is included.
pub(super) fn texts(expression: &str, holders: &str) -> Option<Vec<String>> {
    let plain = expression.replace(['(', ')'], "");
    let one_of = |choice: &str| {
        choice
            .split(" OR ")
            .find_map(|licence| text(licence.trim(), holders))
    };
    plain.split(" AND ").map(one_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_wants_a_text_for_each_that_holds_together_with_others() {
        let titles = |expression: &str| -> Option<Vec<String>> {
            let all = texts(expression, "Ann")?;
            let first = |it: &String| it.trim().lines().next().unwrap().to_owned();
            Some(all.iter().map(first).collect())
        };
        let wanted = |titles: &[&str]| -> Option<Vec<String>> {
            Some(titles.iter().map(|it| (*it).to_owned()).collect())
        };
        for (expression, found) in [
            ("MIT", wanted(&["MIT License"])),
            ("Apache-2.0", wanted(&["Apache License"])),
            ("Unlicense OR MIT", wanted(&["MIT License"])),
            (
                "(MIT OR Apache-2.0) AND Unicode-3.0",
                wanted(&["MIT License", "UNICODE LICENSE V3"]),
            ),
            (
                "BSD-2-Clause AND BSD-3-Clause AND ISC AND Zlib",
                wanted(&[
                    "BSD 2-Clause License",
                    "BSD 3-Clause License",
                    "ISC License",
                    "zlib License",
                ]),
            ),
            ("MIT AND Ours-Alone", None),
            ("Apache-2.0 WITH LLVM-exception", None),
            ("", None),
        ] {
            assert_eq!(titles(expression), found, "{expression}");
        }
    }

    #[test]
    fn a_text_names_who_holds_the_rights() {
        for licence in ["BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Zlib"] {
            let text = text(licence, "Ann <ann@example.com>").unwrap();
            assert!(
                text.contains("\nCopyright (c) Ann <ann@example.com>\n\n"),
                "{text}"
            );
        }
    }
}
