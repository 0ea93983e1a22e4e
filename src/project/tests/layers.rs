//! The laws of layers, and expressions with their blame.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn layers_lie_in_the_order_of_the_design() {
    let sample = Sample::new(&[
        (
            "lockstep.toml",
            "[params]\na = 'project'\nb = 'project'\nc='project'\nd='project'\ne='project'\nf='project'\ng='project'\nh='project'",
        ),
        ("modules/alpha/module.toml", "[params]\nz = 'module'\na = 'module'"),
        (
            "profiles/base.toml",
            "[params]\nb='base'\nc='base'\nd='base'\ne='base'\nf='base'\ng='base'\nh='base'\n[modules.alpha.params]\nc='base-alpha'\nd='x'\ne='x'\nf='x'\ng='x'\nh='x'",
        ),
        (
            "profiles/prod.toml",
            "extends=['base']\n[params]\nd='prod'\ne='prod'\nf='prod'\ng='prod'\nh='prod'\n[modules.alpha.params]\ne='prod-alpha'\nf='x'\ng='x'\nh='x'",
        ),
        ("more.toml", "g = 'file'\nh = 'file'"),
    ]);
    let params = sample
        .params_in(
            "alpha/prod",
            &["h=set"],
            &["more.toml"],
            &[
                ("LOCKSTEP_PARAM_f", "env"),
                ("LOCKSTEP_PARAM_g", "env"),
                ("LOCKSTEP_PARAM_h", "env"),
                ("OTHER", "no"),
            ],
        )
        .unwrap();
    assert_eq!(
        params.to_json().unwrap(),
        serde_json::json!({"z": "module", "a": "project", "b": "base", "c": "base-alpha", "d": "prod",
            "e": "prod-alpha", "f": "env", "g": "file", "h": "set"})
    );
    assert_eq!(params.override_keys(), ["f", "g", "h"]);
    let tree = params.tree().entries().unwrap();
    assert_eq!(tree["c"].place.to_string(), "profiles/base.toml:10");
    let shadowed: Vec<String> = tree["c"].shadowed.iter().map(Place::to_string).collect();
    assert_eq!(shadowed, ["lockstep.toml:4", "profiles/base.toml:3"]);
    assert_eq!(tree["h"].place.to_string(), "--set");
}

#[test]
fn overrides_are_typed_and_versions_stay_text() {
    let sample =
        Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", "[params]\nzones = ['a']\nold = 1\n")]);
    let set = [
        "n=3",
        "f=0.5",
        "v=1.30",
        "e=1e3",
        "t=true",
        "l=[1, 'b']",
        "s=plain text",
        "big=99999999999999999999",
        "q=\"3\"",
        "a.b.c=1",
        "zones+=['b']",
        "old-=true",
        "inject=1\nother=2",
    ];
    let params = sample.params("alpha/dev", &set).unwrap();
    assert_eq!(
        params.to_json().unwrap(),
        serde_json::json!({"n": 3, "f": 0.5, "v": "1.30", "e": "1e3", "t": true, "l": [1, "b"], "s": "plain text",
            "big": "99999999999999999999", "q": "3", "a": {"b": {"c": 1}}, "zones": ["a", "b"], "inject": "1\nother=2"})
    );
    assert!(params.override_keys().contains(&"a.b.c".to_owned()));
    for wrong in ["novalue", "=1", "a..b=1", "zones+=3", "zones-=1"] {
        assert!(sample.params("alpha/dev", &[wrong]).is_err(), "{wrong}");
    }
    let nested = sample.params_in("alpha/dev", &[], &[], &[("LOCKSTEP_PARAM_a__b", "2")]).unwrap();
    assert_eq!(nested.to_json().unwrap()["a"]["b"], 2);
    sample.write("p.json", r#"{"a": {"b": null}}"#);
    let json = sample.params_in("alpha/dev", &[], &["p.json"], &[]).unwrap();
    assert_eq!(json.to_json().unwrap()["a"]["b"], serde_json::Value::Null);
}

#[test]
fn a_profile_may_deny_overrides_and_the_message_has_no_value() {
    let sample = Sample::new(&[
        ("modules/alpha/x", ""),
        ("profiles/base.toml", "overrides = 'deny'"),
        ("profiles/prod.toml", "extends = ['base']"),
    ]);
    assert!(sample.params("alpha/prod", &[]).is_ok());
    let (text, ..) = message(sample.params("alpha/prod", &["token=hunter2"]));
    assert!(
        text.contains("`token`") && text.contains("profiles/base.toml") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_base_of_two_parents_applies_once_at_its_lowest_position() {
    let sample = Sample::new(&[
        ("modules/alpha/x", ""),
        ("profiles/base.toml", "[params]\nx = 'base'\nl = ['base']\n"),
        ("profiles/left.toml", "extends=['base']\n[params]\nx = 'left'\n'l+' = ['left']\n"),
        ("profiles/right.toml", "extends=['base']\n[params]\n'l+' = ['right']\n"),
        ("profiles/prod.toml", "extends=['left', 'right']\n"),
    ]);
    // Applied again before `right`, the base would win over `left` and reset the list.
    assert_eq!(sample.json("alpha/prod"), serde_json::json!({"x": "left", "l": ["base", "left", "right"]}));
}

#[test]
fn cycles_and_missing_parents_name_the_way_there() {
    let sample = Sample::new(&[
        ("modules/alpha/x", ""),
        ("profiles/a.toml", "extends = ['b']"),
        ("profiles/b.toml", "\nextends = ['c']"),
        ("profiles/c.toml", "extends = [\n  'a',\n]"),
        ("profiles/prod.toml", "extends = ['bas']"),
        ("profiles/base.toml", "[modules.alhpa.params]\nx = 1"),
        ("profiles/dev.toml", "extends = ['base']"),
    ]);
    assert_eq!(
        sample.failure("alpha/a"),
        "profiles/c.toml:2: profiles extend each other in a circle: \
         a -> b (profiles/a.toml:1) -> c (profiles/b.toml:2) -> a (profiles/c.toml:2)"
    );
    let (text, hint, _) = message(sample.params("alpha/prod", &[]));
    assert_eq!(text, "profiles/prod.toml:1: `extends` names `bas`, and there is no such profile");
    assert_eq!(hint, "did you mean `base`?");
    let (text, hint, _) = message(sample.params("alpha/dev", &[]));
    assert_eq!(
        (text.as_str(), hint.as_str()),
        ("profiles/base.toml:1: there is no module `alhpa`", "did you mean `alpha`?")
    );
}

#[test]
fn expressions_are_lazy_typed_and_blamed_on_their_line() {
    let sample = Sample::new(&[
        ("modules/alpha/x", ""),
        (
            "profiles/dev.toml",
            "[params]\nname = 'web'\ncount = 2\nfqdn = '{{ name }}.{{ zone.name }}'\nzone.name = '{{ profile }}.example'\n\
             double = '{{ count * 2 }}'\non = '{{ count > 1 }}'\ntext = 'on: {{ on }}, {{ double }}'\n\
             list = '{{ [name, fqdn] }}'\nbraces = \"{{ '{{' }}\"\nnested = [{ v = '{{ module }}' }]\n",
        ),
    ]);
    let json = sample.json("alpha/dev");
    assert_eq!(json["fqdn"], "web.dev.example");
    assert_eq!((&json["double"], &json["on"]), (&serde_json::json!(4), &serde_json::json!(true)));
    assert_eq!(json["text"], "on: true, 4");
    assert_eq!(json["list"], serde_json::json!(["web", "web.dev.example"]));
    assert_eq!((&json["braces"], &json["nested"][0]["v"]), (&"{{".into(), &"alpha".into()));

    sample.write("profiles/dev.toml", "[params]\nunused = '{{ nope }}'\nused = 1\n");
    let params = sample.params("alpha/dev", &[]).unwrap();
    assert_eq!(params.expand("{{ used }}", &Place::whole("here")).unwrap(), "1");
    assert_eq!(sample.failure("alpha/dev"), "profiles/dev.toml:2: parameter `unused`: `nope` is undefined");

    sample.write("profiles/dev.toml", "[params]\na = '{{ b.c }}'\nb.c = 'x {{ d }}'\nd = '{{ nope.x }}'\n");
    assert_eq!(
        sample.failure("alpha/dev"),
        "profiles/dev.toml:4: parameter `d`: `nope` is undefined; \
         needed by `b.c` (profiles/dev.toml:3); needed by `a` (profiles/dev.toml:2)"
    );
    sample.write("profiles/dev.toml", "[params]\nb = '{{ c }}'\nc = '{{ d }}'\nd = '{{ b }}'\n");
    assert!(sample.failure("alpha/dev").contains(
        "parameters need each other in a circle: `b` (profiles/dev.toml:2) -> `c` (profiles/dev.toml:3) -> \
         `d` (profiles/dev.toml:4) -> `b` (profiles/dev.toml:2)"
    ));
    sample.write("profiles/dev.toml", "[params]\nt = \"\"\"\none\ntwo {{ three\"\"\"\n");
    assert!(sample.failure("alpha/dev").starts_with("profiles/dev.toml:4: "));
    sample.write("profiles/dev.toml", "[params]\nsecret = 'hunter2'\nt = '{{ secret * 2.5 }}'\n");
    let text = sample.failure("alpha/dev");
    assert!(text.starts_with("profiles/dev.toml:3: ") && !text.contains("hunter2"), "{text}");
    sample.write("profiles/dev.toml", "[params]\nt = 'all: {{ [1] }}'\n");
    assert!(sample.failure("alpha/dev").contains("tojson"));
    sample.write("profiles/dev.toml", "[params]\nmodule = 'x'\n");
    assert!(sample.failure("alpha/dev").starts_with("profiles/dev.toml:2: `module` is given by lockstep"));
}

#[test]
fn a_dump_of_parameters_has_no_values() {
    let sample =
        Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", "[params]\ntoken = 'hunter2'\n")]);
    assert_eq!(format!("{:?}", sample.params("alpha/dev", &[]).unwrap()), "[\"token\"]");
}

/// A node without its places, which tables do not keep in a way that matters.
fn plain(node: &Node) -> Node {
    let place = Place::whole("");
    let all = |items: &[Node]| items.iter().map(plain).collect();
    let data = match &node.data {
        Data::Table { entries, whole } => Data::Table {
            entries: entries.iter().map(|(key, node)| (key.clone(), plain(node))).collect(),
            whole: *whole,
        },
        Data::List(items) => Data::List(all(items)),
        Data::Append(items) => Data::Append(all(items)),
        other => other.clone(),
    };
    Node::new(data, place)
}

fn layer() -> impl Strategy<Value = Node> {
    let place = || Place::whole("p");
    let leaf = prop_oneof![
        any::<i8>().prop_map(|n| Data::Int(n.into())),
        Just(Data::Unset),
        "[a-c]".prop_map(Data::Text),
        prop::collection::vec(any::<bool>(), 0..3).prop_map(move |items| {
            Data::List(items.into_iter().map(|item| Node::new(Data::Bool(item), Place::whole("p"))).collect())
        }),
        prop::collection::vec(any::<bool>(), 0..3).prop_map(move |items| {
            Data::Append(
                items.into_iter().map(|item| Node::new(Data::Bool(item), Place::whole("p"))).collect(),
            )
        }),
    ]
    .prop_map(move |data| Node::new(data, place()));
    let tree = leaf.prop_recursive(3, 20, 3, move |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..3)
            .prop_map(move |entries| Node::table(entries, Place::whole("p")))
    });
    prop::collection::btree_map("[a-c]", tree, 0..3)
        .prop_map(|entries| Node::table(entries, Place::whole("p")))
}

proptest! {
    #[test]
    fn merging_is_associative(a in layer(), b in layer(), c in layer()) {
        let left = a.clone().merge(b.clone()).merge(c.clone());
        let right = a.merge(b.merge(c));
        prop_assert_eq!(plain(&left), plain(&right));
    }

    #[test]
    fn merging_nothing_changes_nothing(a in layer()) {
        let nothing = Node::table(BTreeMap::new(), Place::whole("nothing"));
        prop_assert_eq!(&a.clone().merge(nothing.clone()), &a);
        prop_assert_eq!(plain(&nothing.merge(a.clone())), plain(&a));
    }

    #[test]
    fn the_last_layer_that_sets_a_leaf_wins(layers in prop::collection::vec(0_i64..9, 1..5)) {
        let node = |n: i64| Node::table(
            BTreeMap::from([("k".to_owned(), Node::new(Data::Int(n), Place::whole("p")))]), Place::whole("p"));
        let last = *layers.last().unwrap();
        let merged = layers.iter().map(|n| node(*n)).reduce(Node::merge).unwrap().settle();
        prop_assert_eq!(&merged.entries().unwrap()["k"].data, &Data::Int(last));
        prop_assert_eq!(merged.entries().unwrap()["k"].shadowed.len(), layers.len() - 1);
    }

    #[test]
    fn no_override_makes_the_reader_panic(text in "\\PC{0,40}") {
        let sample = Sample::new(&[("modules/alpha/x", ""), ("profiles/dev.toml", "")]);
        if let Ok(params) = sample.params("alpha/dev", &[&text]) {
            let _ = params.to_json();
        }
    }
}

#[test]
fn what_appends_to_no_list_is_named_with_what_stands_there() {
    let sample = Sample::new(&[
        ("modules/alpha/module.toml", "[params]\na = \"x\"\nt = [1]\n"),
        ("profiles/base.toml", "[params]\n\"a+\" = [3]\n\"t+\" = [2]\n\"new+\" = [1]\n"),
        ("profiles/dev.toml", "extends = [\"base\"]\n\n[params]\n\"a+\" = [4]\n"),
        ("profiles/prod.toml", "extends = [\"base\"]\n\n[params]\na = [5]\n"),
    ]);
    let (text, hint, code) = message(sample.params("alpha/dev", &[]));
    assert_eq!(
        text,
        "profiles/dev.toml:4: `a+` appends to a list, and what stands below it is none (modules/alpha/module.toml:2)"
    );
    assert_eq!((hint.as_str(), code), ("`a = [...]` replaces it", ExitCode::Config));
    // What a later layer replaces does not matter.
    assert_eq!(sample.json("alpha/prod"), serde_json::json!({"a": [5], "t": [1, 2], "new": [1]}));
}

#[test]
fn circles_through_whole_tables_are_called_circles() {
    let sample = Sample::new(&[("modules/alpha/x", "")]);
    for (params, circle) in [
        (
            "c = { d = 1, f = '{{ c }}' }",
            "2: parameters need each other in a circle: `c.f` (profiles/dev.toml:2) -> `c` (profiles/dev.toml:2) \
             -> `c.f` (profiles/dev.toml:2)",
        ),
        (
            "l = [1,\n'{{ [l] }}']",
            "3: parameters need each other in a circle: `l[1]` (profiles/dev.toml:3) -> ",
        ),
        ("a.x = '{{ b }}'\nb.y = '{{ a }}'", "`a` (profiles/dev.toml:2) -> `a.x` (profiles/dev.toml:2) -> "),
        (
            "a.x = '{{ g }}'\ng = '{{ {1: a} }}'",
            "-> `a` (profiles/dev.toml:2) -> `a.x` (profiles/dev.toml:2)",
        ),
    ] {
        sample.write("profiles/dev.toml", format!("[params]\n{params}\n"));
        let failure = sample.failure("alpha/dev");
        assert!(failure.starts_with("profiles/dev.toml:"), "{failure}");
        assert!(failure.contains("need each other in a circle: ") && failure.contains(circle), "{failure}");
    }
    // The same table in two places is none.
    sample.write(
        "profiles/dev.toml",
        "[params]\nc = { d = 1, e = '{{ g }}' }\ng.a = 1\nh = '{{ [c, c, g] }}'\n",
    );
    assert_eq!(sample.json("alpha/dev")["h"][1]["e"]["a"], 1);
}

#[test]
fn chains_of_parameters_end_before_the_stack_does() {
    // Without optimisation they need more than a thread of a test has.
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(chains).unwrap();
    thread.join().unwrap();
}

fn chains() {
    let sample = Sample::new(&[("modules/alpha/x", "")]);
    let chain = |links: usize| {
        let link = |n| format!("p{n} = \"{{{{ p{} }}}}\"\n", n + 1);
        let lines: String = (0..links).map(link).collect();
        format!("[params]\n{lines}p{links} = 1\n")
    };
    sample.write("profiles/dev.toml", chain(99));
    assert_eq!(sample.json("alpha/dev")["p0"], 1);
    for links in [101, 600] {
        sample.write("profiles/dev.toml", chain(links));
        let failure = sample.failure("alpha/dev");
        let expected = "profiles/dev.toml:2: parameters need each other in a chain of more than 100: `p0` \
                        (profiles/dev.toml:2) -> `p1` ";
        assert!(failure.starts_with(expected) && failure.len() < 400, "{failure}");
    }
}
