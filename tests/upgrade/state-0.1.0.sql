-- A database of version 0.1.0 in the middle of its work, written by tests/upgrade/record.
CREATE TABLE public.orders (id int PRIMARY KEY, customer text NOT NULL, state text, amount numeric(10, 2), note text);
ALTER TABLE public.orders REPLICA IDENTITY FULL;
CREATE TABLE public.payments (id int PRIMARY KEY, paid_at timestamptz);
CREATE TABLE sequin.log_1 (LIKE sequin.log_0 INCLUDING ALL) WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER EXTENSION sequin ADD TABLE sequin.log_1;
CREATE TABLE sequin.route_1 (LIKE sequin.route_0 INCLUDING ALL) WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off, toast_tuple_target = 8160);
ALTER EXTENSION sequin ADD TABLE sequin.route_1;
ALTER TABLE sequin.log_1 INHERIT sequin.log_0;
CREATE TABLE sequin.log_2 (LIKE sequin.log_0 INCLUDING ALL) WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER EXTENSION sequin ADD TABLE sequin.log_2;
CREATE TABLE sequin.route_2 (LIKE sequin.route_0 INCLUDING ALL) WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off, toast_tuple_target = 8160);
ALTER EXTENSION sequin ADD TABLE sequin.route_2;
ALTER TABLE sequin.log_2 INHERIT sequin.log_0;
COPY public.orders (id, customer, state, amount, note) FROM stdin;
1	c1	paid	1.50	\N
2	c2	paid	1.50	\N
3	c3	paid	1.50	\N
4	c4	paid	1.50	\N
5	c0	paid	1.50	\N
6	c1	paid	1.50	\N
8	c3	new	1.50	ünï
9	c4	new	1.50	ünï
10	c0	new	1.50	ünï
11	c1	new	1.50	ünï
12	c2	new	1.50	ünï
13	c3	new	1.50	ünï
14	c4	new	1.50	ünï
15	c0	new	1.50	ünï
16	c1	new	1.50	ünï
17	c2	new	1.50	ünï
18	c3	new	1.50	ünï
19	c4	new	1.50	ünï
20	c0	new	1.50	ünï
21	c1	new	1.50	ünï
22	c2	new	1.50	ünï
23	c3	new	1.50	ünï
24	c4	new	1.50	ünï
\.
COPY sequin.endpoint (id, uuid, name, url, headers, timeout_ms, created_at, updated_at) FROM stdin;
1	41b1dccd-e271-4f97-adf1-601ca42f9748	pushed	http://127.0.0.1:9/	{"a": "b"}	30000	2026-11-24 02:30:05.605606+00	2026-11-24 02:30:05.605606+00
\.
COPY sequin.stream (id, uuid, name, owner, one_message_per_key, retention_ms, created_at, updated_at) FROM stdin;
1	57facf7c-a3af-423f-b64a-c80bc154e95b	events	postgres	t	\N	2026-11-24 02:30:05.624934+00	2026-11-24 02:30:05.624934+00
\.
COPY sequin.consumer (id, uuid, name, owner, status, tables, actions, filter, group_columns, order_mode, visibility_timeout_ms, max_deliver, backoff_base_ms, backoff_max_ms, max_in_flight, push_batch_size, annotations, columns, exclude_columns, table_options, number_format, publish_via_partition_root, include_children, filter_transition, fill_unchanged, message_prefixes, backoff_ms, home, mode, key_pattern, stream, retain_ms, retain_bytes, endpoint, created_at, updated_at) FROM stdin;
1	5a43e9d8-d3bc-4412-b41f-b1a572dd5b5f	grouped	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	{customer}	group	30000	2	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	{0}	7711559677267842649:5	all	\N	\N	\N	\N	\N	2026-11-24 02:30:05.537948+00	2026-11-24 02:30:05.537948+00
2	eb9436a6-5125-488e-8124-2c644630f3ad	filtered	postgres	active	{public.orders}	{insert,update,delete,truncate}	new.state = 'new'	\N	none	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711559677267842649:5	all	\N	\N	\N	\N	\N	2026-11-24 02:30:05.593464+00	2026-11-24 02:30:05.593464+00
3	ab2caefb-c495-439c-8eec-deb8ed57dce0	pushed	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	12	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711559677267842649:5	all	\N	\N	\N	\N	1	2026-11-24 02:30:05.605606+00	2026-11-24 02:30:05.605606+00
4	be609fe2-0d89-4910-9380-5e24ef4ef3c5	latest	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711559677267842649:5	latest	\N	\N	\N	\N	\N	2026-11-24 02:30:05.608992+00	2026-11-24 02:30:05.608992+00
5	c83c8635-f9d2-40a6-ae94-c16a80ee6448	paused	postgres	paused	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711559677267842649:5	all	\N	\N	259200000	\N	\N	2026-11-24 02:30:05.615525+00	2026-11-24 02:30:05.615525+00
6	cfaf892e-9c85-48e9-ba6c-7c151ddd8716	everything	postgres	active	{*}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	string	t	f	update	f	\N	\N	7711559677267842649:5	all	\N	\N	\N	\N	\N	2026-11-24 02:30:05.621125+00	2026-11-24 02:30:05.621125+00
7	c741a384-3f32-4c45-8cae-a55cdf4f9b5d	listener	postgres	active	{}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711559677267842649:5	latest	a.>	1	\N	\N	\N	2026-11-24 02:30:05.626461+00	2026-11-24 02:30:05.626461+00
\.
COPY sequin.claim (consumer, epoch, no, nonce, next_ord, low_no, keep, last_rewind, taken_at, expires, n, kind, entries, open_claims, request) FROM stdin;
1	0	2	36070994482324616	2	2	0	0	2026-11-24 02:30:05.658772+00	2026-11-24 02:30:35.658772+00	1	c	\\x300206d44eee7a9c8740699b410000	\N	\N
1	0	1	6401346866873861	1	1	0	0	2026-11-24 02:30:05.644464+00	2026-11-24 02:30:35.644464+00	1	c	\\x2002575577cb55ccbb769b410000	\N	\N
1	0	3	18210034653869209	3	3	0	0	2026-11-24 02:30:05.661229+00	2026-11-24 02:30:35.661229+00	1	c	\\x30040a05412d523853a67e9b410000	\N	\N
1	0	4	223501678604710988	4	4	0	0	2026-11-24 02:30:05.664138+00	2026-11-24 02:30:35.664138+00	1	c	\\x30060ec16e1df713503fee9b410000	\N	\N
1	0	5	12265879654983239	4	5	0	0	2026-11-24 02:30:05.669704+00	2026-11-24 02:30:35.669704+00	1	c	\\x70040a05412d523853a67e9b4100000101	\N	\N
2	0	2	190951409763180317	2	2	0	0	2026-11-24 02:30:05.685496+00	2026-11-24 02:30:35.685496+00	1	c	\\x300206157c4a7fb979379e9b410000	\N	\N
2	0	1	176565127109283112	1	1	0	0	2026-11-24 02:30:05.674797+00	2026-11-24 02:30:35.674797+00	1	c	\\x200200000000000000009b410000	\N	\N
2	0	3	70490500028054352	3	3	0	0	2026-11-24 02:30:05.690129+00	2026-11-24 02:30:35.690129+00	1	c	\\x30040a2af894fe72f36e3c9b410000	\N	\N
2	0	4	220757000198861418	4	4	0	0	2026-11-24 02:30:05.694286+00	2026-11-24 02:30:35.694286+00	1	c	\\x30060e3f74df7d2c6da6da9b410000	\N	\N
2	0	5	189824301642276657	5	5	0	0	2026-11-24 02:30:05.707568+00	2026-11-24 02:30:35.707568+00	1	c	\\x30081254f029fde5e6dd789b410000	\N	\N
2	1	6	243274324211247804	0	5	0	0	2026-11-24 02:30:05.91064+00	2026-11-24 02:30:05.91064+00	0	r	\\x	\N	\N
2	1	7	154762304638385942	1	5	0	6	2026-11-24 02:30:05.911237+00	2026-11-24 02:30:35.911237+00	2	c	\\x30fbffffffffffff0f032af894fe72f31e7b9b41000010faffffffffffff0f060000000000000000	\N	\N
4	0	1	7035895709544339	10	1	0	0	2026-11-24 02:30:05.909835+00	2026-11-24 02:30:35.909835+00	3	c	\\x300e1e2430a0617d46d1819b4100000004ef93948b9c0e43ba0004f78eff3a06299078	\N	\N
\.
COPY sequin.dead_letter (id, consumer, ord, seq, dead_at, reason, attempts, last_error, group_key, message, entry, incarnation, commit_lsn, commit_time, commit_idx, relation, form, action, key, record, changes, meta) FROM stdin;
1	1	3	7	2026-11-24 02:30:05.66992+00	rejected	1	\N	["c4"]	{"record":{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"},"changes":null,"action":"insert","metadata":{"table_schema":"public","table_name":"orders","commit_timestamp":"2026-11-24T02:30:05.635993Z","commit_lsn":24197928,"commit_idx":0,"database_name":"postgres","transaction_annotations":null,"idempotency_key":"MjQxOTc5Mjg6MA==","record_pks":["4"],"consumer":{"id":"5a43e9d8-d3bc-4412-b41f-b1a572dd5b5f","name":"grouped","annotations":{}}}}	\\x70060ec16e1df713503fee9b4100000101	1	0/1713B28	2026-11-24 02:30:05.635993+00	0	"table_schema":"public","table_name":"orders"	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
\.
COPY sequin.delayed (deliver_at, id, stream, data_is_json, key, data, headers) FROM stdin;
2035-02-10 02:30:05.728944+00	1	1	f	a.later	much later	{}
\.
COPY sequin.feed (id, uuid, kind, consumer, relation, filter, order_by, start_at, chunk_rows, rows_per_second, upto_lsn, rows_total, state, error, created_at, changed_at, changed_lsn) FROM stdin;
1	dfad2b63-a0d4-4505-9c83-9d83ca83f010	backfill	6	16795	\N	\N	\N	2000	\N	0/171B478	560	done	\N	2026-11-24 02:30:05.732985+00	2026-11-24 02:30:05.770733+00	0/171D8F8
\.
COPY sequin.gap (declared_at, from_lsn, to_lsn, reason) FROM stdin;
2026-11-24 02:30:05.830233+00	0/171CA10	0/171DB18	the replication slot was made anew
\.
COPY sequin.latest (consumer, relation, hash, seq, key) FROM stdin;
4	16795	-9092408668361576412	15	["8"]
4	16795	-5025156693695884305	17	["9"]
4	16795	8687488787934056183	19	["10"]
4	16795	817371148632745217	21	["11"]
4	16795	5809029479254495854	23	["12"]
4	16795	2239770578535641121	41	["13"]
4	16795	-998181435212460262	43	["14"]
4	16795	-5538738972231009207	45	["15"]
4	16795	7026331019066803422	47	["16"]
4	16795	8276705392400605068	49	["17"]
4	16795	-5462736821649613420	51	["18"]
4	16795	-4084212173792120380	53	["19"]
4	16795	-4618055350425711717	55	["20"]
4	16795	-5744051650030675993	57	["21"]
4	16795	-193076679963914947	59	["22"]
4	16795	-6628498457874238109	61	["23"]
4	16795	4839066936595746529	63	["24"]
4	16795	-4144416849962483712	65	["1"]
4	16795	-3249713136282652206	67	["2"]
4	16795	2004838074150086685	69	["3"]
4	16795	6455920393149170790	71	["4"]
4	16795	-4617365217724581461	73	["5"]
4	16795	-236877073038495327	75	["6"]
4	16795	4316111628229817761	77	["7"]
\.
COPY sequin.log_1 (seq, commit_lsn, commit_time, commit_idx, xid, relation, form, action, key, record, changes, meta) FROM stdin;
1	0/17138E8	2026-11-24 02:30:05.63377+00	0	744	1	0	i	["1"]	{"id":1,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
2	0/17138E8	2026-11-24 02:30:05.63377+00	0	744	1	3	i	["1"]	{"id":"1","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
3	0/17139A8	2026-11-24 02:30:05.634013+00	0	745	1	0	i	["2"]	{"id":2,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
4	0/17139A8	2026-11-24 02:30:05.634013+00	0	745	1	3	i	["2"]	{"id":"2","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
5	0/1713A68	2026-11-24 02:30:05.634283+00	0	746	1	0	i	["3"]	{"id":3,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
6	0/1713A68	2026-11-24 02:30:05.634283+00	0	746	1	3	i	["3"]	{"id":"3","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
7	0/1713B28	2026-11-24 02:30:05.635993+00	0	747	1	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
8	0/1713B28	2026-11-24 02:30:05.635993+00	0	747	1	3	i	["4"]	{"id":"4","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
9	0/1714BE0	2026-11-24 02:30:05.637016+00	0	749	1	0	i	["5"]	{"id":5,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
10	0/1714BE0	2026-11-24 02:30:05.637016+00	0	749	1	3	i	["5"]	{"id":"5","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
11	0/1714CA0	2026-11-24 02:30:05.63841+00	0	750	1	0	i	["6"]	{"id":6,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
12	0/1714CA0	2026-11-24 02:30:05.63841+00	0	750	1	3	i	["6"]	{"id":"6","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
13	0/17150A8	2026-11-24 02:30:05.638551+00	0	752	1	0	i	["7"]	{"id":7,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
14	0/17150A8	2026-11-24 02:30:05.638551+00	0	752	1	3	i	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
15	0/1715DA8	2026-11-24 02:30:05.641375+00	0	754	1	0	i	["8"]	{"id":8,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
16	0/1715DA8	2026-11-24 02:30:05.641375+00	0	754	1	3	i	["8"]	{"id":"8","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
17	0/1715E68	2026-11-24 02:30:05.64291+00	0	755	1	0	i	["9"]	{"id":9,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
18	0/1715E68	2026-11-24 02:30:05.64291+00	0	755	1	3	i	["9"]	{"id":"9","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
19	0/1716838	2026-11-24 02:30:05.643118+00	0	757	1	0	i	["10"]	{"id":10,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
20	0/1716838	2026-11-24 02:30:05.643118+00	0	757	1	3	i	["10"]	{"id":"10","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
21	0/17168F8	2026-11-24 02:30:05.643523+00	0	758	1	0	i	["11"]	{"id":11,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
22	0/17168F8	2026-11-24 02:30:05.643523+00	0	758	1	3	i	["11"]	{"id":"11","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
23	0/17169B8	2026-11-24 02:30:05.643638+00	0	759	1	0	i	["12"]	{"id":12,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
24	0/17169B8	2026-11-24 02:30:05.643638+00	0	759	1	3	i	["12"]	{"id":"12","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
25	0/1719EF0	2026-11-24 02:30:05.723963+00	0	780	-1	0	p	["a.1"]	{"key":"a.1","data":{"n": 1},"headers":{}}		
26	0/171A508	2026-11-24 02:30:05.724838+00	0	782	-1	0	p	["a.2"]	{"key":"a.2","data":{"n": 1},"headers":{}}		
27	0/171A9B0	2026-11-24 02:30:05.728459+00	0	784	-1	0	p	["b.1"]	{"key":"b.1","data":{"n": 1},"headers":{}}		
28	0/171ADB0	2026-11-24 02:30:05.728741+00	0	786	-1	0	p	["a.1"]	{"key":"a.1","data":{"n": 1},"headers":{}}		
29	0/171C9E0	2026-11-24 02:30:05.76063+00	3	792	1	0	r	["1"]	{"id":"1","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
30	0/171C9E0	2026-11-24 02:30:05.76063+00	4	792	1	0	r	["2"]	{"id":"2","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
31	0/171C9E0	2026-11-24 02:30:05.76063+00	5	792	1	0	r	["3"]	{"id":"3","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
32	0/171C9E0	2026-11-24 02:30:05.76063+00	6	792	1	0	r	["4"]	{"id":"4","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
33	0/171C9E0	2026-11-24 02:30:05.76063+00	7	792	1	0	r	["5"]	{"id":"5","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
34	0/171C9E0	2026-11-24 02:30:05.76063+00	8	792	1	0	r	["6"]	{"id":"6","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
35	0/171C9E0	2026-11-24 02:30:05.76063+00	9	792	1	0	r	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
36	0/171C9E0	2026-11-24 02:30:05.76063+00	10	792	1	0	r	["8"]	{"id":"8","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
37	0/171C9E0	2026-11-24 02:30:05.76063+00	11	792	1	0	r	["9"]	{"id":"9","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
38	0/171C9E0	2026-11-24 02:30:05.76063+00	12	792	1	0	r	["10"]	{"id":"10","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
39	0/171C9E0	2026-11-24 02:30:05.76063+00	13	792	1	0	r	["11"]	{"id":"11","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
40	0/171C9E0	2026-11-24 02:30:05.76063+00	14	792	1	0	r	["12"]	{"id":"12","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"dfad2b63-a0d4-4505-9c83-9d83ca83f010"
\.
COPY sequin.log_2 (seq, commit_lsn, commit_time, commit_idx, xid, relation, form, action, key, record, changes, meta) FROM stdin;
41	0/171DE60	2026-11-24 02:30:05.841255+00	0	797	1	0	i	["13"]	{"id":13,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
42	0/171DE60	2026-11-24 02:30:05.841255+00	0	797	1	3	i	["13"]	{"id":"13","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
43	0/1721ED8	2026-11-24 02:30:05.845553+00	0	799	1	0	i	["14"]	{"id":14,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
44	0/1721ED8	2026-11-24 02:30:05.845553+00	0	799	1	3	i	["14"]	{"id":"14","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
45	0/1721F98	2026-11-24 02:30:05.847529+00	0	800	1	0	i	["15"]	{"id":15,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
46	0/1721F98	2026-11-24 02:30:05.847529+00	0	800	1	3	i	["15"]	{"id":"15","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
47	0/1722070	2026-11-24 02:30:05.849689+00	0	801	1	0	i	["16"]	{"id":16,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
48	0/1722070	2026-11-24 02:30:05.849689+00	0	801	1	3	i	["16"]	{"id":"16","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
49	0/1723398	2026-11-24 02:30:05.850804+00	0	802	1	0	i	["17"]	{"id":17,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
50	0/1723398	2026-11-24 02:30:05.850804+00	0	802	1	3	i	["17"]	{"id":"17","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
51	0/1723458	2026-11-24 02:30:05.852061+00	0	803	1	0	i	["18"]	{"id":18,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
52	0/1723458	2026-11-24 02:30:05.852061+00	0	803	1	3	i	["18"]	{"id":"18","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
53	0/1723518	2026-11-24 02:30:05.853716+00	0	804	1	0	i	["19"]	{"id":19,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
54	0/1723518	2026-11-24 02:30:05.853716+00	0	804	1	3	i	["19"]	{"id":"19","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
55	0/1723668	2026-11-24 02:30:05.853848+00	0	805	1	0	i	["20"]	{"id":20,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
56	0/1723668	2026-11-24 02:30:05.853848+00	0	805	1	3	i	["20"]	{"id":"20","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
57	0/1723788	2026-11-24 02:30:05.854302+00	0	806	1	0	i	["21"]	{"id":21,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
58	0/1723788	2026-11-24 02:30:05.854302+00	0	806	1	3	i	["21"]	{"id":"21","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
59	0/1725060	2026-11-24 02:30:05.859563+00	0	807	1	0	i	["22"]	{"id":22,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
60	0/1725060	2026-11-24 02:30:05.859563+00	0	807	1	3	i	["22"]	{"id":"22","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
61	0/1725120	2026-11-24 02:30:05.860116+00	0	808	1	0	i	["23"]	{"id":23,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
62	0/1725120	2026-11-24 02:30:05.860116+00	0	808	1	3	i	["23"]	{"id":"23","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
63	0/17251E0	2026-11-24 02:30:05.860361+00	0	809	1	0	i	["24"]	{"id":24,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
64	0/17251E0	2026-11-24 02:30:05.860361+00	0	809	1	3	i	["24"]	{"id":"24","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
65	0/17254E0	2026-11-24 02:30:05.863624+00	0	810	1	0	u	["1"]	{"id":1,"customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
66	0/17254E0	2026-11-24 02:30:05.863624+00	0	810	1	3	u	["1"]	{"id":"1","customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
67	0/17254E0	2026-11-24 02:30:05.863624+00	1	810	1	0	u	["2"]	{"id":2,"customer":"c2","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
68	0/17254E0	2026-11-24 02:30:05.863624+00	1	810	1	3	u	["2"]	{"id":"2","customer":"c2","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
69	0/17254E0	2026-11-24 02:30:05.863624+00	2	810	1	0	u	["3"]	{"id":3,"customer":"c3","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
70	0/17254E0	2026-11-24 02:30:05.863624+00	2	810	1	3	u	["3"]	{"id":"3","customer":"c3","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
71	0/17254E0	2026-11-24 02:30:05.863624+00	3	810	1	0	u	["4"]	{"id":4,"customer":"c4","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
72	0/17254E0	2026-11-24 02:30:05.863624+00	3	810	1	3	u	["4"]	{"id":"4","customer":"c4","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
73	0/17254E0	2026-11-24 02:30:05.863624+00	4	810	1	0	u	["5"]	{"id":5,"customer":"c0","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
74	0/17254E0	2026-11-24 02:30:05.863624+00	4	810	1	3	u	["5"]	{"id":"5","customer":"c0","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
75	0/17254E0	2026-11-24 02:30:05.863624+00	5	810	1	0	u	["6"]	{"id":6,"customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
76	0/17254E0	2026-11-24 02:30:05.863624+00	5	810	1	3	u	["6"]	{"id":"6","customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
77	0/1725568	2026-11-24 02:30:05.864101+00	0	811	1	0	d	["7"]	{"id":7,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
78	0/1725568	2026-11-24 02:30:05.864101+00	0	811	1	3	d	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
\.
COPY sequin.log_kept (seq, incarnation, commit_lsn, commit_time, commit_idx, xid, relation, form, action, key, record, changes, meta, kept_at, consumer) FROM stdin;
-2	1	0/1713B28	2026-11-24 02:30:05.635993+00	0	0	1	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}			2026-11-24 02:30:05.70801+00	2
\.
COPY sequin.progress (one, slot, system_id, timeline, fingerprint, incarnation, lsn, part_lsn, part_idx, next_seq, confirm_limit, stopped) FROM stdin;
t	sequin_5	7711559677267842649	1	vm:/tmp/sequin-record-jndzpxpf/data	2	0/1725598	0/0	0	79	0/2725598	t
\.
COPY sequin.relation (id, reloid, table_schema, table_name, since) FROM stdin;
1	16795	public	orders	0/1712EB8
\.
COPY sequin.route_1 (consumer, ord, n, entries) FROM stdin;
1	0	4	\\x2002575577cb55ccbb769b4100000004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee
1	4	2	\\x2012ab7dee74587ab6959b4100000004575577cb55ccbb76
1	6	1	\\x201ad44eee7a9c8740699b410000
1	7	2	\\x201e05412d523853a67e9b4100000004c16e1df713503fee
1	9	3	\\x2026ab7dee74587ab6959b4100000004575577cb55ccbb760004d44eee7a9c874069
2	0	4	\\x200200c0d740d5127cc69b4100000004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db8364099859
2	4	2	\\x2012ab39485fccd2ebbf9b4100000004a1311b9e8e71b6fc
2	6	1	\\x201aa135927ba8e8e53b9b410000
2	7	2	\\x201e2430a0617d46d1819b4100000004ef93948b9c0e43ba
2	9	3	\\x2026f78eff3a062990789b41000000040165e8a3bae2570b00046e92bca888d19d50
3	0	4	\\x200200c0d740d5127cc69b4100000004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db8364099859
3	4	2	\\x2012ab39485fccd2ebbf9b4100000004a1311b9e8e71b6fc
3	6	1	\\x201aa135927ba8e8e53b9b410000
3	7	2	\\x201e2430a0617d46d1819b4100000004ef93948b9c0e43ba
3	9	3	\\x2026f78eff3a062990789b41000000040165e8a3bae2570b00046e92bca888d19d50
4	0	4	\\x200200c0d740d5127cc69b4100000004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db8364099859
4	4	2	\\x2012ab39485fccd2ebbf9b4100000004a1311b9e8e71b6fc
4	6	1	\\x201aa135927ba8e8e53b9b410000
4	7	2	\\x201e2430a0617d46d1819b4100000004ef93948b9c0e43ba
4	9	3	\\x2026f78eff3a062990789b41000000040165e8a3bae2570b00046e92bca888d19d50
5	0	4	\\x200200c0d740d5127cc69b4100000004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db8364099859
5	4	2	\\x2012ab39485fccd2ebbf9b4100000004a1311b9e8e71b6fc
5	6	1	\\x201aa135927ba8e8e53b9b410000
5	7	2	\\x201e2430a0617d46d1819b4100000004ef93948b9c0e43ba
5	9	3	\\x2026f78eff3a062990789b41000000040165e8a3bae2570b00046e92bca888d19d50
6	0	4	\\x200400c0d740d5127cc69b4100000004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db8364099859
6	4	2	\\x2014ab39485fccd2ebbf9b4100000004a1311b9e8e71b6fc
6	6	1	\\x201ca135927ba8e8e53b9b410000
6	7	2	\\x20202430a0617d46d1819b4100000004ef93948b9c0e43ba
6	9	3	\\x2028f78eff3a062990789b41000000040165e8a3bae2570b00046e92bca888d19d50
6	12	12	\\x203a00c0d740d5127cc69b4100000002d2b1f3c91eb3e6d200021de8e4399b9dd21b00026644db83640998590002ab39485fccd2ebbf0002a1311b9e8e71b6fc0002a135927ba8e8e53b00022430a0617d46d1810002ef93948b9c0e43ba0002f78eff3a0629907800020165e8a3bae2570b00026e92bca888d19d50
7	0	1	\\x00328f18d06d2eae695f
7	1	1	\\x0034e68e9f8defbaa171
7	2	1	\\x00388f18d06d2eae695f
\.
COPY sequin.route_2 (consumer, ord, n, entries) FROM stdin;
1	12	1	\\x205205412d523853a67e9b410000
1	13	18	\\x2056c16e1df713503fee9b4100000004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069
2	12	1	\\x205221f0fc6f7943151f9b410000
2	13	11	\\x20561a8fc5f445bf25f29b410000000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743
3	12	1	\\x205221f0fc6f7943151f9b410000
3	13	18	\\x20561a8fc5f445bf25f29b410000000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
4	12	1	\\x205221f0fc6f7943151f9b410000
4	13	18	\\x20561a8fc5f445bf25f29b410000000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
5	12	1	\\x205221f0fc6f7943151f9b410000
5	13	18	\\x20561a8fc5f445bf25f29b410000000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
6	24	1	\\x205421f0fc6f7943151f9b410000
6	25	18	\\x20581a8fc5f445bf25f29b410000000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
\.
COPY sequin.routing (consumer, since, definition) FROM stdin;
1	0/170F650	{"id":1,"uuid":"5a43e9d8-d3bc-4412-b41f-b1a572dd5b5f","name":"grouped","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":["customer"],"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":2,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":[0],"home":"7711559677267842649:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.537948Z","updated_at":"2026-11-24T02:30:05.537948Z"}
2	0/170F8A8	{"id":2,"uuid":"eb9436a6-5125-488e-8124-2c644630f3ad","name":"filtered","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":"new.state = 'new'","group_columns":null,"order_mode":"none","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.593464Z","updated_at":"2026-11-24T02:30:05.593464Z"}
3	0/1710970	{"id":3,"uuid":"ab2caefb-c495-439c-8eec-deb8ed57dce0","name":"pushed","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":12,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":1,"created_at":"2026-11-24T02:30:05.605606Z","updated_at":"2026-11-24T02:30:05.605606Z"}
4	0/1710C60	{"id":4,"uuid":"be609fe2-0d89-4910-9380-5e24ef4ef3c5","name":"latest","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"latest","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.608992Z","updated_at":"2026-11-24T02:30:05.608992Z"}
5	0/1710EA8	{"id":5,"uuid":"c83c8635-f9d2-40a6-ae94-c16a80ee6448","name":"paused","owner":10,"status":"paused","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":259200000,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.615525Z","updated_at":"2026-11-24T02:30:05.615525Z"}
6	0/1711A20	{"id":6,"uuid":"cfaf892e-9c85-48e9-ba6c-7c151ddd8716","name":"everything","owner":10,"status":"active","tables":["*"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"string","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.621125Z","updated_at":"2026-11-24T02:30:05.621125Z"}
7	0/1712E88	{"id":7,"uuid":"c741a384-3f32-4c45-8cae-a55cdf4f9b5d","name":"listener","owner":10,"status":"active","tables":[],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711559677267842649:5","mode":"latest","key_pattern":"a.>","stream":1,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:30:05.626461Z","updated_at":"2026-11-24T02:30:05.626461Z"}
\.
COPY sequin.segment (no, log, route, incarnation, first_seq, created_at) FROM stdin;
1	16807	16814	1	1	2026-11-24 02:30:05.589497+00
2	16821	16828	2	41	2026-11-24 02:30:05.874636+00
\.
COPY sequin.segment_start (consumer, segment, ord) FROM stdin;
1	1	0
1	2	12
2	1	0
2	2	12
3	1	0
3	2	12
4	1	0
4	2	12
5	1	0
5	2	12
6	1	0
6	2	24
7	1	0
7	2	3
\.
COPY sequin.settle (consumer, pos, no, ready_at, outcome, absorbed, error) FROM stdin;
1	-1	1	-infinity	a	t	\N
1	-1	2	-infinity	a	t	\N
1	0	3	-infinity	n	t	\N
1	0	4	-infinity	d	t	\N
2	-1	1	-infinity	a	t	\N
2	-1	2	-infinity	a	t	\N
2	0	3	2026-11-24 02:30:10.840504+00	n	t	\N
2	0	4	-infinity	d	t	\N
\.
COPY sequin.stream_count (stream, messages, bytes) FROM stdin;
1	3	33
\.
COPY sequin.stream_message (stream, bytes, seq, first_time, "time", alone, key) FROM stdin;
1	11	26	2026-11-24 02:30:05.724838+00	2026-11-24 02:30:05.724838+00	t	a.2
1	11	27	2026-11-24 02:30:05.728459+00	2026-11-24 02:30:05.728459+00	t	b.1
1	11	28	2026-11-24 02:30:05.723963+00	2026-11-24 02:30:05.728741+00	t	a.1
\.
COPY sequin.consumer_grantee (consumer, grantee) FROM stdin;
1	sequin_monitor
\.
COPY sequin.feed_chunk (feed, consumer, low_ord, snapshot, held_ord, leaf, filenode, "position", first_snapshot, rows_read, rows_sent, complete) FROM stdin;
1	6	12	\\x1803000018030000	12	\N	\N	\N	\N	12	12	t
\.
COPY sequin.stream_grantee (stream, grantee, privilege) FROM stdin;
1	sequin_monitor	read
\.
SELECT setval('sequin.consumer_id_seq', 7, True);
SELECT setval('sequin.dead_letter_id_seq', 2, True);
SELECT setval('sequin.delayed_id_seq', 1, True);
SELECT setval('sequin.endpoint_id_seq', 1, True);
SELECT setval('sequin.feed_id_seq', 1, True);
SELECT setval('sequin.stream_id_seq', 1, True);
