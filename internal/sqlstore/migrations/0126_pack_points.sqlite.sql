-- The points of metrics that are in order. They are read along their index, a
-- block at a time, so this takes no memory, however many there are.
INSERT INTO metric_blocks (metric_id, block, step, at, value, nan, points)
SELECT h.metric_id, (h.n - 1) / 38, h.step, h.at, h.value, h.nan, (SELECT unhex(group_concat(packed_point(p.step, p.at, p.value, p.nan), ''))
  FROM (SELECT q.step, q.at, q.value, q.nan FROM metric_points q WHERE q.metric_id = h.metric_id AND q.n >= h.n AND q.n < h.n + 38 ORDER BY q.n) AS p)
FROM metrics k CROSS JOIN metric_points h WHERE k.ordered AND h.metric_id = k.id AND (h.n - 1) % 38 = 0;
UPDATE metrics SET packed = points WHERE ordered;
