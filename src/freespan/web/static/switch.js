// One line in any page: <script type="module" src="https://HOST/switch.js"></script><freespan-switch></freespan-switch>

import { FreespanSwitch } from "./element/element.js";
// Named here as well, so that the browser requests all of them at once instead of discovering one after the other.
import "./element/attributes.js";
import "./element/consent.js";
import "./element/header.js";
import "./element/language.js";
import "./element/settings.js";
import "./element/style.js";
import "./volunteer/detect.js";

// A page may hold this line twice, or those of two hosts: the first one wins, and serves all switches of the page.
const elements = globalThis.customElements;
if (elements && !elements.get("freespan-switch")) elements.define("freespan-switch", FreespanSwitch);
