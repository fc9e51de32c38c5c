"""From the folder of a run to a page that a person reads."""
