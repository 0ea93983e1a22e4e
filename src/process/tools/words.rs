//! Reading a tool's arguments without knowing its grammar: only what is certain.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// What follows the options at the front. An option is passed over only if it is self-contained
/// (`-chdir=x`, `--x=y`) or one of `valued`, which take the next argument; at any other option
/// nothing follows, for the next word may be its value (`kubectl -v get delete`).
pub(super) fn after_options<'a>(args: &'a [OsString], valued: &[&str]) -> &'a [OsString] {
    let mut rest = args;
    loop {
        rest = match rest {
            [first, tail @ ..] if is_option(first) => {
                let bytes = first.as_bytes();
                if bytes.contains(&b'=') {
                    tail
                } else if valued.iter().any(|option| first == option) {
                    tail.get(1..).unwrap_or_default()
                } else {
                    return &[];
                }
            }
            _ => return rest,
        };
    }
}

/// Whether the words of `entry` are the first of `args`.
pub(super) fn begins_with(args: &[OsString], entry: &str) -> bool {
    let mut args = args.iter();
    !entry.is_empty() && entry.split(' ').all(|word| args.next().is_some_and(|arg| arg == word))
}

/// Whether an option is given before any `--`: `option`, with one dash or two, alone or with `=`
/// and a value that does not switch it off.
pub(super) fn has_option(args: &[OsString], option: &str) -> bool {
    let name = option.trim_start_matches('-');
    args.iter().take_while(|arg| *arg != "--").any(|arg| {
        let text = arg.as_bytes();
        let Some(text) = text.strip_prefix(b"--").or_else(|| text.strip_prefix(b"-")) else { return false };
        match text.strip_prefix(name.as_bytes()) {
            Some(b"") => true,
            Some(value) => {
                value.first() == Some(&b'=') && !matches!(value, b"=false" | b"=0" | b"=f" | b"=F")
            }
            None => false,
        }
    })
}

fn is_option(arg: &OsStr) -> bool {
    arg.as_bytes().starts_with(b"-") && arg.len() > 1 && arg != "--"
}
