// The geometry of the globe: what is where in the picture. Pure.
//
// Points of the earth are unit vectors. The picture is an orthographic projection in which the earth has the radius 1;
// x goes to the right, y up and z towards the viewer.

import { COASTS, MIDDLES } from "./coastlines.js";

/** @typedef {[number, number, number]} Vector */
/** @typedef {{longitude: number, latitude: number}} View the place in the middle of the picture, in degrees */

const RADIANS = Math.PI / 180;
const COAST_STEPS = 10; // a degree
const MIDDLE_STEPS = 2;
/** The radius at which hidden outlines are drawn, outside the disc: only their way around it counts. */
const OUTSIDE = 1.5;
const FAR = 4;
/** In radians: shorter ways around the disc are merged with the next one, longer ones split. */
const ROUND_LEAST = 0.1;
const ROUND_MOST = 0.6;
/** An outline with an area below this is reversed; the area of small ones may be a little below zero. */
const INVERTED = -1;
const ARC_PIECES = 36;
const RING_PIECES = 60;

/** How high an arc rises above the surface in its middle: more, the farther it goes. */
const LIFT_LEAST = 0.05;
const LIFT_MORE = 0.13;

// --- reading -------------------------------------------------------------------------------------

/** @type {Map<string, number>} */
const DIGITS = new Map();
for (let code = 35; DIGITS.size < 88; code++) {
  const digit = String.fromCharCode(code);
  if (!"\\`$".includes(digit)) DIGITS.set(digit, DIGITS.size);
}
const HALF = DIGITS.size / 2;

/** Decode integers as scripts/make_globe_data.py encodes them. @param {string} text */
function read(text) {
  const numbers = [];
  let number = 0;
  let weight = 1;
  for (const character of text) {
    const digit = DIGITS.get(character) ?? 0;
    number += (digit % HALF) * weight;
    weight *= HALF;
    if (digit >= HALF) continue;
    numbers.push(number % 2 ? -(number + 1) / 2 : number / 2);
    number = 0;
    weight = 1;
  }
  return numbers;
}

/** All coasts, each as the coordinates of its points in turn. */
export const coasts = COASTS.split(" ").map((text) => {
  const steps = read(text);
  const ring = new Float32Array((steps.length / 2) * 3);
  let x = 0;
  let y = 0;
  for (let i = 0; i < steps.length / 2; i++) {
    x += steps[2 * i] ?? 0;
    y += steps[2 * i + 1] ?? 0;
    ring.set(vector(x / COAST_STEPS, y / COAST_STEPS), 3 * i);
  }
  return ring;
});

/** The middle of each country, by its two letters. @type {ReadonlyMap<string, Vector>} */
export const middles = new Map(
  MIDDLES.split(" ").map((text) => {
    const [x = 0, y = 0] = read(text.slice(2));
    return [text.slice(0, 2), vector(x / MIDDLE_STEPS, y / MIDDLE_STEPS)];
  }),
);

// --- turning -------------------------------------------------------------------------------------

/** @param {number} longitude in degrees @param {number} latitude @returns {Vector} */
export function vector(longitude, latitude) {
  const flat = Math.cos(latitude * RADIANS);
  const turn = longitude * RADIANS;
  return [flat * Math.cos(turn), flat * Math.sin(turn), Math.sin(latitude * RADIANS)];
}

/** The place under a vector. @param {Vector} vector @returns {View} */
export function place([x, y, z]) {
  return { longitude: Math.atan2(y, x) / RADIANS, latitude: Math.atan2(z, Math.hypot(x, y)) / RADIANS };
}

/** The rotation matrix from vectors of the earth to those of the picture, row by row. @param {View} view */
export function turned({ longitude, latitude }) {
  const [cl, sl] = [Math.cos(longitude * RADIANS), Math.sin(longitude * RADIANS)];
  const [cp, sp] = [Math.cos(latitude * RADIANS), Math.sin(latitude * RADIANS)];
  return [-sl, cl, 0, -sp * cl, -sp * sl, cp, cp * cl, cp * sl, sp];
}

/** A vector of the earth in the picture. @param {number[]} rows @param {Vector} vector @returns {Vector} */
export function seen(rows, [x, y, z]) {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = rows;
  return [a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z];
}

/** Whether a point of the picture is not hidden by the earth. @param {Vector} point */
export function isVisible([x, y, z]) {
  return z >= 0 || x * x + y * y > 1;
}

// --- land ----------------------------------------------------------------------------------------

/**
 * The outlines of the land, to be filled by the even-odd rule inside a disc of radius 1; x and y in turn.
 *
 * The far side is turned inside out, to the outside of the disc: the nearer to the opposite point, the farther away. So
 * no outline has to be cut, and inside the disc everything is where it belongs. Of the far part of an outline only its
 * way around the disc counts, so most of its points are left out. If an outline encloses the opposite point, its inside
 * becomes its outside: it runs the other way round, and a frame around everything corrects that.
 *
 * @param {number[]} rows of `turned`
 * @param {Iterable<Float32Array>} rings
 */
export function outlines(rows, rings = coasts) {
  /** @type {number[][]} */
  const found = [];
  for (const ring of rings) {
    const outline = outlineOf(rows, ring);
    if (!outline) continue;
    found.push(outline);
    if (signedArea(outline) < INVERTED) found.push([-FAR, -FAR, FAR, -FAR, FAR, FAR, -FAR, FAR]);
  }
  return found;
}

/**
 * One outline; undefined if it neither enters the disc nor goes around it.
 * @param {number[]} rows
 * @param {Float32Array} ring
 */
function outlineOf(rows, ring) {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = rows;
  /** @type {number[]} */
  const points = [];
  let anything = false;
  let hidden = NaN; // the angle up to which a hidden part has been drawn
  let turns = 0;
  let right = 0;
  let up = 0;
  for (let at = 0; at <= ring.length; at += 3) {
    const from = at % ring.length; // the first point comes again, so that the outline is closed
    const x = /** @type {number} */ (ring[from]);
    const y = /** @type {number} */ (ring[from + 1]);
    const z = /** @type {number} */ (ring[from + 2]);
    const [rightBefore, upBefore] = [right, up];
    right = a * x + b * y + c * z;
    up = d * x + e * y + f * z;
    if (g * x + h * y + i * z >= 0) {
      if (hidden === hidden) insideOut(points, rightBefore, upBefore);
      points.push(right, up);
      anything = true;
      hidden = NaN;
    } else if (hidden !== hidden) {
      insideOut(points, right, up);
      hidden = Math.atan2(up, right);
    } else {
      const way = shortest(Math.atan2(up, right) - hidden);
      if (Math.abs(way) < ROUND_LEAST && at < ring.length) continue;
      goRound(points, hidden, way);
      turns += way;
      hidden += way;
    }
  }
  return anything || Math.abs(turns) > Math.PI ? points : undefined;
}

/** @param {number[]} points @param {number} right @param {number} up */
function insideOut(points, right, up) {
  const away = Math.hypot(right, up) || 1;
  points.push((right * (2 - away)) / away, (up * (2 - away)) / away);
}

/**
 * Go around the disc, outside of it.
 * @param {number[]} points
 * @param {number} from an angle
 * @param {number} way how far
 */
function goRound(points, from, way) {
  const pieces = Math.ceil(Math.abs(way) / ROUND_MOST);
  for (let piece = 1; piece <= pieces; piece++) {
    const angle = from + (way * piece) / pieces;
    points.push(OUTSIDE * Math.cos(angle), OUTSIDE * Math.sin(angle));
  }
}

/**
 * The equivalent angle within half a turn in either direction; in radians, or in units of another full turn.
 * @param {number} angle
 */
export function shortest(angle, full = 2 * Math.PI) {
  return angle - full * Math.round(angle / full);
}

/** Positive for an outline that runs counterclockwise. @param {number[]} points */
function signedArea(points) {
  let area = 0;
  let [x = 0, y = 0] = points.slice(-2);
  for (let i = 0; i < points.length; i += 2) {
    const nextX = /** @type {number} */ (points[i]);
    const nextY = /** @type {number} */ (points[i + 1]);
    area += x * nextY - nextX * y;
    x = nextX;
    y = nextY;
  }
  return area / 2;
}

// --- lines over the earth ------------------------------------------------------------------------

const NET_STEP = 30; // degrees
const NET_PIECES = 48;

/** Meridians and parallels, each as the coordinates of its points one after the other. */
const net = [
  ...Array.from({ length: 360 / NET_STEP }, (_, i) => netLine((part) => vector(i * NET_STEP, 150 * part - 75))),
  ...[-60, -30, 0, 30, 60].map((latitude) => netLine((part) => vector(360 * part, latitude))),
];

/** @param {(part: number) => Vector} at */
function netLine(at) {
  return Float32Array.from(Array.from({ length: NET_PIECES + 1 }, (_, i) => at(i / NET_PIECES)).flat());
}

/** The visible parts of meridians and parallels; x and y in turn. @param {number[]} rows */
export function graticule(rows) {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = rows;
  /** @type {number[][]} */
  const found = [];
  for (const line of net) {
    /** @type {number[] | undefined} */
    let open;
    for (let at = 0; at < line.length; at += 3) {
      const x = /** @type {number} */ (line[at]);
      const y = /** @type {number} */ (line[at + 1]);
      const z = /** @type {number} */ (line[at + 2]);
      if (g * x + h * y + i * z < 0) open = undefined;
      else {
        if (!open) found.push((open = []));
        open.push(a * x + b * y + c * z, d * x + e * y + f * z);
      }
    }
  }
  return found;
}

/** An arc above the surface between two points of the picture. @param {Vector} from @param {Vector} to */
export function flight(from, to) {
  const angle = Math.acos(Math.max(-1, Math.min(1, dot(from, to))));
  const lift = LIFT_LEAST + (LIFT_MORE * (1 - Math.cos(angle))) / 2;
  return Array.from({ length: ARC_PIECES + 1 }, (_, i) => {
    const part = i / ARC_PIECES;
    return scaled(between(from, to, angle, part), 1 + lift * Math.sin(Math.PI * part));
  });
}

/**
 * A part of a line: from 0, where it begins, to 1.
 * @param {Vector[]} line
 * @param {number} first
 * @param {number} last
 */
export function stretch(line, first, last) {
  const end = line.length - 1;
  const within = line.slice(Math.floor(first * end) + 1, Math.ceil(last * end));
  return [pointOn(line, first * end), ...within, pointOn(line, last * end)];
}

/** @param {Vector[]} line @param {number} at a number of its points, or between two @returns {Vector} */
function pointOn(line, at) {
  const [a, b] = [line[Math.floor(at)], line[Math.ceil(at)]];
  if (!a || !b) return [0, 0, -1];
  const part = at - Math.floor(at);
  return [a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]), a[2] + part * (b[2] - a[2])];
}

/** A circle on the earth around a point of the picture. @param {Vector} middle @param {number} radius in degrees */
export function circle(middle, radius) {
  const [side, other] = across(middle);
  const [near, wide] = [Math.cos(radius * RADIANS), Math.sin(radius * RADIANS)];
  return Array.from({ length: RING_PIECES + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING_PIECES;
    const [u, v] = [wide * Math.cos(angle), wide * Math.sin(angle)];
    return /** @type {Vector} */ (middle.map((part, k) => near * part + u * (side[k] ?? 0) + v * (other[k] ?? 0)));
  });
}

/**
 * A point on the surface this many degrees away, in a direction (0 is up, 90 to the right).
 * @param {Vector} from
 * @param {number} away
 * @param {number} direction
 */
export function towards(from, away, direction) {
  const [right, up] = across(from);
  const [s, c] = [Math.sin(direction * RADIANS), Math.cos(direction * RADIANS)];
  const [near, far] = [Math.cos(away * RADIANS), Math.sin(away * RADIANS)];
  return /** @type {Vector} */ (from.map((part, k) => near * part + far * (s * (right[k] ?? 0) + c * (up[k] ?? 0))));
}

/** The visible pieces of a line. @param {Vector[]} line */
export function pieces(line) {
  /** @type {Vector[][]} */
  const found = [];
  let open = false;
  for (const point of line) {
    if (!isVisible(point)) open = false;
    else if (open) found.at(-1)?.push(point);
    else {
      found.push([point]);
      open = true;
    }
  }
  return found.filter((piece) => piece.length > 1);
}

// --- where to look -------------------------------------------------------------------------------

/**
 * The place in the middle of some points, and how far the farthest one is from it, in degrees; undefined without a
 * middle.
 * @param {Vector[]} points
 */
export function overview(points) {
  /** @type {Vector} */
  const sum = [0, 0, 0];
  for (const [x, y, z] of points) {
    sum[0] += x;
    sum[1] += y;
    sum[2] += z;
  }
  const length = Math.hypot(...sum);
  if (length < 1e-3) return undefined;
  const middle = scaled(sum, 1 / length);
  const least = Math.min(...points.map((point) => dot(point, middle)));
  return { ...place(middle), reach: Math.acos(Math.max(-1, Math.min(1, least))) / RADIANS };
}

/** @param {Vector} a @param {Vector} b */
function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** @param {Vector} vector @param {number} factor @returns {Vector} */
function scaled([x, y, z], factor) {
  return [x * factor, y * factor, z * factor];
}

/**
 * A point on the shortest way along the surface.
 * @param {Vector} from
 * @param {Vector} to
 * @param {number} angle
 * @param {number} part
 */
function between(from, to, angle, part) {
  const sine = Math.sin(angle);
  if (sine < 1e-6) return from;
  const [a, b] = [Math.sin((1 - part) * angle) / sine, Math.sin(part * angle) / sine];
  return /** @type {Vector} */ ([a * from[0] + b * to[0], a * from[1] + b * to[1], a * from[2] + b * to[2]]);
}

/**
 * Two directions along the surface: to the right and up, as they are seen.
 * @param {Vector} point
 * @returns {[Vector, Vector]}
 */
function across([x, y, z]) {
  // up is (0, 1, 0) without its component towards the point, or (0, 0, 1) at the top and the bottom of the picture
  /** @type {Vector} */
  const rough = Math.abs(y) > 0.99 ? [-x * z, -y * z, 1 - z * z] : [-x * y, 1 - y * y, -z * y];
  const up = scaled(rough, 1 / Math.hypot(...rough));
  return [[up[1] * z - up[2] * y, up[2] * x - up[0] * z, up[0] * y - up[1] * x], up];
}
