//! Formatting is lossless and idempotent.

use std::fmt::Write as _;

use hallpass_base::testing::fuzz_target;
use hallpass_rules::syntax::{Node, Syntax, Value, parse};
use hallpass_rules::{FormatRefused, canonical_toml};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::fuzz;

const SAMPLES: [&str; 5] = [
    include_str!("real/company.toml"),
    include_str!("real/mistakes.toml"),
    include_str!("../../../../demo/rules.toml"),
    include_str!("../../../access-files/tests/it/__fuzz__/access_files/corpus/whole.toml"),
    ODD,
];

const ODD: &str = "#!first\n\n\n  # second\n[ 'a' . \"b c\".\"d\" ] # on a head\n\n\n\"x\"='y' # behind\n\
    z = '''\nraw\n  text'''\ndates=[1979-05-27T07:32:00Z,1979-05-27 07:32:00, # one\n\n\n# own\n07:32:00,]#last\n\
    t={a=1,b.c=[ true,false ],d={}}\nu = {\n  a = [1 , 2],# in it\n}\n\n[[ r ]]#x\nn=0x1F\n#end\n\n\n";

#[test]
fn each_thing_is_written_in_one_way() {
    let long = format!("n = [{}]\n", ["\"name@corp.com\""; 7].join(", "));
    let spread = format!("n = [\n{}]\n", "  \"name@corp.com\",\n".repeat(7));
    let table = format!("n = {{ a = [{}] }}\n", ["\"name@corp.com\""; 7].join(", "));
    let rows = [
        ("", ""),
        ("\n\n", ""),
        ("a=1", "a = 1\n"),
        ("\u{feff}a = 1\r\n", "a = 1\n"),
        ("  a\t=\t1   \n", "a = 1\n"),
        ("a = 1\n\n\n\nb = 2\n\n", "a = 1\n\nb = 2\n"),
        ("a = 1 #x\n", "a = 1 #x\n"),
        ("a = 1        # x  \n", "a = 1 # x\n"),
        ("a = 1\n[t]\n\n\nb = 2\n", "a = 1\n\n[t]\nb = 2\n"),
        ("a = 1\n# of t\n[t]\n", "a = 1\n\n# of t\n[t]\n"),
        ("a = 1\n# of a\n\n[[t]]\n", "a = 1\n# of a\n\n[[t]]\n"),
        ("[t]\n\n# alone\n\nb = 2\n", "[t]\n\n# alone\n\nb = 2\n"),
        ("[[ a . 'b'.\"c d\" ]]\n", "[[a.b.\"c d\"]]\n"),
        ("a = 'x'\n", "a = \"x\"\n"),
        ("a = ''\n", "a = \"\"\n"),
        ("a = '\\d \"x\"'\n", "a = '\\d \"x\"'\n"),
        ("a = '''x'''\n", "a = '''x'''\n"),
        ("a = '''\n'x' '''\n", "a = '''\n'x' '''\n"),
        (
            "a = \"\"\"\n  x\\\n  y\"\"\"\n",
            "a = \"\"\"\n  x\\\n  y\"\"\"\n",
        ),
        ("\"a\" = 1\n'b c' = 2\n", "a = 1\n'b c' = 2\n"),
        ("a . b = 1\n", "a.b = 1\n"),
        ("a = [ 1,2 , ]\n", "a = [1, 2]\n"),
        ("a = [\n]\n", "a = []\n"),
        ("a = [1,\n2]\n", "a = [\n  1,\n  2,\n]\n"),
        ("a = [1,2 # x\n]\n", "a = [\n  1,\n  2, # x\n]\n"),
        ("a = [ # x\n1]\n", "a = [\n  # x\n  1,\n]\n"),
        ("a = [\n\n1,\n\n\n2\n\n]\n", "a = [\n  1,\n\n  2,\n]\n"),
        (
            "a = [[1,\n2],[3]]\n",
            "a = [\n  [\n    1,\n    2,\n  ],\n  [3],\n]\n",
        ),
        ("a = { b=1,c = {} }\n", "a = { b = 1, c = {} }\n"),
        ("a = {b = [1,\n2]}\n", "a = { b = [\n  1,\n  2,\n] }\n"),
        ("a = {\nb = 1 # x\n}\n", "a = {\n  b = 1, # x\n}\n"),
        ("a = {\nb # x\n = 1}\n", "a = {\n  # x\n  b = 1,\n}\n"),
        (&long, &spread),
        (&table, &table),
    ];
    for (text, wanted) in rows {
        assert_eq!(
            canonical_toml("r.toml", text).as_deref(),
            Ok(wanted),
            "{text}"
        );
        assert_eq!(
            canonical_toml("r.toml", wanted).as_deref(),
            Ok(wanted),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_read_is_refused_with_its_place() {
    let rows = [
        ("a = 1\nb = [1\n", "r.toml:2:7: error[bad-syntax]"),
        ("a = 1\na = 2\n", "r.toml:2:1: error[duplicate-key]"),
        ("a = 1 # \u{202e}x\n", "r.toml:1:9: error[bad-character]"),
        ("a = 1\rb = 2\n", "r.toml:1:6: error[bad-character]"),
        (&"#\n".repeat(600_000), "r.toml:1:1: error[too-large]"),
        (
            &format!("a{} = 1\n", ".b".repeat(100)),
            "r.toml:1:1: error[too-deep]",
        ),
        (&format!("a = {}\n", "[".repeat(500)), "r.toml:1:"),
    ];
    for (text, wanted) in rows {
        let Err(FormatRefused::Broken(errors)) = canonical_toml("r.toml", text) else {
            panic!("{wanted}");
        };
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|it| it.starts_with(wanted)),
            "{wanted}: {said:?}"
        );
    }
}

fn says(node: &Node) -> String {
    match &node.value {
        Value::List(items) => format!("{:?}", items.iter().map(says).collect::<Vec<_>>()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|it| (it.key.clone(), says(&it.value)));
            format!("{:?}", entries.collect::<Vec<_>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            format!("{:?}", node.value)
        }
    }
}

/// Valid text formats losslessly and idempotently; invalid text is refused.
fn holds(text: &str) {
    let parsed = parse(text.strip_prefix('\u{feff}').unwrap_or(text), Syntax::Toml);
    match canonical_toml("r.toml", text) {
        Ok(written) => {
            let again = parse(&written, Syntax::Toml);
            assert!(
                parsed.is_whole() && again.is_whole(),
                "{text}\n→\n{written}"
            );
            assert_eq!(
                parsed.root.map(|it| says(&it)),
                again.root.map(|it| says(&it)),
                "{text}\n→\n{written}"
            );
            // comments and strings may contain `#`: the count must match
            assert_eq!(
                text.matches('#').count(),
                written.matches('#').count(),
                "{text}"
            );
            assert_eq!(
                canonical_toml("r.toml", &written).as_ref(),
                Ok(&written),
                "{text}"
            );
        }
        Err(FormatRefused::Broken(errors)) => assert!(!errors.is_empty(), "{text}"),
        Err(FormatRefused::Unfaithful) => panic!("unfaithful to {text}"),
    }
}

#[test]
fn samples_keep_what_they_say() {
    for sample in SAMPLES {
        holds(sample);
        holds(&sample.replace('\n', "\r\n"));
    }
    assert!(canonical_toml("r.toml", ODD).is_ok());
}

#[test]
fn fuzz_canonical() {
    fuzz_target!("canonical", |input: &[u8]| {
        holds(&fuzz::text(input, &SAMPLES));
    });
}

fn blank() -> impl Strategy<Value = &'static str> {
    select(&["", "", " ", "\t", "   "][..])
}

fn ends() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "\n",
            "\n",
            "\r\n",
            "\n\n\n",
            " # said\n",
            "#said\n\n",
            "\n# above\n",
            "\n\n  # apart\n\n",
        ][..],
    )
}

fn key() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "k",
            "\"k\"",
            "'k'",
            "k . 'b'",
            "\"a b\"",
            "k.\"ü\".c",
            "\"\"",
        ][..],
    )
}

fn value() -> impl Strategy<Value = String> {
    let plain = select(
        &[
            "1",
            "0x1F",
            "1.5e3",
            "true",
            "nan",
            "1979-05-27",
            "1979-05-27 07:32:00Z",
            "'x'",
            "\"x\\n\"",
            "''",
            "'\\d'",
            "'a \" b'",
            "'''a\n'b' '''",
            "\"\"\"\n#no\\\n  c\"\"\"",
            "\"long long long long long long\"",
        ][..],
    );
    plain
        .prop_map(str::to_owned)
        .prop_recursive(3, 24, 5, |inner| {
            let gap = || prop_oneof![3 => blank(), 1 => ends()];
            let items = vec((gap(), inner.clone(), gap()), 0..6);
            let list = (items, gap(), any::<bool>()).prop_map(|(items, gap, comma)| {
                let items: Vec<String> = items
                    .into_iter()
                    .map(|(a, it, b)| format!("{a}{it}{b}"))
                    .collect();
                let comma = if comma && !items.is_empty() { "," } else { "" };
                format!("[{}{comma}{gap}]", items.join(","))
            });
            let pairs = vec((blank(), inner, blank()), 0..4).prop_map(|pairs| {
                let pairs = pairs.into_iter().zip(["a", "'b'", "\"c d\"", "e . f"]);
                let pairs: Vec<String> = pairs
                    .map(|((a, it, b), key)| format!("{a}{key}{b}={a}{it}{b}"))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            });
            prop_oneof![list, pairs]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(hallpass_base::testing::cases(400, 20_000)))]

    #[test]
    fn the_form_of_any_file_is_its_own_form(
        begin in ends(),
        tables in vec((select(&["[[rule]]", "[[ rule ]]", "[[test]]", "[[a.'b c']]"][..]), ends(),
            vec((blank(), key(), blank(), value(), blank(), ends()), 0..4)), 0..5),
    ) {
        let mut text = begin.to_owned();
        for (head, end, pairs) in &tables {
            text.push_str(head);
            text.push_str(end);
            for (place, (a, key, b, value, c, end)) in pairs.iter().enumerate() {
                write!(text, "{a}k{place} . {key}{b}={c}{value}{b}{end}").unwrap();
            }
        }
        prop_assert!(parse(&text, Syntax::Toml).is_whole(), "{text}");
        holds(&text);
    }
}

#[test]
fn examples_are_canonical() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut examples: Vec<(String, String)> = Vec::new();
    for file in [
        "demo/rules.toml",
        "deploy/terraform/examples/rules.toml",
        "crates/rules/tests/it/real/company.toml",
        "crates/imports/tests/testdata/rules.toml",
        "crates/hallpass/tests/it/golden/tests.toml",
    ] {
        examples.push((
            file.to_owned(),
            std::fs::read_to_string(root.join(file)).unwrap(),
        ));
    }
    for folder in [
        "tutorials",
        "how-to",
        "reference",
        "explanation",
        "operations",
    ] {
        for entry in std::fs::read_dir(root.join("docs").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|it| it != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for block in text.split("```toml\n").skip(1) {
                let block = block.split("```").next().unwrap_or_default();
                if ["[[rule]]", "[[test]]", "[[assignments]]"]
                    .iter()
                    .any(|it| block.contains(it))
                {
                    examples.push((path.display().to_string(), block.to_owned()));
                }
            }
        }
    }
    assert!(examples.len() > 15, "{}", examples.len());
    for (name, text) in examples {
        assert_eq!(canonical_toml(&name, &text).as_ref(), Ok(&text), "{name}");
    }
}
