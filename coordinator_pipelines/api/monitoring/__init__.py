"""What the Report API measures of itself, and figures as monitoring reads them."""
