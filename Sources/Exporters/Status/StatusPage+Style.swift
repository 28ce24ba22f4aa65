/// The look of the status page: light or dark as the reader's system says, large enough for a wall, one column on a phone.
extension StatusPage {
    static let style = """
        :root{color-scheme:light dark;--bg:#f4f4f1;--card:#fff;--ink:#15181d;--muted:#59606b;--line:#dcdcd6;
        --flow:#2b62b5;--flow-soft:#c9d8ef;--ok:#17713f;--warn:#8a5200;--bad:#b3171f;--bad-soft:#fbe3e2;--second:#7251b5;--tone:var(--muted)}
        @media (prefers-color-scheme:dark){:root{--bg:#0e1116;--card:#171b22;--ink:#eef0f3;--muted:#9ba4b1;
        --line:#2a303a;--flow:#7fabee;--flow-soft:#2a3d5c;--ok:#63d394;--warn:#f0b54a;--bad:#ff8a85;--bad-soft:#3d1a1c;--second:#b9a0f2}}
        html{font-size:clamp(100%,.42rem + .62vw,150%)}*{box-sizing:border-box}[hidden]{display:none!important}
        body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
        "Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
        body.ok{--tone:var(--ok)}body.strained,body.stopping{--tone:var(--warn)}
        body.losing,body.failing,body.silent{--tone:var(--bad)}
        header,main,footer{max-width:112rem;margin:0 auto;padding:0 1.6rem}
        header{display:flex;gap:1rem 3rem;justify-content:space-between;align-items:flex-end;flex-wrap:wrap;
        padding-top:1rem;padding-bottom:.9rem}
        .state{flex:1 1 24rem;min-width:0}p,h1,h2{margin:0}
        #state{font-size:clamp(3rem,5.2vw,6rem);font-weight:700;line-height:1;letter-spacing:-.025em;color:var(--tone);
        overflow-wrap:anywhere}
        #reason{font-size:clamp(1.05rem,1.35vw,1.6rem);margin-top:.45rem;overflow-wrap:anywhere}
        .who{text-align:right;min-width:0}h1{font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
        #about,.note,footer,#verdict{color:var(--muted)}#about{font-size:.95rem}
        h2{font-size:1rem;font-weight:600}a{color:var(--flow)}
        .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem}
        :focus-visible{outline:3px solid var(--flow);outline-offset:2px;border-radius:4px}
        #notice,.notice{background:var(--bad-soft);color:var(--bad);border-radius:10px;padding:.7rem 1rem;
        margin-bottom:1rem;font-size:1.05rem;font-weight:600}
        main>section,.halves{margin-top:1rem}
        .cards{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:1rem;margin-top:0!important}
        .card,.panel,#charts figure,#store{background:var(--card);border:1px solid var(--line);border-radius:14px}
        .card{padding:.9rem 1.1rem .8rem;display:flex;flex-direction:column;min-width:0}
        .card h2{color:var(--muted);font-weight:500}
        .big{font-size:clamp(2.3rem,4vw,4.6rem);font-weight:650;line-height:1.12;letter-spacing:-.02em;white-space:nowrap}
        .big small,.pair small{font-size:.36em;font-weight:500;color:var(--muted);letter-spacing:0;margin-left:.18em}
        .pair{display:flex;gap:.9rem;justify-content:space-between;white-space:nowrap;flex:none;
        font-size:clamp(1.5rem,2.2vw,2.6rem);font-weight:650;line-height:1.15;letter-spacing:-.02em}
        .pair>span{display:block}.pair b{display:block;font-size:.42em;font-weight:500;color:var(--muted);letter-spacing:0}
        .spark{display:block;width:100%;height:clamp(2.6rem,6.5vh,4.6rem);margin:.5rem 0 .45rem;margin-top:auto}
        .note{font-size:.9rem;min-height:1.3em;overflow-wrap:anywhere}
        .card.alarm{border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}.card.alarm .big{color:var(--bad)}
        .card.alarm .note{color:var(--bad)}
        .line{fill:none;stroke:var(--flow);stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
        .line.b{stroke:var(--second)}.area{fill:var(--flow);opacity:.13}.bad .line,.line.bad{stroke:var(--bad)}
        .bad .area,.area.bad{fill:var(--bad)}.base{stroke:var(--line);vector-effect:non-scaling-stroke}
        .panel{padding:.9rem 1.1rem 1rem;min-width:0}
        .title{display:flex;gap:.4rem 1.5rem;justify-content:space-between;align-items:baseline;flex-wrap:wrap}
        #verdict{font-size:1.1rem;font-weight:600;color:var(--ok)}#verdict.bad{color:var(--bad)}
        #verdict.unknown{color:var(--muted)}
        #ledger{display:block;width:100%;overflow:visible}#ledger-box{margin-top:.7rem}
        #ledger text{fill:var(--ink);font-size:.92em}#ledger .small{fill:var(--muted);font-size:.85em}
        #ledger .count{font-size:1.4em;font-weight:650}#ledger .rate{font-weight:600}
        #ledger .box{fill:var(--bg);stroke:var(--line)}#ledger .pipe{fill:none;stroke:var(--flow-soft);stroke-linecap:butt}
        #ledger .pipe.on{stroke:var(--flow)}#ledger .arm{fill:none;stroke:var(--line);stroke-width:2}
        #ledger .arm.on{stroke:var(--bad)}#ledger .tip{fill:var(--flow-soft)}#ledger .tip.on{fill:var(--flow)}
        #ledger .loss{fill:var(--bad);font-weight:600}#ledger .calm{fill:var(--ok)}
        #warnings{list-style:none;margin:.6rem 0 0;padding:0;display:grid;gap:.7rem 1.4rem;
        grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}#all-warnings{font-size:.9rem;min-height:0}
        #warnings li{border-left:4px solid var(--warn);padding:.1rem 0 .1rem .8rem;overflow-wrap:anywhere}
        #warnings li.critical{border-color:var(--bad)}#warnings li.none{border-color:var(--ok)}
        #warnings li p:first-child{font-weight:600}#warnings .do{color:var(--muted);font-size:.92rem}
        #warnings b{color:var(--warn);font-weight:700}#warnings .critical b{color:var(--bad)}
        .ranges{display:flex;gap:.3rem}
        button{font:inherit;color:inherit;background:none;border:1px solid var(--line);border-radius:8px;padding:.2rem .8rem;
        min-height:2rem;cursor:pointer}
        .ranges button[aria-pressed=true]{background:var(--ink);color:var(--bg);border-color:var(--ink)}
        #charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1rem;margin-top:.6rem}
        figure{margin:0;padding:.8rem 1rem .6rem;min-width:0}figcaption{display:flex;justify-content:space-between;gap:.8rem;
        font-size:.95rem;flex-wrap:wrap}figcaption span{color:var(--muted)}figure svg{display:block;width:100%;height:6.5rem;
        margin-top:.4rem}.axis{display:flex;justify-content:space-between;color:var(--muted);font-size:.8rem}
        main>section>h2,.halves h2{margin-bottom:.5rem}
        .scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:14px}
        table{border-collapse:collapse;width:100%;font-size:.95rem}th,td{padding:.45rem .9rem;text-align:left;
        white-space:nowrap;border-bottom:1px solid var(--line)}tbody tr:last-child>*{border-bottom:0}tbody th{font-weight:600}
        thead th{padding:0 .3rem;color:var(--muted);font-weight:500}thead button{border:0;width:100%;text-align:left;
        padding:.45rem .6rem;white-space:nowrap}thead .n button{text-align:right}.n{text-align:right}
        th[aria-sort] button{color:var(--ink)}td.text{white-space:normal;min-width:16rem;color:var(--muted)}
        .name{white-space:normal;overflow-wrap:anywhere;min-width:9rem;max-width:26rem}#sessions-note{margin:.2rem 0 .6rem}
        #key-box{display:flex;gap:.6rem;align-items:center;flex-wrap:wrap;margin-bottom:.6rem}
        input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--muted);border-radius:8px;padding:.2rem .6rem;
        min-height:2rem;min-width:0;width:18rem}
        td.bad,.bad-text{color:var(--bad);font-weight:600}
        .meter{display:inline-block;vertical-align:middle;width:6rem;height:.6rem;margin-right:.6rem}
        .meter rect:first-child{fill:var(--line)}.meter rect:last-child{fill:var(--flow)}.meter.full rect:last-child{fill:var(--bad)}
        .halves{display:grid;grid-template-columns:minmax(0,1.4fr) minmax(0,1fr);gap:1rem}
        #store{margin:0;padding:.5rem 1.1rem;display:grid;grid-template-columns:1fr auto;gap:.35rem 1rem}
        #store dt{color:var(--muted)}#store dd{margin:0;text-align:right;font-weight:600}
        footer{padding-top:1.4rem;padding-bottom:2.5rem;font-size:.95rem}
        body.stale .cards,body.stale .panel,body.stale #charts,body.stale table,body.stale #store{opacity:.42;filter:grayscale(1)}
        @media (prefers-reduced-motion:no-preference){.cards,.panel,#charts{transition:opacity .4s}}
        @media (max-width:62rem){.cards{grid-template-columns:repeat(6,minmax(0,1fr))}.card{grid-column:span 2}
        .card:nth-child(n+4){grid-column:span 3}.halves{grid-template-columns:minmax(0,1fr)}}
        @media (max-width:40rem){header,main,footer{padding-left:1rem;padding-right:1rem}.who{text-align:left}
        .cards{gap:.7rem}.card{grid-column:span 3;padding:.7rem .8rem}#lost-card{order:-1;grid-column:1/-1}main{display:flex;flex-direction:column}
        #notice{order:-2}#warnings-panel{order:-1;margin:0 0 .7rem}
        .card:nth-child(n+4){grid-column:1/-1}.spark{height:2.4rem}}
        """
}
