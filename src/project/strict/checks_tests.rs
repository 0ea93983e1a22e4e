//! What must hold for the checks: where they stand, what they refuse, and that nothing goes round them.

use proptest::prelude::*;

use super::*;
use crate::project::strict;

fn checked(text: &str) -> String {
    template(text, &Delimiters::default(), false).unwrap().text.into_owned()
}

fn render(text: &str) -> Result<String, String> {
    let text = template(text, &Delimiters::default(), false).map_err(|refused| refused.why.to_owned())?;
    let context = minijinja::context! { b => true, n => (), l => vec![1, 2], t => "text", on => false };
    strict::environment().render_str(&text.text, context).map_err(|error| strict::describe(&error))
}

#[test]
fn whole_operands_are_checked_and_nothing_else() {
    for (written, expected) in [
        ("{{ a }} ~ {# x ~ y #}{% raw %}{{ a ~ b }}{% endraw %}", None),
        ("{{ 'a ~ b' ~ 1 }}", None),
        ("{{ a ~ b }}", Some("{{ (a)|lockstep.text ~ (b)|lockstep.text }}")),
        ("{{-a~'x'~b-}}", Some("{{-(a)|lockstep.text~'x'~(b)|lockstep.text-}}")),
        (
            "{{ 1 + a.if[0] | f(x) ~ 'b' * 2 - 3 }}",
            Some(
                "{{ 1 + (a.if[0] | f(x)|lockstep.term)|lockstep.text ~ ('b'|lockstep.before * 2|lockstep.after)|lockstep.text - 3 }}",
            ),
        ),
        (
            "{{ f('a' ~ b, c=-x ~ 'd') }}",
            Some("{{ f('a' ~ (b)|lockstep.text, c=(-x)|lockstep.text ~ 'd') }}"),
        ),
        (
            "{{ 'a' if b ~ 'c' in d ~ 'e' else f ~ 'g' }}",
            Some(
                "{{ 'a' if (b)|lockstep.text ~ 'c' in (d)|lockstep.text ~ 'e' else (f)|lockstep.text ~ 'g' }}",
            ),
        ),
        (
            "{% include 'a' ~ b ignore missing %}",
            Some("{% include 'a' ~ (b)|lockstep.text ignore missing %}"),
        ),
        ("{% import 'a' ~ b as c %}", Some("{% import 'a' ~ (b)|lockstep.text as c %}")),
        (
            "{% for x in a ~ 'b' recursive %}{% endfor %}",
            Some("{% for x in (a)|lockstep.text ~ 'b' recursive %}{% endfor %}"),
        ),
        ("{{ not a ~ 'b' }}", Some("{{ not (a)|lockstep.text ~ 'b' }}")),
        (
            "{{ (a, {'k': b}) ~ 'b' 'c' }}",
            Some("{{ ((a, {'k': b}))|lockstep.text ~ ('b' 'c')|lockstep.text }}"),
        ),
        ("{{ x is odd ~ 'b' }}", Some("{{ x is odd ~ \"\"|lockstep.unclear ~ 'b' }}")),
        ("{{ a[::-1] }}", Some("{{ a[::(-1)|lockstep.step] }}")),
        ("{{ a[x[1]:2:b if c else d ] }}", Some("{{ a[x[1]:2:(b if c else d)|lockstep.step ] }}")),
        ("{{ a[1:] }}{{ {'a': 1, 'b': 2} }}", None),
        ("{{ loop.cycle() }}", Some("{{ loop.cycle(\"\"|lockstep.cycle) }}")),
        ("{{ loop.cycle(*a) }}", Some("{{ loop.cycle(\"\"|lockstep.cycle,*a) }}")),
        (
            "{{ loop.cycle(1) ~ cycle() }}",
            Some("{{ (loop.cycle(1))|lockstep.text ~ (cycle())|lockstep.text }}"),
        ),
        ("{% set x = y %}", Some("{% set x = (y)|lockstep.set %}")),
        ("{% set x.v = y ~ 'a' %}", Some("{% set x.v = ((y)|lockstep.text ~ 'a')|lockstep.held %}")),
        ("{% set a.b, c = d, e %}", Some("{% set a.b, c = (d, e)|lockstep.held %}")),
    ] {
        assert_eq!(checked(written), expected.unwrap_or(written), "{written}");
    }
}

#[test]
fn texts_are_put_together_as_their_parts_print() {
    for (text, expected) in [
        ("{{ 'x' ~ true ~ none ~ on }}", "xtruenullfalse"),
        ("{{ 1 ~ 2 * 3 ~ 1.5 ~ -1 ~ 2 ** 2 }}", "161.5-14"),
        ("{{ true * 2 ~ 'a' }}", "2a"),
        ("{{ 'x' ~ (b if on else t)|upper }}", "xTEXT"),
        ("{{ 1 ~ 2 + 'a' }}", "12a"),
        ("{% set ns = namespace() %}{% set ns.a = t ~ 1 %}{{ ns.a }}", "text1"),
        (
            "{% set ns = namespace(l=[]) %}{% for x in l %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.l|tojson }}",
            "[1,2]",
        ),
        ("{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}{{ l[::2]|tojson }}{{ t[1:3] }}", "ab[1]ex"),
    ] {
        assert_eq!(render(text), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_has_no_text_and_what_panics_is_refused() {
    for (text, why) in [
        ("{{ 'x' ~ [nope] }}", "`nope` is undefined"),
        ("{{ 'x' ~ nope }}", "`nope` is undefined"),
        ("{{ 'x' ~ l }}", "a list cannot stand in text"),
        ("{{ l * 2 ~ 'x' }}", "a list cannot stand in text"),
        ("{{ {'k': 1} ~ 'x' }}", "a table cannot stand in text"),
        ("{{ 1 is odd ~ 'x' }}", "needs brackets"),
        ("{% for x in l %}{{ loop.cycle() }}{% endfor %}", "`cycle` needs"),
        ("{% for x in l %}{{ loop.cycle(*[]) }}{% endfor %}", "`cycle` needs"),
        ("{{ ''[::-1] }}", "backwards"),
        ("{{ l[3:1:0 - 2] }}", "backwards"),
        ("{{ 3 is divisibleby(0) }}", "divisible by zero"),
        ("{{ 3.5 is divisibleby 0.0 }}", "divisible by zero"),
        ("{{ l | select('divisibleby', false) | list }}", "divisible by zero"),
        ("{{ range(9223372036854775807, -2, -1) }}", "2^53"),
        ("{% set x = namespace() %}{% set x.v = x %}", "cannot hold a namespace"),
        ("{% set x = namespace() %}{% set x.v = [{'a': x}] %}", "cannot hold a namespace"),
        (
            "{% set x = namespace(v=[]) %}{% for i in range(70) %}{% set x.v = [x.v] %}{% endfor %}",
            "too deeply",
        ),
    ] {
        let error = render(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert_eq!(
        render("{{ (-170141183460469231731687303715884105727 - 1) is divisibleby(-1) }}"),
        Ok("true".into())
    );
}

#[test]
fn what_would_overflow_the_stack_is_refused_before_it_is_read() {
    let many = |part: &str, count: usize| part.repeat(count);
    for inside in [
        many("not ", 30_000) + "1",
        many("-", 100_000) + "1",
        many("1+", 50_000) + "1",
        format!("x{}", many(".a", 50_000)),
        format!("x{}", many("[0]", 50_000)),
        format!("x{}", many("|upper", 50_000)),
        format!("{}1{}", many("(", 140), many("+1+1+1+1)", 140)),
        many("a if b else ", 50_000) + "c",
    ] {
        let text = format!("a\n{{{{ {inside} }}}}");
        let refused = template(&text, &Delimiters::default(), false).unwrap_err();
        assert!(refused.why.contains("operators") && refused.at.start > 4, "{refused:?}");
        assert!(expression(&inside).is_err());
    }
    let conditions = format!("{{% if a %}}{}{{% endif %}}", many("{% elif b %}", 50_000));
    assert!(template(&conditions, &Delimiters::default(), false).is_err());
    let fine = format!(
        "{{{{ [{}]|length }}}}{}",
        many("1 + 1, ", 5_000),
        many("{% if b %}{% elif n %}{% endif %}", 900)
    );
    assert_eq!(render(&fine), Ok("5000".to_owned()));
    for deepest in [many("1+", DEEPEST) + "1", many("-", DEEPEST) + "1", many("not ", DEEPEST) + "1"] {
        render(&format!("{{{{ {deepest} }}}}")).unwrap();
    }
}

#[test]
fn places_are_those_of_the_text_as_it_is_written() {
    let text = "{{ 'x' ~ abc ~ nope }}";
    let checked = template(text, &Delimiters::default(), false).unwrap();
    let found = |part: &str| {
        let begin = checked.text.find(part).unwrap();
        &text[checked.written(begin..begin + part.len())]
    };
    assert_eq!(found("abc"), "abc");
    assert_eq!(found("nope"), "nope");
    assert_eq!(found("lockstep.text"), "abc");
    assert_eq!(found("'x'"), "'x'");
    assert_eq!(found(" }}"), " }}");
}

proptest! {
    /// Whatever the engine reads prints the same with the checks as without, if all is text.
    #[test]
    fn texts_and_numbers_print_as_without_checks(
        text in "\\{\\{ ([(\\[]?(t|'s'|3|t.a|x)( (~|\\+|\\*|-|if|else|in|not|is|and|\\||,|:|==) )?[)\\]]?){1,6} \\}\\}",
    ) {
        let context = || minijinja::context! { t => "text", x => 7 };
        let env = strict::environment();
        let plain = env.render_str(&text, context());
        if let Ok(checked) = template(&text, &Delimiters::default(), false) {
            let with = env.render_str(&checked.text, context());
            match (plain, with) {
                (Ok(plain), Ok(with)) => prop_assert_eq!(plain, with),
                (Err(_), Ok(with)) => prop_assert!(false, "{} only with checks: {}", text, with),
                _ => {}
            }
        }
    }
}
