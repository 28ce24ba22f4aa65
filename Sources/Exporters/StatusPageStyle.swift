/// The look of the status page: light or dark as the reader's system says, one column on a phone.
extension StatusPage {
    static let style = """
        :root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#16191f;--muted:#5a6270;--line:#dfe3e8;
        --accent:#1d5fd0;--ok:#136f3b;--ok-bg:#dff5e6;--warn:#7a4b00;--warn-bg:#fdf0d5;--bad:#a31621;--bad-bg:#fde4e4}
        @media (prefers-color-scheme:dark){:root{--bg:#101318;--card:#191e26;--ink:#e8ebf0;--muted:#9aa5b5;
        --line:#2b323d;--accent:#7fb0ff;--ok:#7fdca0;--ok-bg:#12351f;--warn:#f5c66b;--warn-bg:#3a2a0a;
        --bad:#ff9a9a;--bad-bg:#43171a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
        header,main,footer{max-width:72rem;margin:0 auto;padding:1rem}
        header{display:flex;gap:1rem;justify-content:space-between;align-items:flex-start;padding-bottom:0}
        header div{min-width:0}main{padding-top:0}
        h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.75rem 0 .6rem}
        p{margin:.2rem 0}.muted{color:var(--muted)}a{color:var(--accent)}
        .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem}
        :focus-visible{outline:2px solid var(--accent);outline-offset:2px}
        .pill{flex:none;border-radius:99px;padding:.15rem .8rem;font-size:.9rem;background:var(--warn-bg);color:var(--warn)}
        .pill.ok{background:var(--ok-bg);color:var(--ok)}.pill.bad{background:var(--bad-bg);color:var(--bad)}
        .notice{background:var(--bad-bg);color:var(--bad);border-radius:8px;padding:.7rem 1rem;margin-top:.8rem}
        ul#issues{list-style:none;margin:0;padding:0;display:grid;gap:.4rem}
        #issues li{border-radius:8px;padding:.55rem .9rem;background:var(--warn-bg);color:var(--warn)}
        #issues li.ok{background:var(--ok-bg);color:var(--ok)}#issues li.bad{background:var(--bad-bg);color:var(--bad)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.7rem;margin:0}
        .tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}
        dt{color:var(--muted);font-size:.85rem}dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
        dd small{font-size:.8rem;color:var(--muted)}.tiles .bad dd{color:var(--bad)}
        .scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
        table{border-collapse:collapse;width:100%;font-size:.93rem}
        th,td{padding:.5rem .8rem;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
        tbody tr:last-child td,tbody tr:last-child th{border-bottom:0}th{font-weight:600}
        thead th{color:var(--muted);font-size:.82rem}.n{text-align:right;font-variant-numeric:tabular-nums}
        meter{width:6rem;vertical-align:middle}footer{font-size:.9rem;padding-bottom:2.5rem}
        @media (prefers-reduced-motion:no-preference){.tiles dd{transition:color .3s}}
        """
}
