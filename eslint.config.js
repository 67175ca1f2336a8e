import js from "@eslint/js";
import globals from "globals";

/** Beyond the recommended rules: habits that keep the code plain, and what a Content-Security-Policy forbids anyway. */
const rules = {
  eqeqeq: "error",
  "default-case-last": "error",
  "no-console": ["error", { allow: ["warn", "error"] }],
  "no-else-return": "error",
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-lonely-if": "error",
  "no-new-func": "error",
  "no-promise-executor-return": ["error", { allowVoid: true }],
  "no-throw-literal": "error",
  "no-unneeded-ternary": "error",
  "no-useless-return": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
  "prefer-template": "error",
};

export default [
  { ignores: [".venv/", "dist/", "build/"] },
  js.configs.recommended,
  { rules, linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["src/freespan/web/static/**/*.js", "bench/*.js", "tests/web/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ["extension/**/*.js"],
    languageOptions: { globals: { ...globals.browser, chrome: "readonly" } },
  },
  {
    files: ["extension/check.js", "wordpress/**/*.js"],
    languageOptions: { sourceType: "script", globals: globals.browser },
  },
  { files: ["eslint.config.js", "tests/js/**/*.js"], languageOptions: { globals: globals.node } },
  { files: ["fuzz/js/**/*.js"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];
