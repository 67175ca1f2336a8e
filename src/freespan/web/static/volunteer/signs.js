// Signs that a page should load bridge.js before anybody clicks: this browser has helped here before, or another tab does.

/**
 * Before the host's base URL: where the choice and the counts are remembered, and the name under which tabs speak
 * (memory.js, tabs.js). A choice is for one host: another one is another question of trust.
 */
export const NAME = "freespan-switch ";

/** Whether this browser can be a bridge. */
export function supported() {
  return "RTCPeerConnection" in window;
}

/** Call once there is a sign. @param {string} host @param {() => void} call @returns {() => void} stop watching */
export function watch(host, call) {
  try {
    if (localStorage.getItem(NAME + host)) call();
    const channel = new BroadcastChannel(NAME + host);
    channel.onmessage = ({ data }) => {
      if (data?.view || data?.choice) call();
    };
    channel.postMessage({ hello: true });
    return () => channel.close();
  } catch {
    return () => {}; // no storage, no channel: nothing to see
  }
}
