// Signs that a page should load bridge.js before anybody clicks: this browser has helped here before, or another tab does.

/**
 * Where the choice and the counts are remembered, and the name under which tabs speak (memory.js, tabs.js). A choice is
 * for one host: another one is another question of trust.
 * @param {string} [host] its base URL; without one where there is one of all
 */
export function nameOf(host = "") {
  return `freespan-switch ${host}`.trim();
}

/** Whether this browser can be a bridge. */
export function supported() {
  return "RTCPeerConnection" in window && "WebSocket" in window;
}

/** Call once there is a sign. @param {string} host @param {() => void} call @returns {() => void} stop watching */
export function watch(host, call) {
  try {
    const channel = new BroadcastChannel(nameOf(host));
    channel.onmessage = ({ data }) => {
      if (data?.view || data?.choice) call();
    };
    channel.postMessage({ hello: true });
    if (localStorage.getItem(nameOf(host))) call();
    return () => channel.close();
  } catch {
    return () => {}; // no storage, no channel: nothing to see
  }
}
