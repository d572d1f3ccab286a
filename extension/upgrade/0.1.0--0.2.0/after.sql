
-- 0.1.0 to 0.2.0: privileges of new functions and views, and what nobody uses any more.
