// Whether this browser can be a bridge, and whether it has been one here, or is one in another tab: reasons to load
// headless.js before anybody clicks.

/**
 * With the host's base URL after it, the key under which choice and counts are stored (memory.js), and the name of the
 * channel and the lock of the tabs (tabs.js). A choice holds for one host: to trust another is another decision.
 */
export const NAME = "freespan-switch ";

/** Whether this browser can be a bridge. */
export function supported() {
  return "RTCPeerConnection" in window;
}

/**
 * Call back once there is a reason.
 * @param {string} host
 * @param {() => void} call
 * @returns {() => void} stop watching
 */
export function watch(host, call) {
  try {
    if (localStorage.getItem(NAME + host)) call();
    const channel = new BroadcastChannel(NAME + host);
    channel.onmessage = ({ data }) => {
      if (data?.status || data?.choice) call();
    };
    channel.postMessage({ hello: true });
    return () => channel.close();
  } catch {
    return () => {}; // without storage and channels there is nothing to watch
  }
}
