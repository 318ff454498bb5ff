"""What visitors read: the texts of pages, buttons and JSON in each language, and the site's own texts and name."""
