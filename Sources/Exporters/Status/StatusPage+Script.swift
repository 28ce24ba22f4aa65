/// What the status page does, part one: text and elements. Text from the node is only ever set as text, never as markup.
extension StatusPage {
    static let scriptText = #"""
        const byId = id => document.getElementById(id);
        const make = (tag, attributes = {}, ...children) => {
          const element = document.createElement(tag);
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
          element.append(...children);
          return element;
        };
        const draw = (tag, attributes = {}, ...children) => {
          const element = document.createElementNS(byId("ledger").namespaceURI, tag);
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
          element.append(...children);
          return element;
        };
        // Numbers: whole below 100,000, then k, M, G; a rate below ten has a decimal.
        const compact = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3});
        const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
        const fine = new Intl.NumberFormat("en", {maximumFractionDigits: 1});
        const tiny = new Intl.NumberFormat("en", {maximumSignificantDigits: 1});
        const known = value => value !== null && value !== undefined && Number.isFinite(value);
        const number = value => !known(value) ? "–" : Math.abs(value) >= 1e5 ? compact.format(value)
          : value === 0 || Math.abs(value) >= 10 ? whole.format(value)
          : Math.abs(value) >= 0.1 ? fine.format(value) : tiny.format(value);
        const perSecond = value => known(value) ? number(value) + "/s" : "–";
        const milliseconds = value => !known(value) ? "–" : value >= 0.1 ? whole.format(value * 1000)
          : value >= 0.01 ? fine.format(value * 1000)
          : new Intl.NumberFormat("en", {maximumSignificantDigits: 2}).format(value * 1000);
        const bytes = value => {
          if (!known(value)) return "–";
          const units = ["B", "KB", "MB", "GB", "TB"];
          let index = 0;
          while (value >= 1000 && index < units.length - 1) { value /= 1000; index += 1; }
          return `${value >= 100 || index === 0 ? whole.format(value) : fine.format(value)} ${units[index]}`;
        };
        const pad = value => String(value).padStart(2, "0");
        const clock = (milliseconds, hasSeconds = true) => {
          const date = new Date(milliseconds);
          return `${pad(date.getHours())}:${pad(date.getMinutes())}${hasSeconds ? `:${pad(date.getSeconds())}` : ""}`;
        };
        // The day too, when it is not today's.
        const moment = milliseconds => {
          if (!known(milliseconds)) return "–";
          const date = new Date(milliseconds), today = new Date();
          return date.toDateString() === today.toDateString() ? clock(milliseconds)
            : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock(milliseconds, false)}`;
        };
        const span = milliseconds => {
          const minutes = Math.floor(milliseconds / 60000), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
          return days ? `${days} d ${hours % 24} h` : hours ? `${hours} h ${minutes % 60} min`
            : minutes ? `${minutes} min` : `${Math.floor(milliseconds / 1000)} s`;
        };
        const words = label => label.replaceAll("_", " ");
        const setText = (id, text) => { const element = byId(id); if (element.textContent !== text) element.textContent = text; };

        """#

    /// Sparklines and charts. A gap in the values is a gap in the line.
    static let scriptDrawings = #"""
        // The peak of each of `count` spans, so that a loss of one second stays in sight.
        const thin = (values, count) => {
          if (values.length <= count) return values;
          return Array.from({length: count}, (_, i) => {
            const part = values.slice(Math.floor(i * values.length / count), Math.floor((i + 1) * values.length / count)).filter(known);
            return part.length ? Math.max(...part) : null;
          });
        };
        const curves = (svg, lines, length, count, top) => {
          const width = 600, height = 100;
          svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
          svg.setAttribute("preserveAspectRatio", "none");
          const shapes = [draw("line", {class: "base", x1: 0, x2: width, y1: height - 1, y2: height - 1})];
          for (const {values, kind = ""} of lines) {
            // Right-aligned: the newest is at the right edge, and what is not known yet is empty at the left.
            const filled = thin([...Array(Math.max(0, length - values.length)).fill(null), ...values.slice(-length)], count);
            const x = i => (i * width / Math.max(1, filled.length - 1)).toFixed(1);
            const y = value => (height - 2 - Math.max(0, value) / top * (height - 8)).toFixed(1);
            let line = "", area = "", begin = null;
            filled.forEach((value, i) => {
              if (!known(value)) { begin = null; return; }
              line += begin === null ? `M${x(i)} ${y(value)}h.01` : `L${x(i)} ${y(value)}`;
              begin ??= i;
              if (!known(filled[i + 1])) {
                area += `M${x(begin)} ${height}`;
                for (let j = begin; j <= i; j += 1) area += `L${x(j)} ${y(filled[j])}`;
                area += `L${x(i)} ${height}Z`;
              }
            });
            if (kind !== "b") shapes.push(draw("path", {class: `area ${kind}`, d: area || "M0 0"}));
            shapes.push(draw("path", {class: `line ${kind}`, d: line || "M0 0"}));
          }
          svg.replaceChildren(...shapes);
        };
        const peak = (...lists) => lists.flat().reduce((most, value) => known(value) && value > most ? value : most, 0);
        const spark = (id, values, least = 1) => curves(byId(id), [{values}], 300, 150, Math.max(least, peak(values.slice(-300)) * 1.05));

        const lengths = {"15m": 900, "6h": 2160, "48h": 2880};
        const charts = [
          ["Messages", [["in", "in"], ["out", "out"]], perSecond], ["Lost and rejected", [["lost", "lost"], ["rejected", "rejected"]], perSecond],
          ["Clients", [["clients", "online"]], number], ["Waiting", [["queued", "queued"], ["inflight", "in flight"]], number],
          ["Bytes", [["bytes_in", "in"], ["bytes_out", "out"]], value => `${bytes(value)}/s`],
          ["Busiest loop", [["loop_busy", "busy"]], value => known(value) ? `${Math.round(value)} %` : "–", 100],
          ["Latency", [["latency_p99", "p99"], ["latency_p50", "p50"]], value => `${milliseconds(value)} ms`],
          ["Store backlog", [["store_lag", "full"]], value => known(value) ? `${Math.round(value)} %` : "–", 100],
        ];
        const showCharts = history => {
          const length = lengths[history.range], end = (history.end_s + history.interval_s) * 1000;
          const begin = end - length * history.interval_s * 1000;
          byId("charts").replaceChildren(...charts.map(([title, series, text, least = 0]) => {
            const lists = series.map(([name]) => history.series[name] || []);
            const top = Math.max(least, peak(...lists) * 1.05, 1e-9);
            const svg = draw("svg", {role: "img", "aria-label": `${title}: ${series.map(([, label], i) =>
              `${label} now ${text(lists[i].at(-1))}, at most ${text(peak(lists[i]))}`).join("; ")}`});
            curves(svg, lists.map((values, i) => ({values, kind: title.startsWith("Lost") && i === 0 ? "bad" : i ? "b" : ""})), length, 300, top);
            return make("figure", {}, make("figcaption", {}, make("b", {}, title), make("span", {}, series.map(([, label], i) =>
              `${label} ${text(lists[i].at(-1))}`).join(" · "))), svg, make("div", {class: "axis", "aria-hidden": "true"},
              make("span", {}, moment(begin).replace(/(:\d\d):\d\d$/, "$1")), make("span", {}, `peak ${text(peak(...lists))}`), make("span", {}, clock(end, false))));
          }));
        };

        """#
}
