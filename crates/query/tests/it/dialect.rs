use crate::{check, rows};

#[test]
fn u1_select_from_and_joins() {
    check(&[
        (
            "SELECT 1 + 2 AS three, 'a' || 'b', 7 / 2, 7 % 2, -3",
            "[[3, \"ab\", 3, 1, -3]]",
        ),
        (
            "SELECT DISTINCT account_id FROM aws_iam_users ORDER BY 1",
            r#"[["222222222222"], ["333333333333"]]"#,
        ),
        (
            "SELECT u.user_name AS n FROM aws_iam_users AS u WHERE u.user_name = 'ana'",
            r#"[["ana"]]"#,
        ),
        (
            "SELECT a.x, b.y FROM (VALUES (1), (2)) AS a(x) JOIN (VALUES (2), (3)) AS b(y) ON a.x = b.y",
            "[[2, 2]]",
        ),
        (
            "SELECT x, y FROM (VALUES (1), (2)) a(x) LEFT JOIN (VALUES (2), (3)) b(y) ON x = y ORDER BY 1",
            "[[1, null], [2, 2]]",
        ),
        (
            "SELECT x, y FROM (VALUES (1), (2)) a(x) RIGHT JOIN (VALUES (2), (3)) b(y) ON x = y ORDER BY 2",
            "[[2, 2], [null, 3]]",
        ),
        (
            "SELECT x, y FROM (VALUES (1), (2)) a(x) FULL JOIN (VALUES (2), (3)) b(y) ON x = y ORDER BY 1, 2",
            "[[1, null], [2, 2], [null, 3]]",
        ),
        (
            "SELECT count(*) FROM (VALUES (1), (2)) a(x) CROSS JOIN (VALUES (2), (3)) b(y)",
            "[[4]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (2)) a(x) JOIN (VALUES (2), (3)) b(x) USING (x)",
            "[[2]]",
        ),
    ]);
}

#[test]
fn u1_nested_grouped_ordered_and_combined() {
    check(&[
        (
            "SELECT m FROM (SELECT max(x) AS m FROM (VALUES (1), (5)) v(x)) s",
            "[[5]]",
        ),
        (
            "SELECT (SELECT max(x) FROM (VALUES (1), (5)) v(x)) AS m",
            "[[5]]",
        ),
        (
            "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT y FROM b",
            "[[2]]",
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r ORDER BY n",
            "[[1], [2], [3]]",
        ),
        ("VALUES (1, 'a'), (2, 'b')", r#"[[1, "a"], [2, "b"]]"#),
        (
            "SELECT account_id, count(*) FROM aws_iam_users GROUP BY account_id HAVING count(*) > 5 ORDER BY 1",
            r#"[["333333333333", 8]]"#,
        ),
        (
            "SELECT x FROM (VALUES (1), (NULL), (3)) v(x) ORDER BY x DESC",
            "[[null], [3], [1]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (NULL), (3)) v(x) ORDER BY x",
            "[[1], [3], [null]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (NULL), (3)) v(x) ORDER BY x NULLS FIRST",
            "[[null], [1], [3]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (NULL), (3)) v(x) ORDER BY x DESC NULLS LAST LIMIT 1 OFFSET 1",
            "[[1]]",
        ),
        ("SELECT 1 UNION SELECT 1", "[[1]]"),
        (
            "SELECT count(*) FROM (SELECT 1 UNION ALL SELECT 1) s",
            "[[2]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (2)) v(x) INTERSECT SELECT 2",
            "[[2]]",
        ),
        (
            "SELECT x FROM (VALUES (1), (2)) v(x) EXCEPT SELECT 2",
            "[[1]]",
        ),
    ]);
}

#[test]
fn u1_predicates_and_expressions() {
    check(&[
        (
            "SELECT user_name FROM aws_iam_users u WHERE EXISTS (SELECT 1 FROM aws_iam_user_access_keys k WHERE k.user_cq_id = u.cq_id AND k.status = 'Inactive')",
            r#"[["ana"]]"#,
        ),
        (
            "SELECT count(*) FROM aws_iam_users WHERE cq_id NOT IN (SELECT user_cq_id FROM aws_iam_user_access_keys)",
            "[[3]]",
        ),
        (
            "SELECT 2 IN (1, 2), 2 = ANY(ARRAY[1, 2]), 2 BETWEEN 1 AND 3, 5 NOT BETWEEN 1 AND 3",
            "[[true, true, true, true]]",
        ),
        (
            "SELECT 'abc' LIKE 'a%', 'abc' ILIKE 'A_C', 'abc' NOT LIKE 'b%'",
            "[[true, true, true]]",
        ),
        (
            "SELECT 'abc' ~ '^a', 'abc' ~* '^A', 'abc' !~ 'z', 'abc' !~* 'Z'",
            "[[true, true, true, true]]",
        ),
        (
            "SELECT NULL IS NULL, 1 IS NOT NULL, NULL IS DISTINCT FROM 1, NULL IS NOT DISTINCT FROM NULL",
            "[[true, true, true, true]]",
        ),
        (
            "SELECT CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END, CASE 2 WHEN 2 THEN 'two' END, coalesce(NULL, 'x'), nullif(1, 1)",
            r#"[["b", "two", "x", null]]"#,
        ),
        (
            "SELECT '5'::int8 + 1, CAST('6' AS bigint), 7::text, 'true'::bool, '1.5'::float8",
            r#"[[6, 6, "7", true, 1.5]]"#,
        ),
        (
            "SELECT lower('A'), upper('b'), length('äb'), trim(' x '), split_part('a/b/c', '/', 2), replace('abc', 'b', '-'), substring('hello' FROM 2 FOR 3), position('l' IN 'hello'), left('abc', 2), starts_with('abc', 'ab')",
            r#"[["a", "B", 2, "x", "b", "a-c", "ell", 3, "ab", true]]"#,
        ),
        (
            "SELECT regexp_replace('a1b2', '[0-9]', '-', 'g'), greatest(1, 3, 2), abs(-2), round(2.5), concat('a', NULL, 'b'), concat_ws('-', 'a', 'b')",
            r#"[["a-b-", 3, 2, 3.0, "ab", "a-b"]]"#,
        ),
    ]);
}

#[test]
fn u1_aggregates_and_windows() {
    const V: &str = "(VALUES ('a', 1, true), ('a', 3, false), ('b', NULL, true)) v(k, x, f)";
    let with = |select: &str| select.replace("{V}", V);
    let table = [
        (
            "SELECT count(*), count(x), count(DISTINCT k), sum(x), min(x), max(x), avg(x) FROM {V}",
            "[[3, 2, 2, 4, 1, 3, 2.0]]",
        ),
        ("SELECT bool_or(f), bool_and(f) FROM {V}", "[[true, false]]"),
        (
            "SELECT string_agg(k, ',' ORDER BY k DESC), array_agg(x ORDER BY x) FROM {V}",
            r#"[["b,a,a", [1, 3, null]]]"#,
        ),
        (
            "SELECT string_agg(DISTINCT k, ',' ORDER BY k) FROM {V}",
            r#"[["a,b"]]"#,
        ),
        (
            "SELECT jsonb_agg(k ORDER BY k), jsonb_agg(x ORDER BY x) FROM {V}",
            r#"[[["a", "a", "b"], [1, 3, null]]]"#,
        ),
        (
            "SELECT jsonb_agg(tags ORDER BY user_name) FROM aws_iam_users WHERE user_name < 'd'",
            r#"[[[{"email": "ana@example.test"}, {"email": "ben@example.test", "team": "x"}, {"email": "cho@example.test"}]]]"#,
        ),
        (
            "SELECT count(*) FILTER (WHERE f), sum(x) FILTER (WHERE k = 'a'), jsonb_agg(k) FILTER (WHERE k = 'b') FROM {V}",
            r#"[[2, 4, ["b"]]]"#,
        ),
        (
            "SELECT k, row_number() OVER (PARTITION BY k ORDER BY x) AS n FROM {V} ORDER BY k, n",
            r#"[["a", 1], ["a", 2], ["b", 1]]"#,
        ),
        (
            "SELECT rank() OVER (ORDER BY k) AS r, lag(x) OVER (ORDER BY k, x) AS l, lead(x) OVER (ORDER BY k, x) AS n FROM {V} ORDER BY k, x",
            "[[1, null, 3], [1, 1, null], [3, 3, null]]",
        ),
        (
            "SELECT sum(count(*)) OVER () AS n FROM {V} GROUP BY k LIMIT 1",
            "[[3]]",
        ),
        (
            "SELECT count(x), sum(x), max(x) FROM {V} WHERE k = 'z'",
            "[[0, null, null]]",
        ),
    ];
    let table: Vec<_> = table.iter().map(|(sql, rows)| (with(sql), *rows)).collect();
    check(&table);
}

#[test]
fn u2_json() {
    const J: &str = r#"(VALUES ('{"a": 1, "b": {"c": ["x", {"d": null}]}, "n": null, "t": "text"}'::jsonb)) v(j)"#;
    let table = [
        (
            "SELECT j->'a', j->'b'->'c'->0, j->'b'->'c'->>0, j->'t', j->>'t' FROM {J}",
            r#"[[1, "x", "x", "text", "text"]]"#,
        ),
        (
            "SELECT j->'b'->'c' -> -1, j->'b'->'c'->9, j->'b'->>'c' FROM {J}",
            r#"[[{"d": null}, null, "[\"x\",{\"d\":null}]"]]"#,
        ),
        (
            "SELECT j->>'missing', j->>'n', j->'n', (NULL::text)->>'a' FROM {J}",
            "[[null, null, null, null]]",
        ),
        (
            "SELECT j->>'missing' IS NULL, j->>'n' IS NULL, j->>'a' = '1' FROM {J}",
            "[[true, true, true]]",
        ),
        (
            "SELECT j#>'{b,c,0}', j#>>'{b,c,0}', j#>>'{b,c,9}', j#>>ARRAY['b','c','0'] FROM {J}",
            r#"[["x", "x", null, "x"]]"#,
        ),
        (
            r#"SELECT j @> '{"a": 1}', j @> '{"b": {"c": ["x"]}}', j @> '{"a": 2}' FROM {J}"#,
            "[[true, true, false]]",
        ),
        (
            "SELECT j ? 'a', j ? 'z', j->'b'->'c' ? 'x' FROM {J}",
            "[[true, false, true]]",
        ),
        (
            "SELECT jsonb_array_elements(j->'b'->'c') FROM {J}",
            r#"[["x"], [{"d": null}]]"#,
        ),
        (
            "SELECT jsonb_array_elements_text(j->'b'->'c') FROM {J}",
            r#"[["x"], ["{\"d\":null}"]]"#,
        ),
        (
            "SELECT jsonb_object_keys(j) AS k FROM {J} ORDER BY k",
            r#"[["a"], ["b"], ["n"], ["t"]]"#,
        ),
        (
            "SELECT jsonb_array_length(j->'b'->'c'), (j->>'a')::int8 + 1 FROM {J}",
            "[[2, 2]]",
        ),
        (
            "SELECT e.v->>'d' AS d, e.t FROM (SELECT j->>'t' AS t, jsonb_array_elements(j->'b'->'c') AS v FROM {J}) e WHERE e.t = 'text'",
            r#"[[null, "text"], [null, "text"]]"#,
        ),
        (
            "SELECT tags->>'team' AS team, count(*) FROM aws_iam_users GROUP BY 1 ORDER BY 2 DESC, 1",
            r#"[[null, 12], ["x", 1]]"#,
        ),
        ("SELECT j->>'t' || '!' FROM {J}", r#"[["text!"]]"#),
        ("SELECT coalesce(j->>'n', '-') FROM {J}", r#"[["-"]]"#),
    ];
    let table: Vec<_> = table
        .iter()
        .map(|(sql, rows)| (sql.replace("{J}", J), *rows))
        .collect();
    check(&table);
}

#[test]
fn u3_time() {
    check(&[
        (
            "SELECT now(), current_timestamp, current_date",
            r#"[["2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-20"]]"#,
        ),
        (
            "SELECT now() - interval '90 days', now() - '90 days'::interval",
            r#"[["2026-08-22T00:00:00Z", "2026-08-22T00:00:00Z"]]"#,
        ),
        (
            "SELECT now() - interval '3 months', now() + interval '1 month', now() - interval '1 year'",
            r#"[["2026-08-20T00:00:00Z", "2026-12-20T00:00:00Z", "2025-11-20T00:00:00Z"]]"#,
        ),
        (
            "SELECT now() - interval '36 hours', now() + interval '1 day 2 hours'",
            r#"[["2026-11-18T12:00:00Z", "2026-11-21T02:00:00Z"]]"#,
        ),
        (
            "SELECT date_trunc('month', '2026-11-20T13:14:15Z'::timestamptz)",
            r#"[["2026-11-01T00:00:00Z"]]"#,
        ),
        (
            "SELECT extract(year FROM now()), extract(day FROM now()), extract(epoch FROM '1970-01-02T00:00:00Z'::timestamptz)",
            "[[2026, 20, 86400.0]]",
        ),
        (
            "SELECT age('2026-11-20'::timestamptz, '2026-08-20'::timestamptz) = interval '3 months'",
            "[[true]]",
        ),
        (
            "SELECT age('2026-01-01'::timestamptz) > interval '300 days'",
            "[[true]]",
        ),
        (
            "SELECT user_name FROM aws_iam_users WHERE password_last_used > '2026-09-01' ORDER BY 1",
            r#"[["ana"]]"#,
        ),
        (
            "SELECT user_name FROM aws_iam_users WHERE password_last_used = '2026-08-22T00:00:00Z'",
            r#"[["gus"]]"#,
        ),
        (
            "SELECT user_name FROM aws_iam_users WHERE password_last_used < '2026-08-22 00:00:00+00' AND password_last_used > '2026-08-21' ORDER BY 1",
            r#"[["jan"]]"#,
        ),
        (
            "SELECT count(*) FROM aws_iam_users WHERE password_last_used < now() - interval '90 days'",
            "[[5]]",
        ),
        (
            "SELECT to_timestamp(0), '2026-11-20'::date",
            r#"[["1970-01-01T00:00:00Z", "2026-11-20"]]"#,
        ),
        (
            "SELECT '2026-11-20T01:00:00+01:00'::timestamptz",
            r#"[["2026-11-20T00:00:00Z"]]"#,
        ),
    ]);
}

#[test]
fn u4_logic_comments_and_names() {
    check(&[
        (
            "SELECT NULL::int8 < 1, NULL AND false, NULL OR true, NOT NULL::bool",
            "[[null, false, true, null]]",
        ),
        (
            "SELECT count(*) FROM (VALUES (1), (NULL)) v(x) WHERE x < 5",
            "[[1]]",
        ),
        (
            "SELECT count(*) FROM (VALUES (1), (NULL)) v(x) WHERE NOT x < 5",
            "[[0]]",
        ),
        ("SELECT true OR false AND false", "[[true]]"),
        (
            "/* a /* nested */ comment */ SELECT 1 -- and a line\n;",
            "[[1]]",
        ),
        ("sElEcT 1 WhErE tRuE;", "[[1]]"),
        (
            "SELECT User_Name FROM AWS_IAM_Users WHERE USER_NAME = 'ana'",
            r#"[["ana"]]"#,
        ),
        (
            "SELECT public.aws_iam_users.user_name FROM public.aws_iam_users WHERE user_name = 'ana'",
            r#"[["ana"]]"#,
        ),
        ("SELECT 1 AS \"Mixed Case\"", "[[1]]"),
    ]);
    let names = rows("SELECT count(*), max(user_name), user_name || 'x', lower('A') AS l, user_name::text FROM aws_iam_users GROUP BY user_name LIMIT 1").unwrap();
    let names: Vec<&str> = names[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        ["count", "max", "user_name || 'x'", "l", "user_name"]
    );
}

/// Unsupported PostgreSQL features must fail clearly. Once one works, move its row up and remove it
/// from `docs/reference/sql.md`.
#[test]
fn what_is_not_done_is_said() {
    for sql in [
        "SELECT e FROM aws_iam_users u, jsonb_array_elements(u.tags) e",
        "SELECT e.key FROM aws_iam_users u CROSS JOIN LATERAL jsonb_each_text(u.tags) e",
        "SELECT jsonb_each_text(tags) FROM aws_iam_users",
        "SELECT '[1]'::jsonb->-1",
        "SELECT to_char(now(), 'YYYY')",
        "SELECT to_date('2026', 'YYYY')",
        "SELECT 'a' LIKE ANY(ARRAY['a%'])",
        "SELECT user_name FROM aws_iam_users WHERE (account_id, user_name) IN (SELECT '2', 'ana')",
        "SELECT user_name FROM aws_iam_users FETCH FIRST 1 ROWS ONLY",
        "SELECT jsonb_build_object('a', 1)",
        "TABLE aws_iam_users",
        "SELECT x FROM LATERAL unnest(ARRAY[1, 2]) AS v(x), generate_series(1, v.x)",
    ] {
        let said = rows(sql).unwrap_err();
        assert!(said.starts_with("error"), "{sql}: {said}");
    }
}

#[test]
fn u5_only_one_statement_that_reads() {
    for sql in [
        "",
        " -- nothing",
        "SELECT 1; SELECT 2",
        "INSERT INTO aws_iam_users SELECT * FROM aws_iam_users",
        "DELETE FROM aws_iam_users",
        "UPDATE aws_iam_users SET arn = 'x'",
        "CREATE TABLE t (x int)",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "DROP TABLE aws_iam_users",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN DELETE FROM aws_iam_users",
        "EXPLAIN EXPLAIN SELECT 1",
        "EXPLAIN SELECT * INTO t FROM aws_iam_users",
        "SHOW TABLES",
        "SELECT * INTO t FROM aws_iam_users",
        "SELECT * FROM aws_iam_users FOR UPDATE",
        "WITH d AS (DELETE FROM aws_iam_users RETURNING arn) SELECT * FROM d",
    ] {
        let said = rows(sql).unwrap_err();
        let refused =
            said.starts_with("error[E_SQL_READONLY]") || said.starts_with("error[E_SQL_SYNTAX]");
        assert!(refused, "{sql}: {said}");
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM information_schema.tables",
    ] {
        assert!(rows(sql).is_err(), "{sql}");
    }
}

#[test]
fn u5_what_is_wrong_comes_with_its_place() {
    for (sql, said) in [
        (
            "SELECT *\nFROM aws_iam_user",
            "error[E_SQL_TABLE]: there is no table `aws_iam_user`\n  line 2, column 6:\n  FROM aws_iam_user\n       ^\n  help: nearest: `aws_iam_users`, `aws_iam_roles`, `aws_iam_groups`\n",
        ),
        (
            "SELECT cq_id FROM aws_iam_users JOIN okta_users ON true",
            "error[E_SQL_AMBIGUOUS]: the column `cq_id` is ambiguous\n  line 1, column 8:\n  SELECT cq_id FROM aws_iam_users JOIN okta_users ON true\n         ^\n  help: it is in `aws_iam_users` and `okta_users`: name the table\n",
        ),
        (
            "SELECT user_nam FROM aws_iam_users",
            "error[E_SQL_COLUMN]: there is no column `user_nam`\n  line 1, column 8:\n  SELECT user_nam FROM aws_iam_users\n         ^\n  help: nearest: `user_name`, `user_id`, `arn`\n",
        ),
        (
            "SELECT (1\n  FROM t)",
            "error[E_SQL_SYNTAX]: expected: ), found: FROM\n  line 2, column 3:\n    FROM t)\n    ^\n",
        ),
    ] {
        assert_eq!(rows(sql).unwrap_err(), said);
    }
}
