//! A walk through one tag that finds the operands beside `~`, and whatever else `checks` adds something to.
//!
//! Operands are told apart by what cannot stand in one: the operators that bind less than `~`, commas, the
//! words of statements.

use std::ops::Range;

use super::checks::{Added, DEEPEST, OPEN, Refused};
use super::tags::{Sort, Token};

const AS_TEXT: &str = ")|lockstep.text";
const AS_SET: &str = ")|lockstep.set";
const AS_HELD: &str = ")|lockstep.held";
const AS_STEP: &str = ")|lockstep.step";
const UNCLEAR: &str = " \"\"|lockstep.unclear ~";
const NO_CYCLE: &str = "\"\"|lockstep.cycle";

/// What is known of the operand that is being read, between two brackets.
#[derive(Default)]
struct Level {
    /// The operand, if one has begun.
    operand: Option<Range<usize>>,
    /// One literal and nothing else.
    is_literal: bool,
    /// Where it ends is not certain.
    unclear: bool,
    /// Where the `~` before it ends.
    tilde: Option<usize>,
    /// The last token ends an operand, as far as it goes.
    complete: bool,
    /// The next word is the name of an attribute, a filter or a test.
    name: Option<Name>,
    /// `not` was the last word.
    negated: bool,
    /// Operators since the last comma.
    deep: usize,
    /// The largest `deep` of all.
    deepest: usize,
    /// It is the brackets of a slice, and of so many colons.
    colons: usize,
    is_index: bool,
    /// Where the step of a slice begins.
    step: Option<usize>,
    /// The operator before what binds closer than any, and where the token before this one ends.
    operator: Operator,
    end: usize,
    /// It is one number as it is written.
    is_number: bool,
}

/// What an operator may make of its sides.
#[derive(Clone, Copy, Default, PartialEq)]
enum Operator {
    /// Nothing that takes more memory, or there is none.
    #[default]
    Other,
    /// `/`, `//`, `%`, `**`: numbers, and nobody knows which.
    Number,
    /// `+`
    Plus,
    /// `*`
    Times,
}

#[derive(Clone, Copy, PartialEq)]
enum Name {
    Attribute,
    Filter,
    Test,
}

/// A walk through the tokens of one tag.
pub(super) struct Walk<'t, 'a> {
    text: &'t str,
    is_statement: bool,
    added: &'a mut Vec<Added>,
    outer: Vec<Level>,
    level: Level,
    deep: usize,
    /// The last token was `.cycle`.
    cycle: bool,
    /// A statement `set` with an attribute as its target, and where its value begins.
    sets: bool,
    dotted: bool,
    held: Option<usize>,
}

impl<'t, 'a> Walk<'t, 'a> {
    pub(super) fn new(text: &'t str, is_statement: bool, added: &'a mut Vec<Added>) -> Self {
        let (outer, level) = (Vec::new(), Level::default());
        Self {
            text,
            is_statement,
            added,
            outer,
            level,
            deep: 0,
            cycle: false,
            sets: false,
            dotted: false,
            held: None,
        }
    }

    pub(super) fn through(mut self, tokens: &[Token]) -> Result<(), Refused> {
        for (index, token) in tokens.iter().enumerate() {
            let word = &self.text[token.at.clone()];
            if index == 0 && self.is_statement && token.sort == Sort::Word {
                self.sets = word == "set";
                continue;
            }
            if self.held.is_none() && self.sets && self.outer.is_empty() {
                match word {
                    "." => self.dotted = true,
                    "=" => self.held = tokens.get(index + 1).map(|next| next.at.start),
                    _ => {}
                }
            }
            let cycle = std::mem::take(&mut self.cycle);
            self.side(token, word);
            match (token.sort, word) {
                (Sort::Word, _) => self.word(word, token),
                (Sort::Number | Sort::Quoted, _) => self.literal(token),
                (Sort::Sign, "(" | "[" | "{") => {
                    if cycle && word == "(" {
                        self.check_cycle(token, tokens.get(index + 1));
                    }
                    self.open(word.as_bytes()[0], token);
                }
                (Sort::Sign, _) => self.sign(word, token, tokens.get(index + 1)),
            }
            self.deep_enough(token)?;
            self.level.end = token.at.end;
        }
        self.end_side(Operator::Other);
        self.end_operand(None);
        if let (Some(begin), Some(last)) = (self.held, tokens.last()) {
            self.wrap(begin..last.at.end, if self.dotted { AS_HELD } else { AS_SET });
        }
        Ok(())
    }

    /// Before a token is read: it may end a side of `+` or `*`.
    fn side(&mut self, token: &Token, word: &str) {
        let level = &mut self.level;
        if !level.complete || level.name.is_some() {
            level.is_number = token.sort == Sort::Number && level.name.is_none();
            return;
        }
        match (token.sort, word) {
            (Sort::Sign, "." | "|" | "(" | "[" | "{") => level.is_number = false,
            (Sort::Sign, "+") => self.end_side(Operator::Plus),
            (Sort::Sign, "*") => self.end_side(Operator::Times),
            (Sort::Sign, "/" | "//" | "%" | "**") => self.end_side(Operator::Number),
            (Sort::Word, "is") => {}
            _ => self.end_side(Operator::Other),
        }
    }

    /// A side is over; `after` comes behind it.
    fn end_side(&mut self, after: Operator) {
        let level = &mut self.level;
        let before = std::mem::replace(&mut level.operator, after);
        if !level.complete || level.unclear {
            // Nobody knows what an operator behind it multiplies.
            if after == Operator::Times {
                level.operator = Operator::Other;
            }
            return;
        }
        let check = match (before, after) {
            (Operator::Times, Operator::Times) => "|lockstep.between",
            (Operator::Times, Operator::Number) => "|lockstep.after_unclear",
            (Operator::Times, _) => "|lockstep.after",
            (Operator::Number, Operator::Times) => "|lockstep.before_unclear",
            (_, Operator::Times) => "|lockstep.before",
            (Operator::Plus, _) | (_, Operator::Plus) if !level.is_number => "|lockstep.term",
            _ => return,
        };
        let at = level.end;
        self.added.push(Added { at, text: check.into(), about: at.saturating_sub(1)..at });
    }

    fn deep_enough(&self, token: &Token) -> Result<(), Refused> {
        if self.deep + self.level.deep > DEEPEST {
            return Err(Refused {
                at: token.at.clone(),
                why: "more than 400 operators in one another: name the parts with `{% set %}` or in parameters",
            });
        }
        Ok(())
    }

    fn word(&mut self, word: &str, token: &Token) {
        let level = &mut self.level;
        let negated = std::mem::take(&mut level.negated);
        if let Some(name) = level.name {
            if name == Name::Test && word == "not" {
                return;
            }
            level.name = None;
            self.cycle = name == Name::Attribute && word == "cycle";
            self.part(token, true);
            return;
        }
        let in_statement = self.is_statement && self.outer.is_empty();
        match word {
            "in" if negated => self.boundary(),
            "and" | "or" | "if" | "else" | "in" if level.complete => self.boundary(),
            "not" => {
                level.negated = level.complete;
                self.boundary();
            }
            "is" if level.complete => {
                level.unclear = true;
                level.name = Some(Name::Test);
                self.part(token, false);
                self.level.deep += 1;
            }
            "as" | "import" | "ignore" | "missing" | "with" | "without" | "context" | "recursive"
                if in_statement && level.complete =>
            {
                self.end_operand(None);
            }
            "and" | "or" | "if" | "else" | "in" | "is" => {
                level.unclear = true;
                self.part(token, true);
            }
            _ => {
                level.unclear |= level.complete;
                level.is_literal = false;
                self.part(token, true);
            }
        }
    }

    fn literal(&mut self, token: &Token) {
        let level = &mut self.level;
        let is_index = level.name.take() == Some(Name::Attribute);
        level.unclear |= level.complete && token.sort == Sort::Number && !is_index;
        let first = level.operand.is_none();
        self.part(token, true);
        self.level.is_literal = first;
    }

    fn sign(&mut self, sign: &str, token: &Token, next: Option<&Token>) {
        match sign {
            ")" | "]" | "}" => self.close(token),
            "." => {
                self.level.name = Some(Name::Attribute);
                self.part(token, false);
                self.level.deep += 1;
            }
            "|" => {
                self.level.name = Some(Name::Filter);
                self.part(token, false);
                self.level.deep += 1;
            }
            "~" => {
                self.end_operand(Some(token.at.end));
                self.level.deep += 1;
            }
            "*" | "**" | "/" | "//" | "%" if self.level.complete => {
                self.part(token, false);
                self.level.deep += 1;
            }
            // A test may take a number below zero without brackets.
            "-" if !self.level.complete || self.level.unclear => {
                self.part(token, false);
                self.level.deep += 1;
            }
            "," | ":" => {
                self.end_operand(None);
                let level = &mut self.level;
                level.deepest = level.deepest.max(std::mem::take(&mut level.deep));
                if sign == ":" && level.is_index {
                    level.colons += 1;
                    if level.colons == 2 {
                        level.step = next.map(|next| next.at.start);
                    }
                }
            }
            _ => self.boundary(),
        }
    }

    /// A token of an operand.
    fn part(&mut self, token: &Token, complete: bool) {
        let level = &mut self.level;
        let begin = level.operand.as_ref().map_or(token.at.start, |operand| operand.start);
        level.operand = Some(begin..token.at.end);
        level.is_literal = false;
        level.complete = complete;
    }

    fn boundary(&mut self) {
        self.end_operand(None);
        self.level.deep += 1;
    }

    /// An operand is over, perhaps because of a `~`.
    fn end_operand(&mut self, tilde: Option<usize>) {
        let level = &mut self.level;
        let (operand, before) = (level.operand.take(), std::mem::replace(&mut level.tilde, tilde));
        let clear = level.complete && !std::mem::take(&mut level.unclear);
        let is_literal = std::mem::take(&mut level.is_literal);
        (level.complete, level.name) = (false, None);
        let Some(beside) = before.or(tilde) else { return };
        match operand {
            Some(_) if clear && is_literal => {}
            Some(operand) if clear => self.wrap(operand, AS_TEXT),
            _ => self.added.push(Added { at: beside, text: UNCLEAR.into(), about: beside - 1..beside }),
        }
    }

    fn wrap(&mut self, range: Range<usize>, check: &'static str) {
        self.added.push(Added { at: range.start, text: OPEN.into(), about: range.clone() });
        self.added.push(Added { at: range.end, text: check.into(), about: range });
    }

    fn check_cycle(&mut self, open: &Token, next: Option<&Token>) {
        let Some(next) = next else { return };
        let text = match &self.text[next.at.clone()] {
            ")" => NO_CYCLE,
            "*" | "**" => "\"\"|lockstep.cycle,",
            _ => return,
        };
        self.added.push(Added { at: open.at.end, text: text.into(), about: open.at.start..next.at.end });
    }

    fn open(&mut self, bracket: u8, token: &Token) {
        let is_postfix = self.level.complete;
        // Only a test has a table beside it without a sign between them.
        self.level.unclear |= is_postfix && bracket == b'{';
        self.level.deep += usize::from(is_postfix);
        self.part(token, false);
        self.deep += self.level.deep;
        let inner = Level { is_index: is_postfix && bracket == b'[', ..Level::default() };
        self.outer.push(std::mem::replace(&mut self.level, inner));
    }

    fn close(&mut self, token: &Token) {
        self.end_operand(None);
        let Some(outer) = self.outer.pop() else { return };
        let inner = std::mem::replace(&mut self.level, outer);
        self.deep -= self.level.deep;
        if let Some(begin) = inner.step.filter(|begin| *begin < token.at.start) {
            let end = begin + self.text[begin..token.at.start].trim_end().len();
            self.wrap(begin..end, AS_STEP);
        }
        // What stands in brackets may be the innermost of all that follows.
        self.level.deep += inner.deepest.max(inner.deep);
        self.part(token, true);
    }
}
