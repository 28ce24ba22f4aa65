/// The ledger as a picture: stations from left to right, or from top to bottom on a phone; what is lost branches off.
extension StatusPage {
    static let scriptLedger = #"""
        const inFlightReasons = ["refused_by_client", "connection_closed"];
        // What branches off where: the busiest first, then the largest.
        const branches = (list, most) => {
          const seen = list.filter(reason => reason.count).sort((a, b) => (b.rate || 0) - (a.rate || 0) || b.count - a.count);
          const rest = seen.length > most ? seen.splice(most - 1) : [];
          const rows = seen.map(reason => ({text: words(reason.reason), rate: reason.rate, count: reason.count, bad: reason.bad !== false}));
          if (rest.length) rows.push({text: `${rest.length} other reasons`, bad: rest.some(reason => reason.bad !== false),
            rate: rest.reduce((sum, reason) => sum + (reason.rate || 0), 0), count: rest.reduce((sum, reason) => sum + reason.count, 0)});
          return rows;
        };
        // What copies are made of beside what clients sent: without it the picture seems to make copies out of nothing.
        const origins = {will: "wills", retained: "retained", broker: "broker", bridge: "bridges", http: "HTTP", node: "other nodes"};
        const beside = ledger => [...Object.entries(origins).map(([origin, text]) => ({text, count: ledger.copies_by_origin[origin]})),
          {text: "from the store", count: ledger.loaded}].filter(row => row.count).map(row => ({...row, text: `also: ${row.text}`}));
        const ledgerModel = (node, most) => {
          const {ledger, rates} = node, routed = known(rates.accepted) ? Math.max(0, rates.accepted - rates.unrouted) : null;
          const lost = inFlight => node.drops.filter(drop => inFlightReasons.includes(drop.reason) === inFlight);
          return [
            {name: "Received", value: ledger.received, into: rates.in, lost: branches([...node.rejects,
              {reason: "sent twice", count: ledger.duplicate, rate: rates.duplicate, bad: false}], most)},
            {name: "Accepted", value: ledger.accepted, into: rates.accepted, lost: branches(
              [{reason: "no subscriber", count: ledger.unrouted, rate: rates.unrouted, bad: false}], most)},
            {name: "Copies", value: ledger.copies + ledger.loaded, into: routed, arm: rates.copies, lost: branches(lost(false), most), also: beside(ledger)},
            {name: "Queued", value: ledger.queued, now: true, into: rates.copies, lost: []},
            {name: "In flight", value: ledger.inflight + ledger.output, now: true, into: rates.out, lost: branches(lost(true), most)},
            {name: "Delivered", value: ledger.delivered, into: rates.delivered, lost: []},
          ];
        };
        const shortened = value => known(value) && Math.abs(value) >= 1e4 ? compact.format(value) : number(value);
        const shortRate = value => known(value) ? `${value >= 1000 ? compact.format(value) : number(value)}/s` : "–";
        const thickness = rate => rate > 0 ? Math.min(16, 3 + 2.6 * Math.log10(1 + rate)) : 2;
        const label = (x, y, text, kind = "", anchor = "start") => draw("text", {x, y, class: kind, "text-anchor": anchor}, text);
        const lossText = (row, x, y, anchor = "start") => draw("text", {x, y, "text-anchor": anchor},
          draw("tspan", {class: row.rate > 0 && row.bad ? "loss" : "small"}, row.text),
          draw("tspan", {class: row.rate > 0 && row.bad ? "loss" : "small", dx: 7}, row.rate > 0 ? perSecond(row.rate) : `${number(row.count)} so far`));

        const ledgerAcross = (stations, width, em) => {
          const shapes = [], gap = em * 4.1, box = (width - 5 * gap) / 6, height = em * 4.6, middle = height / 2;
          const step = em * 1.65, first = height + em * 1.9;
          stations.forEach((station, i) => {
            const left = i * (box + gap);
            if (!i) return;
            const on = station.into > 0, thick = thickness(station.into) * em / 16, tip = Math.max(em * 0.4, thick * 0.75);
            shapes.push(draw("path", {class: `pipe ${on ? "on" : ""}`, d: `M${left - gap} ${middle}H${left - tip}`, "stroke-width": thick}),
              draw("path", {class: `tip ${on ? "on" : ""}`, d: `M${left} ${middle}l${-tip * 1.3} ${-tip}v${2 * tip}Z`}),
              label(left - gap / 2, middle - Math.max(thick / 2, tip) - em * 0.35, shortRate(station.into), on ? "rate" : "small", "middle"));
          });
          let lowest = height;
          const branch = (row, start, y, isTall) => {
            const on = row.rate > 0 && row.bad;
            shapes.push(draw("path", {class: `arm ${on ? "on" : ""}`, d: `M${start} ${height}V${y - em * 0.8}q0 ${em * 0.5} ${em * 0.5} ${em * 0.5}h${em * 0.6}`,
              "stroke-width": on ? Math.min(em * 0.4, thickness(row.rate)) : 2}));
            if (isTall) shapes.push(label(start + em * 1.4, y, row.text, "small"),
              label(start + em * 1.4, y + em * 1.15, row.rate > 0 ? perSecond(row.rate) : `${number(row.count)} so far`, "small"));
            else shapes.push(lossText(row, start + em * 1.4, y));
            lowest = Math.max(lowest, isTall ? y + em * 1.15 : y);
          };
          stations.forEach((station, i) => {
            const left = i * (box + gap), start = left + em;
            // What is rejected stands below what nobody wanted: there is room up to the copies.
            const from = i === 0 && stations[1].lost.length ? first + em * 3 : first;
            station.lost.forEach((row, j) => branch(row, start, from + j * step, i === 1));
            if (i === 2 && !station.lost.length) { shapes.push(label(left + em, first, "nothing lost", "calm")); lowest = Math.max(lowest, first); }
            // What comes in beside the pipe: an arm left of those of the losses, with its tip at the box.
            const inlet = left + em * 0.45;
            (station.also || []).forEach((row, j) => {
              const y = first + (Math.max(1, station.lost.length) + j) * step;
              shapes.push(draw("path", {class: "arm", d: `M${inlet} ${height + em * 0.4}V${y - em * 0.8}q0 ${em * 0.5} ${em * 0.5} ${em * 0.5}h${em * 0.6}`, "stroke-width": 2}),
                draw("path", {class: "tip", d: `M${inlet} ${height}l${em * 0.3} ${em * 0.5}h${-em * 0.6}Z`}), lossText(row, left + em * 2.4, y));
              lowest = Math.max(lowest, y);
            });
            shapes.push(draw("rect", {class: "box", x: left, y: 0.5, width: box, height: height - 1, rx: em * 0.5}),
              label(left + box / 2, em * 1.6, station.name, "small", "middle"),
              label(left + box / 2, em * 3.4, shortened(station.value), "count", "middle"));
          });
          return [shapes, lowest + em * 0.8];
        };
        const ledgerDown = (stations, width, em) => {
          const shapes = [], x = 14;
          let y = em * 1.1;
          stations.forEach((station, i) => {
            shapes.push(draw("circle", {class: "tip on", cx: x, cy: y - em * 0.35, r: 7}), label(x + em * 1.3, y, station.name, "rate"),
              label(width, y, number(station.value), "rate", "end"));
            const top = y;
            station.lost.forEach(row => {
              y += em * 1.5;
              const on = row.rate > 0 && row.bad;
              shapes.push(draw("path", {class: `arm ${on ? "on" : ""}`, d: `M${x} ${y - em * 1.2}q0 ${em * 0.85} ${em * 0.85} ${em * 0.85}h${em * 0.3}`}),
                lossText(row, x + em * 1.5, y));
            });
            (station.also || []).forEach(row => { y += em * 1.5; shapes.push(lossText(row, x + em * 1.5, y)); });
            if (i < stations.length - 1) {
              const next = stations[i + 1], thick = thickness(next.into);
              y += em * 1.5;
              shapes.push(label(x + em * 1.3, y, `↓ ${perSecond(next.into)}`, "small"));
              y += em * 1.7;
              shapes.unshift(draw("path", {class: `pipe ${next.into > 0 ? "on" : ""}`, d: `M${x} ${top}V${y - em * 0.5}`, "stroke-width": thick}));
            }
          });
          return [shapes, y + em * 0.6];
        };
        const showLedger = node => {
          const svg = byId("ledger"), width = byId("ledger-box").clientWidth, rem = parseFloat(getComputedStyle(document.body).fontSize);
          const isWide = width > rem * 40, stations = ledgerModel(node, isWide ? 5 : 4), em = isWide ? Math.min(30, width / 57) : rem;
          svg.setAttribute("font-size", em);
          const [shapes, height] = (isWide ? ledgerAcross : ledgerDown)(stations, width, em);
          svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
          svg.setAttribute("height", height);
          svg.setAttribute("aria-label", stations.map(station => `${station.name} ${number(station.value)}`
            + [...station.lost, ...(station.also || [])].map(row => `, ${row.text} ${number(row.count)}`).join("")).join("; "));
          svg.replaceChildren(...shapes);
          const off = Object.entries(node.ledger.residual).filter(([name, value]) => value && name !== "transit" && name !== "storage");
          byId("verdict").className = off.length ? "bad" : "";
          setText("verdict", off.length ? off.map(([name, value]) => `Residual ${value} (${name})`).join(", ") : "Accounted 100 %");
        };

        """#
}
