-- A claim alone, for its cost at different backlogs: the messages are given back.
SELECT coalesce(array_agg(ack_id), '{}')::text AS ids FROM sequin.receive(:consumer::text, batch_size => :batch) \gset
SELECT count(*) FROM sequin.ack(:consumer::text, :ids::uuid[]);
