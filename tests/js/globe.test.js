// The globe as numbers: what is where in its picture, and that its data is whole.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as scene from "../../src/freespan/web/static/globe/scene.js";
import * as sphere from "../../src/freespan/web/static/globe/sphere.js";

const ISO_3166 = `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
`;

const LAND = {
  Moscow: [37.6, 55.7],
  Tehran: [51.4, 35.7],
  Denver: [-105, 39.7],
  Brasilia: [-47.9, -15.8],
  "Alice Springs": [133.9, -23.7],
  "South Pole": [30, -89],
  Nairobi: [36.8, -1.3],
  Vostok: [106.8, -78],
  Chengdu: [104, 30.6],
  Greenland: [-40, 72],
};
const SEA = {
  Atlantic: [-30, 30],
  Pacific: [-150, 0],
  "Date line": [179.9, 10],
  "Indian Ocean": [80, -30],
  "North Pole": [0, 89],
  "Southern Ocean": [100, -58],
  "Caspian Sea": [50.8, 41.8],
  "North Sea": [2, 56.5],
  Mediterranean: [18, 35],
};

function near(actual, expected, tolerance = 1e-9) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);
}

test("the place of the view is in the middle, and its opposite behind", () => {
  for (const [longitude, latitude] of [
    [0, 0],
    [50, 30],
    [-170, -60],
    [12, 90],
  ]) /* prettier-ignore */ {
    const rows = sphere.turned({ longitude, latitude });
    const at = (x, y) => sphere.seen(rows, sphere.vector(x, y));
    at(longitude, latitude).forEach((part, i) => near(part, [0, 0, 1][i]));
    at(longitude + 180, -latitude).forEach((part, i) => near(part, [0, 0, -1][i]));
    const north = at(0, 90);
    near(north[0], 0);
    assert.ok(north[1] >= -1e-9); // north is up
  }
});

test("places go there and back", () => {
  for (const [longitude, latitude] of [
    [0, 0],
    [120, 45],
    [-75, -30],
    [179, 10],
  ]) /* prettier-ignore */ {
    const back = sphere.place(sphere.vector(longitude, latitude));
    near(back.longitude, longitude, 1e-4);
    near(back.latitude, latitude, 1e-4);
  }
});

/** Whether a point is inside outlines by the even-odd rule. */
function isInside(outlines, x, y) {
  let odd = false;
  for (const points of outlines) {
    let [ax, ay] = points.slice(-2);
    for (let i = 0; i < points.length; i += 2) {
      const [bx, by] = [points[i], points[i + 1]];
      if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) odd = !odd;
      [ax, ay] = [bx, by];
    }
  }
  return odd;
}

test("from every side land is filled, and sea is not", () => {
  const wrong = [];
  let tried = 0;
  for (let longitude = -180; longitude < 180; longitude += 11) {
    for (let latitude = -90; latitude <= 90; latitude += 7.5) {
      const rows = sphere.turned({ longitude, latitude });
      const outlines = sphere.outlines(rows);
      for (const [places, filled] of [
        [LAND, true],
        [SEA, false],
      ]) /* prettier-ignore */ {
        for (const [name, place] of Object.entries(places)) {
          const [x, y, z] = sphere.seen(rows, sphere.vector(...place));
          if (z < 0.05) continue;
          tried++;
          if (isInside(outlines, x, y) !== filled) wrong.push([name, longitude, latitude]);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(tried > 5_000);
});

test("what the earth hides is cut off", () => {
  const line = [[-2, 0, -1], [-1.1, 0, -1], [-0.5, 0, -1], [0, 0, -1], [0, 0, 1], [0.5, 0, 1]]; // prettier-ignore
  assert.deepEqual(sphere.pieces(line), [line.slice(0, 2), line.slice(4)]);
  assert.ok(sphere.graticule(sphere.turned({ longitude: 7, latitude: 7 })).length > 5);
  assert.deepEqual(sphere.pieces(sphere.circle([0, 0, 1], 120)), []);
});

test("an arc begins and ends on the ground, and rises higher the farther it goes", () => {
  const tops = [5, 60, 179.9].map((away) => {
    const line = sphere.flight(sphere.vector(0, 0), sphere.vector(away, 0));
    const heights = line.map((point) => Math.hypot(...point));
    near(heights[0], 1, 1e-6);
    near(heights.at(-1), 1, 1e-6);
    return Math.max(...heights);
  });
  assert.ok(1 < tops[0] && tops[0] < tops[1] && tops[1] < tops[2]);
  assert.ok(tops[2] < 1.19); // where the picture ends
});

/** How far the globe sways, and how near each place is to who looks; undefined where there is nothing to look at. */
function look(here, ...codes) {
  const arcs = codes.map((code) => ({ to: sphere.middles.get(code), readers: 3, since: 0, until: Infinity }));
  const found = scene.viewpoint(sphere.middles.get(here), arcs);
  if (!found) return undefined;
  const rows = sphere.turned(found.view);
  const depths = [here, ...codes].map((code) => sphere.seen(rows, sphere.middles.get(code))[2]);
  return { sway: found.sway, depths };
}

test("the view shows all that is shown", () => {
  assert.equal(look(), undefined);
  const { sway, depths } = look("DE", "IR", "RU", "BY");
  assert.ok(sway < 10);
  assert.ok(Math.min(...depths) > 0.4);
  assert.ok(look("US", "CN", "MM", "AU").sway > sway);
});

test("every country has a middle", () => {
  assert.deepEqual([...sphere.middles.keys()].sort(), [...new Set(["XK", ...ISO_3166.trim().split(/\s+/)])].sort());
  for (const [code, longitude, latitude] of [
    ["IR", 54, 32],
    ["CN", 104, 33],
    ["BR", -53, -11],
    ["NZ", 171, -43],
    ["TV", 179, -8],
  ]) {
    const middle = sphere.place(sphere.middles.get(code));
    near(middle.longitude, longitude, 6);
    near(middle.latitude, latitude, 6);
  }
});

test("countries that can be shown, most readers first", () => {
  const news = '{"countries": {"BY": 3, "IR": 40, "CN": 300, "QQ": 5, "RU": 0, "__proto__": 3, "MM": "7"}}';
  assert.deepEqual(scene.known(JSON.parse(news)), [["CN", 300], ["IR", 40], ["BY", 3]]); // prettier-ignore
  assert.deepEqual(scene.known({}), []);
});
