"""What wakes the assets: capture, resolution, vital signs."""
