"""What commands show: tables, lines, progress."""
