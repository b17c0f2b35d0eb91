// Draws a frame of a wall screen. Every node and chart is made once and changed in place: nothing blinks when numbers come.
"use strict";
(() => {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const FONT = token("--fonts");
  const [TEXT, MUTED, LINE, PANEL] = ["--text", "--muted", "--line", "--panel"].map(token);
  const DATA = ["--data-1", "--data-2", "--data-3"].map(token);
  const SCALE = ["--map-1", "--map-2", "--map-3", "--map-4"].map(token);
  const charts = new Map();
  let drawn = null;
  let shapes = null;
  let still = false;

  const slot = (page, name) => document.querySelector(`[data-page="${page}"] [data-slot="${name}"]`);
  const put = (node, value) => { if (node.textContent !== value) node.textContent = value; };
  const say = (page, name, value) => put(slot(page, name), value ?? "");

  function element(className, tag = "div") {
    const node = document.createElement(tag);
    node.className = className;
    return node;
  }

  // --- nodes that stay -------------------------------------------------------------------------------------------------

  // The children of `place`, one for each item, found again by their key; `make` builds one, `fill` changes it.
  function each(place, items, make, fill) {
    const known = new Map([...place.children].map((node) => [node.dataset.key, node]));
    items.forEach((item, index) => {
      const key = item.code ?? item.name;
      let node = known.get(key);
      known.delete(key);
      if (!node) {
        node = make(item);
        node.dataset.key = key;
      }
      if (place.children[index] !== node) place.insertBefore(node, place.children[index] ?? null);
      fill(node, item);
    });
    for (const node of known.values()) node.remove();
  }

  function made(className, ...parts) {
    const node = element(className);
    for (const part of parts) node.append(typeof part === "string" ? element(part) : part);
    return node;
  }
  function fitted(node) {
    node.dataset.fit = "";
    return node;
  }
  const part = (node, name) => node.querySelector(`.${name}`);

  // A number walks from what it was to what it is.
  function count(node, item) {
    node.classList.toggle("unknown", item.number === null);
    const from = Number(node.dataset.number);
    if (node.textContent === item.text) return;
    if (still || item.number === null || !node.dataset.number || node.dataset.number === "null") {
      node.dataset.number = String(item.number);
      put(node, item.text);
      return;
    }
    node.dataset.number = String(item.number);
    const began = performance.now();
    const step = (now) => {
      if (node.dataset.number !== String(item.number)) return; // a newer number took over
      const gone = Math.min((now - began) / 900, 1);
      const value = from + (item.number - from) * (1 - (1 - gone) ** 3);
      put(node, gone === 1 ? item.text : item.share ? `${value.toFixed(1)}%` : Math.round(value).toLocaleString());
      if (gone < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  function change(node, item) {
    const sign = { up: "▲", down: "▼", flat: "＝" }[item.direction] ?? "";
    const words = item.good === true ? " 好转" : item.good === false ? " 变差" : "";
    node.dataset.good = item.good === null ? "" : String(item.good);
    put(node, item.change ? `${sign} ${item.change}${words}` : "");
  }

  function tiles(place, items) {
    each(place, items, () => made("panel tile", "label", fitted(made("figure", "number", "unit")), "detail", "change"), (node, item) => {
      put(part(node, "label"), item.label);
      count(part(node, "number"), item);
      put(part(node, "unit"), item.unit);
      put(part(node, "detail"), item.detail ?? "");
      change(part(node, "change"), item);
    });
  }

  function coverages(place, items) {
    each(place, items, () => made("coverage", "label", "number", "detail", "change", made("beside", "beside-basis", "beside-text", "beside-detail")), (node, item) => {
      put(part(node, "label"), item.label);
      count(part(node, "number"), item);
      put(part(node, "detail"), item.detail);
      change(part(node, "change"), item);
      put(part(node, "beside-basis"), item.beside.basis);
      put(part(node, "beside-text"), item.beside.text);
      put(part(node, "beside-detail"), item.beside.detail);
    });
  }

  const width = (node, share) => { node.style.width = `${Math.max(0, Math.min(100, share ?? 0))}%`; };

  // Bars of one or two parts: `values` lie behind one another (the second from where the first ends).
  function bars(place, rows) {
    const highest = Math.max(...rows.map((row) => row.values.reduce((sum, value) => sum + (value ?? 0), 0)), 1);
    place.style.setProperty("--rows", String(rows.length));
    each(place, rows, () => made("bar", "name", made("track", "first", "second"), "text"), (node, row) => {
      put(part(node, "name"), row.name);
      width(part(node, "first"), ((row.values[0] ?? 0) / highest) * 100);
      width(part(node, "second"), ((row.values[1] ?? 0) / highest) * 100);
      put(part(node, "text"), row.text);
    });
  }

  function ranking(place, rows) {
    const head = { name: "单位", head: true, texts: ["单独+联合", "含市场"], work_text: "工作覆盖率" };
    place.style.setProperty("--rows", String(rows.length + 1));
    let position = 0;
    each(place, [head, ...rows], () => made("rank", "place", "name", made("track", "wide", "strict"), "strict-text", "wide-text", made("track work-track", "worked"), "work-text"), (node, row) => {
      node.classList.toggle("rank-head", Boolean(row.head));
      node.classList.toggle("rank-own", Boolean(row.own));
      put(part(node, "place"), row.head || row.rest || row.value === null ? "" : String(++position));
      put(part(node, "name"), row.name);
      width(part(node, "wide"), row.wide);
      width(part(node, "strict"), row.strict);
      width(part(node, "worked"), row.work);
      put(part(node, "strict-text"), row.texts[0]);
      put(part(node, "wide-text"), row.texts[1]);
      put(part(node, "work-text"), row.work_text);
    });
  }

  // --- charts ----------------------------------------------------------------------------------------------------------

  function chart(place, option) {
    let found = charts.get(place);
    if (!found) {
      found = echarts.init(place, null, { renderer: "svg", width: place.clientWidth, height: place.clientHeight });
      charts.set(place, found);
    }
    found.setOption({ textStyle: { fontFamily: FONT, color: TEXT }, aria: { enabled: false }, animation: !still, animationDurationUpdate: 900, ...option });
  }

  async function fetchShapes(frame) {
    const canvas = document.getElementById("canvas");
    const kept = "screen:shapes";
    try {
      const answer = await fetch(canvas.dataset.shapes, { headers: { Authorization: `Screen ${decodeURIComponent(location.hash.slice(1))}` }, credentials: "omit", referrerPolicy: "no-referrer" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      shapes = await answer.json();
      localStorage.setItem(kept, JSON.stringify(shapes));
    } catch {
      try { shapes = shapes ?? JSON.parse(localStorage.getItem(kept)); } catch { /* without shapes the ranking still stands */ }
    }
    if (drawn !== frame) return;
    if (shapes) map(frame.pages.areas.map);
    else setTimeout(() => { if (drawn === frame && !shapes) fetchShapes(frame); }, 60000);
  }

  function map(data) {
    const place = slot("areas", "map");
    if (!echarts.getMap("districts")) echarts.registerMap("districts", shapes);
    const known = data.rows.filter((row) => row.value !== null).map((row) => row.value);
    const low = known.length ? Math.min(...known) : 0;
    const high = known.length ? Math.max(...known) : 1;
    const percent = (value) => `${value.toFixed(1)}%`;
    const short = (name) => name.replace(/(特别合作区|新区|区)$/, "");
    chart(place, {
      visualMap: {
        show: known.length > 0, type: "continuous", min: low, max: high > low ? high : low + 1, right: 0, top: 0, itemWidth: 26, itemHeight: 150,
        text: [percent(high), percent(low)], calculable: false, inRange: { color: SCALE }, outOfRange: { color: "#3a4754" }, textStyle: { color: TEXT, fontSize: 28, fontFamily: FONT },
      },
      series: [{
        type: "map", map: "districts", nameProperty: "name", roam: false, silent: true, left: 40, right: 20, top: 20, bottom: 20,
        label: { show: true, fontSize: 28, lineHeight: 32, color: "#fff", textBorderColor: "#06111c", textBorderWidth: 5, formatter: (item) => `${short(item.name)}\n${item.data?.text ?? "—"}` },
        labelLayout: { hideOverlap: false, moveOverlap: "shiftY" },
        itemStyle: { areaColor: "#3a4754", borderColor: PANEL, borderWidth: 2.5 },
        data: data.rows.map((row) => ({ ...row, value: row.value === null ? NaN : row.value })),
      }],
    });
  }

  function lines(place, data) {
    const dashes = ["solid", "dashed", "solid"];
    chart(place, {
      color: DATA,
      legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 36, itemHeight: 8, itemGap: 32, selectedMode: false, textStyle: { color: TEXT, fontSize: 28, fontFamily: FONT } },
      grid: { left: 4, right: 40, top: 58, bottom: 4, containLabel: true },
      xAxis: { type: "category", data: data.labels, boundaryGap: data.labels.length === 1, axisLine: { lineStyle: { color: LINE, width: 2 } }, axisTick: { show: false }, axisLabel: { color: MUTED, fontSize: 28, hideOverlap: true, margin: 20 } },
      yAxis: {
        type: "value", scale: true, splitNumber: 3, splitLine: { lineStyle: { color: LINE } }, axisLabel: { color: MUTED, fontSize: 28, formatter: (value) => `${value}%` },
        max: (span) => (span.max > 75 ? 100 : null),
      },
      series: data.series.map((line, index) => ({
        name: line.name, type: "line", data: line.values, connectNulls: false, showSymbol: data.labels.length <= 10, symbolSize: 12, silent: true,
        lineStyle: { width: 5, type: dashes[index % 3] },
      })),
    });
  }

  // --- the pages ---------------------------------------------------------------------------------------------------------

  function alone(page, panel, without) {
    const node = slot(page, panel);
    node.hidden = without;
    node.parentElement.classList.toggle("alone", without);
  }

  const PAGES = {
    overview(page) {
      coverages(slot("overview", "organization"), page.coverages.slice(0, 2));
      coverages(slot("overview", "work"), page.coverages.slice(2));
      say("overview", "basis", page.note);
      say("overview", "organization-title", `组织覆盖率 · ${page.basis}`);
      say("overview", "work-title", `工作覆盖率 · ${page.basis}`);
      tiles(slot("overview", "tiles"), page.tiles);
    },
    areas(page, frame) {
      const holder = slot("areas", "map-panel");
      holder.hidden = !page.map;
      holder.parentElement.classList.toggle("with-map", Boolean(page.map));
      say("areas", "title", page.rows_title);
      ranking(slot("areas", "rows"), page.rows);
      if (!page.map) return;
      say("areas", "map-title", page.map.title);
      slot("areas", "map").setAttribute("aria-label", page.map.title);
      each(slot("areas", "outside"), page.map.outside, () => element("", "li"), (node, row) => put(node, `${row.name}（图外）${row.text}`));
      if (shapes) map(page.map);
      else fetchShapes(frame);
    },
    markets(page) {
      tiles(slot("markets", "tiles"), page.tiles);
      alone("markets", "gaps-panel", !page.gaps);
      if (!page.gaps) return;
      say("markets", "title", page.gaps.title);
      say("markets", "empty", page.gaps.empty);
      const [sheltered, blank] = page.gaps.series.map((one) => one.values);
      bars(slot("markets", "gaps"), page.gaps.labels.map((name, index) => ({
        name, values: [sheltered[index], blank[index]], text: `${page.gaps.totals[index].toLocaleString()}（空白 ${blank[index].toLocaleString()}）`,
      })));
    },
    places(page) {
      const one = (row) => ({ ...row, values: [row.value] });
      tiles(slot("places", "tiles"), page.tiles);
      say("places", "kinds-title", page.kinds.title);
      bars(slot("places", "kinds"), page.kinds.rows.map(one));
      alone("places", "below-panel", !page.below);
      if (!page.below) return;
      say("places", "below-title", page.below.title);
      bars(slot("places", "below"), page.below.rows.map(one));
    },
    trend(page) {
      tiles(slot("trend", "tiles"), page.tiles);
      page.charts.forEach((data, index) => {
        const place = slot("trend", `chart-${index}`);
        say("trend", `title-${index}`, data.empty ? `${data.title}：${data.empty}` : data.title);
        place.setAttribute("aria-label", data.title);
        lines(place, data);
      });
    },
  };

  // The name of the unit and every figure stand in one line, as large as there is room for.
  function fit() {
    for (const node of document.querySelectorAll("[data-fit]")) {
      node.style.fontSize = "";
      let size = parseFloat(getComputedStyle(node).fontSize);
      while (node.clientWidth && node.scrollWidth > node.clientWidth && size > 30) node.style.fontSize = `${(size -= 2)}px`;
    }
  }

  window.wall = {
    draw(frame, quiet) {
      drawn = frame;
      still = quiet;
      document.body.classList.toggle("still", still);
      for (const [name, draw] of Object.entries(PAGES)) if (frame.screen.pages.includes(name)) draw(frame.pages[name], frame);
    },
    resize() {
      for (const [place, one] of charts) {
        const size = { width: place.clientWidth, height: place.clientHeight };
        if (size.width && (size.width !== one.getWidth() || size.height !== one.getHeight())) one.resize(size);
      }
    },
    clear() {
      drawn = null;
      for (const one of charts.values()) one.dispose();
      charts.clear();
      document.querySelectorAll("#stage [data-slot]").forEach((node) => { if (!node.matches("[data-slot$=panel]")) node.replaceChildren(); });
    },
    fit,
  };
})();
