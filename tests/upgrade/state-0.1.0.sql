-- A database of version 0.1.0 in the middle of its work, written by tests/upgrade/record.
CREATE TABLE public.orders (id int PRIMARY KEY, customer text NOT NULL, state text, amount numeric(10, 2), note text);
ALTER TABLE public.orders REPLICA IDENTITY FULL;
CREATE TABLE public.handled (consumer text, ack_id uuid, seq bigint, action text, id text, how text);
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
COPY public.handled (consumer, ack_id, seq, action, id, how) FROM stdin;
filtered	00000000-0001-8000-82b1-1e97fc6d7c60	1	insert	1	ack
filtered	00000000-0002-8000-813d-e2dbfc535cb1	3	insert	2	ack
filtered	00000000-0003-8000-8339-fa7d91e22add	5	insert	3	nack
filtered	00000000-0004-8000-8048-797a2e28bdd5	7	insert	4	dead_letter
filtered	00000000-0005-8000-8328-92b1ee0c98ab	9	insert	5	out
filtered	00000000-0005-8000-8728-92b1ee0c98ab	11	insert	6	out
filtered	00000000-0005-8000-8b28-92b1ee0c98ab	13	insert	7	out
grouped	00000000-0001-8000-824c-e50a4a1569eb	1	insert	1	ack
grouped	00000000-0002-8000-80e4-836c7a42496c	3	insert	2	ack
grouped	00000000-0003-8000-8269-4acb0f400628	5	insert	3	nack
grouped	00000000-0004-8000-80e0-92afd405eb63	7	insert	4	dead_letter
grouped	00000000-0005-8000-8029-1d74650b010a	9	insert	5	out
grouped	00000000-0005-8000-8429-1d74650b010a	11	insert	6	out
grouped	00000000-0005-8000-8829-1d74650b010a	13	insert	7	out
latest	00000000-0001-8000-8395-d6c6e23d0cee	15	insert	8	out
latest	00000000-0001-8000-8795-d6c6e23d0cee	17	insert	9	out
latest	00000000-0001-8000-8b95-d6c6e23d0cee	19	insert	10	out
\.
COPY sequin.endpoint (id, uuid, name, url, headers, timeout_ms, created_at, updated_at) FROM stdin;
1	d52c8a79-3b35-4c2a-a937-7efe9bcd2e68	pushed	http://127.0.0.1:9/	{"a": "b"}	30000	2026-11-24 02:45:01.665164+00	2026-11-24 02:45:01.665164+00
\.
COPY sequin.stream (id, uuid, name, owner, one_message_per_key, retention_ms, created_at, updated_at) FROM stdin;
1	a278adeb-070d-4ccc-9315-59f7d2ba05c7	events	postgres	t	\N	2026-11-24 02:45:01.679341+00	2026-11-24 02:45:01.679341+00
\.
COPY sequin.consumer (id, uuid, name, owner, status, tables, actions, filter, group_columns, order_mode, visibility_timeout_ms, max_deliver, backoff_base_ms, backoff_max_ms, max_in_flight, push_batch_size, annotations, columns, exclude_columns, table_options, number_format, publish_via_partition_root, include_children, filter_transition, fill_unchanged, message_prefixes, backoff_ms, home, mode, key_pattern, stream, retain_ms, retain_bytes, endpoint, created_at, updated_at) FROM stdin;
1	b185c933-4a27-4b39-81fa-b752754c7696	grouped	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	{customer}	group	30000	2	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	{0}	7711563503701665296:5	all	\N	\N	\N	\N	\N	2026-11-24 02:45:01.493483+00	2026-11-24 02:45:01.493483+00
2	b754112f-76a3-40be-bd1c-76099f0d3ca7	filtered	postgres	active	{public.orders}	{insert,update,delete,truncate}	new.state = 'new'	\N	none	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711563503701665296:5	all	\N	\N	\N	\N	\N	2026-11-24 02:45:01.660545+00	2026-11-24 02:45:01.660545+00
3	b20de8f2-34af-4d5b-85a6-fe70634ae788	pushed	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	12	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711563503701665296:5	all	\N	\N	\N	\N	1	2026-11-24 02:45:01.665164+00	2026-11-24 02:45:01.665164+00
4	686ce8a5-3f06-4e8a-8d5c-0d1d2c18bb8d	latest	postgres	active	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711563503701665296:5	latest	\N	\N	\N	\N	\N	2026-11-24 02:45:01.675454+00	2026-11-24 02:45:01.675454+00
5	6d8a676c-de3d-4dc4-babf-145910b5bd1b	paused	postgres	paused	{public.orders}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711563503701665296:5	all	\N	\N	259200000	\N	\N	2026-11-24 02:45:01.677129+00	2026-11-24 02:45:01.677129+00
6	c1253abf-f550-4af0-ac78-52071c834863	everything	postgres	active	{*}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	string	t	f	update	f	\N	\N	7711563503701665296:5	all	\N	\N	\N	\N	\N	2026-11-24 02:45:01.677537+00	2026-11-24 02:45:01.677537+00
7	86b67601-3a71-441a-a833-f8af487cc4d9	listener	postgres	active	{}	{insert,update,delete,truncate}	\N	\N	group	30000	\N	5000	86400000	\N	1	{}	\N	\N	{}	standard	t	f	update	f	\N	\N	7711563503701665296:5	latest	a.>	1	\N	\N	\N	2026-11-24 02:45:01.682608+00	2026-11-24 02:45:01.682608+00
\.
COPY sequin.claim (consumer, epoch, no, nonce, next_ord, low_no, keep, last_rewind, taken_at, expires, n, kind, entries, open_claims, request) FROM stdin;
1	0	2	64320796620900716	2	2	0	0	2026-11-24 02:45:01.75164+00	2026-11-24 03:45:01.75164+00	1	c	\\x300206d44eee7a9c8740699b410000	\N	\N
1	0	1	165759118661216747	1	1	0	0	2026-11-24 02:45:01.735506+00	2026-11-24 03:45:01.735506+00	1	c	\\x2002575577cb55ccbb769b410000	\N	\N
1	0	3	173752296625145384	3	3	0	0	2026-11-24 02:45:01.760726+00	2026-11-24 03:45:01.760726+00	1	c	\\x30040a05412d523853a67e9b410000	\N	\N
1	0	4	63211678657276771	4	4	0	0	2026-11-24 02:45:01.774496+00	2026-11-24 03:45:01.774496+00	1	c	\\x30060ec16e1df713503fee9b410000	\N	\N
1	0	5	11572859793768714	7	5	0	0	2026-11-24 02:45:01.78051+00	2026-11-24 03:45:01.78051+00	3	c	\\x300812ab7dee74587ab6959b4100000004575577cb55ccbb760004d44eee7a9c874069	\N	\N
2	0	2	89477002076314801	2	2	0	0	2026-11-24 02:45:01.785419+00	2026-11-24 03:45:01.785419+00	1	c	\\x300206157c4a7fb979379e9b410000	\N	\N
2	0	1	193969897077570656	1	1	0	0	2026-11-24 02:45:01.782188+00	2026-11-24 03:45:01.782188+00	1	c	\\x200200000000000000009b410000	\N	\N
2	0	3	232492273011665629	3	3	0	0	2026-11-24 02:45:01.788597+00	2026-11-24 03:45:01.788597+00	1	c	\\x30040a2af894fe72f36e3c9b410000	\N	\N
2	0	4	20399763990560213	4	4	0	0	2026-11-24 02:45:01.790897+00	2026-11-24 03:45:01.790897+00	1	c	\\x30060e3f74df7d2c6da6da9b410000	\N	\N
2	0	5	227593074082879659	7	5	0	0	2026-11-24 02:45:01.796638+00	2026-11-24 03:45:01.796638+00	3	c	\\x30081254f029fde5e6dd789b4100000004696c747c9f60151700047ee8befb58da4cb5	\N	\N
2	1	6	266049200523019109	0	5	0	0	2026-11-24 02:45:02.129581+00	2026-11-24 02:45:02.129581+00	0	r	\\x	\N	\N
4	0	1	258348703331192046	10	1	0	0	2026-11-24 02:45:02.126601+00	2026-11-24 03:45:02.126601+00	3	c	\\x300e1e2430a0617d46d1819b4100000004ef93948b9c0e43ba0004f78eff3a06299078	\N	\N
\.
COPY sequin.dead_letter (id, consumer, ord, seq, dead_at, reason, attempts, last_error, group_key, message, entry, incarnation, commit_lsn, commit_time, commit_idx, relation, form, action, key, record, changes, meta) FROM stdin;
1	1	3	7	2026-11-24 02:45:01.780737+00	rejected	1	\N	["c4"]	{"record":{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"},"changes":null,"action":"insert","metadata":{"table_schema":"public","table_name":"orders","commit_timestamp":"2026-11-24T02:45:01.701324Z","commit_lsn":24206944,"commit_idx":0,"database_name":"postgres","transaction_annotations":null,"idempotency_key":"MjQyMDY5NDQ6MA==","record_pks":["4"],"consumer":{"id":"b185c933-4a27-4b39-81fa-b752754c7696","name":"grouped","annotations":{}}}}	\\x70060ec16e1df713503fee9b4100000101	1	0/1715E60	2026-11-24 02:45:01.701324+00	0	"table_schema":"public","table_name":"orders"	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
\.
COPY sequin.delayed (deliver_at, id, stream, data_is_json, key, data, headers) FROM stdin;
2035-02-10 02:45:01.844531+00	1	1	f	a.later	much later	{}
\.
COPY sequin.feed (id, uuid, kind, consumer, relation, filter, order_by, start_at, chunk_rows, rows_per_second, upto_lsn, rows_total, state, error, created_at, changed_at, changed_lsn) FROM stdin;
1	a30ed85d-e8fa-4eb6-bc16-b4b74afd563e	backfill	6	16795	\N	\N	\N	2000	\N	0/171C928	560	done	\N	2026-11-24 02:45:01.853119+00	2026-11-24 02:45:01.917631+00	0/171EDA8
\.
COPY sequin.gap (declared_at, from_lsn, to_lsn, reason) FROM stdin;
2026-11-24 02:45:02.000711+00	0/171DEA8	0/171EFC8	the replication slot was made anew
\.
COPY sequin.held (consumer, relation, grp, ord, ready_at, wait, n, barrier, entries, error) FROM stdin;
1	16795	9126073196274860293	2	2027-09-20 02:45:01.765618+00	0	1	f	\\x600a05412d523853a67e9b4100000101	\N
2	16795	8871795991189452842	-4503599627370494	-infinity	0	1	f	\\x20032af894fe72f31e7b9b410000	\N
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
1	0/1715A38	2026-11-24 02:45:01.698745+00	0	742	1	0	i	["1"]	{"id":1,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
2	0/1715A38	2026-11-24 02:45:01.698745+00	0	742	1	3	i	["1"]	{"id":"1","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
3	0/1715CE0	2026-11-24 02:45:01.701181+00	0	744	1	0	i	["2"]	{"id":2,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
4	0/1715CE0	2026-11-24 02:45:01.701181+00	0	744	1	3	i	["2"]	{"id":"2","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
5	0/1715DA0	2026-11-24 02:45:01.70127+00	0	745	1	0	i	["3"]	{"id":3,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
6	0/1715DA0	2026-11-24 02:45:01.70127+00	0	745	1	3	i	["3"]	{"id":"3","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
7	0/1715E60	2026-11-24 02:45:01.701324+00	0	746	1	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
8	0/1715E60	2026-11-24 02:45:01.701324+00	0	746	1	3	i	["4"]	{"id":"4","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
9	0/1715F20	2026-11-24 02:45:01.701436+00	0	747	1	0	i	["5"]	{"id":5,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
10	0/1715F20	2026-11-24 02:45:01.701436+00	0	747	1	3	i	["5"]	{"id":"5","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
11	0/1715FE0	2026-11-24 02:45:01.703072+00	0	748	1	0	i	["6"]	{"id":6,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
12	0/1715FE0	2026-11-24 02:45:01.703072+00	0	748	1	3	i	["6"]	{"id":"6","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
13	0/17160B8	2026-11-24 02:45:01.703365+00	0	749	1	0	i	["7"]	{"id":7,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
14	0/17160B8	2026-11-24 02:45:01.703365+00	0	749	1	3	i	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
15	0/1716178	2026-11-24 02:45:01.704984+00	0	750	1	0	i	["8"]	{"id":8,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
16	0/1716178	2026-11-24 02:45:01.704984+00	0	750	1	3	i	["8"]	{"id":"8","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
17	0/1716238	2026-11-24 02:45:01.714385+00	0	751	1	0	i	["9"]	{"id":9,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
18	0/1716238	2026-11-24 02:45:01.714385+00	0	751	1	3	i	["9"]	{"id":"9","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
19	0/17162F8	2026-11-24 02:45:01.714701+00	0	752	1	0	i	["10"]	{"id":10,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
20	0/17162F8	2026-11-24 02:45:01.714701+00	0	752	1	3	i	["10"]	{"id":"10","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
21	0/17163B8	2026-11-24 02:45:01.716388+00	0	753	1	0	i	["11"]	{"id":11,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
22	0/17163B8	2026-11-24 02:45:01.716388+00	0	753	1	3	i	["11"]	{"id":"11","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
23	0/1716478	2026-11-24 02:45:01.721133+00	0	754	1	0	i	["12"]	{"id":12,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
24	0/1716478	2026-11-24 02:45:01.721133+00	0	754	1	3	i	["12"]	{"id":"12","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
25	0/171B5A0	2026-11-24 02:45:01.834797+00	0	776	-1	0	p	["a.1"]	{"key":"a.1","data":{"n": 1},"headers":{}}		
26	0/171BBA0	2026-11-24 02:45:01.836251+00	0	778	-1	0	p	["a.2"]	{"key":"a.2","data":{"n": 1},"headers":{}}		
27	0/171C060	2026-11-24 02:45:01.836481+00	0	780	-1	0	p	["b.1"]	{"key":"b.1","data":{"n": 1},"headers":{}}		
28	0/171C0F0	2026-11-24 02:45:01.841036+00	0	781	-1	0	p	["a.1"]	{"key":"a.1","data":{"n": 1},"headers":{}}		
29	0/171DE78	2026-11-24 02:45:01.911452+00	3	787	1	0	r	["1"]	{"id":"1","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
30	0/171DE78	2026-11-24 02:45:01.911452+00	4	787	1	0	r	["2"]	{"id":"2","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
31	0/171DE78	2026-11-24 02:45:01.911452+00	5	787	1	0	r	["3"]	{"id":"3","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
32	0/171DE78	2026-11-24 02:45:01.911452+00	6	787	1	0	r	["4"]	{"id":"4","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
33	0/171DE78	2026-11-24 02:45:01.911452+00	7	787	1	0	r	["5"]	{"id":"5","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
34	0/171DE78	2026-11-24 02:45:01.911452+00	8	787	1	0	r	["6"]	{"id":"6","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
35	0/171DE78	2026-11-24 02:45:01.911452+00	9	787	1	0	r	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
36	0/171DE78	2026-11-24 02:45:01.911452+00	10	787	1	0	r	["8"]	{"id":"8","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
37	0/171DE78	2026-11-24 02:45:01.911452+00	11	787	1	0	r	["9"]	{"id":"9","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
38	0/171DE78	2026-11-24 02:45:01.911452+00	12	787	1	0	r	["10"]	{"id":"10","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
39	0/171DE78	2026-11-24 02:45:01.911452+00	13	787	1	0	r	["11"]	{"id":"11","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
40	0/171DE78	2026-11-24 02:45:01.911452+00	14	787	1	0	r	["12"]	{"id":"12","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		,"backfill_id":"a30ed85d-e8fa-4eb6-bc16-b4b74afd563e"
\.
COPY sequin.log_2 (seq, commit_lsn, commit_time, commit_idx, xid, relation, form, action, key, record, changes, meta) FROM stdin;
41	0/171F300	2026-11-24 02:45:02.01775+00	0	792	1	0	i	["13"]	{"id":13,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
42	0/171F300	2026-11-24 02:45:02.01775+00	0	792	1	3	i	["13"]	{"id":"13","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
43	0/171F3C0	2026-11-24 02:45:02.019967+00	0	793	1	0	i	["14"]	{"id":14,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
44	0/171F3C0	2026-11-24 02:45:02.019967+00	0	793	1	3	i	["14"]	{"id":"14","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
45	0/171F480	2026-11-24 02:45:02.023404+00	0	794	1	0	i	["15"]	{"id":15,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
46	0/171F480	2026-11-24 02:45:02.023404+00	0	794	1	3	i	["15"]	{"id":"15","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
47	0/171F5D0	2026-11-24 02:45:02.031569+00	0	796	1	0	i	["16"]	{"id":16,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
48	0/171F5D0	2026-11-24 02:45:02.031569+00	0	796	1	3	i	["16"]	{"id":"16","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
49	0/171F690	2026-11-24 02:45:02.031899+00	0	797	1	0	i	["17"]	{"id":17,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
50	0/171F690	2026-11-24 02:45:02.031899+00	0	797	1	3	i	["17"]	{"id":"17","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
51	0/171F750	2026-11-24 02:45:02.032975+00	0	798	1	0	i	["18"]	{"id":18,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
52	0/171F750	2026-11-24 02:45:02.032975+00	0	798	1	3	i	["18"]	{"id":"18","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
53	0/171F810	2026-11-24 02:45:02.035841+00	0	799	1	0	i	["19"]	{"id":19,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
54	0/171F810	2026-11-24 02:45:02.035841+00	0	799	1	3	i	["19"]	{"id":"19","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
55	0/171F8D0	2026-11-24 02:45:02.037953+00	0	800	1	0	i	["20"]	{"id":20,"customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
56	0/171F8D0	2026-11-24 02:45:02.037953+00	0	800	1	3	i	["20"]	{"id":"20","customer":"c0","state":"new","amount":"1.50","note":"ünï"}		
57	0/171F990	2026-11-24 02:45:02.042024+00	0	801	1	0	i	["21"]	{"id":21,"customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
58	0/171F990	2026-11-24 02:45:02.042024+00	0	801	1	3	i	["21"]	{"id":"21","customer":"c1","state":"new","amount":"1.50","note":"ünï"}		
59	0/171FA50	2026-11-24 02:45:02.045767+00	0	802	1	0	i	["22"]	{"id":22,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
60	0/171FA50	2026-11-24 02:45:02.045767+00	0	802	1	3	i	["22"]	{"id":"22","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
61	0/171FB10	2026-11-24 02:45:02.04766+00	0	803	1	0	i	["23"]	{"id":23,"customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
62	0/171FB10	2026-11-24 02:45:02.04766+00	0	803	1	3	i	["23"]	{"id":"23","customer":"c3","state":"new","amount":"1.50","note":"ünï"}		
63	0/171FBD0	2026-11-24 02:45:02.047878+00	0	804	1	0	i	["24"]	{"id":24,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
64	0/171FBD0	2026-11-24 02:45:02.047878+00	0	804	1	3	i	["24"]	{"id":"24","customer":"c4","state":"new","amount":"1.50","note":"ünï"}		
65	0/171FED0	2026-11-24 02:45:02.048139+00	0	805	1	0	u	["1"]	{"id":1,"customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
66	0/171FED0	2026-11-24 02:45:02.048139+00	0	805	1	3	u	["1"]	{"id":"1","customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
67	0/171FED0	2026-11-24 02:45:02.048139+00	1	805	1	0	u	["2"]	{"id":2,"customer":"c2","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
68	0/171FED0	2026-11-24 02:45:02.048139+00	1	805	1	3	u	["2"]	{"id":"2","customer":"c2","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
69	0/171FED0	2026-11-24 02:45:02.048139+00	2	805	1	0	u	["3"]	{"id":3,"customer":"c3","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
70	0/171FED0	2026-11-24 02:45:02.048139+00	2	805	1	3	u	["3"]	{"id":"3","customer":"c3","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
71	0/171FED0	2026-11-24 02:45:02.048139+00	3	805	1	0	u	["4"]	{"id":4,"customer":"c4","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
72	0/171FED0	2026-11-24 02:45:02.048139+00	3	805	1	3	u	["4"]	{"id":"4","customer":"c4","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
73	0/171FED0	2026-11-24 02:45:02.048139+00	4	805	1	0	u	["5"]	{"id":5,"customer":"c0","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
74	0/171FED0	2026-11-24 02:45:02.048139+00	4	805	1	3	u	["5"]	{"id":"5","customer":"c0","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
75	0/171FED0	2026-11-24 02:45:02.048139+00	5	805	1	0	u	["6"]	{"id":6,"customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
76	0/171FED0	2026-11-24 02:45:02.048139+00	5	805	1	3	u	["6"]	{"id":"6","customer":"c1","state":"paid","amount":"1.50","note":null}	{"state":"new","note":"ünï"}	
77	0/171FF58	2026-11-24 02:45:02.048962+00	0	806	1	0	d	["7"]	{"id":7,"customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
78	0/171FF58	2026-11-24 02:45:02.048962+00	0	806	1	3	d	["7"]	{"id":"7","customer":"c2","state":"new","amount":"1.50","note":"ünï"}		
\.
COPY sequin.log_kept (seq, incarnation, commit_lsn, commit_time, commit_idx, xid, relation, form, action, key, record, changes, meta, kept_at, consumer) FROM stdin;
-2	1	0/1715E60	2026-11-24 02:45:01.701324+00	0	0	1	0	i	["4"]	{"id":4,"customer":"c4","state":"new","amount":"1.50","note":"ünï"}			2026-11-24 02:45:01.808025+00	2
\.
COPY sequin.progress (one, slot, system_id, timeline, fingerprint, incarnation, lsn, part_lsn, part_idx, next_seq, confirm_limit, stopped) FROM stdin;
t	sequin_5	7711563503701665296	1	vm:/tmp/sequin-record-_b0b1ps_/data	2	0/171FF88	0/0	0	79	0/271FF88	t
\.
COPY sequin.relation (id, reloid, table_schema, table_name, since) FROM stdin;
1	16795	public	orders	0/17151F0
\.
COPY sequin.route_1 (consumer, ord, n, entries) FROM stdin;
1	0	1	\\x2002575577cb55ccbb769b410000
1	1	11	\\x2006d44eee7a9c8740699b410000000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069
2	0	1	\\x200200c0d740d5127cc69b410000
2	1	11	\\x2006d2b1f3c91eb3e6d29b41000000041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b00042430a0617d46d1810004ef93948b9c0e43ba0004f78eff3a0629907800040165e8a3bae2570b00046e92bca888d19d50
3	0	1	\\x200200c0d740d5127cc69b410000
3	1	11	\\x2006d2b1f3c91eb3e6d29b41000000041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b00042430a0617d46d1810004ef93948b9c0e43ba0004f78eff3a0629907800040165e8a3bae2570b00046e92bca888d19d50
4	0	1	\\x200200c0d740d5127cc69b410000
4	1	11	\\x2006d2b1f3c91eb3e6d29b41000000041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b00042430a0617d46d1810004ef93948b9c0e43ba0004f78eff3a0629907800040165e8a3bae2570b00046e92bca888d19d50
5	0	1	\\x200200c0d740d5127cc69b410000
5	1	11	\\x2006d2b1f3c91eb3e6d29b41000000041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b00042430a0617d46d1810004ef93948b9c0e43ba0004f78eff3a0629907800040165e8a3bae2570b00046e92bca888d19d50
6	0	1	\\x200400c0d740d5127cc69b410000
6	1	11	\\x2008d2b1f3c91eb3e6d29b41000000041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b00042430a0617d46d1810004ef93948b9c0e43ba0004f78eff3a0629907800040165e8a3bae2570b00046e92bca888d19d50
6	12	12	\\x203a00c0d740d5127cc69b4100000002d2b1f3c91eb3e6d200021de8e4399b9dd21b00026644db83640998590002ab39485fccd2ebbf0002a1311b9e8e71b6fc0002a135927ba8e8e53b00022430a0617d46d1810002ef93948b9c0e43ba0002f78eff3a0629907800020165e8a3bae2570b00026e92bca888d19d50
7	0	1	\\x00328f18d06d2eae695f
7	1	1	\\x0034e68e9f8defbaa171
7	2	1	\\x00388f18d06d2eae695f
\.
COPY sequin.route_2 (consumer, ord, n, entries) FROM stdin;
1	12	19	\\x205205412d523853a67e9b4100000004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004575577cb55ccbb760004d44eee7a9c874069000405412d523853a67e0004c16e1df713503fee0004ab7dee74587ab6950004575577cb55ccbb760004d44eee7a9c874069
2	12	12	\\x205221f0fc6f7943151f9b41000000041a8fc5f445bf25f2000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743
3	12	19	\\x205221f0fc6f7943151f9b41000000041a8fc5f445bf25f2000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
4	12	19	\\x205221f0fc6f7943151f9b41000000041a8fc5f445bf25f2000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
5	12	19	\\x205221f0fc6f7943151f9b41000000041a8fc5f445bf25f2000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
6	24	19	\\x205421f0fc6f7943151f9b41000000041a8fc5f445bf25f2000449fc8e10407222b30004de04c9b1d58a826100048c1f99d8b3c3dc72000494dd20b4cd7530b40004c471cbc1aaf651c700049b8bc854205fe9bf0004e7d76c24750749b000043dcd5654c80d52fd000463752e98c5d702a40004e18e2088bdd12743000400c0d740d5127cc60004d2b1f3c91eb3e6d200041de8e4399b9dd21b00046644db83640998590004ab39485fccd2ebbf0004a1311b9e8e71b6fc0004a135927ba8e8e53b
\.
COPY sequin.routing (consumer, since, definition) FROM stdin;
1	0/1711B70	{"id":1,"uuid":"b185c933-4a27-4b39-81fa-b752754c7696","name":"grouped","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":["customer"],"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":2,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":[0],"home":"7711563503701665296:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.493483Z","updated_at":"2026-11-24T02:45:01.493483Z"}
2	0/1711DC8	{"id":2,"uuid":"b754112f-76a3-40be-bd1c-76099f0d3ca7","name":"filtered","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":"new.state = 'new'","group_columns":null,"order_mode":"none","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.660545Z","updated_at":"2026-11-24T02:45:01.660545Z"}
3	0/1712340	{"id":3,"uuid":"b20de8f2-34af-4d5b-85a6-fe70634ae788","name":"pushed","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":12,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":1,"created_at":"2026-11-24T02:45:01.665164Z","updated_at":"2026-11-24T02:45:01.665164Z"}
4	0/17135F0	{"id":4,"uuid":"686ce8a5-3f06-4e8a-8d5c-0d1d2c18bb8d","name":"latest","owner":10,"status":"active","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"latest","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.675454Z","updated_at":"2026-11-24T02:45:01.675454Z"}
5	0/1713838	{"id":5,"uuid":"6d8a676c-de3d-4dc4-babf-145910b5bd1b","name":"paused","owner":10,"status":"paused","tables":["public.orders"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":259200000,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.677129Z","updated_at":"2026-11-24T02:45:01.677129Z"}
6	0/1713A78	{"id":6,"uuid":"c1253abf-f550-4af0-ac78-52071c834863","name":"everything","owner":10,"status":"active","tables":["*"],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"string","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"all","key_pattern":null,"stream":null,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.677537Z","updated_at":"2026-11-24T02:45:01.677537Z"}
7	0/17151C0	{"id":7,"uuid":"86b67601-3a71-441a-a833-f8af487cc4d9","name":"listener","owner":10,"status":"active","tables":[],"actions":["insert","update","delete","truncate"],"filter":null,"group_columns":null,"order_mode":"group","visibility_timeout_ms":30000,"max_deliver":null,"backoff_base_ms":5000,"backoff_max_ms":86400000,"max_in_flight":null,"push_batch_size":1,"annotations":{},"columns":null,"exclude_columns":null,"table_options":{},"number_format":"standard","publish_via_partition_root":true,"include_children":false,"filter_transition":"update","fill_unchanged":false,"message_prefixes":null,"backoff_ms":null,"home":"7711563503701665296:5","mode":"latest","key_pattern":"a.>","stream":1,"retain_ms":null,"retain_bytes":null,"endpoint":null,"created_at":"2026-11-24T02:45:01.682608Z","updated_at":"2026-11-24T02:45:01.682608Z"}
\.
COPY sequin.segment (no, log, route, incarnation, first_seq, created_at) FROM stdin;
1	16807	16814	1	1	2026-11-24 02:45:01.638818+00
2	16821	16828	2	41	2026-11-24 02:45:02.106328+00
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
1	0	3	2027-09-20 02:45:01.765618+00	n	t	\N
1	0	4	-infinity	d	t	\N
2	-1	1	-infinity	a	t	\N
2	-1	2	-infinity	a	t	\N
2	0	3	2027-09-20 02:45:01.789221+00	n	t	\N
2	0	4	-infinity	d	t	\N
\.
COPY sequin.stream_count (stream, messages, bytes) FROM stdin;
1	3	33
\.
COPY sequin.stream_message (stream, bytes, seq, first_time, "time", alone, key) FROM stdin;
1	11	26	2026-11-24 02:45:01.836251+00	2026-11-24 02:45:01.836251+00	t	a.2
1	11	27	2026-11-24 02:45:01.836481+00	2026-11-24 02:45:01.836481+00	t	b.1
1	11	28	2026-11-24 02:45:01.834797+00	2026-11-24 02:45:01.841036+00	t	a.1
\.
COPY sequin.consumer_grantee (consumer, grantee) FROM stdin;
1	sequin_monitor
\.
COPY sequin.feed_chunk (feed, consumer, low_ord, snapshot, held_ord, leaf, filenode, "position", first_snapshot, rows_read, rows_sent, complete) FROM stdin;
1	6	12	\\x1303000013030000	12	\N	\N	\N	\N	12	12	t
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
