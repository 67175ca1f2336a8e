// The landing page's copy button.

import { copies } from "./copying.js";

copies(document.querySelector("#copy"), document.querySelector("#embed"), document.querySelector("#copied"));
