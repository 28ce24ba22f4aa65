"""Panels and dashboards as Grafana's JSON has them.

To add a panel, for instance when the broker has a new family: name the metric with `@` in a query in `boards/`, give
the panel a title, a description that says what to do, and a unit; then run script/dashboards. Widths and heights count
in Grafana's 24 columns; panels are laid out from left to right in the order in which they are written, and `row` begins
a new line, so nothing has to be moved by hand. A whole new dashboard is one module in `boards/` with a `board` function,
named in `boards/__init__.py`. A metric that is not in docs/metrics.md yet is refused: commit its family first.
"""

from histograms import distribution, quantile

# One colour for one meaning, on all dashboards.
GOOD, INFORM, WARN, BAD, QUIET = "green", "blue", "orange", "red", "text"
IN, OUT, LOST, WAITING, REFUSED, MEMORY = "blue", "green", "red", "orange", "purple", "yellow"
# What a reduced panel shows when its query returns nothing.
NOTHING_MEASURED = "nothing measured"

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SELECTOR = 'job=~"$job",node=~"$node"'


class Query:
    """One line, or one number, of a panel. `legend` may have `{{label}}`."""

    def __init__(self, expression, legend, colour=None, is_table=False, is_heatmap=False):
        self.expression, self.legend, self.colour = expression, legend, colour
        self.is_table, self.is_heatmap = is_table, is_heatmap

    def json(self, reference, catalogue, prefix):
        target = {
            "refId": reference, "datasource": DATASOURCE, "editorMode": "code",
            "expr": catalogue.expand(self.expression, prefix, SELECTOR), "legendFormat": self.legend, "range": True,
        }
        if self.is_table:
            target |= {"format": "table", "instant": True, "range": False}
        if self.is_heatmap:
            target |= {"format": "heatmap"}
        return target


class Panel:
    def __init__(self, kind, title, description, unit, queries, width, height, defaults=None, options=None,
                 overrides=None, transformations=None):
        self.kind, self.title, self.description, self.unit = kind, title, description, unit
        self.queries, self.width, self.height = queries, width, height
        self.defaults, self.options = defaults or {}, options or {}
        self.overrides, self.transformations = overrides or [], transformations or []

    def json(self, number, x, y, catalogue, prefix):
        panel = {
            "id": number, "type": self.kind, "title": self.title, "description": self.description,
            "datasource": DATASOURCE, "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [
                query.json(chr(ord("A") + index), catalogue, prefix) for index, query in enumerate(self.queries)],
            "fieldConfig": {
                "defaults": {"unit": self.unit, **self.defaults},
                "overrides": self.overrides + [
                    override(query.legend, fixed(query.colour)) for query in self.queries if query.colour]},
            "options": self.options,
        }
        if self.transformations:
            panel["transformations"] = self.transformations
        return panel


class Row:
    def __init__(self, title):
        self.title = title


def fixed(colour):
    return {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}


def override(name, *properties):
    return {"matcher": {"id": "byName", "options": name}, "properties": list(properties)}


def thresholds(*steps, base=GOOD):
    """`thresholds((0.7, WARN), (0.9, BAD))`: from which value on which colour."""
    return {"mode": "absolute", "steps": [{"color": base, "value": None}] + [
        {"color": colour, "value": value} for value, colour in steps]}


def row(title):
    return Row(title)


def stat(title, description, unit, query, limits=None, width=4, decimals=None, mappings=None, graph=True):
    """One number; with `limits` it takes their colours, else it is blue."""
    defaults = {
        "min": 0, "noValue": NOTHING_MEASURED, "thresholds": limits or thresholds(base=INFORM),
        "color": {"mode": "thresholds"}}
    if decimals is not None:
        defaults["decimals"] = decimals
    if mappings:
        defaults["mappings"] = [{"type": "value", "options": mappings}]
    return Panel("stat", title, description, unit, [Query(query, title)], width, 4, defaults, {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background" if limits else "value", "graphMode": "area" if graph else "none",
        "textMode": "value", "justifyMode": "center", "orientation": "auto"})


def series(title, description, unit, *queries, limits=None, width=8, height=8, stacked=False, is_signed=False,
           maximum=None, is_logarithmic=False):
    """Lines over time. With `limits` their lines are drawn dashed."""
    custom = {
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stacked else 8, "showPoints": "never",
        "spanNulls": False, "axisPlacement": "auto",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "scaleDistribution": {"type": "log", "log": 10} if is_logarithmic else {"type": "linear"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    defaults = {
        "custom": custom, "noValue": NOTHING_MEASURED, "color": {"mode": "palette-classic-by-name"},
        "thresholds": limits or thresholds()}
    if not is_signed and not is_logarithmic:
        defaults["min"] = 0
    if maximum is not None:
        defaults["max"] = maximum
    return Panel("timeseries", title, description, unit, list(queries), width, height, defaults, {
        "legend": {
            "displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"],
            "sortBy": "Max", "sortDesc": True},
        "tooltip": {"mode": "multi", "sort": "desc"}})


def heatmap(title, description, histogram, width=12, height=8):
    """How a histogram of seconds moves over time."""
    query = Query(distribution(histogram), "{{le}}", is_heatmap=True)
    return Panel("heatmap", title, description, "s", [query], width, height, {
        "custom": {"scaleDistribution": {"type": "linear"}}}, {
        "calculate": False, "cellGap": 1, "cellValues": {"unit": "ops"}, "yAxis": {"unit": "s", "axisPlacement": "left"},
        "rowsFrame": {"layout": "auto"}, "filterValues": {"le": 1e-9}, "showValue": "never",
        "color": {
            "mode": "scheme", "scheme": "Oranges", "exponent": 0.5, "fill": "dark-orange", "scale": "exponential",
            "steps": 64, "reverse": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"}, "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False}})


def table(title, description, key, columns, width=24, height=8, link=None):
    """One line for each value of the label `key`. `columns`: (heading, query that groups by it, unit[, limits])."""
    queries = [Query(column[1], column[0], is_table=True) for column in columns]
    overrides, names = [], {}
    for index, (heading, _, unit, *limits) in enumerate(columns):
        properties = [{"id": "unit", "value": unit}]
        if limits:
            properties += [
                {"id": "thresholds", "value": limits[0]},
                {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}]
        overrides.append(override(heading, *properties))
        names[f"Value #{chr(ord('A') + index)}" if len(columns) > 1 else "Value"] = heading
    if link:
        overrides.append(override(key, {"id": "links", "value": [link]}))
    return Panel(
        "table", title, description, "short", queries, width, height,
        {"custom": {"align": "auto", "filterable": False}, "noValue": "0"},
        {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}},
        overrides,
        [{"id": "merge", "options": {}},
         {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": names}}])


def quantiles(histogram, *, by="", name="", of=(0.5, 0.99), colours=(GOOD, WARN)):
    """p50 and p99 of a histogram, or others, each a query."""
    legend = f"{name} " if name else ""
    return [
        Query(quantile(share, histogram, by), f"{legend}p{100 * share:g}", colour if not name else None)
        for share, colour in zip(of, colours, strict=True)]


def lay_out(items, catalogue, prefix):
    """Places panels from left to right; a panel that does not fit, and a row, begin a new line."""
    panels, x, y, line_height = [], 0, 0, 0
    for number, item in enumerate(items, start=1):
        if isinstance(item, Row):
            y, x, line_height = y + line_height, 0, 0
            panels.append({
                "id": number, "type": "row", "title": item.title, "collapsed": False, "panels": [],
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
            y += 1
            continue
        if x + item.width > 24:
            y, x, line_height = y + line_height, 0, 0
        panels.append(item.json(number, x, y, catalogue, prefix))
        x, line_height = x + item.width, max(line_height, item.height)
    return panels


def variable(name, label, query, has_all):
    """A choice among the values of a label; with `has_all` several of them, and all at first."""
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]} if has_all else {}
    return {
        "name": name, "label": label, "type": "query", "datasource": DATASOURCE, "definition": query,
        "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "hide": 0, "includeAll": has_all,
        "multi": has_all, "allValue": ".*" if has_all else None, "current": everything}


class Board:
    """`name` is the end of its file's name and of its uid. `is_of_one_node`: a node is chosen, not several."""

    def __init__(self, name, title, description, items, is_of_one_node=False):
        self.name, self.title, self.description, self.items = name, title, description, items
        self.is_of_one_node = is_of_one_node

    def json(self, catalogue, prefix):
        nodes = f'label_values({prefix}socket_open{{job=~"$job"}}, node)'
        return {
            "uid": f"vernemq-{self.name}", "title": f"VerneMQ / {self.title}",
            "description": f"{self.description} Written by script/dashboards; metric names begin with {prefix!r}.",
            "tags": ["vernemq"], "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1,
            "timezone": "browser", "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
            "fiscalYearStartMonth": 0, "liveNow": False, "weekStart": "",
            "templating": {"list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                 "current": {}, "hide": 0, "includeAll": False, "multi": False},
                variable("job", "Job", f"label_values({prefix}socket_open, job)", True),
                variable("node", "Node", nodes, not self.is_of_one_node)]},
            "annotations": {"list": [{
                "name": "Restarts", "datasource": DATASOURCE, "enable": True, "iconColor": REFUSED, "hide": False,
                "expr": catalogue.expand("changes(@process_start_time_seconds[2m]) > 0", prefix, SELECTOR),
                "titleFormat": "{{node}} started", "step": "30s"}]},
            "links": [{
                "title": "VerneMQ", "type": "dashboards", "tags": ["vernemq"], "asDropdown": True,
                "includeVars": True, "keepTime": True, "targetBlank": False, "icon": "external link", "url": "",
                "tooltip": ""}],
            "panels": lay_out(self.items, catalogue, prefix),
        }
