//! The emitter against texts observed from the standard program's library.
use super::*;

fn line(text: &str) -> String {
    document(&Value::map([("k", Value::text(text))]))
}

#[test]
fn emit_quotes_only_what_needs_it() {
    for (text, expected) in [
        ("plain text", "k: plain text\n"),
        ("", "k: \"\"\n"),
        ("yes", "k: \"yes\"\n"),
        ("12", "k: \"12\"\n"),
        ("a: b", "k: 'a: b'\n"),
        ("it's", "k: it's\n"),
        ("'quoted'", "k: '''quoted'''\n"),
        ("# no", "k: '# no'\n"),
        ("- x", "k: '- x'\n"),
        ("-x", "k: -x\n"),
        ("{a}", "k: '{a}'\n"),
        (" lead", "k: ' lead'\n"),
        ("tab\there", "k: \"tab\\there\"\n"),
        ("http://h:1/x", "k: http://h:1/x\n"),
        ("äöü", "k: äöü\n"),
        ("\u{1F600}", "k: \"\\U0001F600\"\n"),
        ("two\nlines\n", "k: |\n  two\n  lines\n"),
        ("two\nlines", "k: |-\n  two\n  lines\n"),
    ] {
        assert_eq!(line(text), expected);
    }
}

#[test]
fn emit_nests_like_the_library() {
    let value = Value::map([
        (
            "a",
            Value::Seq(vec![
                Value::map([("x", Value::Int(1)), ("z", Value::Null)]),
                Value::text("s"),
            ]),
        ),
        ("b", Value::map([("c", Value::Seq(Vec::new())), ("d", Value::Map(Vec::new()))])),
        ("e", Value::Seq(vec![Value::Seq(vec![Value::Bool(true), Value::Float(1.5)])])),
    ]);
    assert_eq!(
        document(&value),
        "a:\n- x: 1\n  z: null\n- s\nb:\n  c: []\n  d: {}\ne:\n- - true\n  - 1.5\n"
    );
}

#[test]
fn emit_folds_after_column_80() {
    let text = "word ".repeat(20).trim_end().to_owned();
    assert_eq!(
        line(&text),
        format!("k: {}\n  word word word word\n", "word ".repeat(16).trim_end())
    );
}

#[test]
fn emit_reads_back() {
    for text in [
        "a\n\nb\n",
        "x: y\nz",
        "trailing \nspace",
        "\n",
        "\"",
        "\\",
        "a\u{85}b",
        "null",
        "%x",
        "long ".repeat(40).trim(),
    ] {
        let node = crate::yaml::load::document(&line(text)).unwrap();
        assert_eq!(node.get("k").unwrap().text(), Some(text), "{}", line(text));
    }
}

#[test]
fn emit_floats() {
    for (number, text) in [
        (0.0, "0"),
        (1.5, "1.5"),
        (50.0, "50"),
        (1e21, "1e+21"),
        (1e-5, "1e-05"),
        (123456789.0, "1.23456789e+08"),
        (100_000.0, "100000"),
    ] {
        assert_eq!(float(number), text);
    }
}
