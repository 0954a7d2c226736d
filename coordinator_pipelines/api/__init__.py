"""The Report API: what participants and front ends read of a challenge. It changes nothing."""
