"""Queries of histograms. A Prometheus that takes native histograms drops the classic buckets unless it is told to keep them, so
each query has both, and the buckets win where both are there."""

RATE = "[$__rate_interval]"


def quantile(share, histogram, by="", window=RATE):
    """`by`: labels, with commas between them."""
    grouping, native = (f"le, {by}", f" by ({by})") if by else ("le", "")
    return (f"histogram_quantile({share}, sum by ({grouping}) (rate(@{histogram}_bucket{window}))) "
            f"or histogram_quantile({share}, sum{native} (rate(@{histogram}_native{window})))")


def distribution(histogram, window=RATE):
    """All of it, for a heatmap."""
    buckets = f"rate(@{histogram}_bucket{window})"
    return f"sum by (le) ({buckets}) or (sum(rate(@{histogram}_native{window})) unless on () sum({buckets}))"
