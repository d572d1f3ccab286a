"""The judge of a campaign. It believes what clients and writers wrote down, and the ledger of the recovered database for
transactions whose outcome nobody was told; it reads none of Sequin's tables. What it does not know for certain it does
not hold against anybody: a claim counts as live from its answer to the first moment at which it may have ended."""
