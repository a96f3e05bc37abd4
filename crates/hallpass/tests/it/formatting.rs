//! `rules fmt` and `rules import --from-plan`: output, refusals, exit codes.

use std::path::Path;

use crate::run::{Ran, hallpass, run, run_with};

const ODD: &str = "# mine\n[[rule]]\n\naccounts=['*']   # all\n[[test]]\nname = 'x'\n";
const FORM: &str = "# mine\n[[rule]]\naccounts = [\"*\"] # all\n\n[[test]]\nname = \"x\"\n";

fn rules(folder: &Path, args: &[&str]) -> Ran {
    run(hallpass().current_dir(folder).arg("rules").args(args))
}

#[test]
fn files_are_written_in_their_form_once_and_keep_their_permissions_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("odd.toml"), ODD).unwrap();
    std::fs::write(at("good.toml"), FORM).unwrap();
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();

    let ran = rules(folder.path(), &["fmt", "--check", "odd.toml", "good.toml"]).exits(1);
    assert_eq!(ran.out, "odd.toml\n");
    assert_eq!(read("odd.toml"), ODD, "a check writes nothing");
    let ran = rules(folder.path(), &["fmt", "--stdout", "odd.toml"]).exits(0);
    assert_eq!((ran.out.as_str(), read("odd.toml").as_str()), (FORM, ODD));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(at("odd.toml"), mode).unwrap();
        std::os::unix::fs::symlink("odd.toml", at("link.toml")).unwrap();
        rules(folder.path(), &["fmt", "link.toml", "good.toml"]).exits(0);
        assert!(at("link.toml").is_symlink());
        let mode = std::fs::metadata(at("odd.toml"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    rules(folder.path(), &["fmt", "odd.toml", "good.toml"]).exits(0);
    assert_eq!(
        (read("odd.toml").as_str(), read("good.toml").as_str()),
        (FORM, FORM)
    );
    let ran = rules(folder.path(), &["fmt", "--check", "odd.toml", "good.toml"]).exits(0);
    assert_eq!(ran.out, "");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(
        left,
        if cfg!(unix) { 3 } else { 2 },
        "nothing is left beside them"
    );
}

#[test]
fn one_file_that_is_not_read_keeps_all_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("odd.toml"), ODD).unwrap();
    for (name, text, said) in [
        ("bad.toml", "a = 1\nb = [\n", "bad.toml:2:"),
        (
            "twice.toml",
            "a = 1\na = 2\n",
            "twice.toml:2:1: error[duplicate-key]",
        ),
        (
            "rules.yaml",
            "a: 1\n",
            "`rules.yaml` is no TOML by its name",
        ),
        ("rules.json", "{}", "`jq .` formats JSON"),
        ("main.tf", "a = 1\n", "`terraform fmt` formats HCL"),
    ] {
        std::fs::write(at(name), text).unwrap();
        let ran = rules(folder.path(), &["fmt", "odd.toml", name]).exits(2);
        assert!(ran.err.contains(said), "{name}: {}", ran.err);
        assert_eq!(
            std::fs::read_to_string(at("odd.toml")).unwrap(),
            ODD,
            "{name}"
        );
    }
    rules(folder.path(), &["fmt", "absent.toml"]).exits(2);
    rules(folder.path(), &["fmt", "--stdout", "odd.toml", "bad.toml"]).exits(2);
}

#[test]
fn standard_input_is_printed_in_its_form() {
    let fmt = |args: &[&str], input: &str| {
        run_with(
            hallpass().args(["rules", "fmt"]).args(args),
            input.as_bytes(),
        )
    };
    assert_eq!(fmt(&["-"], ODD).exits(0).out, FORM);
    assert_eq!(fmt(&["-", "--check"], ODD).exits(1).out, "-\n");
    assert_eq!(fmt(&["-", "--check"], FORM).exits(0).out, "");
    assert!(fmt(&["-"], "a = [").exits(2).err.contains("-:1:"));
    let files = "version=1\n[permission_sets.Audit]\nsession_duration='PT2H'\n";
    let form = "version = 1\n\n[permission_sets.Audit]\nsession_duration = \"PT2H\"\n";
    assert_eq!(fmt(&["-"], files).exits(0).out, form);
}

#[test]
fn a_plan_of_sso_elevator_is_imported() {
    let statements = r#"[{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": "a@corp.com"}]"#;
    let function = serde_json::json!({"type": "aws_lambda_function", "name": "f",
        "values": {"environment": [{"variables": {"STATEMENTS": statements}}]}});
    let bucket = serde_json::json!({"type": "aws_s3_bucket", "name": "x", "values": {"name": "x"}});
    let plan = |resources: &[&serde_json::Value]| {
        serde_json::json!({"format_version": "1.2", "planned_values": {"root_module": {"resources": resources}}})
            .to_string()
    };
    let own_name = ["--to", "mine.json"];
    let cases: [(String, &[&str], i32, &str); 4] = [
        (
            plan(&[&function, &bucket]),
            &[],
            1,
            "statements.json: 1 rule",
        ),
        (plan(&[&function]), &own_name, 1, "mine.json: 1 rule"),
        (plan(&[&bucket]), &[], 2, "the plan has no statements"),
        ("{\"a\": ".to_owned(), &[], 2, "not JSON, or truncated"),
    ];
    for (text, args, code, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.json"), &text).unwrap();
        let mut all = vec!["import", "--from-plan", "plan.json"];
        all.extend(args);
        let ran = rules(folder.path(), &all).exits(code);
        assert!(ran.err.contains(message), "{message}: {}", ran.err);
        let written = std::fs::read_dir(folder.path()).unwrap().count() - 1;
        assert_eq!(written, usize::from(code != 2), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    rules(folder.path(), &["import"]).exits(2);
    rules(folder.path(), &["import", "--from-plan", "p.json", "team"]).exits(2);
}

#[test]
fn statements_of_sso_elevator_are_written_in_the_syntax_of_the_ending_and_load_under_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let rules = |args: &[&str]| rules(folder.path(), args);
    write(
        "terraform.tfvars",
        r#"config = [{ ResourceType = "Account", Resource = "*", PermissionSet = "ReadOnly",
                    Approvers = ["bo@acme.example", "dana@acme.example"] }]"#,
    );
    let import = [
        "import",
        "elevator",
        "terraform.tfvars",
        "--output",
        "table",
    ];
    let to = |more: &[&str]| rules(&[&import[..], more].concat());
    let ran = to(&["--to", "rules.toml"]).exits(0);
    assert!(
        ran.out.contains("access.rules = \"rules.toml\""),
        "{}",
        ran.out
    );
    let text = std::fs::read_to_string(folder.path().join("rules.toml")).unwrap();
    assert!(text.starts_with("[[statements]]\n"), "{text}");
    rules(&["check", "rules.toml"]).exits(0);
    rules(&["fmt", "--check", "rules.toml"]).exits(0);
    to(&[]).exits(0);
    rules(&["check", "statements.json"]).exits(0);
    for other in ["rules.yaml", "rules", "rules.tfvars"] {
        let ran = to(&["--to", other]).exits(2);
        assert!(
            ran.err.contains("`.json` or `.toml`"),
            "{other}: {}",
            ran.err
        );
        assert!(!folder.path().join(other).exists(), "{other}");
    }
    write(
        "facts.json",
        r#"{"version":1,"seed":7,"organization":{"management_account":"111122223333"},"ous":[],
            "accounts":[{"id":"111122223333","name":"acme","ou":null}],
            "identity_center":{"users":[{"user_name":"bo","email":"bo@acme.example"}],"groups":[],
              "permission_sets":[{"name":"ReadOnly"}],"assignments":[]}}"#,
    );
    let ran = to(&["--facts", "facts.json", "--to", "known.toml"]).exits(0);
    let said = "`Approvers`: `dana@acme.example` (no user has it) can approve nothing";
    assert!(ran.out.contains(said), "{}", ran.out);
    let ran = rules(&["check", "known.toml", "--facts", "facts.json"]);
    let said = "this approver will never be able to approve";
    assert!(
        format!("{}{}", ran.out, ran.err).contains(said),
        "{}",
        ran.err
    );
}
