// The landing page's copy button.

import { makeCopyButton } from "./copying.js";

makeCopyButton(document.querySelector("#copy"), document.querySelector("#embed"), document.querySelector("#copied"));
