//! Selectors read, written and refused.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &[(&str, MatchOp, &str)]) {
    let selector = parse(text).unwrap_or_else(|error| panic!("{}", render(text, &error)));
    let found: Vec<(&str, MatchOp, &str)> =
        selector.matchers.iter().map(|matcher| (&*matcher.key, matcher.op, &*matcher.value)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn reads_what_people_write() {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    check("", &[]);
    check("  ", &[]);
    check("{}", &[]);
    check("{ }", &[]);
    check(r#"{service.name="feed"}"#, &[("service.name", Equal, "feed")]);
    check(r#"service.name="feed""#, &[("service.name", Equal, "feed")]);
    check(
        r#"{service.name="feed", endpoint=~"GET /.*"}"#,
        &[("service.name", Equal, "feed"), ("endpoint", Regex, "GET /.*")],
    );
    check(r#" { a != 'x' , b !~ "y|z" , } "#, &[("a", NotEqual, "x"), ("b", NotRegex, "y|z")]);
    check(r#"a/b-c_1="",d="""#, &[("a/b-c_1", Equal, ""), ("d", Equal, "")]);
    check(r#"{"odd name"="x", 'it'="y"}"#, &[("odd name", Equal, "x"), ("it", Equal, "y")]);
    check(
        r#"{feature_flag.result.variant.new_ranker="on",feature_flag.result.variant.new-ranker!="off"}"#,
        &[
            ("feature_flag.result.variant.new_ranker", Equal, "on"),
            ("feature_flag.result.variant.new-ranker", NotEqual, "off"),
        ],
    );
    check(r#"{flag.new_ranker="on"}"#, &[("feature_flag.result.variant.new_ranker", Equal, "on")]);
    check(
        r#"{"feature_flag.result.variant.my flag"="on"}"#,
        &[("feature_flag.result.variant.my flag", Equal, "on")],
    );
    check(r#"a="q\"\\\n\u00e9\U0001f525\x41é""#, &[("a", Equal, "q\"\\\né🔥Aé")]);
    check(r#"a=~`GET /p/\d+`"#, &[("a", Regex, r"GET /p/\d+")]);
}

#[test]
fn errors_point_at_the_character() {
    let cases = [
        "{service.name=feed}",
        r#"{service.name="feed""#,
        r#"{service.name="feed}"#,
        r#"{service.name:"feed"}"#,
        r#"{service.name="feed" endpoint="x"}"#,
        r#"{endpoint=~"GET /(p|"}"#,
        r#"{endpoint=~"é\\dü[z-a]"}"#,
        r#"{a="\q"}"#,
        r#"{a="\ud800"}"#,
        r#"{""="x"}"#,
        r#"a="x"}"#,
        r#"{a="x"} b"#,
        "{",
        "{,}",
        r#"{a=~"(?:x{1000}){1000}"}"#,
        "{\n\ta=\"x\",\n\tb=1\n}",
    ];
    let drawn: Vec<String> = cases.iter().map(|text| render(text, &parse(text).unwrap_err())).collect();
    assert_snapshot!(drawn.join("\n\n"), @r#"
    {service.name=feed}
                  ^ expected a value in quotes, found `f`

    {service.name="feed"
                        ^ expected `,` or `}`, found the end

    {service.name="feed}
                  ^ the quote is not closed

    {service.name:"feed"}
                 ^ expected one of `=`, `!=`, `=~`, `!~`, found `:`

    {service.name="feed" endpoint="x"}
                         ^ expected `,` or `}`, found `e`

    {endpoint=~"GET /(p|"}
                     ^ bad regular expression: unclosed group

    {endpoint=~"é\\dü[z-a]"}
                      ^ bad regular expression: invalid character class range, the start must be <= the end

    {a="\q"}
        ^ unknown escape `\q`

    {a="\ud800"}
        ^ the escape is not a character

    {""="x"}
     ^ the label name is empty

    a="x"}
         ^ expected `,` or the end, found `}`

    {a="x"} b
            ^ expected the end, found `b`

    {
     ^ expected a label name or `}`, found the end

    {,}
     ^ expected a label name, found `,`

    {a=~"(?:x{1000}){1000}"}
         ^ the regular expression takes more than 1048576 bytes: repeat less

    	b=1
    	  ^ expected a value in quotes, found `1`
    "#);
}

#[test]
fn long_texts_are_refused() {
    let long = format!("a=\"{}\"", "x".repeat(TEXT_BYTES_MAX));
    assert_eq!(
        parse(&long).unwrap_err().to_string(),
        "the selector is 16388 bytes long, the limit is 16384 at character 1"
    );
    let many = "a=\"\",".repeat(MATCHERS_MAX + 1);
    assert_eq!(parse(&many).unwrap_err().message, "more than 64 conditions");
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let op = prop_oneof![Just(MatchOp::Equal), Just(MatchOp::NotEqual)];
    let plain = ("(?s).{1,20}", op, "(?s).{0,40}");
    let pattern = (
        "[a-z./_-]{1,20}",
        Just(MatchOp::Regex),
        prop_oneof!["[a-z]{0,10}", Just(r"GET /\d+|a.*".to_owned())],
    );
    let matcher = prop_oneof![plain.prop_map(|m| m), pattern.prop_map(|m| m)];
    let matcher = matcher.prop_map(|(key, op, value)| Matcher { key: key.into(), op, value: value.into() });
    prop::collection::vec(matcher, 0..6).prop_map(|matchers| Selector { matchers })
}

proptest! {
    #[test]
    fn print_is_the_inverse_of_parse(selector in any_selector()) {
        let text = print(&selector);
        prop_assert_eq!(parse(&text).map_err(|error| render(&text, &error)), Ok(selector));
    }

    #[test]
    fn parse_never_panics(text in "(?s).{0,60}", structured in r#"[{}a=~!"'`\\(\[,x|*+é\n ]{0,40}"#) {
        for text in [text, structured] {
            match parse(&text) {
                Ok(selector) => prop_assert_eq!(parse(&print(&selector)), Ok(selector)),
                Err(error) => {
                    prop_assert!(error.position <= text.chars().count());
                    prop_assert!(render(&text, &error).contains('^'));
                }
            }
        }
    }
}
