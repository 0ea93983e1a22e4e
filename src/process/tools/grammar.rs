//! Reading a tool's arguments: which are words, which are options, and which are an option's value.
//!
//! What follows an option of which nothing is known may be its value. Such an argument is neither certainly a
//! word nor certainly none, and who asks gets the answers of all ways to read it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use super::data::ToolData;

/// More uncertain words than this are not tried out: there are two ways to read each.
const MAX_UNCERTAIN: usize = 5;
/// The subcommand of a tool is among its first words.
const FIRST_WORDS: usize = 8;

/// How certainly an option must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// It is an option, and no value of another one.
    Certainly,
    /// It may be.
    Possibly,
}

/// A tool's arguments, read.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    /// The first words, each with whether it is certainly one.
    words: Vec<(&'a str, bool)>,
    options: Vec<Given<'a>>,
    /// A word is no text: nothing after it is known to be a subcommand.
    odd: bool,
}

#[derive(Debug)]
struct Given<'a> {
    /// Without its dashes.
    name: &'a [u8],
    value: Option<&'a [u8]>,
    certain: bool,
}

/// How the options of a tool are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `-chdir=x`: a name of many letters behind one dash.
    Long,
    /// `-it`, `-nweb`: letters that may stand together, the last with its value.
    Letters,
}

impl<'a> Reading<'a> {
    /// Reads arguments; those from the environment come first, so that what is typed decides.
    pub(super) fn of(tool: &ToolData, environment: &'a [OsString], args: &'a [OsString]) -> Self {
        let mut reading = Self::default();
        // What stands in the environment is options; its words come after those that are typed.
        let mut later = Self::default();
        later.read(tool, environment);
        reading.options = later.options;
        reading.read(tool, args);
        let room = FIRST_WORDS.saturating_sub(reading.words.len());
        reading.words.extend(later.words.into_iter().take(room));
        reading
    }

    fn read(&mut self, tool: &ToolData, args: &'a [OsString]) {
        let style = style(tool);
        let mut args = args.iter().peekable();
        let mut only_words = false;
        // What comes next may be the value of an option that nobody knows.
        let mut maybe_value = false;
        while let Some(arg) = args.next() {
            let bytes = arg.as_bytes();
            let certain = !std::mem::take(&mut maybe_value);
            if bytes == b"--" && !only_words {
                only_words = !tool.passes_on;
                continue;
            }
            if only_words || bytes.first() != Some(&b'-') || bytes.len() == 1 {
                // What a tool makes of a subcommand behind `--` is its own affair.
                self.word(arg, certain && !only_words);
                continue;
            }
            let value = |args: &mut std::iter::Peekable<std::slice::Iter<'a, OsString>>| {
                args.next().map(|value| value.as_bytes())
            };
            let dashes = if bytes.starts_with(b"--") { 2 } else { 1 };
            if let Some(at) = bytes.iter().position(|byte| *byte == b'=') {
                let (name, value) = (&bytes[dashes..at], Some(&bytes[at + 1..]));
                self.options.push(Given { name, value, certain });
                continue;
            }
            let name = &bytes[dashes..];
            if is_listed(&tool.values, bytes, style) {
                let value = value(&mut args);
                self.options.push(Given { name, value, certain });
            } else if style == Style::Letters && dashes == 1 && name.len() > 1 {
                maybe_value = self.letters(tool, name, certain, &mut args);
            } else {
                self.options.push(Given { name, value: None, certain });
                maybe_value = !is_flag(tool, bytes, style);
            }
        }
    }

    /// Letters behind one dash; whether what follows may be the value of the last one.
    fn letters(
        &mut self,
        tool: &ToolData,
        letters: &'a [u8],
        certain: bool,
        args: &mut std::iter::Peekable<std::slice::Iter<'a, OsString>>,
    ) -> bool {
        for at in 0..letters.len() {
            let (name, rest) = (&letters[at..=at], &letters[at + 1..]);
            let written = [b'-', letters[at]];
            if is_listed(&tool.values, &written, Style::Letters) {
                let value = if rest.is_empty() { args.next().map(|arg| arg.as_bytes()) } else { Some(rest) };
                self.options.push(Given { name, value, certain });
                return false;
            }
            // Behind a letter that nobody knows all may be its value.
            let is_known = is_flag(tool, &written, Style::Letters);
            self.options.push(Given { name, value: None, certain });
            if !is_known {
                for at in 0..rest.len() {
                    self.options.push(Given { name: &rest[at..=at], value: None, certain: false });
                }
                return rest.is_empty();
            }
        }
        false
    }

    fn word(&mut self, arg: &'a OsString, certain: bool) {
        if self.odd || self.words.len() >= FIRST_WORDS {
            return;
        }
        match arg.to_str() {
            Some(word) => self.words.push((word, certain)),
            None => self.odd = true,
        }
    }

    /// The ways to read the first words; none if there are too many to be tried.
    pub(super) fn ways(&self) -> Option<Vec<Vec<&'a str>>> {
        let uncertain = self.words.iter().filter(|(_, certain)| !certain).count();
        if uncertain > MAX_UNCERTAIN {
            return None;
        }
        let mut ways = vec![Vec::new()];
        for (word, certain) in &self.words {
            let without = if *certain { Vec::new() } else { ways.clone() };
            for way in &mut ways {
                way.push(*word);
            }
            ways.extend(without);
        }
        Some(ways)
    }

    /// The value of an option: that of the last one.
    pub(super) fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.options.iter().rfind(|option| option.name == name.as_bytes())?.value
    }

    /// Whether an option is given, with this value if it must have one. What switches it off counts.
    pub(super) fn has(&self, name: &str, value: Option<&str>, sure: Sure) -> bool {
        let mut all = self.options.iter().filter(|option| option.name == name.as_bytes());
        match (value, sure) {
            (None, Sure::Possibly) => all.any(Given::is_on),
            // The last one decides.
            (None, Sure::Certainly) => all.rfind(|option| option.certain).is_some_and(Given::is_on),
            (Some(value), Sure::Possibly) => all.any(|option| option.is(value)),
            (Some(value), Sure::Certainly) => {
                all.rfind(|option| option.certain).is_some_and(|option| option.is(value))
            }
        }
    }
}

impl Given<'_> {
    /// Whether it has this value; `*` in front stands for anything.
    fn is(&self, wanted: &str) -> bool {
        self.value.is_some_and(|value| match wanted.strip_prefix('*') {
            Some(end) => value.ends_with(end.as_bytes()),
            None => value == wanted.as_bytes(),
        })
    }

    fn is_on(&self) -> bool {
        !matches!(self.value, Some(b"false" | b"0" | b"f" | b"F" | b"FALSE" | b"False"))
    }
}

fn style(tool: &ToolData) -> Style {
    if tool.one_dash { Style::Long } else { Style::Letters }
}

fn is_listed(list: &[String], option: &[u8], style: Style) -> bool {
    let bare = |option: &[u8]| option.iter().position(|byte| *byte != b'-').unwrap_or(option.len());
    list.iter().any(|own| match style {
        // One dash or two are the same to it.
        Style::Long => own.as_bytes()[bare(own.as_bytes())..] == option[bare(option)..],
        Style::Letters => own.as_bytes() == option,
    })
}

/// Whether an option is known to take no value.
fn is_flag(tool: &ToolData, option: &[u8], style: Style) -> bool {
    let listed = || {
        let lists = [&tool.dry, &tool.down, &tool.reads, &tool.prepares];
        lists.into_iter().flatten().filter_map(|pattern| pattern.option.as_ref()).any(|(name, value)| {
            value.is_none() && name.as_bytes() == &option[option.iter().take_while(|b| **b == b'-').count()..]
        })
    };
    is_listed(&tool.flags, option, style) || listed()
}
