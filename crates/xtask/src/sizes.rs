//! Sizes of functions and files, in lines of code: blank lines and comments do not count.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::breach::Breach;
use crate::sources::is_generated;

/// A function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// A file without its `#[cfg(test)] mod`.
const CODE_LINES_MAX: usize = 500;

/// A file with its tests, and a file of tests.
const FILE_LINES_MAX: usize = 800;

/// Checks a Rust file; other checks report unparsable ones.
pub(crate) fn check(path: &str, text: &str) -> Vec<Breach> {
    if is_generated(text) {
        return Vec::new();
    }
    let Ok(tokens) = text.parse::<TokenStream>() else {
        return Vec::new();
    };
    let lines = code_lines(text, tokens.clone());
    let Ok(file) = syn::parse2::<syn::File>(tokens) else {
        return Vec::new();
    };
    let mut sizes = Sizes {
        path,
        lines: &lines,
        tests: BTreeSet::new(),
        findings: Vec::new(),
    };
    sizes.visit_file(&file);
    let Sizes {
        tests,
        mut findings,
        ..
    } = sizes;
    let code = lines.difference(&tests).count();
    if !is_test_file(path) && code > CODE_LINES_MAX {
        let message =
            format!("{code} lines of code, at most {CODE_LINES_MAX}: split the file by step");
        findings.push(Breach::new(path, 1, message));
    }
    if lines.len() > FILE_LINES_MAX {
        let message = format!(
            "{} lines with tests, at most {FILE_LINES_MAX}: move the tests to a separate file",
            lines.len()
        );
        findings.push(Breach::new(path, 1, message));
    }
    findings
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.split('/').any(|folder| folder == "tests")
}

fn code_lines(text: &str, tokens: TokenStream) -> BTreeSet<usize> {
    let source: Vec<&str> = text.lines().collect();
    let mut lines = BTreeSet::new();
    collect(&source, tokens, &mut lines);
    lines
}

fn collect(source: &[&str], tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in tokens {
        // doc comments arrive as `#[doc = "…"]`, all of it at the place of the comment
        if is_comment(source, token.span()) {
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                lines.extend(span_lines(group.span_open()));
                collect(source, group.stream(), lines);
                lines.extend(span_lines(group.span_close()));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                lines.extend(span_lines(token.span()));
            }
        }
    }
}

fn is_comment(source: &[&str], span: Span) -> bool {
    let start = span.start();
    let line = source
        .get(start.line.saturating_sub(1))
        .copied()
        .unwrap_or_default();
    let mut rest = line.chars().skip(start.column);
    rest.next() == Some('/') && matches!(rest.next(), Some('/' | '*'))
}

fn span_lines(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

struct Sizes<'a> {
    path: &'a str,
    lines: &'a BTreeSet<usize>,
    tests: BTreeSet<usize>,
    findings: Vec<Breach>,
}

impl Sizes<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.span().start().line;
        let end = block.span().end().line;
        let count = self.lines.range(start..=end).count();
        if count > FUNCTION_LINES_MAX {
            let message = format!(
                "`{}` has {count} lines, at most {FUNCTION_LINES_MAX}: keep the branching here \
                 and move the leaves out",
                signature.ident
            );
            self.findings.push(Breach::new(self.path, start, message));
        }
    }
}

impl<'ast> Visit<'ast> for Sizes<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.attrs.iter().any(is_cfg_test) {
            self.tests.extend(self.lines.range(span_lines(item.span())));
        }
        syn::visit::visit_item_mod(self, item);
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let inner = attribute
        .path()
        .is_ident("cfg")
        .then(|| attribute.parse_args::<syn::Path>());
    matches!(inner, Some(Ok(path)) if path.is_ident("test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    #[test]
    fn comments_blank_lines_and_strings_are_told_apart() {
        let text = "//! A.\n\n/// B\n/* c */\n#[a] // d\nfn e() {\n    // f\n    let g = \"\n// h\n\n\";\n}\n/** i\n j */\nmod k;\n";
        let lines: Vec<usize> = code_lines(text, text.parse().unwrap())
            .into_iter()
            .collect();
        assert_eq!(lines, [5, 6, 8, 9, 10, 11, 12, 15]);
    }

    #[test]
    fn a_long_function_is_found_where_it_starts() {
        assert_eq!(found("src/a.rs", &function("f", 70)), [""; 0]);
        let long = format!("//! A.\n\n{}", function("f", 71));
        let found_long = found("src/a.rs", &long);
        assert!(
            found_long[0].starts_with("src/a.rs:3: `f` has 71 lines, at most 70"),
            "{found_long:?}"
        );
        let commented = function("f", 70).replacen("a();", "// why\n\n    a();", 20);
        assert_eq!(found("src/a.rs", &commented), [""; 0]);
    }

    #[test]
    fn methods_and_default_methods_count_too() {
        for holder in ["impl A", "trait A"] {
            let text = format!("{holder} {{\n{}}}\n", function("f", 71));
            assert_eq!(found("src/a.rs", &text).len(), 1, "{holder}");
        }
    }

    #[test]
    fn files_are_measured_with_and_without_tests() {
        let code = "const A: u8 = 1;\n".repeat(500);
        let tests = |lines: usize| {
            format!(
                "#[cfg(test)]\nmod tests {{\n{}}}\n",
                "use a;\n".repeat(lines - 3)
            )
        };
        assert_eq!(found("src/a.rs", &(code.clone() + &tests(300))), [""; 0]);
        let long = found("src/a.rs", &format!("{code}{code}"));
        assert!(
            long[0].contains("1000 lines of code, at most 500"),
            "{long:?}"
        );
        assert!(
            long[1].contains("1000 lines with tests, at most 800"),
            "{long:?}"
        );
        assert_eq!(found("src/a.rs", &(code.clone() + "use a;\n")).len(), 1);
        assert_eq!(found("src/a.rs", &(code.clone() + &tests(301))).len(), 1);
        assert_eq!(
            found("tests/it/a.rs", &(code.clone() + "use a;\n")),
            [""; 0]
        );
        assert_eq!(
            found("src/a.rs", &format!("// @generated\n{code}{code}")),
            [""; 0]
        );
    }
}
