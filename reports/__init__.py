"""From stored cells to tables, statistics and figures; never imports torch."""
