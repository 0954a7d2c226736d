"""A period's boards turned into shares of a reward, and what becomes of the payout."""
