// Draws a scene: on a canvas, or as SVG where there is none. Both look the same, except for glow and shading.

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./sphere.js").Vector} Vector */
/** @typedef {[number, number, number]} Colour red, green and blue from 0 to 255 */
/** @typedef {{ink: Colour, accent: Colour, dark: boolean}} Colours dark: whether the background is */

/** The earth's radius as a share of half the picture's size; the rest is for arcs and the glow of the air. */
const RADIUS = 0.84;
const LINE = 0.8; // CSS pixels
const GLOWS = 0.2; // fainter lines have no glow
const HOLLOW = 1.5; // the outline of a hollow dot
const SVG = "http://www.w3.org/2000/svg";

/** @type {Colour} */
const ACCENT = [22, 150, 115];
/** @type {Colour} */
const INK = [40, 52, 64];

/** The scale of arcs and dots in a picture of this many CSS pixels; 1 for 240. @param {number} size */
function markScale(size) {
  return Math.max(0.6, Math.min(1.25, size / 240));
}

/** The opacity of everything, on a dark and on a light background. @param {Colours} colours */
function strengths({ dark }) {
  return dark
    ? { bright: 0.16, shade: 0.05, land: 0.3, coast: 0.5, grid: 0.085, rim: 0.2, air: 0.3, around: 0.2 }
    : { bright: 0.04, shade: 0.17, land: 0.42, coast: 0.66, grid: 0.12, rim: 0.13, air: 0.18, around: 0.1 };
}

/**
 * The colour of land and sea: the ink with a little of the accent. It is mixed with the background and drawn more
 * opaque in turn, because a canvas rounds away the colour of dark paint that is almost transparent.
 * @param {Colours} colours @returns {Colour}
 */
function earthen({ ink, accent, dark }) {
  const ground = dark ? 60 : 255;
  const share = dark ? 0.3 : 0.5;
  const mixed = ink.map((part, k) => (1 - share) * (0.72 * part + 0.28 * (accent[k] ?? 0)) + share * ground);
  return /** @type {Colour} */ (mixed);
}

/**
 * @param {CanvasRenderingContext2D} pen @param {number} size of the canvas in its own pixels
 * @param {number} ratio its pixels in a CSS pixel @param {Scene} scene @param {Colours} colours
 */
export function paint(pen, size, ratio, scene, colours) {
  const { accent } = colours;
  const earth = earthen(colours);
  const strong = strengths(colours);
  const middle = size / 2;
  const radius = middle * RADIUS;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, size, size);
  pen.setTransform(radius, 0, 0, -radius, middle, middle); // the picture's coordinates
  const pixel = ratio / radius;
  const mark = pixel * markScale(size / ratio);
  pen.lineJoin = "round";

  const air = pen.createRadialGradient(0, 0, 0.94, 0, 0, 1 / RADIUS);
  air.addColorStop(0, rgba(accent, strong.air * (0.55 + 0.7 * scene.glow)));
  air.addColorStop(0.45, rgba(accent, strong.air * (0.16 + 0.3 * scene.glow)));
  air.addColorStop(1, rgba(accent, 0));
  disc(pen, [0, 0, 0], 1 / RADIUS, air);
  pen.globalCompositeOperation = "destination-out"; // the earth is in front of the air
  disc(pen, [0, 0, 0], 1, "#000");
  pen.globalCompositeOperation = "source-over";

  const sea = pen.createRadialGradient(-0.38, 0.46, 0.05, -0.1, 0.12, 1.14);
  sea.addColorStop(0, rgba(earth, strong.bright));
  sea.addColorStop(1, rgba(earth, strong.shade));
  disc(pen, [0, 0, 0], 1, sea);

  pen.save();
  pen.clip();
  pen.lineWidth = LINE * pixel;
  pen.strokeStyle = rgba(earth, strong.grid);
  pen.beginPath();
  for (const line of scene.grid) shape(pen, line);
  pen.stroke();
  pen.beginPath();
  for (const outline of scene.land) {
    shape(pen, outline);
    pen.closePath();
  }
  const land = pen.createRadialGradient(-0.38, 0.46, 0.1, 0, 0, 1.05);
  land.addColorStop(0, rgba(earth, strong.land * 1.2));
  land.addColorStop(1, rgba(earth, strong.land * 0.7));
  pen.fillStyle = land;
  pen.fill("evenodd");
  // towards the edge coasts get closer and closer
  const coast = pen.createRadialGradient(0, 0, 0.55, 0, 0, 1);
  coast.addColorStop(0, rgba(earth, strong.coast));
  coast.addColorStop(1, rgba(earth, strong.coast * 0.1));
  pen.strokeStyle = coast;
  pen.stroke();
  const rim = pen.createRadialGradient(0, 0, 0.84, 0, 0, 1);
  rim.addColorStop(0, rgba(accent, 0));
  rim.addColorStop(1, rgba(accent, strong.rim * (1 + 0.7 * scene.glow)));
  disc(pen, [0, 0, 0], 1, rim);
  pen.restore();

  pen.lineCap = "round";
  for (const { points, width, alpha } of scene.lines) {
    pen.beginPath();
    trace(pen, points);
    if (alpha > GLOWS) {
      pen.lineWidth = width * 5 * mark;
      pen.strokeStyle = rgba(accent, alpha * strong.around);
      pen.stroke();
    }
    pen.lineWidth = width * mark;
    pen.strokeStyle = rgba(accent, alpha);
    pen.stroke();
  }
  for (const { at, radius: wide, alpha, hollow } of scene.dots) {
    disc(pen, at, wide * mark, rgba(accent, alpha));
    if (hollow) disc(pen, at, (wide - HOLLOW) * mark, core(colours));
  }
}

/** The inside of a hollow dot. @param {Colours} colours */
function core({ dark }) {
  return dark ? "#10161c" : "#fff";
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Vector} at
 * @param {number} radius
 * @param {string | CanvasGradient} colour
 */
function disc(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

/** @param {CanvasRenderingContext2D} pen @param {Vector[]} line */
function trace(pen, line) {
  line.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
}

/** @param {CanvasRenderingContext2D} pen @param {number[]} outline */
function shape(pen, outline) {
  for (let i = 0; i < outline.length; i += 2) {
    const x = /** @type {number} */ (outline[i]);
    const y = /** @type {number} */ (outline[i + 1]);
    if (i) pen.lineTo(x, y);
    else pen.moveTo(x, y);
  }
}

// --- without a canvas ----------------------------------------------------------------------------

/**
 * The same as SVG, in a square of `size` CSS pixels.
 * @param {Scene} scene
 * @param {number} size
 * @param {Colours} colours
 */
export function drawn(scene, size, colours) {
  const { accent } = colours;
  const earth = earthen(colours);
  const strong = strengths(colours);
  const middle = size / 2;
  const radius = middle * RADIUS;
  const mark = markScale(size);
  const near = (/** @type {number} */ x) => (middle + radius * x).toFixed(1);
  const down = (/** @type {number} */ y) => (middle - radius * y).toFixed(1);
  const path = (/** @type {Vector[]} */ line) => `M${line.map(([x, y]) => `${near(x)} ${down(y)}`).join("L")}`;
  const flat = (/** @type {number[]} */ line) => {
    const points = [];
    for (let i = 0; i < line.length; i += 2) points.push(`${near(line[i] ?? 0)} ${down(line[i + 1] ?? 0)}`);
    return `M${points.join("L")}`;
  };
  const globe = { cx: middle, cy: middle, r: radius };
  const clip = `freespan-globe-${Math.random().toString(36).slice(2)}`;
  const line = { fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" };
  const inside = tag("g", { "clip-path": `url(#${clip})` }, [
    tag("path", { ...line, d: scene.grid.map(flat).join(""), stroke: rgba(earth, strong.grid), "stroke-width": LINE }),
    tag("path", {
      d: scene.land.map((outline) => `${flat(outline)}Z`).join(""),
      fill: rgba(earth, strong.land),
      "fill-rule": "evenodd",
      stroke: rgba(earth, strong.coast / 2),
      "stroke-width": LINE,
    }),
  ]);
  const picture = tag("svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" }, [
    tag("clipPath", { id: clip }, [tag("circle", globe)]),
    tag("circle", {
      ...globe,
      fill: rgba(earth, (strong.bright + strong.shade) / 2),
      stroke: rgba(accent, strong.air),
    }),
    inside,
    ...scene.lines.map(({ points, width, alpha }) =>
      tag("path", { ...line, d: path(points), stroke: rgba(accent, alpha), "stroke-width": width * mark }),
    ),
    ...scene.dots.map(({ at, radius: r, alpha, hollow }) => {
      /** @type {Record<string, string | number>} */
      const outline = hollow
        ? { stroke: rgba(accent, 1), "stroke-width": HOLLOW * mark, r: (r - HOLLOW / 2) * mark }
        : {};
      const fill = hollow ? core(colours) : rgba(accent, alpha);
      return tag("circle", { cx: near(at[0]), cy: down(at[1]), r: r * mark, fill, ...outline });
    }),
  ]);
  picture.style.cssText = "display:block;width:100%"; // allowed by a page's policy, unlike the attribute
  return picture;
}

/** @param {string} name @param {Record<string, string | number>} attributes @param {Element[]} children */
function tag(name, attributes, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return /** @type {SVGElement} */ (element);
}

// --- colours -------------------------------------------------------------------------------------

/**
 * The colours for an element: those given, or its custom properties, or the text's colour and a green.
 * @param {HTMLElement} container @param {Partial<Record<"ink" | "accent", string>>} given @returns {Colours}
 */
export function coloursOf(container, given) {
  const style = getComputedStyle(container);
  const probe = document.createElement("span");
  probe.hidden = true;
  container.append(probe);
  const ink = parsed(probe, given.ink || style.getPropertyValue("--globe-ink") || style.color) ?? INK;
  const accent = parsed(probe, given.accent || style.getPropertyValue("--globe-accent")) ?? ACCENT;
  probe.remove();
  const light = 0.3 * ink[0] + 0.59 * ink[1] + 0.11 * ink[2];
  return { ink, accent, dark: light > 140 }; // light ink means a dark background
}

/** @param {HTMLElement} probe @param {string} colour @returns {Colour | undefined} */
function parsed(probe, colour) {
  probe.style.color = "";
  probe.style.color = colour.trim();
  if (!probe.style.color) return undefined;
  // colours of newer colour spaces are computed as they are; mixing converts them to sRGB, where it is supported
  probe.style.color = `color-mix(in srgb, ${colour} 100%, ${colour})`;
  const text = getComputedStyle(probe).color;
  const [r = 0, g = 0, b = 0] = (text.replace(/^[^(]*\((srgb)?/, "").match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number);
  if (text.startsWith("rgb")) return [r, g, b];
  return text.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b] : undefined;
}

/** @param {Colour} colour @param {number} alpha */
function rgba([r, g, b], alpha) {
  return `rgba(${r.toFixed(0)},${g.toFixed(0)},${b.toFixed(0)},${Math.max(0, Math.min(1, alpha)).toFixed(3)})`;
}
