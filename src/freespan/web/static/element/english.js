// Enough to decide and to see the state, when no file of words could be loaded.

/** @type {import("./language.js").Language} */
export const BUILT_IN = {
  language: "en",
  direction: "ltr",
  texts: {
    title: "Help someone reach the open web",
    about: "What is this?",
    off: "Lend a little of your connection",
    connecting: "Connecting…",
    waiting: "Ready for a blocked reader",
    helped: { one: "You have helped {n} reader", other: "You have helped {n} readers" },
    helping: { one: "Helping {n} reader right now", other: "Helping {n} readers right now" },
    offline: "No connection. Trying again…",
    unsupported: "This browser has no WebRTC",
    consent_does:
      "While this page is open and the switch is on, your browser passes encrypted data between blocked readers and the host, which opens pages for them.",
    consent_does_not:
      "You cannot see what they read, sites see the host’s address instead of yours, and nobody gets to your files or accounts.",
    consent_risk:
      "Readers, the host and network operators can see your IP address, and it uses your data; leave it off where helping may be against the law.",
    turn_on: "Turn on",
    turn_off: "Turn off",
  },
};
