//! Fuzz target of the Terraform configuration reader. See `hallpass_base::testing`.

use hallpass_base::testing::changed;
use hallpass_imports::SourceFile;
use hallpass_imports::elevator::{ElevatorOptions, OtherValues, TerraformFolder, import_folder};
use hallpass_rules::{RuleFile, load};

const SAMPLES: [&[u8]; 2] = [
    include_bytes!("__fuzz__/terraform_folder/corpus/whole.tf"),
    include_bytes!("__fuzz__/terraform_folder/corpus/whole.tf.json"),
];
const LETTERS: &[u8] = b"{}[]()\"',:=*#-|\n .0at\\/$?&!%>";

#[test]
fn terraform_folder() {
    hallpass_base::testing::fuzz_target!("terraform_folder", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, LETTERS);
        let groups = |path: &str| {
            assert!(!path.contains("..") && !path.starts_with('/'), "{path}");
            Ok(b"[{\"Resource\": \"g\", \"Approvers\": []}]".to_vec())
        };
        for (file, value) in [("any.tf", "any.tfvars"), ("any.tf.json", "any.tfvars.json")] {
            let source = |name: &str| SourceFile {
                name: name.to_owned(),
                bytes: bytes.clone(),
            };
            let folder = TerraformFolder {
                name: "any".to_owned(),
                files: vec![source(file)],
                values: vec![source(value)],
                others: vec![OtherValues {
                    name: value.to_owned(),
                    bytes: Some(bytes.clone()),
                }],
                read: &groups,
            };
            // imported rules load
            if let Ok(imported) = import_folder(&folder, &ElevatorOptions::default()) {
                let _ = load(&RuleFile::new("any.json", imported.text)).unwrap();
            }
            let alone = TerraformFolder {
                values: Vec::new(),
                ..folder
            };
            if let Ok(imported) = import_folder(&alone, &ElevatorOptions::default()) {
                let _ = load(&RuleFile::new("any.json", imported.text)).unwrap();
            }
        }
    });
}
