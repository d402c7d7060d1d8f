"""The Redundancy page's four views, one module each; the page itself only chooses."""
