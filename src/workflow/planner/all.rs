//! Whether a request builds everything that there is.

use crate::workflow::{Call, Request, Role};

/// What is not made then is made by nothing.
pub(super) fn builds_all(calls: &[Call], finally: &[Call], request: &Request) -> bool {
    let looks = |call: &Call| matches!(call.step.role(), Role::Build | Role::Check | Role::Inspect);
    request.module == "*"
        && request.profile == "*"
        && request.options.affected.is_none()
        && request.options.print.is_none()
        && calls.iter().chain(finally).all(looks)
        && calls.iter().any(|call| call.step.role() == Role::Build)
}
