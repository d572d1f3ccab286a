-- The same turn with a queue table: UPDATE … FOR UPDATE SKIP LOCKED, take the payloads over the wire, DELETE.
WITH due AS (SELECT id FROM public.queue WHERE visible_at <= clock_timestamp() ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED), taken AS (UPDATE public.queue q SET visible_at = clock_timestamp() + interval '30 s', read_count = read_count + 1 FROM due WHERE q.id = due.id RETURNING q.id, q.payload) SELECT count(*) AS taken, coalesce(array_agg(id), '{}')::text AS ids, string_agg(payload, '') AS payloads FROM taken \gset
DELETE FROM public.queue WHERE id = ANY (:ids::bigint[]);
SELECT 1 / (CASE WHEN :taken::int = :batch::int THEN 1 ELSE 0 END) AS the_batch_was_full;
