//! Texts from elsewhere act on nothing.

use proptest::prelude::*;

use super::*;

/// What is tried on each function: characters that act, commands of CI services, and all else.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("::error::x"),
        Just("##[add-mask]x"),
        Just("##vso[task.x]"),
        Just("##teamcity[x]"),
        Just("###[x"),
        Just("\n"),
        Just("\r\n"),
        Just("  "),
        Just("\u{a0}"),
        Just("\u{2028}"),
        Just("\u{1b}[2J"),
        Just("\u{1b}[31m"),
        Just("\u{9b}1m"),
        Just("\u{202e}"),
        Just("\u{2066}"),
        Just("\u{200f}"),
        Just("\u{61c}"),
        Just("'"),
        Just("\\"),
        Just("a"),
        Just("#"),
        Just(":"),
    ];
    prop_oneof![proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat()), any::<String>(),]
}

/// Whether a runner would take any line for a command.
fn commands(text: &str) -> bool {
    text.lines().any(|line| {
        let mark = |at: usize| is_mark(&line[at..]);
        line.trim_start().starts_with("::") || line.match_indices("##").any(|(at, _)| mark(at))
    })
}

fn acts(text: &str) -> bool {
    text.chars().any(|c| !is_harmless(c))
}

#[test]
fn what_people_write_stays() {
    for text in ["main.tf — \"ümlaut\" e\u{301} \\d", "a::b ## c", "x: [1]", "10.0.0.0/8 ::1"] {
        assert_eq!(for_log(text), text);
        assert_eq!(one_line(text), text);
    }
    assert_eq!(for_log("\u{1b}[1;31merror:\u{1b}[0m x\n\ty"), "\u{1b}[1;31merror:\u{1b}[0m x\n\ty");
}

#[test]
fn what_acts_is_shown() {
    assert_eq!(for_log("a\n  ::error::x"), "a\n  \\u{3a}:error::x");
    assert_eq!(for_log("x ##[add-mask]y ###[z"), "x #\\u{23}[add-mask]y ##\\u{23}[z");
    assert_eq!(for_log("b\u{202e}\u{1b}[2J\u{1b}]0;t\u{7}"), "b\\u{202e}\\u{1b}[2J\\u{1b}]0;t\\u{7}");
    assert_eq!(one_line("a\u{1b}\n\tb"), "a\\u{1b}\\n\\tb");
    assert_eq!(indented("one\n::two\n"), "one\n  ::two");
    assert_eq!(short("abc", 2), "ab…");
    assert_eq!(printable(b"a b\n\"c\"\xff\\\x1b"), "a b\\n\"c\"\\xff\\\\\\u{1b}");
    assert_eq!(json("{\"a\": \"##[x \u{202e}\"}"), "{\"a\": \"\\u0023#[x \\u202e\"}");
    assert_eq!(shell_shown("-a\u{202e}'"), "$'-a\\U0000202e\\''");
    assert_eq!(shell("a b"), "'a b'");
}

proptest! {
    #[test]
    fn no_line_acts_on_a_terminal_or_commands_a_service(text in hostile()) {
        let shown = for_log(&text);
        prop_assert!(!commands(&shown), "{shown:?}");
        // Of what acts only line ends, tabs and colours are left.
        let mut plain = String::new();
        let mut rest: &str = &shown;
        while let Some(c) = rest.chars().next() {
            let length = color(rest);
            if length == 0 && !matches!(c, '\n' | '\t') {
                plain.push(c);
            }
            rest = &rest[length.max(c.len_utf8())..];
        }
        prop_assert!(!acts(&plain), "{shown:?}");
        prop_assert_eq!(&for_log(&shown), &shown);
    }

    #[test]
    fn a_text_that_becomes_one_line_is_one(text in hostile()) {
        for shown in [one_line(&text), short(&text, 9), printable(text.as_bytes()), shell_shown(&text)] {
            prop_assert!(!acts(&shown), "{shown:?}");
        }
        prop_assert!(indented(&text).lines().skip(1).all(|line| line.starts_with("  ")));
        prop_assert!(!acts(&indented(&text).replace('\n', "")));
    }

    #[test]
    fn json_says_the_same_and_does_nothing(text in hostile()) {
        let shown = json(&serde_json::to_string_pretty(&[&text]).unwrap());
        prop_assert!(!acts(&shown.replace('\n', "")) && !commands(&shown), "{shown:?}");
        prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
    }

    #[test]
    fn a_bounded_text_is_short(text: String, most in 0_usize..9) {
        prop_assert!(short(&text, most).chars().count() <= most * 10 + 1);
    }
}
