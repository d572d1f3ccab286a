-- The same turn with PgQ: next batch (a tick was made every :batch events), its events over the wire, finish.
SELECT pgq.next_batch('bench', 'consume') AS id \gset
SELECT count(*) AS taken, string_agg(ev_data, '') AS payloads FROM pgq.get_batch_events(:id) \gset
SELECT pgq.finish_batch(:id);
SELECT 1 / (CASE WHEN :taken::int = :batch::int THEN 1 ELSE 0 END) AS the_batch_was_full;
