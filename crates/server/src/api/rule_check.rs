use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{DirectoryPrefetch, WorkTurn};
use hallpass_api::{
    CheckRules, Problem, RuleFinding, RuleSeverity, RulesChecked, TestEnd, TestedRule,
};
use hallpass_rules::{
    CheckVerdict, CheckedFile, Diagnostic, Loaded, RuleFile, RuleTestOutcome, Severity, TestResult,
    load_until,
};

use crate::{
    App,
    body::Body,
    costly::CallerInTurn,
    problem::{ProblemResponse, bad_parameter},
};

const FINDINGS_MAX: usize = 500;
const NAME_BYTES_MAX: usize = 255;

/// Checks a rule file that is not in force: errors, warnings and its tests. Compares names with the
/// known accounts, users and groups, and reads the extra names of the file; administrators and
/// auditors. One check or replay per user at a time. Changes nothing.
#[utoipa::path(post, path = "/api/v1/rules/check", request_body = CheckRules,
    responses((status = 200, body = RulesChecked), (status = 403, body = Problem)))]
pub(crate) async fn check(
    State(app): State<App>,
    CallerInTurn { caller, turn }: CallerInTurn,
    Body(wanted): Body<CheckRules>,
) -> Result<Json<RulesChecked>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    // findings reveal which accounts, users and groups exist
    if !actor.reads_all() {
        return Err(ProblemResponse::forbidden(
            "not-yours",
            "only auditors and administrators check rules against all users",
        ));
    }
    let (now, fail_on_findings) = (app.clock.now(), wanted.fail_on_findings);
    let CheckRules { file, text, .. } = wanted;
    let read = read(&turn, &file, text).await?;
    // a file with errors is not compared with the directory
    let DirectoryPrefetch { directory, why } = match &read {
        Ok(loaded) => app.access.directory_ahead(&loaded.rules).await,
        Err(_) => app.access.directory().into(),
    };
    let roles = app.identity.groups_with_roles();
    let checked = turn.run(move |cancel| {
        let taken_at = directory.taken_at();
        let facts = taken_at.is_some().then_some((&*directory, &why));
        let checked = CheckedFile::ahead(&file, &read, facts, &roles, now, cancel);
        RulesChecked {
            directory_taken_at: taken_at,
            ..answer(checked, fail_on_findings)
        }
    });
    let checked = checked.await;
    Ok(Json(
        checked.map_err(|error| ProblemResponse::unavailable(&error))?,
    ))
}

pub(super) async fn read(
    turn: &WorkTurn,
    file: &str,
    text: String,
) -> Result<Result<Loaded, Vec<Diagnostic>>, ProblemResponse> {
    if file.len() > NAME_BYTES_MAX {
        let why = format!("the name of a file has at most {NAME_BYTES_MAX} bytes");
        return Err(bad_parameter("file", why));
    }
    let file = file.to_owned();
    let read = turn.run(move |cancel| load_until(&RuleFile::new(&file, text), cancel));
    let read = read.await;
    read.map_err(|error| ProblemResponse::unavailable(&error))
}

fn answer(checked: CheckedFile, fail_on_findings: bool) -> RulesChecked {
    let exit = match checked.verdict() {
        CheckVerdict::Broken => 2,
        CheckVerdict::Failed => 1,
        CheckVerdict::Warned if fail_on_findings => 3,
        CheckVerdict::Warned | CheckVerdict::Clean => 0,
    };
    let findings = checked.findings.into_iter().take(FINDINGS_MAX);
    RulesChecked {
        file: checked.file,
        errors: checked.errors,
        warnings: checked.warnings,
        notes: checked.notes,
        tests_failed: checked.tests_failed,
        findings: findings.map(finding).collect(),
        tests: checked.tests.into_iter().map(tested).collect(),
        exit,
        directory_taken_at: None,
    }
}

fn finding(found: Diagnostic) -> RuleFinding {
    RuleFinding {
        severity: match found.severity {
            Severity::Error => RuleSeverity::Error,
            Severity::Warning => RuleSeverity::Warning,
            Severity::Note => RuleSeverity::Note,
        },
        code: found.code.as_str().to_owned(),
        file: found.file,
        line: found.position.line,
        column: found.position.column,
        list: found.list.map(str::to_owned),
        index: found.index,
        field: found.field,
        value: found.value,
        message: found.message,
        help: found.help,
    }
}

fn tested(test: TestResult) -> TestedRule {
    TestedRule {
        name: test.name,
        line: test.position.line,
        column: test.position.column,
        outcome: match test.outcome {
            RuleTestOutcome::Passed => TestEnd::Passed,
            RuleTestOutcome::Failed(why) => TestEnd::Failed(why),
            RuleTestOutcome::NeedsDirectory(why) | RuleTestOutcome::NotJudged(why) => {
                TestEnd::NeedsDirectory(why)
            }
        },
    }
}
