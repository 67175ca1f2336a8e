// What the globe shows at a moment: lines and dots in the picture's coordinates (sphere.js). Pure: the time is handed
// in.

import {
  circle,
  flight,
  graticule,
  middles,
  outlines,
  overview,
  pieces,
  place,
  seen,
  stretch,
  towards,
  turned,
  vector,
} from "./sphere.js";

/** @typedef {import("./sphere.js").Vector} Vector */
/** @typedef {import("./sphere.js").View} View */
/**
 * Who is being helped: countries by their two letters, with the least number of readers in each, and readers whose
 * country is not published. `here` is the country of this volunteer, if it is known.
 * @typedef {{here?: string | undefined, countries?: Record<string, number>, somewhere?: number}} News
 */
/** @typedef {{to: Vector, readers: number, since: number, until: number}} Arc times in milliseconds; `until` may be Infinity */
/**
 * @typedef {object} Moment
 * @property {View} view
 * @property {Vector | undefined} here
 * @property {Iterable<Arc>} arcs
 * @property {number} somewhere
 * @property {number} now milliseconds
 * @property {number} welcomed when somebody new was helped; -Infinity for never
 * @property {number} lively from 0, where nothing moves any more, to 1
 * @property {boolean} still whether nothing ever moves
 */
/** @typedef {{points: Vector[], width: number, alpha: number}} Line width in CSS pixels; in the accent's colour */
/** @typedef {{at: Vector, radius: number, alpha: number, hollow?: boolean}} Dot radius in CSS pixels */
/** @typedef {{land: number[][], grid: number[][], lines: Line[], dots: Dot[], glow: number}} Scene glow from 0 to 1 */

/** More arcs would be a tangle: the countries with the most readers have an arc, others only a dot. */
export const ARCS_MAX = 12;
const RAYS_MAX = 3;
/** Directions, in degrees from up, of the lines that stand for readers of unknown countries. */
const RAYS = [24, -42, 78];
const RAY_DEGREES = 34;
const RAY_STEPS = 7;

const GROW = 1400; // milliseconds
const FADE = 900;
const PULSE = 4200;
const TAIL = 0.3;
const TAIL_STEPS = 5;
const RISE = 0.5;
const RISE_STEPS = 5;
export const WELCOME = 2600;

/** Where arcs begin if this country is unknown: below what they lead to, at the lower edge of the picture. */
const ASIDE = 0.55;
const EDGE_DEPTH = 0.1;
/** How far from the middle a point may be, in degrees, to be visible without turning the globe. */
const IN_SIGHT = 60;
const SWAY_LEAST = 9;
const SWAY_MOST = 34;
const LATITUDE_MOST = 38;
export const FIRST_VIEW = { longitude: 18, latitude: 22 };

/** @param {Moment} moment @returns {Scene} */
export function scene(moment) {
  const { view, arcs, somewhere, now, welcomed, lively, still } = moment;
  const rows = turned(view);
  const here = moment.here && seen(rows, moment.here);
  /** @type {Line[]} */
  const lines = [];
  /** @type {Dot[]} */
  const dots = [];
  const rises = !here;
  const sorted = [...arcs].sort((a, b) => b.readers - a.readers);
  sorted.forEach((arc, rank) => {
    const to = seen(rows, arc.to);
    const grown = still ? 1 : eased((now - arc.since) / GROW);
    const strength = still ? 1 : 1 - eased((now - arc.until) / FADE);
    const weight = Math.min(1, Math.log10(Math.max(1, arc.readers)) / 2.5);
    const pulse = still ? NaN : (((now - arc.since) / PULSE + rank * 0.37) % 1) * (1 + TAIL);
    if (rank < ARCS_MAX && strength > 0)
      fly(lines, here ?? lowerEdge(to[0]), to, { grown, strength, width: 1.1 + 0.7 * weight, pulse, lively, rises });
    const arrived = still ? 0 : lively * Math.max(0, 1 - Math.abs(pulse - 1.02) / 0.16);
    const shown = strength * eased(grown * 3 - 2);
    if (to[2] > -0.02 && shown > 0) dots.push(...spot(to, 2 + 1.4 * weight, shown, arrived));
  });
  rays(lines, here ?? lowerEdge(0), somewhere, still ? NaN : now);
  if (here && here[2] > 0) dots.push({ at: here, radius: 3.2, alpha: 1, hollow: true });
  const since = now - welcomed;
  const glow = since < WELCOME ? (still ? 0.6 : Math.sin((Math.PI * since) / WELCOME)) : 0;
  if (glow && !still) ripple(lines, here ?? lowerEdge(0), since / WELCOME);
  return { land: outlines(rows), grid: graticule(rows), lines, dots, glow };
}

/**
 * From where to look at what is shown, and how far to sway, in degrees to each side, so that all of it comes into
 * sight. Undefined if nothing is shown: then the globe turns.
 * @param {Vector | undefined} here @param {Iterable<Arc>} arcs @returns {{view: View, sway: number} | undefined}
 */
export function viewpoint(here, arcs) {
  const shown = [...arcs].filter((arc) => arc.until === Infinity).map((arc) => arc.to);
  if (!shown.length) return here && { view: inBounds(place(here), 0), sway: SWAY_MOST };
  const far = overview(shown);
  if (!here) return far && { view: inBounds(far, 12), sway: swayFor(far.reach) }; // above where the arcs come from
  const both = overview([here, far ? vector(far.longitude, far.latitude) : here]) ?? { ...place(here), reach: 90 };
  const reach = overview([here, ...shown])?.reach ?? 180;
  return { view: inBounds(both, 4), sway: swayFor(Math.max(both.reach, reach)) };
}

/** @param {number} reach in degrees */
function swayFor(reach) {
  return Math.max(SWAY_LEAST, Math.min(SWAY_MOST, reach - IN_SIGHT));
}

/** @param {View} view @param {number} lower degrees by which to look from further south @returns {View} */
function inBounds({ longitude, latitude }, lower) {
  return { longitude, latitude: Math.max(-LATITUDE_MOST, Math.min(LATITUDE_MOST, latitude - lower)) };
}

/** The countries that can be shown, most readers first. @param {News} news @returns {[string, number][]} */
export function known({ countries = {} }) {
  const rows = Object.entries(countries).filter(([code, readers]) => middles.has(code) && isCount(readers));
  return rows.sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** @param {unknown} number */
export function isCount(number) {
  return typeof number === "number" && number > 0 && number < Infinity;
}

/** @param {number} x of what an arc leads to @returns {Vector} */
function lowerEdge(x) {
  return [ASIDE * x, -Math.sqrt(1 - EDGE_DEPTH ** 2 - (ASIDE * x) ** 2), EDGE_DEPTH];
}

/**
 * An arc, and the pulse that runs along it. One that `rises` fades in, since its start is unknown.
 * @param {Line[]} lines @param {Vector} from @param {Vector} to
 * @param {{grown: number, strength: number, width: number, pulse: number, lively: number, rises: boolean}} how
 */
function fly(lines, from, to, { grown, strength, width, pulse, lively, rises }) {
  const line = flight(from, to);
  const starts = rises ? RISE_STEPS : 1;
  for (let step = 0; step < starts; step++) {
    const first = (RISE * step) / starts;
    if (first < grown) add(lines, stretch(line, first, grown), width, (0.5 * strength) / starts);
  }
  if (!(pulse > 0) || grown < 1) return;
  for (let step = 1; step <= TAIL_STEPS; step++) {
    const first = Math.max(rises ? RISE : 0, pulse - (TAIL * step) / TAIL_STEPS);
    const last = Math.min(1, pulse);
    if (first < last) add(lines, stretch(line, first, last), width + 0.3, (0.9 / TAIL_STEPS) * strength * lively);
  }
}

/**
 * Lines that fade out, for readers of unknown countries.
 * @param {Line[]} lines
 * @param {Vector} from
 * @param {number} somewhere
 * @param {number} now
 */
function rays(lines, from, somewhere, now) {
  const wanted = somewhere > 0 ? Math.min(RAYS_MAX, 1 + Math.floor(Math.log10(somewhere) / 0.7)) : 0;
  for (const [i, direction] of RAYS.slice(0, wanted).entries()) {
    const line = flight(from, towards(from, RAY_DEGREES, direction));
    const breath = Number.isNaN(now) ? 1 : 0.75 + 0.25 * Math.sin((2 * Math.PI * now) / PULSE + 2 * i);
    for (let step = 1; step <= RAY_STEPS; step++) {
      add(lines, stretch(line, 0, (0.75 * step) / RAY_STEPS), 1.1, (0.85 / RAY_STEPS) * breath);
    }
  }
}

/** A circle that spreads over the earth. @param {Line[]} lines @param {Vector} from @param {number} part */
function ripple(lines, from, part) {
  for (const delay of [0, 0.16]) {
    const spread = (part - delay) / (1 - delay);
    if (spread > 0) add(lines, circle(from, 3 + 42 * eased(spread)), 1.4, 0.6 * (1 - spread) ** 1.6);
  }
}

/** @param {Vector} at @param {number} radius @param {number} alpha @param {number} arrived @returns {Dot[]} */
function spot(at, radius, alpha, arrived) {
  const edge = Math.min(1, Math.max(0, at[2] + 0.02) / 0.12);
  const halo = { at, radius: radius * (2.3 + 1.2 * arrived), alpha: alpha * edge * (0.16 + 0.14 * arrived) };
  return [halo, { at, radius, alpha: alpha * edge }];
}

/** @param {Line[]} lines @param {Vector[]} points @param {number} width @param {number} alpha */
function add(lines, points, width, alpha) {
  for (const piece of pieces(points)) lines.push({ points: piece, width, alpha });
}

/** From 0 to 1, gently at both ends. @param {number} part */
function eased(part) {
  const within = Math.max(0, Math.min(1, part));
  return within * within * (3 - 2 * within);
}
