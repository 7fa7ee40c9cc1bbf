"""Who looks at the page for the team: tokens, sessions of browsers, forms that are their own."""
