"""HTML pages and pictures, and how they are rendered."""
