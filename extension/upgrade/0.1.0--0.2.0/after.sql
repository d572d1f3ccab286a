
-- 0.1.0 to 0.2.0: privileges of new functions and views, and what nobody uses any more.

-- Places and gaps.
GRANT SELECT ON sequin.gaps TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;
GRANT EXECUTE ON FUNCTION sequin.is_home, sequin.gap_state, sequin.gap_status
  TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;
GRANT EXECUTE ON FUNCTION sequin.recover TO sequin_admin;
GRANT EXECUTE ON FUNCTION sequin.agent_capture TO sequin_agent;
