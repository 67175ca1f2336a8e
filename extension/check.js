// Looks whether there is a host at the URL behind the #, in a frame without an origin: a request of the extension's own pages
// tells its identifier, which Firefox draws by lot for each installation. No module, since what has no origin may load none.

async function lookForHost() {
  let found = false;
  try {
    const url = new URL("bridge", location.hash.slice(1));
    const response = await fetch(url, { credentials: "omit", redirect: "error", cache: "no-store" });
    found = response.ok && (await response.text()).includes("freespan bridge");
  } catch {
    // no answer, or one that is no page of a host
  }
  // The extension's page cannot name itself to what has no origin; only its own pages can hold this one.
  window.parent.postMessage({ freespan: 1, type: "checked", found }, "*");
}

lookForHost();
