//! Names that nothing defines, wherever a template may hide them.

use super::*;

#[test]
fn undefined_names_stop_the_build_wherever_they_stand() {
    let params = "m.k = 'v'\nitems = [{ a = 1 }]";
    for template in [
        "{{ nope }}",
        "{{ m.nope }}",
        "{{ nope | tojson }}",
        "{{ [nope] }}",
        "{{ [nope] | tojson }}",
        "{{ [[nope]] | tojson }}",
        "{{ {'a': nope} | tojson }}",
        "{{ [nope] | join(',') }}",
        "{{ nope | length }}",
        "{{ m | default(nope) }}",
        "{{ nope | upper }}",
        "{{ nope | list | tojson }}",
        "{{ nope | string }}",
        "{{ nope | bool }}",
        "{{ nope | first }}",
        "{{ nope | items | list | tojson }}",
        "{{ dict(a=nope) | tojson }}",
        "{{ 'a' if nope else 'b' }}",
        "{{ nope ~ 'x' }}",
        "{{ nope == 1 }}",
        "{{ nope is none }}",
        "{{ nope is string }}",
        "{{ 1 in nope }}",
        "{{ nope in [1] }}",
        "{% for x in nope %}{% endfor %}",
        "{% if nope %}{% endif %}",
        "{% if not nope %}{% endif %}",
        "{% set x = nope %}{{ x }}",
        "{% macro f(x) %}{{ x }}{% endmacro %}{{ f() }}",
        "{{ items | map(attribute='nope') | list | tojson }}",
        "{{ items | selectattr('nope') | list | tojson }}",
        "{{ items | groupby('nope') | list | tojson }}",
        "{{ items | sort(attribute='nope') | tojson }}",
        "{{ items[0].nope | tojson }}",
        "{{ items[7] | tojson }}",
        "{% for i in items %}{{ i.nope }}{% endfor %}",
        "{{ ('x' if false) | tojson }}",
        "{{ range(nope) | list | tojson }}",
    ] {
        let result = text(params, template);
        assert!(result.is_err(), "{template} made {result:?}");
        let error = result.unwrap_err();
        assert!(error.starts_with("modules/alpha/main.tf:1: "), "{template}: {error}");
        assert!(
            error.contains("undefined") || error.contains("has no attribute `nope`"),
            "{template}: {error}"
        );
    }
    let fine = "{{ nope is defined }} {{ nope | default('d') }} {{ items | selectattr('b', 'defined') | list | length }}";
    assert_eq!(text(params, fine).unwrap(), "false d 0");
}

#[test]
fn an_inline_if_without_else_prints_nothing_and_is_no_value() {
    let list = "{% for z in [1, 2] %}{{ z }}{{ \", \" if not loop.last }}{% endfor %}";
    assert_eq!(text("", list).unwrap(), "1, 2");
    for template in [
        "{{ (\"a\" if false) ~ \"b\" }}",
        "{{ (\"a\" if false) | upper }}",
        "{{ [\"a\" if false] | tojson }}",
    ] {
        let error = text("", template).unwrap_err();
        assert!(error.contains("undefined"), "{template}: {error}");
    }
    assert!(text("x = \"{{ 'a' if false }}\"", "{{ x }}").unwrap_err().contains("undefined"));
}
