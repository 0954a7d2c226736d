"""What a front end shows of a challenge: widgets, columns, and a node's own changes to them."""
