// A small globe with arcs to the countries of the readers who are being helped. `new Globe(container)` draws into an
// element.
//
// It costs nothing while it is not visible, stops when nothing has changed for a while, and stands still for visitors
// who want reduced motion. Without a canvas it is drawn as SVG. Screen readers get nothing from it, so there must be a
// text as well.

import { coloursOf, drawn, paint } from "./paint.js";
import { FIRST_VIEW, isCount, known, scene, viewpoint, WELCOME } from "./scene.js";
import { middles, shortest } from "./sphere.js";

/** @typedef {import("./scene.js").News} News */
/** @typedef {import("./scene.js").Arc} Arc */
/** @typedef {import("./paint.js").Colours} Colours */

/** Milliseconds between frames, for a while after a change. */
const FRAME = 33;
/** Milliseconds between frames after that. */
const FRAME_QUIET = 49;
const ACTIVE = 3_000;
/** Roughly the time from a request for a frame to the frame. */
const VSYNC = 12;
const REST = 60_000;
const REST_EASE = 3_000;
const FADED = 1_000;
const TURN = 4.5; // degrees a second
const SWAY_PERIOD = 20_000;
const SWAY_LONGER = 700; // for each degree that it goes to each side
/** Time constant of a turn to another view, in milliseconds. */
const MOVE = 900;
const PIXEL_RATIO_MAX = 2.5;

export class Globe {
  #container;
  #isStill;
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
  #shown = "{}";
  /** @type {Map<string, Arc>} */
  #arcs = new Map();
  #view = { ...FIRST_VIEW };
  #phase = 0; // milliseconds of swaying
  #welcomed = -Infinity;
  #changed = performance.now(); // when there was something new
  #drawn = 0;

  #isVisible = false;
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
   * @param {HTMLElement} container an element with a width; the globe fills it, as a square
   * @param {{reducedMotion?: boolean, colours?: Partial<Record<"ink" | "accent", string>>}} options
   *   `reducedMotion`: the visitor's preference by default; `colours`: as in CSS, instead of the custom properties
   *   `--globe-ink` (by default the text's colour) and `--globe-accent` of the container
   */
  constructor(container, { reducedMotion, colours = {} } = {}) {
    this.#container = container;
    this.#isStill = () => reducedMotion ?? this.#calm.matches;
    this.#given = colours;
    this.#prepare();
    this.#sight = new IntersectionObserver((entries) => this.#onVisibility(entries.at(-1)?.isIntersecting ?? false));
    this.#sight.observe(container);
    this.#size = new ResizeObserver(() => this.#redraw());
    this.#size.observe(container);
    document.addEventListener("visibilitychange", this.#redraw);
    this.#dark.addEventListener("change", this.#repaint);
    this.#calm.addEventListener("change", this.#redraw);
  }

  /** Show who is being helped now; nothing happens if it is the same as before. @param {News} news */
  show(news) {
    const now = performance.now();
    const shown = JSON.stringify(news);
    if (shown === this.#shown) return;
    this.#shown = shown;
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
    this.#noteChange(now);
  }

  /** Show that somebody new is being helped. */
  welcome() {
    this.#welcomed = performance.now();
    this.#noteChange(this.#welcomed);
    clearTimeout(this.#afterglow);
    if (this.#isStill()) this.#afterglow = setTimeout(this.#redraw, WELCOME + 50);
  }

  /** Read the colours of the container again. */
  restyle() {
    this.#repaint();
  }

  /** Stop for good, and leave the container empty. */
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
    this.#container.append(canvas);
  }

  /** @param {boolean} isVisible */
  #onVisibility(isVisible) {
    this.#isVisible = isVisible;
    this.#redraw();
  }

  /** @param {number} now */
  #noteChange(now) {
    this.#changed = now;
    this.#redraw();
  }

  #repaint = () => {
    this.#colours = undefined;
    this.#redraw();
  };

  /** Draw soon, if it is visible. */
  #redraw = () => {
    if (this.#frame || this.#stopped || !this.#isVisible || document.hidden) return;
    this.#frame = requestAnimationFrame(this.#tick);
  };

  #tick = () => {
    this.#frame = 0;
    if (this.#stopped || !this.#isVisible || document.hidden) return;
    const now = performance.now();
    const moves = Boolean(this.#canvas) && !this.#isStill();
    const passed = Math.min(100, now - this.#drawn);
    this.#drawn = now;
    for (const [code, arc] of this.#arcs) if (now - arc.until > (moves ? FADED : 0)) this.#arcs.delete(code);
    this.#look(moves ? passed * this.#pace(now) : Infinity);
    this.#draw(now, !moves);
    if (moves && this.#pace(now) > 0) this.#goOn(now);
  };

  /** Draw the next frame when it is due; the browser has nothing to do until then. @param {number} now */
  #goOn(now) {
    const frame = now - this.#changed < ACTIVE ? FRAME : FRAME_QUIET;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(this.#redraw, frame - VSYNC);
  }

  /** How fast everything moves: 1, and slowing down to 0 when nothing has changed for long. @param {number} now */
  #pace(now) {
    return Math.max(0, Math.min(1, (this.#changed + REST - now) / REST_EASE));
  }

  /** Turn towards what is shown. @param {number} passed milliseconds; Infinity to be there at once */
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
    const size = this.#container.clientWidth;
    if (!size) return;
    const arcs = this.#arcs.values();
    const somewhere = isCount(this.#news.somewhere) ? /** @type {number} */ (this.#news.somewhere) : 0;
    const moment = { view: this.#view, here: this.#here, arcs, somewhere, now, welcomed: this.#welcomed };
    const shown = scene({ ...moment, lively: this.#pace(now), still });
    this.#colours ??= coloursOf(this.#container, this.#given);
    if (this.#canvas && this.#pen) {
      const ratio = Math.min(PIXEL_RATIO_MAX, devicePixelRatio || 1);
      const pixels = Math.round(size * ratio);
      const { width, height } = this.#canvas;
      if (width !== pixels || height !== pixels) this.#canvas.width = this.#canvas.height = pixels;
      paint(this.#pen, pixels, ratio, shown, this.#colours);
    } else {
      this.#picture?.remove();
      this.#picture = drawn(shown, size, this.#colours);
      this.#container.append(this.#picture);
    }
  }
}
