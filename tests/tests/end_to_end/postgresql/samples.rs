//! A value, or several, of every type that an application's table may have. They are more than the 100 arguments that a call of a function
//! in PostgreSQL may have.

/// A value of a type.
pub(super) struct Sample {
    /// The type as SQL.
    pub(super) kind: &'static str,
    /// What is inserted.
    pub(super) literal: &'static str,
    /// What every version of PostgreSQL writes for it under the settings that Turnout pins.
    pub(super) text: &'static str,
    /// The first version that has the value.
    pub(super) since: u32,
}

impl Sample {
    /// The samples that this version and all later ones have.
    pub(super) fn of(version: u32) -> Vec<Self> {
        let common = COMMON.iter().map(|sample| (13, sample));
        let later = LATER.iter().map(|(since, sample)| (*since, sample));
        let all = common.chain(later).map(|(since, &(kind, literal, text))| Self {
            kind,
            literal,
            text: if text == SAME { literal } else { text },
            since,
        });
        all.filter(|sample| sample.since <= version).collect()
    }
}

/// The types that the samples need, for a database in which they are not.
pub(super) const TYPES: &str = r#"
create extension hstore;
create extension citext;
create extension ltree;
create type mood as enum ('sad', 'o k', 'it''s "quoted"');
create type pair as (n integer, "Text" text, at timestamptz);
create domain positive as numeric(10,2) check (value > 0);
create domain short as character(4);
"#;

/// The text is the literal.
const SAME: &str = "\0";

const COMMON: &[(&str, &str, &str)] = &[
    ("smallint", "-32768", SAME),
    ("integer", "2147483647", SAME),
    ("bigint", "-9223372036854775808", SAME),
    ("numeric", "NaN", SAME),
    ("numeric", "-0.0000000000000000000000000012300", SAME),
    ("numeric", "1e30", "1000000000000000000000000000000"),
    ("numeric(12,3)", "9800.5", "9800.500"),
    ("real", "1.1", SAME),
    ("real", "-Infinity", SAME),
    ("real", "-0", SAME),
    ("real", "1e-45", SAME),
    ("double precision", "0.1", SAME),
    ("double precision", "-0", SAME),
    ("double precision", "NaN", SAME),
    ("double precision", "Infinity", SAME),
    ("double precision", "2.2250738585072014e-308", SAME),
    ("double precision", "1e23", "9.999999999999999e+22"),
    ("money", "-1234567.89", "-$1,234,567.89"),
    ("text", "it's \"so\", (a\\b)\n\t☃ 🦄", SAME),
    ("text", "", SAME),
    ("varchar(20)", "  padded  ", SAME),
    ("character(6)", "ab ", "ab    "),
    ("short", "x", "x   "),
    ("\"char\"", "a", SAME),
    ("name", "pg_class", SAME),
    ("citext", "MiXed", SAME),
    ("bytea", "\\x00ff5c27", SAME),
    ("timestamp", "infinity", SAME),
    ("timestamp", "0044-03-15 12:00:00.000001 BC", SAME),
    ("timestamp(0)", "2024-02-29 23:59:59.5", "2024-03-01 00:00:00"),
    ("timestamptz", "-infinity", SAME),
    ("timestamptz", "2024-03-31 02:30:00.5+02", "2024-03-31 00:30:00.5+00"),
    ("timestamptz", "294276-12-31 23:59:59.999999+00", SAME),
    ("date", "infinity", SAME),
    ("date", "5874897-12-31", SAME),
    ("date", "4713-01-01 BC", SAME),
    ("time", "24:00:00", SAME),
    ("time(3)", "12:34:56.7891", "12:34:56.789"),
    ("timetz", "23:59:59.999999-15:59", SAME),
    ("interval", "-1 years -2 mons +3 days -04:05:06.789", SAME),
    ("interval", "14 months", "1 year 2 mons"),
    ("interval", "-0.000001 s", "-00:00:00.000001"),
    ("boolean", "f", SAME),
    ("mood", "it's \"quoted\"", SAME),
    (
        "uuid",
        "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ),
    ("cidr", "192.168.0.0/16", SAME),
    ("cidr", "::ffff:1.2.3.0/120", SAME),
    ("inet", "192.168.0.1/24", SAME),
    ("inet", "2001:db8::1/64", SAME),
    ("macaddr", "08002b:010203", "08:00:2b:01:02:03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", SAME),
    ("bit(5)", "10110", SAME),
    ("bit varying(9)", "101", SAME),
    ("bit varying", "", SAME),
    ("json", r#"{"b": 1.50, "a":  "\u00e9", "b": null}"#, SAME),
    (
        "jsonb",
        r#"{"b": 1.50, "a": "\u00e9 \"q\"", "c": [1e3, -0, null, true]}"#,
        r#"{"a": "é \"q\"", "b": 1.50, "c": [1000, 0, null, true]}"#,
    ),
    ("jsonb", r#""\ud83e\udd84 \u0001""#, r#""🦄 \u0001""#),
    ("jsonpath", r#"$."a"[*]?(@."b" > 1.50)"#, SAME),
    (
        "xml",
        r"<?xml version='1.0' encoding='UTF-8'?><a b='1'>é<![CDATA[<]]></a>",
        "<a b='1'>é<![CDATA[<]]></a>",
    ),
    ("xml", "plain &amp; text", SAME),
    ("integer[]", "[0:1]={1,NULL}", SAME),
    ("text[]", r#"{"a \"b\"",NULL,"NULL","","\\","{x,y}"}"#, SAME),
    ("text[]", r#"{{"a,b",c},{"d e",🦄}}"#, SAME),
    ("numeric[]", "{NaN,1.50}", SAME),
    ("real[]", "{-0,0.1,Infinity}", SAME),
    ("boolean[]", "{t,f,NULL}", SAME),
    ("date[]", "{2024-02-01,infinity}", SAME),
    (
        "timestamptz[]",
        r#"{"2024-01-01 00:00+03",infinity}"#,
        r#"{"2023-12-31 21:00:00+00",infinity}"#,
    ),
    ("money[]", "{1.50,-2}", "{$1.50,-$2.00}"),
    ("interval[]", "{1 mon,-1 day}", r#"{"1 mon","-1 days"}"#),
    ("bytea[]", r#"{"\\x00","\\xff"}"#, SAME),
    ("character(3)[]", "{a,NULL}", r#"{"a  ",NULL}"#),
    (
        "pair[]",
        r#"{"(1,\"a \"\"b\"\"\",\"2024-01-01 00:00:00+00\")",NULL}"#,
        SAME,
    ),
    ("int4range", "[1,5]", "[1,6)"),
    ("int4range", "empty", SAME),
    ("int8range", "(,7)", SAME),
    ("numrange", "(,1.50]", SAME),
    ("daterange", "[2024-01-01,)", SAME),
    (
        "tsrange",
        "[2024-01-01 00:00,infinity]",
        r#"["2024-01-01 00:00:00",infinity]"#,
    ),
    (
        "tstzrange",
        "[2024-01-01 00:00+03,infinity)",
        r#"["2023-12-31 21:00:00+00",infinity)"#,
    ),
    (
        "pair",
        r#"(1,"a, ""b"" \\ ",2024-01-01 00:00+03)"#,
        r#"(1,"a, ""b"" \\ ","2023-12-31 21:00:00+00")"#,
    ),
    ("pair", "(,,)", SAME),
    ("positive", "1.5", "1.50"),
    ("point", "(-0,1e-07)", SAME),
    ("line", "{1,-1,0.1}", SAME),
    ("lseg", "[(0,0),(1,0.1)]", SAME),
    ("box", "(3,4),(1,2)", SAME),
    ("path", "[(0,0),(1,1),(2,0.3)]", SAME),
    ("polygon", "((0,0),(1,1),(2,0))", SAME),
    ("circle", "<(0,0.1),1e+300>", SAME),
    ("tsvector", "fat:2A,4 cat:3 🦄:5", "'cat':3 'fat':2A,4 '🦄':5"),
    (
        "tsquery",
        "'fat' & !( 'rat':ab | 'cat':* <2> 'dog' )",
        "'fat' & !( 'rat':AB | 'cat':* <2> 'dog' )",
    ),
    (
        "hstore",
        r#"a=>1, "b c"=>NULL, "q\"q"=>"""#,
        r#""a"=>"1", "b c"=>NULL, "q\"q"=>"""#,
    ),
    ("ltree", "Top.Science", SAME),
    ("pg_lsn", "16/B374D848", SAME),
    ("xid8", "18446744073709551615", SAME),
    ("oid", "4294967295", SAME),
    ("int2vector", "1 2 3", SAME),
];

const LATER: &[(u32, (&str, &str, &str))] = &[
    (14, ("numeric", "-Infinity", SAME)),
    (14, ("int4multirange", "{[1,3),[5,9)}", SAME)),
    (
        14,
        (
            "tstzmultirange",
            "{[2024-01-01 00:00+03,2024-01-02 00:00+03)}",
            r#"{["2023-12-31 21:00:00+00","2024-01-01 21:00:00+00")}"#,
        ),
    ),
    (17, ("interval", "infinity", SAME)),
];
