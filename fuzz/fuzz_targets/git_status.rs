//! Whatever git, or something in its place, prints as its status: read or refused, never a panic; and
//! only what says nothing at all is clean.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockstep::git::{Status, printable};

fuzz_target!(|bytes: &[u8]| {
    if let Some(status) = Status::parse(bytes) {
        let _ = status.is_clean();
    }
    assert!(!printable(bytes).chars().any(char::is_control), "a name can act on the terminal");
});
