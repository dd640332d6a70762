//! Templates as the contract describes them.

use serde_json::{Map, Value, json};

use super::{Lookup, substitute};

fn rendered_with(mut body: Value, variables: Value) -> Value {
    let variables: Map<String, Value> = variables.as_object().cloned().unwrap();
    let mut look_up = |wanted: &Lookup| {
        Ok(match wanted {
            Lookup::Agent(name) if name == "gw" => json!({ "name": "gw", "host": "10.0.0.1" }),
            Lookup::Agents => json!([{ "name": "a" }, { "name": "b" }]),
            Lookup::AgentByUuid(uuid) => json!({ "uuid": uuid, "host": "h" }),
            Lookup::EdgeResource(name, version) => json!({ "name": name, "version": version }),
            _ => Value::Null,
        })
    };
    substitute(&mut body, &variables, &mut look_up).unwrap();
    body
}

fn one(template: &str) -> Value {
    let variables = json!({ "port": 5101, "agent-1-name": "gw", "list": [1, 2], "half": 0.5,
        "flag": false, "object": { "a": { "b": 7 } }, "word": "Text" });
    rendered_with(json!({ "it": template }), variables)["it"].clone()
}

#[test]
fn a_lone_output_keeps_its_type() {
    assert_eq!(one("{{port}}"), json!(5101));
    assert_eq!(one("{{ flag }}"), json!(false));
    assert_eq!(one("{{ list }}"), json!([1, 2]));
    assert_eq!(one("{{ object.a }}"), json!({ "b": 7 }));
    assert_eq!(one("{{ half }}"), json!(0.5));
    assert_eq!(one("{{ word }}"), json!("Text"));
    assert_eq!(one("{% if port > 1 %}{{ port }}{% endif %}"), json!(5101));
    assert_eq!(one("{{- port -}}"), json!(5101));
    assert_eq!(one("{{ '007' }}"), json!("007"));
}

#[test]
fn mixed_output_is_text_as_javascript_makes_it() {
    assert_eq!(one("p{{port}}"), json!("p5101"));
    assert_eq!(one("{{port}}{{port}}"), json!("51015101"));
    assert_eq!(one("{{ list }}."), json!("1,2."));
    assert_eq!(one("{{ object }}."), json!("[object Object]."));
    assert_eq!(one("{ {{ word | downcase }} }"), json!("{ text }"));
}

#[test]
fn names_with_hyphens_and_unknown_ones() {
    assert_eq!(one("{{ agent-1-name }}"), json!("gw"));
    assert_eq!(one("{{ nothing.at.all }}"), json!(""));
    assert_eq!(one("{% if nothing.at == 'x' %}a{% else %}b{% endif %}"), json!("b"));
    assert_eq!(one("{% for x in list %}{{ x.none }}{{ x }};{% endfor %}"), json!("1;2;"));
}

#[test]
fn own_filters() {
    assert_eq!(one("{{ agent-1-name | findAgent | map: 'host' | first }}"), json!("10.0.0.1"));
    assert_eq!(one("{{ '' | findAgent | map: 'name' }}"), json!(["a", "b"]));
    assert_eq!(one("{{ 'nobody' | findAgent }}"), json!(""));
    assert_eq!(
        one("{{ 'r' | findEdgeResource: '1.0.0' }}"),
        json!({ "name": "r", "version": "1.0.0" })
    );
    assert_eq!(one("{{ '5' | toNumber }}"), json!(5));
    assert_eq!(one("{{ 'true' | toBoolean }}"), json!(true));
    assert_eq!(one("{{ 'x y' | toNumber }}"), json!("x y"));
    assert_eq!(one("{{ port | toString }}"), json!("5101"));
}

#[test]
fn self_is_the_body_as_rendered_so_far() {
    let body = json!({
        "name": "{{ word | downcase }}",
        "microservices": [
            { "name": "m-{{ self.name }}", "iofogUuid": "u1" },
            { "host": "{{ self.microservices | where: 'name', 'm-x' | first | findMicroserviceAgent | map: 'host' | first }}" },
        ],
        "last": "{{ self.microservices[0].name }}",
    });
    let rendered = rendered_with(body, json!({ "word": "X" }));
    assert_eq!(rendered["microservices"][0]["name"], "m-x");
    assert_eq!(rendered["microservices"][1]["host"], "h");
    assert_eq!(rendered["last"], "m-x");
}

#[test]
fn errors_become_the_text() {
    for bad in ["{{ port", "{% if %}", "{{ port | noSuchFilter }}", "{% endif %}"] {
        let text = one(bad);
        assert!(text.as_str().unwrap().starts_with("RenderError: "), "{bad}: {text}");
    }
    for (bad, told) in [
        ("{{ port | plus: 1 | noSuchFilter: 2 }}", "undefined filter: noSuchFilter"),
        ("a\n{% nosuchtag %}", "nosuchtag"),
        ("a\n{{ port | | }}", "expected"),
        ("{% for %}{% endfor %}", "expected"),
    ] {
        let text = one(bad);
        let text = text.as_str().unwrap();
        assert!(text.contains(told), "{bad}: {text}");
        assert!(!text.contains('\n') && text.len() < 400, "{bad}: {text}");
    }
    assert_eq!(one("{% raw %}{{ port }}{% endraw %}"), json!("{{ port }}"));
    assert_eq!(one("100 % {sure}"), json!("100 % {sure}"));
}

#[test]
fn arithmetic_and_order_never_fail_hard() {
    assert_eq!(one("{{ 10 | divided_by: 4 }}"), json!(2.5));
    assert_eq!(one("{{ port | plus: 1 }}"), json!(5102));
    assert_eq!(one("{{ 7 | modulo: 4 | times: 2 | minus: 1 }}"), json!(5));
    assert_eq!(one("{{ 'b,a' | split: ',' | sort }}"), json!(["a", "b"]));
    for odd in [
        "{{ 99999999999999999999 }}",
        "{{ port | plus: 99999999999999999999 }}",
        "{{ 1 | divided_by: 0 }}",
        "{{ 'x' | times: 2 }}",
        "{% for x in list limit:-1 offset:-5 %}{{ x }}{% endfor %}{{ 1 | modulo: 0 }}",
    ] {
        assert!(one(odd).as_str().unwrap().starts_with("RenderError: "), "{odd}");
    }
    let least = "{{ '-9223372036854775808' | divided_by: -1 }}";
    assert_eq!(one(least).as_f64(), Some(9_223_372_036_854_775_808.0));
}

/// Found by the fuzz target: the parser ended the program at a number in what looked like quotes.
#[test]
fn an_output_does_not_end_its_tag_early() {
    for template in [
        "{{1%}'{{ 99999999999999999999 }}'}}",
        "{{ a %} ' {% for i in (1..99999999999999999999) %} ' }}",
        "{{ {{ port }} }}",
    ] {
        assert_eq!(one(template), json!("RenderError: braces stand within braces"), "{template}");
    }
    assert_eq!(one("{{ '%}{{' }}"), json!("%}{{"));
}

#[test]
fn cycles_go_on_by_group_and_values() {
    assert_eq!(one("{% for i in (1..5) %}{% cycle 'a', 'b', port %}{% endfor %}"), "ab5101ab");
    assert_eq!(one("{% cycle g: 'a', 'b' %}{% cycle h: 'a', 'b' %}{% cycle g: 'a', 'b' %}"), "aab");
    assert_eq!(one("{% cycle 'g': 1, 2, 3 %}{% cycle 'g': 4 %}{% cycle 'g': 1, 2, 3 %}"), "142");
    for template in ["{% cycle yy: %}", "{% cycle %}", "{% cycle 'a' 'b' %}", "{% cycle g: , %}"] {
        let outcome = one(template);
        assert!(outcome.as_str().unwrap().contains("Error"), "{template}: {outcome}");
    }
}

/// Each of these is within the bounds of one template; together they are not.
#[test]
fn the_templates_of_a_request_share_their_bounds() {
    let refused = json!("RenderError: template is too large");
    let count =
        |body: &Value| body["zz"].as_array().unwrap().iter().filter(|one| **one == refused).count();
    let copies = json!({ "a": "{% for i in (1..100) %}{{ self.s }}{% endfor %}", "s": "x".repeat(2_500),
        "zz": vec!["{{ self.a }}"; 1_000] });
    let body = rendered_with(copies, json!({}));
    assert_eq!(body["zz"][0], "x".repeat(250_000));
    assert!((900..1_000).contains(&count(&body)), "{} refused", count(&body));
    assert!(body.to_string().len() < 5 << 20);

    let whole = rendered_with(
        json!({ "s": "x".repeat(200_000), "zz": vec!["{{ self }}"; 100] }),
        json!({}),
    );
    assert!(whole.to_string().len() < 10 << 20, "{}", whole.to_string().len());

    let turns = "{% for i in self.b %}{% for j in self.b %}{{ i }}{% endfor %}{% endfor %}";
    let list: Vec<Value> = (0..60).map(Value::from).collect();
    let body = rendered_with(json!({ "b": list, "zz": vec![turns; 200] }), json!({}));
    assert!((100..200).contains(&count(&body)), "{} refused", count(&body));
    assert_ne!(body["zz"][0], refused);
}

#[test]
fn what_costs_too_much_is_refused() {
    let grow =
        "{% for i in (1..60) %}{% assign a = a | append: 'xx' | append: a %}{% endfor %}{{ a }}";
    let deep = format!("{}{}", "{% if port %}".repeat(5000), "{% endif %}".repeat(5000));
    let index = format!("{{{{ {}0{} }}}}", "list[".repeat(5000), "]".repeat(5000));
    let loops =
        "{% for i in (1..9999) %}{% for j in (1..9999) %}{{ port }}{% endfor %}{% endfor %}";
    for costly in [grow, &deep, &index, loops, "{% for i in (1..1000000000) %}{% endfor %}"] {
        let text = one(costly);
        assert!(text.as_str().unwrap().starts_with("RenderError: "), "{text}");
    }
}

/// Each of these would take minutes or gigabytes; each has to end as an error.
#[test]
fn loops_growth_and_large_values_are_refused() {
    let long = "a".repeat(50_000);
    let list: Vec<Value> = (0..20_000).map(Value::from).collect();
    for text in [
        // Turns of loops that read nothing but their own variables.
        "{% for i in (1..9999) %}{% for j in (1..9999) %}{% if i == j %}{% endif %}{% endfor %}{% endfor %}",
        "{%- for i in self.list -%} {%- for j in self.list -%} {%- endfor -%} {%- endfor -%}",
        "{% for i in (1..9999) %}{% for j in (1..9999) %}{% break %}{% endfor %}{% endfor %}",
        // Growth within a chain, and from turn to turn.
        "{{ self.long | replace: 'a', self.long }}",
        "{{ self.long | replace: '', self.long | size }}",
        "{{ self.list | join: self.long }}",
        "{{ 'a' | replace: 'a', 'aaaaaaaaaaaaaaaa' | replace: 'a', 'aaaaaaaaaaaaaaaa' | replace: 'a', 'aaaaaaaaaaaaaaaa' | replace: 'a', 'aaaaaaaaaaaaaaaa' | replace: 'a', 'aaaaaaaaaaaaaaaa' | size }}",
        "{% assign l = self.long | split: '?' %}{% for i in (1..30) %}{% assign l = l | concat: l %}{% endfor %}{{ l | size }}",
        "{% assign t = 'x' %}{% for i in (1..40) %}{% assign t = t | append: t %}{% endfor %}{{ t | size }}",
        "{% capture t %}{% for i in (1..9999) %}{{ self.long }}{% endfor %}{% endcapture %}{{ t | size }}",
    ] {
        let mut body = json!({ "long": long, "list": list, "t": text });
        substitute(&mut body, &Map::new(), &mut |_| Ok(Value::Null)).unwrap();
        assert_eq!(body["t"], "RenderError: template is too large", "{text}");
    }
    // Many items are no trouble in themselves.
    let mut body = json!({ "list": list, "t": "{{ self.list | uniq | size }}" });
    substitute(&mut body, &Map::new(), &mut |_| Ok(Value::Null)).unwrap();
    assert_eq!(body["t"], 20_000);
}

#[test]
fn filters_of_ours_on_odd_input() {
    for (text, wanted) in [
        ("{{ 'héllo' | slice: 1, 3 }}", json!("éll")),
        ("{{ 'hello' | slice: -3, 2 }}", json!("ll")),
        ("{{ 'hello' | slice: -9, 2 }}", json!("")),
        ("{{ 'hello' | slice: 1, self.most }}", json!("ello")),
        ("{{ 'hello' | slice: self.least }}", json!("")),
        ("{{ 'a-b-c' | replace: '-', '+' }}", json!("a+b+c")),
        ("{{ 'a-b-c' | replace: '-' }}", json!("abc")),
        ("{{ 'a,b,c' | split: ',' | join: '; ' }}", json!("a; b; c")),
        ("{{ 'a,b,a' | split: ',' | uniq | join }}", json!("a b")),
        ("x{%- for i in (1..3) -%} {{ i }} {%- endfor -%} y", json!("x123y")),
        ("x {% for i in (1..3) %} {{ i }}{% endfor %} y", json!("x  1 2 3 y")),
    ] {
        let mut body = json!({ "most": i64::MAX, "least": i64::MIN, "t": text });
        substitute(&mut body, &Map::new(), &mut |_| Ok(Value::Null)).unwrap();
        assert_eq!(body["t"], wanted, "{text}");
    }
}
