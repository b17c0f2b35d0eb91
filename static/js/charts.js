// Charts of the staff pages: every .chart[data-chart] fetches its data-url and is drawn by its kind.
// The answer also carries `table` ({columns, rows}), which fills 看表格: the same numbers, from the same query.
// Nothing inline: tooltips are DOM nodes with classes, sizes come from CSS.
"use strict";
(() => {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const FONT = token("--fonts");
  const TEXT = token("--text");
  const MUTED = token("--muted");
  const LINE = token("--line");
  const DATA = [token("--data-1"), token("--data-2"), token("--data-3"), "#6b7f8e"];
  const SCALE = [token("--map-1"), token("--map-2"), token("--map-3"), token("--map-4")];
  const STEPS = ["#0b5c86", "#2f7ba4", "#5b98b8", "#8ab6ce"];
  const HALO = { color: TEXT, textBorderColor: "#fff", textBorderWidth: 3 };
  const narrow = () => window.innerWidth < 768;

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function tip(title, lines) {
    const box = element("div", "chart-tip");
    box.append(element("strong", "", title));
    for (const line of lines.filter(Boolean)) box.append(element("div", "", line));
    return box;
  }

  const base = () => ({
    textStyle: { fontFamily: FONT, color: TEXT, fontSize: 13 },
    animationDuration: 300,
    color: DATA,
    aria: { enabled: false }, // the figure has its own name and table
  });
  const tooltip = (formatter, more = {}) => ({
    tooltip: { confine: true, borderColor: LINE, padding: [8, 12], textStyle: { color: TEXT, fontFamily: FONT, fontSize: 13 }, formatter, ...more },
  });

  // --- kinds -----------------------------------------------------------------------------------------------------------

  // Four classes of even width, told in words beside the map; a value stands in the last one that begins below it.
  function classes(values, text, exact) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    if (low === high) return [{ min: low, max: high, label: text(low), color: SCALE[2] }];
    const bounds = [0, 1, 2, 3, 4].map((step) => low + ((high - low) * step) / 4).map((value) => (exact ? value : Math.ceil(value)));
    const kept = SCALE.map((color, index) => ({ gte: bounds[index], [index === 3 ? "lte" : "lt"]: bounds[index + 1], color, label: `${text(bounds[index])} – ${text(bounds[index + 1])}` }));
    return kept.filter((one, index) => index === 3 || one.gte < bounds[index + 1]).reverse();
  }

  // The land keeps its shape in a card of any; beside it, or below it on a phone, stay the classes.
  function layout(shapes, place) {
    const numbers = shapes.features.flatMap((one) => one.geometry.coordinates.flat(Infinity)); // longitude, latitude, longitude …
    const reach = (odd) => numbers.reduce(([low, high], one, index) => (index % 2 === odd ? [Math.min(low, one), Math.max(high, one)] : [low, high]), [Infinity, -Infinity]);
    const [[west, east], [south, north]] = [reach(0), reach(1)];
    const aspectScale = Math.cos(((south + north) / 2) * (Math.PI / 180));
    const [left, top] = narrow() ? [8, 12] : [72, 12];
    const [width, height] = [place.clientWidth - left - 28, place.clientHeight - top - (narrow() ? 96 : 16)];
    const aspect = ((east - west) / (north - south)) * aspectScale;
    return { aspectScale, layoutCenter: [left + width / 2, top + height / 2], layoutSize: Math.min(width, height * aspect) };
  }

  async function map(data, place) {
    const shapes = await fetchJson(data.geo_url);
    echarts.registerMap("districts", shapes);
    const known = data.rows.filter((row) => row.value !== null);
    const values = known.map((row) => row.value);
    const text = (value) => (data.percent ? `${value.toFixed(1)}%` : Math.round(value).toLocaleString());
    return {
      ...base(),
      ...tooltip((item) => tip(item.name, [item.data?.text ? `${data.name} ${item.data.text}` : "没有数据", item.data?.detail, item.data?.url ? "点按进入" : ""])),
      visualMap: {
        show: values.length > 0, type: "piecewise", pieces: values.length ? classes(values, text, data.percent) : [], left: narrow() ? 12 : 0, bottom: narrow() ? 0 : 52, orient: "vertical",
        itemSymbol: "roundRect", itemWidth: 18, itemHeight: 13, itemGap: 6, selectedMode: false, textStyle: { fontSize: 12, color: TEXT, fontFamily: FONT }, outOfRange: { color: "#efedea" },
      },
      series: [{
        type: "map", map: "districts", nameProperty: "name", roam: false, selectedMode: false,
        ...layout(shapes, place),
        label: { show: true, fontSize: narrow() ? 11 : 12, ...HALO, lineHeight: 14, formatter: (item) => (narrow() ? item.name.replace(/[区新]+$/, "") : item.name) + `\n${item.data?.label ?? "—"}` },
        labelLayout: { hideOverlap: false },
        emphasis: { label: { ...HALO, fontWeight: 600 }, itemStyle: { areaColor: undefined, borderColor: DATA[2], borderWidth: 2.5 } },
        itemStyle: { areaColor: "#efedea", borderColor: "#7f96a3", borderWidth: 1 },
        data: data.rows.map((row) => ({ ...row, value: row.value === null ? NaN : row.value })),
      }],
    };
  }

  function rank(data) {
    const rows = [...data.rows].reverse(); // the first is drawn on top
    const width = narrow() ? 92 : 132;
    const bars = data.pair ? ["wide", "strict"] : ["value"]; // strict over wide: both coverages in one line
    const highest = Math.max(...rows.map((row) => row.wide ?? row.value ?? 0), data.reference?.value ?? 0);
    const colour = (row, bar) => (row.rest ? DATA[3] : bar === "wide" ? SCALE[1] : DATA[0]);
    const bar = (name, index) => ({
      name: { wide: "含市场覆盖", strict: "单独+联合", value: data.name }[name],
      type: "bar", barMaxWidth: 16, barGap: "-100%", cursor: "pointer", showBackground: index === 0, z: 2 + index,
      itemStyle: { color: name === "wide" ? SCALE[1] : DATA[0], borderRadius: 4 },
      backgroundStyle: { color: "#f3f1ee", borderRadius: 4 },
      label: { show: index === 0, position: "right", fontSize: 13, ...HALO, formatter: (item) => item.data.text },
      data: rows.map((row) => ({ ...row, value: row[name] ?? 0, itemStyle: { color: colour(row, name), borderRadius: 4 } })),
      markLine: data.reference && index === 0 ? {
        symbol: "none", silent: true, z: 1, // under the numbers beside the bars
        lineStyle: { color: DATA[2], type: "dashed", width: 1.5 },
        label: { formatter: data.reference.text, position: "end", color: "#7d5400", fontSize: 12 },
        data: [{ xAxis: data.reference.value }],
      } : undefined,
    });
    return {
      ...base(),
      ...tooltip((item) => tip(item.name, [
        ...(data.pair ? [`单独+联合 ${item.data.texts[0]}`, `含市场覆盖 ${item.data.texts[1]}`] : [`${data.name} ${item.data.text}`]),
        item.data.detail, item.data.url ? "点按进入" : "",
      ]), { trigger: "item" }),
      legend: data.pair ? { top: 0, right: 8, icon: "roundRect", itemWidth: 14, itemHeight: 10, selectedMode: false, data: ["单独+联合", "含市场覆盖"], textStyle: { color: TEXT, fontFamily: FONT, fontSize: 12 } } : undefined,
      grid: { left: width + 16, outerBoundsMode: "none", right: data.pair ? 108 : 76, top: data.pair ? 52 : data.reference ? 28 : 8, bottom: 8 },
      xAxis: { type: "value", min: 0, max: data.percent ? Math.min(100, Math.ceil((highest || 1) * 1.05)) : undefined, show: false },
      yAxis: {
        type: "category", data: rows.map((row) => row.name), axisTick: { show: false }, axisLine: { show: false }, triggerEvent: true,
        axisLabel: { interval: 0, width, overflow: "truncate", color: TEXT, fontSize: narrow() ? 12 : 13 },
      },
      series: bars.map(bar),
    };
  }

  function trend(data) {
    const SYMBOLS = ["circle", "rect", "triangle", "diamond"];
    const DASHES = ["solid", "dashed", "solid", "dotted"];
    const unit = data.percent ? "%" : "";
    const few = data.labels.length <= 31;
    return {
      ...base(),
      ...tooltip((items) => tip(items[0].axisValue, items.map((item) => `${item.seriesName} ${data.series[item.seriesIndex].texts[item.dataIndex]}`)), { trigger: "axis" }),
      legend: { top: 4, icon: "roundRect", itemWidth: 16, itemHeight: 4, textStyle: { color: TEXT, fontFamily: FONT, fontSize: 13 } },
      grid: { left: 8, right: 20, top: narrow() ? 66 : 44, bottom: 8, containLabel: true },
      xAxis: { type: "category", data: data.labels, boundaryGap: data.labels.length === 1, axisLine: { lineStyle: { color: LINE } }, axisTick: { show: false }, axisLabel: { color: MUTED, hideOverlap: true } },
      yAxis: {
        type: "value", scale: true, max: data.percent ? (span) => Math.min(100, Math.ceil((span.max + 2) / 5) * 5) : undefined,
        min: data.percent ? (span) => Math.max(0, Math.floor((span.min - 2) / 5) * 5) : undefined, minInterval: data.percent ? undefined : 1,
        splitNumber: 4, splitLine: { lineStyle: { color: LINE } }, axisLabel: { color: MUTED, formatter: (value) => `${value.toLocaleString()}${unit}` },
      },
      series: data.series.map((line, index) => ({
        name: line.name, type: "line", data: line.values, connectNulls: false, symbol: SYMBOLS[index % 4], symbolSize: 6, showSymbol: few,
        lineStyle: { width: 2.25, type: DASHES[index % 4] }, emphasis: { focus: "series" },
      })),
    };
  }

  function funnel(data) {
    const highest = Math.max(...data.rows.map((row) => row.value ?? 0), 1);
    return {
      ...base(),
      ...tooltip((item) => tip(item.name, [item.data.text, item.data.detail]), { trigger: "item" }),
      grid: { left: narrow() ? 76 : 100, right: narrow() ? 96 : 130, top: 8, bottom: 8 },
      xAxis: { type: "value", min: 0, max: highest, show: false },
      yAxis: { type: "category", inverse: true, data: data.rows.map((row) => row.name), axisTick: { show: false }, axisLine: { show: false }, triggerEvent: true, axisLabel: { interval: 0, color: TEXT, fontSize: 13 } },
      series: [{
        type: "bar", barMaxWidth: 26, showBackground: true, backgroundStyle: { color: "#f3f1ee", borderRadius: 4 }, cursor: "pointer",
        label: { show: true, position: "right", color: TEXT, fontSize: 13, formatter: (item) => item.data.text },
        data: data.rows.map((row, index) => ({ ...row, value: row.value ?? 0, itemStyle: { color: STEPS[index % STEPS.length], borderRadius: 4 } })),
      }],
    };
  }

  function stack(data) {
    return {
      ...base(),
      ...tooltip((items) => tip(items[0].axisValue, items.map((item) => `${item.seriesName} ${(item.data.text ?? item.value)}`)), { trigger: "axis", axisPointer: { type: "shadow" } }),
      legend: { top: 4, icon: "roundRect", itemWidth: 14, itemHeight: 10, textStyle: { color: TEXT, fontFamily: FONT, fontSize: 13 } },
      grid: { left: narrow() ? 104 : 140, right: 28, top: 36, bottom: 8 },
      xAxis: { type: "value", show: false, minInterval: 1 },
      yAxis: { type: "category", inverse: true, data: data.labels, triggerEvent: true, axisTick: { show: false }, axisLine: { show: false }, axisLabel: { interval: 0, width: narrow() ? 96 : 132, overflow: "truncate", color: TEXT, fontSize: 13 } },
      series: data.series.map((line, index) => ({
        name: line.name, type: "bar", stack: "all", barMaxWidth: 16, itemStyle: { color: [DATA[0], DATA[2], DATA[1]][index % 3] },
        label: { show: index === data.series.length - 1, position: "right", color: TEXT, formatter: (item) => data.totals[item.dataIndex] },
        data: line.values.map((value, position) => ({ value: value ?? 0, url: line.urls?.[position] ?? data.urls?.[position] })),
      })),
    };
  }

  // A goal: what was counted against the line from base to target, on a true time axis, or the line would look bent.
  function goal(data) {
    const unit = data.percent ? "%" : "";
    return {
      ...base(),
      ...tooltip((items) => tip(items[0].value[0], items.map((item) => `${item.seriesName} ${item.value[2]}`)), { trigger: "axis" }),
      legend: { top: 4, icon: "roundRect", itemWidth: 16, itemHeight: 4, textStyle: { color: TEXT, fontFamily: FONT, fontSize: 13 } },
      grid: { left: 8, right: 32, top: 44, bottom: 8, containLabel: true },
      xAxis: { type: "time", axisLine: { lineStyle: { color: LINE } }, axisLabel: { color: MUTED, hideOverlap: true, formatter: "{yyyy}-{MM}" }, splitNumber: narrow() ? 3 : 6 },
      yAxis: {
        type: "value", scale: true, min: 0, max: data.percent ? (span) => Math.min(100, Math.ceil((span.max + 2) / 5) * 5) : undefined, minInterval: data.percent ? undefined : 1,
        splitNumber: 4, splitLine: { lineStyle: { color: LINE } }, axisLabel: { color: MUTED, formatter: (value) => `${value.toLocaleString()}${unit}` },
      },
      series: [
        { name: "实际", type: "line", data: data.actual, showSymbol: data.actual.length <= 31, symbol: "circle", symbolSize: 6, lineStyle: { width: 2.5 }, z: 3 },
        { name: "直线", type: "line", data: data.line, symbol: "diamond", symbolSize: 9, lineStyle: { width: 2, type: "dashed", color: DATA[2] }, itemStyle: { color: DATA[2] } },
      ],
    };
  }

  // What each kind says item by item, in the order of its table: [{text, url, at}], `at` names it for the tooltip.
  const said = (...parts) => parts.filter(Boolean).join(" ");
  const byRow = (data) => data.rows.map((row, index) => ({ text: said(row.name, row.text, row.detail), url: row.url, at: { dataIndex: index } }));
  const ITEMS = {
    map: (data) => data.rows.map((row) => ({ text: said(row.name, row.text, row.detail), url: row.url, at: { name: row.name } })),
    rank: (data) => byRow(data).map((item, index, all) => ({ ...item, at: { dataIndex: all.length - 1 - index } })),
    funnel: byRow,
    stack: (data) => data.labels.map((label, index) => ({ text: said(label, data.totals?.[index], ...data.series.map((line) => `${line.name} ${line.texts?.[index] ?? line.values[index] ?? "—"}`)), url: data.urls?.[index] ?? data.series[0]?.urls?.[index], at: { dataIndex: index } })),
    trend: (data) => data.labels.map((label, index) => ({ text: said(label, ...data.series.map((line) => `${line.name} ${line.texts[index]}`)), at: { dataIndex: index } })),
    goal: (data) => data.actual.map(([day, , text], index) => ({ text: said(day, text), at: { dataIndex: index } })),
  };

  // Arrows go from item to item, which is shown and read out; Enter opens its page.
  function keys(place, chart, data) {
    const items = ITEMS[place.dataset.chart](data);
    if (!items.length) return;
    const hint = element("span", "visually-hidden", `共 ${items.length} 项，按方向键逐项看${items.some((item) => item.url) ? "，按回车打开" : ""}，按 Tab 去看同样数字的表。`);
    const spoken = element("span", "visually-hidden");
    hint.id = `${place.id}-keys`;
    spoken.setAttribute("aria-live", "polite");
    place.after(hint, spoken);
    place.tabIndex = 0;
    place.setAttribute("role", "application");
    place.setAttribute("aria-roledescription", "图表");
    place.setAttribute("aria-describedby", hint.id);
    const last = items.length - 1;
    let now = place.dataset.chart === "trend" || place.dataset.chart === "goal" ? items.length : -1;
    const MOVES = { ArrowRight: () => Math.min(now + 1, last), ArrowDown: () => Math.min(now + 1, last), ArrowLeft: () => Math.max(now - 1, 0), ArrowUp: () => Math.max(now - 1, 0), Home: () => 0, End: () => last };
    const dull = () => chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
    place.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && items[now]?.url) location.assign(items[now].url);
      if (event.key === "Escape") chart.dispatchAction({ type: "hideTip" });
      if (!MOVES[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      now = MOVES[event.key]();
      dull();
      chart.dispatchAction({ type: "highlight", seriesIndex: 0, ...items[now].at });
      chart.dispatchAction({ type: "showTip", seriesIndex: 0, ...items[now].at });
      spoken.textContent = items[now].text;
    });
    place.addEventListener("blur", () => {
      dull();
      chart.dispatchAction({ type: "hideTip" });
    });
  }

  const KINDS = { map, rank, trend, funnel, stack, goal };

  // --- fetching, the table, drill-down -----------------------------------------------------------------------------------

  async function fetchJson(url) {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  function cell(row, index, numeric) {
    const value = row[index];
    const node = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) node.scope = "row";
    else if (numeric) node.className = "numeric num";
    if (value && typeof value === "object" && value.url) {
      const link = element("a", "", value.text);
      link.href = value.url;
      node.append(link);
    } else node.textContent = value && typeof value === "object" ? value.text : value ?? "—";
    return node;
  }

  function table(place, data, caption) {
    const node = element("table", "plain-table");
    node.append(element("caption", "visually-hidden", caption));
    const head = node.createTHead().insertRow();
    data.columns.forEach((column, index) => {
      const th = element("th", index ? "numeric" : "", column);
      th.scope = "col";
      head.append(th);
    });
    const body = node.createTBody();
    for (const row of data.rows) {
      const line = body.insertRow();
      row.forEach((_, index) => line.append(cell(row, index, true)));
    }
    place.replaceChildren(node);
  }

  function message(place, text) {
    const box = element("div", "chart-empty");
    box.append(element("p", "", text));
    place.classList.add("chart-none");
    place.replaceChildren(box);
  }

  function open(data, item) {
    if (item.componentType === "yAxis") {
      const index = (data.labels ?? data.rows.map((row) => row.name)).indexOf(item.value);
      const url = data.urls?.[index] ?? data.rows?.[index]?.url;
      if (url) location.assign(url);
    } else if (item.data?.url) location.assign(item.data.url);
  }

  async function draw(place) {
    const holder = document.querySelector(`[data-chart-table="${place.id}"]`);
    let data;
    try {
      data = await fetchJson(place.dataset.url);
      if (data.table && holder) table(holder, data.table, place.getAttribute("aria-label"));
      if (data.empty) return message(place, data.empty);
      const chart = echarts.init(place, null, { renderer: "svg" });
      const option = () => Promise.resolve(KINDS[place.dataset.chart](data, place));
      chart.setOption(await option());
      chart.on("click", (item) => open(data, item));
      keys(place, chart, data);
      let size = `${place.clientWidth}×${place.clientHeight}`;
      new ResizeObserver(async () => { // the window, or a card that grows because its table was opened
        const now = `${place.clientWidth}×${place.clientHeight}`;
        if (now === size || !place.clientWidth) return;
        size = now;
        chart.resize();
        chart.setOption(await option(), { notMerge: true });
      }).observe(place);
      place.dataset.drawn = "1";
    } catch (error) {
      message(place, "这张图没有取到数据。请刷新页面；如果仍然没有，请告诉系统管理员。");
      place.dataset.failed = error.message;
    }
    return undefined;
  }

  // Paper is narrower than the window and nothing is drawn anew for it: pictures shrink whole (css/print.css).
  window.addEventListener("beforeprint", () => {
    for (const picture of document.querySelectorAll(".chart svg")) {
      picture.setAttribute("viewBox", `0 0 ${picture.getAttribute("width")} ${picture.getAttribute("height")}`);
    }
  });
  window.addEventListener("afterprint", () => {
    for (const picture of document.querySelectorAll(".chart svg")) picture.removeAttribute("viewBox");
  });

  const all = (within) => within.querySelectorAll(".chart[data-chart]").forEach(draw);
  all(document);
  document.addEventListener("htmx:afterSwap", (event) => all(event.detail.target)); // charts of a fragment that came later
})();
