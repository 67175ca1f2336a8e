// The block in the editor: a picture of a switch, and its attributes in the sidebar. It contacts nobody, and saves no
// HTML: includes/block.php makes that at each view, and passes the fields and all texts in `window.freespanSwitch`.

(({ blocks, blockEditor, components, element }, { fields, defaults, settings, ready, strings }) => {
  const { createElement: h } = element;
  const { InspectorControls, useBlockProps } = blockEditor;
  const { Notice, PanelBody, SelectControl, TextControl } = components;

  const icon = h(
    "svg",
    { viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": true },
    h("path", {
      d: "M8 6h8a6 6 0 0 1 0 12H8A6 6 0 0 1 8 6zm0 1.5a4.5 4.5 0 0 0 0 9h8a4.5 4.5 0 0 0 0-9z",
      fillRule: "evenodd",
    }),
    h("circle", { cx: 16, cy: 12, r: 3 }),
  );

  /** One attribute; empty means as in the plugin's settings. */
  function Field({ field, value, onChange }) {
    const common = { label: field.title, help: field.hint || undefined, value, onChange };
    if (field.choices.length > 0) {
      const options = [["", strings.asInSettings], ...field.choices].map(([key, label]) => ({ value: key, label }));
      return h(SelectControl, { ...common, options });
    }
    const number = field.min !== null;
    const more = number ? { type: "number", min: field.min, max: field.max } : { maxLength: field.maxLength };
    return h(TextControl, { ...common, ...more, placeholder: strings.asInSettings });
  }

  /** The attributes that differ from the defaults: "Dark · Goodbye: Yes". */
  function summary(attributes) {
    const chosen = fields.flatMap(({ name, title, choices }) => {
      const value = attributes[name] || defaults[name];
      if (!value || value === choices[0]?.[0]) return [];
      const choice = choices.find(([key]) => key === value);
      return choice && choice[0] !== "yes" && choice[0] !== "no"
        ? [choice[1]]
        : [`${title}: ${choice ? choice[1] : value}`];
    });
    return chosen.join(" · ");
  }

  function Missing() {
    const actions = settings ? [{ label: strings.toSettings, url: settings }] : [];
    return h(Notice, { status: "warning", isDismissible: false, actions }, strings.noHost);
  }

  function Edit({ attributes, setAttributes }) {
    const field = (it) =>
      h(Field, {
        key: it.name,
        field: it,
        value: attributes[it.name] ?? "",
        onChange: (value) => setAttributes({ [it.name]: value }),
      });
    return h(
      "div",
      useBlockProps(),
      h(InspectorControls, null, h(PanelBody, { title: strings.panel }, ...fields.map(field))),
      ready ? null : h(Missing),
      h(
        "div",
        { className: "freespan-switch-picture" },
        h("span", { className: "freespan-switch-picture__switch", "aria-hidden": true }),
        h(
          "span",
          null,
          h("strong", null, attributes.label || defaults.label || "freespan"),
          h("span", { className: "freespan-switch-picture__summary" }, summary(attributes) || strings.picture),
        ),
      ),
    );
  }

  blocks.registerBlockType("freespan/switch", { icon, edit: Edit, save: () => null });
})(window.wp, window.freespanSwitch);
