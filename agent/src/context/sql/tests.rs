//! Queries of every shape, whole and cut.

use super::*;

fn whole(text: &str) -> Query {
    describe(QueryText { head: text.as_bytes(), tail: b"", is_whole: true })
}

#[test]
fn summaries_name_operations_and_tables() {
    let cases = [
        ("SELECT * FROM photos", "SELECT photos"),
        ("select id from Photos p where x = 'from users'", "SELECT Photos"),
        ("SELECT 1", "SELECT"),
        ("", ""),
        ("   ;", ""),
        (
            r#"SELECT "auth_user"."id" FROM "auth_user" WHERE "auth_user"."id" = 7 LIMIT 21"#,
            "SELECT auth_user",
        ),
        (
            r#"SELECT * FROM "song list", public.photos AS p, users u WHERE 1=1"#,
            r#"SELECT "song list" public.photos users"#,
        ),
        ("SELECT * FROM a JOIN b USING (id) LEFT OUTER JOIN c.d ON a.id = d.id", "SELECT a b c.d"),
        ("SELECT * FROM (SELECT id FROM photos) AS x, likes", "SELECT photos likes"),
        ("SELECT EXTRACT(EPOCH FROM taken_at), a IS DISTINCT FROM b FROM photos", "SELECT photos"),
        ("SELECT * FROM photos ORDER BY random(), id FOR UPDATE SKIP LOCKED", "SELECT photos"),
        ("SELECT * FROM photos a, photos b", "SELECT photos"),
        ("SELECT * FROM generate_series(1, 10)", "SELECT generate_series"),
        (
            "INSERT INTO likes (photo, person) VALUES (1, 2) ON CONFLICT DO UPDATE SET person = 2",
            "INSERT likes",
        ),
        ("INSERT INTO archive SELECT * FROM photos", "INSERT archive SELECT photos"),
        ("UPDATE ONLY photos SET likes = likes + 1 FROM users", "UPDATE photos users"),
        ("DELETE FROM photos USING users WHERE true", "DELETE photos users"),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = 1", "MERGE a b"),
        (
            "WITH recent AS (SELECT * FROM photos), other AS MATERIALIZED (SELECT 1) SELECT * FROM recent, other",
            "SELECT photos",
        ),
        (
            "WITH gone AS (DELETE FROM photos RETURNING *) INSERT INTO archive SELECT * FROM gone",
            "DELETE photos INSERT archive",
        ),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS by_time ON photos (taken_at)",
            "CREATE INDEX by_time",
        ),
        ("CREATE TABLE IF NOT EXISTS photos (id int)", "CREATE TABLE photos"),
        ("DROP VIEW a", "DROP VIEW a"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY top", "REFRESH top"),
        ("COPY photos (id) FROM STDIN", "COPY photos"),
        ("TRUNCATE TABLE a, b", "TRUNCATE a b"),
        ("BEGIN; SELECT 1; COMMIT", "BEGIN COMMIT"),
        ("EXPLAIN ANALYZE SELECT * FROM photos", "EXPLAIN SELECT photos"),
        ("SET application_name TO 'x'", "SET"),
        ("DECLARE \"_django_curs_1\" CURSOR FOR SELECT * FROM photos", "DECLARE SELECT photos"),
        ("/* a */ SELECT/**/*/* /* nested */ */FROM--x\nphotos", "SELECT photos"),
        ("SELECT * FROM фото", "SELECT фото"),
        ("SELECT * FROM photos WHERE body = $$ FROM users $$ OR a = $q$ JOIN $$ b $q$", "SELECT photos"),
    ];
    for (text, expected) in cases {
        assert_eq!(whole(text).summary, expected, "{text}");
    }
}

#[test]
fn texts_have_no_values() {
    let cases = [
        (
            "SELECT  *\n\tFROM photos  WHERE id=7 and Name = 'it''s'",
            "SELECT * FROM photos WHERE id=? and Name = ?",
        ),
        ("SELECT -1.5e-3, .5, 0x1f, 1_000, $1, $2::int", "SELECT -?, ?, ?, ?, ?, ?::int"),
        (r"SELECT E'it\'s', N'x', B'01', x'ff', U&'\0041', 'c:\'", "SELECT ?, ?, ?, ?, ?, ?"),
        ("SELECT $$a'b$$, $tag$ $$ $tag$, $1", "SELECT ?, ?, ?"),
        (r#"SELECT "a ""b""", U&"d\0061t""#, r#"SELECT "a ""b""", U&"d\0061t""#),
        ("SELECT 1 -- a comment\n, /* b /* c */ 'd' */ 2", "SELECT ? , ?"),
        (
            "SELECT * FROM a WHERE x IN (1, 2, -3, 'd', NULL) AND y IN ($1,$2)",
            "SELECT * FROM a WHERE x IN (?) AND y IN (?)",
        ),
        ("SELECT * FROM a WHERE (x, y) IN ((1, 2), (3, 4))", "SELECT * FROM a WHERE (x, y) IN (?)"),
        ("SELECT * FROM a WHERE x IN (SELECT 1, 2)", "SELECT * FROM a WHERE x IN (SELECT ?, ?)"),
        (
            "INSERT INTO a VALUES (1, 'b', DEFAULT), (2, 'c', true),(3, 'd', false) RETURNING id",
            "INSERT INTO a VALUES (?) RETURNING id",
        ),
        ("INSERT INTO a VALUES (now(), 1), (now(), 2)", "INSERT INTO a VALUES (now(), ?), (now(), ?)"),
        ("SELECT a->>'b', c @> '{}' FROM d", "SELECT a->>?, c @> ? FROM d"),
        // What is not closed may hold anything.
        ("SELECT 'secret", "SELECT ?"),
        ("SELECT \"a, 'secret'", "SELECT ?"),
        ("SELECT $x$ secret $y$", "SELECT ?"),
        ("SELECT E'secret\\'", "SELECT ?"),
        ("SELECT 1 /* secret /* */", "SELECT ?"),
        ("SELECT x IN (1, 'secret", "SELECT x IN (?)"),
        ("$", "$"),
        ("$secret", "$secret"),
    ];
    for (text, expected) in cases {
        assert_eq!(whole(text).text, expected, "{text}");
    }
}

#[test]
fn long_texts_are_named_by_their_start_and_their_comment() {
    let values: Vec<String> = (0..2000).map(|number| format!("'secret {number}'")).collect();
    let text = format!(
        "SELECT * FROM photos WHERE id IN ({}) AND x = 'secret' /*route='feed%%2F',action='list'*/",
        values.join(", ")
    );
    let bytes = text.as_bytes();
    let expected = Query {
        summary: "SELECT photos".to_owned(),
        text: "SELECT * FROM photos WHERE id IN (?) …".to_owned(),
        comment: whole("SELECT 1 /*route='feed%2F',action='list'*/").comment,
    };
    assert!(expected.comment.is_some());
    // Both ends, as they are read from a process, or all of it.
    let (head, tail) = (&bytes[..512], &bytes[bytes.len() - 512..]);
    let both = describe(QueryText { head, tail, is_whole: false });
    assert_eq!(both, expected);
    assert_eq!(whole(&text), expected);

    let cut_in_name = describe(QueryText { head: b"SELECT * FROM a, pho", tail: b"tos", is_whole: false });
    let whole = describe(QueryText { head: b"SELECT * FROM a, pho", tail: b"tos", is_whole: true });
    assert_eq!((whole.summary.as_str(), whole.text.as_str()), ("SELECT a photos", "SELECT * FROM a, photos"));
    assert_eq!((cut_in_name.summary.as_str(), cut_in_name.text.as_str()), ("SELECT a", "SELECT * FROM a, …"));
}

#[test]
fn hostile_text_is_bounded() {
    let long_name = format!("SELECT * FROM {}", "n".repeat(10_000));
    let long_list =
        format!("SELECT * FROM {}", (0..300).map(|at| format!("table_{at}")).collect::<Vec<_>>().join(","));
    let open = [
        "(",
        "/*",
        "'",
        "\"",
        "$$",
        "$a$",
        "E'\\",
        "--",
        "IN (",
        "VALUES (1),",
        "a.",
        "\u{fffd}",
        "u&\"",
        "é",
    ];
    let texts = open.iter().flat_map(|piece| [piece.repeat(1000), format!("SELECT {}", piece.repeat(7))]);
    for text in texts.chain([long_name, long_list]) {
        let query = whole(&text);
        assert!(query.summary.len() <= 240, "{text}");
        assert!(query.text.len() <= 512, "{text}");
        // Every way to cut it.
        for at in 0..40.min(text.len()) {
            let (head, tail) = text.as_bytes().split_at(at);
            assert_eq!(describe(QueryText { head, tail, is_whole: true }), query);
            let cut = describe(QueryText { head, tail, is_whole: false });
            assert!(cut.text.len() <= 512 && cut.text.ends_with('…'), "{text}");
        }
    }
    let invalid = describe(QueryText {
        head: b"SELECT \xff\xfe FROM ph\xffotos \0 x",
        tail: b"\xf0\x9f /*route='\xff'*/",
        is_whole: false,
    });
    assert_eq!(invalid.summary, "SELECT ph\u{fffd}otos");
    assert_eq!(invalid.comment.unwrap().calling_endpoint().unwrap(), "/\u{fffd}");
}

#[test]
fn endpoints_of_backends() {
    assert_eq!(whole("SELECT * FROM photos").endpoint(), "sql:SELECT photos");
    assert_eq!(whole("-- nothing").endpoint(), "sql:(empty)");
}

#[test]
fn comments_name_the_sender() {
    let cases = [
        ("SELECT 1 /*route='/feed'*/", Some("/feed")),
        ("SELECT 1 /*action='list',controller='photos'*/;\n", Some("photos#list")),
        ("SELECT 1 /* controller='photos:feed', framework='django%3A5.2' */", Some("photos:feed")),
        ("SELECT 1 /*action='list'*/", Some("list")),
        ("SELECT 1 /*action='a',route='items%2F%3Cint%3Aid%3E%2F'*/", Some("/items/{id}/")),
        ("SELECT 1 /*route='%%5Eitems%%2F%%24'*/", Some("/items/")),
        (r"SELECT 1 /*route='it\'s',controller='x'*/", Some("/it's")),
        ("SELECT 1 /*route='',controller='x'*/", Some("x")),
        ("SELECT 1 /*route='%zz%2'*/", Some("/%zz%2")),
        ("SELECT 1 /*db_driver='psycopg2'*/", None),
        ("SELECT 1 /*route='/a'*/ /* plain */", None),
        ("SELECT 1 /*route='/a*/", None),
        ("SELECT 1 /*user='x'*/", None),
        ("/*route='/a'*/ SELECT 1", None),
        ("route='/a'*/", None),
        ("SELECT 1", None),
        ("", None),
    ];
    for (text, expected) in cases {
        let found = whole(text).comment.and_then(|comment| comment.calling_endpoint());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn comments_keep_what_is_known() {
    let trace = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";
    let text = format!(
        "SELECT 1 /*application='shop',db_driver='psycopg%3A3',traceparent='{trace}',route='a',route='b',user='x'*/"
    );
    let comment = whole(&text).comment.unwrap();
    let expected = [
        ("application", Some("shop")),
        ("db_driver", Some("psycopg:3")),
        ("traceparent", Some(trace)),
        ("route", Some("a")),
        ("user", None),
        ("controller", None),
    ];
    for (key, value) in expected {
        assert_eq!(comment.get(key), value, "{key}");
    }
    let long = whole(&format!("SELECT 1 /*route='{}'*/", "é".repeat(200))).comment.unwrap();
    assert_eq!(long.get("route"), Some("é".repeat(127).as_str()));
}
