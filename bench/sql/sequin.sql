-- One turn of a consumer: claim, take the payloads over the wire, ack. For pgbench -M prepared -D batch=N.
SELECT count(*) AS taken, coalesce(array_agg(ack_id), '{}')::text AS ids, string_agg(message::text, '') AS payloads FROM sequin.receive('consume', batch_size => :batch) \gset
SELECT count(*) FROM sequin.ack('consume', :ids::uuid[]);
SELECT 1 / (CASE WHEN :taken::int = :batch::int THEN 1 ELSE 0 END) AS the_batch_was_full;
