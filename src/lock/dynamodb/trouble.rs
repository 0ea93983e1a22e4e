//! What an answer of AWS means that is not the one that was hoped for. Pure: an error in, meaning out.
//!
//! What decides is whether something may have been changed. Only what a server has refused with a code
//! that says so, or what never reached one, has certainly changed nothing.

use std::error::Error as StdError;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::lock::DynamoError;
use crate::lock::record::escape;

/// What went wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It will be refused again. Nothing was changed.
    Refused(DynamoError),
    /// Too many requests; nothing was changed. AWS's code.
    Throttled(String),
    /// Somebody changes the same items in a transaction right now. Nothing was changed.
    Busy,
    /// Nobody was reached. Nothing was changed.
    NotSent(String),
    /// It cannot be told whether it was done.
    Open(String),
}

impl Trouble {
    /// Whether a request that has met this so often is said again. Who does not answer takes long to
    /// do so; who has too much to do says it at once.
    pub(super) const fn passes(&self, met: usize) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::NotSent(_) | Self::Open(_) => met < 3,
            Self::Throttled(_) | Self::Busy => true,
        }
    }
}

/// What was asked, for messages.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The permission that it needs.
    pub(super) action: &'static str,
    /// The table.
    pub(super) table: &'a str,
    /// The region.
    pub(super) region: &'a str,
    /// The profile that gave the credentials, where the AWS command line would not take it by itself.
    pub(super) profile: Option<&'a str>,
}

impl Asked<'_> {
    fn reads(self) -> bool {
        matches!(self.action, "dynamodb:GetItem" | "dynamodb:BatchGetItem")
    }
}

/// What an error means.
pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, asked: Asked<'_>) -> Trouble
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let answer = service.err();
            of_answer(status, answer.code(), answer.message().unwrap_or_default(), asked)
        }
        SdkError::ResponseError(answer) => match answer.raw().status().as_u16() {
            // Done, and the answer was torn on its way; or somebody else answers.
            200..300 => Trouble::Open("the answer cannot be read to its end".to_owned()),
            status => of_answer(status, None, "the answer is not DynamoDB's", asked),
        },
        SdkError::DispatchFailure(failure) => {
            let words = failure.as_connector_error().map_or_else(|| chain(error), |error| chain(error));
            if never_connected(error) { Trouble::NotSent(words) } else { Trouble::Open(words) }
        }
        SdkError::ConstructionFailure(_) => Trouble::NotSent(chain(error)),
        // A time-out, and what a later SDK may add.
        _ => Trouble::Open(chain(error)),
    }
}

/// What a server's refusal means, by its code; by the HTTP status where there is none.
pub(super) fn of_answer(status: u16, code: Option<&str>, message: &str, asked: Asked<'_>) -> Trouble {
    let table = asked.table.to_owned();
    // As a shape's name: `com.amazonaws.dynamodb.v20120810#ThrottlingException`.
    let code = code.map(|code| code.rsplit('#').next().unwrap_or(code));
    let refused = Trouble::Refused;
    match code {
        Some(
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "ThrottledException"
            | "TooManyRequestsException",
        ) => Trouble::Throttled(escape(code.unwrap_or_default())),
        Some(
            "TransactionConflictException"
            | "TransactionConflict"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException",
        ) => Trouble::Busy,
        _ if status >= 500 => Trouble::Open(match code {
            Some(code) => format!("AWS answered {status} ({})", escape(code)),
            None => format!("AWS answered {status}"),
        }),
        Some("ResourceNotFoundException") => {
            refused(DynamoError::NoTable { table, region: asked.region.to_owned() })
        }
        Some(
            "AccessDeniedException" | "AccessDenied" | "NotAuthorizedException" | "UnauthorizedOperation",
        ) => refused(DynamoError::AccessDenied { action: asked.action, table, message: words(message) }),
        Some(code) if is_about_credentials(code) => refused(DynamoError::BadCredentials {
            code: escape(code),
            profile: asked.profile.map(str::to_owned),
        }),
        // A read names nothing but keys, which are ours.
        Some("ValidationException") if is_about_the_key(message) || asked.reads() => {
            refused(DynamoError::OtherKey { table })
        }
        _ => {
            let code = code.map_or_else(|| format!("HTTP {status}"), escape);
            refused(DynamoError::Rejected { action: asked.action, table, code, message: words(message) })
        }
    }
}

fn is_about_credentials(code: &str) -> bool {
    const CODES: &[&str] = &[
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
        "RequestTimeTooSkewed",
    ];
    CODES.contains(&code)
}

fn is_about_the_key(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "does not match the schema",
        "missing the key",
        "type mismatch for key",
        "key schema",
        "number of conditions on the keys",
    ]
    .iter()
    .any(|text| message.contains(text))
}

/// Whether not even a connection was made.
fn never_connected(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The innermost reasons of an error, outermost first, as one bounded line.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = error.source().or(Some(error));
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
        next = error.source();
    }
    // The outer ones name layers of the SDK, the inner ones what happened.
    let from = texts.len().saturating_sub(2);
    words(&texts[from..].join(": "))
}

/// A text of AWS for people: one line, bounded.
pub(super) fn words(text: &str) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = flat.join(" ");
    let mut parts = String::new();
    // `escape` is bounded for names; what AWS says about rights needs a little more.
    for part in flat.chars().collect::<Vec<_>>().chunks(200).take(2) {
        parts.push_str(&escape(&part.iter().collect::<String>()));
    }
    if parts.is_empty() { "no further words".to_owned() } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> =
        Asked { action: "dynamodb:PutItem", table: "locks", region: "eu-west-1", profile: None };

    fn refusal(status: u16, code: &str, message: &str) -> DynamoError {
        match of_answer(status, Some(code), message, ASKED) {
            Trouble::Refused(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_may_have_been_done_is_told_from_what_was_not() {
        for code in ["ProvisionedThroughputExceededException", "com.amazonaws#ThrottlingException"] {
            assert!(matches!(of_answer(400, Some(code), "", ASKED), Trouble::Throttled(_)), "{code}");
        }
        assert_eq!(of_answer(400, Some("TransactionConflictException"), "", ASKED), Trouble::Busy);
        for code in [Some("InternalServerError"), Some("ServiceUnavailable"), None] {
            assert!(matches!(of_answer(500, code, "", ASKED), Trouble::Open(_)), "{code:?}");
        }
        // A server that is overwhelmed says so before it does anything.
        assert!(matches!(of_answer(503, Some("ThrottlingException"), "", ASKED), Trouble::Throttled(_)));
    }

    #[test]
    fn every_cause_has_its_own_error() {
        assert!(matches!(refusal(400, "ResourceNotFoundException", ""), DynamoError::NoTable { .. }));
        for code in ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"] {
            let error = refusal(400, code, "The Canonical String was x-amz-security-token:hunter2");
            assert!(matches!(&error, DynamoError::BadCredentials { code: c, .. } if c == code), "{error:?}");
            assert!(!format!("{error} {:?}", error.cure()).contains("hunter2"));
        }
        let said = "User: arn:aws:iam::1:user/ana is not authorized to perform: dynamodb:PutItem\u{1b}[2J";
        let error = refusal(400, "AccessDeniedException", said).to_string();
        assert!(error.contains("dynamodb:PutItem") && error.contains("user/ana"), "{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
        let other = "The provided key element does not match the schema";
        assert!(matches!(refusal(400, "ValidationException", other), DynamoError::OtherKey { .. }));
        assert!(matches!(refusal(400, "ValidationException", "x"), DynamoError::Rejected { .. }));
        let read = Asked { action: "dynamodb:BatchGetItem", ..ASKED };
        let said = of_answer(400, Some("ValidationException"), "Validation Exception", read);
        assert!(matches!(said, Trouble::Refused(DynamoError::OtherKey { .. })));
        let page = of_answer(404, None, "<html>", ASKED);
        assert!(matches!(page, Trouble::Refused(DynamoError::Rejected { code, .. }) if code == "HTTP 404"));
    }

    #[test]
    fn words_from_elsewhere_are_one_bounded_line() {
        let said = words(&"a\n\u{1b}[2Jb ".repeat(1000));
        assert!(said.len() < 4000 && !said.chars().any(char::is_control), "{}", said.len());
        assert_eq!(words(" \n "), "no further words");
    }
}
