"""What a challenge is: pure rules, and the doors to what is outside."""
