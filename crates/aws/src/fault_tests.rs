use aws_sdk_identitystore::operation::describe_user::DescribeUserError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

#[test]
fn names_and_statuses() {
    // status, name, kind; `-` = the answer names no error
    let table = "
        400 ThrottlingException                      Throttled
        400 Throttling                               Throttled
        400 TooManyRequestsException                 Throttled
        429 TooManyRequestsException                 Throttled
        429 -                                        Throttled
        429 SomethingElse                            Throttled
        503 RequestLimitExceeded                     Throttled
        503 SlowDown                                 Throttled
        400 ConflictException                        Conflict
        409 ConflictException                        Conflict
        400 ConcurrentModificationException          Conflict
        400 ResourceNotFoundException                NotFound
        404 ResourceNotFoundException                NotFound
        400 AccountNotFoundException                 NotFound
        400 AccessDeniedException                    Refused
        403 AccessDenied                             Refused
        400 AWSOrganizationsNotInUseException        Refused
        400 ValidationException                      Refused
        400 InvalidInputException                    Refused
        400 ServiceQuotaExceededException            Refused
        400 UnrecognizedClientException              Refused
        400 InvalidSignatureException                Refused
        400 ExpiredTokenException                    Unreachable
        403 ExpiredToken                             Unreachable
        500 InternalServerException                  Unreachable
        400 InternalServerException                  Unreachable
        400 ServiceException                         Unreachable
        503 ServiceUnavailable                       Unreachable
        500 SomethingElse                            Unreachable
        502 -                                        Unreachable
        403 -                                        Unreachable
        400 -                                        Unreachable
    ";
    let mut wrong = Vec::new();
    for row in table.trim().lines() {
        let columns: Vec<_> = row.split_whitespace().collect();
        let name = Some(columns[1]).filter(|name| *name != "-");
        let got = format!("{:?}", kind(columns[0].parse().unwrap(), name, ""));
        if got != columns[2] {
            wrong.push(format!("{row}: got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_signature_refused_for_its_age_is_worth_another_try() {
    for (words, expected) in [
        (
            "Signature expired: 1 is now earlier than 2",
            CallFaultKind::Unreachable,
        ),
        (
            "Signature not yet current: 1 is still later",
            CallFaultKind::Unreachable,
        ),
        (
            "The request signature we calculated does not match",
            CallFaultKind::Refused,
        ),
    ] {
        let got = kind(400, Some("InvalidSignatureException"), words);
        assert_eq!(got, expected, "{words}");
    }
}

#[test]
fn what_the_service_says_of_us_is_an_answer_and_what_it_says_of_itself_is_silence() {
    for (status, code, is_silence) in [
        (403, Some("ExpiredToken"), false),
        (400, Some("ExpiredTokenException"), false),
        (400, Some("InvalidSignatureException"), false),
        (400, Some("AccessDeniedException"), false),
        (429, None, false),
        (400, Some("ResourceNotFoundException"), false),
        (500, Some("InternalServerException"), true),
        (503, Some("ServiceUnavailable"), true),
        (502, None, true),
    ] {
        let failure = CallFailure::answered(status, code, Some("Signature expired: 1"), None);
        assert_eq!(failure.is_silence(), is_silence, "{status} {code:?}");
    }
    assert!(CallFailure::timed_out(Duration::from_secs(10)).is_silence());
}

#[test]
fn decorations_are_stripped() {
    for (name, plain) in [
        ("ThrottlingException", "ThrottlingException"),
        ("aws.sso#ThrottlingException", "ThrottlingException"),
        (
            "ThrottlingException:http://internal.amazon.com/coral/x/",
            "ThrottlingException",
        ),
        ("a.b#c#ConflictException:x:y", "ConflictException"),
        ("", ""),
    ] {
        assert_eq!(plain_name(name), plain, "{name}");
    }
}

fn answered(
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
    body: &'static str,
) -> SdkError<DescribeUserError, HttpResponse> {
    let mut meta = ErrorMetadata::builder();
    if let Some(code) = code {
        meta = meta.code(code);
    }
    if let Some(message) = message {
        meta = meta.message(message);
    }
    let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    SdkError::service_error(DescribeUserError::generic(meta.build()), raw)
}

#[test]
fn the_wait_aws_asks_for_is_read_and_bounded() {
    for (body, seconds) in [
        (r#"{"RetryAfterSeconds":3}"#, Some(3)),
        (r#"{"RetryAfterSeconds":0}"#, None),
        (r#"{"RetryAfterSeconds":-1}"#, None),
        (r#"{"RetryAfterSeconds":99999999999}"#, Some(20)),
        (r#"{"Message":"Rate exceeded"}"#, None),
        ("not json", None),
    ] {
        let failure = CallFailure::of(&answered(400, Some("ThrottlingException"), None, body));
        assert_eq!(failure.retry_after.map(|d| d.as_secs()), seconds, "{body}");
        assert!(matches!(failure.fault, CenterFault::Throttled { .. }));
    }
}

#[test]
fn words_name_the_error_and_the_resource() {
    let body = r#"{"ResourceType":"USER","ResourceId":"u-1"}"#;
    let missing = answered(
        400,
        Some("ResourceNotFoundException"),
        Some("USER not found."),
        body,
    );
    assert_eq!(
        CallFailure::of(&missing).fault.to_string(),
        "USER u-1 does not exist"
    );
    let denied = answered(400, Some("AccessDeniedException"), Some("no"), "{}");
    assert_eq!(
        CallFailure::of(&denied).fault.to_string(),
        "AWS refused: AccessDeniedException: no"
    );
    let nameless = answered(418, None, None, "");
    assert_eq!(
        CallFailure::of(&nameless).fault.to_string(),
        "AWS could not be reached: HTTP status 418"
    );
}

#[test]
fn no_answer_is_unreachable_with_its_causes() {
    let refused = std::io::Error::other("connection refused");
    let error: SdkError<DescribeUserError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::io(refused.into()));
    let failure = CallFailure::of(&error);
    assert_eq!(failure.outcome(), "unreachable");
    assert!(failure.fault.to_string().contains("connection refused"));
    let error: SdkError<DescribeUserError, HttpResponse> = SdkError::timeout_error("slow");
    assert_eq!(CallFailure::of(&error).outcome(), "unreachable");
    let raw = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from("<html>"));
    let error: SdkError<DescribeUserError, HttpResponse> =
        SdkError::response_error("unexpected token", raw);
    assert_eq!(CallFailure::of(&error).outcome(), "unreachable");
    let error: SdkError<DescribeUserError, HttpResponse> = SdkError::construction_failure("bad");
    assert_eq!(CallFailure::of(&error).outcome(), "refused");
}

/// A process without descriptors cannot call: transient, and not a refusal.
#[test]
fn a_descriptor_that_cannot_be_had_is_worth_another_try() {
    let no_descriptors = || std::io::Error::from_raw_os_error(24);
    let no_socket: SdkError<DescribeUserError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::io(no_descriptors().into()));
    let no_name: SdkError<DescribeUserError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::other(no_descriptors().into(), None));
    for error in [no_socket, no_name] {
        let failure = CallFailure::of(&error);
        assert!(failure.is_passing(), "{failure:?}");
        assert_eq!(failure.outcome(), "unreachable");
        assert!(
            failure.fault.to_string().contains("open files"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_key_that_cannot_be_used_is_never_taken_for_what_was_asked_for() {
    let table = "
        AccessDeniedException      KMS_AccessDeniedException     KeyUnusable
        AccessDeniedException      KMS_ACCESS_DENIED             KeyUnusable
        ResourceNotFoundException  KMS_NotFoundException         KeyUnusable
        ResourceNotFoundException  KMS_KEY_NOT_FOUND             KeyUnusable
        ValidationException        KMS_DisabledException         KeyUnusable
        ValidationException        KMS_DISABLED                  KeyUnusable
        ValidationException        KMS_InvalidStateException     KeyUnusable
        ValidationException        KMS_INVALID_STATE             KeyUnusable
        ValidationException        KMS_InvalidKeyUsageException  KeyUnusable
        ValidationException        KMS_INVALID_KEY_USAGE         KeyUnusable
        ValidationException        KMS_INVALID_ARN               KeyUnusable
        ThrottlingException        KMS_ThrottlingException       Throttled
        ThrottlingException        KMS_THROTTLING                Throttled
        ConflictException          UNIQUENESS_CONSTRAINT_VIOLATION Conflict
        ResourceNotFoundException  -                             NotFound
    ";
    let mut wrong = Vec::new();
    for row in table.trim().lines() {
        let columns: Vec<_> = row.split_whitespace().collect();
        for member in ["Reason", "reason"] {
            let body = format!(r#"{{"{member}":"{}"}}"#, columns[1]);
            let error = answered(400, Some(columns[0]), Some("no"), body.leak());
            let failure = CallFailure::of(&error);
            let got = format!("{:?}", failure.fault);
            let got = got.split(' ').next().unwrap_or_default();
            let is_told = failure.code.as_deref() == Some(columns[1]);
            if got != columns[2] || is_told != (columns[2] == "KeyUnusable") {
                wrong.push(format!("{member}, {row}: got {failure:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_violated_constraint_is_named() {
    let words = |code: &str, body: &str| {
        let answer = ErrorAnswer {
            code: Some(code.to_owned()),
            message: Some("You have exceeded the content limit for a policy.".to_owned()),
            ..ErrorAnswer::read(400, None, body.as_bytes())
        };
        CallFailure::from(answer).fault.to_string()
    };
    let body = r#"{"Message": "x", "Reason": "POLICY_CONTENT_LIMIT_EXCEEDED"}"#;
    let named = words("ConstraintViolationException", body);
    let expected = "ConstraintViolationException (POLICY_CONTENT_LIMIT_EXCEEDED): You have";
    assert!(named.contains(expected), "{named}");
    let other = words("InvalidInputException", body);
    assert!(other.contains("InvalidInputException: You"), "{other}");
    let bare = words("ConstraintViolationException", "{}");
    assert!(bare.contains("ConstraintViolationException: You"), "{bare}");
}
