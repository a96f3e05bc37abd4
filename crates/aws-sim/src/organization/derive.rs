//! Derives missing ids from the seed and the names, so that files stay readable and runs
//! repeatable.

use std::collections::HashSet;

use crate::base::Random;

use super::{DEFAULT_SEED, file::OrganizationFile, resolve::ou_paths};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

pub(super) fn fill(file: &mut OrganizationFile) {
    let seed = file.seed.unwrap_or(DEFAULT_SEED);
    let draw = |purpose: String| Random::new(seed, &purpose);
    let organization = &mut file.organization;
    if organization.id.is_empty() {
        organization.id = format!("o-{}", draw("organization".to_owned()).text(LETTERS, 10));
    }
    if organization.root.is_empty() {
        organization.root = format!("r-{}", draw("root".to_owned()).text(LETTERS, 4));
    }
    let root = organization.root.trim_start_matches("r-").to_owned();
    let paths = ou_paths(file);
    for (index, ou) in file
        .ous
        .iter_mut()
        .enumerate()
        .filter(|(_, ou)| ou.id.is_empty())
    {
        let path = paths.get(&index).unwrap_or(&ou.name);
        ou.id = format!("ou-{root}-{}", draw(format!("ou/{path}")).text(LETTERS, 8));
    }
    for policy in file.policies.iter_mut().filter(|row| row.id.is_empty()) {
        let what = format!("policy/{}/{}", policy.kind, policy.name);
        policy.id = format!("p-{}", draw(what).text(LETTERS, 10));
    }
    fill_accounts(file, seed);
    fill_center(file, seed);
}

fn fill_accounts(file: &mut OrganizationFile, seed: u64) {
    let mut taken: HashSet<String> = file
        .accounts
        .iter()
        .map(|account| account.id.clone())
        .collect();
    for account in &mut file.accounts {
        if account.id.is_empty() {
            let mut random = Random::new(seed, &format!("account/{}", account.name));
            while account.id.is_empty() || !taken.insert(account.id.clone()) {
                account.id = format!("{:012}", 100_000_000_000 + random.below(899_999_999_999));
            }
        }
        if account.email.is_empty() {
            account.email = format!(
                "aws+{}@example.com",
                account.name.to_lowercase().replace(' ', "-")
            );
        }
    }
}

fn fill_center(file: &mut OrganizationFile, seed: u64) {
    let draw = |purpose: String| Random::new(seed, &purpose);
    let center = &mut file.identity_center;
    if center.instance_arn.is_empty() {
        let id = draw("instance".to_owned()).hex(16);
        center.instance_arn = format!("arn:aws:sso:::instance/ssoins-{id}");
    }
    if center.identity_store_id.is_empty() {
        center.identity_store_id = format!("d-{}", draw("identity store".to_owned()).hex(10));
    }
    if center.home_region.is_empty() {
        "eu-west-1".clone_into(&mut center.home_region);
    }
    let store = center.identity_store_id.trim_start_matches("d-").to_owned();
    for user in center.users.iter_mut().filter(|user| user.id.is_empty()) {
        user.id = format!(
            "{store}-{}",
            draw(format!("user/{}", user.user_name)).uuid()
        );
    }
    for group in center.groups.iter_mut().filter(|group| group.id.is_empty()) {
        group.id = format!("{store}-{}", draw(format!("group/{}", group.name)).uuid());
    }
    let instance = center
        .instance_arn
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    for set in center
        .permission_sets
        .iter_mut()
        .filter(|set| set.arn.is_empty())
    {
        let id = draw(format!("permission set/{}", set.name)).hex(16);
        set.arn = format!("arn:aws:sso:::permissionSet/{instance}/ps-{id}");
    }
}

pub(crate) fn membership_id(seed: u64, store: &str, group: &str, user: &str) -> String {
    let uuid = Random::new(seed, &format!("membership/{group}/{user}")).uuid();
    format!("{}-{uuid}", store.trim_start_matches("d-"))
}

pub(crate) fn role_suffix(seed: u64, account: &str, set: &str) -> String {
    Random::new(seed, &format!("role/{account}/{set}")).hex(16)
}
