-- The same turn with PGMQ: read, take the payloads over the wire, delete.
SELECT count(*) AS taken, coalesce(array_agg(msg_id), '{}')::text AS ids, string_agg(message::text, '') AS payloads FROM pgmq.read('bench', 30, :batch) \gset
SELECT count(*) FROM pgmq.delete('bench', :ids::bigint[]);
SELECT 1 / (CASE WHEN :taken::int = :batch::int THEN 1 ELSE 0 END) AS the_batch_was_full;
