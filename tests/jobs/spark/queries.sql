-- What stages may write, in DuckDB's dialect: test_sql.py runs each on both engines.

-- name: group
SELECT hash AS doc, count(*) AS n, count(hash) AS m, min(score) AS low, max(host) AS host FROM {k}
GROUP BY hash

-- name: group by all
SELECT rank AS doc, kept, count(DISTINCT host) AS n FROM {k} GROUP BY ALL

-- name: join using
SELECT doc, b.n FROM {k} JOIN (SELECT hash, count(*) AS n FROM {k} GROUP BY hash) b USING (hash)

-- name: left join
SELECT k.doc, b.doc AS other FROM {k} k LEFT JOIN {k} b ON k.doc = b.doc + 4294967296

-- name: anti join
SELECT k.* FROM {k} k ANTI JOIN (SELECT doc FROM {k} WHERE kept) d ON k.doc = d.doc

-- name: semi join
SELECT k.doc FROM {k} k SEMI JOIN (SELECT hash FROM {k} WHERE kept) d ON k.hash = d.hash

-- name: unnest
SELECT doc, unnest(bands) AS band FROM {k}

-- name: unnest, then group
SELECT band AS doc, min(doc) AS first FROM (SELECT doc, unnest(bands) AS band FROM {k}) GROUP BY
band

-- name: distinct
SELECT DISTINCT hash AS doc, host FROM {k}

-- name: union
SELECT doc FROM {k} WHERE rank > 0 UNION SELECT doc FROM {k} WHERE kept

-- name: except
SELECT doc FROM {k} EXCEPT SELECT doc FROM {k} WHERE kept

-- name: null is what it is
SELECT doc, NULL AS reason, CAST(NULL AS VARCHAR) AS why FROM {k}

-- name: case
SELECT doc, CASE WHEN score < 0.3 THEN 'low' WHEN score IS NULL THEN 'none' END AS reason FROM {k}

-- name: window
SELECT doc, row_number() OVER (PARTITION BY host ORDER BY score DESC, doc) AS place FROM {k}

-- name: nulls in an order
SELECT doc, row_number() OVER (ORDER BY hash, score DESC, doc) AS place FROM {k}

-- name: qualify
SELECT doc, host FROM {k} QUALIFY row_number() OVER (PARTITION BY host ORDER BY score, doc) = 1

-- name: arg_min
SELECT rank AS doc, arg_min(doc, (score, doc)) AS best FROM {k} WHERE score IS NOT NULL GROUP BY
rank

-- name: integer division
SELECT doc, doc // 7 AS q, (rank - 3) // 2 AS r, doc % 7 AS m, (rank - 3) % 2 AS o FROM {k}

-- name: shards
SELECT doc, doc // 4294967296 AS shard, doc % 4294967296 AS row, doc >> 32 AS s FROM {k}

-- name: bits
SELECT doc, hash & 255 AS a, hash | 1 AS o, xor(hash, doc) AS x FROM {k}

-- name: division
SELECT doc, rank / 3 AS a, doc / 3.0 AS b, score / 0.1 AS c FROM {k}

-- name: decimals
SELECT doc, score * 1.1 AS a, rank * 0.25 AS b, score > 0.7 AS c FROM {k}

-- name: sums
SELECT rank AS doc, CAST(sum(doc) AS BIGINT) AS s, sum(rank) AS wide, sum(score) AS f FROM {k} GROUP
BY rank

-- name: average
SELECT host, rank AS doc, avg(rank) AS mean, avg(doc) AS big FROM {k} GROUP BY host, rank

-- name: lists
SELECT rank AS doc, list_sort(list(doc)) AS docs FROM {k} GROUP BY rank

-- name: list lookups
SELECT doc, list_contains(bands, 2) AS has, array_length(bands) AS n FROM {k}

-- name: least
SELECT doc, least(doc, hash) AS a, greatest(rank, 0) AS b, coalesce(hash, -1) AS c FROM {k}

-- name: text
SELECT doc, length(host) AS n, upper(host) AS u, host || '/' AS url, substr(host, 1, 2) AS s FROM
{k}

-- name: like
SELECT doc, host LIKE '%.ex%' AS a, host IN ('b.example', 'x') AS b FROM {k}

-- name: distinct from
SELECT doc, hash IS DISTINCT FROM score AS a, host IS NOT DISTINCT FROM NULL AS b FROM {k}

-- name: filter
SELECT rank AS doc, count(*) FILTER (WHERE kept) AS n, bool_or(kept) AS any FROM {k} GROUP BY rank

-- name: with
WITH a AS (SELECT doc, hash FROM {k}), b AS (SELECT hash FROM a GROUP BY hash) SELECT doc FROM a
JOIN b USING (hash)

-- name: large literals
SELECT doc, 5000000000 AS a, 9223372036854775807 AS b, 1e3 AS c FROM {k}

-- name: nothing
SELECT * FROM {k} WHERE doc < 0
