//! A word with colons and the command that it stands for say the same.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use libfuzzer_sys::fuzz_target;
use lockstep::workflow::parse;

fuzz_target!(|bytes: &[u8]| {
    let word = OsString::from_vec(bytes.to_vec());
    if let Some(Some(argv)) = parse::command(&word) {
        let printed = parse::print(&argv);
        assert_eq!(parse::command(&printed), Some(Some(argv)), "{printed:?}");
    }
    let _ = parse::quote(&word);
});
