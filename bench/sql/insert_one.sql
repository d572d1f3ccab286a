INSERT INTO public.bench (customer, status, total, paid, created_at, note, details) VALUES (1, 'open', 1.25, true, clock_timestamp(), repeat('n', 60), repeat('d', 120));
