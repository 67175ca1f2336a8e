// A small globe with arcs to the countries of those who are being helped: `new Globe(place)` draws into an element.
//
// It costs nothing while it cannot be seen, rests when there has been no news for a while, and stands still for those who
// want reduced motion. Where there is no canvas it is a picture of the same. It tells nothing to screen
// readers, for whom there must be words beside it.

import { coloursOf, drawn, paint } from "./paint.js";
import { FIRST_VIEW, isCount, known, scene, viewpoint, WELCOME } from "./scene.js";
import { middles, shortest } from "./sphere.js";

/** @typedef {import("./scene.js").News} News */
/** @typedef {import("./scene.js").Arc} Arc */
/** @typedef {import("./paint.js").Colours} Colours */

/** Milliseconds for a picture: while something happens, and while all goes its slow way. */
const FRAME = 33;
const FRAME_QUIET = 49;
const HAPPENS = 3_000;
/** About what it takes from asking for a frame until it comes. */
const VSYNC = 12;
const REST = 60_000;
const REST_EASE = 3_000;
const FADED = 1_000;
const TURN = 4.5; // degrees a second
const SWAY_PERIOD = 20_000;
const SWAY_LONGER = 700; // for each degree that it goes to each side
/** Milliseconds in which two thirds of the way to another view are done. */
const MOVE = 900;
const PIXEL_RATIO_MAX = 2.5;

export class Globe {
  #place;
  #still;
  #given;
  /** @type {HTMLCanvasElement | undefined} */
  #canvas;
  /** @type {CanvasRenderingContext2D | null} */
  #pen = null;
  /** @type {SVGElement | undefined} */
  #picture;
  /** @type {Colours | undefined} */
  #colours;

  /** @type {News} */
  #news = {};
  #said = "{}";
  /** @type {Map<string, Arc>} */
  #arcs = new Map();
  #view = { ...FIRST_VIEW };
  #phase = 0; // milliseconds of swaying
  #welcomed = -Infinity;
  #fresh = performance.now(); // when there was news
  #drawn = 0;

  #inSight = false;
  #stopped = false;
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #afterglow;
  #sight;
  #size;
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /**
   * @param {HTMLElement} place an element with a width; the globe fills it, as a square
   * @param {{reducedMotion?: boolean, colours?: Partial<Record<"ink" | "accent", string>>}} options without
   *   `reducedMotion` what the visitor has asked for; colours as in CSS, instead of the custom properties
   *   `--globe-ink` (else the text's colour) and `--globe-accent` of the place
   */
  constructor(place, { reducedMotion, colours = {} } = {}) {
    this.#place = place;
    this.#still = () => reducedMotion ?? this.#calm.matches;
    this.#given = colours;
    this.#prepare();
    this.#sight = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting ?? false));
    this.#sight.observe(place);
    this.#size = new ResizeObserver(() => this.#redraw());
    this.#size.observe(place);
    document.addEventListener("visibilitychange", this.#redraw);
    this.#dark.addEventListener("change", this.#repaint);
    this.#calm.addEventListener("change", this.#redraw);
  }

  /** Show who is being helped now, instead of what was shown before; the same again is no news. @param {News} news */
  show(news) {
    const now = performance.now();
    const said = JSON.stringify(news);
    if (said === this.#said) return;
    this.#said = said;
    const rows = new Map(known(news));
    for (const [code, readers] of rows) {
      const arc = this.#arcs.get(code);
      const to = middles.get(code);
      if (arc?.until === Infinity) arc.readers = readers;
      else if (to) this.#arcs.set(code, { to, readers, since: now, until: Infinity });
    }
    for (const [code, arc] of this.#arcs) {
      if (!rows.has(code) && arc.until === Infinity) arc.until = now;
    }
    this.#news = { ...news };
    this.#wake(now);
  }

  /** A gentle sign: somebody new is being helped. */
  welcome() {
    this.#welcomed = performance.now();
    this.#wake(this.#welcomed);
    clearTimeout(this.#afterglow);
    if (this.#still()) this.#afterglow = setTimeout(this.#redraw, WELCOME + 50);
  }

  /** Take the colours of the place again, which have changed. */
  restyle() {
    this.#repaint();
  }

  /** End for good, and leave the place empty. */
  stop() {
    this.#stopped = true;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#pause);
    clearTimeout(this.#afterglow);
    this.#sight.disconnect();
    this.#size.disconnect();
    document.removeEventListener("visibilitychange", this.#redraw);
    this.#dark.removeEventListener("change", this.#repaint);
    this.#calm.removeEventListener("change", this.#redraw);
    this.#canvas?.remove();
    this.#picture?.remove();
  }

  #prepare() {
    const canvas = document.createElement("canvas");
    this.#pen = canvas.getContext?.("2d") ?? null;
    if (!this.#pen) return;
    canvas.style.cssText = "display:block;width:100%;aspect-ratio:1";
    canvas.setAttribute("aria-hidden", "true");
    this.#canvas = canvas;
    this.#place.append(canvas);
  }

  /** @param {boolean} inSight */
  #seen(inSight) {
    this.#inSight = inSight;
    this.#redraw();
  }

  /** @param {number} now */
  #wake(now) {
    this.#fresh = now;
    this.#redraw();
  }

  #repaint = () => {
    this.#colours = undefined;
    this.#redraw();
  };

  /** Draw soon, if it can be seen. */
  #redraw = () => {
    if (this.#frame || this.#stopped || !this.#inSight || document.hidden) return;
    this.#frame = requestAnimationFrame(this.#tick);
  };

  #tick = () => {
    this.#frame = 0;
    if (this.#stopped || !this.#inSight || document.hidden) return;
    const now = performance.now();
    const moves = Boolean(this.#canvas) && !this.#still();
    const passed = Math.min(100, now - this.#drawn);
    this.#drawn = now;
    for (const [code, arc] of this.#arcs) if (now - arc.until > (moves ? FADED : 0)) this.#arcs.delete(code);
    this.#look(moves ? passed * this.#pace(now) : Infinity);
    this.#draw(now, !moves);
    if (moves && this.#pace(now) > 0) this.#goOn(now);
  };

  /** Draw the next picture in its time; between the two nothing is asked of the browser. @param {number} now */
  #goOn(now) {
    const frame = now - this.#fresh < HAPPENS ? FRAME : FRAME_QUIET;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(this.#redraw, frame - VSYNC);
  }

  /** How fast time goes: 1, and less and less to 0 when there has been no news for long. @param {number} now */
  #pace(now) {
    return Math.max(0, Math.min(1, (this.#fresh + REST - now) / REST_EASE));
  }

  /** Turn towards what is to be seen. @param {number} passed milliseconds; Infinity to be there at once */
  #look(passed) {
    const moving = passed < Infinity ? passed : 0;
    const wanted = viewpoint(this.#here, this.#arcs.values());
    if (!wanted) {
      this.#view.longitude += (TURN * moving) / 1000;
      return;
    }
    this.#phase += moving;
    const sway =
      moving && wanted.sway * Math.sin((2 * Math.PI * this.#phase) / (SWAY_PERIOD + SWAY_LONGER * wanted.sway));
    const part = 1 - Math.exp(-passed / MOVE);
    this.#view.longitude += shortest(wanted.view.longitude + sway - this.#view.longitude, 360) * part;
    this.#view.latitude += (wanted.view.latitude - this.#view.latitude) * part;
  }

  get #here() {
    return middles.get(this.#news.here ?? "");
  }

  /** @param {number} now @param {boolean} still */
  #draw(now, still) {
    const size = this.#place.clientWidth;
    if (!size) return;
    const arcs = this.#arcs.values();
    const somewhere = isCount(this.#news.somewhere) ? /** @type {number} */ (this.#news.somewhere) : 0;
    const moment = { view: this.#view, here: this.#here, arcs, somewhere, now, welcomed: this.#welcomed };
    const shown = scene({ ...moment, lively: this.#pace(now), still });
    this.#colours ??= coloursOf(this.#place, this.#given);
    if (this.#canvas && this.#pen) {
      const ratio = Math.min(PIXEL_RATIO_MAX, devicePixelRatio || 1);
      const pixels = Math.round(size * ratio);
      const { width, height } = this.#canvas;
      if (width !== pixels || height !== pixels) this.#canvas.width = this.#canvas.height = pixels;
      paint(this.#pen, pixels, ratio, shown, this.#colours);
    } else {
      this.#picture?.remove();
      this.#picture = drawn(shown, size, this.#colours);
      this.#place.append(this.#picture);
    }
  }
}
