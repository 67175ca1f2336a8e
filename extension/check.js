// Checks whether there is a host at the URL after the #, in an iframe with an opaque origin: a request of the
// extension's own pages would carry its identifier, which in Firefox is random for each installation. A script and no
// module, since an opaque origin may load none.

async function lookForHost() {
  let found = false;
  try {
    const url = new URL("bridge", location.hash.slice(1));
    const response = await fetch(url, { credentials: "omit", redirect: "error", cache: "no-store" });
    found = response.ok && (await response.text()).includes("freespan bridge");
  } catch {
    // no answer, or one that does not come from a host
  }
  // An opaque origin cannot name the extension's; only pages of the extension can embed this one.
  window.parent.postMessage({ freespan: 1, type: "checked", found }, "*");
}

lookForHost();
